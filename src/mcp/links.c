/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of JSON as it takes to know where in a message one is: containers, names, strings. What is no JSON
 * is nothing that a client could act on, and may be misread.
 */
#include "config.h"

#include "mcp/links.h"

#include "json/scan.h"

#include <string.h>

enum { PIECE_MAX = 1 << 30 /* of what is given at once */ };

enum state {
	BETWEEN, /* values; also in numbers and words */
	IN_NAME,
	IN_TEXT,
	IN_LINK, /* an address that has been good so far */
	GOOD,    /* one that is */
	BAD,     /* one that is blotted out */
};

enum member {
	OTHER = 0,
	ERROR,
	DATA,
	ELICITATIONS,
	PARAMS,
	RESULT,
	INPUT_REQUESTS,
	URL,
};

#define NAME(text) { text, sizeof(text) - 1 }

static const struct {
	const char *text;
	size_t n;
} names[] = {
	[ERROR] = NAME("error"), [DATA] = NAME("data"), [ELICITATIONS] = NAME("elicitations"), [PARAMS] = NAME("params"),
	[RESULT] = NAME("result"), [INPUT_REQUESTS] = NAME("inputRequests"), [URL] = NAME("url"),
};

/* The next container to be at, or none of interest. */
static void enter(struct links *l, bool object)
{
	if (l->depth < LINKS_DEPTH) {
		l->at[l->depth].object = object;
		l->at[l->depth].member = OTHER;
	}
	l->depth++;
}

static void leave(struct links *l)
{
	if (l->depth)
		l->depth--;
}

static bool is_member(const struct links *l, unsigned depth, enum member m)
{
	return l->at[depth].object && l->at[depth].member == m;
}

/*
 * Whether a value that begins here is such an address: `params.url` of a request of the server;
 * `error.data.elicitations[].url`; `result.inputRequests.KEY.params.url`. A batch is one array deeper.
 */
static bool is_link(const struct links *l)
{
	unsigned b = l->depth && !l->at[0].object ? 1 : 0, n = l->depth - b;

	if (l->depth > LINKS_DEPTH || n < 2 || !is_member(l, l->depth - 1, URL))
		return false;
	if (n == 2)
		return is_member(l, b, PARAMS);
	if (n != 5)
		return false;
	return (is_member(l, b, ERROR) && is_member(l, b + 1, DATA) && is_member(l, b + 2, ELICITATIONS) &&
		   !l->at[b + 3].object) ||
	    (is_member(l, b, RESULT) && is_member(l, b + 1, INPUT_REQUESTS) && l->at[b + 2].object &&
		is_member(l, b + 3, PARAMS));
}

/* ---- names, however they are spelled */

static void name_add(struct links *l, unsigned c)
{
	if (l->name_len < sizeof(l->name))
		l->name[l->name_len] = c < 0x80 ? (char)c : '?';
	l->name_len++;
}

static unsigned hex(char c)
{
	return c >= '0' && c <= '9' ? (unsigned)(c - '0') : ((unsigned)c | 0x20) - 'a' + 10;
}

static void name_escape(struct links *l, char c)
{
	if (l->unit_digits) {
		l->unit = l->unit << 4 | (hex(c) & 15);
		if (!--l->unit_digits) {
			name_add(l, l->unit);
			l->escape = 0;
		}
	} else if (c == 'u') {
		l->unit_digits = 4;
		l->unit = 0;
	} else { /* none of the short ones is in a name that counts */
		name_add(l, '?');
		l->escape = 0;
	}
}

static void end_name(struct links *l)
{
	enum member m = OTHER;

	for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		if (l->name_len == names[i].n && *l->name == *names[i].text && !memcmp(l->name, names[i].text, l->name_len))
			m = (enum member)i;
	if (l->depth && l->depth <= LINKS_DEPTH)
		l->at[l->depth - 1].member = (unsigned char)m;
	l->state = BETWEEN;
}

static void in_name(struct links *l, char c)
{
	if (l->escape)
		name_escape(l, c);
	else if (c == '\\')
		l->escape = 1;
	else if (c == '"')
		end_name(l);
	else
		name_add(l, (unsigned char)c);
}

