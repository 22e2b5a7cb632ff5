/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <dirent.h>
#include <limits.h>

#include "base/fd.h"
#include "runtime/cgroup/cgroup.h"

/*
 * What the files of this folder share among themselves; nobody else includes it.
 *
 *   cgroup.c   the face: which hierarchies, in which order; made, joined, removed
 *   control.c  pids, signals, kill, freeze
 *   update.c   limits of a container that runs
 *   tasks.c    a limit of tasks that waits until the container is made
 *   path.c     where the container's cgroup is
 *   tree.c     one hierarchy, any version: make, open, list directories
 *   remove.c   ... and remove them
 *   write.c    the lists of limits, in order, with what the kernel's refusals mean
 *   v1.c       the v1 hierarchies of a host
 *   v2.c       cgroup2: controllers, limits, freeze, kill, delegation
 *   device.c   device rules as a BPF program on a cgroup2 directory
 *   systemd.c  the scope that systemd keeps for it, over D-Bus
 *   keeper.c   the process that holds a scope until the container is in it
 *   unit.c     what goes into the scope's properties
 *   stats*.c   numbers
 */

#define CGROUP_MOUNT	"/sys/fs/cgroup"

/* --- cgroup.c, control.c --------------------------------------------------- */

bool cgroup_has_v1(const struct cgroup *cgroup);
/* Every function for a container that may have none begins with this. */
int cgroup_need_path(const struct cgroup *cgroup, const char *what, struct error *err);
/* Is something asked for that this host's version cannot do? */
int cgroup_check_able(const struct cgroup *cgroup, const struct resources_plan *resources,
		      struct error *err);
/* Does its directory have this container's mark? */
bool cgroup_is_ours(const struct cgroup *cgroup);

/* --- tree.c ---------------------------------------------------------------- */

/*
 * Called for each directory on the way, the mount point first, before the next one is made in it;
 * depth counts from there.
 */
typedef int cgroup_visit(void *context, int dir_fd, unsigned int depth, struct error *err);

/* The directory of an existing cgroup; -1 with err->code ENOENT when it is not there. */
int cgroup_dir_open(int root_fd, const char *path, struct error *err);
/*
 * Makes path below root_fd, parents too, and marks the parents it makes, so that
 * cgroup_dir_remove() can tell them from other people's.  visit may be NULL; it comes again from
 * the mount point where the end of another container took a parent away meanwhile.
 */
int cgroup_dir_make(int root_fd, const char *path, cgroup_visit *visit, void *context,
		    bool *ret_made, struct error *err);
/* Refuses one that was there before and holds processes: somebody else's. */
int cgroup_dir_check_empty(int dir_fd, struct error *err);
/* Called for the directory and each one below, those above first. */
typedef int cgroup_each(void *context, int dir_fd, struct error *err);
int cgroup_dir_walk(int dir_fd, cgroup_each *each, void *context, struct error *err);
/* The processes in it and below. */
int cgroup_dir_pids(int dir_fd, struct arena *arena, pid_list *list, struct error *err);
/*
 * Which cgroups are ours: parents made on the way, and those that hold a container; of these in
 * cgroup2, those that are in v1, too, maybe by an update after the process that made them, and
 * those that an update is bringing there.
 */
enum cgroup_mark {
	CGROUP_MARK_PARENT,
	CGROUP_MARK_CONTAINER,
	CGROUP_MARK_V1,
	CGROUP_MARK_ENTERING,
};
void cgroup_dir_mark(int dir_fd, enum cgroup_mark mark, const char *owner);
void cgroup_dir_unmark(int dir_fd, enum cgroup_mark mark);
bool cgroup_dir_is_marked(int dir_fd, enum cgroup_mark mark);
/*
 * Marked as this container's (owner NULL: as any's), or as a parent made on the way; or made by a
 * kist that did not come to mark it.
 */
bool cgroup_dir_is_own(int dir_fd, const char *owner);
bool cgroup_dir_is_parent(int dir_fd);
/* The name of the next child in a directory's list: 1, 0 at the end, or -1. */
int cgroup_child_next(DIR *dir, char ret_name[NAME_MAX + 1], struct error *err);
/*
 * Goes on with the list of a child, whose fd it takes, or of the directory above.  A container may
 * nest its cgroups as deep as it likes, so nobody keeps an fd or a stack frame for each level; they
 * never move, so ".." is where we came from.  -1: *dir is NULL, or as it was.
 */
