/* SPDX-License-Identifier: Apache-2.0 */
/* Option rows that mcp-oauth-inbound shares with the policies that are named after a provider. */
#ifndef GATEHOUSE_IDP_OAUTH_OPTIONS_H
#define GATEHOUSE_IDP_OAUTH_OPTIONS_H

#include "conf/option.h"

extern const struct option oauth_gateway_options[]; /* `gateway` */
extern const struct option oauth_id_jag_options[];  /* `idJag` */

enum { OAUTH_TIMEOUT_MAX_MS = 120000, OAUTH_DAY_S = 86400 };
#define OAUTH_TEN_YEARS_S INT64_C(315360000)

#endif
