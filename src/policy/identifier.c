/* SPDX-License-Identifier: Apache-2.0 */
/* From an option to a function, and from a call to its argument. */
#include "config.h"

#include "policy/identifier.h"

#include "base/clock.h"
#include "conf/file.h"
#include "conf/problem.h"
#include "conf/snapshot.h"

#include <inttypes.h>
#include <string.h>

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

/* The hosted product's modules: "$import(./modules/access)", access.ts. */
static bool is_typescript(const char *module)
{
	return !strncmp(module, "$import(", 8) || ends_with(module, ".ts") || ends_with(module, ".js") || ends_with(module, ".mjs");
}

const struct script *identifier_load(struct policy_use *use, struct json_object *identifier, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	const char *module = json_get_string(identifier, "module"), *export = json_get_string(identifier, "export");
	const char *at = pointer_member(a, pointer, "module");
	struct err e = { .code = ERR_NONE };
	const struct script *s;
	struct conf_text text;

	if (is_typescript(module)) {
		problem_add(problems, true, file, at, "write the function in Lua, in a file policies/NAME.lua",
		    "the module is TypeScript or JavaScript; functions are written in Lua here");
		return NULL;
	}
	if (!snapshot_holds_module(module)) {
		problem_add(problems, true, file, at, "put the file into the folder " MODULES_DIR " of the project, and write "
		    "its path from there: " MODULES_DIR "/NAME.lua, NAME of letters, digits, - and _",
		    "the module is no file " MODULES_DIR "/NAME.lua of the project");
		return NULL;
	}
	if (!conf_read(&text, a, conf_path(a, use->project->files_dir, module), SCRIPT_TEXT_MAX, &e)) {
		problem_add(problems, true, file, at, "put a readable file there", "the file %s %s", module, e.text);
		return NULL;
	}
	s = script_new(a, module, text.p, text.n, export, &e);
	if (!s)
		problem_add(problems, true, file, at, "mend the module, or the name of its export", "%s", e.text);
	use->module = text.p;
	return s;
}

/* A member with a text; none where there is none. */
static void add_text(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(b, ",\"%s\":", name);
	buf_json(b, value);
}

void identifier_input(struct buf *b, struct call *c, const struct rpc_msg *m)
{
	const struct bearer *who = call_bearer(c);
	const char *claims = call_claims(c);

	if (!m && call_body(c)->n && !call_body(c)->batch)
		m = &call_body(c)->msgs[0];
	buf_printf(b, "\"time\":%" PRId64, clock_wall_s());
	add_text(b, "route", call_route(c)->operation_id);
	add_text(b, "ip", call_req(c)->client_ip);
	add_text(b, "subject", who ? who->subject : NULL);
	add_text(b, "clientId", who ? who->client_id : NULL);
	if (claims) {
		buf_str(b, ",\"claims\":");
		buf_str(b, claims);
	}
	add_text(b, "method", m ? m->method : NULL);
	if (m && m->capability_type)
		add_text(b, m->capability_type, m->capability_name);
}

bool identifier_ask(const struct script *s, struct call *c, const struct rpc_msg *m, const char *more, struct arena *a,
    struct span *answer, struct err *e)
{
	struct buf in, out;
	const char *text;
	bool ok;

	buf_init(&in, SIZE_MAX / 2);
	buf_init(&out, 0);
	buf_char(&in, '{');
	identifier_input(&in, c, m);
	if (more) {
		buf_char(&in, ',');
		buf_str(&in, more);
	}
	buf_char(&in, '}');
	ok = script_run(s, scan_value(in.data, in.len), &out, NULL, e);
	text = arena_strndup(a, buf_text(&out), out.len);
	*answer = scan_value(text, out.len);
	buf_release(&in);
	buf_release(&out);
	return ok;
}

bool identifier_ask_text(const struct script *s, struct call *c, const struct rpc_msg *m, struct arena *a, const char **text,
    struct err *e)
{
	struct span answer;

	*text = NULL;
	if (!identifier_ask(s, c, m, NULL, a, &answer, e))
		return false;
	if (scan_kind(answer) == 'n')
		return true;
	*text = scan_string(answer, a);
	if (scan_kind(answer) == '0' && !memchr(answer.p, '.', answer.n) && !memchr(answer.p, 'e', answer.n))
		*text = arena_strndup(a, answer.p, answer.n);
	if (!*text)
		return err_reason(e, ERR_INTERNAL, "script_failed", "a function of the gateway's configuration failed",
		    "it returned neither a text nor a whole number");
	if (!**text)
		*text = NULL;
	return true;
}
