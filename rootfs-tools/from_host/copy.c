/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/from_host/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "rootfs-tools/from_host/from_host.h"
#include "rootfs-tools/interrupt.h"

enum { LINKS_MAX = 40, DEPTH_MAX = 64 };

/* Without set-id bits: who wants those, sets them. */
static int copy_file(struct from_host *made, const char *path, const struct stat *st)
{
	_cleanup_fd int from_fd = openat(made->host_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_fd int to_fd = -EBADF;
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	char buffer[65536];
	ssize_t size;

	if (from_fd < 0)
		return error_errno(made->err, "open /%s", path);
	to_fd = openat(made->root_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		       0600);
	if (to_fd < 0)
		return errno == EEXIST ? 0 : error_errno(made->err, "make /%s", path);
	while ((size = read(from_fd, buffer, sizeof(buffer))) > 0)
		if (fd_write_all(to_fd, buffer, (size_t)size) < 0)
			return error_errno(made->err, "write /%s", path);
	if (size < 0)
		return error_errno(made->err, "read /%s", path);
	if (fchmod(to_fd, st->st_mode & 0777) < 0 || futimens(to_fd, times) < 0)
		return error_errno(made->err, "set the mode of /%s", path);
	made->files++;
	made->bytes += (uint64_t)st->st_size;
	return interrupt_check(made->err);
}

static int copy_link(struct from_host *made, const char *path, char target[PATH_MAX])
{
	ssize_t size = readlinkat(made->host_fd, path, target, PATH_MAX - 1);

	if (size < 0)
		return error_errno(made->err, "read the link /%s", path);
	target[size] = '\0';
	if (symlinkat(target, made->root_fd, path) < 0 && errno != EEXIST)
		return error_errno(made->err, "make the link /%s", path);
	return 0;
}

static int copy_directory(struct from_host *made, const char *path, const struct stat *st)
{
	if (mkdirat(made->root_fd, path, st->st_mode & 07777 & ~(mode_t)06000) == 0)
		return fchmodat(made->root_fd, path, (st->st_mode & 01777) | 0700, 0) == 0 ? 0 :
		       error_errno(made->err, "set the mode of /%s", path);
	return errno == EEXIST ? 0 : error_errno(made->err, "make /%s", path);
}

/* "a/b" and "c": "a/b/c"; a "" in front is the root. */
static const char *below(struct arena *arena, const char *folder, const char *name)
{
	return *folder != '\0' ? arena_printf(arena, "%s/%s", folder, name) : name;
}

static const char *parent(struct arena *arena, const char *folder)
{
	const char *slash = strrchr(folder, '/');

	return slash != NULL ? arena_strndup(arena, folder, (size_t)(slash - folder)) : "";
}

int from_host_replicate(struct from_host *made, const char *path, const char **ret_real,
			struct stat *ret_st)
{
	struct arena *arena = made->arena;
	const char *folder = "";
	unsigned int links = 0;
	char target[PATH_MAX];

	while (*(path += strspn(path, "/")) != '\0') {
		size_t length = strcspn(path, "/");
		const char *name = arena_strndup(arena, path, length), *here;

		path += length;
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			folder = parent(arena, folder);
			continue;
		}
		here = below(arena, folder, name);
		if (fstatat(made->host_fd, here, ret_st, AT_SYMLINK_NOFOLLOW) < 0)
			return error_errno(made->err, "open /%s", here);
		if (S_ISLNK(ret_st->st_mode)) {
			if (++links > LINKS_MAX)
				return error_number(made->err, ELOOP, "open /%s", here);
			if (copy_link(made, here, target) < 0)
				return -1;
			folder = target[0] == '/' ? "" : folder;
			path = arena_printf(arena, "%s/%s", target, path);
			continue;
		}
		folder = here;
		if (S_ISDIR(ret_st->st_mode) ? copy_directory(made, here, ret_st) < 0 :
		    S_ISREG(ret_st->st_mode) && copy_file(made, here, ret_st) < 0)
			return -1;
	}
	*ret_real = folder;
	return 0;
}

static int copy_below(struct from_host *made, const char *folder, unsigned int depth)
{
	DIR *dir = dir_take(openat(made->host_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int result = 0;

	if (dir == NULL)
		return error_errno(made->err, "list /%s", folder);
	if (depth > DEPTH_MAX)
		result = error_set(made->err, "/%s: more than %d directories in each other", folder,
				   DEPTH_MAX);
	for (struct dirent *entry; result == 0 && (entry = dir_next(dir)) != NULL;) {
		const char *path = below(made->arena, folder, entry->d_name), *real;
		char target[PATH_MAX];
		struct stat st;

		/* A link in a directory stays one, wherever it leads. */
		if (fstatat(made->host_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISLNK(st.st_mode))
			result = copy_link(made, path, target);
		else
			result = from_host_replicate(made, path, &real, &st);
		if (result == 0 && S_ISDIR(st.st_mode))
			result = copy_below(made, path, depth + 1);
	}
	if (result == 0 && errno != 0)
		result = error_errno(made->err, "list /%s", folder);
	closedir(dir);
	return result;
}

int from_host_file(struct from_host *made, const char *path)
{
	char cwd[PATH_MAX];
	struct stat st;
	const char *real;

	if (*path == '\0')
		return error_number(made->err, ENOENT, "open \"\"");
	if (*path != '/' && getcwd(cwd, sizeof(cwd)) == NULL)
		return error_errno(made->err, "find the working directory");
	if (*path != '/')
		path = arena_printf(made->arena, "%s/%s", cwd, path);
	if (from_host_replicate(made, path, &real, &st) < 0)
		return -1;
	if (*real == '\0')
		return error_set(made->err, "%s: is the root of the host; name what is wanted",
				 path);
	return S_ISDIR(st.st_mode) ? copy_below(made, real, 0) : 0;
}
