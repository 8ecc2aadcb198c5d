/* SPDX-License-Identifier: Apache-2.0 */
/* Records of FastCGI: what a request is made of, what is answered on its way, and what is none. */
#include "config.h"

#include "base/arena.h"
#include "base/buf.h"
#include "http/fcgi.h"

#include "tap.h"

#include <stdlib.h>

/* What a connection brought. */
struct seen {
	struct fcgi f;
	enum fcgi_step step; /* the last one */
	struct buf body, answers;
	size_t pieces;
};

static struct buf in; /* what is to be fed */

static void record_padded(unsigned version, unsigned type, unsigned id, const void *content, size_t n, unsigned padding)
{
	const unsigned char header[FCGI_HEADER] = { (unsigned char)version, (unsigned char)type, (unsigned char)(id >> 8),
	    (unsigned char)id, (unsigned char)(n >> 8), (unsigned char)n, (unsigned char)padding, 0xff };

	buf_add(&in, header, sizeof(header));
	buf_add(&in, content, n);
	for (unsigned i = 0; i < padding; i++)
		buf_char(&in, (char)(i * 7 + 1));
}

static void record(unsigned type, unsigned id, const void *content, size_t n)
{
	record_padded(1, type, id, content, n, 0);
}

static void begin(unsigned id, unsigned role, unsigned flags)
{
	const unsigned char body[8] = { (unsigned char)(role >> 8), (unsigned char)role, (unsigned char)flags };

	record(1, id, body, sizeof(body));
}

static void text(unsigned type, unsigned id, const char *content)
{
	record(type, id, content, strlen(content));
}

static void pair(struct buf *to, const char *name, const char *value, bool is_long)
{
	const char *both[] = { name, value };

	for (int i = 0; i < 2; i++) {
		size_t n = strlen(both[i]);
		const unsigned char length[4] = { (unsigned char)(0x80 | n >> 24), (unsigned char)(n >> 16), (unsigned char)(n >> 8),
		    (unsigned char)n };

		if (is_long || n > 127)
			buf_add(to, length, 4);
		else
			buf_add(to, length + 3, 1);
	}
	buf_str(to, name);
	buf_str(to, value);
}

/* Feeds IN, PIECE bytes at a time, as io_fcgi.c does. */
static struct seen read_pieces(size_t piece)
{
	struct seen s = { .step = FCGI_MORE };
	size_t at = 0;

	buf_init(&s.body, SIZE_MAX / 2);
	buf_init(&s.answers, SIZE_MAX / 2);
	while (at < in.len && s.step <= FCGI_ANSWER) {
		size_t n = in.len - at < piece ? in.len - at : piece, used;
		char *copy = xmalloc(n); /* its end is its end */

		memcpy(copy, in.data + at, n);
		s.step = fcgi_feed(&s.f, copy, n, &used);
		if (s.step == FCGI_PIECE) {
			buf_add(&s.body, s.f.piece, s.f.piece_n);
			s.pieces++;
		}
		if (s.step == FCGI_ANSWER || s.step == FCGI_LAST)
			buf_add(&s.answers, s.f.answer, s.f.answer_n);
		free(copy);
		at += used;
	}
	if (s.step <= FCGI_ANSWER)
		s.step = FCGI_MORE;
	return s;
}

static void forget(struct seen *s)
{
	fcgi_release(&s->f);
	buf_release(&s->body);
	buf_release(&s->answers);
}

/* IN is new from here on. */
static struct seen read_all(void)
{
	struct seen s = read_pieces(SIZE_MAX);

	buf_clear(&in);
	return s;
}

static const char *variable(const struct seen *s, size_t i)
{
	return s->f.has_variables ? fcgi_variables(&s->f)[i] : NULL;
}

