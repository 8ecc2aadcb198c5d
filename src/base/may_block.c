/* SPDX-License-Identifier: Apache-2.0 */
/* Who wants to know that a thread is about to wait. */
#include "config.h"

#include "base/may_block.h"

#include <stddef.h>

static _Thread_local void (*tell_now)(void *);
static _Thread_local void *owner;

void may_block_tell(void (*tell)(void *), void *own)
{
	tell_now = tell;
	owner = own;
}

void may_block(void)
{
	void (*tell)(void *) = tell_now;

	tell_now = NULL;
	if (tell)
		tell(owner);
}
