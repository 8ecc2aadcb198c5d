/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the frame of an answer. */
#include "config.h"

#include "net/frame.h"

#include "base/eight.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

enum state {
	AT_STATUS = 0,
	AT_FIELDS,
	AT_BODY,    /* `left` bytes */
	AT_STREAM,  /* until the connection ends */
	AT_SIZE,    /* of a chunk */
	AT_CHUNK,   /* `left` bytes */
	AT_GAP,     /* the line end behind a chunk */
	AT_TRAILER,
	AT_END
};

void frame_init(struct frame *f)
{
	f->why = NULL;
	f->keeps = false;
	f->state = AT_STATUS;
	f->status = 0;
	f->bytes = 0;
	f->fields = 0;
	f->length = f->left = 0;
	f->has_length = f->is_chunked = f->is_old = f->closes = false;
	buf_init(&f->line, FRAME_HEAD_BYTES);
}

void frame_release(struct frame *f)
{
	buf_release(&f->line);
}

static enum frame_step malformed(struct frame *f, const char *why)
{
	f->why = why;
	return FRAME_MALFORMED;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* RFC 9110, 5.6.2: letters, digits and "!#$%&'*+-.^_`|~"; bit C says it of the byte C */
static bool is_tchar(unsigned char c)
{
	static const uint64_t of[4] = { 0x03ff6cfa00000000, 0x57ffffffc7fffffe, 0, 0 };

	return of[c >> 6] >> (c & 63) & 1;
}

bool frame_is_token(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_tchar((unsigned char)s[i]))
			return false;
	return n > 0;
}

size_t frame_token_length(const char *s)
{
	size_t n = 0;

	while (is_tchar((unsigned char)s[n]))
		n++;
	return n;
}

/* Whether one of eight bytes is a control, or a tab. */
static bool have_control(const char *s)
{
	uint64_t x = eight_at(s), delete = x ^ EIGHT(0x7f);

	return (((x - EIGHT(0x20)) & ~x) | ((delete - EIGHT(1)) & ~delete)) & EIGHT(0x80);
}

bool frame_is_text(const char *s, size_t n)
{
	size_t i = 0;

	while (i + 8 <= n && !have_control(s + i))
		i += 8;
	if (n >= 8 && i + 8 > n && !have_control(s + n - 8)) /* some of them once more */
		return true;
	for (; i < n; i++)
		if (((unsigned char)s[i] < ' ' && s[i] != '\t') || s[i] == 0x7f)
			return false;
	return true;
}

static bool is_word(const char *s, size_t n, const char *word)
{
	return n == strlen(word) && !strncasecmp(s, word, n);
}

/* ---- lines */

/* A line; its end is CRLF and nothing else. */
struct line {
	char *p;
	size_t n, whole_n; /* without, and with it */
};

static enum frame_step tell(struct frame *f, const struct line *line)
{
	return f->on_header(line->p, 1, line->whole_n, f->context) == line->whole_n ? FRAME_MORE : FRAME_STOPPED;
}

/* ---- the head */

static bool may_be_status(const char *s, size_t n)
{
	static const char begin[] = "HTTP/1.";

	return !memcmp(s, begin, n < sizeof(begin) - 1 ? n : sizeof(begin) - 1);
}

/* "HTTP/1.1 200 OK" (RFC 9112, 4) */
static enum frame_step read_status(struct frame *f, const struct line *line)
{
	const char *s = line->p;

	if (line->n < 12 || !is_digit(s[7]) || s[8] != ' ' || !is_digit(s[9]) || !is_digit(s[10]) ||
	    !is_digit(s[11]) || (line->n > 12 && s[12] != ' ') || !frame_is_text(s, line->n))
		return malformed(f, "it is no HTTP/1 answer");
	f->status = (s[9] - '0') * 100 + (s[10] - '0') * 10 + (s[11] - '0');
	if (f->status < 100 || f->status == 101) /* nobody asked for another protocol */
		return malformed(f, "its status is none");
	f->has_length = f->is_chunked = false;
	f->length = 0;
	f->is_old = f->closes = s[7] == '0';
	f->state = AT_FIELDS;
	return tell(f, line);
}

static enum frame_step read_length(struct frame *f, const char *s, size_t n)
{
	if (f->has_length)
		return malformed(f, "it has two lengths");
	if (!n || n > 18)
		return malformed(f, "its length is none");
	f->length = 0;
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(s[i]))
			return malformed(f, "its length is none");
		f->length = f->length * 10 + (uint64_t)(s[i] - '0');
	}
	f->has_length = true;
	return FRAME_MORE;
}

