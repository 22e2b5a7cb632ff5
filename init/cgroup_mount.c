/* SPDX-License-Identifier: Apache-2.0 */
#include "init/cgroup_mount.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/process.h"
#include "base/sys.h"
#include "init/procfs.h"
#include "init/tree.h"

#define HIERARCHIES_MAX	32
/* Of each hierarchy a path, which may have 4 KiB. */
#define CGROUP_FILE_MAX ((size_t)1 << 20)

struct hierarchy {
	const char *name; /* its directory: "cpu,cpuacct", "systemd"; "": none */
	const char *data; /* its mount options; "" is cgroup2 */
	int tree;		/* owned */
};

struct hierarchies {
	struct hierarchy items[HIERARCHIES_MAX];
	size_t count;
	bool v2_only;
	const struct mount_plan *mount;
	bool own;		/* from the process' own cgroup down */
	struct error *err;
};

static void hierarchies_close(struct hierarchies *all)
{
	for (size_t i = 0; i < all->count; i++)
		fd_close(&all->items[i].tree);
}

/* Lines of /proc/self/cgroup: "4:cpu,cpuacct:/path", "1:name=systemd:/path", "0::/path". */
static int hierarchies_read(struct init *in, struct hierarchies *all, struct error *err)
{
	char *line, *rest;
	int proc_fd = procfs(in, err);

	if (proc_fd < 0 ||
	    procfs_read_all(proc_fd, "self/cgroup", CGROUP_FILE_MAX, in->arena, &rest, err) < 0)
		return -1;
	all->v2_only = true;
	while ((line = strsep(&rest, "\n")) != NULL) {
		struct hierarchy *one = &all->items[all->count];
		char *start = strchr(line, ':');
		size_t length;

		if (start == NULL)
			continue;
		start++;
		length = strcspn(start, ":");
		if (length == 0)
			continue;
		all->v2_only = false;
		if (all->count == HIERARCHIES_MAX)
			return error_set(err, "read cgroups: cannot take in %.80s", line);
		start[length] = '\0';
		one->data = start;
		one->name = strncmp(start, "name=", 5) == 0 ? start + 5 : start;
		one->tree = -EBADF;
		all->count++;
	}
	return 0;
}

static int hierarchies_mount(struct hierarchies *all)
{
	for (size_t i = 0; i < all->count; i++) {
		struct hierarchy *one = &all->items[i];
		struct file_system fs = {
			.type = *one->data != '\0' ? "cgroup" : "cgroup2",
			.source = "cgroup",
			.data = *one->data != '\0' ? one->data : all->mount->data,
			.attributes = all->mount->attr_set,
		};

		one->tree = tree_new(&fs, all->err);
		if (one->tree < 0)
			return error_wrap(all->err, "%s", *one->name != '\0' ? one->name :
					  "cgroup2");
		if (tree_recursive(one->tree, all->mount->recursive_set,
				   all->mount->recursive_clear, all->err) < 0)
			return -1;
	}
	return 0;
}

static int hierarchies_mount_own(void *context)
{
	struct hierarchies *all = context;

	if (unshare(CLONE_NEWCGROUP) < 0) {
		error_errno(all->err, "make a cgroup namespace");
		return 1;
	}
	return hierarchies_mount(all) < 0;
}

/*
 * Without a cgroup namespace the container may see its own cgroup only, not the
 * host's tree (CVE-2023-25809).  A mount made in a cgroup namespace starts at
 * the cgroup of whoever made that namespace: so a process for the moment, which
 * shares our memory and fds, makes one and mounts in it.  Nothing of the
 * host's /sys/fs/cgroup is needed for that.
 */
