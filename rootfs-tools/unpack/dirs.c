/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/unpack/dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"

struct dir *dirs_top(struct dirs *dirs)
{
	return &dirs->stack[dirs->depth];
}

/* --- in and out ------------------------------------------------------------------------ */

static int restore(struct dirs *dirs, struct dir *dir, struct error *err)
{
	if (dir->opened_up && fchmod(dir->fd, dir->mode & 07777) < 0)
		return error_errno(err, "set the mode of %.*s", (int)dir->end, dirs->path);
	if (futimens(dir->fd, dir->times) < 0)
		return error_errno(err, "set the times of %.*s", (int)dir->end, dirs->path);
	return 0;
}

static int pop(struct dirs *dirs, struct error *err)
{
	struct dir *dir = dirs_top(dirs);

	if (restore(dirs, dir, err) < 0)
		return -1;
	fd_close(&dir->fd);
	dirs->depth--;
	dirs->path[dirs_top(dirs)->end] = '\0';
	return 0;
}

/* Remembers what it has; who is not privileged gets the right to write to it for a while. */
static int dir_note(struct dirs *dirs, struct dir *dir, struct error *err)
{
	struct stat st;

	if (fstat(dir->fd, &st) < 0)
		return error_errno(err, "look at a directory");
	dir->times[0] = st.st_atim;
	dir->times[1] = st.st_mtim;
	dir->mode = st.st_mode;
	if (dirs->privileged || (st.st_mode & 0700) == 0700)
		return 0;
	dir->opened_up = true;
	if (fchmod(dir->fd, (st.st_mode & 07777) | 0700) < 0)
		return error_errno(err, "open a directory for writing");
	return 0;
}

int dirs_init(struct dirs *dirs, int root_fd, struct error *err)
{
	struct dir root = { .fd = root_fd };

	dirs->depth = 0;
	dirs->path[0] = '\0';
	if (dir_note(dirs, &root, err) < 0)
		return -1;
	dirs->stack[0] = root;
	return 0;
}

int dirs_push(struct dirs *dirs, const char *name, int fd, struct error *err)
{
	_cleanup_fd int owned = fd;
	struct dir dir = { .fd = fd }, *top = dirs_top(dirs);
	size_t length = strlen(name), at = top->end + (top->end > 0);

	if (dirs->depth == DIRS_MAX || at + length >= sizeof(dirs->path))
		return error_set(err, "%.60s…: is nested too deeply: more than %d directories",
				 dirs->path, DIRS_MAX);
	if (dir_note(dirs, &dir, err) < 0)
		return -1;
	if (at > 0)
		dirs->path[at - 1] = '/';
	memcpy(dirs->path + at, name, length + 1);
	dir.end = at + length;
	fd_take(&owned);
	dirs->stack[++dirs->depth] = dir;
	return 0;
}

/* --- by path --------------------------------------------------------------------------- */

/* A component that is a symlink: where it leads to, inside the root. */
static int open_link(struct dirs *dirs, const char *name, struct error *err)
{
	char path[sizeof(dirs->path)];
	int length = snprintf(path, sizeof(path), "%s%s%s", dirs->path,
			      dirs->path[0] != '\0' ? "/" : "", name);

	if (length < 0 || (size_t)length >= sizeof(path))
		return error_number(err, ENAMETOOLONG, "open %.60s…", path);
	return path_open(dirs->stack[0].fd, path, O_RDONLY | O_DIRECTORY, err);
}

/* A directory that forbids its own owner to look in. */
static int open_closed(int parent_fd, const char *name, int flags)
{
	struct stat st;
	int fd;

	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode) ||
	    fchmodat(parent_fd, name, 0700, 0) < 0)
		return -1;
	fd = openat(parent_fd, name, flags);
	if (fd >= 0 && fchmod(fd, st.st_mode & 07777) < 0)
		fd_close(&fd);
	return fd;
}

