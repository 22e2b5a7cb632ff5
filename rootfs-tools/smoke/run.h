/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <errno.h>
#include <sys/types.h>

#include "rootfs-tools/smoke/config.h"
#include "rootfs-tools/smoke/result.h"
#include "rootfs-tools/smoke/root.h"

/*
 * One container: "kist run" in the foreground as our child, with its output in pipes (or a
 * pty).  Whoever starts one ends it with run_end() and run_close(), however that went.
 */
struct run {
	const struct smoke *smoke;
	struct arena *arena;
	const char *id, *dir;
	bool measured;			/* in a cgroup, whose peak is read at the end */
	pid_t pid;			/* kist's */
	int pidfd;			/* owned, like the next two */
	int out_fd, err_fd;		/* err_fd: none with a terminal */
	struct text out, err;		/* the first megabyte of each */
	pid_t inside;			/* the container's first process; 0: not known yet */
	struct trace trace;
	bool ended, killed;		/* killed: by us, for it took too long */
	int status;			/* exit status; 128 + N: ended by signal N */
	const char *refused;		/* kist's own error: there was no container */
	struct run *beside;		/* whose output is read while this one is waited for */
};
#define RUN_NONE { .pidfd = -EBADF, .out_fd = -EBADF, .err_fd = -EBADF }

/* name: for the time line.  -1 and *err: kist could not even be asked. */
int run_start(struct run *run, struct arena *arena, const struct smoke *smoke, const char *name,
	      struct container_config *config, struct error *err);

enum run_wait { RUN_ENDED, RUN_MET, RUN_LATE };
/* Whether what is waited for is there; called again and again, with all output so far. */
typedef bool run_condition(struct run *run, void *context);
/* Until it has ended, the condition (or NULL) is met, or time_now() is until. */
enum run_wait run_wait(struct run *run, uint64_t until, run_condition *condition, void *context);
/*
 * What it, and those beside it, have said so far: a pipe has room for 64 KiB, and who says more
 * stands still until somebody listens.
 */
void run_read(struct run *run);
/* Whether kist has told the container's first process. */
bool run_is_created(struct run *run, void *context);
/*
 * Whether it has ended before anybody told it to: also when it dies of what was last asked of it,
 * which takes a moment to be seen.
 */
bool run_ended_itself(struct run *run);
/* To the program, through kist. */
void run_signal(struct run *run, int signal);
/* Kills what still runs, waits for its end, reads what it used. */
void run_end(struct run *run);
/* Its trace becomes the check's. */
void run_close(struct run *run, struct findings *findings, struct check *check);
