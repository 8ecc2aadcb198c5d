/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search. Each string is decoded and searched by itself; what is masked is spliced into the text as it came, so that all
 * else keeps its spelling. A string that changed is searched again, until nothing is found: a mask may make an
 * edge where there was none.
 */
#include "config.h"

#include "policy/dlp.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/pattern.h"
#include "json/scan.h"
#include "policy/dlp_entities.h"

enum {
	DEPTH = 64,    /* of a message */
	ROUNDS = 6,    /* searches of one string; past them all of it is masked */
	NAME_MAX = 128, /* bytes of a member's name that may hold words of a context */
	NUMBER_MAX = 40 /* digits of a number that is written out */
};

struct rule {
	const struct dlp_entity *entity; /* NULL: a pattern of the configuration */
	const struct pattern *pattern;   /* NULL: the entity's */
	const char *const *context;
	double confidence;
	size_t name; /* in dlp.names */
};

struct dlp {
	struct arena *arena;
	double min_confidence;
	const char *mask, *mask_json; /* as it is, and as it stands between quotes */
	struct rule *rules;
	const char **names, **allow;
	size_t rules_n, names_n, allow_n;
};

/* ---- making one */

struct dlp *dlp_new(struct arena *a, double min_confidence, const char *mask)
{
	struct dlp *d = arena_alloc(a, sizeof(*d));
	struct buf b;

	d->arena = a;
	d->min_confidence = min_confidence;
	d->mask = arena_strdup(a, mask);
	buf_init(&b, SIZE_MAX / 2);
	buf_json(&b, mask);
	d->mask_json = arena_strndup(a, b.data + 1, b.len - 2);
	buf_release(&b);
	return d;
}

/* A place behind the N items at OLD, of SIZE bytes each: they move when their number is a power of two. */
static void *grown(struct arena *a, const void *old, size_t n, size_t size)
{
	void *more;

	if (n & (n - 1))
		return (void *)(uintptr_t)old;
	more = arena_calloc(a, n ? 2 * n : 1, size);
	if (n)
		memcpy(more, old, n * size);
	return more;
}

static size_t add_name(struct dlp *d, const char *name)
{
	for (size_t i = 0; i < d->names_n; i++)
		if (!strcmp(d->names[i], name))
			return i;
	d->names = grown(d->arena, d->names, d->names_n, sizeof(*d->names));
	d->names[d->names_n] = name;
	return d->names_n++;
}

static void add_rule(struct dlp *d, const struct rule *rule)
{
	for (size_t i = 0; rule->entity && i < d->rules_n; i++)
		if (d->rules[i].entity == rule->entity)
			return; /* two selectors may take the same */
	d->rules = grown(d->arena, d->rules, d->rules_n, sizeof(*d->rules));
	d->rules[d->rules_n++] = *rule;
}

bool dlp_add_entities(struct dlp *d, const char *selector)
{
	bool any = false;

	for (const struct dlp_entity *e = dlp_entities; e->id; e++) {
		if (!dlp_selects(selector, e))
			continue;
		any = true;
		if (e->confidence + (e->context ? DLP_CONTEXT : 0) >= d->min_confidence)
			add_rule(d, &(struct rule){ .entity = e, .context = e->context, .confidence = e->confidence,
			                .name = add_name(d, e->id) });
	}
	return any;
}

static void release_pattern(void *p)
{
	pattern_free(p);
}

bool dlp_add_pattern(struct dlp *d, const char *name, const char *text, double confidence, const char *const *context,
    struct err *e)
{
	struct pattern *pattern = pattern_new(text, e);

	if (!pattern)
		return false;
	arena_defer(d->arena, release_pattern, pattern);
	add_rule(d, &(struct rule){ .pattern = pattern, .context = context, .confidence = confidence,
	                .name = add_name(d, arena_strdup(d->arena, name)) });
	return true;
}

void dlp_allow(struct dlp *d, const char *value)
{
	d->allow = grown(d->arena, d->allow, d->allow_n, sizeof(*d->allow));
	d->allow[d->allow_n++] = arena_strdup(d->arena, value);
}

bool dlp_is_empty(const struct dlp *d)
{
	return d->rules_n == 0;
}

