/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "init/bind.h"
#include "init/cgroup_mount.h"
#include "init/copy.h"
#include "init/hide.h"
#include "init/rootfs.h"
#include "init/step.h"
#include "init/tree.h"

/* What may be mounted over in /proc: files that only report, as lxcfs replaces them. */
static const char *const proc_targets[] = {
	"/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg", "/proc/meminfo", "/proc/slabinfo",
	"/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/sys/kernel/ns_last_pid",
	"/proc/sys/crypto/fips_enabled",
};

static bool is_type(const struct mount_plan *mount, const char *type)
{
	return mount->type != NULL && strcmp(mount->type, type) == 0;
}

static bool is_on(int fd, __typeof__(((struct statfs *)0)->f_type) magic)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == magic;
}

/* Whether it is what "/proc" leads to, however it was spelled: "//proc", a link to it. */
static bool is_proc(const struct init *in, int fd)
{
	_cleanup_fd int proc_fd = -EBADF;
	struct stat st, proc;

	if (fstatat(in->root_fd, "proc", &proc, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (S_ISLNK(proc.st_mode)) {
		proc_fd = path_find(in->root_fd, "/proc", O_PATH);
		if (proc_fd < 0 || fstat(proc_fd, &proc) < 0)
			return false;
	}
	return fstat(fd, &st) == 0 && st.st_dev == proc.st_dev && st.st_ino == proc.st_ino;
}

/*
 * Programs, and the next runtime to come in, trust what they read below /proc.
 * So /proc is a procfs or nothing, and in it only the files above are covered
 * (CVE-2019-16884, CVE-2019-19921); whatever name led there.
 */
static int target_check(const struct init *in, const struct mount_plan *mount, int target_fd,
			int tree_fd, struct error *err)
{
	const char *path = mount->destination;

	if (is_proc(in, target_fd))
		return is_on(tree_fd, PROC_SUPER_MAGIC) ? 0 :
		       error_number(err, EPERM, "not a procfs");
	if (!is_on(target_fd, PROC_SUPER_MAGIC))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(proc_targets); i++)
		if (strcmp(path, proc_targets[i]) == 0)
			return 0;
	return error_number(err, EPERM, "leads into /proc, where nothing may be mounted");
}

/* The directory to mount on.  *ret_made: it was not there before. */
static int target_directory(const struct init *in, const struct mount_plan *mount, bool *ret_made,
			    struct error *err)
{
	int flags = O_PATH | O_DIRECTORY, fd;

	/* A link would lead what is to be the container's /proc or /sys elsewhere. */
	if (is_type(mount, "proc") || is_type(mount, "sysfs") ||
	    (mount->flags & MOUNT_DESTINATION_NOFOLLOW))
		flags |= O_NOFOLLOW;
	fd = path_find(in->root_fd, mount->destination, flags);
	*ret_made = fd < 0 && errno == ENOENT;
	if (*ret_made)
		return path_make_dir(in->root_fd, mount->destination, 0755, err);
	return fd >= 0 ? fd : error_errno(err, "open %s", mount->destination);
}

/* What a bind is put on has the type of what is bound. */
static int target_for(const struct init *in, const struct mount_plan *mount, int tree_fd,
		      struct error *err)
{
	struct stat st;
	bool made;

	if (fstat(tree_fd, &st) < 0)
		return error_errno(err, "check %s", mount->source);
	if (S_ISDIR(st.st_mode))
		return target_directory(in, mount, &made, err);
	if (mount->flags & MOUNT_DESTINATION_NOFOLLOW) {
		int fd = path_open(in->root_fd, mount->destination, O_PATH | O_NOFOLLOW, err);

		if (fd >= 0 || err->code != ENOENT)
			return fd;
	}
	return path_make_file(in->root_fd, mount->destination, 0755, err);
}

/*
 * It is empty, and what is to be in it comes later: other mounts, devices, the terminal, the
 * image's files.  So a read-only one becomes that when all is in its place (as with runc and
 * crun, and bundles count on it: a read-only /dev).
 */
static bool read_only_is_late(const struct mount_plan *mount)
{
	uint64_t set = (mount->attr_set & ~mount->recursive_clear) | mount->recursive_set;

	return is_type(mount, "tmpfs") && !(mount->flags & (MOUNT_REMOUNT | MOUNT_BIND)) &&
	       (set & MOUNT_ATTR_RDONLY);
}

static int apply_recursive(const struct mount_plan *mount, int tree_fd, struct error *err)
{
	uint64_t set = mount->recursive_set;

	if (read_only_is_late(mount))
		set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	return tree_recursive(tree_fd, set, mount->recursive_clear, err);
}

/*
 * All is set before it is attached.  A shared parent, as a bind can be with a shared root,
 * makes what is attached to it shared: then the propagation is set once more behind it.
 */
static int attach(const struct plan *plan, const struct mount_plan *mount, int tree_fd,
		  int target_fd, struct error *err)
{
	if (apply_recursive(mount, tree_fd, err) < 0 || tree_propagation(mount, tree_fd, err) < 0 ||
	    tree_attach(tree_fd, target_fd, mount->destination, err) < 0)
		return -1;
	if (plan->root_propagation & MS_SHARED)
		return tree_propagation(mount, tree_fd, err);
	return 0;
}

/* A symlink as source (MOUNT_COPY_SYMLINK) is made anew in the root. */
static int link_copy(const struct init *in, const struct mount_plan *mount, int link_fd,
		     struct error *err)
{
	char target[4096], there[4096], name[256];
	ssize_t n = readlinkat(link_fd, "", target, sizeof(target) - 1);
	_cleanup_fd int parent_fd = -EBADF;

	if (n < 0)
		return error_errno(err, "read link %s", mount->source);
	target[n] = '\0';
	parent_fd = path_make_parent(in->root_fd, mount->destination, name, err);
	if (parent_fd < 0)
		return -1;
	if (symlinkat(target, parent_fd, name) == 0)
		return 0;
	error_errno(err, "make link %s", mount->destination);
	if (err->code != EEXIST || readlinkat(parent_fd, name, there, sizeof(there)) != n)
		return -1;
	return memcmp(there, target, (size_t)n) == 0 ? 0 : -1;
}

static int mount_bind(const struct plan *plan, const struct init *in,
		      const struct mount_plan *mount, int tree_fd, struct error *err)
{
	_cleanup_fd int target_fd = -EBADF;
	struct stat st;

	if (tree_fd < 0)
		return error_number(err, EBADF, "%s was not opened", mount->source);
	if ((mount->flags & MOUNT_COPY_SYMLINK) && fstat(tree_fd, &st) == 0 &&
	    S_ISLNK(st.st_mode))
		return link_copy(in, mount, tree_fd, err);
	target_fd = target_for(in, mount, tree_fd, err);
	if (target_fd < 0 || target_check(in, mount, target_fd, tree_fd, err) < 0 ||
	    root_detach_from_host(plan, tree_fd, err) < 0)
		return -1;
	if ((mount->attr_set | mount->attr_clear) != 0 &&
	    tree_flags(tree_fd, mount->attr_set, mount->attr_clear, 0, false, err) < 0)
		return -1;
	return attach(plan, mount, tree_fd, target_fd, err);
}

/* Changes what is mounted there already: its own flags, and with data its superblock's. */
static int mount_again(const struct init *in, const struct mount_plan *mount, struct error *err)
{
	_cleanup_fd int fd = path_open(in->root_fd, mount->destination, O_PATH, err);

	if (fd < 0)
		return -1;
	if ((mount->attr_set | mount->attr_clear) != 0 &&
	    tree_flags(fd, mount->attr_set, mount->attr_clear, 0, false, err) < 0)
		return -1;
	if (apply_recursive(mount, fd, err) < 0 || tree_propagation(mount, fd, err) < 0)
		return -1;
	if ((mount->flags & MOUNT_BIND) ||
	    ((mount->super_set | mount->super_clear) == 0 && mount->data == NULL))
		return 0;
	return tree_reconfigure(fd, mount->super_set, mount->super_clear, mount->data, err);
}

/*
 * A tmpfs over a directory of the image takes that directory's mode, so that
 * /tmp stays 1777; options that the plan gives come later and win.
 */
static const char *tmpfs_data(struct init *in, const struct mount_plan *mount, int target_fd,
			      bool made, struct error *err)
{
	struct stat st;

	if (made)
		return mount->data != NULL ? mount->data : "";
	if (fstat(target_fd, &st) < 0) {
		error_errno(err, "check %s", mount->destination);
		return NULL;
	}
	return arena_printf(in->arena, "mode=%04o%s%s", st.st_mode & 07777,
			    mount->data != NULL ? "," : "",
			    mount->data != NULL ? mount->data : "");
}

static const struct {
	const char *type, *hint;
} refusals[] = {
	{ "proc",	"a new pid namespace is needed for it, and a /proc with nothing hidden" },
	{ "sysfs",	"a new network namespace is needed for it; else bind /sys" },
	{ "mqueue",	"a new ipc namespace is needed for it" },
};

static bool is_same_mount(int a_fd, int b_fd)
{
	struct statx a, b;

	return statx(a_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &a) == 0 &&
	       statx(b_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &b) == 0 &&
	       a.stx_mnt_id == b.stx_mnt_id;
}

/* Whether the last "remount" of it that says one or the other has said "rw". */
static bool is_writable_again(const struct plan *plan, const struct init *in, size_t index)
{
	for (size_t i = plan->mounts.count; i-- > index + 1;) {
		const struct mount_plan *mount = &plan->mounts.items[i];
		_cleanup_fd int fd = -EBADF;

		if (!(mount->flags & MOUNT_REMOUNT) ||
		    !((mount->attr_set | mount->attr_clear) & MOUNT_ATTR_RDONLY))
			continue;
		fd = path_find(in->root_fd, mount->destination, O_PATH);
		if (fd >= 0 && is_same_mount(fd, in->mount_trees[index]))
			return mount->attr_clear & MOUNT_ATTR_RDONLY;
	}
	return false;
}

int step_read_only(const struct plan *plan, struct init *in, struct error *err)
{
	for (size_t i = plan->root_mount != NULL ? 1 : 0; i < plan->mounts.count; i++) {
		const struct mount_plan *mount = &plan->mounts.items[i];

		if (read_only_is_late(mount) && !is_writable_again(plan, in, i) &&
		    tree_flags(in->mount_trees[i], MOUNT_ATTR_RDONLY, 0, 0, false, err) < 0)
			return error_wrap(err, "/mounts/%zu on %s", i, mount->destination);
	}
	return 0;
}

static int mount_cgroup(const struct plan *plan, struct init *in, const struct mount_plan *mount,
			struct error *err)
{
	bool made;
	_cleanup_fd int target_fd = target_directory(in, mount, &made, err);

	if (target_fd < 0 || target_check(in, mount, target_fd, -EBADF, err) < 0)
		return -1;
	return cgroup_mount(plan, in, mount, target_fd, err);
}

static int mount_new(const struct plan *plan, struct init *in, const struct mount_plan *mount,
		     struct error *err)
{
	struct file_system fs = file_system_of(mount);
	bool made = false, copy = is_type(mount, "tmpfs") && (mount->flags & MOUNT_TMPCOPYUP);
	_cleanup_fd int target_fd = target_directory(in, mount, &made, err);
	_cleanup_fd int tree_fd = -EBADF;

	if (target_fd < 0)
		return -1;
	if (!is_type(mount, "proc") && !is_type(mount, "sysfs") && !is_type(mount, "mqueue"))
		fs.label = plan->mount_label;
	if (is_type(mount, "tmpfs")) {
		fs.data = tmpfs_data(in, mount, target_fd, made, err);
		if (fs.data == NULL)
			return -1;
		fs.attributes &= ~(uint64_t)MOUNT_ATTR_RDONLY;
		fs.super_set &= ~(uint64_t)MS_RDONLY;
	}
	tree_fd = tree_new(&fs, err);
	for (size_t i = 0; tree_fd < 0 && err->code == EPERM && i < ARRAY_SIZE(refusals); i++)
		if (is_type(mount, refusals[i].type))
			error_hint(err, "%s", refusals[i].hint);
	if (tree_fd < 0 || target_check(in, mount, target_fd, tree_fd, err) < 0)
		return -1;
	/* Of an image's link to there: root would read what is hidden later, and more. */
	if (copy && is_on(target_fd, SYSFS_MAGIC))
		return error_number(err, EPERM, "leads to a sysfs, of which nothing is copied");
	if (copy && copy_tree(in->root_fd, mount->destination, tree_fd, err) < 0)
		return -1;
	if (attach(plan, mount, tree_fd, target_fd, err) < 0)
		return -1;
	/* From now on this is the procfs to use: ours, and known by its fd (init/procfs.h). */
	if (in->proc_fd < 0 && is_type(mount, "proc") &&
	    !((mount->attr_set | mount->recursive_set) & MOUNT_ATTR_RDONLY) &&
	    !(mount->super_set & MS_RDONLY))
		in->proc_fd = tree_fd;
	in->mount_trees[mount - plan->mounts.items] = fd_take(&tree_fd);
	return 0;
}

static int mount_one(const struct plan *plan, struct init *in, size_t i, struct error *err)
{
	const struct mount_plan *mount = &plan->mounts.items[i];

	if (mount->flags & MOUNT_REMOUNT)
		return mount_again(in, mount, err);
	if (mount->flags & MOUNT_BIND)
		return mount_bind(plan, in, mount, in->mount_trees[i], err);
	if (mount->type == NULL)
		return error_set(err, "no type");
	if (is_type(mount, "cgroup") || is_type(mount, "cgroup2"))
		return mount_cgroup(plan, in, mount, err);
	return mount_new(plan, in, mount, err);
}

int step_mounts(const struct plan *plan, struct init *in, struct error *err)
{
	for (size_t i = plan->root_mount != NULL ? 1 : 0; i < plan->mounts.count; i++) {
		bool late = in->host_fd >= 0 && bind_is_late(plan, i);

		if (late && !bind_is_late(plan, i - 1) && bind_clone_late(plan, in, i, err) < 0)
			return -1;
		if (mount_one(plan, in, i, err) < 0)
			return error_wrap(err, "/mounts/%zu on %s", i,
					  plan->mounts.items[i].destination);
		if (in->mount_trees[i] != in->proc_fd && !hide_in_mount(plan, i) &&
		    !read_only_is_late(&plan->mounts.items[i]))
			fd_close(&in->mount_trees[i]);
	}
	fd_close(&in->host_fd);
	return 0;
}
