/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check: everything that is wrong with a project, at once, each with the place and what to
 * do. What it prints never holds a value of the project's files, so it can be pasted into a
 * ticket.
 */
#include "config.h"

#include "ctl.h"

#include "conf/project.h"
#include "json/json.h"
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Keys are made per machine: a project that was just cloned has none, and is sound all the same. */
static void check_keyring(const struct project *p)
{
	struct stat st;

	if (p->fault || !stat(p->keyring, &st))
		return;
	problem_add(p->problems, false, p->config_file, "",
	    "make it: gatehousectl -c DIR keys init, as the programs' user",
	    "the key ring directory is not there: programs that need keys answer "
	    "configuration_error");
}

static size_t count_closed(const struct project *p)
{
	size_t closed = 0;

	for (size_t i = 0; i < p->routes_n; i++)
		closed += p->routes[i].fault != NULL;
	return closed;
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void print_text(const struct project *p)
{
	size_t errors = problems_count(p->problems, true),
	       warnings = problems_count(p->problems, false);
	struct problem one;

	for (size_t i = 0; problems_at(p->problems, i, &one); i++)
		printf("%s: %s%s%s: %s\n    %s\n", one.is_error ? "error" : "warning", one.file,
		    *one.pointer ? "#" : "", one.pointer, one.text, one.remedy);
	printf("%s: %zu error%s, %zu warning%s", p->dir, errors, plural(errors), warnings,
	    plural(warnings));
	if (p->fault)
		puts("; nothing is served");
	else
		printf("; %zu of %zu route%s open\n", p->routes_n - count_closed(p), p->routes_n,
		    plural(p->routes_n));
}

static struct json_object *problem_json(struct arena *a, const struct problem *one)
{
	struct json_object *o = json_new_object(a);

	json_add_string(o, "severity", one->is_error ? "error" : "warning");
	json_add_string(o, "file", one->file);
	json_add_string(o, "pointer", one->pointer);
	json_add_string(o, "text", one->text);
	json_add_string(o, "remedy", one->remedy);
	return o;
}

static struct json_object *route_json(struct arena *a, const struct mcp_route *r)
{
	struct json_object *o = json_new_object(a);

	json_add_string(o, "path", r->path);
	json_add_string(o, "operationId", r->operation_id);
	json_add_bool(o, "open", r->fault == NULL);
	return o;
}

static void print_json(struct arena *a, const struct project *p)
{
	struct json_object *doc = json_new_object(a), *problems = json_new_array(a);
	struct json_object *routes = json_new_array(a);
	struct problem one;

	json_add_string(doc, "project", p->dir);
	json_add_bool(doc, "loads", p->fault == NULL);
	json_add_int(doc, "errors", (int64_t)problems_count(p->problems, true));
	json_add_int(doc, "warnings", (int64_t)problems_count(p->problems, false));
	for (size_t i = 0; problems_at(p->problems, i, &one); i++)
		json_add(problems, NULL, problem_json(a, &one));
	json_add(doc, "problems", problems);
	for (size_t i = 0; i < p->routes_n; i++)
		json_add(routes, NULL, route_json(a, &p->routes[i]));
	json_add(doc, "routes", routes);
	puts(json_text(a, doc));
}

static int check_run(struct ctl *ctl, int argc, char **argv)
{
	struct project_options options = { .types = policy_types, .check = true };
	struct err e = { .code = ERR_NONE };
	const char *dir = ctl->dir;
	struct project *p;
	bool json = false;
	int status;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			json = true;
		else if (*argv[i] == '-' || dir)
			return ctl_usage(&ctl_check);
		else
			dir = argv[i];
	}
	options.dir = project_find_dir(ctl->arena, dir, ctl->argv0, &e);
	if (!options.dir)
		return ctl_fail(&ctl_check, &e);
	p = project_load(&options);
	check_keyring(p);
	if (json)
		print_json(ctl->arena, p);
	else
		print_text(p);
	status = problems_count(p->problems, true) ? CTL_FAILED : CTL_OK;
	project_unref(p);
	return status;
}

static const struct ctl_act acts[] = {
	{ "*", NULL },
	{ NULL, NULL },
};

const struct ctl_command ctl_check = {
	.name = "check",
	.usage = "[--json] [DIR]",
	.about = "print every error and warning of a project, with remedies",
	.acts = acts,
	.run = check_run,
};
