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

/*
 * The bodies of a page of N events, each behind what BODY has (which is nothing): [0] traces, [1] logs, [2] metrics, of which those WANTED (SIGNAL_*)
 * are written. Returns those that have anything in them: a page without calls has only logs.
 */
enum { OTLP_SIGNALS = 3 };
unsigned otlp_write(struct buf body[OTLP_SIGNALS], unsigned wanted, const struct destination *, const struct told *, size_t n);

/*
 * How many items of an answer of status 200 were refused (foreign text of N bytes); 0 for an answer that does not say,
 * or is no JSON. WHY, of SIZE bytes, gets its message, cleaned.
 */
int64_t otlp_rejected(const char *text, size_t n, char *why, size_t size);

#endif
