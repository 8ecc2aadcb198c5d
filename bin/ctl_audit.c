/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: the audit trail as a chain (keeper/chain.h): seal what is not sealed, verify all of it, write it out.
 * Verifying reads no table but through the statements that everybody may read in sql/stmt/audit.sql.
 */
#include "config.h"

#include "ctl.h"

#include "base/buf.h"
#include "keeper/chain.h"
#include "keys/ring.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 1000, SEAL_BATCH = 500, FAULTS_MAX = 20, ANCHORS_MAX = 4096, LINE = 64 * 1024 };

struct verdict {
	int64_t rows, faults, anchors, anchors_met;
	struct chain_end end;
	struct chain_end *list; /* anchors, by place */
	size_t n;
};

/* ---- seal ---- */

static bool audit_seal(struct ctl *ctl, const struct project *p, struct db *db, struct err *e)
{
	struct ring *ring = ring_open(p->keyring, 1u << KEY_AUDIT, e);
	struct chain_end end = { .place = 0 };
	int64_t n = 1, sum = 0;
	bool ok = ring != NULL;

	(void)ctl;
	while (ok && n) {
		ok = chain_extend(db, ring, SEAL_BATCH, &n, &end, e);
		sum += n;
	}
	ring_close(ring);
	if (!ok)
		return false;
	printf("sealed %" PRId64 " rows\n", sum);
	if (sum) {
		char text[CHAIN_ANCHOR_TEXT];

		chain_anchor_write(text, &end);
		printf("anchor %s\n", text);
	}
	return true;
}

/* ---- verify ---- */

