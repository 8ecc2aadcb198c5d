/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notifications: one thread with one connection that LISTENs on "gatehouse" and asks the server for
 * a sign of life every 2 s. A cache may be used only while db_listen_is_fresh().
 */
#ifndef GATEHOUSE_DB_LISTEN_H
#define GATEHOUSE_DB_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

struct db_listen;

/* What precedes the operation of a route in a notification that its upstream's lists have changed. On a channel of its own:
 * programs before it take what they do not know for the end of everybody's rights. */
#define DB_LISTS "lists:"

/* ON_NOTIFY runs in the listener's thread, with the payload ("token:UUID", "grant:UUID",
 * "client:ID", "subject:…", DB_LISTS "OPERATION"); with NULL whenever notifications may have been missed (each connect):
 * forget everything. */
/* NULL, with a logged message, when there are no threads left. CONNINFO and PROGRAM as in struct
 * db_options. */
struct db_listen *db_listen_start(const char *conninfo, const char *program,
    void (*on_notify)(void *context, const char *payload), void *context);
/* Waits for the thread, 2 s at most. NULL is allowed. */
void db_listen_stop(struct db_listen *);

/* Whether the server answered within the last 5 s. NULL: false. */
bool db_listen_is_fresh(const struct db_listen *);

#endif
