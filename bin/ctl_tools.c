/* SPDX-License-Identifier: Apache-2.0 */
/* tools: what upstreams say of their tools, beside what somebody approved; and the approval. */
#include "config.h"

#include "ctl.h"
#include "difference.h"

#include <stdio.h>
#include <string.h>

enum { COLUMN_TOOL, COLUMN_STATE, COLUMN_APPROVED_AT, COLUMN_APPROVED_BY, COLUMN_SEEN_AT, COLUMN_MARK, COLUMN_WAS, COLUMN_NOW };

struct work {
	struct ctl *ctl;
	struct db *db;
	const struct mcp_route *route;
};

static bool read_tools(const struct work *w, struct db_rows *rows, struct err *e)
{
	const struct db_param id = DB_TEXT(w->route->operation_id);

	return db_call(w->db, STMT_TOOL_LIST, &id, 1, w->ctl->arena, rows, e);
}

static const char *word(const struct work *w, const struct db_rows *rows, size_t row, size_t column)
{
	return ctl_word(w->ctl->arena, db_text(rows, row, column));
}

static bool tools_list(const struct work *w, int argc, char **argv, struct err *e)
{
	struct db_rows rows;

	(void)argc;
	(void)argv;
	if (!read_tools(w, &rows, e))
		return false;
	puts("TOOL\tSTATE\tSEEN SINCE\tAPPROVED\tBY");
	for (size_t i = 0; i < rows.rows; i++)
		printf("%s\t%s\t%s\t%s\t%s\n", word(w, &rows, i, COLUMN_TOOL), db_text(&rows, i, COLUMN_STATE),
		    db_text(&rows, i, COLUMN_SEEN_AT), word(w, &rows, i, COLUMN_APPROVED_AT),
		    word(w, &rows, i, COLUMN_APPROVED_BY));
	return true;
}

/* The last line is what approves exactly what was shown: an upstream may change again while it is read. */
static bool tools_diff(const struct work *w, int argc, char **argv, struct err *e)
{
	const char *until = "";
	struct db_rows rows;
	size_t waiting = 0;

	(void)argc;
	(void)argv;
	if (!read_tools(w, &rows, e))
		return false;
	for (size_t i = 0; i < rows.rows; i++) {
		const char *state = db_text(&rows, i, COLUMN_STATE), *mark = db_text(&rows, i, COLUMN_MARK);

		if (!strcmp(state, "approved"))
			continue;
		printf("%s%s: %s since %s", waiting++ ? "\n" : "", word(w, &rows, i, COLUMN_TOOL), state,
		    db_text(&rows, i, COLUMN_SEEN_AT));
		if (!strcmp(state, "changed"))
			printf(", approved %s by %s", db_text(&rows, i, COLUMN_APPROVED_AT),
			    db_text(&rows, i, COLUMN_APPROVED_BY) ? word(w, &rows, i, COLUMN_APPROVED_BY) : "first use");
		putchar('\n');
		difference_print(w->ctl->arena, "  ", db_text(&rows, i, COLUMN_WAS), db_text(&rows, i, COLUMN_NOW));
		until = strcmp(mark, until) > 0 ? mark : until;
	}
	if (waiting)
		printf("\nTo approve what is shown here: gatehousectl tools approve %s --until %s\n", w->route->path, until);
	else
		printf("%zu tools, all as they were approved\n", rows.rows);
	return true;
}

/* ARGV: [--until MARK] [TOOL...] */
static bool tools_approve(const struct work *w, int argc, char **argv, struct err *e)
{
	struct arena *a = w->ctl->arena;
	bool limited = argc > 0 && !strcmp(argv[0], "--until"), ok = true;
	struct db_param params[5];
	struct db_rows rows;
	size_t approved = 0;

	if (limited && strspn(argv[1], "0123456789-T:.Z") != strlen(argv[1]))
		return err_set(e, ERR_INVALID_REQUEST, "MARK is what `tools diff` says in its last line", "%s", "");
	params[0] = DB_TEXT(w->route->operation_id);
	params[2] = limited ? DB_TEXT(argv[1]) : DB_NULL;
	argc -= limited ? 2 : 0;
	argv += limited ? 2 : 0;
	params[1] = argc ? db_text_array(a, (const char *const *)argv, (size_t)argc) : DB_NULL;
	params[3] = DB_TEXT(ctl_actor(a));
	params[4] = DB_TEXT(ctl_trace(a));
	if (!db_call(w->db, STMT_TOOL_APPROVE, params, 5, a, &rows, e))
		return false;
	for (size_t i = 0; i < rows.rows; i++) {
		const char *outcome = db_text(&rows, i, 1), *tool = word(w, &rows, i, 0);

		if (!strcmp(outcome, "approved")) {
			printf("approved\t%s\n", tool);
			approved++;
			continue;
		}
		ok = ok && !strcmp(outcome, "unchanged");
		fprintf(stderr, "gatehousectl: tools: %s %s\n", tool,
		    !strcmp(outcome, "unknown")   ? "was never seen on this route" :
		    !strcmp(outcome, "unchanged") ? "is as it was approved" :
		                                    "has changed since: look again (tools diff)");
	}
	printf("%zu approved\n", approved);
	return ok || err_set(e, ERR_NOT_FOUND, "not all were approved", "%s", "");
}

static const struct {
	const char *word;
	bool (*run)(const struct work *, int argc, char **argv, struct err *);
	bool more; /* arguments behind the route */
} actions[] = {
	{ "list", tools_list, false },
	{ "diff", tools_diff, false },
	{ "approve", tools_approve, true },
};

static const struct mcp_route *find_route(const struct project *p, const char *name)
{
	const struct mcp_route *route = project_route(p, name);

	return route ? route : project_route_by_operation(p, name);
}

static bool run_action(struct ctl *ctl, const struct project *p, size_t action, int argc, char **argv, struct err *e)
{
	struct work w = { .ctl = ctl, .route = find_route(p, argv[2]) };
	bool ok;

	if (!w.route) {
		err_set(e, ERR_NOT_FOUND, "", "%s", "");
		return err_text(e, "no route has the path or operationId %.200s", ctl_word(ctl->arena, argv[2]));
	}
	w.db = ctl_db(p, e);
	if (!w.db)
		return false;
	ok = actions[action].run(&w, argc - 3, argv + 3, e);
	db_close(w.db);
	return ok;
}

static int tools_run(struct ctl *ctl, int argc, char **argv)
{
	struct err e = { .code = ERR_NONE };
	struct project *p;
	size_t i = 0, n = sizeof(actions) / sizeof(actions[0]);
	bool ok;

	while (i < n && argc > 2 && strcmp(argv[1], actions[i].word) != 0)
		i++;
	if (argc < 3 || i == n || (argc > 3 && !actions[i].more) || (argc > 3 && !strcmp(argv[3], "--until") && argc < 5))
		return ctl_usage(&ctl_tools);
	p = ctl_project(ctl, &ctl_tools);
	if (!p)
		return CTL_FAILED;
	ok = run_action(ctl, p, i, argc, argv, &e);
	project_unref(p);
	return ok ? CTL_OK : ctl_fail(&ctl_tools, &e);
}

static const struct ctl_act acts[] = {
	{ "list", NULL },
	{ "diff", NULL },
	{ "approve", "tool_approved" },
	{ NULL, NULL },
};

const struct ctl_command ctl_tools = {
	.name = "tools",
	.usage = "list ROUTE | diff ROUTE | approve ROUTE [--until MARK] [TOOL...]",
	.about = "list the pinned tools of a route; show what is new or changed; approve it",
	.acts = acts,
	.run = tools_run,
};
