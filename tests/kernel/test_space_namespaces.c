/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "runtime/clone.h"
#include "tests/kernel/child.h"
#include "tests/kernel/space.h"

static struct kist_error err;

static const struct {
	uint64_t flag;
	const char *file;
} rows[] = {
	{ CLONE_NEWNS, "mnt" }, { CLONE_NEWCGROUP, "cgroup" }, { CLONE_NEWUTS, "uts" },
	{ CLONE_NEWIPC, "ipc" }, { CLONE_NEWUSER, "user" }, { CLONE_NEWPID, "pid" },
	{ CLONE_NEWNET, "net" }, { CLONE_NEWTIME, "time" },
};
#define ROWS	(sizeof(rows) / sizeof(rows[0]))

/* The inode of each of our namespaces. */
static int look(void *context)
{
	unsigned long *seen = context;

	for (size_t i = 0; i < ROWS; i++) {
		char path[64];
		struct stat st;

		snprintf(path, sizeof(path), "/proc/thread-self/ns/%s", rows[i].file);
		/* The time namespace of a new process is that of its parent's children. */
		seen[i] = stat(path, &st) == 0 ? st.st_ino : 0;
	}
	return getpid() == 1 ? 1 : 0;
}

/* 0, or the number of the first row that is not as asked for, counted from 10. */
static int each_is_new(void *context)
{
	unsigned long *seen = context, own[ROWS];
	const uint64_t rootless = geteuid() == 0 ? 0 : CLONE_NEWUSER;

	look(own);
	for (size_t i = 0; i <= ROWS; i++) {
		struct kist_options options = KIST_OPTIONS_INIT;
		struct kist_space *space;

		options.on = rootless | (i < ROWS ? rows[i].flag & space_all() : space_all());
		options.map_zero = (options.on & CLONE_NEWUSER) != 0;
		options.function = look;
		options.context = seen;
		if (kist_space_start(&options, &space, &err) < 0 ||
		    kist_space_wait(space, -1, NULL, &err) < 0)
			return 10 + (int)i;
		kist_space_free(space);
		for (size_t j = 0; j < ROWS; j++)
			if ((seen[j] != own[j]) != ((options.on & rows[j].flag) != 0) &&
			    rows[j].flag != CLONE_NEWPID)
				return 100 + (int)(10 * i + j);
	}
	return 0;
}

Test(space_namespaces, are_new_where_asked_for_and_else_ours)
{
	unsigned long *seen = shared_memory(ROWS * sizeof(*seen));

	if (geteuid() == 0)
		cr_expect_eq(child_status(each_is_new, seen), 0);
	cr_expect_eq(as_nobody(each_is_new, seen), 0);
}

static int is_pid_1(void *context)
{
	(void)context;
	return getpid() == 1 ? 11 : 12;
}

Test(space_namespaces, can_be_taken_away_again)
{
	struct kist_options options = KIST_OPTIONS_INIT;

	options.on = CLONE_NEWUSER | CLONE_NEWPID;
	options.function = is_pid_1;
	cr_expect_eq(space_end(space_begin(&options)), 11);
	options.off = CLONE_NEWPID;
	cr_expect_eq(space_end(space_begin(&options)), 12);
}

static int show_maps(void *context)
{
	int fd = open("/proc/self/uid_map", O_RDONLY);
	ssize_t n = read(fd, context, 255);

	((char *)context)[n > 0 ? n : 0] = '\0';
	return getuid() < 200 && getuid() == getgid() ? (int)getuid() : 250;
}

/* Lines without their blanks, for the kernel pads them. */
static const char *squeezed(char *text)
{
	char *to = text;

	for (char *at = text; *at != '\0'; at++)
		if (*at != ' ' || (to > text && to[-1] != ' ' && to[-1] != '\n'))
			*to++ = *at;
	*to = '\0';
	return text;
}

Test(space_namespaces, map_ids_in_every_notation)
{
	static const struct kist_id_map array[] = { { 0, 100000, 1000 }, { 5000, 0, 1 } };
	static const struct {
		const char *text, *is;
		int status;
	} texts[] = {
		{ "0 1000 1", "0 1000 1\n", 0 },
		{ "0 1000 1,1 1001 1", "0 1000 1\n1 1001 1\n", 0 },
		{ "0 1000 1\n1 1001 1\n", "0 1000 1\n1 1001 1\n", 0 },
		{ "1000,1001", "0 1000 1\n1 1001 1\n", 0 },
		{ "1000", "0 1000 1\n", 0 },
		{ "self", "0 0 1\n", 0 },
		{ "7 0 1", "7 0 1\n", 7 },
		{ NULL, "0 100000 1000\n5000 0 1\n", 250 },
	};
	char *seen = shared_memory(4096);

	child_need_root();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct kist_options options = KIST_OPTIONS_INIT;

		options.flags = CLONE_NEWUSER;
		options.uid_map = options.gid_map = texts[i].text;
		if (texts[i].text == NULL) {
			options.uid_maps = options.gid_maps = array;
			options.uid_map_count = options.gid_map_count = 2;
		}
		options.function = show_maps;
		options.context = seen;
		cr_expect_eq(space_end(space_begin(&options)), texts[i].status, "row %zu", i);
		cr_expect_str_eq(squeezed(seen), texts[i].is, "row %zu", i);
		for (int vm = 0; vm < 2; vm++) {
			*seen = '\0';
			options.flags = CLONE_NEWUSER | CLONE_VFORK | (vm ? CLONE_VM : 0);
			cr_expect_eq(space_end(space_begin(&options)), texts[i].status);
			cr_expect_str_eq(squeezed(seen), texts[i].is, "row %zu, vfork", i);
		}
	}
}

