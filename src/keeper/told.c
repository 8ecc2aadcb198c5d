/* SPDX-License-Identifier: Apache-2.0 */
/* Finding fields in a page's columns. */
#include "config.h"

#include "keeper/told.h"

#include <pthread.h>
#include <stdlib.h>
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

static size_t index_of[TOLD_FIELDS], fields_n;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_indexes(void)
{
	for (; record_fields[fields_n].name; fields_n++)
		for (size_t i = 0; i < TOLD_FIELDS; i++)
			if (!strcmp(names[i], record_fields[fields_n].name))
				index_of[i] = fields_n;
}

bool told_fits(const struct db_rows *rows, struct err *e)
{
	pthread_once(&once, find_indexes);
	if (!rows->rows || rows->columns == TOLD_FIRST_FIELD + fields_n + 3)
		return true;
	return err_set(e, ERR_CONFIG, "the database's functions are of another release: run `gatehousectl migrate`",
	    "%zu columns", rows->columns);
}

const char *told_column(const struct told *t, enum told_column column)
{
	return db_text(t->rows, t->row, column);
}

const char *told_family(const struct told *t)
{
	const char *family = told_column(t, TOLD_FAMILY);

	return family ? family : "";
}

const char *told_get_at(const struct told *t, size_t index)
{
	return db_text(t->rows, t->row, TOLD_FIRST_FIELD + index);
}

const char *told_get(const struct told *t, enum told_field field)
{
	return told_get_at(t, index_of[field]);
}

const char *told_object(const struct told *t)
{
	return db_text(t->rows, t->row, TOLD_FIRST_FIELD + fields_n);
}

const char *told_detail(const struct told *t)
{
	return db_text(t->rows, t->row, TOLD_FIRST_FIELD + fields_n + 1);
}

const char *told_does(const struct told *t)
{
	return db_text(t->rows, t->row, TOLD_FIRST_FIELD + fields_n + 2);
}

/* N digits at S. */
static int digits(const char *s, int n)
{
	int value = 0;

	while (n--)
		value = value * 10 + (*s++ - '0');
	return value;
}

/* The database's own text, whose places are fixed: "2026-11-27T12:03:45.235123Z" (audit_time() of sql/fn/audit.sql). */
int64_t told_time_us(const struct told *t)
{
	const char *at = told_column(t, TOLD_AT);
	struct tm tm = { .tm_isdst = 0 };

	if (!at || strlen(at) != 27)
		return 0;
	tm.tm_year = digits(at, 4) - 1900;
	tm.tm_mon = digits(at + 5, 2) - 1;
	tm.tm_mday = digits(at + 8, 2);
	tm.tm_hour = digits(at + 11, 2);
	tm.tm_min = digits(at + 14, 2);
	tm.tm_sec = digits(at + 17, 2);
	return (int64_t)timegm(&tm) * 1000000 + digits(at + 20, 6);
}

int64_t told_number(const struct told *t, enum told_field field)
{
	const char *text = told_get(t, field);

	return text ? strtoll(text, NULL, 10) : -1;
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
