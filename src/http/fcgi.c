/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing records of FastCGI; fcgi.h has the rules. */
#include "config.h"

#include "http/fcgi.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD_VERSION = 1, RESPONDER = 1, KEEP_CONN = 1, FIRST_BLOCK = 4096 };

enum type {
	BEGIN_REQUEST = 1,
	ABORT_REQUEST = 2,
	END_REQUEST = 3,
	PARAMS = 4,
	STDIN = 5,
	STDOUT = 6,
	STDERR = 7,
	GET_VALUES = 9,
	GET_VALUES_RESULT = 10,
	UNKNOWN_TYPE = 11
};

/* Of FCGI_END_REQUEST (5.5). */
enum ending { REQUEST_COMPLETE = 0, CANT_MPX_CONN = 1, UNKNOWN_ROLE = 3 };

void fcgi_forget(struct fcgi *f)
{
	free(f->block);
	f->block = NULL;
	f->variables = NULL;
	f->block_n = f->block_cap = 0;
}

void fcgi_release(struct fcgi *f)
{
	fcgi_forget(f);
}

bool fcgi_next(struct fcgi *f)
{
	if (!f->keeps || !f->has_body || f->in_record || f->header_n)
		return false;
	fcgi_release(f);
	*f = (struct fcgi){ .id = 0 };
	return true;
}

const char *const *fcgi_variables(const struct fcgi *f)
{
	static const char *const none[] = { NULL };

	return f->variables ? f->variables : none;
}

static enum fcgi_step malformed(struct fcgi *f, const char *why)
{
	f->why = why;
	return FCGI_MALFORMED;
}

static enum fcgi_step refused(struct fcgi *f, int status, const char *why)
{
	f->why = why;
	f->status = status;
	return FCGI_REFUSED;
}

/* ---- what is sent */

static void put_header(unsigned char *p, enum type type, unsigned id, size_t n)
{
	p[0] = RECORD_VERSION;
	p[1] = (unsigned char)type;
	p[2] = (unsigned char)(id >> 8);
	p[3] = (unsigned char)id;
	p[4] = (unsigned char)(n >> 8);
	p[5] = (unsigned char)n;
	p[6] = 0; /* we pad nothing */
	p[7] = 0;
}

/* A record of 16 bytes. */
static void put_ending(unsigned char *p, unsigned id, enum ending how)
{
	put_header(p, END_REQUEST, id, 8);
	memset(p + FCGI_HEADER, 0, 8); /* the program's status, 0, and three bytes that are reserved */
	p[FCGI_HEADER + 4] = (unsigned char)how;
}

void fcgi_stdout(const struct fcgi *f, unsigned char header[FCGI_HEADER], size_t n)
{
	put_header(header, STDOUT, f->id, n);
}

void fcgi_end(const struct fcgi *f, unsigned char end[FCGI_END])
{
	put_header(end, STDOUT, f->id, 0);
	put_ending(end + FCGI_HEADER, f->id, REQUEST_COMPLETE);
}

void fcgi_farewell(unsigned id, unsigned char record[FCGI_FAREWELL])
{
	put_header(record, STDERR, id, 0);
}

static enum fcgi_step answer_ending(struct fcgi *f, unsigned id, enum ending how, enum fcgi_step step)
{
	put_ending(f->answer, id, how);
	f->answer_n = 16;
	return step;
}

/* What is not our request is answered, but not for ever. */
static bool may_answer(struct fcgi *f)
{
	return f->asides++ < FCGI_ASIDES;
}

/* ---- name-value pairs (3.4) */

struct pair {
	const char *name, *value;
	size_t name_n, value_n;
};

static inline bool read_length(const char **p, const char *end, size_t *length)
{
	const unsigned char *s = (const unsigned char *)*p;

	if (*p == end)
		return false;
	if (!(*s & 0x80)) {
		*length = *s;
		*p += 1;
		return true;
	}
	if (end - *p < 4)
		return false;
	*length = (size_t)(*s & 0x7f) << 24 | (size_t)s[1] << 16 | (size_t)s[2] << 8 | s[3];
	*p += 4;
	return true;
}

/* False if what is left is no pair. */
static inline bool read_pair(const char **p, const char *end, struct pair *pair)
{
	if (!read_length(p, end, &pair->name_n) || !read_length(p, end, &pair->value_n) ||
	    pair->name_n > (size_t)(end - *p) || pair->value_n > (size_t)(end - *p) - pair->name_n)
		return false;
	pair->name = *p;
	pair->value = *p + pair->name_n;
	*p += pair->name_n + pair->value_n;
	return true;
}

/* ---- management (4) */

