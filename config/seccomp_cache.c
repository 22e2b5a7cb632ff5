/* SPDX-License-Identifier: Apache-2.0 */
#include "config/seccomp_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

enum {
	MAX_KEY		= 1 << 20,	/* bytes; Docker's default makes 8 KiB */
	MAX_ENTRIES	= 128,		/* then all are dropped: /run is memory */
};

struct head {
	char magic[8];
	uint32_t key_size, count;
	uint64_t sum;			/* of the instructions: a torn file must not load */
};
static const char magic[] = "kistbpf1";

/* Good enough to tell files apart; equality is decided by the bytes themselves. */
static uint64_t hash(const void *data, size_t size)
{
	const unsigned char *at = data;
	uint64_t sum = 0x9e3779b97f4a7c15ULL ^ size;

	for (; size > 0; at += 8) {
		uint64_t word = 0;
		size_t here = size < 8 ? size : 8;

		memcpy(&word, at, here);
		sum = (sum ^ word) * 0xff51afd7ed558ccdULL;
		sum ^= sum >> 29;
		size -= here;
	}
	return sum;
}

static void entry_name(const void *key, size_t size, char ret[24])
{
	snprintf(ret, 24, "%016llx", (unsigned long long)hash(key, size));
}

/* Ours, and nobody else may write: a directory of another user could offer any filter. */
static bool is_private(const struct stat *st)
{
	return st->st_uid == geteuid() && (st->st_mode & 0077) == 0;
}

/* "base/kist/.seccomp"; the two directories below base are made. */
static int directory_open(const char *base, bool make)
{
	char path[512];
	_cleanup_fd int fd = -EBADF;
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/kist/.seccomp", base) >= (int)sizeof(path))
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && make) {
		path[strlen(path) - strlen("/.seccomp")] = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -1;
		path[strlen(path)] = '/';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -1;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0 || fstat(fd, &st) < 0 || !is_private(&st))
		return -1;
	return fd_take(&fd);
}

int seccomp_cache_open(bool make)
{
	const char *base = geteuid() == 0 ? "/run" : getenv("XDG_RUNTIME_DIR");

	if (base == NULL || base[0] != '/')
		return -1;
	return directory_open(base, make);
}

/* Where the instructions begin, at a multiple of 8. */
static size_t filter_offset(size_t key_size)
{
	return (sizeof(struct head) + key_size + 7) & ~(size_t)7;
}

int seccomp_cache_load(int dir_fd, struct arena *arena, const void *key, size_t size,
		       seccomp_filter *ret)
{
	_cleanup_fd int fd = -EBADF;
	char name[24], *data;
	struct head *head;
	struct stat st;
	size_t total, bytes;

	if (size > MAX_KEY)
		return -1;
	entry_name(key, size, name);
	fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !is_private(&st))
		return -1;
	total = (size_t)st.st_size;
	if (total < filter_offset(size) || total > filter_offset(size) +
	    SECCOMP_MAX_FILTER * sizeof(struct sock_filter))
		return -1;
	data = arena_alloc(arena, total);
	if (read(fd, data, total) != (ssize_t)total)
		return -1;
	head = (struct head *)data;
	bytes = total - filter_offset(size);
	if (memcmp(head->magic, magic, sizeof(head->magic)) != 0 || head->key_size != size ||
	    memcmp(head + 1, key, size) != 0 || head->count == 0 ||
	    bytes != head->count * sizeof(struct sock_filter) ||
	    head->sum != hash(data + filter_offset(size), bytes))
		return -1;
	ret->items = (struct sock_filter *)(data + filter_offset(size));
	ret->count = head->count;
	return 0;
}

/* Profiles are few.  Where someone makes a new one each time, begin anew now and then. */
static void directory_trim(int dir_fd)
{
	DIR *directory = dir_list(dir_fd);
	struct dirent *entry;
	size_t count = 0;

	if (directory == NULL)
		return;
	while (readdir(directory) != NULL)
		count++;
	rewinddir(directory);
	while (count > MAX_ENTRIES && (entry = readdir(directory)) != NULL)
		if (entry->d_type == DT_REG)
			unlinkat(dir_fd, entry->d_name, 0);
	closedir(directory);
}

void seccomp_cache_save(int dir_fd, struct arena *arena, const void *key, size_t size,
			const seccomp_filter *filter)
{
	size_t bytes = filter->count * sizeof(struct sock_filter);
	size_t offset = filter_offset(size);
	struct error ignored;
	struct head *head;
	char name[24], *data;

	if (size > MAX_KEY)
		return;
	directory_trim(dir_fd);
	data = arena_alloc(arena, offset + bytes);
	head = (struct head *)data;
	memcpy(head->magic, magic, sizeof(head->magic));
	head->key_size = (uint32_t)size;
	head->count = (uint32_t)filter->count;
	memcpy(head + 1, key, size);
	memcpy(data + offset, filter->items, bytes);
	head->sum = hash(data + offset, bytes);
	entry_name(key, size, name);
	/* A full disk or a read-only one costs time at the next start, and nothing else. */
	(void)file_replace(dir_fd, name, data, offset + bytes, 0600, &ignored);
}
