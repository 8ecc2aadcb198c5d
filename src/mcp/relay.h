/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay: one thread, at any moment, that runs every transfer of the process and writes the answers as they
 * arrive. A request thread prepares a call and submits it; from then on the call, with its
 * request and its arena, belongs to the relay, which ends it. No thread waits for an upstream. Request threads take turns at being the
 * relay's (mcp/crew.h): that one also takes connections, and prepares their calls as long as nothing in it has to wait.
 *
 * The relay knows HTTP and event streams, not MCP: what an answer means is decided by the hooks,
 * which run in its thread and must not block. A hook that needs longer sets `busy`, has another thread do the work, and is called
 * again when that has said relay_ready(); until then nothing more of the call's body comes.
 *
 *   submit -> transfer -> head (hook) -> body ... (hook) -> over (hook) -> the request is finished
 *                   \-> refused (hook), if it fails before a head was passed on
 */
#ifndef GATEHOUSE_MCP_RELAY_H
#define GATEHOUSE_MCP_RELAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/http.h"
#include "mcp/head.h"
#include "net/transfer.h"
#include "net/wire.h"
#include "rpc/sse.h"

struct relay;
struct relay_call;
struct lane;

enum relay_verdict {
	RELAY_PASS = 0, /* the response's status and headers are set: they go out, and the body follows */
	RELAY_KEEP,     /* as RELAY_PASS, but nothing goes out until all of the body was read: then `kept` decides */
	RELAY_PARK,     /* this answer is dropped, and the call waits: `waits_for` is set (see relay_resume) */
	RELAY_AGAIN,    /* the transfer was changed (another URL): it is made again, this answer is dropped */
	RELAY_REFUSE,   /* the error is set: this answer is dropped, `refused` answers */
	RELAY_READ,     /* the transfer was an errand: its answer is read, and `errand` goes on from there */
	RELAY_HAVE,     /* no transfer is needed: the answer is `have`, its head is set; it goes to `kept` */
};

/* How a call ended, beside its error. */
enum relay_end {
	RELAY_END_DONE,      /* all of an answer went out, the upstream's or one of ours */
	RELAY_END_BROKEN,    /* the upstream broke off, or fell silent, in the middle of the body */
	RELAY_END_CANCELLED, /* the client left, or did not read */
	RELAY_END_STOPPED,   /* a stream that we ended: the process stops, or the grant was revoked */
};

struct relay_hooks {
	/* Before the first transfer: PASS, PARK, HAVE or REFUSE. */
	enum relay_verdict (*begin)(struct relay_call *, struct err *);
	/* What a parked call waited for is there: PASS or AGAIN, PARK, HAVE or REFUSE. */
	enum relay_verdict (*resume)(struct relay_call *, const void *key, struct err *);
	enum relay_verdict (*head)(struct relay_call *, const struct head *, struct err *);
	/* An event's data, of an errand's stream: whether it is what was waited for. The stream is left then. */
	bool (*awaited)(struct relay_call *, const char *data, size_t n);
	/*
	 * What an errand brought, N bytes at TEXT (valid in this call, or until it is no more busy): the JSON, the awaited event's data, or
	 * nothing. The next transfer is set (AGAIN), or HAVE, PARK, REFUSE. If it became busy, it is called once more with a NULL TEXT.
	 */
	enum relay_verdict (*errand)(struct relay_call *, const char *text, size_t n, struct err *);
	/* A piece of the body, at most 16 KiB: returns its length and *OUT, what goes out (valid until the next piece). With N 0
	 * at the end, to hand out what was held back. */
	size_t (*body)(struct relay_call *, const char *p, size_t n, const char **out);
	/* What body() was busy with is there: its length and *OUT, as body(). May be busy again at once. */
	size_t (*more)(struct relay_call *, const char **out);
	/*
	 * The whole body of an answer that was to be kept, N bytes at TEXT, which stay until the call's end: fills the response's body.
	 * False: refused. If it became busy, it is called once more with a NULL TEXT.
	 */
	bool (*kept)(struct relay_call *, const char *text, size_t n, struct err *);
	/* Fills the response (status, headers, body) from the error. */
	void (*refused)(struct relay_call *, const struct err *);
	/* Nothing more is written. ERR is what `refused` got, or no error. */
	void (*over)(struct relay_call *, enum relay_end, const struct err *);
};