/* ---- the patterns of the table: compiled when first used, and kept for all projects */

static _Atomic(struct pattern *) *compiled;
static pthread_once_t compiled_once = PTHREAD_ONCE_INIT;
static pthread_mutex_t compiling = PTHREAD_MUTEX_INITIALIZER;

static void compiled_init(void)
{
	size_t n = 0;

	while (dlp_entities[n].id)
		n++;
	compiled = xcalloc(n, sizeof(*compiled));
}

static const struct pattern *pattern_of(const struct rule *rule)
{
	_Atomic(struct pattern *) *place;
	struct pattern *p;

	if (rule->pattern)
		return rule->pattern;
	pthread_once(&compiled_once, compiled_init);
	place = &compiled[rule->entity - dlp_entities];
	p = atomic_load(place);
	if (p)
		return p;
	pthread_mutex_lock(&compiling);
	p = atomic_load(place);
	if (!p) {
		p = pattern_new(rule->entity->pattern, NULL); /* a test compiles them all */
		atomic_store(place, p);
	}
	pthread_mutex_unlock(&compiling);
	return p;
}

/* ---- words near a match */

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_foreign(char c)
{
	return (unsigned char)c >= 0x80;
}

static bool is_letter(char c)
{
	return is_lower(c) || is_upper(c) || is_foreign(c);
}

/* How many of the N bytes at S spell WORD; 0: they do not. A blank of WORD is one separator, or none ("taxId"). */
static size_t spells(const char *s, size_t n, const char *word)
{
	size_t at = 0;

	for (; *word; word++) {
		if (*word == ' ') {
			at += at < n && strchr(" _-.", s[at]) && s[at];
			continue;
		}
		if (at == n || (is_upper(s[at]) ? s[at] + 32 : s[at]) != *word)
			return 0;
		at++;
	}
	return at;
}

/* Between letters only a change of case is an edge ("userSsn"). Scripts without ASCII may write words without blanks. */
static bool is_edge(const char *s, size_t n, size_t at)
{
	if (at == 0 || at == n || !is_letter(s[at - 1]) || !is_letter(s[at]))
		return true;
	return is_lower(s[at - 1]) && is_upper(s[at]);
}

static bool has_word(const char *s, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++) {
		size_t got = spells(s + i, n - i, word), end = i + got;

		if (!got || (!is_foreign(s[i]) && !is_edge(s, n, i)))
			continue;
		if (is_foreign(s[end - 1]) || is_edge(s, n, end) || (s[end] == 's' && is_edge(s, n, end + 1)))
			return true;
	}
	return false;
}

static bool has_words(const char *s, size_t n, const char *const *words)
{
	for (; *words; words++)
		if (has_word(s, n, *words))
			return true;
	return false;
}

/* ---- the search of one text */

/* The names of the members that a value lies in, innermost first. */
struct names {
	struct span name;
	const struct names *up;
};

struct match {
	size_t start, end;
	const struct rule *rule;
	double confidence;
};

struct work {
	const struct dlp *d;
	struct pattern_search *search;
	struct dlp_report *report;
	struct buf *out;        /* NULL: nothing is changed */
	const char *from, *end; /* of the message: what was not copied to OUT yet */
	bool any_context;       /* all words are near */
	/* of the string at hand */
	struct buf raw, next, decoded;
	const char *name;
	struct match *matches;
	size_t matches_n, matches_cap;
};

static void add_match(struct work *w, const struct match *m)
{
	if (w->matches_n == w->matches_cap) {
		w->matches_cap = w->matches_cap ? 2 * w->matches_cap : 16;
		w->matches = xrealloc(w->matches, w->matches_cap * sizeof(*m));
	}
	w->matches[w->matches_n++] = *m;
}

static bool is_near(const struct work *w, const struct rule *rule, const char *text, size_t n, size_t start, size_t end)
{
	size_t before = start < DLP_WINDOW ? start : DLP_WINDOW, behind = n - end < DLP_WINDOW ? n - end : DLP_WINDOW;

	if (!rule->context)
		return false;
	return w->any_context || has_words(text + start - before, before, rule->context) ||
	    has_words(text + end, behind, rule->context) || (w->name && has_words(w->name, strlen(w->name), rule->context));
}

