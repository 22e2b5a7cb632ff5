/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The race engine: runs a command under a seccomp user-notification filter
 * that stops it, and everything it starts, at system calls, and asks what to
 * do at each.  One run counts the stops; a run more for each of them exchanges
 * a path, makes the call fail, or kills the command right there.  So every
 * race window is hit once, on purpose, instead of sometimes, by luck.
 *
 * The filter is inherited by all descendants; pids are those of our namespace.
 * Only what the command's own program does is a stop: not the test's program
 * before it, nor the container's behind it.
 */
enum engine_scope {
	ENGINE_PATHS, /* calls that resolve a path, mount, clone, exec or change root */
	ENGINE_ALL, /* every call but those that end a thread or return from a signal */
	/*
	 * Or'ed to them, of a command that leaves nothing running: until all that it started
	 * has ended, too.  Without it the run is over where they stop nowhere for 20 ms; they
	 * go on, but to no stop.
	 */
	ENGINE_TO_THE_END = 2,
};

struct engine_stop {
	unsigned int index; /* 0, 1, 2 ... in this run */
	pid_t pid; /* thread that makes the call */
	int call; /* __NR_* */
	uint64_t args[6];
};

enum engine_verdict {
	ENGINE_CONTINUE,
	ENGINE_FAIL, /* the call returns -*ret_errno */
	ENGINE_KILL, /* SIGKILL to the command itself, not to its descendants */
};
typedef enum engine_verdict engine_decide(void *context, const struct engine_stop *stop,
					  int *ret_errno);

struct engine_result {
	/* As waitpid(2) gives it; -1: it, or (ENGINE_TO_THE_END) one left, ran to the time-out. */
	int status;
	unsigned int stops;
	char output[16384]; /* stdout and stderr, cut, NUL-terminated */
	char stopped_at[64]; /* name or number of the call that was failed or killed */
};

/*
 * args[0] is a path; the command runs with stdin from /dev/null.  decide may be
 * NULL: continue always.  seconds bounds the run.  -1 and errno when the engine itself fails.
 */
int engine_run(const char *const args[], enum engine_scope scope, unsigned int seconds,
	       engine_decide *decide, void *context, struct engine_result *ret);
