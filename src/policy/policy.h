/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies. One file p_NAME.c each, one line in local.mk (POLICIES); the registry is generated from
 * the definitions `const struct policy p_NAME = {` in the listed files.
 *
 * A hook that is NULL has no opinion. On the way up, in the request thread, each policy of the route's `inbound` list
 * has its turn: on_request, on_call for each message, on_body; behind the last, on_sent. On the way back `inbound` comes first, then
 * `outbound`. FAIL refuses. src/mcp/chain.c calls them.
 */
#ifndef GATEHOUSE_POLICY_POLICY_H
#define GATEHOUSE_POLICY_POLICY_H

#include "conf/project.h"
#include "http/http.h"
#include "oauth/bearer.h"
#include "rpc/era.h"
#include "rpc/rpc.h"

enum policy_answer {
	POLICY_PASS = 0,
	POLICY_DENY, /* a refusal: see policy_refuse() */
	POLICY_FAIL, /* a fault of ours, the configuration or the upstream: refuses too */
};

struct call; /* src/mcp: the call at hand */

/* ---- what a policy may know of the call */

struct req *call_req(const struct call *);                /* project, database (app->db), address, headers */
const struct bearer *call_bearer(const struct call *);    /* NULL: nobody signed in */
const struct rpc_body *call_body(const struct call *);    /* n is 0 where there is none (GET) */
const struct mcp_route *call_route(const struct call *);
enum era call_era(const struct call *);
/* The caller's claims, the text of a JSON object; NULL: nobody signed in, or the sign-in gave none. */
const char *call_claims(const struct call *);
/*
 * A place for what the use wants to remember of this call, NULL at first; in the call's memory, or call_req()->arena
 * on the way up. On the way back nothing may be allocated there.
 */
void **policy_state(struct call *, const struct policy_use *);

/* ---- refusals */

struct policy_refusal {
	int status;         /* HTTP: 429; in a stream that has begun it is not seen */
	int rpc_code;       /* JSON-RPC: RPC_SERVER_ERROR */
	const char *reason; /* reason code of the event, of static storage: "rate_limited" */
	int retry_after_s;  /* 0: none */
};

/*
 * Refuses the call, or on the way back the answer, with a text that the client sees: every request in it is answered by a JSON-RPC
 * error of its own. Returns POLICY_DENY. A hook that denies without it says `Method not found`, as if what
 * was asked for did not exist.
 */
enum policy_answer policy_refuse(struct call *, struct err *, const struct policy_refusal *, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

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

/* ---- the way back */

/* The head of the upstream's answer, as the client will get it. */
struct policy_response;
int policy_response_status(const struct policy_response *);
/* NULL: absent. NAME in any case. */
const char *policy_response_get(const struct policy_response *, const char *name);
/*
 * Sets, or with a NULL value removes, a header. False: the header is the gateway's or the connection's to say (Content-Length,
 * Mcp-Session-Id, Set-Cookie, CORS …), or the value has CR, LF or NUL.
 */
bool policy_response_set(struct policy_response *, const char *name, const char *value);

/* In on_message: the answer's status, and its headers, as the client gets them: the I-th one's name (NULL past the end) and value. */
int call_answer_status(const struct call *);
const char *call_answer_header(const struct call *, size_t i, const char **value);

/* What the client got in the end. */
struct policy_over {
	int status;          /* HTTP */
	const char *outcome; /* of the first message, as its event says: "success" */
	const char *reason;  /* NULL: none */
	uint64_t bytes_out;
};

/* Which answers a use reads. */
enum policy_reading {
	POLICY_READS_NOTHING = 0,
	/* lists, wherever they may come from; not the JSON answer to the use of one tool, prompt or resource, of any size */
	POLICY_READS_LISTS,
	POLICY_READS_ALL, /* every answer; one that is neither JSON nor a stream is withheld */
};

enum policy_pace {
	POLICY_QUICK = 0, /* on_message runs in the relay's thread: microseconds for what is usual */
	POLICY_SLOW,      /* it computes: on a worker, while the transfer waits */
	POLICY_WAITS,     /* it asks the network, within a deadline of its own: on one of the workers that may wait */
};

struct policy {
	struct policy_type type;
	/* What goes up: headers and query of U. May ask PostgreSQL, never another network. */
	enum policy_answer (*on_request)(const struct policy_use *, struct call *, struct upstream_request *u,
	    struct err *);
	/* Each message of the client's body. */
	enum policy_answer (*on_call)(const struct policy_use *, struct call *, const struct rpc_msg *, struct err *);
	/*
	 * The client's message or batch, N bytes at TEXT: what goes up instead is appended to OUT; nothing: TEXT, as it came. Ids, the
	 * number of messages and whether they are modern must stay. Memory of the work is in the arena.
	 */
	enum policy_answer (*on_body)(const struct policy_use *, struct call *, struct arena *, const char *text, size_t n,
	    struct buf *out, struct err *);
	/* Its on_request does to Mcp-Param-* headers what on_body does to the parameters: they stay. Else they go where on_body changes anything. */
	bool does_params;
	/* Each message as the upstream gets it, when all policies have had their turn: for those that go by the upstream's own names. */
	enum policy_answer (*on_sent)(const struct policy_use *, struct call *, const struct rpc_msg *, struct err *);
	/* The head of the answer that the client gets (not of one that led to a renewal). In the relay's thread. */
	enum policy_answer (*on_response)(const struct policy_use *, struct call *, struct policy_response *, struct err *);
	/*
	 * Each message, or batch, of the upstream's answer, N bytes at TEXT: what the client gets is appended to OUT. It is whole where
	 * the answer is JSON, and one event's where it is a stream. DENY and FAIL refuse the answer; in a stream a refused message
	 * is replaced by an error, or left out where it answers nothing, and FAIL ends it. Memory of the work is in
	 * the arena. `reads` says which answers (NULL: LISTS where there is this hook), `pace` where it runs.
	 */
	enum policy_answer (*on_message)(const struct policy_use *, struct call *, struct arena *,
	    const char *text, size_t n, struct buf *out, struct err *);
	enum policy_reading (*reads)(const struct policy_use *);
	enum policy_pace pace;
	/*
	 * Whether what on_message makes of an answer follows from its text alone, whoever asks and whenever, as long as the project is in force:
	 * then an answer that comes again may be taken for read. NULL: no.
	 */
	bool (*is_steady)(const struct policy_use *);
	/* After the last byte, or the refusal, of a call that the chain has seen. In the relay's thread, or the request's. */
	void (*on_over)(const struct policy_use *, struct call *, const struct policy_over *);
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
