/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenTelemetry's bodies in the JSON mapping of protobuf (OTLP 1.x): lowerCamelCase, ids in hex, enums as numbers,
 * 64-bit integers as texts. Names of attributes and metrics are those of the MCP and GenAI conventions,
 * which are in development: a destination's `conventions` says which.
 */
#ifndef GATEHOUSE_KEEPER_OTLP_H
#define GATEHOUSE_KEEPER_OTLP_H

#include "base/buf.h"
#include "conf/destination.h"
#include "keeper/told.h"

/* The N events of a page; false: none of them belongs into this signal, and nothing was written. */
bool otlp_traces(struct buf *, const struct destination *, const struct told *, size_t n);
bool otlp_logs(struct buf *, const struct destination *, const struct told *, size_t n);
bool otlp_metrics(struct buf *, const struct destination *, const struct told *, size_t n);

/*
 * How many items of an answer of status 200 were refused (foreign text of N bytes); 0 for an answer that does not say,
 * or is no JSON. WHY, of SIZE bytes, gets its message, cleaned.
 */
int64_t otlp_rejected(const char *text, size_t n, char *why, size_t size);

#endif