static bool is_allowed(const struct dlp *d, const char *s, size_t n)
{
	for (size_t i = 0; i < d->allow_n; i++)
		if (strlen(d->allow[i]) == n && !strncasecmp(d->allow[i], s, n))
			return true;
	return false;
}

/* False where a limit was hit. */
static bool find_all(struct work *w, const struct rule *rule, const char *text, size_t n)
{
	const struct dlp_entity *entity = rule->entity;
	const struct pattern *p = pattern_of(rule);
	enum pattern_answer answer = PATTERN_LIMIT;
	struct match m = { .rule = rule };

	while (p && (answer = pattern_find(w->search, p, entity ? entity->check : NULL, text, n, m.end, &m.start, &m.end)) == PATTERN_FOUND) {
		m.confidence = rule->confidence + (is_near(w, rule, text, n, m.start, m.end) ? DLP_CONTEXT : 0);
		if (m.confidence >= w->d->min_confidence && !is_allowed(w->d, text + m.start, m.end - m.start))
			add_match(w, &m);
	}
	return answer == PATTERN_NONE;
}

static int by_place(const void *a, const void *b)
{
	const struct match *m = a, *o = b;

	if (m->start != o->start)
		return m->start < o->start ? -1 : 1;
	return m->end != o->end ? (m->end > o->end ? -1 : 1) : 0;
}

static bool is_better(const struct match *m, const struct match *than)
{
	size_t n = m->end - m->start, o = than->end - than->start;

	return n > o || (n == o && m->confidence > than->confidence);
}

/*
 * What overlaps becomes one match, as long as all of them together, so that no piece of any stays; it is called after
 * the longest, of equals the surest.
 */
static void join_matches(struct work *w)
{
	struct match best = { 0 };
	size_t n = 0;

	if (w->matches_n)
		qsort(w->matches, w->matches_n, sizeof(*w->matches), by_place);
	for (size_t i = 0; i < w->matches_n; i++) {
		const struct match m = w->matches[i];
		struct match *last = n ? &w->matches[n - 1] : NULL;

		if (!last || m.start >= last->end) {
			best = w->matches[n++] = m;
			continue;
		}
		if (m.end > last->end)
			last->end = m.end;
		if (is_better(&m, &best)) {
			best = m;
			last->rule = m.rule;
		}
	}
	w->matches_n = n;
}

/* Fills `matches`; false where a limit was hit. */
static bool search(struct work *w, const char *text, size_t n)
{
	size_t digits = 0;
	bool whole = true;

	w->matches_n = 0;
	for (size_t i = 0; i < n; i++)
		digits += text[i] >= '0' && text[i] <= '9';
	for (size_t i = 0; i < w->d->rules_n && whole; i++) {
		const struct rule *rule = &w->d->rules[i];
		const struct dlp_entity *e = rule->entity;

		if (e && (digits < e->digits || (e->literal && !memmem(text, n, e->literal, strlen(e->literal)))))
			continue;
		whole = find_all(w, rule, text, n);
	}
	join_matches(w);
	for (size_t i = 0; i < w->matches_n; i++)
		w->report->counts[w->matches[i].rule->name]++;
	w->report->found += w->matches_n;
	w->report->unsearched += !whole;
	return whole;
}

bool dlp_finds_mask(const struct dlp *d)
{
	struct dlp_report report = { .counts = xcalloc(d->names_n + 1, sizeof(*report.counts)) };
	struct work w = { .d = d, .search = pattern_search_new(), .report = &report, .any_context = true };
	bool found = !search(&w, d->mask, strlen(d->mask)) || report.found;

	pattern_search_free(w.search);
	free(w.matches);
	free(report.counts);
	return found;
}

/* ---- one string: `raw` is its text between the quotes, as JSON spells it */

static void decode(const struct buf *raw, struct buf *out)
{
	const char *p = raw->data, *end = p + raw->len;

	buf_clear(out);
	while (p < end) {
		const char *slash = memchr(p, '\\', (size_t)(end - p));
		char c[4];

		buf_add(out, p, (size_t)((slash ? slash : end) - p));
		if (!slash)
			break;
		p = slash;
		buf_add(out, c, scan_decode_one(&p, end, c));
	}
}

