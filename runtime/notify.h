/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/fd.h"
#include "config/plan.h"

/*
 * sd_notify for a program in a container: where NOTIFY_SOCKET is set for us, the
 * program gets a socket of its own, on /run/notify, and what it says there is
 * passed on.  "READY=1" goes to the service manager with the pid that it is
 * to watch: it knows nothing of the program's own.
 *
 * As runc has it: the directory is made by "create" and "run", the socket by
 * "start" and "run", which wait for READY=1 unless they stay in the foreground.
 */
struct notify {
	int socket;		/* owned: ours; -EBADF: nobody wants to know */
	int host;		/* owned: connected to the service manager's */
	pid_t pid;		/* what it is to watch */
};
#define NOTIFY_NONE	((struct notify){ .socket = -EBADF, .host = -EBADF })

/* Whether somebody wants to know. */
bool notify_wanted(void);
/*
 * The plan with the mount of the directory, which is made in the container's; *ret_env: what is
 * added to the program's environment.
 */
const struct plan *notify_plan(struct arena *arena, const struct plan *plan, const char *state,
			       int state_fd, const char **ret_env, struct error *err);
/* The socket; nothing where nobody wants to know. */
int notify_open(struct notify *notify, int state_fd, pid_t pid, struct error *err);
/* One message; true when it was READY=1. */
bool notify_pass(const struct notify *notify);
/* Until READY=1, or the end of the process. */
void notify_wait(const struct notify *notify, int pidfd);
void notify_close(struct notify *notify);
#define _cleanup_notify _cleanup(notify_close)
