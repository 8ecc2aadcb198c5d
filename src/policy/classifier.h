/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model that judges texts, asked by the API of OpenAI's chat completions. What is judged is an attacker's, and so may be what
 * the model says of it: a verdict is one small JSON object that repeats a number which the text cannot know,
 * and nothing else is taken for one.
 */
#ifndef GATEHOUSE_POLICY_CLASSIFIER_H
#define GATEHOUSE_POLICY_CLASSIFIER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "json/scan.h"

enum { CLASSIFIER_NONCE = 33 }; /* 32 digits and a NUL */

/*
 * Appends what of a JSON-RPC message (checked text) a client's model would read: strings of results of tools, resources and
 * prompts, of errors, and of what the upstream asks or notifies; one a line. Pictures and sounds are left out.
 */
void classifier_text(struct buf *out, struct span message);

/* The request that has N bytes of TEXT judged, and NONCE, which is made for it. In the arena. */
const char *classifier_request(struct arena *, const char *model, const char *text, size_t n, char nonce[CLASSIFIER_NONCE]);

enum classifier_verdict {
	CLASSIFIER_NONE = 0, /* no verdict: not to be taken for a good one */
	CLASSIFIER_CLEAN,
	CLASSIFIER_INJECTION,
};

/* What the N bytes of the service's answer say. */
enum classifier_verdict classifier_verdict(struct arena *, const char *body, size_t n, const char *nonce);

#endif