static int hierarchies_open_own(struct hierarchies *all, struct error *err)
{
	_Alignas(16) static char stack[32768];
	int status;
	pid_t pid = clone(hierarchies_mount_own, stack + sizeof(stack),
			  CLONE_VM | CLONE_FILES | CLONE_VFORK | SIGCHLD, all);

	if (pid < 0)
		return error_errno(err, "start a process to mount cgroups");
	if (process_reap(pid, &status) < 0)
		return error_errno(err, "wait for the process that mounts cgroups");
	if (WIFSIGNALED(status))
		return error_set(err, "the process that mounts cgroups was killed");
	return WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* By its one name: the directory is in a tmpfs that was made here and that nobody else sees. */
static int hierarchy_attach(const struct hierarchy *one, int dir_fd, struct error *err)
{
	if (mkdirat(dir_fd, one->name, 0755) < 0)
		return error_errno(err, "make directory %s", one->name);
	if (sys_move_mount(one->tree, "", dir_fd, one->name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_errno(err, "attach mount on %s", one->name);
	return 0;
}

/* "cpu" and "cpuacct" beside "cpu,cpuacct", as the host has them. */
static int hierarchy_links(const struct hierarchy *one, int dir_fd, struct error *err)
{
	char names[NAME_MAX + 1], *name, *rest = names;

	/* As long as a directory's name at most: there is one. */
	if (strchr(one->name, ',') == NULL)
		return 0;
	snprintf(names, sizeof(names), "%s", one->name);
	while ((name = strsep(&rest, ",")) != NULL)
		if (symlinkat(one->name, dir_fd, name) < 0)
			return error_errno(err, "make link %s", name);
	return 0;
}

/* The tmpfs is attached first: Linux before 6.15 attaches nothing inside a detached one. */
static int v1_attach(const struct hierarchies *all, const struct mount_plan *mount,
		     int target_fd, struct error *err)
{
	struct file_system fs = {
		.type = "tmpfs",
		.source = "tmpfs",
		.data = "mode=755",
		.attributes = mount->attr_set & ~(uint64_t)MOUNT_ATTR_RDONLY,
	};
	_cleanup_fd int dir_fd = tree_new(&fs, err);

	if (dir_fd < 0 || tree_attach(dir_fd, target_fd, mount->destination, err) < 0)
		return -1;
	for (size_t i = 0; i < all->count; i++)
		if (hierarchy_attach(&all->items[i], dir_fd, err) < 0 ||
		    hierarchy_links(&all->items[i], dir_fd, err) < 0)
			return -1;
	if ((mount->attr_set & MOUNT_ATTR_RDONLY) &&
	    tree_flags(dir_fd, MOUNT_ATTR_RDONLY, 0, 0, false, err) < 0)
		return -1;
	if (tree_recursive(dir_fd, mount->recursive_set, mount->recursive_clear, err) < 0)
		return -1;
	return tree_propagation(mount, dir_fd, err);
}

static int v2_attach(const struct hierarchies *all, const struct mount_plan *mount, int target_fd,
		     struct error *err)
{
	const int tree_fd = all->items[0].tree;

	if (tree_attach(tree_fd, target_fd, mount->destination, err) < 0)
		return -1;
	/* What is attached to a shared mount has become shared. */
	return tree_propagation(mount, tree_fd, err);
}

/*
 * Which there are.  Where the container has a cgroup of its own in cgroup2 alone, beside the
 * hierarchies of v1, it gets what such a host has for that: in those it would see the caller's
 * cgroup, other containers below it, and write to them.
 */
static int hierarchies_find(struct init *in, const char *type, struct hierarchies *all,
			    struct error *err)
{
	/* /proc/self/cgroup names v1 hierarchies also where nothing of them is mounted. */
	all->v2_only = strcmp(type, "cgroup2") == 0 || in->cgroup_unified;
	if (!all->v2_only && !in->cgroup_v2_alone && hierarchies_read(in, all, err) < 0)
		return -1;
	if (all->v2_only || in->cgroup_v2_alone) {
		all->count = 1;
		all->items[0] = (struct hierarchy){ .name = "", .data = "", .tree = -EBADF };
	}
	if (!all->v2_only && in->cgroup_v2_alone)
		all->items[0].name = "unified";
	return 0;
}

int cgroup_mount(const struct plan *plan, struct init *in, const struct mount_plan *mount,
		 int target_fd, struct error *err)
{
	struct hierarchies all = { .mount = mount, .err = err };
	int rc;

	if (hierarchies_find(in, mount->type, &all, err) < 0)
		return -1;
	all.own = !plan->namespaces[NAMESPACE_CGROUP].listed;
	rc = all.own ? hierarchies_open_own(&all, err) : hierarchies_mount(&all);
	if (rc == 0)
		rc = (all.v2_only ? v2_attach : v1_attach)(&all, mount, target_fd, err);
	hierarchies_close(&all);
	return rc;
}
