/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes (RFC 6749, 3.3). The catalogue has one. */
#ifndef GATEHOUSE_OAUTH_SCOPE_H
#define GATEHOUSE_OAUTH_SCOPE_H

#include <stdbool.h>

#include "base/err.h"

#define SCOPE_ALL "mcp:tools"

/*
 * What is meant by TEXT, the value of a scope parameter: all of the catalogue when it is NULL
 * or blank. Repeated scopes count once. NULL with ERR_INVALID_SCOPE for one that the catalogue
 * does not have.
 */
const char *scope_parse(const char *text, struct err *);

#endif
