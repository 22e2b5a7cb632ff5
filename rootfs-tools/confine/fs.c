/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/confine/confine.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "base/fd.h"
#include "base/sys.h"

/* One tree, and nothing else of the file system. */

#ifndef MS_PRIVATE
#define MS_PRIVATE	(1 << 18)
#endif

/* Ids as they are: whoever has one id only can have files of no other anyway. */
static int map_self(const char *file, unsigned int id, struct error *err)
{
	char line[64];

	snprintf(line, sizeof(line), "%u %u 1\n", id, id);
	return file_write(AT_FDCWD, file, line, err);
}

/* A new mount namespace; without the right to one, in a new user namespace. */
static int namespace_enter(struct error *err)
{
	unsigned int uid = geteuid(), gid = getegid();

	if (unshare(CLONE_NEWNS | CLONE_NEWIPC) == 0)
		return 0;
	if (errno != EPERM)
		return error_errno(err, "make a mount namespace");
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC) < 0)
		return error_errno(err, "make a user namespace");
	if (file_write(AT_FDCWD, "/proc/self/setgroups", "deny", err) < 0 ||
	    map_self("/proc/self/uid_map", uid, err) < 0 ||
	    map_self("/proc/self/gid_map", gid, err) < 0)
		return -1;
	return 0;
}

/* A detached mount of the working directory, or an empty read-only file system. */
static int tree_open(bool empty, struct error *err)
{
	_cleanup_fd int fs_fd = -EBADF;
	int fd;

	if (!empty) {
		fd = sys_open_tree(AT_FDCWD, ".", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		return fd >= 0 ? fd : error_errno(err, "clone the directory's mount");
	}
	fs_fd = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (fs_fd < 0 || sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return error_errno(err, "make an empty file system");
	fd = sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
	return fd >= 0 ? fd : error_errno(err, "mount an empty file system");
}

/* The tree becomes "/", and the old one goes. */
static int root_change(int tree_fd, struct error *err)
{
	struct mount_attr private = { .propagation = MS_PRIVATE };

	if (sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private) < 0)
		return error_errno(err, "make mounts private");
	if (sys_move_mount(tree_fd, "", AT_FDCWD, ".", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_errno(err, "mount the directory");
	if (fchdir(tree_fd) < 0)
		return error_errno(err, "enter the directory");
	if (sys_pivot_root(".", ".") == 0) {
		if (sys_umount2(".", MNT_DETACH) < 0)
			return error_errno(err, "unmount the old root");
	} else if (errno != EINVAL || chroot(".") < 0) {
		/* EINVAL: the root is a ramfs.  There is no way back without CAP_SYS_CHROOT. */
		return error_errno(err, "change the root");
	}
	return chdir("/") == 0 ? 0 : error_errno(err, "enter the new root");
}

static int namespace_confine(int *root_fd, struct error *err)
{
	_cleanup_fd int tree_fd = -EBADF;
	bool empty = *root_fd < 0;

	/* fds lead to the old namespace for ever; the working directory comes along. */
	if ((empty ? chdir("/") : fchdir(*root_fd)) < 0)
		return error_errno(err, "enter the directory");
	if (namespace_enter(err) < 0)
		return -1;
	tree_fd = tree_open(empty, err);
	if (tree_fd < 0 || root_change(tree_fd, err) < 0)
		return -1;
	if (empty)
		return 0;
	close(*root_fd);
	*root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *root_fd >= 0 ? 0 : error_errno(err, "open the new root");
}

/* --- Landlock -------------------------------------------------------------------------- */

/* All that its first version (Linux 5.13) knows; what it does not, the filter and ids stop. */
#define LANDLOCK_ALL	((UINT64_C(1) << 13) - 1)

static int landlock_confine(int root_fd, struct error *err)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = LANDLOCK_ALL };
	struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ALL & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE,
		.parent_fd = root_fd,
	};
	_cleanup_fd int ruleset = -EBADF;

	ruleset = (int)syscall(__NR_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs),
			       0);
	if (ruleset < 0)
		return error_errno(err, "use Landlock");
	if (root_fd >= 0 && syscall(__NR_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
				    &rule, 0) < 0)
		return error_errno(err, "add a Landlock rule");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(__NR_landlock_restrict_self, ruleset, 0) < 0)
		return error_errno(err, "enter the Landlock domain");
	return 0;
}

int confine_file_system(int *root_fd, struct error *err)
{
	struct error landlock;

	if (namespace_confine(root_fd, err) == 0)
		return 0;
	/* Only where the namespace is forbidden: anything else that fails is a fault. */
	if (err->code != EPERM && err->code != ENOSPC && err->code != EUSERS && err->code != EACCES)
		return -1;
	if (landlock_confine(*root_fd, &landlock) == 0)
		return 0;
	return error_hint(err,
			  "and %s; one of the two is needed: allow user namespaces "
			  "(sysctl user.max_user_namespaces), or start Linux with lsm=landlock,…",
			  landlock.text);
}