static void test_request(void)
{
	static const size_t pieces[] = { 1, 2, 3, 7, 8, 9, 64, 100000 };
	struct buf pairs;
	char long_value[301];
	struct seen s;
	char name[64];

	memset(long_value, 'v', 300);
	long_value[300] = '\0';
	buf_init(&pairs, SIZE_MAX / 2);
	pair(&pairs, "REQUEST_METHOD", "POST", false);
	pair(&pairs, "EMPTY", "", false);
	pair(&pairs, "LONG", long_value, false);
	pair(&pairs, "FOUR", "bytes", true);
	begin(0x1234, 1, 1);
	record_padded(1, 4, 0x1234, pairs.data, 1, 7);          /* a pair may be cut anywhere (3.3) */
	record_padded(1, 4, 0x1234, pairs.data + 1, 30, 255);
	record_padded(1, 4, 0x1234, pairs.data + 31, pairs.len - 31, 1);
	record_padded(1, 4, 0x1234, "", 0, 3);
	record_padded(1, 5, 0x1234, "hello, ", 7, 9);
	text(5, 0x1234, "world");
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		s = read_pieces(pieces[i]);
		snprintf(name, sizeof(name), "a request in pieces of %zu bytes", pieces[i]);
		ok(s.step == FCGI_MORE && s.f.has_variables && !s.f.has_body && s.f.id == 0x1234, name);
		is_str(variable(&s, 0), "REQUEST_METHOD=POST", "... its first variable");
		is_str(variable(&s, 1), "EMPTY=", "... one without a value");
		ok(variable(&s, 2) && !strncmp(variable(&s, 2), "LONG=", 5) && !strcmp(variable(&s, 2) + 5, long_value), "... a long one");
		is_str(variable(&s, 3), "FOUR=bytes", "... lengths of four bytes that need but one");
		is_str(variable(&s, 4), NULL, "... and no more");
		is_str(buf_text(&s.body), "hello, world", "... what came of its body");
		is_int(s.answers.len, 0, "... and nothing is said to it");
		forget(&s);
	}
	text(5, 0x1234, "");
	s = read_all();
	ok(s.f.has_body && s.step == FCGI_MORE, "an empty record ends the body");
	fcgi_forget(&s.f);
	ok(s.f.has_body && !*fcgi_variables(&s.f), "variables may be forgotten before the request's end");
	forget(&s);

	begin(1, 1, 0);
	text(4, 1, "");
	text(5, 1, "");
	s = read_all();
	ok(s.f.has_variables && s.f.has_body && !variable(&s, 0), "a request may have neither");
	forget(&s);
	buf_release(&pairs);
}

static void is_answer(const struct seen *s, const void *want, size_t n, const char *name)
{
	if (is_int(s->answers.len, n, name))
		is_mem(s->answers.data, want, n, "... byte for byte");
}

