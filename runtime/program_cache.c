/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program_cache.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "base/fd.h"
#include "base/sys.h"
#include "runtime/hostns.h"

#define SIZE_MAX_KEPT	(64 * 1024)

/* Good enough to tell programs apart. */
static uint64_t hash(const void *data, size_t size)
{
	const unsigned char *at = data;
	uint64_t sum = 0xcbf29ce484222325ULL ^ size;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ at[i]) * 0x100000001b3ULL;
	return sum;
}

/* The private tmpfs, mounted, and nobody's but root's. */
static int directory_open(void)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS,
	};
	_cleanup_fd int fd = sys_openat2(AT_FDCWD, HOSTNS_DIRECTORY, &how);
	struct statfs fs;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != 0 || (st.st_mode & 07777) != 0700 ||
	    fstatfs(fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
		return -EBADF;
	return fd_take(&fd);
}

/* Where the program is, as bpf(2) wants it: before Linux 6.5 by path alone. */
struct entry {
	char key[32];
	char path[sizeof(HOSTNS_PROGRAMS) + 32];
};

static struct entry entry_of(const void *instructions, size_t size)
{
	unsigned long long sum = hash(instructions, size);
	struct entry entry;

	snprintf(entry.key, sizeof(entry.key), "program-%016llx", sum);
	snprintf(entry.path, sizeof(entry.path), "%s/%016llx", HOSTNS_PROGRAMS, sum);
	return entry;
}

static bool key_equals(int dir_fd, const char *key, const void *instructions, size_t size)
{
	_cleanup_fd int fd = openat(dir_fd, key, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	const char *expected = instructions;
	char kept[4096];
	size_t at = 0;

	while (fd >= 0) {
		ssize_t n = read(fd, kept, sizeof(kept));

		if (n <= 0)
			return n == 0 && at == size;
		if ((size_t)n > size - at || memcmp(kept, expected + at, (size_t)n) != 0)
			return false;
		at += (size_t)n;
	}
	return false;
}

static int bpf_path(int command, const char *path, int fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uint64_t)(uintptr_t)path;
	attr.bpf_fd = (uint32_t)fd;
	return sys_bpf(command, &attr);
}

int program_cache_find(const void *instructions, size_t size)
{
	_cleanup_fd int dir_fd = directory_open();
	struct entry entry = entry_of(instructions, size);
	int fd;

	if (dir_fd < 0 || !key_equals(dir_fd, entry.key, instructions, size))
		return -EBADF;
	fd = bpf_path(BPF_OBJ_GET, entry.path, 0);
	return fd >= 0 ? fd : -EBADF;
}

void program_cache_add(const void *instructions, size_t size, int program_fd)
{
	_cleanup_fd int dir_fd = directory_open();
	struct entry entry = entry_of(instructions, size);
	struct error ignored;

	if (dir_fd < 0 || size > SIZE_MAX_KEPT ||
	    bpf_path(BPF_OBJ_PIN, entry.path, program_fd) < 0)
		return;
	/* The key comes last: what it names is there, and nobody else has taken the name. */
	if (file_replace(dir_fd, entry.key, instructions, size, 0400, &ignored) < 0)
		unlink(entry.path);
}
