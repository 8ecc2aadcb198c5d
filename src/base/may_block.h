/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For code that may wait, for a database, a peer or a processor's milliseconds: it says so before it does. A thread on which others
 * depend has told what is to be done then: it lets another one take its place. In all other threads nothing happens.
 */
#ifndef GATEHOUSE_BASE_MAY_BLOCK_H
#define GATEHOUSE_BASE_MAY_BLOCK_H

/* This thread is about to wait. */
void may_block(void);

/* Of this thread: TELL(OWN) is called by its next may_block(), once. TELL NULL: nothing is. */
void may_block_tell(void (*tell)(void *own), void *own);

#endif
