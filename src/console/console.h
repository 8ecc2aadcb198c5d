/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operators' pages, for people with a claim of gateway.jsonc's `console`. Each begins with view_begin(), which
 * looks whether that holds.
 */
#ifndef GATEHOUSE_CONSOLE_CONSOLE_H
#define GATEHOUSE_CONSOLE_CONSOLE_H

#include "http/http.h"

/* {b}/console: to the first page. */
bool console_home(struct req *, struct resp *, struct err *);
/* {b}/console/NAME. */
bool console_get(struct req *, struct resp *, struct err *);
bool console_post(struct req *, struct resp *, struct err *);

/* Inside this folder: handlers by the first word of the path; `rest` is what follows it. */
bool show_analytics(struct req *, struct resp *, const char *rest, struct err *);
bool show_panel(struct req *, struct resp *, const char *rest, struct err *);
bool show_calls(struct req *, struct resp *, const char *rest, struct err *);
bool show_call(struct req *, struct resp *, const char *rest, struct err *);
bool show_sessions(struct req *, struct resp *, const char *rest, struct err *);
bool show_users(struct req *, struct resp *, const char *rest, struct err *);
bool show_user_page(struct req *, struct resp *, const char *rest, struct err *);
bool show_clients(struct req *, struct resp *, const char *rest, struct err *);
bool show_client_page(struct req *, struct resp *, const char *rest, struct err *);
bool show_upstreams(struct req *, struct resp *, const char *rest, struct err *);
bool show_config(struct req *, struct resp *, const char *rest, struct err *);
bool show_connect(struct req *, struct resp *, const char *rest, struct err *);
bool show_revoke(struct req *, struct resp *, const char *rest, struct err *);
bool do_revoke(struct req *, struct resp *, struct err *);

#endif
