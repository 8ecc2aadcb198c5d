/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one program does beside its pages: consent.fcgi keeps the books. Threads of their own seal the audit
 * trail, send events where the project wants them, and tell of what is wrong; none of it is on the way of a
 * request. Any number of processes and machines may keep: rows in PostgreSQL say whose turn it is.
 * gatehousectl does the same, once, where programs do not run all the time.
 */
#ifndef GATEHOUSE_KEEPER_KEEPER_H
#define GATEHOUSE_KEEPER_KEEPER_H

#include "http/http.h"

/* app.start's and app.stop's; a program that serves one CGI request keeps nothing. */
void keeper_start(struct app *);
/* app.changed's: a project may have more destinations. */
void keeper_changed(struct app *, const struct site *old, const struct site *next);
void keeper_stop(void);

#endif