/* Plain bytes of a name, and the one behind them. Returns how many of the N they are. */
static size_t in_name_run(struct links *l, const char *p, size_t n)
{
	size_t plain = l->escape ? 0 : (size_t)(scan_plain_end(p, p + n) - p);

	if (l->name_len < sizeof(l->name)) {
		size_t room = sizeof(l->name) - l->name_len;

		memcpy(l->name + l->name_len, p, plain < room ? plain : room);
	}
	l->name_len += (unsigned)plain;
	if (plain == n)
		return n;
	in_name(l, p[plain]);
	return plain + 1;
}

/* ---- texts */

/*
 * "http://" or "https://", in any case; a slash may be escaped. As soon as a byte does not fit, it and all that
 * follow are blotted out: what has gone is a beginning that leads nowhere.
 */
static enum state in_link(struct links *l, char c)
{
	static const char begin[] = "https://";
	unsigned n = l->matched;
	char low = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;

	if (l->escape) {
		l->escape = 0;
		if (c != '/')
			return BAD;
	} else if (c == '\\' && n > 4) {
		l->escape = 1;
		return IN_LINK;
	}
	if (n == 4 && low == ':') /* without the s */
		n = 5;
	else if (low != begin[n])
		return BAD;
	l->matched = (unsigned char)(n + 1);
	return l->matched == sizeof(begin) - 1 ? GOOD : IN_LINK;
}

/* A byte of a string. False: it is to be blotted out. */
static bool in_string(struct links *l, char c)
{
	bool was_bad = l->state == BAD;

	if (l->state == IN_LINK && !(c == '"' && !l->escape)) {
		l->state = (unsigned char)in_link(l, c);
		if (l->state == BAD) {
			l->blotted++;
			/* a backslash, before or here, is the next byte's business */
			l->escape = c == '\\';
			return false;
		}
		return true;
	}
	if (l->escape) {
		l->escape = 0;
	} else if (c == '\\') {
		l->escape = 1;
	} else if (c == '"') {
		l->state = BETWEEN;
		return true;
	}
	return !was_bad;
}

static void begin_string(struct links *l, bool name)
{
	l->escape = l->unit_digits = l->matched = 0;
	l->name_len = 0;
	if (name)
		l->state = IN_NAME;
	else
		l->state = is_link(l) ? IN_LINK : IN_TEXT;
}

/* ---- the message */

static void between(struct links *l, char c)
{
	switch (c) {
	case '{':
	case '[':
		enter(l, c == '{');
		l->matched = 1; /* a name may come */
		break;
	case '}':
	case ']':
		leave(l);
		l->matched = 0;
		break;
	case ',':
		l->matched = 1;
		break;
	case ':':
		l->matched = 0;
		break;
	case '"':
		begin_string(l, l->matched && l->depth && l->depth <= LINKS_DEPTH && l->at[l->depth - 1].object);
		break;
	default:
		break;
	}
}

/* The first one in a piece makes the copy of it. */
static void blot(struct links *l, const char *at)
{
	if (!l->copied && !buf_add(&l->work, l->piece, l->piece_len))
		return;
	l->copied = true;
	l->work.data[at - l->piece] = '-';
}

static void read_data(void *own, const char *p, size_t n)
{
	struct links *l = own;
	size_t i = 0;

	while (i < n) {
		if (l->state == BETWEEN) {
			between(l, p[i++]);
			continue;
		}
		if (l->state == IN_NAME) {
			i += in_name_run(l, p + i, n - i);
			continue;
		}
		if (l->state != IN_LINK && l->state != BAD && !l->escape)
			i = (size_t)(scan_plain_end(p + i, p + n) - p);
		if (i == n)
			break;
		if (!in_string(l, p[i]) && p[i] != '\n')
			blot(l, p + i);
		i++;
	}
}

static void end_message(void *own)
{
	struct links *l = own;

	l->depth = 0;
	l->state = BETWEEN;
	l->matched = 0;
}

void links_init(struct links *l, bool sse)
{
	*l = (struct links){ .is_sse = sse };
	buf_init(&l->work, PIECE_MAX);
	if (sse)
		sse_init(&l->sse, read_data, end_message, l);
}

void links_release(struct links *l)
{
	buf_release(&l->work);
}

const char *links_feed(struct links *l, const char *p, size_t n)
{
	buf_clear(&l->work);
	l->piece = p;
	l->piece_len = n;
	l->copied = false;
	if (l->is_sse)
		sse_feed(&l->sse, p, n);
	else
		read_data(l, p, n);
	return l->copied ? buf_text(&l->work) : p;
}
