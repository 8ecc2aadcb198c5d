/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: the table of checks, how they are run, and how they are told. Each is explained in doctor.h. */
#include "config.h"

#include "ctl.h"
#include "doctor.h"

#include "json/json.h"
#include "net/transfer.h"
#include "policy/policy.h"

#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* In this order: a later one may stand on what an earlier one found. */
static const struct check checks[] = {
	{ "project", "the project loads, without errors", NEEDS_NOTHING, check_project },
	{ "snapshot", "what is published is what the directory says", NEEDS_NOTHING, check_snapshot },
	{ "state", "the state directory can be used by the programs alone", NEEDS_NOTHING, check_state },
	{ "keys", "every key file is there and closed to others", NEEDS_NOTHING, check_keys },
	{ "log", "the log can be written", NEEDS_NOTHING, check_log },
	{ "mail", "alerts that go by mail have somebody who sends them", NEEDS_NOTHING, check_mail },
	{ "users", "programs run as users of their own, not as root", NEEDS_NOTHING, check_users },

	{ "login", "each program can log in to the database", NEEDS_NOTHING, check_login },
	{ "schema", "the schema fits this release", NEEDS_DATABASE, check_schema },
	{ "writable", "the database takes changes", NEEDS_DATABASE, check_writable },
	{ "roles", "roles are there and may do nothing special", NEEDS_DATABASE, check_roles },
	{ "rights", "roles may execute their functions and nothing else", NEEDS_DATABASE, check_rights },
	{ "role-limits", "the server ends statements that run too long", NEEDS_DATABASE, check_role_limits },
	{ "notifications", "notifications arrive", NEEDS_DATABASE, check_notifications },
	{ "prepared", "prepared statements stay prepared", NEEDS_DATABASE, check_prepared },
	{ "connections", "the server has room for all connections", NEEDS_DATABASE, check_pool },
	{ "clock", "clocks agree", NEEDS_DATABASE, check_clock },
	{ "audit", "the audit trail is sealed", NEEDS_DATABASE, check_audit },
	{ "event-days", "the tables of today's and tomorrow's events are there", NEEDS_DATABASE, check_event_days },
	{ "retention", "events are kept for as long as the project says", NEEDS_DATABASE, check_retention },
	{ "forward", "events go to those who are to have them", NEEDS_DATABASE, check_forward },
	{ "rollup", "calls are summed up for the operators' pages", NEEDS_DATABASE, check_rollup },

	{ "url", "the public URL answers", NEEDS_NOTHING, check_url },
	{ "certificate", "clients trust the certificate", NEEDS_WEB, check_certificate },
	{ "expiry", "the certificate is good for two weeks", NEEDS_WEB, check_expiry },
	{ "origin", "the gateway knows itself by this URL", NEEDS_WEB, check_origin },
	{ "discovery", "discovery documents are at the root", NEEDS_WEB, check_discovery },
	{ "alive", "every program answers", NEEDS_WEB, check_alive },
	{ "ready", "every program can do its work", NEEDS_WEB, check_ready },
	{ "cors", "discovery documents can be read from browsers", NEEDS_ROUTE, check_cors },
	{ "authorization", "the Authorization header arrives", NEEDS_ROUTE, check_authorization },
	{ "query", "queries arrive", NEEDS_ROUTE, check_query },
	{ "methods", "all methods arrive", NEEDS_ROUTE, check_methods },
	{ "body", "bodies of the allowed size arrive", NEEDS_ROUTE, check_body },
	{ "body-limit", "larger ones get 413", NEEDS_ROUTE, check_body_limit },
	{ "streaming", "events of a stream pass as they come", NEEDS_WEB, check_streaming },
	{ "encoded-slash", "%2F in names arrives", NEEDS_WEB, check_encoded_slash },
	{ "host", "an unknown Host is refused", NEEDS_ROUTE, check_host },
	{ "foreign-origin", "pages of other origins are refused", NEEDS_ROUTE, check_foreign_origin },
	{ "dot-segments", "paths are judged as they were sent", NEEDS_ROUTE, check_dot_segments },
	{ "request-id", "answers carry a request id of ours", NEEDS_ROUTE, check_request_id },
	{ "forwarded-host", "a client's X-Forwarded-Host is not believed", NEEDS_ROUTE, check_forwarded_host },
	{ "forwarded-for", "a client's X-Forwarded-For is not believed", NEEDS_ROUTE, check_forwarded_for },
	{ "exposed", "the project's files are not served", NEEDS_WEB, check_exposed },
	{ "events", "a call leaves its event in the database", NEEDS_ROUTE, check_events },

	{ "upstreams", "upstreams can be reached", NEEDS_NOTHING, check_upstreams },
	{ "provider", "the identity provider can be reached", NEEDS_NOTHING, check_provider },
};

