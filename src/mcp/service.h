/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind all calls of mcp.fcgi: the relay, the token cache, the guard; and which row serves a path. */
#ifndef GATEHOUSE_MCP_SERVICE_H
#define GATEHOUSE_MCP_SERVICE_H

#include "http/http.h"

/* app.adopt, app.release: what is made of a project */
bool mcp_adopt(struct site *, struct err *);
void mcp_release(struct site *);
/* app.changed: ends the streams of routes that changed */
void mcp_changed(struct app *, const struct site *old, const struct site *new);
/* app.start, app.stop, app.find */
bool mcp_start(struct app *, struct err *);
void mcp_stop(struct app *);
const struct route_row *mcp_find(struct req *);

#endif