int cgroup_dir_enter(DIR **dir, int fd, struct error *err);
int cgroup_dir_leave(DIR **dir, struct error *err);
/* One write to an existing file; errno says what was wrong. */
int cgroup_file_write(int dir_fd, const char *file, const char *text);
/* A short file without its final newline; -1 and errno. */
int cgroup_file_read(int dir_fd, const char *file, char *text, size_t room);
/* "controller" is a word of the list "cpu,cpuacct" or "cpu io memory". */
bool cgroup_list_has(const char *list, const char *controller);

/* --- remove.c -------------------------------------------------------------- */

/*
 * Its directory below root_fd, what is in that, and the parents that were made for it and are
 * empty now.  One that is not its own is removed if it is empty, and otherwise left alone.
 */
int cgroup_dir_remove(int root_fd, const struct cgroup *cgroup, struct error *err);

/* --- write.c --------------------------------------------------------------- */

/* The directory that a write goes to (borrowed), CGROUP_SKIP, or -1 and *err. */
typedef int cgroup_write_dir(void *context, const struct cgroup_write *write, struct error *err);
#define CGROUP_SKIP	(-2)
/* The whole list in its order; path is for messages. */
int cgroup_list_write(const cgroup_write_list *writes, const char *path, cgroup_write_dir *dir,
		      void *context, struct error *err);

/* --- v1.c ------------------------------------------------------------------ */

#define CGROUP_V1_MAX	CGROUP_TASK_FILES_MAX
struct cgroup_hierarchy {
	char name[128]; /* of the directory: "cpu,cpuacct", "memory", "systemd" */
	int fd;			/* owned; its root */
};
struct cgroup_v1 {
	struct cgroup_hierarchy list[CGROUP_V1_MAX];
	size_t count;
};
int cgroup_v1_open(struct cgroup_v1 *ret, struct error *err);
/* The freezer's alone, if there is one, for a caller with few fds; *ret was empty. */
int cgroup_v1_open_freezer(struct cgroup_v1 *ret, struct error *err);
void cgroup_v1_close(struct cgroup_v1 *v1);
#define _cleanup_cgroup_v1 _cleanup(cgroup_v1_close)
/* The hierarchy with this controller ("name=systemd" by its name), or NULL. */
const struct cgroup_hierarchy *cgroup_v1_find(const struct cgroup_v1 *v1, const char *controller);
/* The one that pids are listed and frozen by where there is no cgroup2. */
const struct cgroup_hierarchy *cgroup_v1_tracker(const struct cgroup_v1 *v1);
/* The same hierarchies, opened at the container's directory; those without it are left out. */
int cgroup_v1_dirs(const struct cgroup_v1 *v1, const char *path, struct cgroup_v1 *ret,
		   struct error *err);
/* Notes that it is going to be in these, also for other processes. */
void cgroup_v1_use(struct cgroup *cgroup, const struct cgroup_v1 *v1);
int cgroup_v1_make(const struct cgroup_v1 *v1, const struct cgroup *cgroup, struct error *err);
/*
 * v2_fd: the cgroup2 directory of a hybrid host, whose controllers v1 does not have; or -EBADF.
 * devices: with devices.allow and devices.deny.
 */
int cgroup_v1_write(const struct cgroup_v1 *v1, const char *path, int v2_fd, bool devices,
		    const cgroup_write_list *writes, struct error *err);
int cgroup_v1_join(const struct cgroup_v1 *v1, const char *path, pid_t pid, struct error *err);
int cgroup_v1_tasks(const struct cgroup_v1 *v1, const struct cgroup *cgroup,
		    int ret_fds[CGROUP_TASK_FILES_MAX], size_t *ret_count, struct error *err);
int cgroup_v1_freeze(const struct cgroup_v1 *v1, const char *path, bool frozen, struct error *err);
/* Each of its own cgroups that is below is told to thaw, and not waited for. */
int cgroup_v1_thaw_below(const struct cgroup_v1 *v1, const struct cgroup *cgroup,
			 struct error *err);