static void test_asides(void)
{
	static const unsigned char no_mpx[] = "\1\3\0\2\0\10\0\0\0\0\0\0\1\0\0";
	static const unsigned char no_role[] = "\1\3\0\7\0\10\0\0\0\0\0\0\3\0\0";
	static const unsigned char over[] = "\1\3\0\1\0\10\0\0\0\0\0\0\0\0\0";
	static const unsigned char unknown[] = "\1\13\0\0\0\10\0\0\52\0\0\0\0\0\0";
	static const char values[] = "\1\12\0\0\0\46\0\0\16\4FCGI_MAX_CONNS1000\17\1FCGI_MPXS_CONNS0";
	struct buf pairs;
	struct seen s;

	begin(1, 1, 0);
	begin(2, 1, 0);
	text(4, 2, "no pairs, but nobody looks");
	text(5, 2, "other");
	text(2, 2, "");
	text(4, 1, "\1\1ab");
	text(4, 1, "");
	text(5, 1, "ours");
	s = read_all();
	is_answer(&s, no_mpx, sizeof(no_mpx), "a second request on the connection is told that there is but one (5.5)");
	is_str(variable(&s, 0), "a=b", "... and the first goes on");
	is_str(buf_text(&s.body), "ours", "... with its own body");
	forget(&s);

	text(5, 9, "nobody's");
	text(42, 9, "nobody's");
	text(2, 9, "");
	begin(9, 1, 0);
	text(4, 9, "");
	s = read_all();
	ok(s.f.has_variables && s.f.id == 9 && !s.body.len && !s.answers.len, "records of requests that are not active are ignored (3.3)");
	forget(&s);

	for (unsigned role = 0; role < 4; role++) {
		begin(7, role, 0);
		s = read_all();
		if (role == 1)
			is_int(s.step, FCGI_MORE, "a responder is asked for");
		else
			is_int(s.step, FCGI_LAST, "authorizers and filters there are none");
		if (role != 1)
			is_answer(&s, no_role, sizeof(no_role), "... which is said (5.5)");
		forget(&s);
	}
	begin(7, 0x101, 0);
	s = read_all();
	is_int(s.step, FCGI_LAST, "a role has two bytes");
	forget(&s);

	begin(1, 1, 0);
	text(4, 1, "\1\1ab");
	text(2, 1, "");
	s = read_all();
	is_int(s.step, FCGI_LAST, "a request that is taken back is over");
	is_answer(&s, over, sizeof(over), "... and ended (5.4)");
	forget(&s);

	buf_init(&pairs, SIZE_MAX / 2);
	pair(&pairs, "FCGI_MPXS_CONNS", "", false);
	pair(&pairs, "FCGI_MAX_CONNS", "", true);
	pair(&pairs, "FCGI_MAX_CONNS", "", false);
	pair(&pairs, "FCGI_MAX_CONN", "", false);
	record_padded(1, 9, 0, pairs.data, pairs.len, 5);
	s = read_all();
	is_answer(&s, values, sizeof(values) - 1, "values that we know are told, each once (4.1)");
	is_int(s.step, FCGI_MORE, "... and the request may come");
	forget(&s);
	buf_clear(&pairs);
	pair(&pairs, "FCGI_MPXS_CONNS", "", false);
	pair(&pairs, "FCGI_MAX_CONNS", "", true);
	pair(&pairs, "FCGI_MAX_REQS", "", true);
	record(9, 0, pairs.data, pairs.len);
	s = read_all();
	is_int(s.answers.len, FCGI_HEADER + 20 + 19 + 18, "all of them at once");
	forget(&s);
	buf_release(&pairs);

	text(9, 0, "\16\1FCGI_MAX_CONNS");
	s = read_all();
	is_int(s.step, FCGI_MALFORMED, "unless the pairs are none");
	forget(&s);

	text(42, 0, "what is this?");
	s = read_all();
	is_answer(&s, unknown, sizeof(unknown), "another management record is unknown (4.2)");
	forget(&s);

	for (int i = 0; i < FCGI_ASIDES; i++)
		text(42, 0, "");
	s = read_pieces(SIZE_MAX);
	is_int(s.step, FCGI_MORE, "that may go on for a while");
	forget(&s);
	text(9, 0, "");
	s = read_all();
	is_int(s.step, FCGI_MALFORMED, "... but not for ever");
	is_int(s.answers.len, 16 * FCGI_ASIDES, "... nor is it answered then");
	forget(&s);

	begin(1, 1, 0);
	for (int i = 0; i <= FCGI_ASIDES; i++)
		begin(2, 1, 0);
	s = read_all();
	is_int(s.step, FCGI_MALFORMED, "nor may further requests");
	forget(&s);
}

