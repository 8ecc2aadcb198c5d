/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The error page: what went wrong for the person who looks at it, what to do now, and, for those
 * whom that person asks for help: whose side the fault is on, error code, reason code, request
 * id, time.
 */
#ifndef GATEHOUSE_PAGE_ERROR_H
#define GATEHOUSE_PAGE_ERROR_H

#include <stdbool.h>

#include "base/err.h"
#include "http/http.h"

/* For app.error_page. */
bool error_page(struct req *, struct resp *, const struct err *);

#endif
