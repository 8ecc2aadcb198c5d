/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masks the upstream's credentials in an answer that repeats them (protocol F107), as it passes: each
 * byte of one becomes '*', so that lengths stay. Only bytes that may be the beginning of a credential
 * are held back; the end of an event never is, and so leaves at once.
 */
#ifndef GATEHOUSE_MCP_MASK_H
#define GATEHOUSE_MCP_MASK_H

#include "base/buf.h"
#include "policy/upstream_request.h"

struct mask {
	const struct upstream_secret *secrets; /* NULL: nothing to mask, nothing is copied */
	struct buf work;
	size_t done; /* bytes of `work` that were given out */
};

/* The secrets outlive the mask. */
void mask_init(struct mask *, const struct upstream_secret *);
void mask_release(struct mask *);

/* Takes N bytes; returns how many may go out, at *OUT (valid until the next call). With N 0: the rest. */
size_t mask_feed(struct mask *, const char *p, size_t n, const char **out);

/* Whether TEXT holds one of them. */
bool mask_finds(const struct upstream_secret *, const char *text);

#endif
