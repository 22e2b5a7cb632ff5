/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <signal.h>
#include <stdbool.h>

#include "base/sys.h"
#include "runtime/command/command.h"
#include "runtime/kist/space.h"

/*
 * A program in namespaces, in the foreground: what "kist space", "kist unshare"
 * and "kist enter" have in common.  They use libkist as everybody does.
 */
struct space_run {
	struct kist_options options;
	const struct kist_target *target;	/* whose namespaces; NULL: none */
	bool verbose;			/* say the pid and the status on stdout */
	bool mount_proc;		/* a procfs of the new pid namespace on /proc */
	bool kill_child;		/* SIGKILL to it when kist ends */
	const char *uid, *gid;		/* become these inside, as text; NULL: stay who we are */
	uint64_t propagation;		/* MS_*, of all mounts in a new mount namespace; 0: none */

	sigset_t mask;			/* the rest is space_run_foreground()'s own */
	struct error *said;
};
#define SPACE_RUN_INIT	((struct space_run){ .options = KIST_OPTIONS_INIT, \
					     .propagation = MS_PRIVATE })

/* args: NULL-terminated; none: $SHELL, or /bin/sh.  The exit status as a shell would say it. */
int space_run_foreground(struct cli *cli, struct space_run *run, const char *const *args,
			 struct error *err);
