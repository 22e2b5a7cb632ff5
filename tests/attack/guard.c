/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/attack/guard.h"

#include <dirent.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/sys.h"
#include "base/text.h"

/* How much of a tree is compared. */
enum depth {
	CGROUPS, /* the directories that an attack may have made */
	KINDS, /* of everything, with type, mode, owner and device number */
	EVERYTHING, /* with times, inode and content */
};

/*
 * What others do meanwhile is no attack: terminals, files in shared memory and cgroups come and
 * go.  The container's cgroups are looked after by tests/e2e/leak.h, and what a test attacks
 * has a name of its own.  The small mount namespace of runtime/hostns.c is made once for all.
 */
static const char *const ignored[] = { "/dev/pts", "/dev/fd", "/dev/shm/" };
static const char attacked_cgroup[] = "/kist-attack";
static const char ignored_mount[] = " /run/kist/.hostns";

static const char *const sysctls[] = {
	"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",
	"/proc/sys/kernel/hostname",	 "/proc/sys/kernel/domainname",
	"/proc/sys/kernel/shmmax",	 "/proc/sys/kernel/sysrq",
	"/proc/sys/net/ipv4/ip_forward", "/proc/sys/vm/overcommit_memory",
	"/proc/sys/kernel/msgmax",	 "/proc/sys/fs/mqueue/msg_max",
};

static unsigned long text_hash(const char *text, size_t size)
{
	unsigned long hash = 5381;

	for (size_t i = 0; i < size; i++)
		hash = hash * 33 + (unsigned char)text[i];
	return hash;
}

static void file_describe(struct text *out, struct arena *arena, const char *path, enum depth depth)
{
	struct stat st;
	struct error err;
	char *content = NULL;
	size_t size = 0;

	if (lstat(path, &st) < 0)
		return;
	if (depth == CGROUPS) {
		if (S_ISDIR(st.st_mode) && strcmp(strrchr(path, '/'), attacked_cgroup) == 0)
			text_printf(out, "%s\n", path);
		return;
	}
	text_printf(out, "%s mode %o owner %u:%u rdev %lx", path, st.st_mode, st.st_uid, st.st_gid,
		    (unsigned long)st.st_rdev);
	if (depth == EVERYTHING) {
		if (S_ISREG(st.st_mode))
			(void)file_read(AT_FDCWD, path, (size_t)64 << 20, arena, &content, &size,
					&err);
		text_printf(out, " size %lld ino %lu mtime %lld.%09ld ctime %lld.%09ld hash %lx",
			    (long long)st.st_size, (unsigned long)st.st_ino,
			    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
			    (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec,
			    content != NULL ? text_hash(content, size) : 0);
	}
	text_add(out, "\n");
}

static bool is_ignored(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		if (strncmp(path, ignored[i], strlen(ignored[i])) == 0)
			return true;
	return false;
}

static int path_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The paths of what is in a directory, sorted, so that two listings of a tree are equal text. */
static size_t directory_list(struct arena *arena, const char *path, const char ***ret)
{
	_cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	size_t count = 0, room = 0;

	if (dir == NULL)
		return 0;
	fd = -EBADF;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (count == room) {
			const char **more = ARENA_NEWS(arena, room * 2 + 32, const char *);

			if (count > 0)
				memcpy(more, *ret, count * sizeof(*more));
			*ret = more;
			room = room * 2 + 32;
		}
		(*ret)[count++] = arena_printf(arena, "%s/%s", path, entry->d_name);
	}
	closedir(dir);
	if (count > 0)
		qsort(*ret, count, sizeof(**ret), path_compare);
	return count;
}

static void tree_describe(struct text *out, struct arena *arena, const char *path, enum depth depth)
{
	const char **paths = NULL;
	size_t count = directory_list(arena, path, &paths);

	for (size_t i = 0; i < count; i++) {
		struct stat st;

		if (is_ignored(paths[i]) || lstat(paths[i], &st) < 0)
			continue;
		file_describe(out, arena, paths[i], depth);
		if (S_ISDIR(st.st_mode))
			tree_describe(out, arena, paths[i], depth);
	}
}

static void mounts_describe(struct text *out, struct arena *arena)
{
	struct error err;
	char *mounts, *end;

	/* Of this thread: Criterion's other one stayed in the namespace of the host. */
	if (file_read(AT_FDCWD, "/proc/thread-self/mountinfo", 1 << 24, arena, &mounts, NULL,
		      &err) < 0)
		return;
	for (; (end = strchr(mounts, '\n')) != NULL; mounts = end + 1) {
		*end = '\0';
		if (strstr(mounts, ignored_mount) == NULL)
			text_printf(out, "%s\n", mounts);
	}
}

const char *guard_snapshot(struct arena *arena, const char *sentinel)
{
	struct text out = { .arena = arena };
	struct error err;
	char *content;

	file_describe(&out, arena, sentinel, EVERYTHING);
	tree_describe(&out, arena, sentinel, EVERYTHING);
	tree_describe(&out, arena, "/dev", KINDS);
	tree_describe(&out, arena, "/run/netns", KINDS);
	tree_describe(&out, arena, "/sys/fs/cgroup", CGROUPS);
	mounts_describe(&out, arena);
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
