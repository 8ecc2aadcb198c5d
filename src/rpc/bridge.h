/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the protocol eras: a modern client's messages as a legacy upstream reads them, its answers as the client reads
 * them, and the other way round. Pure: message in, message out; who greets whom, and which session is used, is src/mcp's.
 *
 * What is carried: tools, prompts, resources, completions, discovery, progress, and the wish of a server that its user
 * opens a page (URL elicitation). What is not gets an error that names it. What no copy can tell from the
 * original is copied byte for byte: arguments, contents, structured results, `_meta` keys of others.
 */
#ifndef GATEHOUSE_RPC_BRIDGE_H
#define GATEHOUSE_RPC_BRIDGE_H

#include "rpc/rpc.h"

enum bridge_way {
	BRIDGE_NONE = 0,
	BRIDGE_TO_LEGACY, /* a modern client on a legacy upstream */
	BRIDGE_TO_MODERN  /* a legacy client on a modern upstream */
};

/* One request of a client, and what is known of both sides. */
struct bridge {
	enum bridge_way way;
	const char *method;  /* of the client's message; NULL: it has none */
	struct span id;      /* of the client's request; absent: it is none */
	const char *sent_id; /* TO_LEGACY: what stands for it at the upstream, as JSON; NULL: the same */
	struct span answers; /* TO_LEGACY: the client's inputResponses; absent: none */
	bool url;            /* the client opens pages for a server: URL elicitation */
	bool logs;           /* TO_LEGACY: the client asked for log messages */
	const char *version; /* the upstream's revision, for errors and headers */
	struct span server;  /* TO_LEGACY: the upstream's serverInfo, an object; absent: unknown */
};

/* What becomes of a client's message. */
enum bridge_step {
	BRIDGE_SEND,   /* OUT goes to the upstream */
	BRIDGE_HELLO,  /* server/discover or initialize: bridge_hello() answers, from the upstream's own greeting */
	BRIDGE_ANSWER, /* OUT is the answer; nothing goes to the upstream */
	BRIDGE_ACCEPT, /* a notification or answer that means nothing on the other side: 202 */
	BRIDGE_REFUSE  /* the fault says what cannot be carried */
};

enum bridge_step bridge_up(
    const struct bridge *, const struct rpc_msg *, struct arena *, struct buf *out, struct rpc_fault *);

/* What a message of the answer means, beside what the client gets. */
struct bridge_news {
	int status;        /* the HTTP status that a JSON answer has in the client's era; 0: as it is */
	bool ends;         /* OUT is the last word to the client, though the upstream still works on the call */
	bool answers;      /* the upstream has answered */
	struct buf *back;  /* the caller's: what the upstream is to be told, a message, is appended */
	struct buf *asked; /* the caller's, for all of the call: the pages that the upstream has asked for in its stream */
};

/*
 * N bytes of an answer's text: a message, or a legacy upstream's batch, of which only the answer is kept. What the client
 * gets is appended to OUT: nothing, if it is for the upstream's own era alone. False with upstream_malformed for what is no
 * sound JSON.
 *
 * A page that a legacy upstream asks for in the stream of a modern client's call ends that call, with input_required. When the
 * client calls again, with its user's answer, and the upstream asks for the same page, it gets that answer, and goes on.
 */
bool bridge_down(const struct bridge *, struct arena *, const char *text, size_t n, struct buf *out, struct bridge_news *,
    struct err *);

/*
 * The answer to a client's server/discover or initialize, from GREETING: the result of the upstream's initialize or
 * server/discover, a checked object. ASKED: the revision that a legacy client asked for; NULL: none.
 */
void bridge_hello(const struct bridge *, struct span greeting, const char *asked, struct buf *out);

/* ---- messages of the gateway's own, by which it learns what an upstream is */

#define BRIDGE_ID "gatehouse" /* of all of them */

/* CLIENT_INFO: an object that says who asks; absent: the gateway. URL: the client opens pages. */
void bridge_write_initialize(struct buf *, struct span client_info, bool url);
void bridge_write_initialized(struct buf *);
/* ID: of the request that nobody waits for any more, as JSON. */
void bridge_write_cancelled(struct buf *, const char *id);
void bridge_write_discover(struct buf *);
/* CURSOR: of the page; NULL: the first. MODERN: with the envelope of that era. */
void bridge_write_list(struct buf *, const char *cursor, bool modern);

/* The result of the answer to one of them in a checked message; absent: it is none, or an error. */
struct span bridge_result(struct span message);

#endif
