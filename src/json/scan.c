/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate for foreign JSON, and the lookup of spans behind it.
 *
 * The check is one pass by recursive descent, bounded by the depth limit. Names wait on one
 * stack until their object ends and are then compared, few by pairs, many by a hash table
 * whose hash has a random point: the whole stays linear in the text, whatever the names are.
 */
#include "config.h"

#include "json/scan.h"

#include "base/eight.h"
#include "base/rand.h"
#include "base/utf8.h"

#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
	DEPTH = 32,        /* security.md §4 */
	DEPTH_MAX = 256,   /* what the C stack allows, whatever the caller allows */
	FEW = 16,          /* names that are compared by pairs */
	NAMES_INLINE = 48, /* names kept without asking for memory */
	NAME_SHOWN = 64,   /* bytes of a foreign name that an error repeats */
	PARTS_DEPTH = 2    /* of objects whose members are told */
};

/* A member's name: RAW bytes between the quotes, that decode to LEN bytes. */
struct name {
	const char *p;
	size_t raw, len;
};

struct scan {
	const char *start, *p, *end;
	struct err *e;
	size_t at; /* where the error is */
	unsigned depth, members; /* what is left of each */
	unsigned parts_depth; /* members are told while so much depth is left; UINT_MAX: none is */
	bool tree; /* is to be built by json-c */
	struct scan_parts *parts;
	struct name *names;      /* those of all open objects, outermost first */
	size_t names_n, names_cap;
	struct name *names_inline; /* where they are at first, NAMES_INLINE of them */
};

static bool value(struct scan *);

struct scan_limits scan_limits_of(size_t bytes)
{
	/* A member takes eight bytes and more in what people send; a tree takes a hundred for it. */
	size_t members = bytes / 8 < 1024 ? 1024 : bytes / 8;

	return (struct scan_limits){
		.bytes = bytes,
		.depth = DEPTH,
		.members = members > UINT32_MAX ? UINT32_MAX : (unsigned)members,
	};
}

static struct span span_of(const char *from, const char *to)
{
	return (struct span){ from, (size_t)(to - from) };
}

static bool fail(struct scan *s, enum err_code code, const char *what, const char *at)
{
	s->at = (size_t)(at - s->start);
	if (s->e && !s->e->code) {
		err_set(s->e, code, what, "");
		err_text(s->e, "%s at byte %zu", what, s->at);
	}
	return false;
}

static bool malformed(struct scan *s, const char *what)
{
	return fail(s, ERR_SYNTAX, what, s->p);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Mostly there are none. */
static inline void skip_blanks(const char **p, const char *end)
{
	while (*p < end && (unsigned char)**p <= ' ' && is_blank(**p))
		(*p)++;
}

/* ---- text between quotes ---- */

#ifdef __SSE2__

/* Of the sixteen bytes at P those that end plain text. */
static inline __m128i stops(const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i sign = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));

	return _mm_or_si128(sign, _mm_cmplt_epi8(v, _mm_set1_epi8(' ')));
}

#endif

/*
 * The first byte at or after P that is a quote, a backslash, a control or not ASCII: many bytes at a time where the processor can (as
 * signed numbers, controls and what is not ASCII are all below a blank), then eight: a byte has its top bit set where it
 * is one of these (bytes above a hit may be wrong, so the last step is by single bytes).
 */
const char *scan_plain_end(const char *p, const char *end)
{
#ifdef __SSE2__
	for (; end - p >= 16; p += 16) {
		int hit = _mm_movemask_epi8(stops(p));

		if (hit)
			return p + __builtin_ctz((unsigned)hit);
		while (end - p >= 80 && !_mm_movemask_epi8(_mm_or_si128(
		    _mm_or_si128(stops(p + 16), stops(p + 32)), _mm_or_si128(stops(p + 48), stops(p + 64)))))
			p += 64;
	}
#endif
	while (end - p >= 8) {
		uint64_t w = eight_at(p), quote = w ^ EIGHT('"'), slash = w ^ EIGHT('\\');

		if ((w | (w - EIGHT(0x20)) | (quote - EIGHT(1)) | (slash - EIGHT(1))) & EIGHT(0x80))
			break;
		p += 8;
	}
	while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' &&
	    *p != '\\')
		p++;
	return p;
}

