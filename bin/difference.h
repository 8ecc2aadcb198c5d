/* SPDX-License-Identifier: Apache-2.0 */
/* Two JSON texts as people compare them: in lines, those that went and those that came. */
#ifndef GATEHOUSE_BIN_DIFFERENCE_H
#define GATEHOUSE_BIN_DIFFERENCE_H

#include "base/arena.h"

/*
 * Prints the difference of WAS and NOW, canonical JSON texts (either may be NULL: nothing), each line behind INDENT and '-', '+' or a
 * blank, unchanged ones only near a changed one. Whatever has no shape, reorders or controls a terminal is shown by its
 * number: what hides from people is what a model would read.
 */
void difference_print(struct arena *, const char *indent, const char *was, const char *now);

#endif
