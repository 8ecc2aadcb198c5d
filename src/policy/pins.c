/* SPDX-License-Identifier: Apache-2.0 */
/* Lists are found as the capability filter finds them: by their result. What stays is copied byte for byte. */
#include "config.h"

#include "policy/pins.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "db/db.h"
#include "json/canon.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEPTH = 64,
	TTL_MS = 2000,
	NAME_MAX_BYTES = 512,          /* longer names are never approved */
	DEFINITION_KEPT = 32 * 1024,   /* of a definition; its hash is of the whole */
	ITEMS_TOLD = 1000,             /* of one list, to the database at a time */
	DATABASE_MS = 2000,
};

/* ---- lists in messages */

/* What is read by models and people; in this order the object is canonical. */
static const char *const shown[] = { "_meta", "annotations", "description", "inputSchema", "name", "outputSchema", "title" };

/* Whether readers that do not tell case apart take this member for one of those. */
static bool is_lookalike(struct span name)
{
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (!scan_string_is(name, shown[i]) && scan_string_folds_to(name, shown[i]))
			return true;
	return false;
}

/* Behind the others: an approved tool that gets one has changed. */
static void add_lookalikes(struct buf *b, struct arena *a, struct span item, const char *join)
{
	struct span name, value;
	size_t at = 0;

	while (scan_kind(item) == '{' && scan_next(item, &at, &name, &value)) {
		if (!is_lookalike(name))
			continue;
		buf_str(b, join);
		canon_write(b, a, name);
		buf_char(b, ':');
		canon_write(b, a, value);
		join = ",";
	}
}

static const char *definition_of(struct arena *a, struct span item)
{
	struct buf b;
	const char *text, *join = "";

	buf_init(&b, 6 * item.n + 1024);
	buf_char(&b, '{');
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		struct span value = scan_member(item, shown[i]);

		if (!value.p)
			continue;
		buf_printf(&b, "%s\"%s\":", join, shown[i]);
		canon_write(&b, a, value);
		join = ",";
	}
	add_lookalikes(&b, a, item, join);
	buf_char(&b, '}');
	text = arena_strndup(a, buf_text(&b), b.len);
	buf_release(&b);
	return text;
}

static void read_item(struct pin_item *item, struct arena *a, struct span whole)
{
	item->whole = whole;
	item->name = scan_string(scan_member(whole, "name"), a);
	item->definition = definition_of(a, whole);
	hash_sha256(item->hash, item->definition, strlen(item->definition));
	if (item->name && strlen(item->name) > NAME_MAX_BYTES)
		item->name = NULL;
}

static bool malformed(struct err *e, const char *why)
{
	return err_reason(e, ERR_UPSTREAM, "upstream_malformed", "the upstream's answer is malformed", "%s", why);
}

/* The list of a message, NULL if it has none. False: readers that do not tell case apart may find another. */
static bool read_list(struct arena *a, struct span message, struct pin_list **read, struct err *e)
{
	struct span result, array, item, cursor;
	struct pin_list *list;
	size_t at = 0;

	*read = NULL;
	if (!scan_sole_member(message, "result", &result) || !scan_sole_member(result, "tools", &array))
		return malformed(e, "it spells the name of a member in another case");
	if (scan_kind(array) != '[')
		return true;
	cursor = scan_member(result, "nextCursor");
	list = *read = arena_alloc(a, sizeof(*list));
	list->array = array;
	list->last = !cursor.p || scan_kind(cursor) == 'n' || scan_string_is(cursor, "");
	while (scan_next(array, &at, NULL, &item))
		list->n++;
	list->items = arena_calloc(a, list->n + 1, sizeof(*list->items));
	list->n = at = 0;
	while (scan_next(array, &at, NULL, &item))
		read_item(&list->items[list->n++], a, item);
	return true;
}

struct pin_list *pins_read(struct arena *a, const char *text, size_t n, bool *ok, struct err *e)
{
	struct scan_limits limits = scan_limits_of(n);
	struct err why = { .code = ERR_NONE };
	struct pin_list *first = NULL, **last = &first;
	struct span whole, message;
	size_t at = 0;

	limits.depth = DEPTH;
	limits.members = n < UINT32_MAX ? (unsigned)n : UINT32_MAX; /* no tree is made of them */
	*ok = scan_check(text, n, &limits, &why) || malformed(e, why.text);
	if (!*ok)
		return NULL;
	whole = scan_value(text, n);
	if (scan_kind(whole) != '[') {
		*ok = read_list(a, whole, &first, e);
		return first;
	}
	while (*ok && scan_next(whole, &at, NULL, &message)) {
		*ok = read_list(a, message, last, e);
		last = *last ? &(*last)->next : last;
	}
	return *ok ? first : NULL;
}

