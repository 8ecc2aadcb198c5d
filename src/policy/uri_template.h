/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a URI may have been made from a URI template (RFC 6570). Strict where the RFC leaves room: a
 * simple expression ({x}) matches neither "/", "?" nor "#", no expression matches a dot segment in
 * any spelling, and an expression never matches nothing unless its operator begins with a separator.
 */
#ifndef GATEHOUSE_POLICY_URI_TEMPLATE_H
#define GATEHOUSE_POLICY_URI_TEMPLATE_H

#include <stdbool.h>

#include "base/err.h"

/* Whether TEXT is a template that the matcher understands. ERR_SYNTAX says what is wrong. */
bool uri_template_check(const char *text, struct err *);

/* Bounded work: a URI that would take more is no match. A template that is none matches nothing. */
bool uri_template_matches(const char *text, const char *uri);

/* Whether "." or "..", plain or encoded, is a whole segment somewhere in the URI. */
bool uri_template_has_dots(const char *uri);

#endif
