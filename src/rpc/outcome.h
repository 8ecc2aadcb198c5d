/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of a call, read from its answer as it passes: constant memory, whatever the
 * answer's size. Looks at responses (JSON-RPC objects with an `error` or a `result`) at the top of
 * the document, in a batch's array, or in the data of each event of a stream; what is nested deeper
 * never counts.
 *
 * It judges for the event record, not for safety: text that is no JSON is not refused, it only
 * ends what can be known of that message (`malformed`).
 */
#ifndef GATEHOUSE_RPC_OUTCOME_H
#define GATEHOUSE_RPC_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/scan.h"
#include "rpc/sse.h"
#include "rpc/token_count.h"

/* One response. */
struct rpc_answer {
	uint64_t id;        /* rpc_id_hash() of its id; 0: it has none */
	bool error;         /* it has an `error` that is not null */
	bool is_error;      /* its result.isError is true */
	int64_t error_code; /* error.code; 0: none, or no integer */
	uint64_t tokens;    /* of its result, an object, estimated (rpc/token_count.h) */
};

/* A tool in the list `tools` of a result. */
struct rpc_tool {
	const char *name; /* well-formed text, until the call returns */
	uint64_t tokens;  /* of its definition, estimated */
	const char *does; /* by its annotations: "read", "create", "update", "delete", of static storage; NULL: they do not say */
};

enum { RPC_TOOL_NAME_MAX = 128 }; /* as MCP has it: tools with longer names are not told */

/* What all the messages were, as far as they came. */
struct outcome {
	bool answered;      /* a response that counts was seen, complete */
	bool error;         /* one had an error */
	bool is_error;      /* one had result.isError */
	bool malformed;     /* some message was no JSON, or cut short */
	bool has_list;      /* a result has an array of tools, prompts, resources or templates; also in another case */
	int64_t error_code; /* of the first error; 0: none, or no integer */
	uint64_t messages;  /* complete messages, of every kind */
	uint64_t answers;   /* responses among them that count */
};

struct rpc_scan {
	struct outcome outcome;
	/* Each response that counts, as it completes (a batch has many). May be set after init. */
	void (*on_answer)(void *own, const struct rpc_answer *);
	/* A notification that a list (tools, prompts, resources) has changed. May be set after init. */
	void (*on_changed)(void *own);
	/* Each tool of a list, as it completes; its message may prove no answer later. May be set after init. */
	void (*on_tool)(void *own, const struct rpc_tool *);
	void *own;
	/* private */
	struct sse sse;
	uint64_t want;   /* the hash of the only id that counts; 0: any */
	uint64_t kinds;  /* of the open containers, innermost lowest: 1 for an object */
	uint64_t deep;   /* how many more are open than `kinds` can hold */
	uint64_t hash;   /* of the id or method being read */
	uint64_t method; /* of the message's method, as an id is hashed */
	unsigned depth;  /* of open containers, at most 64 */
	unsigned base;   /* the depth inside a message: 1, or 2 in a batch */
	struct rpc_answer msg;
	struct token_count tokens; /* of the result being read */
	const char *uncounted;     /* from here on, in the piece at hand, bytes of the result are not yet in `tokens`; or NULL */
	const char *at;            /* the step being taken begins here */
	uint64_t tool_from;        /* tokens of the result before the tool being read */
	bool is_sse, has_method, has_answer;
	bool tools; /* in the result's `tools` */
	unsigned char tool_member, hint; /* of the tool being read; of its annotations */
	unsigned char hints_true, hints_false;
	unsigned char state, member, inner, text_len, escape;
	unsigned unit, high; /* the \u escape being read, the high surrogate before it */
	char text[24];       /* the name or the scalar being read, if it is short */
	unsigned name_len;
	char name[RPC_TOOL_NAME_MAX + 1]; /* of the tool being read */
};

/* The same for an id however its text is escaped; never 0 for an id that is there. */
uint64_t rpc_id_hash(struct span id);

/* ID: only responses with this id count; absent: all do. SSE: the bytes are an event stream. */
void rpc_scan_init(struct rpc_scan *, struct span id, bool sse);

/* The next N bytes, any N. */
void rpc_scan_feed(struct rpc_scan *, const char *p, size_t n);

/* The body has ended: a message cut short is malformed. Then `outcome` is final. */
void rpc_scan_end(struct rpc_scan *);

/* "success" or "application_error", for the event. "success" too if nothing was answered. */
const char *rpc_scan_outcome(const struct rpc_scan *);

#endif
