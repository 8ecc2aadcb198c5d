/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages are rewritten as text: spans of the checked message are copied, except where an item is left
 * out or a member is replaced. Whatever carries an array of tools, prompts, resources or templates
 * in its result counts as a list, whichever request it answers: a stream may replay old answers.
 */
#include "config.h"

#include "policy/catalog_internal.h"

#include <stdint.h>
#include <string.h>

enum { DEPTH = 64 };

bool catalog_changes_calls(const struct catalog *c)
{
	return c->changes_calls;
}

/* ---- one item */

/* Members of MORE, which is shared, go into BASE, objects into objects. */
static void merge(struct json_object *base, struct json_object *more)
{
	json_object_object_foreach(more, name, value)
	{
		struct json_object *old = json_get(base, name);

		if (json_object_is_type(old, json_type_object) && json_object_is_type(value, json_type_object))
			merge(old, value);
		else
			json_object_object_add(base, name, json_copy(value));
	}
}

/* VALUE of the upstream with the entry's merged into it; what is no object gives way. */
static bool write_merged(struct arena *a, struct span value, const struct entry *entry, int i, struct buf *out)
{
	const struct scan_limits limits = { .bytes = value.n, .depth = DEPTH, .members = 65536, .tree = true };
	struct json_object *base;

	if (scan_kind(value) != '{')
		return buf_str(out, entry->merged_text[i]);
	base = json_parse(a, value.p, value.n, &limits, NULL);
	if (!base)
		return false;
	merge(base, entry->merged[i]);
	return buf_str(out, json_text(a, base));
}

static void write_comma(struct buf *out, bool *first)
{
	if (!*first)
		buf_char(out, ',');
	*first = false;
}

/* The I-th member that an entry may change: its name, and whether this one does. */
enum { SCHEMA = REPLACED + MERGED, KEY, CHANGES };

static const char *change_at(const struct entry *entry, const char *key, int i, bool *is)
{
	if (i < REPLACED) {
		*is = entry->replaced[i] != NULL;
		return catalog_replaced[i];
	}
	if (i < SCHEMA) {
		*is = entry->merged[i - REPLACED] != NULL;
		return catalog_merged[i - REPLACED];
	}
	*is = i == SCHEMA ? entry->arguments != NULL : entry->shown != entry->key;
	return i == SCHEMA ? "inputSchema" : key;
}

/* Which change a member is for; CHANGES: none. *ODD: it spells the name of one in another case. */
static int change_of(const struct entry *entry, const char *key, struct span name, bool *odd)
{
	bool is;

	*odd = false;
	for (int i = 0; i < CHANGES; i++) {
		const char *changed = change_at(entry, key, i, &is);

		if (is && scan_string_is(name, changed))
			return i;
		*odd |= is && scan_string_folds_to(name, changed);
	}
	return CHANGES;
}

/* VALUE is absent where the item lacks the member. */
static bool write_change(struct arena *a, const struct entry *entry, int i, struct span value, struct buf *out)
{
	if (i < REPLACED)
		return buf_str(out, entry->replaced[i]);
	if (i < SCHEMA)
		return write_merged(a, value, entry, i - REPLACED, out);
	if (i == SCHEMA)
		return arguments_publish(entry->arguments, a, value, out);
	return buf_str(out, entry->shown_text);
}

static bool write_changed(struct arena *a, struct span item, const struct entry *entry, const char *key, struct buf *out)
{
	bool first = true, is, odd;
	struct span name, value;
	size_t at = 0;

	buf_char(out, '{');
	while (scan_next(item, &at, &name, &value)) {
		int i = change_of(entry, key, name, &odd);

		if (i == CHANGES && odd) /* some clients would take it for ours */
			continue;
		write_comma(out, &first);
		buf_add(out, name.p, name.n);
		buf_char(out, ':');
		if (i == CHANGES)
			buf_add(out, value.p, value.n);
		else if (!write_change(a, entry, i, value, out))
			return false;
	}
	for (int i = 0; i < KEY; i++) { /* what the upstream's item lacks comes behind its own */
		const char *missing = change_at(entry, key, i, &is);

		if (!is || scan_member(item, missing).p)
			continue;
		write_comma(out, &first);
		buf_json(out, missing);
		buf_char(out, ':');
		if (!write_change(a, entry, i, (struct span){ NULL, 0 }, out))
			return false;
	}
	return buf_char(out, '}');
}

