/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <errno.h>
#include <sys/wait.h>

/*
 * Waits until that child has ended, whatever signals come, and reaps it.  0, or -1 and errno.
 * ret_status: as waitpid(2) gives it, or NULL.
 */
static inline int process_reap(pid_t pid, int *ret_status)
{
	pid_t reaped;

	do {
		/* Children of clone3(2) without an exit signal, too. */
		reaped = waitpid(pid, ret_status, __WALL);
	} while (reaped < 0 && errno == EINTR);
	return reaped < 0 ? -1 : 0;
}
