/* SPDX-License-Identifier: Apache-2.0 */
/* What the events of policies have in common: whose call it was, and to what. */
#ifndef GATEHOUSE_POLICY_RECORDED_H
#define GATEHOUSE_POLICY_RECORDED_H

#include "event/event.h"
#include "policy/policy.h"

/*
 * An event NAME of what USE did with a call, which is over: the caller adds what, and emits it. What it points to lives as long as
 * the call and the arena.
 */
struct event policy_event(const char *name, const struct policy_use *use, struct call *, const struct policy_over *, struct arena *);

#endif
