/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/wait.h>

#include "base/compiler.h"

typedef LIST(pid_t) pid_list;
bool pid_is_listed(const pid_list *pids, pid_t pid);

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

/*
 * What a caller ignores comes through execve(2), and a shell cannot even trap it then.  All but the
 * real-time signals, which nobody ignores for others: each is a system call.
 */
static inline void signals_default(void)
{
	for (int number = 1; number < 32; number++)
		if (number != SIGKILL && number != SIGSTOP)
			signal(number, SIG_DFL);
}

/* Some of /proc/PID/stat, from its third field on. */
enum process_field {
	PROCESS_PARENT = 1,
	PROCESS_FLAGS = 6,		/* PF_* of the kernel's sched.h */
	PROCESS_USER_TIME = 11,		/* clock ticks */
	PROCESS_SYSTEM_TIME,
	PROCESS_THREADS = 17,
	PROCESS_START_TIME = 19,	/* clock ticks since the machine started */
	PROCESS_PAGES = 21,		/* resident */
	PROCESS_FIELDS,
};
/* Of the file's text, which is cut up.  False where it is not such a text. */
bool process_fields_parse(char *text, uint64_t ret[PROCESS_FIELDS]);
/*
 * Of pid 0: our own, whatever its number is there.  Fields that are no numbers are 0.  1; 0 where
 * there is no such process; or -1 and errno.
 */
int process_fields(pid_t pid, uint64_t ret[PROCESS_FIELDS]);
/* Whether it is our parent, or theirs. */
bool process_descends_from(pid_t ancestor);
/* A pid comes again; with this it is one process. */
bool process_start_time(pid_t pid, uint64_t *ret);
/*
 * Whether it is that one, and lives: 1, 0, or -1 and errno.  The first process of a pid namespace
 * is dead when it exits, though the kernel keeps it until all others of the namespace are reaped:
 * by their parents, which for those of "exec" are outside, and may take their time.  A thread that
 * has left the others alone exits, too, but then it is not the last.
 */
int process_is(pid_t pid, uint64_t start_time);
/* The same of whichever has the number now. */
int process_lives(pid_t pid);
