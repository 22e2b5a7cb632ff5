/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/process.h"
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
 * cgroup that exists already and holds processes is refused.  cgroup.c
 * is the face; v1.c, v2.c and systemd.c do the work.
 */
enum cgroup_host { CGROUP_NONE, CGROUP_UNIFIED, CGROUP_HYBRID, CGROUP_LEGACY };
enum cgroup_manager { CGROUP_CGROUPFS, CGROUP_SYSTEMD, CGROUP_DISABLED };

/* Whether the v1 hierarchies are used: not known of one that an earlier process made. */
enum cgroup_v1_use { CGROUP_V1_UNKNOWN, CGROUP_V1_USED, CGROUP_V1_UNUSED };

struct cgroup {
	/* What is remembered in the state and the journal. */
	enum cgroup_host host;
	enum cgroup_manager manager;
	const char *path;	/* below the mount point(s), "/a/b"; NULL: none was made */
	const char *scope;	/* the systemd unit, or NULL */
	/*
	 * What marks its directories: the path may be another container's, which is not ours to
	 * kill.  NULL: not known.
	 */
	const char *owner;

	const char *slice;	/* the unit above it; of cgroup_plan() alone */
	/*
	 * For "exec" into one below the container's, which is path then: the container's own, for
	 * hierarchies of v1 that do not have the other.  Else NULL.
	 */
	const char *whole;
	enum cgroup_v1_use v1;
	int fd;			/* owned; directory in cgroup2 (unified or hybrid), or -EBADF */
	bool born;		/* the process may be born in it with CLONE_INTO_CGROUP */
	bool ruled;		/* device rules may be on it: of a process killed at birth, or
				 * of who had it before */
	bool killed;		/* what is in it is dying: removal waits longer for that */
	int keeper_fd;		/* owned; ends the process that keeps a new scope, or -EBADF */
	pid_t keeper;
};
#define CGROUP_INIT	((struct cgroup){ .fd = -EBADF, .keeper_fd = -EBADF })
#define CGROUP_TASK_FILES_MAX	24

/* A container may ask for none, and a host may have none. */
static inline bool cgroup_is_used(const struct cgroup *cgroup)
{
	return cgroup->path != NULL && cgroup->host != CGROUP_NONE;
}

/* What the host has, asked once per process (statfs of the mount points). */
enum cgroup_host cgroup_host(void);
/* Whose files limit resources there: 1 (with a hybrid host), 2, or 0 for none. */
int cgroup_host_version(void);

/*
 * Where the container's cgroup will be: cgroups_path as in the plan, or
 * derived from the id.  Fills host, manager, path and scope; touches nothing, so that the
 * journal can be written first.
 */
int cgroup_plan(struct cgroup *cgroup, struct arena *arena, const struct plan *plan,
		const char *id, enum cgroup_manager manager, struct error *err);
/* Makes it, enables the controllers, writes the limits.  Undone by destroy. */
int cgroup_create(struct cgroup *cgroup, struct arena *arena, const struct plan *plan,
		  struct error *err);
/*
 * The device rules.  Loading them takes the kernel 0.1 ms: spawn does it while the container's
 * process mounts, before any hook and long before the program.
 */
int cgroup_set_devices(const struct cgroup *cgroup, const struct plan *plan, struct error *err);
/*
 * How a new process gets in, for create and for exec, without a write that waits for RCU
 * (4 to 10 ms for the first cgroup.procs of a start, with nothing else going on):
 *
 *   clone3 with CLONE_INTO_CGROUP and fd, where born
 *   the process writes "0" to each of the task files, first of all, while it has one thread
 *   the runtime calls cgroup_adopt(), which does what is left
 *
 * The files are of v1 (there are none elsewhere), open for writing, close-on-exec, the caller's.
 * A process that moves itself by "tasks" takes no global lock; Linux 5.4 and newer.
 *
 * Kernels with the kill-count bug also kill what is born when the caller's own cgroup was
 * written cgroup.kill once: a child that died of SIGKILL before its first message is worth a
 * second try with born == false.
 */
int cgroup_task_files(const struct cgroup *cgroup, int ret_fds[CGROUP_TASK_FILES_MAX],
		      size_t *ret_count, struct error *err);
/* A NULL cgroup is no cgroup. */
int cgroup_adopt(const struct cgroup *cgroup, pid_t pid, struct error *err);
/* Puts any process in, into every hierarchy. */
int cgroup_join(const struct cgroup *cgroup, pid_t pid, struct error *err);
/* The same for one hierarchy of v1, into a cgroup that is there below the container's. */
int cgroup_join_below(const struct cgroup *cgroup, struct arena *arena, const char *controller,
		      const char *below, pid_t pid, struct error *err);
/* Opens one that create made in an earlier process: sets fd and born. */
int cgroup_open(struct cgroup *cgroup, struct error *err);
/*
 * For exec: a container that manages cgroups of its own (systemd in it) hands controllers down
 * from its cgroup, which then takes no process: the new one goes where pid is, its first.
 */
int cgroup_follow(struct cgroup *cgroup, struct arena *arena, pid_t pid, struct error *err);
/*
 * A limit of so few tasks that the container could not be made below it: left out of the plan
 * for cgroup_create, and written afterwards.
 */
const struct plan *cgroup_plan_of_create(struct arena *arena, const struct plan *plan);
bool cgroup_limits_tasks_late(const struct plan *plan);
int cgroup_limit_tasks(struct cgroup *cgroup, struct arena *arena, const struct plan *plan,
		       struct error *err);
/*
 * What cgroup v2 has in force, and v1 of what systemd is told with it; without it, or without a
 * controller, nothing is known.
 */
void cgroup_limits_now(const struct cgroup *cgroup, struct limits_now *ret);
/* The limits, and the device rules if there are any, again, for update. */
int cgroup_update(struct cgroup *cgroup, struct arena *arena,
		  const struct resources_plan *resources, struct error *err);
int cgroup_freeze(const struct cgroup *cgroup, bool frozen, struct error *err);
/*
 * For what SIGKILL was sent to, which cgroup v1 keeps waiting where it is frozen: thaws what the
 * container itself has frozen, in cgroups of its own.
 */
int cgroup_thaw_killed(const struct cgroup *cgroup, struct error *err);
/* 1 frozen, 0 not, -1 error. */
int cgroup_is_frozen(const struct cgroup *cgroup, struct error *err);
/*
 * The directory whose freezer freezes it, for CRIU, which thaws what it has stopped.  NULL on a
 * hybrid host, where CRIU looks for that of v1, and kist freezes by v2.
 */
const char *cgroup_freezer(const struct cgroup *cgroup, struct arena *arena);
/* SIGKILL to all in it and below: cgroup.kill, else freeze and kill one by one. */
int cgroup_kill(struct cgroup *cgroup, struct error *err);
/* Any signal to all in it and below. */
int cgroup_signal(const struct cgroup *cgroup, int signal, struct error *err);
/*
 * Whether an error of one of these says that there is none any more.  ENODEV: somebody else is
 * removing it at this moment (kernfs_iop_rmdir).
 */
bool cgroup_is_gone(int code);
/* The pids in it and below, in our pid namespace. */
int cgroup_pids(const struct cgroup *cgroup, struct arena *arena, pid_list *ret, struct error *err);
/*
 * Removes it and what is below, waiting for the kernel (10 s after cgroup_kill(), else 0.2 s);
 * what is not there is no error.  Processes that live in it are: EBUSY, and how many.
 */
int cgroup_destroy(struct cgroup *cgroup, struct error *err);
void cgroup_close(struct cgroup *cgroup);
