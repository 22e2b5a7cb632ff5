/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "rootfs-tools/publish.h"

/*
 * A tree made by a stranger may be deeper than there are fds or stack: what lies too deep is
 * first moved up, and removed from there.
 */
enum { DEPTH_MAX = 100, BUFFER_SIZE = 4096 };

struct remover {
	int top_fd;
	unsigned int moved, removed;	/* names of what was moved up: numbers */
};

struct entry64 {		/* the kernel's struct linux_dirent64 */
	uint64_t inode;
	int64_t offset;
	unsigned short size;
	unsigned char type;
	char name[];
};

static void moved_name(unsigned int number, char ret[32])
{
	snprintf(ret, 32, ".kist-deep-%u", number);
}

static int move_up(struct remover *remover, int dir_fd, const char *name, struct error *err)
{
	char target[32];

	moved_name(remover->moved++, target);
	if (renameat(dir_fd, name, remover->top_fd, target) < 0)
		return error_errno(err, "move %s up", name);
	return 0;
}

static int remove_below(struct remover *remover, int dir_fd, unsigned int depth,
			struct error *err);

static int remove_directory(struct remover *remover, int dir_fd, const char *name,
			    unsigned int depth, struct error *err)
{
	_cleanup_fd int fd = -EBADF;

	if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return error_errno(err, "remove directory %s", name);
	if (depth == DEPTH_MAX)
		return move_up(remover, dir_fd, name, err);
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == EACCES && fchmodat(dir_fd, name, 0700, 0) == 0)
		fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "open directory %s", name);
	if (remove_below(remover, fd, depth + 1, err) < 0)
		return -1;
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0)
		return error_errno(err, "remove directory %s", name);
	return 0;
}

static int remove_entry(struct remover *remover, int dir_fd, const struct entry64 *entry,
			unsigned int depth, struct error *err)
{
	const char *name = entry->name;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (entry->type != DT_DIR) {
		if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
			return 0;
		/* A directory of mine that I may not write to. */
		if (errno == EACCES && fchmod(dir_fd, 0700) == 0 && unlinkat(dir_fd, name, 0) == 0)
			return 0;
		if (errno != EISDIR)
			return error_errno(err, "remove %s", name);
	}
	return remove_directory(remover, dir_fd, name, depth, err);
}

static int remove_below(struct remover *remover, int dir_fd, unsigned int depth,
			struct error *err)
{
	char buffer[BUFFER_SIZE] __attribute__((aligned(8)));
	struct stat st;
	long size;

	if (fstat(dir_fd, &st) == 0 && (st.st_mode & 0700) != 0700)
		fchmod(dir_fd, 0700);	/* of use to who is not root alone */
	while ((size = syscall(__NR_getdents64, dir_fd, buffer, sizeof(buffer))) > 0)
		for (long at = 0; at < size;) {
			const struct entry64 *entry = (const void *)(buffer + at);

			if (remove_entry(remover, dir_fd, entry, depth, err) < 0)
				return -1;
			at += entry->size;
		}
	if (size < 0)
		return error_errno(err, "list a directory");
	return 0;
}

int tree_remove(int dir_fd, const char *name, struct error *err)
{
	struct remover remover = { .top_fd = dir_fd };
	struct stat st;
	char moved[32];

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_errno(err, "look at %s", name);
	if (!S_ISDIR(st.st_mode)) {
		if (unlinkat(dir_fd, name, 0) < 0)
			return error_errno(err, "remove %s", name);
		return 0;
	}
	if (remove_directory(&remover, dir_fd, name, 0, err) < 0)
		return -1;
	while (remover.removed < remover.moved) {
		moved_name(remover.removed++, moved);
		if (remove_directory(&remover, dir_fd, moved, 0, err) < 0)
			return -1;
	}
	return 0;
}
