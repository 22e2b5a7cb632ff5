/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/path.h"
#include "rootfs-tools/publish.h"
#include "rootfs-tools/store/overlay.h"

/*
 * Directories that a layer has files in and does not name itself.  Upon lower layers they are
 * what those have there: overlayfs would show the upper one's owner and mode.  And where those
 * have a symlink, as of "lib" to "usr/lib", the files belong to where that leads: overlayfs would
 * show a directory in its place, and nothing of what it led to.
 */
enum { NAMES_MAX = 65536, PASSES_MAX = 64 };

struct adoption {
	const struct overlay *lower;
	const char *mark;
	int fd;				/* of the layer; borrowed */
	word_list implied;		/* paths, parents first */
	struct error *err;
};

/* --- finding them -------------------------------------------------------------------- */

static int collect(struct adoption *a, int fd, const char *path);

/* One that its owner, no root, may not look into is opened up meanwhile. */
static int collect_below(struct adoption *a, int dir_fd, const char *name, const struct stat *st,
			 const char *path)
{
	bool closed = geteuid() != 0 && (st->st_mode & 0500) != 0500;
	const char *below =
		arena_printf(a->lower->arena, "%s%s%s", path, *path != '\0' ? "/" : "", name);
	int result, fd;

	if (closed && fchmodat(dir_fd, name, 0700, 0) < 0)
		return error_errno(a->err, "open up a directory of a layer");
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_errno(a->err, "open a directory of a layer");
	if (fgetxattr(fd, a->mark, NULL, 0) >= 0)
		LIST_ADD(a->lower->arena, &a->implied, below);
	result = collect(a, fd, below);
	if (closed && fchmodat(dir_fd, name, st->st_mode & 07777, 0) < 0 && result == 0)
		return error_errno(a->err, "close a directory of a layer");
	return result;
}

static int collect(struct adoption *a, int fd, const char *path)
{
	DIR *dir = dir_take(fd);
	int result = 0;

	if (dir == NULL)
		return error_errno(a->err, "list a directory of a layer");
	for (struct dirent *entry; result == 0 && (entry = dir_next(dir)) != NULL;) {
		struct stat st;

		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISDIR(st.st_mode))
			result = collect_below(a, dirfd(dir), entry->d_name, &st, path);
	}
	if (result == 0 && errno != 0)
		result = error_errno(a->err, "list a directory of a layer");
	closedir(dir);
	return result;
}

/* --- what lower layers have there ---------------------------------------------------- */

/* Owner, attributes, mode and times of one directory to another, which may forbid writing then. */
static int copy_metadata(int from_fd, const struct stat *st, int to_fd, struct error *err)
{
	char names[NAMES_MAX], value[NAMES_MAX];
	ssize_t size = flistxattr(from_fd, names, sizeof(names));

	if (geteuid() == 0 && fchown(to_fd, st->st_uid, st->st_gid) < 0)
		return error_errno(err, "take over the owner of a directory");
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t length = fgetxattr(from_fd, names + at, value, sizeof(value));

		if (strstr(names + at, ".overlay.") != NULL || length < 0)
			continue;
		if (fsetxattr(to_fd, names + at, value, (size_t)length, 0) < 0)
			return error_errno(err, "take over the attribute %s", names + at);
	}
	if (fchmod(to_fd, st->st_mode & 07777) < 0 ||
	    futimens(to_fd, (struct timespec[2]){ st->st_atim, st->st_mtim }) < 0)
		return error_errno(err, "take over the mode and times of a directory");
	return 0;
}

