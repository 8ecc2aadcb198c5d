/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The project as it is in force, and how clients are connected to its routes. Files are shown as they were published:
 * what they refer to ($env) stays a reference there, and what is written into them for secrecy's sake is masked.
 */
#include "config.h"

#include "console/console.h"

#include "base/uri.h"
#include "conf/env.h"
#include "conf/file.h"
#include "conf/tables.h"
#include "console/ask.h"
#include "console/view.h"
#include "json/json.h"
#include "page/html.h"
#include "rpc/token_count.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FILE_MAX = 1024 * 1024,
	PART_MAX = 40000, /* bytes of configuration on a page, as HTML */
	PROBLEMS_SHOWN = 50
};

#define MASK "********"

/* ---- configuration */

/* A row of TABLE, or below it, that says so of NAME. */
static bool is_secret_option(const struct option *table, const char *name)
{
	for (const struct option *o = table; o && o->name; o++)
		if ((o->type == OPTION_SECRET && !strcmp(o->name, name)) || is_secret_option(o->sub, name))
			return true;
	return false;
}

/* Members whose text is a secret, unless it refers to the environment. */
static bool is_secret(const char *name)
{
	static const char *const parts[] = { "secret", "password", "passphrase", "privatekey", "apikey", "api_key", "token",
		"credential", "pepper", NULL };
	static const char *const harmless[] = { "tokenUrl", "tokenEndpointAuthMethod", "accessTokenTtlSeconds",
		"refreshTokenTtlSeconds", "tokenTtlSeconds", NULL };

	for (const char *const *h = harmless; *h; h++)
		if (!strcmp(*h, name))
			return false;
	for (const char *const *p = parts; *p; p++)
		if (strcasestr(name, *p))
			return true;
	return is_secret_option(gateway_options, name);
}

static bool is_wholly(const char *text, const char *open, char close)
{
	size_t n = strlen(text), at = strlen(open);

	return n > at + 1 && !strncmp(text, open, at) && text[n - 1] == close && env_is_name(text + at, n - at - 1);
}

/* One reference and nothing else: what stands beside it may be the secret. */
static bool is_reference(const char *text)
{
	return is_wholly(text, "$env(", ')') || is_wholly(text, "${env.", '}');
}

struct masking {
	struct arena *a;
	bool values; /* headers and query parameters that a policy sets carry keys as often as not: `value` counts there */
};

static bool is_hidden(const struct masking *m, const char *name)
{
	return is_secret(name) || (m->values && !strcmp(name, "value"));
}

/* A webhook's address is often all that is needed to write to it: where it leads is enough here. */
static bool is_capability(const char *parent, const char *name)
{
	return !strcmp(name, "url") && (!strcmp(parent, "to") || !strcmp(parent, "forward"));
}

static struct json_object *new_text(struct arena *a, const char *text)
{
	struct json_object *holder = json_new_object(a);

	json_add_string(holder, "text", text);
	return json_get(holder, "text");
}

static const char *without_path(struct arena *a, const char *url)
{
	struct err why = { .code = ERR_NONE };
	struct uri u;

	return uri_parse(&u, a, url, &why) && u.host ? arena_printf(a, "%s/...", uri_origin(&u, a)) : MASK;
}

static struct json_object *masked_text(
    const struct masking *m, struct json_object *v, const char *parent, const char *name)
{
	const char *text = json_object_get_string(v);

	if (is_reference(text))
		return v;
	if (is_hidden(m, name))
		return new_text(m->a, MASK);
	return is_capability(parent, name) ? new_text(m->a, without_path(m->a, text)) : v;
}

/* V is the member NAME of the member PARENT; arrays count for nothing. What is not changed is shared. */
static struct json_object *masked(
    const struct masking *m, struct json_object *v, const char *parent, const char *name)
{
	struct json_object *out;

	if (json_object_is_type(v, json_type_array)) {
		out = json_new_array(m->a);
		for (size_t i = 0; i < json_object_array_length(v); i++)
			json_add(out, NULL, masked(m, json_object_array_get_idx(v, i), parent, name));
		return out;
	}
	if (json_object_is_type(v, json_type_object)) {
		out = json_new_object(m->a);
		json_object_object_foreach(v, key, child)
			json_add(out, key, masked(m, child, name, key));
		return out;
	}
	return json_object_is_type(v, json_type_string) ? masked_text(m, v, parent, name) : v;
}

