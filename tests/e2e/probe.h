/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdint.h>
#include <stdio.h>

/* Shared by the two files of the probe, which link no library of ours: see probe.c. */

/* One line on stdout, at once: the probe may be killed any moment. */
void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "name:first=text", with line feeds, control bytes and backslashes escaped. */
void tell_text(char **arg, const char *text);
/* "name:first=0", or the name of errno where result is below 0. */
void tell_result(char **arg, long result);
/* Everything that a process can see of itself. */
void report(void);

/* As in linux/sched/types.h, which some libcs do not like beside their sched.h. */
struct probe_scheduler {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};
