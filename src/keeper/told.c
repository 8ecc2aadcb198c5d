/* SPDX-License-Identifier: Apache-2.0 */
/* Finding fields in a page's columns. */
#include "config.h"

#include "keeper/told.h"

#include "base/buf.h"
#include "base/log.h"
#include "event/packed.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

/* By told_field. */
static const char *const names[TOLD_FIELDS] = { "severity", "event", "requestId", "operationId",
	"upstreamServerId", "subjectId", "clientId", "clientName", "httpMethod", "transport", "mcpMethod",
	"capabilityType", "capabilityName", "outcome", "failureOrigin", "mcpStatus", "jsonrpcErrorCode",
	"errorType", "reasonCode", "latencyMs", "latencyUpstreamMs", "bytesIn", "bytesOut", "clientIp",
	"protocolVersion", "sessionDigest", "errMessage", "eventId", "traceParent", "traceLink", "jsonrpcId",
	"serverAddress", "serverPort", "policy", "action", "finds", "matches",
	"arguments", "result" };

enum { FIELDS_MAX = 64 };

size_t told_index[TOLD_FIELDS];
static size_t fields_n;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_indexes(void)
{
	for (; record_fields[fields_n].name; fields_n++)
		for (size_t i = 0; i < TOLD_FIELDS; i++)
			if (!strcmp(names[i], record_fields[fields_n].name))
				told_index[i] = fields_n;
}

/* ---- pieces ---- */

enum { SECOND_TEXT = 19, TIME_TEXT = SECOND_TEXT + 9, OF_AUDIT = 2 /* fields of a piece that events have not */ };

/* What a family's pieces have, by the bits of TELL_*. */
static unsigned fields_of(const char *family)
{
	if (!strcmp(family, "call"))
		return RECORD_OF_CALL;
	if (!strcmp(family, "auth"))
		return RECORD_OF_AUTH;
	return !strcmp(family, "policy") ? RECORD_OF_POLICY : RECORD_OF_AUDIT;
}

static char *two_digits(char *p, int n)
{
	*p++ = (char)('0' + n / 10 % 10);
	*p++ = (char)('0' + n % 10);
	return p;
}

/* "2026-11-27T12:03:45" */
static void second_text(char *p, time_t s)
{
	struct tm tm;

	gmtime_r(&s, &tm);
	p = two_digits(two_digits(p, (tm.tm_year + 1900) / 100), tm.tm_year % 100);
	*p++ = '-';
	p = two_digits(p, tm.tm_mon + 1);
	*p++ = '-';
	p = two_digits(p, tm.tm_mday);
	*p++ = 'T';
	p = two_digits(p, tm.tm_hour);
	*p++ = ':';
	p = two_digits(p, tm.tm_min);
	*p++ = ':';
	two_digits(p, tm.tm_sec);
}

struct unpacking {
	struct arena *arena;
	const struct db_rows *pieces;
	const char **cells;
	size_t columns, rows;
	char (*times)[TIME_TEXT + INT_TEXT]; /* of each row: as a date, and in microseconds */
	char second[TIME_TEXT];              /* that is `now` as a date: mostly the next row's, too */
	time_t now;
};

/* "2026-11-27T12:03:45.235123Z", as audit_time() of sql/fn/audit.sql has it. */
static void set_times(struct unpacking *u, const char **row, int64_t us)
{
	char *text = u->times[u->rows - 1], *p = text + SECOND_TEXT;
	time_t s = (time_t)(us / 1000000);
	int rest = (int)(us % 1000000);

	if (us < 0 || s > 253402300799) /* the year 9999 */
		s = rest = 0;
	if (s != u->now || !*u->second)
		second_text(u->second, s);
	u->now = s;
	memcpy(text, u->second, SECOND_TEXT);
	*p++ = '.';
	p = two_digits(two_digits(two_digits(p, rest / 10000), rest / 100), rest);
	*p++ = 'Z';
	*p = '\0';
	int_text(text + TIME_TEXT, us);
	row[TOLD_AT] = text;
	row[TOLD_US] = text + TIME_TEXT;
}

static const char **new_row(struct unpacking *u, size_t piece)
{
	const char **row = u->cells + u->rows++ * u->columns;

	for (size_t i = 0; i < PIECE_BODY - PIECE_TX; i++) /* TOLD_TX to TOLD_PROGRAM */
		row[TOLD_TX + i] = db_text(u->pieces, piece, PIECE_TX + i);
	return row;
}

static void unpack_one(struct unpacking *u, size_t piece)
{
	const char *family = db_text(u->pieces, piece, PIECE_FAMILY), *body = db_text(u->pieces, piece, PIECE_BODY);
	const unsigned mask = fields_of(family);
	const char **fields = arena_calloc(u->arena, fields_n + OF_AUDIT, sizeof(*fields)), **row;
	char *at = arena_strdup(u->arena, body);
	size_t places[FIELDS_MAX], n = 0;
	int64_t us;

	for (size_t i = 0; i < fields_n + OF_AUDIT && n < FIELDS_MAX; i++)
		if (i < fields_n ? record_fields[i].families & mask : mask == RECORD_OF_AUDIT)
			places[n++] = TOLD_FIRST_FIELD + i;
	while (packed_next(&at, &us, fields, n)) {
		row = new_row(u, piece);
		set_times(u, row, us);
		for (size_t i = 0; i < n; i++)
			row[places[i]] = fields[i];
	}
	if (!at)
		log_error(NULL, "a batch of events is malformed, and is sent to nobody from here on", "batch",
		    db_text(u->pieces, piece, PIECE_BATCH), NULL);
}