/* Files one behind the other, of which a page shows one part. */
struct parts {
	struct view *v;
	long want, at; /* counted from 1 */
	size_t used;  /* of the part */
};

static size_t html_length(const char *s, size_t n)
{
	size_t length = 0;

	for (size_t i = 0; i < n; i++)
		length += s[i] == '"' ? 6 : s[i] == '&' || s[i] == '\'' ? 5 : s[i] == '<' || s[i] == '>' ? 4 : 1;
	return length;
}

static void add_piece(struct parts *p, const char *name, const char *from, const char *to, bool is_first)
{
	if (p->at == p->want && to > from)
		view_code(p->v, is_first ? name : arena_printf(p->v->a, "%s, continued", name), arena_strndup(p->v->a, from, (size_t)(to - from)));
}

/* A part ends with a line. */
static void add_text(struct parts *p, const char *name, const char *text)
{
	const char *from = text;
	bool is_first = true;

	while (*text) {
		size_t n = strcspn(text, "\n"), length;

		n += text[n] == '\n';
		length = html_length(text, n);
		if (p->used && p->used + length > PART_MAX) {
			add_piece(p, name, from, text, is_first);
			is_first &= from == text;
			from = text;
			p->at++;
			p->used = 0;
		}
		p->used += length;
		text += n;
	}
	add_piece(p, name, from, text, is_first);
}

/*
 * One file of the project. Whether `value` is a secret depends on the policy; of a policy that sets something it may always
 * be one, elsewhere it is not.
 */
static bool add_file(struct parts *parts, const char *name, bool values, struct err *e)
{
	const struct scan_limits limits = scan_limits_of(FILE_MAX);
	struct view *v = parts->v;
	const char *path = conf_path(v->a, v->r->project->files_dir, name);
	const struct masking m = { v->a, values };
	struct json_object *doc;
	struct conf_text text;
	const char *plain;

	if (!conf_read(&text, v->a, path, FILE_MAX, e))
		return false;
	plain = jsonc_blank(v->a, text.p, text.n, e);
	doc = plain ? json_parse(v->a, plain, text.n, &limits, e) : NULL;
	if (!doc)
		return false;
	add_text(parts, name,
	    arena_strdup(v->a,
		json_object_to_json_string_ext(masked(&m, doc, "", ""), JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE)));
	return true;
}

static void add_problems(struct view *v)
{
	struct problem one;
	size_t i;

	for (i = 0; i < PROBLEMS_SHOWN && problems_at(v->r->project->problems, i, &one); i++)
		view_note(v, true,
		    arena_printf(v->a, "%s %s%s%s: %s. Remedy: %s", one.is_error ? "Error in" : "Warning:", one.file,
			*one.pointer ? "#" : "", one.pointer, one.text, one.remedy));
	if (problems_at(v->r->project->problems, i, &one))
		view_note(v, true, "There are more: gatehousectl check tells them all.");
}

static void add_facts(struct view *v)
{
	const struct project *p = v->r->project;

	view_fact(v, "Project", p->dir, NULL);
	view_fact(v, "In force from", p->files_dir, NULL);
	view_fact(v, "Changed", arena_printf(v->a, "%s UTC", say_time(v->a, p->modified)), NULL);
	view_fact(v, "Calls are kept", arena_printf(v->a, "%d days; daily sums %d days", p->events_days, p->summary_days), NULL);
	view_fact(v, "Token estimates", TOKEN_ESTIMATOR, NULL);
}

