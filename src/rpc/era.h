/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which revision of MCP a POST speaks, and whether its headers tell the same story as its body
 * (revision 2026-07-28; protocol.md 1.4, 1.5, 1.12). Decisions are made from the body; a header that
 * contradicts it is refused, so that nobody behind us decides from the header.
 */
#ifndef GATEHOUSE_RPC_ERA_H
#define GATEHOUSE_RPC_ERA_H

#include "rpc/rpc.h"

enum era {
	ERA_LEGACY, /* `initialize` and sessions: up to 2025-11-25 */
	ERA_MODERN  /* each request carries its version: from 2026-07-28 on */
};

/* Newest first, ended by NULL. */
extern const char *const era_legacy_versions[];
extern const char *const era_modern_versions[];

/* What counts when nobody says (2025-03-26 has no version header). */
#define ERA_DEFAULT_VERSION "2025-03-26"

/* The data of -32022: {"supported":[VERSIONS],"requested":"…"}. In the arena. */
const char *era_supported_json(const char *const *versions, const char *requested, struct arena *);

/* Whether VERSION is on one of the lists. */
bool era_is_supported(const char *version);

/* Whether VERSION is a date from 2026-07-28 on, known or not. NULL is not. */
bool era_is_modern(const char *version);

/* The headers as sent; NULL: absent. Those sent twice come joined by a comma, and so match nothing. */
struct era_headers {
	const char *version; /* MCP-Protocol-Version */
	const char *method;  /* Mcp-Method */
	const char *name;    /* Mcp-Name */
};

/*
 * Classifies a POST. SESSION_VERSION is what the session negotiated, NULL: no session, or unknown.
 * *VERSION gets the version in effect (static storage or the body's or header's). False with the fault: 400
 * with -32020 (headers and body differ), -32022, -32602, -32600 (a batch where the version has none).
 */
bool era_check(const struct rpc_body *, const struct era_headers *, const char *session_version,
    struct arena *, enum era *, const char **version, struct rpc_fault *);

/* For GET and DELETE, which have no body: false with 400 if the version header is unknown. */
bool era_check_header(const char *version, struct rpc_fault *);

/* The text of a mirrored header: blanks around it off, =?base64?…?= decoded. NULL if it is broken. */
const char *era_header_text(const char *value, struct arena *);

/* The other way: TEXT as such a header's value; encoded where it could not travel as it is, or would be taken for encoded. */
const char *era_header_value(const char *text, struct arena *);

#endif
