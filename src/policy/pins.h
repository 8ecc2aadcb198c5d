/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pinned tools: which definitions of a route's tools somebody approved, and what an upstream's lists show now. The database
 * knows (sql/fn/tool-pin.sql); a process believes what it read for two seconds, and while the database is away for longer, since
 * an approval is never taken back. What is not known by then is not approved.
 */
#ifndef GATEHOUSE_POLICY_PINS_H
#define GATEHOUSE_POLICY_PINS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "json/scan.h"

struct db;

enum pin_state {
	PIN_UNKNOWN = 0, /* nobody could say */
	PIN_NEW,         /* never approved */
	PIN_CHANGED,     /* approved as something else */
	PIN_APPROVED,
};

/* A tool of a list. */
struct pin_item {
	struct span whole;
	const char *name;       /* NULL: it has none that can be told */
	const char *definition; /* canonical: the members that a model or a person is shown */
	unsigned char hash[HASH_LEN];
	enum pin_state state;
	bool is_news; /* nobody was told of this definition before */
};

/* The lists of tools in a message or batch that passed the gate, in order. */
struct pin_list {
	struct span array;
	bool last; /* no further page follows */
	size_t n;
	struct pin_item *items;
	struct pin_list *next;
};

/*
 * Reads N bytes of an answer, and finds the lists of tools in it, whichever request they answer; NULL: none. ERR_UPSTREAM if it is
 * malformed. All in the arena.
 */
struct pin_list *pins_read(struct arena *, const char *text, size_t n, bool *ok, struct err *);

/* The same text without the items that KEEP(item) says no to. */
bool pins_write(const char *text, size_t n, const struct pin_list *, bool (*keep)(const struct pin_item *), struct buf *out);

/*
 * Fills in the states of a list of the route, and tells the database what is not as it knew. TRUST: what a route's first list
 * shows is approved. May wait for the database. While that is away, states stay as far as they are known; false with the error.
 */
bool pins_see(struct db *, const char *operation_id, struct pin_list *, bool trust, struct arena *, struct err *);

/* The state of one tool that is to be called; PIN_APPROVED also where with TRUST the first list has not come to its end. */
enum pin_state pins_tool(struct db *, const char *operation_id, const char *tool, bool trust, struct arena *, struct err *);

#endif