/* ---- lists in messages */

static bool malformed(struct err *e, const char *why)
{
	return err_reason(e, ERR_UPSTREAM, "upstream_malformed", "the upstream's answer is malformed", "%s", why);
}

static bool write_list(struct view *v, enum catalog_kind k, struct span array, struct buf *out)
{
	struct arena *a = v->arena;
	struct span item;
	bool first = true;
	size_t at = 0;

	buf_char(out, '[');
	while (scan_next(array, &at, NULL, &item)) {
		const char *key = scan_string(scan_member(item, catalog_key(k)), a);
		const struct entry *entry = key ? view_find(v, k, key) : NULL;

		if (!entry) /* not listed, or without a name to tell */
			continue;
		write_comma(out, &first);
		if (entry->plain)
			buf_add(out, item.p, item.n);
		else if (!write_changed(a, item, entry, catalog_key(k), out))
			return false;
	}
	return buf_char(out, ']');
}

/* Which filtered list a member of a result is; CATALOG_KINDS: none. */
static enum catalog_kind kind_of(const struct view *v, struct span name, struct span value, bool *odd)
{
	enum catalog_kind k = 0;

	*odd = false;
	if (scan_kind(value) != '[')
		return CATALOG_KINDS;
	for (; k < CATALOG_KINDS; k++) {
		if (!view_filters(v, k))
			continue;
		if (scan_string_is(name, catalog_option(k)))
			break;
		*odd |= scan_string_folds_to(name, catalog_option(k));
	}
	return k;
}

static bool write_result(struct view *v, struct span result, struct buf *out, struct err *e)
{
	const char *copied = result.p;
	struct span name, value;
	size_t at = 0;
	bool odd;

	while (scan_next(result, &at, &name, &value)) {
		enum catalog_kind k = kind_of(v, name, value, &odd);
		/* lists that differ by caller may be kept for one caller only */
		bool scope = v->c->access != CATALOG_FOR_ALL && scan_string_is(name, "cacheScope");

		if (k == CATALOG_KINDS && odd)
			return malformed(e, "it spells the name of a list in another case");
		if (k == CATALOG_KINDS && !scope)
			continue;
		buf_add(out, copied, (size_t)(value.p - copied));
		if (scope)
			buf_str(out, "\"private\"");
		else if (!write_list(v, k, value, out))
			return false;
		copied = value.p + value.n;
	}
	return buf_add(out, copied, (size_t)(result.p + result.n - copied));
}

static bool write_message(struct view *v, struct span message, struct buf *out, struct err *e)
{
	struct span result;

	if (!scan_sole_member(message, "result", &result))
		return malformed(e, "it spells the name of a member in another case");
	if (scan_kind(result) != '{')
		return buf_add(out, message.p, message.n);
	buf_add(out, message.p, (size_t)(result.p - message.p));
	return write_result(v, result, out, e) &&
	    buf_add(out, result.p + result.n, (size_t)(message.p + message.n - result.p - result.n));
}

/* ---- calls in messages */

/* What is put in the place of a span; in front of it where its length is 0. */
struct splice {
	struct span old;
	const char *text;
};

static bool write_spliced(struct span message, struct splice *s, size_t n, struct buf *out)
{
	const char *copied = message.p;
	struct splice swap;

	if (n == 2 && s[1].old.p < s[0].old.p) {
		swap = s[0];
		s[0] = s[1];
		s[1] = swap;
	}
	for (size_t i = 0; i < n; i++) {
		buf_add(out, copied, (size_t)(s[i].old.p - copied));
		buf_str(out, s[i].text);
		copied = s[i].old.p + s[i].old.n;
	}
	return buf_add(out, copied, (size_t)(message.p + message.n - copied));
}

/* The name that a message uses, and its kind; absent where catalog_call() has nothing to say. */
static struct span used_name(struct span message, enum catalog_kind *k)
{
	struct span method = scan_member(message, "method"), ref;