/* ---- what tools do ---- */

static bool calls_tool(const struct told *t)
{
	const char *type = told_get(t, T_CAPABILITY_TYPE);

	return type && !strcmp(type, "tool") && told_get(t, T_OPERATION) && told_get(t, T_CAPABILITY);
}

static bool same_tool(const struct told *t, const char *operation, const char *name)
{
	return calls_tool(t) && !strcmp(told_get(t, T_OPERATION), operation) && !strcmp(told_get(t, T_CAPABILITY), name);
}

static bool ask_does(struct unpacking *u, struct db *db, const struct db_rows *out, struct err *e)
{
	const char **operations = arena_calloc(u->arena, u->rows + 1, sizeof(*operations));
	const char **tools = arena_calloc(u->arena, u->rows + 1, sizeof(*tools));
	struct db_rows answer;
	struct db_param params[2];
	size_t n = 0;

	for (size_t i = 0; i < u->rows; i++) {
		const struct told t = { .rows = out, .row = i };

		if (!calls_tool(&t) || (n && same_tool(&t, operations[n - 1], tools[n - 1])))
			continue;
		operations[n] = told_get(&t, T_OPERATION);
		tools[n++] = told_get(&t, T_CAPABILITY);
	}
	if (!n)
		return true;
	params[0] = db_text_array(u->arena, operations, n);
	params[1] = db_text_array(u->arena, tools, n);
	if (!db_call(db, STMT_TOOLS_DO, params, 2, u->arena, &answer, e))
		return false;
	for (size_t i = 0; i < u->rows; i++) {
		const struct told t = { .rows = out, .row = i };

		for (size_t j = 0; j < answer.rows; j++)
			if (same_tool(&t, db_text(&answer, j, 0), db_text(&answer, j, 1)))
				u->cells[(i + 1) * u->columns - 1] = db_text(&answer, j, 2);
	}
	return true;
}

bool told_unpack(struct arena *a, const struct db_rows *pieces, struct db *tools, struct db_rows *out, struct err *e)
{
	struct unpacking u = { .arena = a, .pieces = pieces };
	size_t most = 0;

	pthread_once(&once, find_indexes);
	u.columns = TOLD_FIRST_FIELD + fields_n + OF_AUDIT + 1;
	for (size_t i = 0; i < pieces->rows; i++) {
		const char *body = db_text(pieces, i, PIECE_BODY);

		if (pieces->columns != PIECE_COLUMNS || db_int_at(pieces, i, PIECE_LAYOUT) != PACKED_LAYOUT)
			return err_set(e, ERR_CONFIG,
			    "the database's functions are of another release: run `gatehousectl migrate`", "%zu columns, layout %lld",
			    pieces->columns, (long long)db_int_at(pieces, i, PIECE_LAYOUT));
		most += body ? packed_count(body) : 1;
	}
	u.cells = arena_calloc(a, most * u.columns + 1, sizeof(*u.cells));
	u.times = arena_calloc(a, most, sizeof(*u.times));
	for (size_t i = 0; i < pieces->rows; i++) {
		if (db_text(pieces, i, PIECE_BODY))
			unpack_one(&u, i);
		else
			new_row(&u, i);
	}
	*out = (struct db_rows){ .rows = u.rows, .columns = u.columns, .cells = (const char *const *)u.cells };
	return !tools || ask_does(&u, tools, out, e);
}

const char *told_family(const struct told *t)
{
	const char *family = told_column(t, TOLD_FAMILY);

	return family ? family : "";
}

const char *told_object(const struct told *t)
{
	return told_cell(t, TOLD_FIRST_FIELD + fields_n);
}

const char *told_detail(const struct told *t)
{
	return told_cell(t, TOLD_FIRST_FIELD + fields_n + 1);
}

const char *told_does(const struct told *t)
{
	return told_cell(t, TOLD_FIRST_FIELD + fields_n + 2);
}

int64_t told_decimal(const char *text, int64_t absent)
{
	bool minus = text && *text == '-';
	uint64_t n = 0;

	if (!text)
		return absent;
	for (text += minus; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (uint64_t)(*text - '0');
	n &= INT64_MAX / 2; /* whatever stands there: two may be added */
	return minus ? -(int64_t)n : (int64_t)n;
}

int64_t told_time_us(const struct told *t)
{
	return told_decimal(told_column(t, TOLD_US), 0);
}

int64_t told_number(const struct told *t, enum told_field field)
{
	return told_decimal(told_get(t, field), -1);
}

const char *told_name(const struct told *t)
{
	const char *name = told_get(t, T_EVENT);

	if (!name)
		name = told_get(t, T_METHOD);
	if (!name)
		name = told_get(t, T_HTTP_METHOD);
	return name ? name : "event";
}