bool pins_write(const char *text, size_t n, const struct pin_list *list, bool (*keep)(const struct pin_item *), struct buf *out)
{
	const char *copied = text;

	for (; list; list = list->next) {
		bool first = true;

		buf_add(out, copied, (size_t)(list->array.p - copied));
		buf_char(out, '[');
		for (size_t i = 0; i < list->n; i++) {
			if (!keep(&list->items[i]))
				continue;
			if (!first)
				buf_char(out, ',');
			first = false;
			buf_add(out, list->items[i].whole.p, list->items[i].whole.n);
		}
		buf_char(out, ']');
		copied = list->array.p + list->array.n;
	}
	return buf_add(out, copied, (size_t)(text + n - copied));
}

/* ---- what is approved, as it was read last */

struct pin {
	char *tool;
	bool has_approved;
	unsigned char approved[HASH_LEN], seen[HASH_LEN];
};

struct route_pins {
	char *operation_id;
	int64_t read_ms; /* 0: never */
	bool learned;    /* the first list has come to its end */
	size_t n;
	struct pin *pins; /* by tool */
	struct route_pins *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct route_pins *routes; /* as many as there ever were in this process's projects */

/* The lock is held. */
static struct route_pins *route_of(const char *operation_id)
{
	struct route_pins *r = routes;

