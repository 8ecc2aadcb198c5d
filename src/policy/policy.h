/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies. One file p_NAME.c each, one line in local.mk (POLICIES); the registry is generated from
 * the definitions `const struct policy p_NAME = {` in the listed files.
 * A hook that is NULL has no opinion. Hooks run in the route's `inbound` order; FAIL refuses.
 */
#ifndef GATEHOUSE_POLICY_POLICY_H
#define GATEHOUSE_POLICY_POLICY_H

#include "conf/project.h"
#include "rpc/rpc.h"

enum policy_answer {
	POLICY_PASS = 0,
	POLICY_DENY, /* a refusal that the policy explains in the err */
	POLICY_FAIL, /* a fault of ours or the configuration: refuses too */
	POLICY_WAIT, /* parked: a transfer or worker finishes it (not in this version's hooks) */
};

/* Headers and query pairs on their way to the upstream: edited in place by on_request. */
struct upstream_request;
/* VALUE with CR, LF or NUL is refused (false). OVERWRITE false: an existing one stays. */
bool upstream_header_set(struct upstream_request *, const char *name, const char *value, bool overwrite);
void upstream_header_remove(struct upstream_request *, const char *name);
/* OVERWRITE false: one of rewritePattern or an earlier policy stays. The client's query never counts. */
bool upstream_query_set(struct upstream_request *, const char *name, const char *value, bool overwrite);
/*
 * VALUE is a credential of the upstream's: it is masked wherever an answer repeats it (protocol F107).
 * Values shorter than UPSTREAM_SECRET_MIN would mask innocent text and are ignored.
 */
enum { UPSTREAM_SECRET_MIN = 8 };
void upstream_secret(struct upstream_request *, const char *value);

struct call; /* src/mcp: the call at hand */
/* The caller's claims, the text of a JSON object; NULL: nobody signed in, or the sign-in gave none. */
const char *call_claims(const struct call *);

struct policy {
	struct policy_type type;
	enum policy_answer (*on_request)(const struct policy_use *, struct call *, struct upstream_request *,
	    struct err *);
	/* Each message of the client's body, before anything goes upstream: DENY answers -32601 `Method not found` to all of it. */
	enum policy_answer (*on_call)(const struct policy_use *, struct call *, const struct rpc_msg *, struct err *);
	/*
	 * Each message, or batch, of the upstream's answer, N bytes at TEXT: what the client gets is appended to OUT. A route
	 * with such a hook has its answers read: whole where they are JSON, event by event where they are streams. DENY and
	 * FAIL refuse the answer (or end the stream). Memory of the work is in the arena.
	 */
	enum policy_answer (*on_message)(const struct policy_use *, const struct call *, struct arena *,
	    const char *text, size_t n, struct buf *out, struct err *);
	/* Whether it decides by the caller's claims: then they are kept with the token. NULL: no. */
	bool (*wants_claims)(const struct policy_use *);
};

/*
 * The generated registry: every policy, ended by NULL; and their types for the project loader, with
 * those of src/idp (the OAuth policies), which have no hooks.
 */
extern const struct policy *const policy_table[];
extern const struct policy_type *const policy_types[];

/* The policy of a use; one without hooks for the OAuth policies. Never NULL. */
const struct policy *policy_of(const struct policy_use *);

#endif
