/* SPDX-License-Identifier: Apache-2.0 */
/* What the pages of this folder have in common: how clients, services and people are named. */
#ifndef GATEHOUSE_CONSENT_SHOW_H
#define GATEHOUSE_CONSENT_SHOW_H

#include "http/http.h"

enum { SHOW_NAME_MAX = 64, SHOW_TEXT_MAX = 240 };

/*
 * What a route leads to, for people. ROUTE may be NULL (it was taken out of the project): the
 * operation's id.
 */
const char *show_service(struct arena *, const struct mcp_route *route, const char *operation_id);

/*
 * A person: the name, else the e-mail address, else the subject; DETAIL gets what tells two of
 * the same name apart, NULL if there is no more to say.
 */
const char *show_user(
    struct arena *, const char *name, const char *email, const char *subject, const char **detail);

/* The value of the session cookie, or false with ERR_FORBIDDEN, reason no_session. */
bool show_session(struct req *, const char **cookie, struct err *);

/* An auth event of this request. The caller sets what it is about and emits it. */
struct event show_event(const struct req *, const char *name, const char *outcome);

#endif
