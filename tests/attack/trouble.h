/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "tests/attack/engine.h"

/* One call of a run that goes wrong, as decide() of the engine: it fails, or is the last. */
struct trouble {
	unsigned int at; /* the stop */
	int number; /* the errno; 0: the command is killed there */
	/* Found out there: */
	bool infallible; /* that call cannot fail, and did not */
	bool vital; /* no libc lives without it: it may have died of that, without a word */
};
engine_decide trouble_at;

/* The same for the at-th call of one kind alone: it fails with EIO. */
struct trouble_call {
	int call; /* __NR_* */
	unsigned int at, seen;
	bool done;
};
engine_decide trouble_at_call;

/* What is tried in turn, one a stop. */
struct trouble_list {
	const int *numbers;
	size_t count;
};
/* The one for that stop, where every stride-th is tried. */
struct trouble trouble_of(const struct trouble_list *list, unsigned int at, unsigned int stride);
extern const struct trouble_list trouble_faults; /* EIO, ENOMEM, ... */
extern const struct trouble_list trouble_kills;