/* Four hex digits at P as a number; -1 if they are not. The caller has seen that they are there. */
static int hex4(const char *p)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int d = is_digit(c) ? c - '0' :
		    c >= 'a' && c <= 'f' ? c - 'a' + 10 :
		    c >= 'A' && c <= 'F' ? c - 'A' + 10 :
		                           -1;

		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/* The \u escape at *P (one, or a pair of surrogates), passed over; -1 if it is broken. */
static int32_t unicode_escape(const char **p, const char *end)
{
	int high, low;

	if (end - *p < 6 || (high = hex4(*p + 2)) < 0)
		return -1;
	*p += 6;
	if (high < 0xd800 || high > 0xdfff)
		return high;
	if (high > 0xdbff || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
		return -1;
	low = hex4(*p + 2);
	if (low < 0xdc00 || low > 0xdfff)
		return -1;
	*p += 6;
	return 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
}

/* What the two-character escape of C stands for; 0 if there is none. */
static char short_escape(char c)
{
	switch (c) {
	case '"':
	case '\\':
	case '/':
		return c;
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return 0;
	}
}

size_t scan_decode_one(const char **p, const char *end, char out[4])
{
	int32_t c;

	if (**p != '\\') {
		out[0] = *(*p)++;
		return 1;
	}
	if (end - *p < 2)
		return 0;
	if ((*p)[1] != 'u') {
		out[0] = short_escape((*p)[1]);
		*p += 2;
		return out[0] != 0;
	}
	c = unicode_escape(p, end);
	return c < 0 ? 0 : utf8_encode(out, (uint32_t)c);
}

/* ---- names ---- */

static bool name_equal(const struct name *a, const struct name *b)
{
	const char *p = a->p, *q = b->p, *p_end = p + a->raw, *q_end = q + b->raw;
	char c[4], d[4];
	size_t n = 0, m = 0, i = 0, k = 0;

	if (a->len != b->len)
		return false;
	if (a->raw == a->len && b->raw == b->len)
		return !memcmp(p, q, a->len);
	/* characters may be one byte at a time on one side and whole on the other */
	for (size_t left = a->len; left; left--) {
		if (i == n) {
			n = scan_decode_one(&p, p_end, c);
			i = 0;
		}
		if (k == m) {
			m = scan_decode_one(&q, q_end, d);
			k = 0;
		}
		if (c[i++] != d[k++])
			return false;
	}
	return true;
}

/*
 * Names are hashed as polynomials over a prime field, taken at a random point: whoever does
 * not know the point cannot choose names that collide more often than their length over the
 * size of the table, so that filling the table takes time linear in the text.
 */
#define HASH_PRIME ((UINT64_C(1) << 31) - 1)

static uint64_t hash_point;
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;

static void hash_init(void)
{
	rand_bytes(&hash_point, sizeof(hash_point));
	hash_point = hash_point % (HASH_PRIME - 256) + 256;
}

static size_t name_hash(const struct name *name)
{
	const char *p = name->p, *end = p + name->raw;
	uint64_t h = 1;

	while (p < end) {
		char c[4];
		size_t n = scan_decode_one(&p, end, c);

		for (size_t i = 0; i < n; i++)
			h = (h * hash_point + (unsigned char)c[i]) % HASH_PRIME;
	}
	return (size_t)h;
}

/* The first of N names that equals an earlier one; NULL: all differ. */
static const struct name *duplicate_of_few(const struct name *names, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (names[i].len == names[k].len && name_equal(&names[i], &names[k]))
				return &names[i];
	return NULL;
}

static const struct name *duplicate_of_many(const struct name *names, size_t n)
{
	const struct name *found = NULL, **table;
	size_t size = 64;

	pthread_once(&hash_once, hash_init);
	while (size < 2 * n)
		size *= 2;
	table = xcalloc(size, sizeof(*table));
	for (size_t i = 0; i < n && !found; i++) {
		size_t slot = name_hash(&names[i]) & (size - 1);

		while (table[slot] && !name_equal(table[slot], &names[i]))
			slot = (slot + 1) & (size - 1);
		if (table[slot])
			found = &names[i];
		table[slot] = &names[i];
	}
	free(table);
	return found;
}

/* Takes the names from FIRST on off the stack; an error if two of them are equal. */
static bool names_end(struct scan *s, size_t first)
{
	const struct name *names = s->names + first, *twice;
	size_t n = s->names_n - first;

	s->names_n = first;
	twice = n <= FEW ? duplicate_of_few(names, n) : duplicate_of_many(names, n);
	if (!twice)
		return true;
	s->at = (size_t)(twice->p - 1 - s->start);
	if (s->e && !s->e->code) {
		int shown = twice->raw < NAME_SHOWN ? (int)twice->raw : NAME_SHOWN;

		err_set(s->e, ERR_SYNTAX, "duplicate member", "");
		err_text(s->e, "duplicate member \"%.*s\" at byte %zu", shown, twice->p,
		    s->at);
	}
	return false;
}

static struct name *names_push(struct scan *s)
{
	if (s->names_n == s->names_cap) {
		struct name *more = xmalloc(2 * s->names_cap * sizeof(*more));

		memcpy(more, s->names, s->names_n * sizeof(*more));
		if (s->names != s->names_inline)
			free(s->names);
		s->names = more;
		s->names_cap *= 2;
	}
	return &s->names[s->names_n++];
}

/* ---- the grammar: each function starts at its first character and ends past its last ---- */

/* Passes an escape; adds the bytes that it decodes to to *LEN. With NAME, U+0000 is refused. */
static bool escape(struct scan *s, size_t *len, bool name)
{
	char out[4];
	const char *at = s->p;
	size_t n = scan_decode_one(&s->p, s->end, out);

	if (!n)
		return fail(s, ERR_SYNTAX, "broken escape", at);
	if (name && !out[0])
		return fail(s, ERR_SYNTAX, "NUL in a name", at);
	if (s->tree && n == 4 && (utf8_decode(out, &n) & 0xf800) == 0xd800)
		return fail(s, ERR_SYNTAX, "escape of a character that must stand as it is", at);
	*len += n;
	return true;
}

/* A string from behind its quote on, of which *LEN bytes are read already. */
static bool string_goes_on(struct scan *s, size_t *len, bool name)
{
	for (;;) {
		const char *p = scan_plain_end(s->p, s->end);
		size_t n;

		*len += (size_t)(p - s->p);
		s->p = p;
		if (p == s->end)
			return malformed(s, "unended string");
		if (*p == '"')
			break;
		if (*p == '\\') {
			if (!escape(s, len, name))
				return false;
		} else if ((unsigned char)*p < 0x20) {
			return malformed(s, "control character in a string");
		} else {
			n = utf8_length(p, (size_t)(s->end - p));
			if (!n)
				return malformed(s, "invalid UTF-8");
			*len += n;
			s->p += n;
		}
	}
	s->p++;
	return true;
}

/* A string; *LEN: the bytes that it decodes to. */
static inline bool string(struct scan *s, size_t *len, bool name)
{
	const char *from = s->p + 1;

	s->p = scan_plain_end(from, s->end);
	*len = (size_t)(s->p - from);
	if (s->p == s->end || *s->p != '"')
		return string_goes_on(s, len, name);
	s->p++;
	return true;
}

static bool digits(struct scan *s)
{
	const char *from = s->p;

	while (s->p < s->end && is_digit(*s->p))
		s->p++;
	return s->p > from || malformed(s, "malformed number");
}

/* Whether the N characters at P, an integer as JSON spells it, fit into 64 bits. */
static bool fits_int64(const char *p, size_t n)
{
	bool negative = *p == '-';
	const char *most = negative ? "9223372036854775808" : "18446744073709551615";
	size_t most_n = strlen(most);

	p += negative;
	n -= negative;
	return n < most_n || (n == most_n && memcmp(p, most, n) <= 0);
}

static bool number(struct scan *s)
{
	const char *from = s->p;
	bool integer = true;

	if (*s->p == '-')
		s->p++;
	if (s->p < s->end && *s->p == '0')
		s->p++; /* what follows a leading zero is no digit of this number */
	else if (!digits(s))
		return false;
	if (s->p < s->end && *s->p == '.') {
		integer = false;
		s->p++;
		if (!digits(s))
			return false;
	}
	if (s->p < s->end && (*s->p | 0x20) == 'e') {
		integer = false;
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		if (!digits(s))
			return false;
	}
	return !integer || !s->tree || fits_int64(from, (size_t)(s->p - from)) ||
	    fail(s, ERR_SYNTAX, "integer out of range", from);
}

static bool word(struct scan *s, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, text, n) != 0)
		return malformed(s, "unknown word");
	s->p += n;
	return true;
}