static enum frame_step read_coding(struct frame *f, const char *s, size_t n)
{
	if (f->is_chunked || !is_word(s, n, "chunked"))
		return malformed(f, "its transfer coding was not asked for");
	f->is_chunked = true;
	return FRAME_MORE;
}

/* "close, x" */
static void read_connection(struct frame *f, const char *s, size_t n)
{
	const char *end = s + n;

	while (s < end) {
		const char *comma = memchr(s, ',', (size_t)(end - s)), *stop = comma ? comma : end, *next = comma ? comma + 1 : end;

		while (s < stop && (*s == ' ' || *s == '\t'))
			s++;
		while (stop > s && (stop[-1] == ' ' || stop[-1] == '\t'))
			stop--;
		f->closes |= is_word(s, (size_t)(stop - s), "close");
		s = next;
	}
}

/* A field of the head or of the trailer, where it frames nothing (RFC 9110, 6.5.1). */
static enum frame_step read_field(struct frame *f, const struct line *line, bool frames)
{
	const char *colon = memchr(line->p, ':', line->n), *value, *end = line->p + line->n;
	size_t name = colon ? (size_t)(colon - line->p) : 0, n;

	if (++f->fields > FRAME_FIELDS)
		return malformed(f, "it has too many header fields");
	if (!frame_is_token(line->p, name) || !frame_is_text(line->p + name, line->n - name)) /* folded lines begin with a blank */
		return malformed(f, "a header field is none");
	if (!frames)
		return FRAME_MORE;
	for (value = colon + 1; value < end && (*value == ' ' || *value == '\t');)
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	n = (size_t)(end - value);
	if (is_word(line->p, name, "content-length"))
		return read_length(f, value, n);
	if (is_word(line->p, name, "transfer-encoding"))
		return read_coding(f, value, n);
	if (is_word(line->p, name, "connection"))
		read_connection(f, value, n);
	return FRAME_MORE;
}

/* The head is complete: what follows it (RFC 9112, 6.3). */
static enum frame_step choose_body(struct frame *f)
{
	if (f->is_chunked && (f->has_length || f->is_old))
		return malformed(f, f->is_old ? "it is HTTP/1.0 and has a transfer coding" : "it has a length and a transfer coding");
	f->keeps = !f->closes;
	f->left = f->length;
	if (f->status < 200) {
		f->state = AT_STATUS;
	} else if (f->status == 204 || f->status == 304) {
		f->keeps &= !f->is_chunked && !f->length;
		f->state = AT_END;
	} else if (f->is_chunked) {
		f->state = AT_SIZE;
	} else if (f->has_length) {
		f->state = f->length ? AT_BODY : AT_END;
	} else {
		f->keeps = false;
		f->left = UINT64_MAX;
		f->state = AT_STREAM;
	}
	return FRAME_MORE;
}

static enum frame_step read_head_line(struct frame *f, const struct line *line)
{
	enum frame_step step;

	if (f->state == AT_STATUS)
		return read_status(f, line);
	step = line->n ? read_field(f, line, true) : choose_body(f);
	return step == FRAME_MORE ? tell(f, line) : step;
}

/* ---- chunks (RFC 9112, 7.1) */

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "1f;name=value": extensions are for nobody. */
static enum frame_step read_size(struct frame *f, const struct line *line)
{
	size_t n = 0;
	int digit;

	for (f->left = 0; n < line->n && (digit = hex_digit(line->p[n])) >= 0; n++)
		if (n == 15)
			return malformed(f, "a chunk's size is none");
		else
			f->left = f->left << 4 | (unsigned)digit;
	while (n && n < line->n && (line->p[n] == ' ' || line->p[n] == '\t'))
		n++;
	if (!n || (n < line->n && line->p[n] != ';') || !frame_is_text(line->p + n, line->n - n))
		return malformed(f, "a chunk's size is none");
	f->state = f->left ? AT_CHUNK : AT_TRAILER;
	f->bytes = 0;
	f->fields = 0;
	return FRAME_MORE;
}

static enum frame_step read_gap(struct frame *f, const struct line *line)
{
	if (line->n)
		return malformed(f, "a chunk is longer than its size");
	f->state = AT_SIZE;
	return FRAME_MORE;
}

