/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records that a web server sends for one request (FastCGI Specification 1.0), fed in pieces of any size, and those that
 * answer it. No I/O. What is kept is bounded: the variables; of the body nothing.
 *
 *   3.3   a record: version, type, request id, lengths of content and padding, which may be anything; streams end with an
 *         empty record; records of requests that are not active are ignored
 *   3.4   name-value pairs, each length of one byte, or of four
 *   4     management records have the request id 0
 *   4.1   FCGI_GET_VALUES is answered with those values that we know
 *   4.2   other management records are answered with FCGI_UNKNOWN_TYPE
 *   5.1   FCGI_BEGIN_REQUEST: the role. FCGI_KEEP_CONN is what the web server would like: the one who answers may close all the same
 *   5.2   FCGI_PARAMS, a stream of name-value pairs
 *   5.3   FCGI_STDIN, a stream; here it begins when the variables are complete (6.2)
 *   5.4   FCGI_ABORT_REQUEST is answered with FCGI_END_REQUEST
 *   5.5   FCGI_END_REQUEST: FCGI_CANT_MPX_CONN to a second request, FCGI_UNKNOWN_ROLE to all but responders
 */
#ifndef GATEHOUSE_HTTP_FCGI_H
#define GATEHOUSE_HTTP_FCGI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FCGI_VARIABLES_BYTES = 131072, /* as they come, all together: web servers allow headers of 8 to 64 KB */
	FCGI_VARIABLES = 1000,
	FCGI_ASIDES = 16,              /* answers to what is not our request, on one connection */
	FCGI_HEADER = 8,               /* bytes of a record's header */
	FCGI_CONTENT = 65535,          /* of a record, at most */
	FCGI_END = 24,                 /* bytes of fcgi_end() */
	FCGI_FAREWELL = 8              /* of fcgi_farewell() */
};

enum fcgi_step {
	FCGI_MORE = 0,  /* all was taken, and more of it may come; see has_variables, has_body */
	FCGI_PIECE,     /* of the body: `piece` lies within what was fed. The rest is to be fed again, as after the next one */
	FCGI_ANSWER,    /* `answer` is to be sent to the web server */
	FCGI_LAST,      /* as well; and there is no request, or no longer */
	FCGI_REFUSED,   /* `why` says for what reason. The request can be answered, with `status` */
	FCGI_MALFORMED  /* `why` says in which way. There is nobody to answer */
};

/* Zeroed, it is a new connection; ended by fcgi_release(). */
struct fcgi {
	/* to be read */
	const char *why;
	int status;
	bool has_variables, has_body; /* they are complete */
	bool keeps;                   /* FCGI_KEEP_CONN */
	uint16_t id;
	const char *piece;
	size_t piece_n;
	unsigned char answer[96];
	size_t answer_n;

	/* private */
	unsigned char header[FCGI_HEADER], small[256];
	unsigned header_n, small_n, asides;
	unsigned content, padding; /* of the record, not seen yet */
	bool in_record, is_begun;
	char *block; /* the pairs as they come, then each in its place as "NAME=value"; behind them, where each begins */
	size_t block_n, block_cap;
	const char **variables;
};

void fcgi_release(struct fcgi *);

/*
 * The request was answered: makes it a new connection, for the next one. False if the web server would not keep it, or has not sent all of
 * what it began: then nothing has changed, and the connection is to be closed.
 */
bool fcgi_next(struct fcgi *);

/* N bytes that came. *USED is how many were taken: all, but behind a piece, an answer, or the end. */
enum fcgi_step fcgi_feed(struct fcgi *, const char *p, size_t n, size_t *used);

/* When they are complete: "NAME=value", ended by NULL. They live until fcgi_forget(); before and afterwards there are none. */
const char *const *fcgi_variables(const struct fcgi *);
void fcgi_forget(struct fcgi *);

/* The header of a record of the answer (FCGI_STDOUT), whose content has N bytes, 1 to FCGI_CONTENT. */
void fcgi_stdout(const struct fcgi *, unsigned char header[FCGI_HEADER], size_t n);
/* The answer's end: that of its stream, and of the request (5.5). */
void fcgi_end(const struct fcgi *, unsigned char end[FCGI_END]);
/*
 * What asks a web server to close a connection that it keeps, before we do: the end of an error stream (5.3, FCGI_STDERR) of the request ID,
 * its last one. On an idle connection it is not expected, behind an answer's end neither: nginx closes then, and sends no request that
 * nobody reads. Before an answer, for a request that was on its way, it is what a program may say at any time.
 */
void fcgi_farewell(unsigned id, unsigned char record[FCGI_FAREWELL]);

#endif