static bool count_member(struct scan *s)
{
	if (!s->members)
		return fail(s, ERR_LIMIT, "too many members", s->p);
	s->members--;
	return true;
}

/* A member's value, which is told. */
static bool told_value(struct scan *s, struct span name)
{
	struct scan_parts *t = s->parts;
	const char *from = s->p;
	unsigned at = t->n;

	t->over = t->over || at == t->max;
	if (t->over)
		return value(s);
	t->n++;
	if (!value(s))
		return false;
	t->of[at] = (struct scan_part){ name, span_of(from, s->p), t->n, s->depth > s->parts_depth };
	return true;
}

static bool member(struct scan *s)
{
	struct name *name;
	const char *from = s->p, *past_name;
	size_t len;

	if (s->p == s->end || *s->p != '"')
		return malformed(s, "a member's name is missing");
	if (!count_member(s) || !string(s, &len, true))
		return false;
	past_name = s->p;
	name = names_push(s);
	*name = (struct name){ from + 1, (size_t)(past_name - from) - 2, len };
	skip_blanks(&s->p, s->end);
	if (s->p == s->end || *s->p != ':')
		return malformed(s, "a colon is missing");
	s->p++;
	skip_blanks(&s->p, s->end);
	return s->depth < s->parts_depth ? value(s) : told_value(s, span_of(from, past_name));
}

