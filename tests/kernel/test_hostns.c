/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/namespace.h"
#include "base/sys.h"
#include "runtime/clone.h"
#include "runtime/hostns.h"
#include "runtime/program_cache.h"
#include "tests/kernel/child.h"

/* How many lines of mountinfo speak of kist, beyond those that the host's own pin left. */
static int mounts_counted(void)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[4096];
	int count = 0;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		count += strstr(line, "/run/kist/") != NULL;
	if (file != NULL)
		fclose(file);
	return count;
}

static int mounts_before;
static int mounts_of_ours(void)
{
	return mounts_counted() - mounts_before;
}

/*
 * Each test is a fork in a mount namespace of its own, with its own /run, so
 * that the host's pin is neither seen nor touched.
 */
static int in_private_run(void)
{
	struct mount_attr private = { .propagation = 1UL << 18 };	/* MS_PRIVATE */
	int fs_fd, fd;

	if (unshare(CLONE_NEWNS) < 0 ||
	    sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private) < 0)
		return -1;
	fs_fd = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (fs_fd < 0 || sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	fd = sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, 0);
	mounts_before = mounts_counted();
	return sys_move_mount(fd, "", AT_FDCWD, "/run", MOVE_MOUNT_F_EMPTY_PATH);
}

#define CHECK(what) CHECK_WITH(err, what)

static ino_t inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static int makes_one_and_keeps_it(void *context)
{
	struct error err = { 0 };
	int first, second;

	(void)context;
	CHECK(in_private_run() == 0);
	first = hostns_open(&err);
	CHECK(first >= 0);
	CHECK(mounts_of_ours() == 3);
	second = hostns_open(&err);
	CHECK(second >= 0 && inode(first) == inode(second));
	CHECK(mounts_of_ours() == 3);
	/* An administrator may take the pin away: the next one makes another. */
	CHECK(sys_umount2(HOSTNS_DIRECTORY, MNT_DETACH) == 0);
	CHECK(mounts_of_ours() == 0);
	second = hostns_open(&err);
	CHECK(second >= 0 && inode(first) != inode(second));
	CHECK(mounts_of_ours() == 3);
	return 0;
}

static int is_empty_and_read_only(void *context)
{
	struct error err = { 0 };
	DIR *root;
	int fd, names = 0;

	(void)context;
	CHECK(in_private_run() == 0);
	fd = hostns_open(&err);
	CHECK(fd >= 0 && setns(fd, CLONE_NEWNS) == 0);
	root = opendir("/");
	CHECK(root != NULL);
	for (struct dirent *entry; (entry = readdir(root)) != NULL;)
		names += entry->d_name[0] != '.';
	CHECK(names == 1 && access("/root", F_OK) == 0);
	CHECK(mkdir("/more", 0700) < 0 && errno == EROFS);
	CHECK(mkdir("/root/more", 0700) < 0 && errno == EROFS);
	return 0;
}

/* In a copy of the mounts the pin is not seen: made there again, and the other one stays. */
static int is_made_again_in_a_newer_mount_namespace(void *context)
{
	struct error err = { 0 };
	int first, second, other;
	pid_t pid;

	(void)context;
	CHECK(in_private_run() == 0);
	first = hostns_open(&err);
	CHECK(first >= 0);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0)
			_exit(2);
		other = hostns_open(&err);
		_exit(other >= 0 && inode(other) != inode(first) ? 0 : 1);
	}
	CHECK(child_wait(pid) == 0);
	second = hostns_open(&err);
	CHECK(second >= 0 && inode(first) == inode(second));
	return 0;
}

