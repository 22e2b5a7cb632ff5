/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"
#include "runtime/console.h"

/*
 * "run" in the foreground: waits for the container's first process, passes
 * every signal on to it that can be caught, and moves the bytes of its
 * terminal.  Allocates nothing.
 *
 * Opened before the process is made, so that no signal is lost between; the
 * mask as it was then is the one the program is to start with.
 */
struct wait {
	int signal_fd;		/* owned; every signal but SIGCHLD is blocked and comes here */
	bool blocked;
	sigset_t mask;		/* what was blocked before */
	const struct notify *notify;	/* borrowed: its messages are passed on; or NULL */
};
#define WAIT_NONE	((struct wait){ .signal_fd = -EBADF })

int wait_open(struct wait *ret, struct error *err);
/* Puts the mask back. */
void wait_close(struct wait *wait);
#define _cleanup_wait _cleanup(wait_close)

/*
 * Until the process ends and is reaped; console may be NULL.  *ret_status is
 * what a shell would say: the exit status, or 128 + N for signal N.
 */
int wait_foreground(struct wait *wait, pid_t pid, int pidfd, struct console *console,
		    int *ret_status, struct error *err);
/* The same number from what waitpid(2) gives. */
int wait_exit_status(int status);
