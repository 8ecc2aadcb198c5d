/* SPDX-License-Identifier: Apache-2.0 */
/*
 * {b}/metrics: the numbers of this machine in Prometheus' text format, of all its processes in one answer, as they come
 * from PostgreSQL. For monitors on this machine and behind trusted proxies, and for whoever has the token of
 * events.metrics.tokenFile; anybody else sees 404. No label names a user or client.
 */
#ifndef GATEHOUSE_KEEPER_METRICS_H
#define GATEHOUSE_KEEPER_METRICS_H

#include "http/http.h"

/* app.early's. False: it is another path, or not for whoever asks. */
bool metrics_answer(struct req *, struct resp *);

#endif
