/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/attack/guard.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/sys.h"
#include "base/text.h"

enum depth { NAMES_ONLY, EVERYTHING };

static const char *const sysctls[] = {
	"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hostname",
	"/proc/sys/kernel/domainname", "/proc/sys/kernel/shmmax", "/proc/sys/kernel/sysrq",
	"/proc/sys/net/ipv4/ip_forward", "/proc/sys/vm/overcommit_memory",
	"/proc/sys/kernel/msgmax", "/proc/sys/fs/mqueue/msg_max",
};

static unsigned long text_hash(const char *text, size_t size)
{
	unsigned long hash = 5381;

	for (size_t i = 0; i < size; i++)
		hash = hash * 33 + (unsigned char)text[i];
	return hash;
}

static void file_describe(struct text *out, struct arena *arena, int dir_fd, const char *name,
			  const char *path)
{
	struct stat st;
	struct error err;
	char *content = NULL;
	size_t size = 0;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISREG(st.st_mode))
		(void)file_read(dir_fd, name, (size_t)64 << 20, arena, &content, &size, &err);
	text_printf(out, "%s mode %o owner %u:%u size %lld ino %lu rdev %lx mtime %lld.%09ld "
		    "ctime %lld.%09ld hash %lx\n", path, st.st_mode, st.st_uid, st.st_gid,
		    (long long)st.st_size, (unsigned long)st.st_ino, (unsigned long)st.st_rdev,
		    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long long)st.st_ctim.tv_sec,
		    st.st_ctim.tv_nsec, content != NULL ? text_hash(content, size) : 0);
}

static int entry_is_real(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* Sorted, so that two listings of the same tree are equal text. */
static void tree_describe(struct text *out, struct arena *arena, const char *path,
			  enum depth depth)
{
	_cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent **entries = NULL;
	int count = fd < 0 ? -1 : scandir(path, &entries, entry_is_real, alphasort);

	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		char *inner = arena_printf(arena, "%s/%s", path, name);
		bool directory = entries[i]->d_type == DT_DIR;

		if (depth == EVERYTHING)
			file_describe(out, arena, fd, name, inner);
		else if (directory || strncmp(path, "/dev", 4) == 0)
			text_printf(out, "%s\n", inner);
		if (directory)
			tree_describe(out, arena, inner, depth);
		free(entries[i]);
	}
	free(entries);
}

const char *guard_snapshot(struct arena *arena, const char *sentinel)
{
	struct text out = { .arena = arena };
	struct error err;
	char *content;

	file_describe(&out, arena, AT_FDCWD, sentinel, sentinel);
	tree_describe(&out, arena, sentinel, EVERYTHING);
	tree_describe(&out, arena, "/dev", NAMES_ONLY);
	tree_describe(&out, arena, "/sys/fs/cgroup", NAMES_ONLY);
	if (file_read(AT_FDCWD, "/proc/self/mountinfo", 1 << 24, arena, &content, NULL, &err) == 0)
		text_add(&out, content);
	for (size_t i = 0; i < ARRAY_SIZE(sysctls); i++)
		if (file_read(AT_FDCWD, sysctls[i], 4096, arena, &content, NULL, &err) == 0)
			text_printf(&out, "%s = %s", sysctls[i], content);
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		struct stat st;

		if (fstat(fd, &st) == 0)
			text_printf(&out, "stdio %d mode %o owner %u:%u\n", fd, st.st_mode,
				    st.st_uid, st.st_gid);
	}
	return out.data;
}

const char *guard_difference(struct arena *arena, const char *before, const char *after)
{
	while (*before != '\0' || *after != '\0') {
		size_t left = strcspn(before, "\n"), right = strcspn(after, "\n");

		if (left != right || memcmp(before, after, left) != 0)
			return arena_printf(arena, "before: %.*s\nafter:  %.*s", (int)left, before,
					    (int)right, after);
		before += left + (before[left] == '\n');
		after += right + (after[right] == '\n');
	}
	return NULL;
}