/* What is no request: records, and how each was understood. */
static void test_malformed(void)
{
	struct seen s;

#define MALFORMED(name, ...)                                   \
	do {                                                   \
		__VA_ARGS__;                                   \
		s = read_all();                                \
		ok(s.step == FCGI_MALFORMED && s.f.why, name); \
		forget(&s);                                    \
	} while (0)

	MALFORMED("another version", record_padded(2, 1, 1, "\0\1\0\0\0\0\0\0", 8, 0));
	MALFORMED("version 0", record_padded(0, 1, 1, "\0\1\0\0\0\0\0\0", 8, 0));
	MALFORMED("HTTP in its place", buf_str(&in, "GET / HTTP/1.1\r\n\r\n"));
	MALFORMED("a beginning of 7 bytes", record(1, 1, "\0\1\0\0\0\0\0", 7));
	MALFORMED("a beginning of 9", record(1, 1, "\0\1\0\0\0\0\0\0\0", 9));
	MALFORMED("an empty one", record(1, 1, "", 0));
	MALFORMED("a long one", for (int i = 0; i < 1; i++) { char big[300] = ""; record(1, 1, big, sizeof(big)); });
	MALFORMED("a request that begins twice", begin(1, 1, 0), begin(1, 1, 0));
	MALFORMED("a body before the variables", begin(1, 1, 0), text(5, 1, "x"));
	MALFORMED("a body before the variables end", begin(1, 1, 0), text(4, 1, "\1\1ab"), text(5, 1, "x"));
	MALFORMED("variables behind their end", begin(1, 1, 0), text(4, 1, ""), text(4, 1, "\1\1ab"));
	MALFORMED("a body behind its end", begin(1, 1, 0), text(4, 1, ""), text(5, 1, ""), text(5, 1, "x"));
	MALFORMED("what only programs send", begin(1, 1, 0), text(6, 1, "x"));
	MALFORMED("data for a filter", begin(1, 1, 0), text(4, 1, ""), text(8, 1, "x"));
	MALFORMED("a type that is none", begin(1, 1, 0), text(77, 1, "x"));
	MALFORMED("values asked for at length", for (int i = 0; i < 1; i++) { char big[300] = ""; record(9, 0, big, sizeof(big)); });
}

static const struct {
	const char *name, *content;
	size_t n;
} no_pairs[] = {
	{ "a pair without its second length", "\1", 1 },
	{ "a name that is cut", "\3\0ab", 4 },
	{ "a value that is cut", "\1\3abc", 5 },
	{ "a length of four bytes that is cut", "\200\0\0", 3 },
	{ "another pair that is cut", "\1\1ab\1", 5 },
	{ "the longest name there can be", "\377\377\377\377\377\377\377\377x", 9 },
	{ "a name of no bytes", "\0\1x", 3 },
	{ "NUL in a name", "\3\1a\0bc", 6 },
	{ "NUL in a value", "\1\3aa\0b", 6 },
};

static void test_refused(void)
{
	struct seen s;
	struct buf pairs;
	char piece[65535];

	for (size_t i = 0; i < sizeof(no_pairs) / sizeof(no_pairs[0]); i++) {
		begin(1, 1, 0);
		record(4, 1, no_pairs[i].content, no_pairs[i].n);
		text(4, 1, "");
		s = read_all();
		ok(s.step == FCGI_REFUSED && s.f.status == 400 && s.f.why && !s.f.has_variables, no_pairs[i].name);
		forget(&s);
	}
	buf_init(&pairs, SIZE_MAX / 2);
	for (int i = 0; i < FCGI_VARIABLES; i++)
		pair(&pairs, "n", "v", false);
	begin(1, 1, 0);
	record(4, 1, pairs.data, pairs.len);
	text(4, 1, "");
	s = read_all();
	ok(s.f.has_variables && variable(&s, FCGI_VARIABLES - 1) && !variable(&s, FCGI_VARIABLES), "there may be 1000 variables");
	forget(&s);
	pair(&pairs, "n", "v", false);
	begin(1, 1, 0);
	record(4, 1, pairs.data, pairs.len);
	text(4, 1, "");
	s = read_all();
	ok(s.step == FCGI_REFUSED && s.f.status == 431 && strstr(s.f.why, "1000"), "and not one more, which is told with the limit");
	forget(&s);
	buf_release(&pairs);

	/* one variable of 131072 bytes with its lengths, in three records */
	memset(piece, 'x', sizeof(piece));
	memcpy(piece, "\1\200\1\377\372n", 6);
	begin(1, 1, 0);
	record(4, 1, piece, 65535);
	memset(piece, 'x', 6);
	record(4, 1, piece, 65535);
	record(4, 1, piece, 2);
	text(4, 1, "");
	s = read_pieces(1000);
	ok(s.f.has_variables && variable(&s, 0) && strlen(variable(&s, 0)) == 131072 - 4, "they may have 128 KiB");
	forget(&s);
	in.len -= 8;
	record(4, 1, "x", 1);
	s = read_all();
	ok(s.step == FCGI_REFUSED && s.f.status == 431 && strstr(s.f.why, "128 KiB"), "and not a byte more, which is told with the limit");
	ok(s.f.block_cap <= 2 * (size_t)FCGI_VARIABLES_BYTES, "... nor is more kept");
	forget(&s);
}