/* A directory of the layer, made where it is missing, and marked then. */
static int make_path(struct adoption *a, const char *path)
{
	_cleanup_fd int fd = openat(a->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	while (fd >= 0 && *path != '\0') {
		size_t length = strcspn(path, "/");
		const char *name = arena_strndup(a->lower->arena, path, length);
		bool made = mkdirat(fd, name, 0755) == 0;
		int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (below >= 0 && made && fsetxattr(below, a->mark, "y", 1, 0) < 0)
			fd_close(&below);
		fd_close(&fd);
		fd = below;
		path += length + (path[length] == '/');
	}
	return fd >= 0 ? fd_take(&fd) : error_errno(a->err, "make a directory of a layer");
}

static int move_files(struct adoption *a, const char *path, const char *target);

/* A directory upon one of the same name: its files go there; what the layer names stays so. */
static int merge(struct adoption *a, const char *path, const char *target)
{
	_cleanup_fd int from_fd = path_open_strict(a->fd, path, O_RDONLY | O_DIRECTORY, a->err);
	_cleanup_fd int to_fd = -EBADF;
	struct stat st;

	if (from_fd < 0)
		return -1;
	to_fd = path_open_strict(a->fd, target, O_RDONLY | O_DIRECTORY, a->err);
	if (to_fd < 0)
		return -1;
	if (fstat(from_fd, &st) < 0)
		return error_errno(a->err, "look at %s", path);
	if (move_files(a, path, target) < 0)
		return -1;
	if (fgetxattr(from_fd, a->mark, NULL, 0) >= 0 || fremovexattr(to_fd, a->mark) < 0)
		return 0;
	return copy_metadata(from_fd, &st, to_fd, a->err);
}

static bool is_directory(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static int move_file(struct adoption *a, const char *path, int from_fd, const char *target,
		     int to_fd, const char *name)
{
	struct arena *arena = a->lower->arena;

	if (publish_rename(from_fd, name, to_fd, name) == 0)
		return 0;
	if (errno == EEXIST && is_directory(from_fd, name) && is_directory(to_fd, name))
		return merge(a, arena_printf(arena, "%s/%s", path, name),
			     arena_printf(arena, "%s/%s", target, name));
	return error_errno(a->err, "move %s/%s to %s, where the symlink of a lower layer leads",
			   path, name, target);
}

static int move_all(struct adoption *a, const char *path, int from_fd, const char *target,
		    int to_fd)
{
	DIR *dir = dir_list(from_fd);
	int result = 0;

	if (dir == NULL)
		return error_errno(a->err, "list %s", path);
	for (struct dirent *entry; result == 0 && (entry = dir_next(dir)) != NULL;)
		result = move_file(a, path, from_fd, target, to_fd, entry->d_name);
	if (result == 0 && errno != 0)
		result = error_errno(a->err, "list %s", path);
	closedir(dir);
	return result;
}

/* The files of path move to where the symlink of lower layers leads. */
static int move_files(struct adoption *a, const char *path, const char *target)
{
	_cleanup_fd int from_fd = path_open_strict(a->fd, path, O_RDONLY | O_DIRECTORY, a->err);
	_cleanup_fd int to_fd = -EBADF;
	struct stat st;

	if (from_fd < 0)
		return -1;
	to_fd = make_path(a, target);
	if (to_fd < 0)
		return -1;
	/* Whose owner is not root may have to be allowed to write; the one of them goes anyway. */
	if (fstat(to_fd, &st) < 0 || fchmod(from_fd, 0700) < 0 ||
	    fchmod(to_fd, (st.st_mode & 07777) | 0700) < 0)
		return error_errno(a->err, "open up %s", target);
	if (move_all(a, path, from_fd, target, to_fd) < 0)
		return -1;
	if (fchmod(to_fd, st.st_mode & 07777) < 0 ||
	    futimens(to_fd, (struct timespec[2]){ st.st_atim, st.st_mtim }) < 0)
		return error_errno(a->err, "close %s", target);
	if (unlinkat(a->fd, path, AT_REMOVEDIR) < 0)
		return error_errno(a->err, "remove %s", path);
	return 0;
}

/* What lower layers have there: -EBADF without an error when it is no directory. */
static int open_lower(struct adoption *a, const char *path, const char **ret_real)
{
	int fd = overlay_open_directory(a->lower, path, ret_real, a->err);

	return fd < 0 && (a->err->code == ENOENT || a->err->code == ENOTDIR) ? -EBADF : fd;
}

/* 1: its files moved, and all begins anew. */
static int move_one(struct adoption *a, const char *path)
{
	const char *real;
	_cleanup_fd int lower_fd = open_lower(a, path, &real);

	if (lower_fd < 0)
		return lower_fd == -EBADF ? 0 : -1;
	if (strcmp(real, path) == 0)
		return 0;
	return move_files(a, path, real) < 0 ? -1 : 1;
}

static int settle_one(struct adoption *a, const char *path)
{
	const char *real;
	_cleanup_fd int fd = path_open_strict(a->fd, path, O_RDONLY | O_DIRECTORY, a->err);
	_cleanup_fd int lower_fd = -EBADF;
	struct stat st;

	if (fd < 0)
		return -1;
	if (fremovexattr(fd, a->mark) < 0)
		return error_errno(a->err, "remove the mark of %s", path);
	lower_fd = open_lower(a, path, &real);
	if (lower_fd < 0)
		return lower_fd == -EBADF ? 0 : -1;
	if (fstat(lower_fd, &st) < 0)
		return error_errno(a->err, "look at a lower layer's %s", path);
	return copy_metadata(lower_fd, &st, fd, a->err);
}

/* From below: a directory that forbids its owner something comes behind what is in it. */
static int settle(struct adoption *a)
{
	for (size_t i = a->implied.count; i > 0; i--)
		if (settle_one(a, a->implied.items[i - 1]) < 0)
			return -1;
	return 0;
}

static int adopt(struct adoption *a, bool *ret_depends)
{
	int moved;

	for (int pass = 0; pass < PASSES_MAX; pass++) {
		int fd = openat(a->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		a->implied.count = 0;
		if (fd < 0)
			return error_errno(a->err, "open a layer");
		if (collect(a, fd, "") < 0)
			return -1;
		*ret_depends = a->implied.count > 0;
		moved = 0;
		for (size_t i = 0; i < a->implied.count && moved == 0; i++)
			moved = move_one(a, a->implied.items[i]);
		if (moved < 0)
			return -1;
		if (moved == 0)
			return settle(a);
	}
	return error_set(a->err, "the layer's files lie behind too many symlinks of lower layers; "
				 "unpack the image, or --copy");
}

int store_adopt(const struct overlay *lower, int layer_fd, bool *ret_depends, struct error *err)
{
	struct adoption a = {
		.lower = lower,
		.fd = layer_fd,
		.err = err,
		.mark = lower->user_xattr ? UNPACK_IMPLIED_USER : UNPACK_IMPLIED,
	};
	struct stat st;

	/* Whose owner is not root may have to be allowed to write. */
	if (fstat(layer_fd, &st) < 0 || fchmod(layer_fd, (st.st_mode & 07777) | 0700) < 0)
		return error_errno(err, "open up a layer");
	if (adopt(&a, ret_depends) < 0)
		return -1;
	if (fchmod(layer_fd, st.st_mode & 07777) < 0 ||
	    futimens(layer_fd, (struct timespec[2]){ st.st_atim, st.st_mtim }) < 0)
		return error_errno(err, "close a layer");
	return 0;
}