	*k = scan_string_is(method, "tools/call") ? CATALOG_TOOLS : CATALOG_PROMPTS;
	if (*k == CATALOG_TOOLS || scan_string_is(method, "prompts/get"))
		return scan_path(message, "params", "name", NULL);
	ref = scan_string_is(method, "completion/complete") ? scan_path(message, "params", "ref", NULL) : (struct span){ NULL, 0 };
	return scan_string_is(scan_member(ref, "type"), "ref/prompt") ? scan_member(ref, "name") : (struct span){ NULL, 0 };
}

static bool splice_arguments(struct view *v, const struct entry *entry, struct span params, struct splice *s, size_t max,
    struct err *e)
{
	struct span said = scan_member(params, "arguments");
	struct buf text;
	bool ok;

	buf_init(&text, max);
	if (!said.p) /* params has a name: a member may come before it */
		buf_str(&text, "\"arguments\":");
	ok = arguments_apply(entry->arguments, v->arena, said, &text, e);
	if (ok && !said.p)
		buf_char(&text, ',');
	*s = (struct splice){ said.p ? said : (struct span){ params.p + 1, 0 }, arena_strndup(v->arena, buf_text(&text), text.len) };
	buf_release(&text);
	return ok;
}

static bool call_message(struct view *v, struct span message, struct buf *out, struct err *e)
{
	enum catalog_kind k;
	struct span name = used_name(message, &k);
	const char *said = scan_string(name, v->arena), *upstream;
	const struct entry *entry;
	struct splice splices[2];
	size_t n = 0;

	if (!name.p || !view_filters(v, k))
		return buf_add(out, message.p, message.n);
	entry = said ? view_find_shown(v, k, said, &upstream) : NULL;
	if (!entry)
		return err_reason(e, ERR_ACCESS_DENIED, "hidden_capability", "Method not found", "%s", "");
	if (entry->shown != entry->key)
		splices[n++] = (struct splice){ name, entry->key_text };
	if (entry->arguments && !splice_arguments(v, entry, scan_member(message, "params"), &splices[n++], out->max, e))
		return false;
	return write_spliced(message, splices, n, out);
}

/* ---- both ways */

/* One message, or each of a batch, by WRITE; what is between them is copied. */
static bool each(struct view *v, struct span whole, struct buf *out, struct err *e,
    bool (*write)(struct view *, struct span, struct buf *, struct err *))
{
	const char *copied = whole.p;
	struct span message;
	size_t at = 0;

	if (scan_kind(whole) != '[')
		return write(v, whole, out, e);
	while (scan_next(whole, &at, NULL, &message)) {
		buf_add(out, copied, (size_t)(message.p - copied));
		if (!write(v, message, out, e))
			return false;
		copied = message.p + message.n;
	}
	return buf_add(out, copied, (size_t)(whole.p + whole.n - copied));
}

bool catalog_call(const struct catalog *c, const struct catalog_caller *who, struct arena *a, const char *text, size_t n,
    struct buf *out, struct err *e)
{
	struct view v = { .c = c, .who = who, .arena = a };
	bool ok = each(&v, scan_value(text, n), out, e, call_message);

	view_end(&v);
	return ok || err_set(e, ERR_INVALID_REQUEST, "arguments: they are too large", "%s", "");
}

bool catalog_filter(const struct catalog *c, const struct catalog_caller *who, struct arena *a,
    const char *text, size_t n, struct buf *out, struct err *e)
{
	struct view v = { .c = c, .who = who, .arena = a };
	struct scan_limits limits = scan_limits_of(n);
	struct err why = { .code = ERR_NONE };
	bool ok;

	limits.depth = DEPTH;
	limits.members = n < UINT32_MAX ? (unsigned)n : UINT32_MAX; /* no tree is made of them */
	if (!scan_check(text, n, &limits, &why))
		return malformed(e, why.text);
	ok = each(&v, scan_value(text, n), out, e, write_message);
	view_end(&v);
	return ok || malformed(e, "it is over its cap, or an item is malformed");
}
