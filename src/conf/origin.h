/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of src/conf: publicOrigins and allowedOrigins of gateway.jsonc. */
#ifndef GATEHOUSE_CONF_ORIGIN_H
#define GATEHOUSE_CONF_ORIGIN_H

#include "conf/load.h"

/*
 * Fills project.origins from publicOrigins (NULL: the default). Faults become problems;
 * false if there was one.
 */
bool origins_load(struct loader *, struct json_object *list);

/*
 * Fills project.allowed_origins, NULL for an absent list. Each entry must be an origin, or
 * the only one "*".
 */
void allowed_origins_load(struct loader *, struct json_object *list);

#endif