static bool element(struct scan *s)
{
	return count_member(s) && value(s);
}

/* The parts of an array or object up to and with CLOSE. */
static bool parts(struct scan *s, bool (*part)(struct scan *), char close)
{
	s->p++;
	skip_blanks(&s->p, s->end);
	if (s->p < s->end && *s->p == close) {
		s->p++;
		return true;
	}
	for (;;) {
		if (!part(s))
			return false;
		skip_blanks(&s->p, s->end);
		if (s->p == s->end)
			return malformed(s, "unended array or object");
		if (*s->p == close)
			break;
		if (*s->p != ',')
			return malformed(s, "a comma is missing");
		s->p++;
		skip_blanks(&s->p, s->end);
	}
	s->p++;
	return true;
}

static bool container(struct scan *s)
{
	size_t first = s->names_n;
	bool good;

	if (!s->depth)
		return fail(s, ERR_LIMIT, "nested too deeply", s->p);
	s->depth--;
	if (*s->p == '{')
		good = parts(s, member, '}') && names_end(s, first);
	else
		good = parts(s, element, ']');
	s->depth++;
	return good;
}

static bool value(struct scan *s)
{
	size_t len;

	if (s->p == s->end)
		return malformed(s, "a value is missing");
	switch (*s->p) {
	case '{':
	case '[':
		return container(s);
	case '"':
		return string(s, &len, false);
	case 't':
		return word(s, "true");
	case 'f':
		return word(s, "false");
	case 'n':
		return word(s, "null");
	default:
		if (*s->p == '-' || is_digit(*s->p))
			return number(s);
		return malformed(s, "a value is missing");
	}
}

static bool whole(struct scan *s, size_t bytes_max)
{
	if ((size_t)(s->end - s->start) > bytes_max)
		return fail(s, ERR_LIMIT, "JSON text is too long", s->start + bytes_max);
	if (s->end - s->start >= 3 && !memcmp(s->start, "\xef\xbb\xbf", 3))
		return malformed(s, "byte order mark");
	skip_blanks(&s->p, s->end);
	if (!value(s))
		return false;
	skip_blanks(&s->p, s->end);
	return s->p == s->end || malformed(s, "bytes after the value");
}