bool show_config(struct req *r, struct resp *s, const char *rest, struct err *e)
{
	const char *part = ask_value(r, "part");
	struct view v;
	char *end = NULL;
	struct parts parts = { .v = &v, .want = part ? strtol(part, &end, 10) : 1, .at = 1 };
	bool sent;

	if (*rest)
		return err_set(e, ERR_NOT_FOUND, "there is nothing at this address", "");
	if (!view_begin(&v, r, s, "Configuration in force", &sent, e))
		return sent;
	v.page.intro = "As published. References to the environment are shown as they are written; secrets are masked. What "
		       "only other programs look at, gatehousectl check finds.";
	if (parts.want == 1) {
		add_problems(&v);
		add_facts(&v);
	}
	if (!add_file(&parts, r->project->config_file, false, e) || !add_file(&parts, "config/routes.oas.json", false, e) ||
	    !add_file(&parts, "config/policies.json", true, e))
		return false;
	if ((end && *end) || parts.want < 1 || parts.want > parts.at)
		return err_set(e, ERR_NOT_FOUND, "there is nothing at this address", "no such part");
	if (parts.want > 1)
		view_more(&v, "The part before", arena_printf(v.a, "%s?part=%ld", view_path(&v, "config"), parts.want - 1));
	if (parts.want < parts.at)
		view_more(&v, "More", arena_printf(v.a, "%s?part=%ld", view_path(&v, "config"), parts.want + 1));
	return view_send(&v, s, e);
}

/* ---- connecting a client */

/* A name that all clients take: letters, digits, dashes. */
static const char *short_name(struct arena *a, const char *operation_id)
{
	char *name = arena_strdup(a, operation_id);

	for (char *s = name; *s; s++)
		if (!(*s >= 'a' && *s <= 'z') && !(*s >= 'A' && *s <= 'Z') && !(*s >= '0' && *s <= '9') && *s != '_')
			*s = '-';
	return name;
}

/* {"SERVERS": {"NAME": {"url": URL}}}; TYPE is another member, or NULL. */
static const char *config_for(struct arena *a, const char *servers, const char *name, const char *type, const char *url)
{
	struct json_object *doc = json_new_object(a), *all = json_new_object(a), *one = json_new_object(a);

	if (type)
		json_add_string(one, "type", type);
	json_add_string(one, "url", url);
	json_add(all, name, one);
	json_add(doc, servers, all);
	return arena_strdup(a,
	    json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void add_fact(struct page_console_step_row *step, const char *name, const char *value, bool code)
{
	step->facts[step->facts_n++] = (struct page_console_fact_row){ .name = name, .value = value, .code = code };
}

static void add_route(struct view *v, const struct mcp_route *route, struct page_console_step_row *step)
{
	const char *url = arena_printf(v->a, "%s%s", v->r->origin->text, route->path);
	const char *name = short_name(v->a, route->operation_id);

	step->title = html_clean(v->a, route->summary ? route->summary : route->operation_id, VIEW_TEXT_MAX);
	step->alarm = route->fault != NULL;
	step->text = route->fault ? "This route is closed by a configuration error: see Configuration."
		: route->is_public ? "Anybody may use it: there is no sign-in."
				   : NULL;
	step->facts = arena_calloc(v->a, 6, sizeof(*step->facts));
	add_fact(step, "Address", url, true);
	add_fact(step, "Claude", "Settings, Connectors, Add custom connector: paste the address.", false);
	add_fact(step, "Claude Code", arena_printf(v->a, "claude mcp add --transport http %s %s", name, url), true);
	add_fact(step, "ChatGPT", "Settings, Connectors, Create (in developer mode): paste the address, sign-in OAuth.", false);
	add_fact(step, "Cursor: mcp.json", config_for(v->a, "mcpServers", name, NULL, url), true);
	add_fact(step, "VS Code: .vscode/mcp.json", config_for(v->a, "servers", name, "http", url), true);
}

bool show_connect(struct req *r, struct resp *s, const char *rest, struct err *e)
{
	struct view v;
	bool sent;

	if (*rest)
		return err_set(e, ERR_NOT_FOUND, "there is nothing at this address", "");
	if (!view_begin(&v, r, s, "Connect a client", &sent, e))
		return sent;
	v.page.intro = "A client needs the address and nothing else: it registers itself, and opens a browser for the sign-in.";
	v.page.steps = arena_calloc(v.a, r->project->routes_n + 1, sizeof(*v.page.steps));
	for (size_t i = 0; i < r->project->routes_n; i++)
		add_route(&v, &r->project->routes[i], &v.page.steps[v.page.steps_n++]);
	if (!v.page.steps_n)
		view_note(&v, false, "The project has no routes.");
	return view_send(&v, s, e);
}
