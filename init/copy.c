/* SPDX-License-Identifier: Apache-2.0 */
#include "init/copy.h"

#include <dirent.h>
#include <limits.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"

#define DEPTH_MAX	256

/* Those that a tmpfs cannot hold are left out, as cp(1) does. */
static int copy_xattrs(int from_fd, int to_fd, const char *name, struct error *err)
{
	/* As much as there may be; of a process that has one thread. */
	static char names[XATTR_LIST_MAX], value[XATTR_SIZE_MAX];
	ssize_t size = flistxattr(from_fd, names, sizeof(names)), length;

	if (size < 0)
		return errno == ENOTSUP ? 0 : error_errno(err, "list attributes of %s", name);
	for (const char *at = names; at < names + size; at += strlen(at) + 1) {
		length = fgetxattr(from_fd, at, value, sizeof(value));
		if (length < 0)
			return error_errno(err, "read attribute %s of %s", at, name);
		if (fsetxattr(to_fd, at, value, (size_t)length, 0) < 0 && errno != ENOTSUP &&
		    errno != EPERM && errno != EINVAL)
			return error_errno(err, "set attribute %s of %s", at, name);
	}
	return 0;
}

/* A change of owner takes the set-id bits and file capabilities away, so it comes first. */
static int copy_attributes(int from_fd, int to_fd, const struct stat *st, const char *name,
			   struct error *err)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(to_fd, st->st_uid, st->st_gid) < 0)
		return error_errno(err, "set owner of %s", name);
	if (fchmod(to_fd, st->st_mode & 07777) < 0)
		return error_errno(err, "set mode of %s", name);
	if (copy_xattrs(from_fd, to_fd, name, err) < 0)
		return -1;
	if (futimens(to_fd, times) < 0)
		return error_errno(err, "set times of %s", name);
	return 0;
}

/* Who shares the root may put a fifo or a disk there between the look and this: it is not read. */
static int file_open(int from_dir, const char *name, struct stat *ret, struct error *err)
{
	_cleanup_fd int fd =
		openat(from_dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, ret) < 0)
		return error_errno(err, "copy %s", name);
	if (!S_ISREG(ret->st_mode))
		return error_set(err, "copy %s: is no file any more", name);
	return fd_take(&fd);
}

static int copy_file(int from_dir, int to_dir, const char *name, struct error *err)
{
	struct stat st;
	_cleanup_fd int from = file_open(from_dir, name, &st, err);
	_cleanup_fd int to = -EBADF;
	ssize_t n;

	if (from < 0)
		return -1;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return error_errno(err, "copy %s", name);
	while ((n = sendfile(to, from, NULL, 1 << 30)) != 0)
		if (n < 0 && errno != EINTR)
			return error_errno(err, "copy %s", name);
	return copy_attributes(from, to, &st, name, err);
}

/* Links and special files: all of it by name, in a directory that nobody else sees yet. */
static int copy_special(int from_dir, int to_dir, const char *name, const struct stat *st,
			struct error *err)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	char target[PATH_MAX];
	ssize_t n;

	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(from_dir, name, target, sizeof(target) - 1);
		if (n < 0)
			return error_errno(err, "read link %s", name);
		target[n] = '\0';
		if (symlinkat(target, to_dir, name) < 0)
			return error_errno(err, "copy link %s", name);
	} else if (mknodat(to_dir, name, st->st_mode, st->st_rdev) < 0) {
		return error_errno(err, "copy %s", name);
	}
	if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (!S_ISLNK(st->st_mode) && fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0) ||
	    utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(err, "set owner of %s", name);
	return 0;
}

static int copy_directory(int from_fd, int to_fd, unsigned int depth, struct error *err);

static int copy_below(int from_dir, int to_dir, const char *name, unsigned int depth,
		      struct error *err)
{
	_cleanup_fd int from = path_open_strict(from_dir, name, O_RDONLY | O_DIRECTORY, err);
	_cleanup_fd int to = -EBADF;

	if (from < 0)
		return err->code == EXDEV ? 0 : -1;
	if (mkdirat(to_dir, name, 0700) < 0)
		return error_errno(err, "make directory %s", name);
	to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return error_errno(err, "open %s", name);
	if (copy_directory(from, to, depth + 1, err) < 0)
		return error_wrap(err, "%s", name);
	return 0;
}

static int copy_entry(int from_dir, int to_dir, const char *name, unsigned int depth,
		      struct error *err)
{
	struct stat st;

	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(err, "check %s", name);
	if (S_ISDIR(st.st_mode))
		return copy_below(from_dir, to_dir, name, depth, err);
	if (S_ISREG(st.st_mode))
		return copy_file(from_dir, to_dir, name, err);
	if (S_ISSOCK(st.st_mode))
		return 0;
	return copy_special(from_dir, to_dir, name, &st, err);
}

static int copy_entries(int from_fd, int to_fd, unsigned int depth, struct error *err)
{
	_Alignas(struct dirent64) char buffer[8192];
	ssize_t n;

	while ((n = getdents64(from_fd, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < n;) {
			struct dirent64 *entry = (struct dirent64 *)(void *)(buffer + at);

			at += entry->d_reclen;
			if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			    copy_entry(from_fd, to_fd, entry->d_name, depth, err) < 0)
				return -1;
		}
	}
	return n == 0 ? 0 : error_errno(err, "read directory");
}

static int copy_directory(int from_fd, int to_fd, unsigned int depth, struct error *err)
{
	struct stat st;

	if (depth > DEPTH_MAX)
		return error_number(err, ELOOP, "deeper than %d directories", DEPTH_MAX);
	if (fstat(from_fd, &st) < 0)
		return error_errno(err, "check directory");
	if (copy_entries(from_fd, to_fd, depth, err) < 0)
		return -1;
	return copy_attributes(from_fd, to_fd, &st, "directory", err);
}

int copy_tree(int root_fd, const char *path, int to_fd, struct error *err)
{
	_cleanup_fd int from = path_open(root_fd, path, O_RDONLY | O_DIRECTORY, err);
	_cleanup_fd int to = openat(to_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (from < 0)
		return -1;
	if (to < 0)
		return error_errno(err, "open new file system");
	/* The directory itself is as its mount options say. */
	if (copy_entries(from, to, 0, err) < 0)
		return error_wrap(err, "copy %s", path);
	return 0;
}
