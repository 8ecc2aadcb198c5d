/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a fuzz target is: one file with LLVMFuzzerTestOneInput(), which hands foreign bytes to one
 * parser and checks what must hold of its answer; a folder t/fuzz/corpus/NAME; three lines in
 * t/fuzz/local.mk. `make check` replays the corpus through it; configured with
 * --enable-fuzz, `make fuzz` searches for more.
 */
#ifndef GATEHOUSE_T_FUZZ_FUZZ_H
#define GATEHOUSE_T_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* libFuzzer's entry point. The N bytes end where their memory ends, so that a sanitizer sees a read past them. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* What must hold, in every build. */
#define must(cond)                                                             \
	do {                                                                   \
		if (!(cond)) {                                                 \
			fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__,    \
			    __LINE__, #cond);                                  \
			abort();                                               \
		}                                                              \
	} while (0)

#endif
