/* SPDX-License-Identifier: Apache-2.0 */
#include "init/procfs.h"

#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "init/tree.h"

#define PROC_ROOT_INO	1

/* The root of a procfs, and of nothing else. */
static int proc_check(int fd, struct error *err)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "check procfs");
	if (fs.f_type != PROC_SUPER_MAGIC || st.st_ino != PROC_ROOT_INO)
		return error_set(err, "/proc is not the root of a procfs");
	return 0;
}

/*
 * The kernel refuses a new procfs in a user namespace whose view of /proc has
 * something mounted over it, as in a container.  Then it is a clone of that
 * view's bottom, without what is mounted on it.
 */
static int proc_clone(struct error *err)
{
	_cleanup_fd int fd = sys_open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	/* A single mount may not be torn from locked ones on it: then as it stands. */
	if (fd < 0 && errno == EINVAL)
		fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "open /proc");
	if (proc_check(fd, err) < 0)
		return -1;
	return fd_take(&fd);
}

static int proc_new(const char *data, struct error *err)
{
	struct file_system fs = {
		.type = "proc",
		.data = data,
		.attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
	};
	int fd = tree_new(&fs, err);

	if (fd >= 0 || err->code != EPERM)
		return fd;
	return proc_clone(err);
}

int procfs_open(struct error *err)
{
	return proc_new(NULL, err);
}

int procfs(struct init *in, struct error *err)
{
	if (in->proc_fd < 0)
		in->proc_fd = proc_new("subset=pid", err);
	return in->proc_fd >= 0 ? in->proc_fd : -1;
}

/* "self" is a symlink of procfs itself: it is followed by reading it, and nothing else is. */
static int proc_file(int proc_fd, const char *path, int flags, struct error *err)
{
	char self[32], whole[160];
	const char *there = path;
	ssize_t n;
	int fd;

	if (strncmp(path, "self/", 5) == 0) {
		n = readlinkat(proc_fd, "self", self, sizeof(self) - 1);
		if (n <= 0)
			return error_errno(err, "read /proc/self");
		self[n] = '\0';
		snprintf(whole, sizeof(whole), "%s/%s", self, path + 5);
		there = whole;
	}
	fd = path_open_strict(proc_fd, there, flags, err);
	/* In the words that the reader knows it by, not below an fd. */
	return fd >= 0 ? fd : error_number(err, err->code, "open /proc/%s", path);
}

int procfs_write(int proc_fd, const char *path, const char *text, struct error *err)
{
	_cleanup_fd int fd = proc_file(proc_fd, path, O_WRONLY, err);

	if (fd < 0)
		return -1;
	if (fd_write_once(fd, text) < 0)
		return error_errno(err, "write \"%s\" to /proc/%s", text, path);
	return 0;
}

int procfs_read(int proc_fd, const char *path, char *text, size_t size, struct error *err)
{
	_cleanup_fd int fd = proc_file(proc_fd, path, O_RDONLY, err);
	size_t done = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	while ((n = read(fd, text + done, size - 1 - done)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "read /proc/%s", path);
		done += (size_t)n;
	}
	text[done] = '\0';
	return 0;
}

int procfs_read_all(int proc_fd, const char *path, size_t limit, struct arena *arena,
		    char **ret_text, struct error *err)
{
	_cleanup_fd int fd = proc_file(proc_fd, path, O_RDONLY, err);

	if (fd < 0)
		return -1;
	if (fd_read_all(fd, limit, arena, ret_text, NULL, err) < 0)
		return error_wrap(err, "read /proc/%s", path);
	return 0;
}
