/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/sys.h"

/* A rename anywhere on the machine may make openat2 say EAGAIN: try again, but not for ever. */
#define RESOLVE_TRIES	64
/* As many symlinks as the kernel follows before it says ELOOP. */
#define LINKS_MAX	40

static int path_resolve(int dir_fd, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC),
		.resolve = resolve,
	};
	int fd = -1;

	for (int tries = 0; tries < RESOLVE_TRIES; tries++) {
		fd = sys_openat2(dir_fd, path, &how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd;
}

int path_find(int root_fd, const char *path, int flags)
{
	return path_resolve(root_fd, *path != '\0' ? path : ".", flags,
			    RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int path_open(int root_fd, const char *path, int flags, struct error *err)
{
	int fd = path_find(root_fd, path, flags);

	return fd >= 0 ? fd : error_errno(err, "open %s", path);
}

int path_open_read(int root_fd, const char *path, struct error *err)
{
	_cleanup_fd int fd = path_open(root_fd, path, O_PATH, err);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return error_errno(err, "open %s", path);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		return error_number(err, ENXIO, "open %s: is a device", path);
	return path_open(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, err);
}

int path_open_plain(int root_fd, const char *path, int flags, struct error *err)
{
	int fd = path_resolve(root_fd, *path != '\0' ? path : ".", flags,
			      RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);

	return fd >= 0 ? fd : error_errno(err, "open %s", path);
}

int path_find_strict(int dir_fd, const char *path, int flags)
{
	return path_resolve(dir_fd, path, flags,
			    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

int path_open_strict(int dir_fd, const char *path, int flags, struct error *err)
{
	int fd = path_find_strict(dir_fd, path, flags);

	return fd >= 0 ? fd : error_errno(err, "open %s", path);
}

/* Makes one component, by its single name in a directory that is open. */
static int component_make(int parent_fd, const char *name, mode_t mode, bool directory)
{
	int fd;

	if (directory) {
		if (mkdirat(parent_fd, name, mode) < 0 && errno != EEXIST)
			return -1;
	} else {
		fd = openat(parent_fd, name,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
			    mode);
		if (fd >= 0)
			close(fd);
		else if (errno != EEXIST)
			return -1;
	}
	/* Not O_NOFOLLOW: with O_PATH that would open a symlink itself, where ELOOP is wanted. */
	return path_resolve(parent_fd, name, O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

/* What is still to be walked: the part already resolved, then the rest. */
struct walk {
	int root_fd;
	char path[PATH_MAX];	/* the whole path as it stands now, links replaced */
	size_t done;		/* bytes of path that are resolved and exist */
	int links;
};

/* Replaces the dangling link "name" at walk->done by what it points to. */
static int walk_follow(struct walk *walk, int parent_fd, const char *name, const char *rest)
{
	char target[PATH_MAX], whole[PATH_MAX];
	ssize_t size = readlinkat(parent_fd, name, target, sizeof(target) - 1);
	int length;

	if (size < 0)
		return -1;
	target[size] = '\0';
	if (++walk->links > LINKS_MAX) {
		errno = ELOOP;
		return -1;
	}
	if (target[0] == '/')
		length = snprintf(whole, sizeof(whole), "%s/%s", target, rest);
	else
		length = snprintf(whole, sizeof(whole), "%.*s/%s/%s", (int)walk->done, walk->path,
				  target, rest);
	if (length < 0 || (size_t)length >= sizeof(whole)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(walk->path, whole, (size_t)length + 1);
	walk->done = 0;
	return 0;
}

/* One component further.  Gives its fd, or -1; *ret_last: was it the last one? */
static int walk_step(struct walk *walk, mode_t mode, bool directory, bool *ret_last)
{
	_cleanup_fd int parent_fd = -EBADF;
	char prefix[PATH_MAX], name[NAME_MAX + 1];
	const char *start = walk->path + walk->done, *end, *rest;
	int fd;

	start += strspn(start, "/");
	end = start + strcspn(start, "/");
	rest = end + strspn(end, "/");
	*ret_last = *rest == '\0';
	if ((size_t)(end - start) > NAME_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(prefix, walk->path, (size_t)(end - walk->path));
	prefix[end - walk->path] = '\0';
	fd = path_find(walk->root_fd, prefix, O_PATH);
	if (fd >= 0 || errno != ENOENT) {
		walk->done = (size_t)(end - walk->path);
		return fd;
	}
	memcpy(name, start, (size_t)(end - start));
	name[end - start] = '\0';
	prefix[walk->done] = '\0';
	parent_fd = path_find(walk->root_fd, prefix, O_PATH | O_DIRECTORY);
	if (parent_fd < 0)
		return -1;
	fd = component_make(parent_fd, name, *ret_last ? mode : 0755, directory || !*ret_last);
	if (fd < 0 && errno == ELOOP) {
		*ret_last = false;
		return walk_follow(walk, parent_fd, name, rest) < 0 ? -1 : -EAGAIN;
	}
	walk->done = (size_t)(end - walk->path);
	return fd;
}

/* Where all but the last component is there, as it mostly is, no walk is needed. */
static int path_make_last(int root_fd, const char *path, mode_t mode, bool directory)
{
	_cleanup_fd int parent_fd = -EBADF;
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
	char parent[PATH_MAX];
	size_t length = (size_t)(name - path);

	if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    strlen(name) > NAME_MAX || length >= sizeof(parent)) {
		errno = ENOENT;
		return -1;
	}
	memcpy(parent, path, length);
	parent[length] = '\0';
	parent_fd = path_find(root_fd, parent, O_PATH | O_DIRECTORY);
	return parent_fd >= 0 ? component_make(parent_fd, name, mode, directory) : -1;
}

/* Not inlined: its buffers are pages of the stack that a start else never touches. */
static __attribute__((noinline)) int path_make_walk(int root_fd, const char *path, mode_t mode,
						    bool directory)
{
	struct walk walk = { .root_fd = root_fd };
	bool last = false;
	int fd;

	if (strlen(path) >= sizeof(walk.path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(walk.path, path, strlen(path) + 1);
	for (;;) {
		fd = walk_step(&walk, mode, directory, &last);
		if (fd == -EAGAIN)
			continue;
		if (fd < 0 || last)
			return fd;
		close(fd);
	}
}

static int path_make(int root_fd, const char *path, mode_t mode, bool directory)
{
	int fd = path_find(root_fd, path, directory ? O_PATH | O_DIRECTORY : O_PATH);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	fd = path_make_last(root_fd, path, mode, directory);
	/* Missing parents, and a dangling link in its place, are for the walk. */
	if (fd >= 0 || (errno != ENOENT && errno != ELOOP))
		return fd;
	return path_make_walk(root_fd, path, mode, directory);
}

int path_make_dir(int root_fd, const char *path, mode_t mode, struct error *err)
{
	_cleanup_fd int fd = path_make(root_fd, path, mode, true);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "make directory %s", path);
	if (!S_ISDIR(st.st_mode))
		return error_number(err, ENOTDIR, "make directory %s", path);
	return fd_take(&fd);
}

int path_make_file(int root_fd, const char *path, mode_t mode, struct error *err)
{
	int fd = path_make(root_fd, path, mode, false);

	return fd >= 0 ? fd : error_errno(err, "make file %s", path);
}

int path_make_parent(int root_fd, const char *path, char ret_name[256], struct error *err)
{
	char parent[PATH_MAX];
	size_t end = strlen(path), start;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/'; start--)
		;
	if (end - start == 0 || end - start > NAME_MAX || start >= sizeof(parent) ||
	    strncmp(path + start, "..", end - start) == 0)
		return error_number(err, EINVAL, "path %s has no last component", path);
	memcpy(parent, path, start);
	parent[start] = '\0';
	memcpy(ret_name, path + start, end - start);
	ret_name[end - start] = '\0';
	return path_make_dir(root_fd, parent, 0755, err);
}