/* PARTS may be NULL. */
static bool check(const char *text, size_t n, const struct scan_limits *limits, struct scan_parts *parts, size_t *at, struct err *e)
{
	unsigned depth = limits->depth < DEPTH_MAX ? limits->depth : DEPTH_MAX;
	struct name names[NAMES_INLINE];
	struct scan s = {
		.start = text,
		.p = text,
		.end = text + n,
		.e = e,
		.depth = depth,
		.members = limits->members,
		.tree = limits->tree,
		.parts = parts,
		.parts_depth = !parts ? UINT_MAX : depth < PARTS_DEPTH ? 0 : depth - PARTS_DEPTH,
		.names = names,
		.names_cap = NAMES_INLINE,
		.names_inline = names,
	};
	bool good;

	good = whole(&s, limits->bytes);
	if (s.names != names)
		free(s.names);
	*at = s.at;
	return good;
}

bool scan_check_at(
    const char *text, size_t n, const struct scan_limits *limits, size_t *at, struct err *e)
{
	return check(text, n, limits, NULL, at, e);
}

bool scan_check(const char *text, size_t n, const struct scan_limits *limits, struct err *e)
{
	size_t at;

	return check(text, n, limits, NULL, &at, e);
}

bool scan_check_parts(const char *text, size_t n, const struct scan_limits *limits, struct scan_parts *parts, struct err *e)
{
	struct span value = scan_value(text, n);
	size_t at;

	parts->n = 0;
	parts->over = false;
	parts->whole = scan_kind(value) == '{' ? value.p : NULL;
	return check(text, n, limits, parts, &at, e);
}

const struct scan_part *scan_parts_of(const struct scan_parts *parts, struct span object, const struct scan_part **end)
{
	const struct scan_part *p;

	if (!parts || parts->over || !parts->whole || !object.p)
		return NULL;
	*end = parts->of + parts->n;
	if (object.p == parts->whole)
		return parts->of;
	for (p = parts->of; p < *end && p->value.p != object.p; p++)
		;
	if (p == *end || !p->has_inner || *object.p != '{')
		return NULL;
	*end = scan_part_next(parts, p);
	return p + 1;
}

/* ---- lookup: in checked text, but never past its end whatever it holds ---- */

/* Past the string at P (on its quote). */
static const char *skip_string(const char *p, const char *end)
{
	for (p = scan_plain_end(p + 1, end); p < end && *p != '"'; p = scan_plain_end(p, end))
		p += *p == '\\' && end - p > 1 ? 2 : 1;
	return p < end ? p + 1 : end;
}

static const char *skip_container(const char *p, const char *end)
{
	size_t open = 0;

	while (p < end) {
		if (*p == '"') {
			p = skip_string(p, end);
			continue;
		}
		if (*p == '{' || *p == '[')
			open++;
		else if ((*p == '}' || *p == ']') && --open == 0)
			return p + 1;
		p++;
	}
	return end;
}

static const char *skip_value(const char *p, const char *end)
{
	if (p < end && *p == '"')
		return skip_string(p, end);
	if (p < end && (*p == '{' || *p == '['))
		return skip_container(p, end);
	while (p < end && !is_blank(*p) && *p != ',' && *p != '}' && *p != ']')
		p++;
	return p;
}

char scan_kind(struct span s)
{
	if (!s.p || !s.n)
		return 0;
	return *s.p == '-' || is_digit(*s.p) ? '0' : *s.p;
}

struct span scan_value(const char *text, size_t n)
{
	while (n && is_blank(*text)) {
		text++;
		n--;
	}
	while (n && is_blank(text[n - 1]))
		n--;
	return (struct span){ text, n };
}

bool scan_next(struct span container, size_t *pos, struct span *name, struct span *val)
{
	const char *p, *end, *from;
	char kind = scan_kind(container);

	if ((kind != '{' && kind != '[') || *pos >= container.n)
		return false;
	end = container.p + container.n;
	p = container.p + *pos + 1; /* behind the bracket, or the comma */
	skip_blanks(&p, end);
	if (p == end || *p == '}' || *p == ']')
		return false;
	if (name)
		*name = (struct span){ NULL, 0 };
	if (kind == '{') {
		from = p;
		p = skip_value(p, end);
		if (name)
			*name = span_of(from, p);
		skip_blanks(&p, end);
		if (p < end) /* the colon */
			p++;
		skip_blanks(&p, end);
	}
	from = p;
	p = skip_value(p, end);
	*val = span_of(from, p);
	skip_blanks(&p, end);
	*pos = (size_t)(p - container.p);
	return true;
}

