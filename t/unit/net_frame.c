/* SPDX-License-Identifier: Apache-2.0 */
/* Where an upstream's answer ends, and what is none. */
#include "config.h"

#include "net/frame.h"

#include "tap.h"

#include <curl/curl.h>
#include <stdlib.h>

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

static struct buf lines, body;
static bool wants_lines = true, wants_body = true, waits;

static size_t on_header(char *line, size_t one, size_t n, void *context)
{
	(void)context;
	buf_add(&lines, line, one * n);
	return wants_lines ? n : 0;
}

static size_t on_body(char *p, size_t one, size_t n, void *context)
{
	(void)context;
	if (waits)
		return CURL_WRITEFUNC_PAUSE;
	buf_add(&body, p, one * n);
	return wants_body ? n : 0;
}

static struct frame f = { .on_header = on_header, .on_body = on_body };
static size_t used;

static enum frame_step feed_n(const char *text, size_t n)
{
	char *copy = malloc(n ? n : 1);
	enum frame_step step;

	memcpy(copy, text, n);
	step = frame_feed(&f, copy, n, &used);
	free(copy);
	return step;
}

static enum frame_step feed(const char *text)
{
	return feed_n(text, strlen(text));
}

static enum frame_step read_new(const char *text, size_t n)
{
	frame_release(&f);
	frame_init(&f);
	buf_clear(&lines);
	buf_clear(&body);
	return feed_n(text, n);
}

static enum frame_step begin(const char *text)
{
	return read_new(text, strlen(text));
}