int cgroup_v1_is_frozen(const struct cgroup_v1 *v1, const char *path, struct error *err);
int cgroup_v1_remove(const struct cgroup_v1 *v1, const struct cgroup *cgroup, struct error *err);
/* Is the container in v1 at all? */
int cgroup_v1_present(const struct cgroup_v1 *v1, const char *path, bool *ret, struct error *err);
/* Lets every device through in v1, where a BPF program has taken over. */
int cgroup_v1_devices_open(const struct cgroup_v1 *v1, const char *path, struct error *err);

/* --- v2.c ------------------------------------------------------------------ */

/* The root directory of cgroup2 on this kind of host. */
int cgroup_v2_root(enum cgroup_host host, struct error *err);
/* The container's directory in cgroup2: an fd of the caller's own. */
int cgroup_v2_open(const struct cgroup *cgroup, struct error *err);
/*
 * Makes cgroup->path, with the controllers that writes need (all: with every one there is)
 * turned on along the way.  Sets fd and born.
 */
int cgroup_v2_make(struct cgroup *cgroup, const cgroup_write_list *writes, bool all,
		   struct error *err);
int cgroup_v2_write(struct cgroup *cgroup, const cgroup_write_list *writes, struct error *err);
/* Turns on what the writes need, above a cgroup that exists. */
int cgroup_v2_enable(const struct cgroup *cgroup, const cgroup_write_list *writes,
		     struct error *err);
int cgroup_v2_freeze(int dir_fd, bool frozen, struct error *err);
int cgroup_v2_is_frozen(int dir_fd, struct error *err);
/* Gives the directory, and the files that the kernel says may be given, to the container's root. */
int cgroup_v2_delegate(int dir_fd, uid_t uid, gid_t gid, struct error *err);

/* --- device.c -------------------------------------------------------------- */

/* Does the kernel have BPF for the devices of cgroups? */
bool cgroup_device_able(int dir_fd);
/* Attaches the rules of resources in the place of the ones attached before. */
int cgroup_device_attach(int dir_fd, const struct resources_plan *resources, bool replace,
			 struct error *err);

/* --- path.c ---------------------------------------------------------------- */

/* By its name alone: "a.slice". */
bool cgroup_is_slice(const char *unit);
/* "/a.slice/a-b.slice" for "a-b.slice". */
int cgroup_slice_path(struct arena *arena, const char *slice, const char **ret_path,
		      struct error *err);
/* The cgroup in cgroup2, below the mount point, that a file "/proc/<pid>/cgroup" names. */
int cgroup_path_of(struct arena *arena, const char *file, const char **ret_path,
		   struct error *err);
/* May this process change the host's cgroups, or only some that were delegated to it? */
bool cgroup_privileged(enum cgroup_host host);
/* May it clone into path, seen from where it is itself? */
bool cgroup_may_be_born(int root_fd, const char *path);
/* Fills path (and scope) for the manager; path stays NULL where the caller may make none. */
int cgroup_path_plan(struct cgroup *cgroup, struct arena *arena, const struct plan *plan,
		     const char *id, struct error *err);

/* --- systemd.c ------------------------------------------------------------- */

/* Starts the scope around a placeholder process; sets path and keeper.  An error: there is none. */
int cgroup_systemd_start(struct cgroup *cgroup, struct arena *arena, const struct plan *plan,
			 struct error *err);
/* The limits that systemd would overwrite on its next reload, told to it. */
int cgroup_systemd_update(const struct cgroup *cgroup, struct arena *arena,
			  const struct resources_plan *resources, struct error *err);
/* Has the manager move a process in, where the caller may not. */
int cgroup_systemd_attach(const struct cgroup *cgroup, pid_t pid, struct error *err);
/* Waits until systemd has forgotten the scope; one that is gone is no error. */
int cgroup_systemd_stop(const struct cgroup *cgroup, struct error *err);

/* --- keeper.c -------------------------------------------------------------- */

/* Starts the placeholder of a scope; sets keeper and keeper_fd. */
int cgroup_keeper_start(struct cgroup *cgroup, struct error *err);
/* Ends it, if there is one: the container is in the scope. */
void cgroup_keeper_end(const struct cgroup *cgroup);
