/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of a call, read from its answer as it passes: constant memory, whatever the
 * answer's size, and no byte is kept but a few of a number and of names. Looks at responses
 * (JSON-RPC objects with an `id`, an `error` or a `result`) at the top of the document, in a batch's array,
 * or in the data of each event of a stream; what is nested deeper never counts.
 *
 * It judges for the event record, not for safety: malformed text is not refused, it only ends what
 * can be known of the message (is `malformed`).
 */
#ifndef GATEHOUSE_RPC_OUTCOME_H
#define GATEHOUSE_RPC_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/scan.h"
#include "rpc/sse.h"

enum { OUTCOME_KEY = 16, OUTCOME_NUMBER = 24, OUTCOME_ID = 64 };

/* What a message was, as far as it came. */
struct outcome {
	bool answered;      /* a response was seen, complete */
	bool error;         /* with a member `error` that is no null */
	bool is_error;      /* with result.isError true */
	bool malformed;     /* some message was no JSON */
	int64_t error_code; /* of the first error; 0: none, or no integer */
	uint64_t messages;  /* complete messages, of every kind */
	uint64_t answers;   /* responses among them */
};

struct rpc_scan {
	struct outcome outcome;
	/* private */
	struct sse sse;
	bool is_sse;
	char want[OUTCOME_ID]; /* the id as spelled; "" any */
	unsigned char state, escape, base, in_text;
	uint32_t depth;        /* of open containers */
	uint64_t kinds;        /* of the outermost 64: 1 for an object */
	unsigned char where[4];/* which member of the containers that matter we are in */
	bool key_next, id_matches, has_id, has_answer, msg_error, msg_is_error, seen, ended, failed;
	char key[OUTCOME_KEY], number[OUTCOME_NUMBER], id[OUTCOME_ID];
	unsigned char key_len, number_len, id_len;
	int64_t msg_code;
};

/*
 * ID: only responses with this id count (as spelled in the request; one longer than OUTCOME_ID - 1 bytes, or an
 * absent one: all count). SSE: the bytes are an event stream.
 */
void rpc_scan_init(struct rpc_scan *, struct span id, bool sse);

void rpc_scan_feed(struct rpc_scan *, const char *p, size_t n);

/* The body has ended: a message cut short is malformed. Then scan.outcome is final. */
void rpc_scan_end(struct rpc_scan *);

/* "success" or "application_error", for the event. Without an answer: "success" (of a notification). */
const char *rpc_scan_outcome(const struct rpc_scan *);

#endif
