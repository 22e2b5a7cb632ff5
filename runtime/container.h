/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdint.h>
#include <time.h>

#include "base/fd.h"
#include "config/plan.h"
#include "init/channel.h"
#include "runtime/cgroup.h"

/*
 * One container as the host sees it: its directory below the root
 * (/run/kist/<id>, 0700), its state, its journal, its cgroup, its process.
 *
 * The directory is opened once and everything in it by openat.  A pid is only
 * ever used with its start time or a pidfd.  state.json is written to a
 * temporary name and renamed.  The journal names what is about to be made,
 * before it is made, so that delete --force, gc and the next create of the id
 * clean up after a kill -9 of kist at any instant.
 */
enum container_status {
	CONTAINER_CREATING,
	CONTAINER_CREATED,
	CONTAINER_RUNNING,
	CONTAINER_PAUSED,
	CONTAINER_STOPPED,
};
const char *container_status_name(enum container_status status);

struct container {
	struct arena *arena;
	const char *root;		/* the directory of all containers, absolute */
	const char *id;
	int root_fd, dir_fd;		/* owned; O_DIRECTORY on them */
	int lock_fd;			/* owned; held while a command changes the container */

	/* What state.json keeps. */
	const char *bundle;
	const char *root_path;		/* of the plan */
	const char *oci_version;
	pid_t pid;			/* pid 1 of the container, in our pid namespace; 0: none yet */
	uint64_t start_time;		/* field 22 of /proc/<pid>/stat, clock ticks */
	struct timespec created;	/* CLOCK_REALTIME */
	uint32_t owner;			/* uid of who created it */
	bool detached;
	LIST(struct annotation) annotations;
	struct cgroup cgroup;		/* manager and paths, remembered */

	int pidfd;			/* owned; -EBADF when there is no process */
};
