/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/sys.h"
#include "init/step.h"
#include "init/tree.h"

/*
 * "debug": the program sees the container's root with one directory more, and
 * nobody else does.  It gets a mount namespace of its own, and there a tmpfs that
 * already holds the tools becomes its root; everything that stands in the
 * container's root is bound into it.  All of that ends with the process.
 */

static int entry_link(int root_fd, int tools_fd, const char *name, struct error *err)
{
	char target[4096];
	ssize_t size = readlinkat(root_fd, name, target, sizeof(target) - 1);

	if (size < 0)
		return error_errno(err, "read link %s", name);
	target[size] = '\0';
	return symlinkat(target, tools_fd, name) < 0 ? error_errno(err, "make link %s", name) : 0;
}

static int entry_bind(int root_fd, int tools_fd, const char *name, bool directory,
		      struct error *err)
{
	_cleanup_fd int tree_fd = sys_open_tree(root_fd, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
						AT_RECURSIVE | AT_SYMLINK_NOFOLLOW);
	_cleanup_fd int file_fd = -EBADF;

	if (tree_fd < 0)
		return error_errno(err, "open tree %s", name);
	if (directory && mkdirat(tools_fd, name, 0755) < 0)
		return error_errno(err, "make directory %s", name);
	if (!directory) {
		file_fd = openat(tools_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (file_fd < 0)
			return error_errno(err, "make %s", name);
	}
	if (sys_move_mount(tree_fd, "", tools_fd, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_errno(err, "attach %s", name);
	return 0;
}

/* One of the directories, or one of the others. */
static int entry_take(int root_fd, int tools_fd, const char *name, bool directories,
		      struct error *err)
{
	struct stat st;
	int rc;

	/* Ours is there already; one of that name must not keep us out. */
	if (faccessat(tools_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	    fstatat(root_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    S_ISDIR(st.st_mode) != directories)
		return 0;
	rc = S_ISLNK(st.st_mode) ? entry_link(root_fd, tools_fd, name, err) :
				   entry_bind(root_fd, tools_fd, name, directories, err);
	/* The container may take away what it likes meanwhile. */
	return rc < 0 && err->code == ENOENT ? 0 : rc;
}

static int entries_bind(int root_fd, int tools_fd, bool directories, struct error *err)
{
	DIR *dir = dir_list(root_fd);
	int rc = 0;

	if (dir == NULL)
		return error_errno(err, "read the container's root");
	for (struct dirent *entry; rc == 0 && (entry = dir_next(dir)) != NULL;)
		rc = entry_take(root_fd, tools_fd, entry->d_name, directories, err);
	if (rc == 0 && errno != 0)
		rc = error_errno(err, "read the container's root");
	closedir(dir);
	return rc;
}

/*
 * A mount namespace holds 100,000 mounts (sysctl fs.mount-max): a container with more files in its
 * root must not keep us out, nor its directories from us.
 */
static int root_bind(int root_fd, int tools_fd, struct error *err)
{
	if (entries_bind(root_fd, tools_fd, true, err) == 0 &&
	    entries_bind(root_fd, tools_fd, false, err) == 0)
		return 0;
	if (err->code != ENOSPC)
		return -1;
	warn("what is in the container's root is not all here: %s", err->text);
	return 0;
}

int step_tools(const struct plan *plan, struct init *in, struct error *err)
{
	struct mount_attr private = { .propagation = MS_PRIVATE };
	_cleanup_fd int root_fd = -EBADF;

	(void)plan;
	if (in->tools_fd < 0)
		return 0;
	if (unshare(CLONE_NEWNS) < 0)
		return error_errno(err, "make a mount namespace");
	if (sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private) < 0)
		return error_errno(err, "part its mounts from the container's");
	root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return error_errno(err, "open /");
	/* Attached first: Linux before 6.15 attaches nothing inside a detached one. */
	if (tree_attach(in->tools_fd, root_fd, "/", err) < 0 ||
	    root_bind(root_fd, in->tools_fd, err) < 0)
		return -1;
	if (fchdir(in->tools_fd) < 0 || chroot(".") < 0)
		return error_errno(err, "change the root");
	return 0;
}