/* Where the byte AT of the decoded text stands in `raw`; *P and *DONE are an earlier place, and move there. */
static void raw_place(const char **p, size_t *done, const char *end, size_t at)
{
	char c[4];

	while (*done < at && *p < end)
		*done += scan_decode_one(p, end, c);
}

static void splice(struct work *w)
{
	const char *p = w->raw.data, *end = p + w->raw.len, *from = p;
	size_t done = 0;

	buf_clear(&w->next);
	for (size_t i = 0; i < w->matches_n; i++) {
		raw_place(&p, &done, end, w->matches[i].start);
		buf_add(&w->next, from, (size_t)(p - from));
		buf_str(&w->next, w->d->mask_json);
		raw_place(&p, &done, end, w->matches[i].end);
		from = p;
	}
	buf_add(&w->next, from, (size_t)(end - from));
}

/* Searches `raw`, and where it may be changed masks it until nothing is found. Whether it has changed. */
static bool mask_raw(struct work *w)
{
	for (unsigned round = 0;; round++) {
		bool whole, escapes = memchr(buf_text(&w->raw), '\\', w->raw.len) != NULL;
		struct buf swap;

		if (escapes)
			decode(&w->raw, &w->decoded);
		whole = escapes ? search(w, buf_text(&w->decoded), w->decoded.len) : search(w, buf_text(&w->raw), w->raw.len);
		if (!w->out || (whole && !w->matches_n))
			return round > 0;
		if (!whole || round == ROUNDS) {
			buf_clear(&w->raw);
			buf_str(&w->raw, w->d->mask_json);
			return true;
		}
		splice(w);
		swap = w->raw;
		w->raw = w->next;
		w->next = swap;
	}
}

/* Copies the message up to P, and goes on at TO. */
static void replace(struct work *w, const char *p, const char *to)
{
	buf_add(w->out, w->from, (size_t)(p - w->from));
	w->from = to;
}

static bool is_any(struct span name, const char *const *words)
{
	for (; *words; words++)
		if (scan_string_is(name, *words))
			return true;
	return false;
}

/* The name that tells what a value is: where its own says nothing, that of the object around it. */
static const char *telling_name(const struct names *names, char out[NAME_MAX])
{
	static const char *const empty[] = { "value", "number", "text", "data", "content", "raw", "val", NULL };

	if (names && is_any(names->name, empty) && names->up)
		names = names->up;
	return names && scan_copy(names->name, out, NAME_MAX) ? out : NULL;
}

static bool masked(struct work *w, const char *raw, size_t n, const struct names *names)
{
	char name[NAME_MAX];

	w->name = telling_name(names, name);
	buf_clear(&w->raw);
	buf_add(&w->raw, raw, n);
	return mask_raw(w);
}

static void on_string(struct work *w, struct span v, const struct names *names)
{
	if (!masked(w, v.p + 1, v.n - 2, names))
		return;
	replace(w, v.p + 1, v.p + v.n - 1);
	buf_add(w->out, buf_text(&w->raw), w->raw.len);
}

/* Of [+-]DIGITS. */
static long exponent_of(const char *p, const char *end)
{
	bool less = *p == '-';
	long v = 0;

	for (p += *p == '-' || *p == '+'; p < end && v < 1000; p++)
		v = v * 10 + (*p - '0');
	return less ? -v : v;
}

/*
 * A whole number however it is spelled (4.1e3, 4100.0), as its digits; its text as it stands where it is none, or
 * has too many. Returns how many bytes there are at OUT.
 */
static size_t write_out(struct span v, const char **out, char digits[NUMBER_MAX + 2])
{
	const char *p = v.p, *end = v.p + v.n;
	long exponent = 0, places = 0;
	size_t n = 0;
	bool fraction = false;

	*out = v.p;
	if (*p == '-')
		digits[n++] = *p++;
	for (; p < end && (*p | 0x20) != 'e'; p++) {
		if (*p == '.') {
			fraction = true;
			continue;
		}
		if (n > NUMBER_MAX)
			return v.n;
		places += fraction;
		digits[n++] = *p;
	}
	if (p < end)
		exponent = exponent_of(p + 1, end);
	for (exponent -= places; exponent < 0 && n > 1 && digits[n - 1] == '0'; exponent++)
		n--;
	if (exponent < 0 || n + (size_t)exponent > NUMBER_MAX)
		return v.n;
	memset(digits + n, '0', (size_t)exponent);
	*out = digits;
	return n + (size_t)exponent;
}