/* With it none could be attached in a container, or the container would have the pin, too. */
static int is_left_out_of_recursive_binds(void *context)
{
	struct error err = { 0 };
	struct statfs fs;
	int tree;

	(void)context;
	CHECK(in_private_run() == 0);
	CHECK(hostns_open(&err) >= 0);
	tree = sys_open_tree(AT_FDCWD, "/run", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	CHECK(tree >= 0 && unshare(CLONE_NEWNS) == 0);
	CHECK(sys_move_mount(tree, "", AT_FDCWD, "/run", MOVE_MOUNT_F_EMPTY_PATH) == 0);
	CHECK(statfs(HOSTNS_DIRECTORY "/mnt", &fs) == 0 && fs.f_type != NSFS_MAGIC);
	return 0;
}

/* What somebody else could have put there is not used. */
static int does_not_trust_what_it_finds(void *context)
{
	struct error err = { 0 };
	int own, fd;

	(void)context;
	CHECK(in_private_run() == 0);
	fd = hostns_open(&err);
	CHECK(fd >= 0);
	own = (int)inode(fd);
	CHECK(chmod("/run/kist/.hostns", 0777) == 0);
	fd = hostns_open(&err);
	CHECK(fd >= 0 && (int)inode(fd) != own);
	own = (int)inode(fd);
	/* Another namespace's file on top of ours. */
	fd = sys_open_tree(AT_FDCWD, "/proc/self/ns/uts", OPEN_TREE_CLONE);
	CHECK(fd >= 0 && sys_move_mount(fd, "", AT_FDCWD, "/run/kist/.hostns/mnt",
					MOVE_MOUNT_F_EMPTY_PATH) == 0);
	fd = hostns_open(&err);
	CHECK(fd >= 0 && (int)inode(fd) != own && (int)inode(fd) != 0);
	CHECK(setns(fd, CLONE_NEWNS) == 0);
	return 0;
}

static int refuses_a_directory_that_others_can_write(void *context)
{
	struct error err = { 0 };

	(void)context;
	CHECK(in_private_run() == 0);
	CHECK(mkdir("/run/kist", 0777) == 0 && chmod("/run/kist", 0777) == 0);
	CHECK(hostns_open(&err) == -1);
	CHECK(strcmp(err.text, "/run/kist must be a directory that only root can write: "
			       "operation not permitted") == 0);
	return 0;
}

static int many_make_one(void *context)
{
	struct error err = { 0 };
	int ends[2], failed = 0;
	unsigned long seen = 0, inodes[16];

	(void)context;
	CHECK(in_private_run() == 0 && pipe(ends) == 0);
	for (int i = 0; i < 16; i++) {
		if (fork() == 0) {
			int fd = hostns_open(&err);
			unsigned long number = fd >= 0 ? inode(fd) : 0;

			_exit(write(ends[1], &number, sizeof(number)) < 0);
		}
	}
	for (int i = 0; i < 16; i++) {
		CHECK(read(ends[0], &inodes[i], sizeof(inodes[i])) == sizeof(inodes[i]));
		seen = inodes[0];
		failed += inodes[i] == 0 || inodes[i] != seen;
	}
	while (wait(NULL) > 0)
		;
	CHECK(failed == 0);
	CHECK(mounts_of_ours() == 3);
	return 0;
}

/* The same instructions give the program that is loaded; others, or without the key, none. */
static int keeps_programs(void *context)
{
	struct bpf_insn allow[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct error err = { 0 };
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE };
	int fd, found;

	(void)context;
	CHECK(in_private_run() == 0);
	attr.insns = (uint64_t)(uintptr_t)allow;
	attr.insn_cnt = 2;
	attr.license = (uint64_t)(uintptr_t)"Apache-2.0";
	fd = sys_bpf(BPF_PROG_LOAD, &attr);
	CHECK(fd >= 0);
	/* Nowhere to keep it yet. */
	program_cache_add(allow, sizeof(allow), fd);
	CHECK(program_cache_find(allow, sizeof(allow)) == -EBADF);
	CHECK(hostns_open(&err) >= 0);
	CHECK(program_cache_find(allow, sizeof(allow)) == -EBADF);
	program_cache_add(allow, sizeof(allow), fd);
	found = program_cache_find(allow, sizeof(allow));
	CHECK(found >= 0 && fcntl(found, F_GETFD) == FD_CLOEXEC);
	CHECK(program_cache_find(allow, sizeof(allow[0])) == -EBADF);
	allow[0].imm = 0;
	CHECK(program_cache_find(allow, sizeof(allow)) == -EBADF);
	allow[0].imm = 1;
	CHECK(chmod("/run/kist/.hostns", 0755) == 0);
	CHECK(program_cache_find(allow, sizeof(allow)) == -EBADF);
	return 0;
}

static int tells_the_initial_user_namespace(void *context)
{
	struct error err = { 0 };
	char path[64];
	pid_t pid;

	(void)context;
	CHECK(in_private_run() == 0);
	CHECK(namespace_user_is_initial());
	CHECK(hostns_open(&err) >= 0);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER) < 0)
			_exit(2);
		raise(SIGSTOP);
		/* The pin is in sight, and not for us. */
		_exit(geteuid() != 0 || namespace_user_is_initial() || hostns_open(&err) >= 0);
	}
	CHECK(waitpid(pid, NULL, WUNTRACED) == pid);
	/* Its map is that of the initial one, as systemd's PrivateUsers=full makes it. */
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	CHECK(file_write(AT_FDCWD, path, "0 0 4294967295", &err) == 0);
	CHECK(kill(pid, SIGCONT) == 0);
	CHECK(child_wait(pid) == 0);
	return 0;
}

Test(hostns, is_made_once_and_removed)
{
	child_expect(makes_one_and_keeps_it);
}
Test(hostns, holds_one_directory_and_is_read_only)
{
	child_expect(is_empty_and_read_only);
}
Test(hostns, is_made_again_where_it_is_not_seen)
{
	child_expect(is_made_again_in_a_newer_mount_namespace);
}
Test(hostns, is_left_out_of_recursive_binds)
{
	child_expect(is_left_out_of_recursive_binds);
}
Test(hostns, does_not_trust_what_it_finds)
{
	child_expect(does_not_trust_what_it_finds);
}
Test(hostns, wants_a_directory_of_its_own)
{
	child_expect(refuses_a_directory_that_others_can_write);
}
Test(hostns, is_made_once_by_many)
{
	child_expect(many_make_one);
}

Test(hostns, is_for_the_initial_user_namespace)
{
	child_expect(tells_the_initial_user_namespace);
}

Test(hostns, keeps_programs)
{
	child_expect(keeps_programs);
}

Test(hostns, is_not_for_plans_that_need_the_host)
{
	struct plan plan = { .clone_flags = CLONE_NEWNS };
	struct hook_plan hook = { .path = "/bin/true" };

	child_need_root();
	cr_expect(hostns_usable(&plan));
	plan.clone_flags = CLONE_NEWNS | CLONE_NEWUSER;
	cr_expect_not(hostns_usable(&plan));
	plan.clone_flags = CLONE_NEWPID;
	cr_expect_not(hostns_usable(&plan));
	plan.clone_flags = CLONE_NEWNS;
	plan.hooks[HOOK_CREATE_CONTAINER].items = &hook;
	plan.hooks[HOOK_CREATE_CONTAINER].count = 1;
	cr_expect_not(hostns_usable(&plan));
}
