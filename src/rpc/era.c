/* SPDX-License-Identifier: Apache-2.0 */
/* The ladder of protocol.md 1.12, from the version on, and the comparison of mirrored headers. */
#include "config.h"

#include "rpc/era.h"

#include "base/b64.h"
#include "base/utf8.h"

#include <string.h>

#define FIRST_MODERN    "2026-07-28"
#define FIRST_UNBATCHED "2025-06-18"

const char *const era_legacy_versions[] = { "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05",
	"2024-10-07", NULL };
const char *const era_modern_versions[] = { "2026-07-28", NULL };

/* The versions' own spelling, so that what is returned outlives the request. */
static const char *listed(const char *version)
{
	const char *const *lists[] = { era_modern_versions, era_legacy_versions };

	for (size_t l = 0; version && l < 2; l++)
		for (size_t i = 0; lists[l][i]; i++)
			if (!strcmp(lists[l][i], version))
				return lists[l][i];
	return NULL;
}

bool era_is_supported(const char *version)
{
	return listed(version) != NULL;
}

static bool is_date(const char *s)
{
	static const char form[] = "0000-00-00";
	size_t i;

	for (i = 0; form[i]; i++)
		if (form[i] == '-' ? s[i] != '-' : s[i] < '0' || s[i] > '9')
			return false;
	return s[i] == '\0';
}

bool era_is_modern(const char *version)
{
	return version && is_date(version) && strcmp(version, FIRST_MODERN) >= 0;
}

static bool is_unbatched(const char *version)
{
	return version && strcmp(version, FIRST_UNBATCHED) >= 0;
}

/* ---- mirrored headers ---- */

static char *trimmed(const char *s, struct arena *a)
{
	size_t n;

	while (*s == ' ' || *s == '\t')
		s++;
	for (n = strlen(s); n && (s[n - 1] == ' ' || s[n - 1] == '\t'); n--)
		;
	return arena_strndup(a, s, n);
}

const char *era_header_text(const char *value, struct arena *a)
{
	static const char open[] = "=?base64?", close[] = "?=";
	const size_t open_n = sizeof(open) - 1, close_n = sizeof(close) - 1;
	char *s = trimmed(value, a), *out;
	size_t n = strlen(s), len;

	if (n < open_n + close_n || memcmp(s, open, open_n) != 0 ||
	    memcmp(s + n - close_n, close, close_n) != 0)
		return s;
	n -= open_n + close_n;
	out = arena_alloc(a, n + 1);
	if (n % 4 || !b64_decode(out, &len, s + open_n, n) || memchr(out, '\0', len) ||
	    !utf8_is_valid(out, len))
		return NULL;
	out[len] = '\0';
	return out;
}

const char *era_header_value(const char *text, struct arena *a)
{
	size_t n = strlen(text);
	bool plain = n && strncmp(text, "=?base64?", 9) != 0 && text[0] != ' ' && text[n - 1] != ' ';
	char *out;

	for (size_t i = 0; plain && i < n; i++)
		plain = text[i] >= 0x20 && text[i] < 0x7f;
	if (plain)
		return text;
	out = arena_alloc(a, B64_LEN(n) + 1);
	b64_encode(out, text, n);
	return arena_printf(a, "=?base64?%s?=", out);
}

static bool mismatch(struct rpc_fault *f, const char *text)
{
	return rpc_fail(f, 400, RPC_HEADER_MISMATCH, "header_mismatch", "Header mismatch: %s", text);
}

/*
 * Whether NAME is what the message says that it is about. Of a method that we know that is the
 * mirrored parameter; an extension's may be any text among its parameters.
 */
static bool names_call(const struct rpc_msg *m, const char *name)
{
	struct span value;
	size_t pos = 0;

	if (m->mirrored.p)
		return scan_string_is(m->mirrored, name);
	if (m->capability_type)
		return m->capability_name && !strcmp(m->capability_name, name);
	while (scan_next(m->params, &pos, NULL, &value))
		if (scan_string_is(value, name))
			return true;
	return false;
}

/* Protocol E87: what is there must be right, in every era. */
static bool check_mirrors(const struct rpc_body *b, const struct era_headers *h, struct arena *a,
    struct rpc_fault *f)
{
	const struct rpc_msg *m = &b->msgs[0];
	const char *text;

