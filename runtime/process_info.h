/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"

/* A process as /proc shows it, for "top" and "stats". */
struct process_info {
	pid_t pid, inner_pid;		/* in our pid namespace, and in its own */
	uint32_t uid;
	char state;			/* 'R', 'S', ... */
	uint64_t cpu_ms;		/* user and kernel */
	uint64_t memory;		/* resident bytes */
	const char *command;		/* its arguments, or its name in brackets; printable */
};

/* False when there is no such process any more. */
bool process_info_read(struct arena *arena, pid_t pid, struct process_info *ret);
