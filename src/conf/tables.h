/* SPDX-License-Identifier: Apache-2.0 */
/* The option tables of the project's own files, for their readers and for the manual. */
#ifndef GATEHOUSE_CONF_TABLES_H
#define GATEHOUSE_CONF_TABLES_H

#include "conf/option.h"

extern const struct option gateway_options[]; /* gateway.jsonc */
extern const struct option route_options[];   /* x-gatehouse-route */
extern const struct option handler_options[]; /* x-gatehouse-route.handler.options */

#endif
