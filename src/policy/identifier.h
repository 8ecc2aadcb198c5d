/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions in Lua that policies ask about a call: who is to be counted, what somebody may see. The option that names one
 * is {"module": "policies/NAME.lua", "export": "name"} (identifier_options.h); script/script.h says what a function may do.
 *
 * A function gets one table:
 *
 *     subject, clientId  texts; nil where nobody is signed in
 *     claims             the table of the user's claims; nil where there are none (the policy needs `wants_claims`)
 *     route              the operationId
 *     ip                 the client's address
 *     time               seconds since 1970
 *     method             "tools/call"; nil where the call has no body, or a batch is asked about as a whole
 *     tool, prompt, resource   the name or URI of what is used; nil for all others
 */
#ifndef GATEHOUSE_POLICY_IDENTIFIER_H
#define GATEHOUSE_POLICY_IDENTIFIER_H

#include "policy/policy.h"
#include "script/script.h"

/*
 * For a policy's load hook: the function that IDENTIFIER, an object with module and export, names, in the arena; POINTER is the object's.
 * NULL after a problem was added: no such file, no Lua, not that function; each says what to do. Sets use->module.
 */
const struct script *identifier_load(struct policy_use *, struct json_object *identifier, struct arena *, struct problems *,
    const char *file, const char *pointer);

/*
 * Asks it about a call, M being one of its messages (NULL: the call as a whole, and its message, if it has but one). MORE (may be
 * NULL) is text of further members for the table, as "\"name\":value". ANSWER: what it returned, checked JSON in the arena; `null` for
 * nothing. False with ERR_INTERNAL, reason `script_failed`: the caller refuses. For request threads and workers.
 */
bool identifier_ask(const struct script *, struct call *, const struct rpc_msg *m, const char *more, struct arena *,
    struct span *answer, struct err *);

/*
 * The same, where a text is asked for: *TEXT is the string, or a whole number's text, in the arena; NULL for nothing (nil, or ""). Any
 * other answer is a failure.
 */
bool identifier_ask_text(const struct script *, struct call *, const struct rpc_msg *m, struct arena *, const char **text,
    struct err *);

/* Appends the members of the table to OUT, without braces. */
void identifier_input(struct buf *out, struct call *, const struct rpc_msg *m);

#endif
