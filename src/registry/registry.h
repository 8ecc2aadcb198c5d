/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MCP server registry API v0.1, read-only: the project's routes as a list that clients and
 * their administrators can subscribe to. It has no state of its own: the project is the registry.
 *
 *   GET {registry}/v0.1/servers?cursor&limit&search&version&updated_since
 *   GET {registry}/v0.1/servers/{name}/versions[/{version}|/latest]
 *
 * A name holds a slash: "%2F" and "/" are both understood, since not every web server passes the first on.
 */
#ifndef GATEHOUSE_REGISTRY_REGISTRY_H
#define GATEHOUSE_REGISTRY_REGISTRY_H

#include "http/http.h"

/* app.find: the row of a path under the registry's; NULL: it is none, or the registry is off. */
const struct route_row *registry_find(struct req *);

/* For tests: "com.example.mcp/operation-id" in the arena. */
const char *registry_name(struct arena *, const struct origin *, const char *operation_id);
/* TEXT if it is one version ("1.2.0"), "0.0.0" if it is a range, "1.0.0" if it is NULL or empty. */
const char *registry_version(const char *text);
/* At most 100 characters (not bytes) of TEXT, cut at a character; in the arena. */
const char *registry_clamp(struct arena *, const char *text);

/* Whether TEXT is a time of RFC 3339. */
bool registry_is_time(const char *text);

#endif