static int map_too_much(void *context)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_space *space;

	options.flags = CLONE_NEWUSER | *(const uint64_t *)context;
	options.uid_map = options.gid_map = "0 3000000 5";
	options.function = is_pid_1;
	options.context = context;
	if (kist_space_start(&options, &space, &err) == 0)
		return 1;
	/* Killed and reaped. */
	return strstr(err.text, "give the process its ids: write gid_map") != NULL &&
	       waitpid(-1, NULL, __WALL) < 0 && errno == ECHILD ? 0 : 2;
}

Test(space_namespaces, kill_the_child_whose_map_is_refused)
{
	uint64_t flags[] = { 0, CLONE_VFORK, CLONE_VFORK | CLONE_VM };

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		cr_expect_eq(as_nobody(map_too_much, &flags[i]), 0, "row %zu", i);
}

static int make_in_cgroup(void *context)
{
	char text[4096] = "";
	int fd = open("/proc/self/cgroup", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	return n > 0 && strstr(text, context) != NULL ? 0 : 1;
}

Test(space_namespaces, are_made_with_a_cgroup_to_be_born_in)
{
	const char *tops[] = { "/sys/fs/cgroup/unified", "/sys/fs/cgroup" };
	struct kist_options options = KIST_OPTIONS_INIT;
#if CLONE3_ON_STACK
	const uint64_t flags[] = { 0, CLONE_VM, CLONE_VM | CLONE_VFORK,
				   CLONE_VM | CLONE_CLEAR_SIGHAND | CLONE_PARENT_SETTID };
#else
	const uint64_t flags[] = { 0 };
#endif
	char path[256], name[64];
	int fd = -1, tid;

	child_need_root();
	snprintf(name, sizeof(name), "kist-space-%d", getpid());
	for (int i = 0; i < 2 && fd < 0; i++) {
		snprintf(path, sizeof(path), "%s/cgroup.procs", tops[i]);
		if (access(path, F_OK) < 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", tops[i], name);
		if (mkdir(path, 0755) == 0)
			fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		cr_skip_test("no cgroup2 to write to");
	options.cgroup_fd = fd;
	options.function = make_in_cgroup;
	options.context = name;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		options.flags = CLONE_INTO_CGROUP | flags[i];
		options.parent_tid = &tid;
		cr_expect_eq(space_end(space_begin(&options)), 0, "row %zu", i);
	}
	close(fd);
	cr_expect_eq(rmdir(path), 0);
}

static int leave(void *context)
{
	(void)context;
	return 0;
}

/* Killed at its next open(2), which is for the maps of the child. */
static int die_with_maps_to_write(void *context)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_space *space;

	options.flags = CLONE_NEWUSER | *(const uint64_t *)context;
	options.map_zero = 1;
	options.function = leave;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return 1;
	return kist_space_start(&options, &space, NULL) < 0;
}

Test(space_namespaces, wait_for_maps_no_longer_than_the_caller_lives, .timeout = 60)
{
	const uint64_t shared[] = { 0, CLONE_FILES };

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
		uint64_t flags = shared[i];

		cr_expect_eq(child_status(die_with_maps_to_write, &flags), 128 + SIGSYS);
		/* Its child is ours now. */
		cr_expect_gt(waitpid(-1, NULL, __WALL), 0);
	}
}

/* Older kernels (6.1) open what is no memory any more. */
static bool opens_the_dead(void)
{
	char path[64];
	pid_t pid = fork();
	siginfo_t info;
	int fd;

	if (pid == 0)
		_exit(0);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	close(fd);
	waitpid(pid, NULL, 0);
	return fd >= 0;
}

/*
 * What it could open of the memory of processes that came after it; where the dead's is opened,
 * what it could read there: they are copies, and have this at the same place.
 */
static int steal_memory(void *context)
{
	volatile int *stolen = context;
	const bool dead = opens_the_dead();

	while (*stolen >= 0) {
		DIR *dir = opendir("/proc");

		for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
			char path[300], byte;
			int fd;

			if (strtol(entry->d_name, NULL, 10) <= getpid())
				continue;
			snprintf(path, sizeof(path), "/proc/%s/mem", entry->d_name);
			fd = open(path, O_RDWR | O_CLOEXEC);
			*stolen += fd >= 0 &&
				   (!dead || pread(fd, &byte, 1, (off_t)(uintptr_t)stolen) == 1);
			close(fd);
		}
		closedir(dir);
	}
	return 0;
}

/* Neither the child, nor who writes its id maps for it in there. */
Test(space_namespaces, open_no_memory_to_who_is_in_a_joined_namespace, .timeout = 120)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_target target = KIST_TARGET_INIT;
	int *stolen = shared_memory(sizeof(*stolen));
	struct kist_space *space, *child;

	child_need_root();
	options.flags = CLONE_NEWUSER;
	options.map_zero = 1;
	options.function = steal_memory;
	options.context = stolen;
	space = space_begin(&options);
	target.pid = kist_space_pid(space);
	options.function = nothing;
	for (int i = 0; i < 200; i++) {
		options.flags ^= CLONE_NEWUSER;
		options.map_zero = !options.map_zero;
		cr_assert_eq(kist_space_inject(&target, &options, &child, &err), 0, "%s", err.text);
		cr_expect_eq(space_end(child), 1);
	}
	cr_expect_eq(*stolen, 0);
	kist_space_kill(space, NULL);
	cr_expect_eq(space_end(space), -SIGKILL);
}