/* Appends a pair of a value that was asked for; its room is certain, for each is answered once. */
static void add_value(struct fcgi *f, const char *name, const char *value)
{
	unsigned char *p = f->answer + f->answer_n;
	size_t name_n = strlen(name), value_n = strlen(value);

	p[0] = (unsigned char)name_n;
	p[1] = (unsigned char)value_n;
	memcpy(p + 2, name, name_n);
	memcpy(p + 2 + name_n, value, value_n);
	f->answer_n += 2 + name_n + value_n;
}

/* 4.1. The numbers are the most that a web server need plan with; a connection carries one request. */
static enum fcgi_step answer_values(struct fcgi *f)
{
	static const struct {
		const char *name, *value;
	} values[] = { { "FCGI_MAX_CONNS", "1000" }, { "FCGI_MAX_REQS", "1000" }, { "FCGI_MPXS_CONNS", "0" } };
	bool wanted[3] = { false, false, false };
	const char *p = (const char *)f->small, *end = p + f->small_n;
	struct pair pair;

	while (p < end) {
		if (!read_pair(&p, end, &pair))
			return malformed(f, "it asks for values in pairs that are none");
		for (size_t i = 0; i < 3; i++)
			wanted[i] |= pair.name_n == strlen(values[i].name) && !memcmp(pair.name, values[i].name, pair.name_n);
	}
	f->answer_n = FCGI_HEADER;
	for (size_t i = 0; i < 3; i++)
		if (wanted[i])
			add_value(f, values[i].name, values[i].value);
	put_header(f->answer, GET_VALUES_RESULT, 0, f->answer_n - FCGI_HEADER);
	return FCGI_ANSWER;
}

/* 4.2 */
static enum fcgi_step answer_unknown(struct fcgi *f, unsigned type)
{
	put_header(f->answer, UNKNOWN_TYPE, 0, 8);
	memset(f->answer + FCGI_HEADER, 0, 8);
	f->answer[FCGI_HEADER] = (unsigned char)type;
	f->answer_n = 16;
	return FCGI_ANSWER;
}

/* ---- variables (5.2) */

/* Room for N more bytes. */
static void block_grow(struct fcgi *f, size_t n)
{
	size_t cap = f->block_cap ? f->block_cap : FIRST_BLOCK;

	while (cap < f->block_n + n)
		cap *= 2;
	if (cap == f->block_cap)
		return;
	f->block = xrealloc(f->block, cap);
	f->block_cap = cap;
}

/* How many there can be: each has two lengths and a name. */
static size_t most_pairs(const struct fcgi *f)
{
	return f->block_n / 3 < FCGI_VARIABLES ? f->block_n / 3 : FCGI_VARIABLES;
}

/*
 * "NAME=value" where the pair lies: before the name is at least one byte of a length, behind the value the first of the next pair's
 * lengths, which has been read when a NUL takes its place, or room for one.
 */
static enum fcgi_step finish_variables(struct fcgi *f)
{
	size_t table = (f->block_n + sizeof(char *)) & ~(sizeof(char *) - 1), count = 0;
	const char *p, *end, **variables;
	struct pair pair;
	char *name, *stop = NULL;

	block_grow(f, table - f->block_n + (most_pairs(f) + 1) * sizeof(char *));
	variables = (const char **)(void *)(f->block + table);
	p = f->block;
	end = p + f->block_n;
	while (p < end) {
		if (!read_pair(&p, end, &pair) || !pair.name_n || memchr(pair.name, '\0', pair.name_n + pair.value_n))
			return refused(f, 400, "a header or variable of the request has no name, or a NUL in it");
		if (count == FCGI_VARIABLES)
			return refused(f, 431, "the request has over 1000 headers and variables");
		name = f->block + (pair.name - f->block) - 1;
		memmove(name, pair.name, pair.name_n);
		name[pair.name_n] = '=';
		variables[count++] = name;
		if (stop)
			*stop = '\0';
		stop = name + 1 + pair.name_n + pair.value_n;
	}
	if (stop)
		*stop = '\0';
	variables[count] = NULL;
	f->variables = variables;
	f->has_variables = true;
	return FCGI_MORE;
}

static enum fcgi_step add_variables(struct fcgi *f, const char *p, size_t n)
{
	if (n > FCGI_VARIABLES_BYTES - f->block_n)
		return refused(f, 431, "the request's headers and variables are over 128 KiB");
	block_grow(f, n);
	memcpy(f->block + f->block_n, p, n);
	f->block_n += n;
	return FCGI_MORE;
}

/* ---- records */

static unsigned type_of(const struct fcgi *f)
{
	return f->header[1];
}

static unsigned id_of(const struct fcgi *f)
{
	return (unsigned)f->header[2] << 8 | f->header[3];
}

static bool is_ours(const struct fcgi *f)
{
	return f->is_begun && id_of(f) == f->id;
}

/* Whether the record's content is read as a whole, when it is complete. */
static bool is_small(const struct fcgi *f)
{
	return id_of(f) ? type_of(f) == BEGIN_REQUEST : type_of(f) == GET_VALUES;
}

