/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <sched.h>

#include "base/sys.h"
#include "runtime/kist/space.h"

/* For the tests of libkist, which see nothing of it but its header. */

/* Starts options, or fails the test; the child, to be given to space_end(). */
struct kist_space *space_begin(const struct kist_options *options);
/* Waits for its end, and gives its status. */
int space_end(struct kist_space *space);
/* The status of one that ran as flags say: context is given to function. */
int space_run(uint64_t flags, kist_function *function, void *context);
/* The reason for which options are refused, "" where they are not. */
const char *space_refusal(const struct kist_options *options);
/* Runs function in a fork, as nobody (65534) where there is root; its status. */
int as_nobody(int (*function)(void *), void *context);
/* A number from a line of /proc/PID/status, or -1. */
long proc_number(pid_t pid, const char *name);

/* KIST_ALL_NAMESPACES, but for the time namespace where the kernel has none. */
uint64_t space_all(void);
/* Memory that child and test share whatever the flags are. */
void *shared_memory(size_t size);
/* A child's function that ends at once, by 1 where it has a context. */
static inline int nothing(void *context)
{
	return context != NULL;
}