static int make_child(struct dirs *dirs, const char *name, bool hides, struct error *err)
{
	int parent_fd = dirs_top(dirs)->fd, fd;

	if (mkdirat(parent_fd, name, 0755) < 0)
		return error_errno(err, "make directory %s/%s", dirs->path, name);
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "open directory %s/%s", dirs->path, name);
	if (dirs->adopt(dirs->context, fd, hides, err) < 0)
		fd_close(&fd);
	return fd;
}

/* The layer hides what is below, and has files of its own there. */
static bool whiteout_remove(const struct dirs *dirs, const char *name)
{
	int parent_fd = dirs->stack[dirs->depth].fd;
	struct stat st;

	return dirs->whiteouts && fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0) &&
	       unlinkat(parent_fd, name, 0) == 0;
}

static int open_child(struct dirs *dirs, const char *name, bool make, bool *ret_link,
		      struct error *err)
{
	struct dir *top = dirs_top(dirs);
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(top->fd, name, flags), number = errno;

	*ret_link = false;
	if (fd < 0 && number == ENOENT && make)
		return make_child(dirs, name, false, err);
	if (fd < 0 && number == ENOTDIR && make && whiteout_remove(dirs, name))
		return make_child(dirs, name, true, err);
	errno = number;
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR)) {
		*ret_link = true;
		fd = open_link(dirs, name, err);
		return fd >= 0 ? fd : error_wrap(err, "enter %s/%s", dirs->path, name);
	} else if (fd < 0 && errno == EACCES && !dirs->privileged) {
		fd = open_closed(top->fd, name, flags);
	}
	return fd >= 0 ? fd : error_errno(err, "open directory %s/%s", dirs->path, name);
}

/* How many of the open ones lead to path. */
static unsigned int common_depth(const struct dirs *dirs, const char *path, size_t length)
{
	unsigned int depth = 0;

	while (depth < dirs->depth) {
		size_t end = dirs->stack[depth + 1].end;

		if (end > length || (end < length && path[end] != '/') ||
		    memcmp(dirs->path, path, end) != 0)
			break;
		depth++;
	}
	return depth;
}

static int walk(struct dirs *dirs, const char *path, size_t length, bool make, struct error *err)
{
	unsigned int depth = common_depth(dirs, path, length);
	size_t at;

	while (dirs->depth > depth)
		if (pop(dirs, err) < 0)
			return -1;
	at = dirs_top(dirs)->end;
	while (at < length) {
		size_t size;
		char name[256];
		bool is_link;
		int fd;

		at += path[at] == '/';
		size = strcspn(path + at, "/");
		if (size > length - at)
			size = length - at;
		snprintf(name, sizeof(name), "%.*s", (int)size, path + at);
		fd = open_child(dirs, name, make, &is_link, err);
		if (fd < 0 || dirs_push(dirs, name, fd, err) < 0)
			return -1;
		dirs_top(dirs)->through_link = is_link;
		at += size;
	}
	return dirs_top(dirs)->fd;
}

int dirs_enter(struct dirs *dirs, const char *path, size_t length, struct error *err)
{
	return walk(dirs, path, length, true, err);
}

int dirs_find(struct dirs *dirs, const char *path, size_t length, struct error *err)
{
	int fd = walk(dirs, path, length, false, err);

	return fd < 0 && (err->code == ENOENT || err->code == ENOTDIR) ? -EBADF : fd;
}

int dirs_forget(struct dirs *dirs, const char *path, size_t length, struct error *err)
{
	unsigned int keep = dirs->depth;

	for (unsigned int i = dirs->depth; i > 0; i--) {
		const struct dir *dir = &dirs->stack[i];

		/* What was reached by links may lie anywhere. */
		if (dir->through_link)
			keep = i - 1;
		else if (dir->end >= length && memcmp(dirs->path, path, length) == 0 &&
			 (dir->end == length || dirs->path[length] == '/'))
			keep = i - 1;
	}
	while (dirs->depth > keep)
		if (pop(dirs, err) < 0)
			return -1;
	return 0;
}

int dirs_leave(struct dirs *dirs, struct error *err)
{
	while (dirs->depth > 0)
		if (pop(dirs, err) < 0)
			return -1;
	return restore(dirs, dirs_top(dirs), err);
}