/* The header is complete: what may not come now is seen here, before its content is. */
static enum fcgi_step begin_record(struct fcgi *f)
{
	f->content = (unsigned)f->header[4] << 8 | f->header[5];
	f->padding = f->header[6];
	f->in_record = true;
	f->header_n = f->small_n = 0;
	if (f->header[0] != RECORD_VERSION)
		return malformed(f, "its version is not 1: that is no FastCGI");
	if (is_small(f) && f->content > sizeof(f->small))
		return malformed(f, "a record is too long for what it is");
	if (!is_ours(f))
		return FCGI_MORE;
	switch (type_of(f)) {
	case BEGIN_REQUEST:
		return malformed(f, "a request begins twice");
	case ABORT_REQUEST:
		return FCGI_MORE;
	case PARAMS:
		return f->has_variables ? malformed(f, "variables follow their end") : FCGI_MORE;
	case STDIN:
		if (!f->has_variables)
			return malformed(f, "its body begins before its variables end");
		return f->has_body ? malformed(f, "its body goes on behind its end") : FCGI_MORE;
	default:
		return malformed(f, "a record has a type that no web server sends");
	}
}

/* 5.1 */
static enum fcgi_step begin_request(struct fcgi *f)
{
	unsigned id = id_of(f);

	if (f->small_n != 8)
		return malformed(f, "a request's beginning has no 8 bytes");
	if (f->is_begun)
		return may_answer(f) ? answer_ending(f, id, CANT_MPX_CONN, FCGI_ANSWER) : malformed(f, "it begins too many requests");
	if (((unsigned)f->small[0] << 8 | f->small[1]) != RESPONDER)
		return answer_ending(f, id, UNKNOWN_ROLE, FCGI_LAST);
	f->is_begun = true;
	f->id = (uint16_t)id;
	f->keeps = f->small[2] & KEEP_CONN;
	return FCGI_MORE;
}

/* Its content is complete; it has N bytes. */
static enum fcgi_step end_record(struct fcgi *f)
{
	bool is_empty = !f->header[4] && !f->header[5];

	if (!id_of(f)) {
		if (!may_answer(f))
			return malformed(f, "it asks too often");
		return type_of(f) == GET_VALUES ? answer_values(f) : answer_unknown(f, type_of(f));
	}
	if (type_of(f) == BEGIN_REQUEST)
		return begin_request(f);
	if (!is_ours(f))
		return FCGI_MORE;
	if (type_of(f) == ABORT_REQUEST)
		return answer_ending(f, f->id, REQUEST_COMPLETE, FCGI_LAST);
	if (is_empty && type_of(f) == PARAMS)
		return finish_variables(f);
	f->has_body |= is_empty && type_of(f) == STDIN;
	return FCGI_MORE;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static enum fcgi_step take_header(struct fcgi *f, const char **p, const char *end)
{
	size_t n = least(FCGI_HEADER - f->header_n, (size_t)(end - *p));
	enum fcgi_step step;

	memcpy(f->header + f->header_n, *p, n);
	f->header_n += (unsigned)n;
	*p += n;
	if (f->header_n < FCGI_HEADER)
		return FCGI_MORE;
	step = begin_record(f);
	return step == FCGI_MORE && !f->content ? end_record(f) : step;
}

static enum fcgi_step take_content(struct fcgi *f, const char **p, const char *end)
{
	const char *from = *p;
	size_t n = least(f->content, (size_t)(end - from));
	enum fcgi_step step = FCGI_MORE;

	*p += n;
	f->content -= (unsigned)n;
	if (is_small(f)) {
		memcpy(f->small + f->small_n, from, n);
		f->small_n += (unsigned)n;
	} else if (is_ours(f) && type_of(f) == PARAMS) {
		step = add_variables(f, from, n);
	} else if (is_ours(f) && type_of(f) == STDIN) {
		f->piece = from;
		f->piece_n = n;
		return FCGI_PIECE; /* and nothing happens at its record's end */
	}
	return step == FCGI_MORE && !f->content ? end_record(f) : step;
}

static enum fcgi_step take_padding(struct fcgi *f, const char **p, const char *end)
{
	size_t n = least(f->padding, (size_t)(end - *p));

	*p += n;
	f->padding -= (unsigned)n;
	return FCGI_MORE;
}

enum fcgi_step fcgi_feed(struct fcgi *f, const char *bytes, size_t n, size_t *used)
{
	const char *p = bytes, *end = bytes + n;
	enum fcgi_step step = FCGI_MORE;

	while (step == FCGI_MORE && p < end) {
		if (!f->in_record)
			step = take_header(f, &p, end);
		else if (f->content)
			step = take_content(f, &p, end);
		else
			step = take_padding(f, &p, end);
		f->in_record &= f->content || f->padding;
	}
	*used = (size_t)(p - bytes);
	return step;
}