static const struct {
	const char *name, *text, *body;
	bool keeps;
	size_t rest;
} good[] = {
	{ "a body of a length", OK "Content-Length: 5\r\n\r\nhello", "hello", true, 0 },
	{ "what follows it is no part of it", OK "content-LENGTH:5 \t\r\n\r\nhelloHTTP/1.1", "hello", true, 8 },
	{ "a body of no bytes", OK "Content-Length: 0\r\n\r\n", "", true, 0 },
	{ "a chunked body", CHUNKED "5\r\nhello\r\n00b;a=\"b\"\r\n, and world\r\n0\r\n\r\n", "hello, and world", true, 0 },
	{ "its trailer is dropped", CHUNKED "1\r\nx\r\n0\r\nContent-Length: 7\r\nX: y\r\n\r\n.", "x", true, 1 },
	{ "capital digits, a blank behind them", CHUNKED "A \r\n0123456789\r\n0\r\n\r\n", "0123456789", true, 0 },
	{ "a line end in a chunk belongs to it", CHUNKED "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", true, 0 },
	{ "Connection: close", OK "Content-Length: 1\r\nConnection: x ,\tClose\r\n\r\nx", "x", false, 0 },
	{ "Connection: closed is another word", OK "Content-Length: 1\r\nConnection: closed\r\n\r\nx", "x", true, 0 },
	{ "HTTP/1.0 ends with its connection", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", false, 0 },
	{ "204 has no body", "HTTP/1.1 204 No Content\r\n\r\nx", "", true, 1 },
	{ "204 with a length is not trusted further", "HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\nx", "", false, 1 },
	{ "204 with a coding neither", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", false, 5 },
	{ "304 has none", "HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n", "", true, 0 },
	{ "interim answers are not it, nor is their length", "HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", "x", true, 0 },
	{ "bytes past ASCII in a value", OK "X: \xc3\xa4\tb\r\nContent-Length: 0\r\n\r\n", "", true, 0 },
};

/* What two readers might frame in two ways, or what is no HTTP. */
static const struct {
	const char *name, *text;
} bad[] = {
	{ "two lengths", OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello" },
	{ "twice the same length", OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" },
	{ "a list of lengths", OK "Content-Length: 5, 5\r\n\r\nhello" },
	{ "a length with a sign", OK "Content-Length: +5\r\n\r\nhello" },
	{ "a hexadecimal length", OK "Content-Length: 0x5\r\n\r\nhello" },
	{ "no length", OK "Content-Length:\r\n\r\nhello" },
	{ "a length of 19 digits", OK "Content-Length: 0000000000000000005\r\n\r\nhello" },
	{ "a length and a coding", OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
	{ "a coding and a length", OK "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" },
	{ "another coding", OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" },
	{ "identity, which is none", OK "Transfer-Encoding: identity\r\n\r\nx" },
	{ "chunked twice", OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
	{ "an empty coding", OK "Transfer-Encoding:\r\n\r\n0\r\n\r\n" },
	{ "a coding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
	{ "a folded line", OK "X: y\r\n Content-Length: 5\r\n\r\nhello" },
	{ "a line folded by a tab", OK "X: y\r\n\tz\r\n\r\n" },
	{ "a folded line first of all", OK " X: y\r\n\r\n" },
	{ "a blank before the colon", OK "Content-Length : 5\r\n\r\nhello" },
	{ "no colon", OK "Content-Length 5\r\n\r\nhello" },
	{ "no name", OK ": 5\r\n\r\nhello" },
	{ "lines that end in LF", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello" },
	{ "one line that ends in LF", OK "X: y\nContent-Length: 5\r\n\r\nhello" },
	{ "a blank line that is LF", OK "Content-Length: 5\r\n\nhello" },
	{ "CR in a value", OK "X: y\rz: 1\r\n\r\n" },
	{ "a control in a value", OK "X: y\x01\r\n\r\n" },
	{ "DEL in a value", OK "X: y\x7f\r\n\r\n" },
	{ "HTTP/2", "HTTP/2 200\r\n\r\n" },
	{ "no HTTP", "I am no web server\r\n\r\n" },
	{ "no HTTP, and no line", "\x15\x03\x01" },
	{ "a status of two digits", "HTTP/1.1 20 OK\r\n\r\n" },
	{ "a status of four", "HTTP/1.1 2000 OK\r\n\r\n" },
	{ "a status below 100", "HTTP/1.1 099 OK\r\n\r\n" },
	{ "another protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" },
	{ "a second answer in an interim one's place", "HTTP/1.1 100 Continue\r\n\r\nX: y\r\n\r\n" },
	{ "a chunk without a size", CHUNKED "\r\nhello\r\n0\r\n\r\n" },
	{ "a chunk's size with a sign", CHUNKED "-5\r\nhello\r\n0\r\n\r\n" },
	{ "0x before it", CHUNKED "0x5\r\nhello\r\n0\r\n\r\n" },
	{ "a size of 16 digits", CHUNKED "1000000000000000\r\nhello" },
	{ "a size that ends in LF", CHUNKED "5\nhello\r\n0\r\n\r\n" },
	{ "CR in an extension", CHUNKED "5;\rx\r\nhello\r\n0\r\n\r\n" },
	{ "a word behind a size", CHUNKED "5 x\r\nhello\r\n0\r\n\r\n" },
	{ "another size behind it", CHUNKED "5,5\r\nhello\r\n0\r\n\r\n" },
	{ "a chunk that is longer", CHUNKED "2\r\nhello\r\n0\r\n\r\n" },
	{ "a chunk that ends in LF", CHUNKED "5\r\nhello\n0\r\n\r\n" },
	{ "a folded trailer", CHUNKED "0\r\nX: y\r\n z\r\n\r\n" },
	{ "a trailer without a colon", CHUNKED "0\r\nxyz\r\n\r\n" },
};

static const struct {
	const char *name, *text, *body;
	enum frame_step step;
} cut[] = {
	{ "nothing at all", "", "", FRAME_BROKEN },
	{ "half a status line", "HTTP/1.", "", FRAME_BROKEN },
	{ "half a head", OK "Content-Type: applic", "", FRAME_BROKEN },
	{ "a head without its blank line", OK "Content-Length: 0\r\n", "", FRAME_BROKEN },
	{ "an interim answer alone", "HTTP/1.1 100 Continue\r\n\r\n", "", FRAME_BROKEN },
	{ "less than its length", OK "Content-Length: 6\r\n\r\nhello", "hello", FRAME_BROKEN },
	{ "half a chunk", CHUNKED "6\r\nhello", "hello", FRAME_BROKEN },
	{ "a chunk without its end", CHUNKED "5\r\nhello", "hello", FRAME_BROKEN },
	{ "chunks without the last", CHUNKED "5\r\nhello\r\n", "hello", FRAME_BROKEN },
	{ "a trailer without its end", CHUNKED "5\r\nhello\r\n0\r\n", "hello", FRAME_BROKEN },
	{ "a body without a length is complete", OK "\r\nhello", "hello", FRAME_DONE },
	{ "of HTTP/1.0 as well", "HTTP/1.0 200 OK\r\n\r\nhello", "hello", FRAME_DONE },
};

/* N bytes that end in TEXT, after BEFORE. */
static char *padded(const char *before, size_t n, const char *text)
{
	size_t head = strlen(before), tail = strlen(text);
	char *p = malloc(head + n + 1);

	memcpy(p, before, head);
	memset(p + head, 'x', n - tail);
	memcpy(p + head + n - tail, text, tail + 1);
	return p;
}

static void test_limits(void)
{
	char *text;
	struct buf many;

	text = padded(OK "X: ", FRAME_HEAD_BYTES - strlen(OK "X: "), "\r\n\r\n");
	is_int(begin(text), FRAME_MORE, "a head may have 64 KiB");
	is_int(f.line.len, 0, "and is read");
	free(text);
	text = padded(OK "X: ", FRAME_HEAD_BYTES - strlen(OK "X: ") + 1, "\r\n\r\n");
	is_int(begin(text), FRAME_MALFORMED, "and not a byte more");
	free(text);
	text = padded(OK, FRAME_HEAD_BYTES, "");
	is_int(begin(text), FRAME_MALFORMED, "nor need the line end");
	free(text);
	text = padded(CHUNKED "1;", FRAME_CHUNK_LINE - 2, "\r\n");
	is_int(begin(text), FRAME_MORE, "the line before a chunk may have 1024 bytes");
	free(text);
	text = padded(CHUNKED "1;", FRAME_CHUNK_LINE - 1, "\r\n");
	is_int(begin(text), FRAME_MALFORMED, "and not a byte more");
	free(text);
	text = padded(CHUNKED "0\r\nX: ", FRAME_TRAILER_BYTES - 3, "\r\n\r\n");
	is_int(begin(text), FRAME_DONE, "a trailer may have 8 KiB");
	free(text);
	text = padded(CHUNKED "0\r\nX: ", FRAME_TRAILER_BYTES - 2, "\r\n\r\n");
	is_int(begin(text), FRAME_MALFORMED, "and not a byte more");
	free(text);
	buf_init(&many, SIZE_MAX / 2);
	buf_str(&many, OK);
	for (int i = 0; i < FRAME_FIELDS; i++)
		buf_str(&many, "X: y\r\n");
	is_int(begin(buf_text(&many)), FRAME_MORE, "an answer may have 256 fields");
	is_int(feed("X: y\r\n"), FRAME_MALFORMED, "and not one more");
	buf_release(&many);
}

static void test_callbacks(void)
{
	wants_lines = false;
	is_int(begin(OK "Content-Length: 1\r\n\r\nx"), FRAME_STOPPED, "whoever does not want the head gets nothing of the body");
	is_str(buf_text(&body), "", "really");
	wants_lines = true;
	wants_body = false;
	is_int(begin(OK "Content-Length: 1\r\n\r\nx"), FRAME_STOPPED, "who does not want the body ends it");
	wants_body = true;
	waits = true;
	is_int(begin(OK "Content-Length: 5\r\n\r\nhello"), FRAME_PAUSED, "who wants to wait");
	is_int(used, strlen(OK "Content-Length: 5\r\n\r\n"), "is asked again");
	is_int(feed("hello"), FRAME_PAUSED, "and again");
	waits = false;
	is_int(feed("hello"), FRAME_DONE, "until the body is taken");
	is_str(buf_text(&body), "hello", "once");
	begin(OK "Content-Length: 5\r\nContent-Length: 5\r\nX: y\r\n\r\nhello");
	is_str(buf_text(&lines), OK "Content-Length: 5\r\n", "a line that is refused is not told, nor what follows");
	begin(OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello");
	is_str(buf_text(&lines), OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "nor that a contradictory head is complete");
}

/* Each byte at each place of texts of each length. */
static void test_bytes(void)
{
	static const char signs[] = "!#$%&'*+-.^_`|~";
	int wrong = 0;

	for (int c = 0; c < 256; c++) {
		bool is_token = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr(signs, c));
		bool is_text = c == '\t' || (c >= ' ' && c != 0x7f);

		for (size_t n = 1; n < 20; n++)
			for (size_t at = 0; at < n; at++) {
				char text[] = "abcdefghijklmnopqrst", high[] = "\t\xff ~\x80\t!\xa0 ~\xe9\t \x9f~ \xc3\t  ";

				text[at] = high[at] = (char)c;
				wrong += frame_is_token(text, n) != is_token || frame_is_text(text, n) != is_text || frame_is_text(high, n) != is_text;
			}
	}
	is_int(wrong, 0, "a byte may stand in a name, in a value, wherever it is");
	ok(!frame_is_token("", 0) && frame_is_text("", 0), "a name is not empty, a value may be");
}

int main(void)
{
	buf_init(&lines, SIZE_MAX / 2);
	buf_init(&body, SIZE_MAX / 2);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		is_int(begin(good[i].text), FRAME_DONE, good[i].name);
		is_str(buf_text(&body), good[i].body, "its body");
		is_int(f.keeps, good[i].keeps, good[i].keeps ? "its connection may go on" : "its connection may not go on");
		is_int(strlen(good[i].text) - used, good[i].rest, "what is left over");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		is_int(begin(bad[i].text), FRAME_MALFORMED, bad[i].name);
		ok(f.why && *f.why, "it says why");
	}
	is_int(read_new(OK "X: y\0z\r\n\r\n", strlen(OK) + 10), FRAME_MALFORMED, "NUL in a value");
	is_int(read_new(OK "X\0: y\r\n\r\n", strlen(OK) + 9), FRAME_MALFORMED, "NUL in a name");
	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		is_int(begin(cut[i].text), FRAME_MORE, cut[i].name);
		is_int(frame_end(&f), cut[i].step, cut[i].step == FRAME_DONE ? "where it ends" : "and then the end: broken");
		is_str(buf_text(&body), cut[i].body, "what came of its body");
		ok(!f.keeps, "nothing follows");
	}
	test_bytes();
	test_limits();
	test_callbacks();
	frame_release(&f);
	buf_release(&lines);
	buf_release(&body);
	return done();
}