struct relay_call {
	/* set by the caller */
	struct req *req;   /* detached */
	struct resp *resp; /* in the request's arena */
	const struct relay_hooks *hooks;
	struct transfer transfer; /* its callbacks and context are the relay's */
	const char *lane_name;    /* calls of one lane share connections; one per upstream */
	const char *tag;          /* by which relay_end_tagged() finds it; NULL: it does not */
	const char *grant_id;     /* revoking it ends a stream; NULL: none */
	int timeout_ms;           /* longest silence until the head, and in an answer that is no stream */
	int64_t idle_ms;          /* longest silence of a stream; 0: for ever */
	size_t keep_max;          /* of an answer that is kept */
	int64_t until_ms;         /* on clock_ms(): a stream ends then, as its grant does; 0: never */
	int64_t comment_ms;       /* a silent stream gets a comment line so often; 0: never */
	bool is_listening;        /* a stream that no request waits for (GET) */

	/* set by a hook that answers RELAY_PARK */
	const void *waits_for;

	/* set by a hook that answers RELAY_HAVE: in the request's arena */
	const char *have;
	size_t have_n;

	/* set by the hooks `errand`, `body`, `more` and `kept`; cleared by the relay when relay_ready() has come */
	bool busy;
	/* set by the hooks `body` and `more`: what they hand out is the last, whatever the upstream does */
	bool finished;

	/* for the thread that does the work of a busy call: nobody wants it any more */
	atomic_bool unwanted;

	/* for the hooks to read */
	bool is_stream;       /* the answer is text/event-stream */
	int status;           /* of the upstream's answer; 0: none */
	uint64_t bytes_out;   /* of the body */
	int64_t upstream_us;  /* between the start of the transfer and its end */

	/* the relay's own */
	struct relay_call *next, *prev;
	struct relay *relay;
	struct lane *lane;
	enum wire_way way; /* of the transfer */
	struct wire *wire; /* or libcurl's: */
	CURL *easy;
	struct head head;
	struct err err;
	struct sse sse;
	size_t unflushed; /* bytes given to io_write() since the last flush */
	struct buf keep;
	const char *rest; /* still to be written: before the transfer goes on, or when it is over */
	size_t rest_n;
	int64_t start_us;
	int64_t heard_ms, wrote_ms;
	uint32_t watched;
	unsigned hops;
	enum relay_end end;
	CURLcode code;          /* how the transfer ended while the hooks were busy: `ended` */
	enum relay_end cut_end; /* how the call is to end as soon as they are not: `cut` */
	bool head_passed, keeping, again, paused, ending, dead, registered;
	bool named; /* it was registered once: an event may name it */
	bool reading, found; /* an errand's answer; the event that was awaited */
	bool told;           /* the hooks are busy with what an errand brought */
	size_t read_n;       /* bytes of an errand's answer */
	bool ended, cut, ready, kept, kept_ok;
};

/*
 * Starts the thread. One relay per process. If SERVES is not NULL, the listening socket that is descriptor 0 is in the relay's loop, and
 * SERVES(OWN, IO) is called for each request, as soon as there is a thread that has called relay_run().
 */
struct relay *relay_start(void (*serves)(void *own, struct io *), void *own);

/* Whether descriptor 0 was a listening socket. */
bool relay_listens(const struct relay *);
/* The work of a request thread, until relay_shut(): see mcp/crew.h. */
void relay_run(struct relay *);

/* Takes no more connections, and waits until the requests that have come are served, at most until UNTIL (CLOCK_REALTIME): else false. */
bool relay_shut(struct relay *, const struct timespec *until);

/* Hands the call over. The caller must not touch it, its request or its arena again. */
void relay_submit(struct relay *, struct relay_call *);

/* Ends the streams of a grant; with NULL all listening streams (clients open them again, and are checked). */
void relay_end_streams(struct relay *, const char *grant_id);

/* Ends all streams of a lane: its route was changed. */
void relay_end_lane(struct relay *, const char *lane_name);

/* Ends the calls with this tag: one that has no answer yet is refused, with reason "cancelled". */
void relay_end_tagged(struct relay *, const char *tag);

/*
 * From any thread: what calls wait for by this key is there. In the relay's thread all of them are resumed, then
 * RELEASE(KEY) is called.
 */
void relay_resume(struct relay *, void *key, void (*release)(void *key));

/* From the thread that did the work of a busy call. */
void relay_ready(struct relay *, struct relay_call *);

/* Finishes the calls in flight, ends streams within STREAMS_MS (listening ones at once), then the thread. */
void relay_stop(struct relay *, int streams_ms);

#endif
