/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the gateway's own, where no transfer is needed (any more): in the relay's thread. */
#ifndef GATEHOUSE_MCP_OWN_ANSWER_H
#define GATEHOUSE_MCP_OWN_ANSWER_H

#include "base/buf.h"
#include "json/scan.h"
#include "mcp/relay.h"

struct call;

/* The answer is TEXT (of the call's arena), whatever the upstream would say: HAVE, through the policies, as every answer; or REFUSE. */
enum relay_verdict own_answer(struct call *, int status, struct span text, struct err *);
/* The same with status 200 and a copy of the buffer. */
enum relay_verdict own_answer_buf(struct call *, struct buf *, struct err *);

/* REFUSE, with the call's fault. */
enum relay_verdict own_refusal(struct call *, struct err *);

#endif