static void fault(struct verdict *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void fault(struct verdict *v, const char *fmt, ...)
{
	va_list ap;

	if (v->faults++ >= FAULTS_MAX)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static int by_place(const void *a, const void *b)
{
	const struct chain_end *x = a, *y = b;

	return (x->place > y->place) - (x->place < y->place);
}

static bool add_anchors(struct ctl *ctl, struct verdict *v, const char *name, bool asked, struct err *e)
{
	FILE *in = strcmp(name, "-") ? fopen(name, "re") : stdin;
	char *line = arena_alloc(ctl->arena, LINE);

	if (!in)
		return !asked || err_set(e, ERR_IO, "the file of anchors cannot be read", "%s", name);
	while (fgets(line, LINE, in)) {
		size_t pos = 0;
		struct chain_end end;

		while (v->n < ANCHORS_MAX && chain_anchor_find(line, strlen(line), &pos, &end))
			v->list[v->n++] = end;
		/* a log may hold more of them: the newest count */
		if (v->n == ANCHORS_MAX) {
			memmove(v->list, v->list + ANCHORS_MAX / 2, ANCHORS_MAX / 2 * sizeof(*v->list));
			v->n = ANCHORS_MAX / 2;
		}
	}
	if (in != stdin)
		fclose(in);
	return true;
}

static bool meets_anchor(struct verdict *v, const struct chain_end *anchor)
{
	v->anchors++;
	if (anchor->place > v->end.place) {
		fault(v, "the tail is cut off: the chain once had place %" PRId64 ", and ends at %" PRId64,
		    anchor->place, v->end.place);
		return false;
	}
	if (!hash_equal(anchor->seal, v->end.seal, HASH_LEN)) {
		fault(v, "place %" PRId64 " is not what its anchor says: the chain was rebuilt", anchor->place);
		return false;
	}
	v->anchors_met++;
	return true;
}

/* One place of the chain: the row of ROWS. END is the place before, and becomes this one. */
static void verify_place(
    struct verdict *v, const struct ring *ring, const struct db_rows *rows, size_t i, struct arena *a)
{
	int64_t place = db_int_at(rows, i, 0), expected = v->end.place + 1;
	const struct key *key = ring_find(ring, KEY_AUDIT, db_text(rows, i, 1));
	struct db_param stored = db_bytes_at(rows, i, 2, a);
	struct audit_row row = chain_row(rows, i, 3);
	unsigned char seal[HASH_LEN];

	if (place != expected)
		fault(v, "places %" PRId64 " to %" PRId64 " of the chain are deleted", expected, place - 1);
	v->end.place = place;
	v->rows++;
	if (!row.text[0]) {
		fault(v, "place %" PRId64 ": the row %" PRId64 " is deleted", place, row.audit_id);
	} else if (!key) {
		fault(v, "place %" PRId64 ": sealed under the key '%.64s', which the ring does not have", place,
		    db_text(rows, i, 1));
	} else {
		chain_seal(seal, key->bytes, place, v->end.seal, &row);
		if (!stored.value || !hash_equal(seal, stored.value, HASH_LEN))
			fault(v, "place %" PRId64 ": the row %" PRId64 " (%s, %s) is not what was sealed here: "
				 "edited, moved, or of another chain",
			    place, row.audit_id, ctl_word(a, row.text[5]), ctl_word(a, row.text[1]));
	}
	/* what follows is judged by what is stored: one edit is one fault */
	if (stored.value)
		memcpy(v->end.seal, stored.value, HASH_LEN);
}

static bool verify_chain(struct db *db, const struct ring *ring, struct verdict *v, struct err *e)
{
	struct db_rows rows;
	size_t next = 0;

	do {
		struct arena *a = arena_new();
		const struct db_param params[] = { db_int(a, v->end.place), db_int(a, PAGE) };

		if (!db_call(db, STMT_AUDIT_CHAIN, params, 2, a, &rows, e)) {
			arena_free(a);
			return false;
		}
		for (size_t i = 0; i < rows.rows; i++) {
			verify_place(v, ring, &rows, i, a);
			for (; next < v->n && v->list[next].place <= v->end.place; next++)
				if (v->list[next].place == v->end.place)
					meets_anchor(v, &v->list[next]);
		}
		arena_free(a);
	} while (rows.rows == PAGE);
	if (v->n > next) /* the last one says most */
		meets_anchor(v, &v->list[v->n - 1]);
	return true;
}

static bool verify_loose(struct ctl *ctl, struct db *db, struct verdict *v, struct err *e)
{
	int64_t after = INT64_MIN;
	struct db_rows rows;

	do {
		const struct db_param params[] = { db_int(ctl->arena, after), db_int(ctl->arena, PAGE) };

		if (!db_call(db, STMT_AUDIT_LOOSE, params, 2, ctl->arena, &rows, e))
			return false;
		for (size_t i = 0; i < rows.rows; i++) {
			after = db_int_at(&rows, i, 0);
			fault(v, "the row %" PRId64 " (%s) has no place in the chain", after,
			    db_text(&rows, i, 1));
		}
	} while (rows.rows == PAGE);
	return true;
}

static bool judge(struct verdict *v, struct err *e)
{
	char text[CHAIN_ANCHOR_TEXT];

	if (v->faults > FAULTS_MAX)
		printf("and %" PRId64 " more\n", v->faults - FAULTS_MAX);
	if (v->faults)
		return err_set(e, ERR_CONFIG, "the audit trail is not what was written",
		    "%" PRId64 " faults in %" PRId64 " rows", v->faults, v->rows);
	printf("%" PRId64 " rows are as they were sealed; %" PRId64 " anchors agree\n", v->rows, v->anchors_met);
	chain_anchor_write(text, &v->end);
	printf("anchor %s\n", text);
	if (!v->anchors)
		fputs("Without an anchor a cut-off tail is not seen: give --anchors a log.\n", stderr);
	return true;
}

static bool audit_verify(
    struct ctl *ctl, const struct project *p, struct db *db, char **files, int n, struct err *e)
{
	struct verdict v = { .list = arena_calloc(ctl->arena, ANCHORS_MAX, sizeof(*v.list)) };
	struct ring *ring = ring_open(p->keyring, 1u << KEY_AUDIT, e);
	bool ok = ring != NULL;

	if (ok && !n && p->log_destination && *p->log_destination == '/')
		ok = add_anchors(ctl, &v, p->log_destination, false, e);
	for (int i = 0; ok && i < n; i += 2)
		ok = add_anchors(ctl, &v, files[i + 1], true, e);
	qsort(v.list, v.n, sizeof(*v.list), by_place);
	ok = ok && verify_chain(db, ring, &v, e) && verify_loose(ctl, db, &v, e);
	ring_close(ring);
	return ok && judge(&v, e);
}

/* ---- export ---- */

static void print_line(struct buf *b, const struct db_rows *rows, size_t i)
{
	static const char *const names[] = { "id", "time", "program", "requestId", "actor", "action", "object",
		"clientId" };

	buf_clear(b);
	buf_printf(b, "{\"place\":%s,\"keyId\":\"%s\",\"seal\":\"%s\",\"auditId\":%s", db_text(rows, i, 0),
	    db_text(rows, i, 1), db_text(rows, i, 2) + 2, db_text(rows, i, 3));
	for (size_t j = 0; j < sizeof(names) / sizeof(*names); j++) {
		const char *text = db_text(rows, i, 4 + j);

		if (!text)
			continue;
		buf_printf(b, ",\"%s\":", names[j]);
		buf_json(b, text);
	}
	if (db_text(rows, i, 12))
		buf_printf(b, ",\"detail\":%s", db_text(rows, i, 12));
	buf_char(b, '}');
	puts(buf_text(b));
}

static bool print_line_of(struct buf *b, const struct db_rows *rows, size_t i, struct err *e)
{
	print_line(b, rows, i);
	return !b->over || err_set(e, ERR_LIMIT, "a row is too large to be written as a line", "");
}

static bool audit_export(struct db *db, const char *from, struct err *e)
{
	int64_t after = from ? strtoll(from, NULL, 10) : 0;
	struct db_rows rows;
	struct buf b;
	bool ok = true;

	buf_init(&b, (size_t)64 * 1024 * 1024);
	do {
		struct arena *a = arena_new();
		const struct db_param params[] = { db_int(a, after), db_int(a, PAGE) };

		ok = db_call(db, STMT_AUDIT_CHAIN, params, 2, a, &rows, e);
		for (size_t i = 0; ok && i < rows.rows; i++) {
			after = db_int_at(&rows, i, 0);
			ok = print_line_of(&b, &rows, i, e);
		}
		arena_free(a);
	} while (ok && rows.rows == PAGE);
	buf_release(&b);
	return ok;
}

/* ---- the command ---- */

static bool is_number(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s) && strlen(s) < 19;
}

static bool is_called_well(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	if (!strcmp(word, "seal"))
		return argc == 2;
	if (!strcmp(word, "export"))
		return argc == 2 || (argc == 4 && !strcmp(argv[2], "--after") && is_number(argv[3]));
	for (int i = 2; i < argc; i += 2)
		if (strcmp(argv[i], "--anchors") != 0)
			return false;
	return !strcmp(word, "verify") && argc % 2 == 0;
}

static int audit_run(struct ctl *ctl, int argc, char **argv)
{
	struct err e = { .code = ERR_NONE };
	struct project *p;
	struct db *db;
	bool ok = false;

	if (!is_called_well(argc, argv))
		return ctl_usage(&ctl_audit);
	p = ctl_project(ctl, &ctl_audit);
	if (!p)
		return CTL_FAILED;
	db = ctl_db(p, &e);
	if (db) {
		ok = !strcmp(argv[1], "seal") ? audit_seal(ctl, p, db, &e)
		     : !strcmp(argv[1], "verify")
			 ? audit_verify(ctl, p, db, argv + 2, argc - 2, &e)
			 : audit_export(db, argc == 4 ? argv[3] : NULL, &e);
		db_close(db);
	}
	project_unref(p);
	return ok ? CTL_OK : ctl_fail(&ctl_audit, &e);
}

static const struct ctl_act acts[] = {
	{ "seal", NULL },
	{ "verify", NULL },
	{ "export", NULL },
	{ NULL, NULL },
};

const struct ctl_command ctl_audit = {
	.name = "audit",
	.usage = "seal | verify [--anchors FILE]... | export [--after PLACE]",
	.about = "seal what the audit trail has unsealed; check all of it against its seals, and against the "
		 "anchors of a log; write it out, a JSON object a line",
	.acts = acts,
	.run = audit_run,
};
