/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errands under way whose end serves others, too: the call that made one flies, the others that need the same wait for it, and then look
 * whether it is known. All of this is for the relay's hooks, which take turns.
 */
#ifndef GATEHOUSE_MCP_FLIGHTS_H
#define GATEHOUSE_MCP_FLIGHTS_H

#include <stdbool.h>

#include "mcp/known.h"

struct call;
struct flight;

/* True: nobody flies for KEY; the call does now. False: it waits (relay.waits_for is set), and is resumed at the other's end. */
bool flight_begin(struct call *, const struct known_key *);

/* Whether the call waits so. */
bool flight_is_awaited(const struct call *, const void *key);

/* The call's flight, if it has one, has ended, well or not: who waits for it goes on. */
void flight_end(struct call *);

#endif