struct span scan_member(struct span object, const char *name)
{
	struct span key, val;
	size_t pos = 0;

	if (scan_kind(object) == '{')
		while (scan_next(object, &pos, &key, &val))
			if (scan_string_is(key, name))
				return val;
	return (struct span){ NULL, 0 };
}

struct span scan_path(struct span object, ...)
{
	const char *name;
	va_list ap;

	va_start(ap, object);
	while ((name = va_arg(ap, const char *)))
		object = scan_member(object, name);
	va_end(ap);
	return object;
}

/* The text between the quotes of a string; false if S is none. */
static bool inside_quotes(struct span s, const char **p, const char **end)
{
	if (scan_kind(s) != '"' || s.n < 2)
		return false;
	*p = s.p + 1;
	*end = s.p + s.n - 1;
	return true;
}

bool scan_string_is(struct span s, const char *text)
{
	const char *p, *end;

	if (!inside_quotes(s, &p, &end))
		return false;
	for (; p < end && *p != '\\' && *p == *text && *text; text++)
		p++;
	while (p < end) { /* behind an escape, or where they differ */
		char c[4];
		size_t n = scan_decode_one(&p, end, c);

		if (!n)
			return false;
		for (size_t i = 0; i < n; i++, text++)
			if (!*text || *text != c[i]) /* a NUL of the string is no end of the text */
				return false;
	}
	return !*text;
}

/* The N bytes of a character, as the letter that it folds to; 0: no ASCII. */
static char folded(const char *c, size_t n)
{
	if (n == 2 && !memcmp(c, "\xc5\xbf", 2))
		return 's';
	if (n == 3 && !memcmp(c, "\xe2\x84\xaa", 3))
		return 'k';
	if (n != 1)
		return 0;
	return *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
}

bool scan_string_folds_to(struct span s, const char *text)
{
	const char *p, *end;

	if (!inside_quotes(s, &p, &end))
		return false;
	while (p < end) {
		char c[4];
		size_t n = scan_decode_one(&p, end, c);

		if (n == 1 && (c[0] & 0x80)) { /* a byte of a character that is written as it is */
			for (p--; p + n < end && n < 3 && ((unsigned char)p[n] & 0xc0) == 0x80; n++)
				;
			memcpy(c, p, n);
			p += n;
		}
		if (!n || !*text || folded(c, n) != folded(text, 1))
			return false;
		text++;
	}
	return !*text;
}

bool scan_sole_member(struct span object, const char *name, struct span *value)
{
	struct span key, val;
	size_t pos = 0;

	*value = (struct span){ NULL, 0 };
	while (scan_kind(object) == '{' && scan_next(object, &pos, &key, &val)) {
		if (scan_string_is(key, name))
			*value = val;
		else if (scan_string_folds_to(key, name))
			return false;
	}
	return true;
}

bool scan_copy(struct span s, char *out, size_t size)
{
	const char *p, *end;

	if (!inside_quotes(s, &p, &end) || !size)
		return false;
	size--;
	while (p < end) {
		size_t n = (size_t)(scan_plain_end(p, end) - p);
		char c[4];
		const char *from = p;

		if (n) {
			p += n;
		} else {
			from = c;
			n = scan_decode_one(&p, end, c);
			if (!n || !c[0])
				return false;
		}
		if (n > size)
			return false;
		memcpy(out, from, n);
		out += n;
		size -= n;
	}
	*out = '\0';
	return true;
}

size_t scan_decode(struct span s, char *out)
{
	const char *p, *end;
	char *to = out;

	if (!inside_quotes(s, &p, &end))
		return 0;
	while (p < end) {
		char c[4];
		size_t n = scan_decode_one(&p, end, c);

		if (!n)
			return 0;
		memcpy(to, c, n);
		to += n;
	}
	return (size_t)(to - out);
}

char *scan_string(struct span s, struct arena *a)
{
	char *out;

	if (scan_kind(s) != '"')
		return NULL;
	out = arena_alloc(a, s.n); /* decoding never makes text longer, and the quotes go */
	return scan_copy(s, out, s.n) ? out : NULL;
}