	if (!h->method && !h->name)
		return true;
	if (b->batch)
		return mismatch(f, "Mcp-Method and Mcp-Name cannot describe a batch");
	if (h->method) {
		text = era_header_text(h->method, a);
		if (!text || !m->method || strcmp(text, m->method) != 0)
			return mismatch(f, "Mcp-Method differs from the body's method");
	}
	if (h->name) {
		text = era_header_text(h->name, a);
		if (!text || !names_call(m, text))
			return mismatch(f, "Mcp-Name differs from the name in the body");
	}
	return true;
}

/* ---- the ladder ---- */

const char *era_supported_json(const char *const *versions, const char *requested, struct arena *a)
{
	const char *json = "", *join = "";
	struct buf b;

	for (size_t i = 0; versions[i]; i++) {
		json = arena_printf(a, "%s%s\"%s\"", json, join, versions[i]);
		join = ",";
	}
	buf_init(&b, 4096); /* a version that makes it longer is left out */
	buf_json(&b, requested);
	json = arena_printf(a, "{\"supported\":[%s],\"requested\":%s}", json,
	    b.over ? "\"\"" : buf_text(&b));
	buf_release(&b);
	return json;
}

static bool unsupported(struct rpc_fault *f, const char *requested, struct arena *a)
{
	/* of this era: a server's list is no larger than that of its server/discover (protocol 1.7), which we do not know */
	f->data = era_supported_json(era_modern_versions, requested, a);
	return rpc_fail(f, 400, RPC_UNSUPPORTED_VERSION, "unsupported_version",
	    "Unsupported protocol version");
}

static bool check_modern(const struct rpc_msg *m, const struct era_headers *h, const char *header,
    struct arena *a, struct rpc_fault *f)
{
	if (!m->version || scan_kind(m->capabilities) != '{')
		return rpc_fail(f, 400, RPC_INVALID_PARAMS, "invalid_params",
		    "_meta lacks the protocol version or the client's capabilities");
	if (header && strcmp(header, m->version) != 0)
		return mismatch(f, "MCP-Protocol-Version differs from the body's");
	if (!era_is_modern(m->version) || !listed(m->version))
		return unsupported(f, m->version, a);
	if (m->kind != RPC_REQUEST)
		return true;
	if (!header || !h->method || (m->mirrored.p && !h->name))
		return mismatch(f, "a header that this revision requires is missing");
	return true;
}

bool era_check_header(const char *version, struct rpc_fault *f)
{
	if (!version || listed(version))
		return true;
	return rpc_fail(f, 400, RPC_SERVER_ERROR, "unsupported_version",
	    "Bad Request: Unsupported protocol version");
}

static bool check_legacy(const struct rpc_body *b, const char *header, const char *session_version,
    struct rpc_fault *f)
{
	const struct rpc_msg *m = &b->msgs[0];

	if (!b->batch && m->is_initialize)
		return !era_is_modern(header) ||
		    mismatch(f, "initialize belongs to older revisions than MCP-Protocol-Version");
	if (b->batch && (is_unbatched(header) || is_unbatched(session_version)))
		return rpc_fail(f, 400, RPC_INVALID_REQUEST, "invalid_request",
		    "this protocol version has no batches");
	if (era_is_modern(header))
		return rpc_fail(f, 400, RPC_INVALID_PARAMS, "invalid_params",
		    "MCP-Protocol-Version needs its counterpart in _meta");
	return era_check_header(header, f);
}

static const char *version_in_effect(const struct rpc_body *b, enum era era, const char *header,
    const char *session_version)
{
	const char *said = era == ERA_MODERN || b->msgs[0].is_initialize ? b->msgs[0].version :
	    header                                                       ? header :
	                                                                   session_version;

	said = listed(said);
	return said ? said : ERA_DEFAULT_VERSION;
}

bool era_check(const struct rpc_body *b, const struct era_headers *h, const char *session_version,
    struct arena *a, enum era *era, const char **version, struct rpc_fault *f)
{
	const struct rpc_msg *m = &b->msgs[0];
	const char *header = h->version ? trimmed(h->version, a) : NULL;
	bool good;

	*f = (struct rpc_fault){ .status = 0 };
	if (!b->batch && m->kind == RPC_REQUEST)
		f->id = m->id;
	*era = m->modern ? ERA_MODERN : ERA_LEGACY;
	good = m->modern ? check_modern(m, h, header, a, f) : check_legacy(b, header, session_version, f);
	if (!good || !check_mirrors(b, h, a, f))
		return false;
	*version = version_in_effect(b, *era, header, session_version);
	return true;
}
