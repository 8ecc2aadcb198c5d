/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts: what is wrong is judged in PostgreSQL (sql/fn/alert.sql) and told to whom the project names, once, and once when it
 * is over. Webhooks are told by the keeper; mail by gatehousectl alone: sendmail programs change their group or user,
 * which programs that confine themselves gave up.
 */
#ifndef GATEHOUSE_KEEPER_ALERT_H
#define GATEHOUSE_KEEPER_ALERT_H

#include "conf/project.h"
#include "db/db.h"

/* Judges anew. */
bool alert_judge(struct db *, const struct project *, struct err *);

/*
 * Tells all who were not told yet; with MAIL those by mail, too. Each failure is logged and tried again a minute later; the first
 * of them is the error. *N: how many messages went out.
 */
bool alert_tell(struct db *, const struct project *, bool mail, unsigned *n, struct err *);

#endif
