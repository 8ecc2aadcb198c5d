/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call needs of its upstream before it can go there, or instead: which era the upstream speaks, a session for a
 * modern client (rpc/bridge.h), the tool's marks for Mcp-Param-* (rpc/param.h), a list that is still good. Errands are
 * transfers of the call itself, one after the other, with its headers and credential, in the relay's thread;
 * what they bring is kept (known.h), so that most calls need none.
 */
#ifndef GATEHOUSE_MCP_ERRAND_H
#define GATEHOUSE_MCP_ERRAND_H

#include "base/buf.h"
#include "base/err.h"
#include "mcp/head.h"
#include "mcp/known.h"
#include "mcp/relay.h"
#include "rpc/bridge.h"
#include "rpc/param.h"

struct call;

enum errand_kind {
	ERRAND_NONE = 0, /* the transfer is the call */
	ERRAND_DISCOVER,
	ERRAND_INITIALIZE,
	ERRAND_INITIALIZED,
	ERRAND_LIST
};

enum errand_era {
	UPSTREAM_UNKNOWN = 0,
	UPSTREAM_MODERN, /* and perhaps legacy, too */
	UPSTREAM_LEGACY,
	UPSTREAM_SILENT /* it did not say: the call goes as it is */
};

struct errand { /* of a call */
	bool begun;
	struct flight *flight, *awaited; /* flights.h: its own, another's */
	enum errand_kind waits_kind; /* what others were waited for, and how often */
	unsigned waits;
	enum errand_kind kind;
	enum errand_era upstream;
	struct bridge bridge;  /* way BRIDGE_NONE: messages go as they are */
	struct span greeting;  /* what DISCOVER or INITIALIZE brought */
	const char *session;   /* the upstream's, of a modern client; NULL: none */
	bool has_session;      /* there is one, with an id or without */
	bool is_fresh;         /* made for this call */
	bool is_kept;          /* for later calls: else it ends with this one */
	bool probing;          /* only whether there can be one */
	bool over;             /* the bridge has said its last word to the client */
	int status;            /* of the answer in the client's era; 0: as it is */
	const char *sent_id;   /* of the client's request at a legacy upstream, as JSON; NULL: it has not gone there */
	bool answered;         /* the upstream has answered it */
	struct buf asked;      /* struct bridge_news */
	struct buf body;       /* of the transfer at hand, or of the translated call */

	/* of what it brought, where a worker reads it */
	struct span brought;
	bool good, more;       /* a greeting; another page is wanted */
	struct err *why;       /* it is not good */

	bool has_marks;
	const struct param_mark *marks; /* of the tool that is called */
	const char *cursor;
	unsigned pages;
	size_t list_bytes;     /* of them */
	struct buf tools;      /* those with marks, so far */
	uint64_t changes;

	bool keeps;            /* the answer is a list that may be kept */
	struct known_key shared, own;
};

/* After the credential is there: PASS (the call goes up), AGAIN (an errand first), HAVE or REFUSE. */
enum relay_verdict errand_begin(struct call *, struct err *);

/* The relay's hook, where the call waited for another's errand. */
enum relay_verdict errand_resume(struct call *, struct err *);

/*
 * A head that was not about the credential: READ for an errand's; for the call's own, PASS, or another verdict where the upstream
 * turned out to be of the other era, or to have forgotten the session.
 */
enum relay_verdict errand_head(struct call *, const struct head *, struct err *);

/* The call has ended so: what of it is still open at the upstream is closed there. */
void errand_over(struct call *, enum relay_end, const struct err *);

/* The relay's hooks of these names. */
bool errand_awaited(struct relay_call *, const char *data, size_t n);
enum relay_verdict errand_done(struct relay_call *, const char *text, size_t n, struct err *);

/* What goes up next: N bytes at BODY, which stay, with their headers. */
void errand_load(struct call *, const char *body, size_t n);
/* The headers of the transfer at hand. */
struct curl_slist *errand_headers(struct call *);

/* Whether messages of the answer must be read, for the bridge or to keep a list. */
bool errand_reads(const struct call *);
/* A message or batch as the upstream sent it: kept, and changed for the client in place. Any thread. */
bool errand_read(struct call *, struct buf *text, struct err *);

#endif
