/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "config/plan.h"

/*
 * A container's cgroup, on any kind of host:
 *
 *   unified   cgroup2 on /sys/fs/cgroup: one directory; the process is born in it
 *   hybrid    v1 controllers, and cgroup2 on /sys/fs/cgroup/unified for freeze and kill
 *   legacy    v1 controllers only
 *   none      no cgroup file system, or the manager "disabled", or unprivileged without a
 *             delegated subtree and without limits: nothing is made
 *
 * Every path is resolved below the mount points with path_open_strict(); a
 * cgroup that exists already and holds processes is refused.  runtime/cgroup.c
 * is the face; cgroup_v1.c, cgroup_v2.c and cgroup_systemd.c do the work.
 */
enum cgroup_host { CGROUP_NONE, CGROUP_UNIFIED, CGROUP_HYBRID, CGROUP_LEGACY };
enum cgroup_manager { CGROUP_CGROUPFS, CGROUP_SYSTEMD, CGROUP_DISABLED };

struct cgroup {
	enum cgroup_host host;
	enum cgroup_manager manager;
	const char *path;	/* below the mount point(s), "/a/b"; NULL: none was made */
	const char *scope;	/* the systemd unit, or NULL */
	int fd;			/* owned; directory in cgroup2 (unified or hybrid), or -EBADF */
	bool born;		/* the process may be born in it with CLONE_INTO_CGROUP */
};
#define CGROUP_INIT	((struct cgroup){ .fd = -EBADF })

/* What the host has, asked once per process (statfs of the mount points). */
enum cgroup_host cgroup_host(void);

/*
 * Where the container's cgroup will be: cgroups_path as in the plan, or
 * derived from the id.  Fills host, manager, path and scope; touches nothing, so that the
 * journal can be written first.
 */
int cgroup_plan(struct cgroup *cgroup, struct arena *arena, const struct plan *plan,
		const char *id, enum cgroup_manager manager, struct error *err);
/* Makes it, enables the controllers, writes the limits and the device rules.  Undone by destroy. */
int cgroup_create(struct cgroup *cgroup, struct arena *arena, const struct plan *plan,
		  struct error *err);
/* Puts a process in: for v1, for exec, and where it could not be born in it. */
int cgroup_join(const struct cgroup *cgroup, pid_t pid, struct error *err);
/* Opens one that create made in an earlier process: sets fd and born. */
int cgroup_open(struct cgroup *cgroup, struct error *err);
/* The limits alone, again, for update. */
int cgroup_update(const struct cgroup *cgroup, struct arena *arena,
		  const struct resources_plan *resources, struct error *err);
int cgroup_freeze(const struct cgroup *cgroup, bool frozen, struct error *err);
/* 1 frozen, 0 not, -1 error. */
int cgroup_is_frozen(const struct cgroup *cgroup, struct error *err);
/* SIGKILL to all in it and below: cgroup.kill, else freeze and kill one by one. */
int cgroup_kill(const struct cgroup *cgroup, struct error *err);
/* Any signal to all in it and below. */
int cgroup_signal(const struct cgroup *cgroup, int signal, struct error *err);
/* The pids in it and below, in our pid namespace. */
int cgroup_pids(const struct cgroup *cgroup, struct arena *arena, pid_t **ret_pids,
		size_t *ret_count, struct error *err);
/* Removes it and what is below, waiting for the kernel; what is not there is no error. */
int cgroup_destroy(struct cgroup *cgroup, struct error *err);
void cgroup_close(struct cgroup *cgroup);
