/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "rootfs-tools/interrupt.h"
#include "rootfs-tools/store/store.h"

/*
 * What stat(2) says of every file, and the sum of their hashes, which needs no order.  The time
 * of change tells of every write, chmod and setxattr since, without reading a byte: only what
 * changes the disk behind the kernel's back stays unseen.
 */
struct walk {
	uint64_t sum[4];
	uint64_t count;
};

static void add_hash(struct walk *walk, const char *line, size_t size)
{
	struct digest digest;
	const char *hex;

	digest_of(line, size, &digest);
	hex = digest_hex(&digest);
	for (size_t i = 0; i < ARRAY_SIZE(walk->sum); i++) {
		uint64_t part = 0;

		for (size_t j = 0; j < 16; j++)
			part = part << 4 | (uint64_t)(*hex <= '9' ? *hex - '0' : *hex - 'a' + 10),
			hex++;
		walk->sum[i] += part;
	}
	walk->count++;
}

/* parent: its number, in the place of the path before the name. */
static void add_file(struct walk *walk, uint64_t parent, const char *name, const struct stat *st)
{
	char line[512];
	int size = snprintf(line, sizeof(line),
			    "%" PRIx64 " %x %x:%x %llx %llx %llx %llx.%lx %llx.%lx %s", parent,
			    st->st_mode, st->st_uid, st->st_gid,
			    S_ISDIR(st->st_mode) ? 0ULL : (unsigned long long)st->st_size,
			    S_ISDIR(st->st_mode) ? 0ULL : (unsigned long long)st->st_nlink,
			    (unsigned long long)st->st_rdev,
			    (unsigned long long)st->st_mtim.tv_sec,
			    (unsigned long)st->st_mtim.tv_nsec,
			    (unsigned long long)st->st_ctim.tv_sec,
			    (unsigned long)st->st_ctim.tv_nsec, name);

	add_hash(walk, line, (size_t)size < sizeof(line) ? (size_t)size : sizeof(line) - 1);
}

static int walk_directory(struct walk *walk, int fd, uint64_t number, struct error *err);

/* What a directory's mode hides from its owner, no root, is not looked at, now and later. */
static int hidden_or_error(struct error *err, const char *doing, const char *name)
{
	return errno == EACCES ? 0 : error_errno(err, "%s %s", doing, name);
}

static int walk_entry(struct walk *walk, int dir_fd, uint64_t number, const char *name,
		      struct error *err)
{
	struct stat st;
	int fd;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return hidden_or_error(err, "check", name);
	add_file(walk, number, name, &st);
	if (!S_ISDIR(st.st_mode))
		return 0;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return hidden_or_error(err, "open", name);
	return walk_directory(walk, fd, (uint64_t)st.st_ino, err);
}

/* fd is closed.  One open file for each level: main() has raised the limit. */
static int walk_directory(struct walk *walk, int fd, uint64_t number, struct error *err)
{
	DIR *dir = dir_take(fd);
	int result = 0;

	if (dir == NULL)
		return error_errno(err, "read a directory");
	for (struct dirent *entry; result == 0 && (entry = dir_next(dir)) != NULL;)
		result = walk_entry(walk, dirfd(dir), number, entry->d_name, err);
	if (result == 0 && errno != 0)
		result = error_errno(err, "read a directory");
	closedir(dir);
	return result == 0 ? interrupt_check(err) : -1;
}

int store_fingerprint(struct arena *arena, int dir_fd, const char **ret, struct error *err)
{
	struct walk walk = { 0 };

	if (walk_directory(&walk, openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0,
			   err) < 0)
		return error_wrap(err, "look through a layer");
	*ret = arena_printf(arena, "%" PRIx64 "-%016" PRIx64 "%016" PRIx64 "%016" PRIx64
			    "%016" PRIx64, walk.count, walk.sum[0], walk.sum[1], walk.sum[2],
			    walk.sum[3]);
	return 0;
}
