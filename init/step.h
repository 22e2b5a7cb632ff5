/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <signal.h>

#include "config/plan.h"
#include "init/channel.h"

/*
 * What crosses the clone, and the steps that run on the other side.
 *
 * runtime/spawn.c fills a struct init, then makes the process with one clone3,
 * and the process calls init_run(), which never returns.  The plan is
 * inherited by copy on write; the fds below are inherited as they are.  All of
 * them are close-on-exec, and owned by struct init on both sides.
 */
struct init {
	const char *id;			/* the container's */
	struct channel channel;		/* to the runtime */
	struct channel start;		/* where START comes from and what follows goes to: the same
					 * as channel for "run", two fifos of the state directory
					 * for "create" */

	/*
	 * Detached trees (open_tree(2) with OPEN_TREE_CLONE), opened by the runtime in the
	 * host's mount namespace where the process is not born in a copy of it (runtime/hostns.c);
	 * else -EBADF, and the process opens them itself, by path, in its copy.
	 */
	int root_tree;
	int *mount_trees;		/* one per plan->mounts, -EBADF where it is no bind */
	int *device_trees;		/* one per plan->devices: bound where mknod may not be used */
	bool in_host_copy;		/* born in a copy of the host's mount namespace */

	int join_fds[NAMESPACE_COUNT];	/* namespaces that the process enters itself; -EBADF: none */
	bool new_user_ns;		/* it is in a new user namespace, or one joined by path */
	int console_socket;		/* where the pty's master is sent, or -EBADF */
	int cgroup_root;		/* O_PATH on the container's cgroup directory for the v2 bind */
	int init_image;			/* sealed memfd of the pid-1 program, or -EBADF: no init */
	int seccomp_listener;		/* connected socket of listenerPath, or -EBADF */
	int notify_socket;		/* sd_notify's socket to bind, or -EBADF */
	int preserve_fds;		/* how many after 0, 1, 2 the program gets */
	const char *hook_state;		/* state JSON for hooks that run in the container's process */
	sigset_t signals;		/* the mask to restore before the program */

	/* Made by the steps themselves. */
	struct arena *arena;
	int root_fd;			/* O_PATH on the root once it is mounted */
	int proc_fd;			/* a private procfs of the new pid namespace (security.md I5) */
	int program_fd;			/* O_PATH on the program that was looked up */
	const char *program;		/* its path inside the container */
};

/* In the child of the clone: runs the steps, then the program.  Never returns. */
_noreturn void init_run(const struct plan *plan, struct init *in);
/* The shorter table, for "exec" in a running container: process is what to start. */
_noreturn void init_exec(const struct plan *plan, const struct process_plan *process,
			 struct init *in);

/* A step: 0, or -1 and *err, which init_run() wraps with the step's name. */
typedef int init_step(const struct plan *plan, struct init *in, struct error *err);
