/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a function in Lua says of a call that is to be counted: nil (it is not counted), a text or whole number (the key: whom to count
 * it for), or a table {key = ..., and numbers by name}.
 */
#ifndef GATEHOUSE_POLICY_COUNT_DETAIL_H
#define GATEHOUSE_POLICY_COUNT_DETAIL_H

#include "policy/identifier.h"

struct count_detail {
	const char *key; /* NULL: it says none */
	struct span table; /* absent: it said a key alone */
	bool counted;
};

/* Asks about message M, or, NULL, the call as a whole. Memory is the request's. False with the error of identifier_ask(), also for an answer of another kind. */
bool count_detail_ask(struct count_detail *, const struct script *, struct call *, const struct rpc_msg *m,
    struct err *);

/* Member NAME of WHERE (an object, or absent) in *N, if it is there. False with ERR_INTERNAL if it is no whole number from MIN to MAX. */
bool count_detail_number(struct span where, const char *name, int64_t min, int64_t max, int64_t *n, struct err *);

#endif
