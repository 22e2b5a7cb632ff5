/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/load.h"
#include "config/seccomp_cache.h"

static struct arena arena;
static struct sock_filter stored[] = { { 6, 0, 0, 1 }, { 6, 0, 0, 2 } };
static const seccomp_filter filter = { stored, ARRAY_SIZE(stored) };
static char directory[64];
static int dir_fd = -EBADF;

static void make_directory(void)
{
	snprintf(directory, sizeof(directory), "/tmp/kist-test-cache.XXXXXX");
	cr_assert_not_null(mkdtemp(directory));
	dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The name of a file in it, or NULL.  *ret_count: how many there are. */
static const char *file_name(size_t *ret_count)
{
	static char name[256];
	DIR *list = opendir(directory);
	struct dirent *entry;

	*ret_count = 0;
	while ((entry = readdir(list)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s", entry->d_name);
		(*ret_count)++;
	}
	closedir(list);
	return *ret_count > 0 ? name : NULL;
}

static void remove_directory(void)
{
	size_t count;

	for (const char *name = file_name(&count); name != NULL; name = file_name(&count))
		unlinkat(dir_fd, name, 0);
	fd_close(&dir_fd);
	rmdir(directory);
	arena_free(&arena);
}

TestSuite(seccomp_cache, .init = make_directory, .fini = remove_directory);

static int load(const char *key)
{
	seccomp_filter found = { 0 };

	if (seccomp_cache_load(dir_fd, &arena, key, strlen(key), &found) < 0)
		return -1;
	cr_expect_eq(found.count, filter.count);
	cr_expect_eq(memcmp(found.items, filter.items, sizeof(stored)), 0);
	return 0;
}

static void save(const char *key)
{
	seccomp_cache_save(dir_fd, &arena, key, strlen(key), &filter);
}

Test(seccomp_cache, gives_back_what_was_saved)
{
	cr_expect_eq(load("a profile"), -1);
	save("a profile");
	cr_expect_eq(load("a profile"), 0);
	cr_expect_eq(load("another"), -1);
}

Test(seccomp_cache, keeps_files_to_its_owner)
{
	struct stat st;
	size_t count;

	save("a profile");
	cr_assert_eq(fstatat(dir_fd, file_name(&count), &st, 0), 0);
	cr_expect_eq(st.st_mode & 07777, 0600);
	cr_expect_eq(count, 1, "no temporary file is left");
}

/* As if the hashes of two profiles were made to be equal. */
Test(seccomp_cache, compares_the_whole_key)
{
	char mine[64], others[64];
	size_t count;

	save("profile of A");
	snprintf(others, sizeof(others), "%s", file_name(&count));
	unlinkat(dir_fd, others, 0);
	save("profile of B");
	snprintf(mine, sizeof(mine), "%s", file_name(&count));
	cr_assert_eq(renameat(dir_fd, mine, dir_fd, others), 0);
	cr_expect_eq(load("profile of A"), -1);
}

Test(seccomp_cache, takes_nothing_from_a_damaged_file)
{
	static const char key[] = "a profile";
	struct stat st;
	size_t count;

	save(key);
	cr_assert_eq(fstatat(dir_fd, file_name(&count), &st, 0), 0);
	for (off_t at = 0; at < st.st_size; at++) {
		_cleanup_fd int fd = openat(dir_fd, file_name(&count), O_RDWR | O_CLOEXEC);
		char byte;

		/* Between the key and the instructions there are bytes that mean nothing. */
		if (at >= 24 + (off_t)strlen(key) && at < 40)
			continue;
		cr_assert_eq(pread(fd, &byte, 1, at), 1);
		byte ^= 0x10;
		cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
		cr_expect_eq(load(key), -1, "byte %ld", (long)at);
		byte ^= 0x10;
		cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
	}
	cr_expect_eq(load(key), 0);
	for (off_t size = 0; size < st.st_size; size++) {
		_cleanup_fd int fd = openat(dir_fd, file_name(&count), O_RDWR | O_CLOEXEC);

		cr_assert_eq(ftruncate(fd, size), 0);
		cr_expect_eq(load(key), -1, "cut at %ld", (long)size);
		save(key);
	}
	cr_expect_eq(load(key), 0);
}

Test(seccomp_cache, takes_nothing_that_others_may_write)
{
	size_t count;

	save("a profile");
	cr_assert_eq(fchmodat(dir_fd, file_name(&count), 0620, 0), 0);
	cr_expect_eq(load("a profile"), -1);
	cr_assert_eq(fchmodat(dir_fd, file_name(&count), 0600, 0), 0);
	cr_expect_eq(load("a profile"), 0);
	if (geteuid() == 0) {
		cr_assert_eq(fchownat(dir_fd, file_name(&count), 65534, 65534, 0), 0);
		cr_expect_eq(load("a profile"), -1);
	}
}

Test(seccomp_cache, follows_no_symlink)
{
	char name[64];
	size_t count;

	save("a profile");
	snprintf(name, sizeof(name), "%s", file_name(&count));
	cr_assert_eq(renameat(dir_fd, name, dir_fd, "real"), 0);
	cr_assert_eq(symlinkat("real", dir_fd, name), 0);
	cr_expect_eq(load("a profile"), -1);
}

Test(seccomp_cache, does_not_grow_for_ever)
{
	char key[32];
	size_t count;

	for (int i = 0; i < 300; i++) {
		snprintf(key, sizeof(key), "profile %d", i);
		save(key);
	}
	file_name(&count);
	cr_expect_leq(count, 130);
	cr_expect_eq(load("profile 299"), 0);
}

/* In a child, because the directory belongs to the caller, and root's is the real one. */
static int open_as_user(mode_t mode, uid_t owner)
{
	char path[128];
	int status;
	pid_t pid;

	chown(directory, 65534, 65534);
	snprintf(path, sizeof(path), "%s/kist", directory);
	mkdir(path, 0700);
	chown(path, 65534, 65534);
	snprintf(path, sizeof(path), "%s/kist/.seccomp", directory);
	if (mode != 0) {
		mkdir(path, 0700);
		chmod(path, mode);
		chown(path, owner, owner);
	}
	pid = fork();
	if (pid == 0) {
		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		setenv("XDG_RUNTIME_DIR", directory, 1);
		_exit(seccomp_cache_open(true) >= 0 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/kist", directory);
	rmdir(path);
	return WEXITSTATUS(status);
}

Test(seccomp_cache, opens_a_private_directory_only)
{
	if (geteuid() != 0)
		cr_skip_test("needs root, to be somebody else");
	cr_expect_eq(open_as_user(0, 0), 0, "made");
	cr_expect_eq(open_as_user(0700, 65534), 0, "own");
	cr_expect_eq(open_as_user(0750, 65534), 1, "the group may read");
	cr_expect_eq(open_as_user(0777, 65534), 1, "all may write");
	cr_expect_eq(open_as_user(0700, 65533), 1, "somebody else's");
}

/* Each differs from the first in one thing, which the key must hold. */
static const char *const profiles[] = {
#define PROFILE(top, names, action, arg)                                                          \
	"{'defaultAction': " top ", 'syscalls': [{'names': [" names "], 'action': '" action "', " \
	"'args': [" arg "]}]}"
#define ARG	    "{'index': 0, 'value': 1, 'op': 'SCMP_CMP_EQ'}"
#define MASKED(two) "{'index': 0, 'value': 1, 'valueTwo': " two ", 'op': 'SCMP_CMP_MASKED_EQ'}"
	PROFILE("'SCMP_ACT_ERRNO'", "'mkdirat'", "SCMP_ACT_ALLOW", ARG),
	PROFILE("'SCMP_ACT_KILL_PROCESS'", "'mkdirat'", "SCMP_ACT_ALLOW", ARG),
	PROFILE("'SCMP_ACT_ERRNO', 'defaultErrnoRet': 2", "'mkdirat'", "SCMP_ACT_ALLOW", ARG),
	PROFILE("'SCMP_ACT_ERRNO'", "'unlinkat'", "SCMP_ACT_ALLOW", ARG),
	PROFILE("'SCMP_ACT_ERRNO'", "'mkdirat', 'unlinkat'", "SCMP_ACT_ALLOW", ARG),
	PROFILE("'SCMP_ACT_ERRNO'", "'mkdirat'", "SCMP_ACT_LOG", ARG),
	PROFILE("'SCMP_ACT_ERRNO'", "'mkdirat'", "SCMP_ACT_ALLOW", ""),
	PROFILE("'SCMP_ACT_ERRNO'", "'mkdirat'", "SCMP_ACT_ALLOW",
		"{'index': 1, 'value': 1, 'op': 'SCMP_CMP_EQ'}"),
	PROFILE("'SCMP_ACT_ERRNO'", "'mkdirat'", "SCMP_ACT_ALLOW",
		"{'index': 0, 'value': 4294967297, 'op': 'SCMP_CMP_EQ'}"),
	PROFILE("'SCMP_ACT_ERRNO'", "'mkdirat'", "SCMP_ACT_ALLOW",
		"{'index': 0, 'value': 1, 'op': 'SCMP_CMP_NE'}"),
	PROFILE("'SCMP_ACT_ERRNO'", "'mkdirat'", "SCMP_ACT_ALLOW", MASKED("1")),
	PROFILE("'SCMP_ACT_ERRNO'", "'mkdirat'", "SCMP_ACT_ALLOW", MASKED("0")),
};

static seccomp_filter filter_of(const char *profile)
{
	char *text = arena_printf(&arena,
				  "{'ociVersion': '1.3.0', 'root': {'path': '/r'}, "
				  "'linux': {'seccomp': %s}}",
				  profile);
	const struct plan *plan;
	struct error err;

	for (char *at = text; *at != '\0'; at++)
		*at = *at == '\'' ? '"' : *at;
	plan = plan_parse(&arena, "/b", "config.json", text, strlen(text), &err);
	cr_assert_not_null(plan, "%s", err.text);
	return plan->seccomp->filter;
}

Test(seccomp_cache, tells_profiles_apart)
{
	seccomp_filter filters[ARRAY_SIZE(profiles)];
	size_t count;

	/* Another user's than root's: root has that of this machine. */
	cr_assert_eq(fchown(dir_fd, geteuid() == 0 ? 65534 : geteuid(), (gid_t)-1), 0);
	if (geteuid() == 0)
		cr_assert_eq(seteuid(65534), 0);
	setenv("XDG_RUNTIME_DIR", directory, 1);
	for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
		filters[i] = filter_of(profiles[i]);
		for (size_t j = 0; j < i; j++)
			cr_expect(filters[i].count != filters[j].count ||
					  memcmp(filters[i].items, filters[j].items,
						 filters[i].count * sizeof(struct sock_filter)) !=
						  0,
				  "%zu has the filter of %zu", i, j);
	}
	snprintf(directory + strlen(directory), sizeof(directory) - strlen(directory),
		 "/kist/.seccomp");
	file_name(&count);
	cr_expect_eq(count, ARRAY_SIZE(profiles), "a file each");
	fd_close(&dir_fd);
	dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (const char *name = file_name(&count); name != NULL; name = file_name(&count))
		unlinkat(dir_fd, name, 0);
	for (int parents = 0; parents < 2; parents++) {
		rmdir(directory);
		*strrchr(directory, '/') = '\0';
	}
}