static void test_written(void)
{
	static const unsigned char out[] = "\1\6\253\315\22\64\0";
	static const unsigned char end[] = "\1\6\253\315\0\0\0\0\1\3\253\315\0\10\0\0\0\0\0\0\0\0\0";
	struct fcgi f = { .id = 0xabcd };
	unsigned char header[FCGI_HEADER], last[FCGI_END];

	fcgi_stdout(&f, header, 0x1234);
	is_mem(header, out, sizeof(header), "the header of a piece of the answer");
	fcgi_end(&f, last);
	is_mem(last, end, sizeof(last), "its end: an empty record, and that the request is complete (5.5)");
}

static void put_request(unsigned id, unsigned flags, const char *body)
{
	begin(id, 1, flags);
	text(4, id, "\1\1ab");
	text(4, id, "");
	text(5, id, body);
	text(5, id, "");
}

/* What came of it stays as it was. */
static void is_not_kept(const char *name)
{
	struct seen s = read_all();

	ok(!fcgi_next(&s.f) && s.f.id == 7, name);
	forget(&s);
}

static void test_next(void)
{
	struct seen s;
	size_t used;

	put_request(7, 1, "one");
	s = read_all();
	ok(s.f.keeps && s.f.has_body, "a request on a connection that is to be kept (5.1)");
	ok(fcgi_next(&s.f), "... which can be");
	ok(!s.f.id && !s.f.has_variables && !s.f.has_body && !s.f.keeps && !*fcgi_variables(&s.f), "nothing is left of the request");
	text(5, 7, "late");
	text(2, 7, "");
	is_int(fcgi_feed(&s.f, in.data, in.len, &used), FCGI_MORE, "what comes late of it, or takes it back, is ignored (3.3)");
	buf_clear(&in);
	begin(8, 1, 0);
	text(4, 8, "\1\1ab");
	text(4, 8, "");
	text(5, 8, "");
	is_int(fcgi_feed(&s.f, in.data, in.len, &used), FCGI_MORE, "the next one is read");
	ok(s.f.id == 8 && s.f.has_body && !s.f.keeps, "... with flags of its own");
	is_str(*fcgi_variables(&s.f), "a=b", "... and its own variables");
	ok(!fcgi_next(&s.f), "it is the last");
	buf_clear(&in);
	forget(&s);

	put_request(7, 2, "");
	is_not_kept("another flag does not keep it");
	begin(7, 1, 1);
	text(4, 7, "");
	text(5, 7, "one");
	is_not_kept("nor is it kept before all of the body has come");
	put_request(7, 1, "one");
	buf_add(&in, "\1\0\0", 3);
	is_not_kept("within the header of a record neither");
	put_request(7, 1, "one");
	buf_add(&in, "\1\5\0\11\0\4\0\0ab", 10);
	is_not_kept("within its content neither");
	put_request(7, 1, "one");
	in.len -= FCGI_HEADER;
	record_padded(1, 5, 7, "", 0, 9);
	in.len -= 1;
	is_not_kept("within its padding neither");
}

int main(void)
{
	buf_init(&in, SIZE_MAX / 2);
	test_request();
	test_asides();
	test_malformed();
	test_refused();
	test_written();
	test_next();
	buf_release(&in);
	return done();
}