static void on_number(struct work *w, struct span v, const struct names *names)
{
	char digits[NUMBER_MAX + 2];
	const char *text;
	size_t n = write_out(v, &text, digits);

	if (n < 3 || !masked(w, text, n, names))
		return;
	replace(w, v.p, v.p + v.n);
	buf_char(w->out, '"');
	buf_add(w->out, buf_text(&w->raw), w->raw.len);
	buf_char(w->out, '"');
}

/* ---- names of members */

/* The number of a name like those that we give, "[REDACTED] 7"; 1 for the mask alone, 0 for others. */
static unsigned long number_of_name(struct arena *a, struct span name, const char *mask)
{
	const char *text = scan_string(name, a);
	size_t n = strlen(mask);

	if (!text || strncmp(text, mask, n) != 0)
		return 0;
	return !text[n] ? 1 : text[n] == ' ' && strlen(text + n) < 11 ? strtoul(text + n + 1, NULL, 10) : 0;
}

/* Past the highest number that a name of the object has. */
static unsigned long free_number(struct span object, const char *mask)
{
	struct arena *a = arena_new();
	unsigned long highest = 0;
	struct span name, value;
	size_t pos = 0;

	while (scan_next(object, &pos, &name, &value)) {
		unsigned long number = number_of_name(a, name, mask);

		if (number > highest)
			highest = number;
	}
	arena_free(a);
	return highest + 1;
}

/*
 * A name is masked as a whole, with a number from the second in its object on: two that became equal would make the message
 * ambiguous. *NUMBER is the next one, 0 before the first.
 */
static void on_name(struct work *w, struct span object, struct span name, unsigned long *number)
{
	if (!masked(w, name.p + 1, name.n - 2, NULL))
		return;
	if (!*number)
		*number = free_number(object, w->d->mask);
	replace(w, name.p + 1, name.p + name.n - 1);
	buf_str(w->out, w->d->mask_json);
	if (*number > 1)
		buf_printf(w->out, " %lu", *number);
	++*number;
}

/* ---- the message */

enum place {
	DATA, /* searched, with all that lies in it */
	OURS, /* the protocol's: neither searched nor changed */
	MESSAGE,
	PARAMS,
	CALL, /* the params of tools/call and prompts/get */
	META,
	REFERENCE,
	RESULT,
	LIST, /* of tools, prompts, or a prompt's arguments */
	ITEM,
	TASK,
};

static const struct {
	enum place in;
	const char *name;
	enum place then;
} steps[] = {
	{ MESSAGE, "jsonrpc", OURS }, { MESSAGE, "id", OURS }, { MESSAGE, "method", OURS }, { MESSAGE, "params", PARAMS },
	{ MESSAGE, "result", RESULT },
	{ CALL, "name", OURS },
	{ PARAMS, "_meta", META }, { PARAMS, "ref", REFERENCE }, { PARAMS, "cursor", OURS }, { PARAMS, "protocolVersion", OURS },
	{ PARAMS, "progressToken", OURS }, { PARAMS, "requestId", OURS }, { PARAMS, "requestState", OURS }, { PARAMS, "taskId", OURS },
	{ META, "progressToken", OURS }, { META, "io.modelcontextprotocol/protocolVersion", OURS },
	{ META, "io.modelcontextprotocol/subscriptionId", OURS }, { META, "io.modelcontextprotocol/related-task", TASK },
	{ REFERENCE, "name", OURS },
	{ RESULT, "_meta", META }, { RESULT, "tools", LIST }, { RESULT, "prompts", LIST }, { RESULT, "nextCursor", OURS },
	{ RESULT, "protocolVersion", OURS }, { RESULT, "requestState", OURS }, { RESULT, "task", TASK }, { RESULT, "taskId", OURS },
	{ ITEM, "name", OURS }, { ITEM, "arguments", LIST },
	{ TASK, "taskId", OURS },
};

