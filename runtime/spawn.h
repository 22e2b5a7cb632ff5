/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>

#include "base/fd.h"
#include "config/plan.h"
#include "init/channel.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/rdt.h"

/*
 * The conversation that makes a container's process: opens what it needs, one
 * clone3, id maps, the cgroup, the runtime's hooks.  docs/design.md, section 2.
 */
struct spawn_request {
	const struct plan *plan;
	const char *id;
	struct arena *arena;
	const struct cgroup *cgroup;
	const struct rdt *rdt;		/* NULL: none */
	int state_fd;			/* the container's directory: holds the two start fifos */
	bool wait_for_start;		/* "create": START comes by the fifos, from another kist */
	int console_socket;		/* where the pty's master goes, or -EBADF */
	int preserve_fds;
	const char *const *extra_env;	/* for the program, NULL-terminated; or NULL */
	bool no_pivot, new_keyring;	/* as in struct init */
	/*
	 * "exec": this process, in the namespaces of a container's first one; hooks, state_fd
	 * and wait_for_start are of no use then.  NULL: the plan's, in a new container.
	 */
	const struct process_plan *process;
	int join_pidfd;			/* of exec; borrowed */
	bool join_time; /* ... the time namespace too, which the plan has not */
	int tools_fd;			/* of exec, as in struct init; borrowed, or -EBADF */
	/*
	 * Called as soon as the process exists, and before a program runs in it, so that the
	 * journal and the state know it; and for the state JSON that hooks read on stdin.
	 */
	int (*born)(void *context, pid_t pid, int pidfd, struct error *err);
	const char *(*hook_state)(void *context, const char *status);
	/*
	 * What has to be done before the program runs, while the container is still set up; START
	 * is sent right after it, ahead of READY.  NULL: spawn_start() sends it, for something is
	 * to be done in between.  Not called where the runtime has to act after MOUNTED.
	 */
	int (*ahead)(void *context, struct error *err);
	void *context;
};

struct spawn {
	pid_t pid;
	int pidfd;			/* owned */
	struct channel channel;		/* owned */
	bool heard;			/* MOUNTED came: it lived */
	bool started;			/* START was sent */
	bool astray; /* we are in its network namespace, with no way back */
};
#define SPAWN_NONE	((struct spawn){ .pidfd = -EBADF, .channel = CHANNEL_NONE })

/*
 * Up to READY.  On an error the process is dead and reaped, unless that was given up, and *ret is
 * empty but for astray.
 */
int spawn_create(const struct spawn_request *request, struct spawn *ret, struct error *err);
/* START over the spawn's own channel ("run"), then until the program's execve succeeded. */
int spawn_start(struct spawn *spawn, struct error *err);
/* The same by the fifos in the state directory, for a container of an earlier process. */
int spawn_start_created(int state_fd, struct error *err);
/*
 * Whether the process still waits for START: its fifo has a reader (a writing open with
 * O_NONBLOCK works; ENXIO or ENOENT: no).  So a kist that is killed between START and the
 * unlinking of the fifos leaves nothing that looks "created" for ever.
 */
bool spawn_waits_for_start(int state_fd);
void spawn_close(struct spawn *spawn);
