/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/publish.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/sys.h"

#define PREFIX		".kist-new-"
/* Between making a temporary directory and locking it. */
#define FRESH_SECONDS	2

static bool is_left(int dir_fd, const char *name)
{
	_cleanup_fd int fd =
		openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	       st.st_ctime + FRESH_SECONDS < time(NULL) && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static bool is_temporary(const char *name, const char *prefix, const char *behind)
{
	size_t length = strlen(prefix);

	if (strncmp(name, prefix, length) != 0)
		return false;
	name += length;
	return behind == NULL || (*name != '\0' && name[strspn(name, behind)] == '\0');
}

void publish_remove_left(int dir_fd, const char *path, const char *prefix, const char *behind)
{
	DIR *dir = dir_take(openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *entry;
	struct error ignored;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (is_temporary(entry->d_name, prefix, behind) &&
		    is_left(dirfd(dir), entry->d_name))
			tree_remove(dirfd(dir), entry->d_name, &ignored);
	closedir(dir);
}

static int temporary_make(struct publish *publish, struct error *err)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_errno(err, "get random bytes");
	snprintf(publish->temporary, sizeof(publish->temporary), PREFIX "%016jx",
		 (uintmax_t)random);
	if (mkdirat(publish->parent_fd, publish->temporary, 0700) < 0)
		return error_errno(err, "make a temporary directory");
	publish->temporary_fd = openat(publish->parent_fd, publish->temporary,
				       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (publish->temporary_fd < 0 || flock(publish->temporary_fd, LOCK_EX | LOCK_NB) < 0)
		return error_errno(err, "lock a temporary directory");
	if (mkdirat(publish->temporary_fd, "root", 0755) < 0)
		return error_errno(err, "make a directory");
	publish->root_fd = openat(publish->temporary_fd, "root",
				  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (publish->root_fd < 0 || fchmod(publish->root_fd, 0755) < 0)
		return error_errno(err, "open a new directory");
	return 0;
}

/* shown: how the caller calls it, in errors. */
static int begin(int parent_fd, const char *name, const char *shown, struct publish *ret,
		 struct error *err)
{
	_cleanup_publish struct publish publish = PUBLISH_NONE;
	struct stat st;

	if (name[0] == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0 || strlen(name) >= sizeof(publish.name))
		return error_set(err, "\"%s\" is no name for a new directory", name);
	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return error_number(err, EEXIST, "make %s", shown);
	publish_remove_left(parent_fd, ".", PREFIX, NULL);
	snprintf(publish.name, sizeof(publish.name), "%s", name);
	publish.parent_fd = fcntl(parent_fd, F_DUPFD_CLOEXEC, 3);
	if (publish.parent_fd < 0)
		return error_errno(err, "make %s", shown);
	if (temporary_make(&publish, err) < 0)
		return error_wrap(err, "make %s", shown);
	*ret = publish;
	publish = (struct publish)PUBLISH_NONE;
	return 0;
}

int publish_begin(int parent_fd, const char *name, struct publish *ret, struct error *err)
{
	return begin(parent_fd, name, name, ret, err);
}

int publish_begin_path(const char *path, struct publish *ret, struct error *err)
{
	size_t length = strlen(path), start;
	_cleanup_fd int parent_fd = -EBADF;
	char parent[4096], name[256];

	while (length > 1 && path[length - 1] == '/')
		length--;
	for (start = length; start > 0 && path[start - 1] != '/'; start--)
		;
	if (start >= sizeof(parent) || length - start >= sizeof(name))
		return error_number(err, ENAMETOOLONG, "make %.60s…", path);
	snprintf(parent, sizeof(parent), "%.*s", (int)start, path);
	snprintf(name, sizeof(name), "%.*s", (int)(length - start), path + start);
	parent_fd = open(start > 0 ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent_fd < 0)
		return error_errno(err, "open directory %s", start > 0 ? parent : ".");
	return begin(parent_fd, name, path, ret, err);
}

int publish_rename(int from_fd, const char *from, int to_fd, const char *to)
{
	struct stat st;
	int result = renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE), number = errno;

	if (result == 0 || number != EACCES)
		return result;
	/* Its ".." changes, and that is a write to it. */
	if (fstatat(from_fd, from, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
	    fchmodat(from_fd, from, (st.st_mode & 07777) | 0700, 0) == 0) {
		result = renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE);
		number = errno;
		fchmodat(result == 0 ? to_fd : from_fd, result == 0 ? to : from, st.st_mode & 07777,
			 0);
	}
	errno = number;
	return result;
}

int publish_commit(struct publish *publish, struct error *err)
{
	_cleanup_fd int parent_fd = -EBADF;

	/* One call for all files: what has its name after a crash of the host is whole. */
	if (syncfs(publish->root_fd) < 0)
		return error_errno(err, "sync %s", publish->name);
	parent_fd = fcntl(publish->parent_fd, F_DUPFD_CLOEXEC, 3);
	if (publish_commit_unsynced(publish, err) < 0)
		return -1;
	fsync(parent_fd);
	return 0;
}

int publish_commit_unsynced(struct publish *publish, struct error *err)
{
	if (publish_rename(publish->temporary_fd, "root", publish->parent_fd, publish->name) < 0)
		return error_errno(err, "make %s", publish->name);
	publish_abort(publish);
	return 0;
}

void publish_abort(struct publish *publish)
{
	struct error err;

	/* Not in one: what lies deep is moved up on the way, and the parent is not ours. */
	if ((publish->temporary_fd >= 0 && tree_remove(publish->temporary_fd, "root", &err) < 0) ||
	    (publish->parent_fd >= 0 && publish->temporary[0] != '\0' &&
	     tree_remove(publish->parent_fd, publish->temporary, &err) < 0))
		warn("remove %s: %s", publish->temporary, err.text);
	fd_close(&publish->root_fd);
	fd_close(&publish->temporary_fd);
	fd_close(&publish->parent_fd);
}