static enum place step(enum place in, struct span object, struct span name)
{
	static const char *const calls[] = { "tools/call", "prompts/get", NULL };
	enum place then = DATA;

	for (size_t i = 0; in != DATA && i < sizeof(steps) / sizeof(steps[0]); i++)
		if ((steps[i].in == in || (in == CALL && steps[i].in == PARAMS)) && scan_string_is(name, steps[i].name))
			then = steps[i].then;
	return then == PARAMS && is_any(scan_member(object, "method"), calls) ? CALL : then;
}

static void walk(struct work *, struct span, enum place, const struct names *);

static void walk_object(struct work *w, struct span object, enum place place, const struct names *up)
{
	struct names names = { .up = up };
	struct span value;
	unsigned long number = 0;
	size_t pos = 0;

	while (scan_next(object, &pos, &names.name, &value)) {
		enum place then = step(place, object, names.name);

		if (then == OURS)
			continue;
		on_name(w, object, names.name, &number);
		walk(w, value, then, &names);
	}
}

static void walk(struct work *w, struct span v, enum place place, const struct names *names)
{
	struct span item;
	size_t pos = 0;

	switch (scan_kind(v)) {
	case '{':
		walk_object(w, v, place, names);
		break;
	case '[':
		while (scan_next(v, &pos, NULL, &item))
			walk(w, item, place == LIST ? ITEM : DATA, names);
		break;
	case '"':
		on_string(w, v, names);
		break;
	case '0':
		on_number(w, v, names);
		break;
	default:
		break;
	}
}

static void walk_messages(struct work *w, struct span whole)
{
	struct span item;
	size_t pos = 0;

	if (scan_kind(whole) != '[')
		walk(w, whole, MESSAGE, NULL);
	else
		while (scan_next(whole, &pos, NULL, &item))
			walk(w, item, MESSAGE, NULL);
}

bool dlp_message(const struct dlp *d, struct arena *a, const char *text, size_t n, struct buf *out, struct dlp_report *report,
    struct err *e)
{
	struct scan_limits limits = scan_limits_of(n);
	struct work w = { .d = d, .report = report, .out = out, .from = text };

	*report = (struct dlp_report){ .counts = arena_calloc(a, d->names_n + 1, sizeof(*report->counts)) };
	limits.depth = DEPTH;
	limits.members = UINT32_MAX; /* no tree is built */
	if (!scan_check(text, n, &limits, e))
		return false;
	w.search = pattern_search_new();
	buf_init(&w.raw, SIZE_MAX / 2);
	buf_init(&w.next, SIZE_MAX / 2);
	buf_init(&w.decoded, SIZE_MAX / 2);
	walk_messages(&w, scan_value(text, n));
	if (out)
		replace(&w, text + n, text + n);
	buf_release(&w.raw);
	buf_release(&w.next);
	buf_release(&w.decoded);
	free(w.matches);
	pattern_search_free(w.search);
	return !out || !out->over || err_set(e, ERR_LIMIT, "the masked message is too long", "%s", "");
}

size_t dlp_counts(const struct dlp *d)
{
	return d->names_n + 1;
}

void dlp_report_add(const struct dlp *d, struct dlp_report *total, const struct dlp_report *one)
{
	total->found += one->found;
	total->unsearched += one->unsearched;
	for (size_t i = 0; i < d->names_n; i++)
		total->counts[i] += one->counts[i];
}

const char *dlp_names(const struct dlp *d, const struct dlp_report *report, struct arena *a, bool counts)
{
	const char *list = "";

	for (size_t i = 0; i < d->names_n; i++) {
		if (!report->counts[i])
			continue;
		list = arena_printf(a, "%s%s%s", list, *list ? ", " : "", d->names[i]);
		if (counts)
			list = arena_printf(a, "%s: %u", list, report->counts[i]);
	}
	if (report->unsearched)
		list = arena_printf(a, "%s%sunsearched", list, *list ? ", " : "");
	if (report->unsearched && counts)
		list = arena_printf(a, "%s: %zu", list, report->unsearched);
	return list;
}
