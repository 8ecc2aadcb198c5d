/* SPDX-License-Identifier: Apache-2.0 */
/* Inside src/keeper only: its threads, which get the app. */
#ifndef GATEHOUSE_KEEPER_KEEPER_INTERNAL_H
#define GATEHOUSE_KEEPER_KEEPER_INTERNAL_H

#include "keeper/keeper.h"

/* Waits MS milliseconds; false: the program ends. */
bool keeper_pause(int ms);

void *seal_run(void *app);
void *alert_run(void *app);

struct keeper_slot {
	struct app *app;
	size_t index; /* in project.destinations */
};
void *forward_run(void *slot);

#endif