enum { CHECKS = sizeof(checks) / sizeof(checks[0]) };

/* ---- findings */

static void add(struct doctor *d, enum severity severity, const char *remedy, const char *fmt, va_list ap)
{
	struct finding *f = arena_alloc(d->arena, sizeof(*f));

	f->check = d->now;
	f->severity = severity;
	f->text = arena_vprintf(d->arena, fmt, ap);
	f->remedy = remedy ? arena_strdup(d->arena, remedy) : NULL;
	*d->tail = f;
	d->tail = &f->next;
}

void doctor_error(struct doctor *d, const char *remedy, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, ERROR, remedy, fmt, ap);
	va_end(ap);
}

void doctor_warning(struct doctor *d, const char *remedy, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, WARNING, remedy, fmt, ap);
	va_end(ap);
}

void doctor_skip(struct doctor *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, SKIPPED, NULL, fmt, ap);
	va_end(ap);
}

static enum severity worst(const struct doctor *d, const struct check *of)
{
	enum severity severity = ALL_WELL;

	for (const struct finding *f = d->findings; f; f = f->next)
		if ((!of || f->check == of) && f->severity > severity)
			severity = f->severity;
	return severity;
}

static size_t count(const struct doctor *d, enum severity severity)
{
	size_t n = 0;

	for (const struct finding *f = d->findings; f; f = f->next)
		n += f->severity == severity;
	return n;
}

/* ---- running */

static bool need_is_met(struct doctor *d, enum need_of_check need)
{
	if (need == NEEDS_DATABASE && !d->pg)
		doctor_skip(d, "no program can log in to the database");
	else if (need == NEEDS_DATABASE && d->database_hangs)
		doctor_skip(d, "the database does not answer");
	else if (need >= NEEDS_WEB && !d->answers)
		doctor_skip(d, "the public URL does not answer");
	else if (need == NEEDS_ROUTE && !d->route)
		doctor_skip(d, "no route is open that asks for a token");
	else
		return true;
	return false;
}

/* What others stand on is looked at in any case. */
static bool is_wanted(const bool *chosen, size_t i)
{
	return chosen[i] || checks[i].run == check_login || checks[i].run == check_url;
}

/* A project that does not load says nothing about the rest. */
static void run_all(struct doctor *d, const bool *chosen)
{
	for (size_t i = 0; i < CHECKS; i++) {
		d->now = &checks[i];
		if (!is_wanted(chosen, i))
			continue;
		if (i > 0 && d->p->fault)
			doctor_skip(d, "the project does not load");
		else if (d->now->run == check_url && !d->origin)
			doctor_skip(d, "the project has no publicOrigins: give --url");
		else if (need_is_met(d, d->now->needs))
			d->now->run(d);
	}
	doctor_database_close(d);
}

/* ---- telling */

static const char *word(enum severity severity)
{
	static const char *const words[] = { "ok", "skipped", "warning", "error" };

	return words[severity];
}