static enum frame_step read_trailer(struct frame *f, const struct line *line)
{
	if (line->n)
		return read_field(f, line, false);
	f->state = AT_END;
	return FRAME_MORE;
}

/* ---- all of it */

/* How long the next line may be. */
static size_t line_max(const struct frame *f)
{
	switch (f->state) {
	case AT_SIZE:
		return FRAME_CHUNK_LINE;
	case AT_GAP:
		return 2;
	case AT_TRAILER:
		return FRAME_TRAILER_BYTES - f->bytes;
	default:
		return FRAME_HEAD_BYTES - f->bytes;
	}
}

static const char *too_long(const struct frame *f)
{
	switch (f->state) {
	case AT_SIZE:
		return "the line before a chunk is over 1024 bytes";
	case AT_GAP:
		return "a chunk is longer than its size";
	case AT_TRAILER:
		return "its trailer is over 8192 bytes";
	default:
		return "its head is over 65536 bytes";
	}
}

static enum frame_step read_line(struct frame *f, const struct line *line)
{
	switch (f->state) {
	case AT_SIZE:
		return read_size(f, line);
	case AT_GAP:
		return read_gap(f, line);
	case AT_TRAILER:
		f->bytes += line->whole_n;
		return read_trailer(f, line);
	default:
		f->bytes += line->whole_n;
		return read_head_line(f, line);
	}
}

/* Takes a line, or the part of it that is there: what was kept of it before lies in `f->line`. */
static enum frame_step take_line(struct frame *f, char **p, const char *end)
{
	const char *feed = memchr(*p, '\n', (size_t)(end - *p));
	size_t n = feed ? (size_t)(feed - *p) + 1 : (size_t)(end - *p);
	struct line line = { *p, 0, n };
	enum frame_step step;

	if (n > line_max(f) || f->line.len > line_max(f) - n)
		return malformed(f, too_long(f));
	*p += n;
	if (!feed || f->line.len) {
		buf_add(&f->line, line.p, n);
		line.p = f->line.data;
		line.whole_n = f->line.len;
	}
	if (f->state == AT_STATUS && !may_be_status(line.p, line.whole_n)) /* it need not end in a line */
		return malformed(f, "it is no HTTP/1 answer");
	if (!feed)
		return FRAME_MORE;
	if (line.whole_n < 2 || line.p[line.whole_n - 2] != '\r')
		return malformed(f, "a line ends without CR");
	line.n = line.whole_n - 2;
	step = read_line(f, &line);
	if (f->line.len)
		buf_clear(&f->line);
	return step;
}

static enum frame_step take_body(struct frame *f, char **p, const char *end)
{
	size_t n = (size_t)(end - *p), taken;

	if (n > FRAME_PIECE)
		n = FRAME_PIECE;
	if (n > f->left)
		n = (size_t)f->left;
	taken = f->on_body(*p, 1, n, f->context);
	if (taken == CURL_WRITEFUNC_PAUSE)
		return FRAME_PAUSED;
	if (taken != n)
		return FRAME_STOPPED;
	*p += n;
	if (f->state == AT_STREAM)
		return FRAME_MORE;
	f->left -= n;
	if (!f->left)
		f->state = f->state == AT_CHUNK ? AT_GAP : AT_END;
	return FRAME_MORE;
}

static bool is_in_body(const struct frame *f)
{
	return f->state == AT_BODY || f->state == AT_STREAM || f->state == AT_CHUNK;
}

enum frame_step frame_feed(struct frame *f, char *bytes, size_t n, size_t *used)
{
	char *p = bytes, *end = bytes + n;
	enum frame_step step = FRAME_MORE;

	while (step == FRAME_MORE && p < end && f->state != AT_END)
		step = is_in_body(f) ? take_body(f, &p, end) : take_line(f, &p, end);
	*used = (size_t)(p - bytes);
	return step == FRAME_MORE && f->state == AT_END ? FRAME_DONE : step;
}

enum frame_step frame_end(struct frame *f)
{
	f->keeps = false;
	if (f->state == AT_STREAM || f->state == AT_END)
		return FRAME_DONE;
	f->why = is_in_body(f) || f->state >= AT_SIZE ? "its body breaks off" : f->bytes || f->line.len ? "its head breaks off" : NULL;
	return FRAME_BROKEN;
}