	while (r && strcmp(r->operation_id, operation_id) != 0)
		r = r->next;
	if (r)
		return r;
	r = xcalloc(1, sizeof(*r));
	r->operation_id = xstrdup(operation_id);
	r->next = routes;
	routes = r;
	return r;
}

static int by_tool(const void *x, const void *y)
{
	return strcmp(((const struct pin *)x)->tool, ((const struct pin *)y)->tool);
}

static int is_tool(const void *tool, const void *pin)
{
	return strcmp(tool, ((const struct pin *)pin)->tool);
}

static const struct pin *find(const struct route_pins *r, const char *tool)
{
	return r->n ? bsearch(tool, r->pins, r->n, sizeof(*r->pins), is_tool) : NULL;
}

static bool read_hash(unsigned char out[HASH_LEN], const struct db_rows *rows, size_t row, size_t column, struct arena *a)
{
	const struct db_param bytes = db_bytes_at(rows, row, column, a);

	if (!bytes.value || bytes.len != HASH_LEN)
		return false;
	memcpy(out, bytes.value, HASH_LEN);
	return true;
}

static void free_pins(struct pin *pins, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(pins[i].tool);
	free(pins);
}

static bool read_route(struct db *db, const char *operation_id, struct arena *a, struct err *e)
{
	const struct db_param id = DB_TEXT(operation_id);
	struct route_pins *r;
	struct db_rows rows;
	struct pin *pins;
	size_t n = 0;

	if (!db_call_within(db, DATABASE_MS, STMT_TOOL_PINS, &id, 1, a, &rows, e))
		return false;
	pins = xcalloc(rows.rows + 1, sizeof(*pins));
	for (size_t i = 0; i < rows.rows; i++) {
		if (!db_text(&rows, i, 1) || !read_hash(pins[n].seen, &rows, i, 3, a))
			continue;
		pins[n].has_approved = read_hash(pins[n].approved, &rows, i, 2, a);
		pins[n++].tool = xstrdup(db_text(&rows, i, 1));
	}
	qsort(pins, n, sizeof(*pins), by_tool);
	pthread_mutex_lock(&lock);
	r = route_of(operation_id);
	free_pins(r->pins, r->n);
	r->pins = pins;
	r->n = n;
	r->learned = rows.rows && db_bool_at(&rows, 0, 0);
	r->read_ms = clock_ms();
	pthread_mutex_unlock(&lock);
	return true;
}

/* Makes sure that something is known. False: nothing is, and the database is away. */
static bool refresh(struct db *db, const char *operation_id, struct arena *a, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	int64_t read_ms;

	pthread_mutex_lock(&lock);
	read_ms = route_of(operation_id)->read_ms;
	pthread_mutex_unlock(&lock);
	if ((read_ms && clock_ms() - read_ms < TTL_MS) || read_route(db, operation_id, a, read_ms ? &why : e))
		return true;
	return read_ms != 0;
}

/* The next to ask reads anew. */
static void forget(const char *operation_id)
{
	struct route_pins *r;

	pthread_mutex_lock(&lock);
	r = route_of(operation_id);
	if (r->read_ms)
		r->read_ms = 1;
	pthread_mutex_unlock(&lock);
}

static enum pin_state state_of(const struct pin *p, const unsigned char seen[HASH_LEN])
{
	if (!p->has_approved)
		return PIN_NEW;
	return memcmp(p->approved, seen, HASH_LEN) ? PIN_CHANGED : PIN_APPROVED;
}

/* ---- lists */

/* States from memory. Returns whether the database has to be told: of an item, or that the first list is at its end. */
static bool compare(const char *operation_id, struct pin_list *list)
{
	const struct route_pins *r;
	bool news;

	pthread_mutex_lock(&lock);
	r = route_of(operation_id);
	news = list->last && !r->learned;
	for (size_t i = 0; i < list->n; i++) {
		struct pin_item *item = &list->items[i];
		const struct pin *p = item->name ? find(r, item->name) : NULL;

		if (!item->name)
			continue;
		if (p)
			item->state = state_of(p, item->hash);
		item->is_news = !p || memcmp(p->seen, item->hash, HASH_LEN) != 0;
		news = news || item->is_news;
	}
	pthread_mutex_unlock(&lock);
	return news;
}

/* At most so many bytes, and no half of a character. */
static const char *cut(struct arena *a, const char *text)
{
	size_t n = strlen(text);

	if (n <= DEFINITION_KEPT)
		return text;
	for (n = DEFINITION_KEPT; n && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
		;
	return arena_strndup(a, text, n);
}

static enum pin_state state_named(const char *name)
{
	return !strcmp(name, "approved") ? PIN_APPROVED : !strcmp(name, "changed") ? PIN_CHANGED : PIN_NEW;
}

static bool tell(struct db *db, const char *operation_id, struct pin_list *list, bool trust, struct arena *a, struct err *e)
{
	const char **tools = arena_calloc(a, list->n + 1, sizeof(*tools)), **texts = arena_calloc(a, list->n + 1, sizeof(*texts));
	struct db_param *hashes = arena_calloc(a, list->n + 1, sizeof(*hashes)), params[6];
	struct pin_item **told = arena_calloc(a, list->n + 1, sizeof(*told));
	struct db_rows rows;
	size_t n = 0;

	for (size_t i = 0; i < list->n && n < ITEMS_TOLD; i++) {
		struct pin_item *item = &list->items[i];

		if (!item->is_news)
			continue;
		item->is_news = false;
		tools[n] = item->name;
		hashes[n] = DB_BYTES(item->hash, HASH_LEN);
		texts[n] = cut(a, item->definition);
		told[n++] = item;
	}
	params[0] = DB_TEXT(operation_id);
	params[1] = db_text_array(a, tools, n);
	params[2] = db_bytes_array(a, hashes, n);
	params[3] = db_text_array(a, texts, n);
	params[4] = db_bool(trust);
	params[5] = db_bool(list->last);
	if (!db_call_within(db, DATABASE_MS, STMT_TOOL_SEEN, params, 6, a, &rows, e))
		return false;
	for (size_t i = 0; i < n && i < rows.rows; i++) {
		told[i]->state = state_named(db_text(&rows, i, 1));
		told[i]->is_news = db_bool_at(&rows, i, 2);
	}
	forget(operation_id);
	return true;
}

bool pins_see(struct db *db, const char *operation_id, struct pin_list *list, bool trust, struct arena *a, struct err *e)
{
	bool ok = true;

	for (; list && ok; list = list->next) {
		ok = refresh(db, operation_id, a, e);
		if (ok && compare(operation_id, list))
			ok = tell(db, operation_id, list, trust, a, e);
	}
	return ok;
}

enum pin_state pins_tool(
    struct db *db, const char *operation_id, const char *tool, bool trust, struct arena *a, struct err *e)
{
	enum pin_state state = PIN_NEW;
	const struct route_pins *r;
	const struct pin *p;

	if (!refresh(db, operation_id, a, e))
		return PIN_UNKNOWN;
	pthread_mutex_lock(&lock);
	r = route_of(operation_id);
	p = find(r, tool);
	if (p)
		state = state_of(p, p->seen);
	else if (trust && !r->learned)
		state = PIN_APPROVED;
	pthread_mutex_unlock(&lock);
	return state;
}