/* Those asked for, and what others stand on where it is not well. */
static bool is_told(const struct doctor *d, const bool *chosen, size_t i)
{
	return chosen[i] || (is_wanted(chosen, i) && worst(d, &checks[i]) == ERROR);
}

static void print_text(const struct doctor *d, const bool *chosen)
{
	size_t told = 0;

	for (size_t i = 0; i < CHECKS; i++) {
		if (!is_told(d, chosen, i))
			continue;
		told++;
		if (worst(d, &checks[i]) == ALL_WELL)
			printf("ok       %s: %s\n", checks[i].name, checks[i].about);
		for (const struct finding *f = d->findings; f; f = f->next) {
			if (f->check != &checks[i])
				continue;
			printf("%-8s %s: %s\n", word(f->severity), checks[i].name, f->text);
			if (f->remedy)
				printf("         -> %s\n", f->remedy);
		}
	}
	printf("%s: %zu checks, %zu errors, %zu warnings, %zu skipped\n", d->origin ? d->origin : d->dir, told,
	    count(d, ERROR), count(d, WARNING), count(d, SKIPPED));
}

static struct json_object *finding_json(struct arena *a, const struct finding *f)
{
	struct json_object *o = json_new_object(a);

	json_add_string(o, "severity", word(f->severity));
	json_add_string(o, "text", f->text);
	json_add_string(o, "remedy", f->remedy);
	return o;
}

static struct json_object *check_json(const struct doctor *d, const struct check *c)
{
	struct json_object *o = json_new_object(d->arena), *findings = json_new_array(d->arena);

	json_add_string(o, "name", c->name);
	json_add_string(o, "about", c->about);
	json_add_string(o, "result", word(worst(d, c)));
	for (const struct finding *f = d->findings; f; f = f->next)
		if (f->check == c)
			json_add(findings, NULL, finding_json(d->arena, f));
	json_add(o, "findings", findings);
	return o;
}

static void print_json(const struct doctor *d, const bool *chosen)
{
	struct arena *a = d->arena;
	struct json_object *doc = json_new_object(a), *list = json_new_array(a);

	json_add_string(doc, "project", d->p->dir);
	json_add_string(doc, "url", d->origin);
	json_add_string(doc, "status", word(worst(d, NULL) == SKIPPED ? ALL_WELL : worst(d, NULL)));
	json_add_int(doc, "errors", (int64_t)count(d, ERROR));
	json_add_int(doc, "warnings", (int64_t)count(d, WARNING));
	json_add_int(doc, "skipped", (int64_t)count(d, SKIPPED));
	for (size_t i = 0; i < CHECKS; i++)
		if (is_told(d, chosen, i))
			json_add(list, NULL, check_json(d, &checks[i]));
	json_add(doc, "checks", list);
	puts(json_text(a, doc));
}

/* ---- the command */

struct options {
	const char *url, *connect, *ca_file;
	bool json, strict;
	bool chosen[CHECKS];
};

static bool choose_check(struct options *o, const char *name)
{
	for (size_t i = 0; i < CHECKS; i++)
		if (!strcmp(checks[i].name, name))
			return o->chosen[i] = true;
	fprintf(stderr, "gatehousectl: doctor: no check '%.64s'; without names all are made\n", name);
	return false;
}

static bool read_options(struct options *o, int argc, char **argv)
{
	bool some = false;

	for (int i = 1; i < argc; i++) {
		const char **value = !strcmp(argv[i], "--url")   ? &o->url
		    : !strcmp(argv[i], "--connect") ? &o->connect
		    : !strcmp(argv[i], "--ca-file") ? &o->ca_file
		                                    : NULL;

		if (!strcmp(argv[i], "--json"))
			o->json = true;
		else if (!strcmp(argv[i], "--strict"))
			o->strict = true;
		else if (value && i + 1 < argc)
			*value = argv[++i];
		else if (*argv[i] == '-' || !(some = choose_check(o, argv[i])))
			return false;
	}
	for (size_t i = 0; i < CHECKS; i++)
		o->chosen[i] |= !some;
	return true;
}

