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

static int collect(struct adoption *a, int fd, const char *path)
{
	DIR *dir = fdopendir(fd);
	int result = 0;

	if (dir == NULL) {
		fd_close(&fd);
		return error_errno(a->err, "list a directory of a layer");
	}
	for (struct dirent *entry; result == 0 && (entry = dir_next(dir)) != NULL;) {
		const char *below = entry->d_name;
		struct stat st;
		int below_fd;

		if (fstatat(dirfd(dir), below, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISDIR(st.st_mode))
			continue;
		below_fd = openat(dirfd(dir), below,
				  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below_fd < 0) {
			result = error_errno(a->err, "open a directory of a layer");
			break;
		}
		if (*path != '\0')
			below = arena_printf(a->lower->arena, "%s/%s", path, below);
		if (fgetxattr(below_fd, a->mark, NULL, 0) >= 0)
			LIST_ADD(a->lower->arena, &a->implied,
				 arena_strdup(a->lower->arena, below));
		result = collect(a, below_fd, below);
	}
	if (result == 0 && errno != 0)
		result = error_errno(a->err, "list a directory of a layer");
	closedir(dir);
	return result;
}

/* --- what lower layers have there ---------------------------------------------------- */

/* Owner, mode, attributes and times of one directory to another. */
static int copy_metadata(int from_fd, int to_fd, struct error *err)
{
	char names[NAMES_MAX], value[NAMES_MAX];
	ssize_t size = flistxattr(from_fd, names, sizeof(names));
	struct stat st;

	if (fstat(from_fd, &st) < 0 ||
	    (geteuid() == 0 && fchown(to_fd, st.st_uid, st.st_gid) < 0) ||
	    fchmod(to_fd, st.st_mode & 07777) < 0)
		return error_errno(err, "take over a lower layer's directory");
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t length = fgetxattr(from_fd, names + at, value, sizeof(value));

		if (strstr(names + at, ".overlay.") != NULL || length < 0)
			continue;
		if (fsetxattr(to_fd, names + at, value, (size_t)length, 0) < 0)
			return error_errno(err, "take over the attribute %s", names + at);
	}
	if (futimens(to_fd, (struct timespec[2]){ st.st_atim, st.st_mtim }) < 0)
		return error_errno(err, "take over the times of a directory");
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

/* The files of path move to where the symlink of lower layers leads. */
static int move_files(struct adoption *a, const char *path, const char *target)
{
	_cleanup_fd int from_fd = path_open_strict(a->fd, path, O_RDONLY | O_DIRECTORY, a->err);
	_cleanup_fd int to_fd = -EBADF;
	DIR *dir;
	int result = 0;

	if (from_fd < 0)
		return -1;
	to_fd = make_path(a, target);
	if (to_fd < 0)
		return -1;
	dir = fdopendir(dup(from_fd));
	if (dir == NULL)
		return error_errno(a->err, "list %s", path);
	for (struct dirent *entry; result == 0 && (entry = dir_next(dir)) != NULL;)
		if (renameat2(from_fd, entry->d_name, to_fd, entry->d_name,
			      RENAME_NOREPLACE) < 0)
			result = error_errno(a->err, "move %s/%s to %s, where the symlink of a "
					     "lower layer leads", path, entry->d_name, target);
	if (result == 0 && errno != 0)
		result = error_errno(a->err, "list %s", path);
	closedir(dir);
	if (result == 0 && unlinkat(a->fd, path, AT_REMOVEDIR) < 0)
		return error_errno(a->err, "remove %s", path);
	return result;
}

/* 1: something moved, and all begins anew. */
static int adopt_one(struct adoption *a, const char *path)
{
	const char *real;
	_cleanup_fd int lower_fd = overlay_open_directory(a->lower, path, &real, a->err);
	_cleanup_fd int fd = -EBADF;

	if (lower_fd < 0 && a->err->code != ENOENT && a->err->code != ENOTDIR)
		return -1;
	if (lower_fd >= 0 && strcmp(real, path) != 0)
		return move_files(a, path, real) < 0 ? -1 : 1;
	fd = path_open_strict(a->fd, path, O_RDONLY | O_DIRECTORY, a->err);
	if (fd < 0 || (lower_fd >= 0 && copy_metadata(lower_fd, fd, a->err) < 0))
		return -1;
	return 0;
}

static int unmark(struct adoption *a)
{
	LIST_EACH(path, a->implied) {
		_cleanup_fd int fd = path_open_strict(a->fd, *path, O_RDONLY | O_DIRECTORY,
						      a->err);

		if (fd < 0)
			return -1;
		if (fremovexattr(fd, a->mark) < 0)
			return error_errno(a->err, "remove the mark of %s", *path);
	}
	return 0;
}

int store_adopt(const struct overlay *lower, int layer_fd, bool *ret_depends, struct error *err)
{
	struct adoption a = {
		.lower = lower, .fd = layer_fd, .err = err,
		.mark = lower->user_xattr ? UNPACK_IMPLIED_USER : UNPACK_IMPLIED,
	};
	int moved;

	for (int pass = 0; pass < PASSES_MAX; pass++) {
		int fd = openat(layer_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		a.implied.count = 0;
		if (fd < 0)
			return error_errno(err, "open a layer");
		if (collect(&a, fd, "") < 0)
			return -1;
		*ret_depends = a.implied.count > 0;
		moved = 0;
		for (size_t i = 0; i < a.implied.count && moved == 0; i++)
			moved = adopt_one(&a, a.implied.items[i]);
		if (moved < 0)
			return -1;
		if (moved == 0)
			return unmark(&a);
	}
	return error_set(err, "the layer's files lie behind too many symlinks of lower layers; "
			 "unpack the image, or --copy");
}