/* The public origin asked for, or the first that is not loopback, or the first. */
static bool choose_origin(struct doctor *d, const char *url)
{
	const struct project *p = d->p;
	const char *found = url;
	struct err e = { .code = ERR_NONE };

	for (size_t i = 0; !url && i < p->origins_n; i++)
		if (!found || !p->origins[i].loopback) {
			found = p->origins[i].text;
			if (!p->origins[i].loopback)
				break;
		}
	if (!found)
		return true;
	if (!uri_parse(&d->uri, d->arena, found, &e) || !d->uri.host || d->uri.query || d->uri.fragment ||
	    strspn(d->uri.path, "/") != strlen(d->uri.path) || strncmp(d->uri.scheme, "http", 4)) {
		fprintf(stderr, "gatehousectl: doctor: --url is not a public origin (\"https://mcp.example.com\")\n");
		return false;
	}
	d->origin = uri_origin(&d->uri, d->arena);
	return true;
}

/* Not a public one, and not one whose fault closes it: a wrong token must lead to its answer, not upstream. */
static const struct mcp_route *choose_route(const struct project *p)
{
	for (size_t i = 0; i < p->routes_n; i++)
		if (!p->routes[i].is_public && !p->routes[i].fault)
			return &p->routes[i];
	return NULL;
}

/*
 * What files are open to, and who may log in, is judged as the programs' user: root becomes the owner of the
 * key ring.
 */
static bool become_programs_user(const struct project *p)
{
	const struct passwd *user;
	struct stat st;

	if (geteuid() != 0 || p->fault || stat(p->keyring, &st) || st.st_uid == 0)
		return true;
	user = getpwuid(st.st_uid);
	if ((user ? initgroups(user->pw_name, st.st_gid) : setgroups(0, NULL)) ||
	    setgid(user ? user->pw_gid : st.st_gid) || setuid(st.st_uid)) {
		perror("gatehousectl: doctor: cannot become the owner of the key ring");
		return false;
	}
	return true;
}

static int run_on(struct ctl *ctl, const struct options *o, const char *dir)
{
	const struct project_options load = { .dir = dir, .types = policy_types, .check = true };
	struct project *p = project_load(&load);
	struct doctor d = { .arena = ctl->arena, .p = p, .dir = dir, .connect = o->connect, .ca_file = o->ca_file };
	enum severity severity;

	d.tail = &d.findings;
	d.home = snapshot_home(ctl->arena, dir);
	d.route = choose_route(p);
	if (!become_programs_user(p) || !choose_origin(&d, o->url)) {
		project_unref(p);
		return CTL_USAGE;
	}
	transfer_start();
	run_all(&d, o->chosen);
	if (o->json)
		print_json(&d, o->chosen);
	else
		print_text(&d, o->chosen);
	severity = worst(&d, NULL);
	project_unref(p);
	return severity == ERROR || (severity == WARNING && o->strict) ? CTL_FAILED : CTL_OK;
}

static int doctor_run(struct ctl *ctl, int argc, char **argv)
{
	struct err e = { .code = ERR_NONE };
	struct options o = { .url = NULL };
	const char *dir;

	if (!read_options(&o, argc, argv))
		return ctl_usage(&ctl_doctor);
	dir = project_find_dir(ctl->arena, ctl->dir, ctl->argv0, &e);
	return dir ? run_on(ctl, &o, dir) : ctl_fail(&ctl_doctor, &e);
}

static const struct ctl_act acts[] = {
	{ "*", NULL },
	{ NULL, NULL },
};

const struct ctl_command ctl_doctor = {
	.name = "doctor",
	.usage = "[--url PUBLIC_ORIGIN] [--connect HOST:PORT] [--ca-file FILE] [--json] [--strict] [CHECK ...]",
	.about = "look at a gateway that runs, through its public URL and on this machine, and say what to mend",
	.acts = acts,
	.run = doctor_run,
};
