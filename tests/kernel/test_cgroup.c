/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"
#include "runtime/cgroup/internal.h"
#include "runtime/cgroup/stats.h"
#include "runtime/clone.h"
#include "tests/kernel/cgroup_stage.h"
#include "tests/kernel/child.h"

TestSuite(cgroup, .init = begin, .fini = leave);

Test(cgroup, is_made_and_leaves_nothing)
{
	make(arena_printf(&arena, "%s/a/b", base));
	cr_expect_str_eq(cgroup.path, arena_printf(&arena, "%s/a/b", base));
	cr_expect_geq(count_of(cgroup.path), 1);
	cr_expect_eq(cgroup_destroy(&cgroup, &err), 0, "%s", err.text);
	cr_expect_eq(count_of(base), 0, "the parents stay");
}

/* A removal that was killed had removed it, and one of the directories above. */
Test(cgroup, parents_go_also_where_it_is_gone_already)
{
	_cleanup_fd int root_fd = -EBADF;
	struct cgroup other = CGROUP_INIT;

	make(arena_printf(&arena, "%s/a/b", base));
	other.host = cgroup.host;
	other.path = arena_printf(&arena, "%s/a/x/y/z", base);
	root_fd = cgroup_host() == CGROUP_LEGACY ? -1 : cgroup_v2_root(cgroup_host(), &err);
	if (root_fd >= 0)
		cr_expect_eq(cgroup_dir_remove(root_fd, &other, &err), 0, "%s", err.text);
	cr_expect_geq(count_of(cgroup.path), 1, "it went for another's sake");
	cgroup.path = arena_printf(&arena, "%s/a/b/c/d/e", base);
	cr_expect_eq(cgroup_destroy(&cgroup, &err), 0, "%s", err.text);
	cgroup.path = arena_printf(&arena, "%s/a/b", base);
	cr_expect_eq(cgroup_destroy(&cgroup, &err), 0, "%s", err.text);
	cr_expect_eq(count_of(base), 0);
}

static void hierarchy_dir(char path[256], const char *below)
{
	snprintf(path, 256, "/sys/fs/cgroup%s%s%s",
		 cgroup_host() == CGROUP_UNIFIED ? "" :
		 cgroup_host() == CGROUP_HYBRID	 ? "/unified" :
						   "/pids",
		 base, below);
}

/* As the end of the last other container in it does. */
static int parent_take_away(void *context, int dir_fd _unused, unsigned int depth,
			    struct error *error _unused)
{
	bool *taken = context;
	char path[256];

	if (depth < 1 || *taken)
		return 0;
	*taken = true;
	hierarchy_dir(path, "");
	return rmdir(path);
}

Test(cgroup, is_made_though_a_parent_is_taken_away_meanwhile)
{
	_cleanup_fd int root_fd = -EBADF, fd = -EBADF;
	bool taken = false, made = false;
	char path[256];

	if (cgroup_host() == CGROUP_LEGACY)
		cr_skip_test("no cgroup v2 on this host");
	root_fd = cgroup_v2_root(cgroup_host(), &err);
	make_plan(NULL);
	cgroup.path = arena_printf(&arena, "%s/own", base);
	hierarchy_dir(path, "");
	fd = cgroup_dir_make(root_fd, cgroup.path, parent_take_away, &taken, &made, &err);
	cr_expect_geq(fd, 0, "%s", err.text);
	cr_expect(made && taken);
	cr_expect_eq(cgroup_destroy(&cgroup, &err), 0, "%s", err.text);
	cr_expect_neq(access(path, F_OK), 0, "the parent stays");
}

/* "exec --cgroup", or an administrator, put it there; its cgroup in v2 may be gone already. */
Test(cgroup, what_is_in_one_hierarchy_alone_is_killed_too)
{
	char own[256], text[16];
	int status;
	pid_t pid;

	if (cgroup_host() == CGROUP_UNIFIED || access("/sys/fs/cgroup/memory", F_OK) < 0)
		cr_skip_test("no cgroup v1 on this host");
	limit_v1();
	make(NULL);
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	snprintf(own, sizeof(own), "/sys/fs/cgroup/memory%s", base);
	snprintf(text, sizeof(text), "%d", (int)pid);
	cr_assert_eq(file_write(AT_FDCWD, arena_printf(&arena, "%s/cgroup.procs", own), text, &err),
		     0, "%s", err.text);
	cr_expect_neq(cgroup_destroy(&cgroup, &err), 0, "with a process in it");
	cr_expect_eq(cgroup_kill(&cgroup, &err), 0, "%s", err.text);
	for (int tries = 0; tries < 6000 && (status = waitpid(pid, NULL, WNOHANG)) == 0; tries++)
		usleep(10000);
	cr_expect_eq(status, pid, "it lives");
	if (status == 0)
		kill(pid, SIGKILL);
	cr_expect_eq(cgroup_destroy(&cgroup, &err), 0, "%s", err.text);
	cr_expect_eq(count_of(base), 0);
}

/* cgroup2 alone, where v1 is; in a mount namespace of its own. */
static int hide_v1(void)
{
	struct mount_attr private = { .propagation = MS_PRIVATE };
	_cleanup_fd int fs_fd = -EBADF, mount_fd = -EBADF;

	if (unshare(CLONE_NEWNS) < 0 ||
	    sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private) < 0)
		return -1;
	fs_fd = sys_fsopen("cgroup2", FSOPEN_CLOEXEC);
	if (fs_fd < 0 || sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	mount_fd = sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, 0);
	return mount_fd < 0 ? -1 :
			      sys_move_mount(mount_fd, "", AT_FDCWD, "/sys/fs/cgroup",
					     MOVE_MOUNT_F_EMPTY_PATH);
}

Test(cgroup, is_not_removed_by_halves_where_v1_is_not_to_be_seen)
{
	size_t count;
	int status;

	if (cgroup_host() == CGROUP_UNIFIED)
		cr_skip_test("no cgroup v1 on this host");
	limit_v1();
	make(NULL);
	count = count_of(base);
	cgroup.v1 = CGROUP_V1_UNKNOWN;
	if (fork() == 0)
		_exit(hide_v1() < 0 ? 3 : cgroup_destroy(&cgroup, &err) < 0 ? 0 : 1);
	cr_assert_neq(wait(&status), -1);
	cr_expect_eq(status, 0);
	cr_expect_eq(count_of(base), count);
	cr_expect_eq(cgroup_destroy(&cgroup, &err), 0, "%s", err.text);
	cr_expect_eq(count_of(base), 0);
}

Test(cgroup, is_below_the_root_when_no_path_is_given)
{
	make(NULL);
	cr_expect_str_eq(cgroup.path, base);
	cr_expect_eq(cgroup_destroy(&cgroup, &err), 0, "%s", err.text);
	cr_expect_eq(count_of(base), 0);
}

Test(cgroup, takes_a_relative_path_from_the_root)
{
	make(arena_printf(&arena, "%s//deep/", base + 1));
	cr_expect_str_eq(cgroup.path, arena_printf(&arena, "%s/deep", base));
}

Test(cgroup, shares_a_parent_until_the_last_goes)
{
	struct cgroup first;

	make(arena_printf(&arena, "%s/first", base));
	first = cgroup;
	make(arena_printf(&arena, "%s/second", base));
	cr_expect_eq(cgroup_destroy(&first, &err), 0, "%s", err.text);
	cr_expect_neq(count_of(base), 0);
	cr_expect_eq(cgroup_destroy(&cgroup, &err), 0, "%s", err.text);
	cr_expect_eq(count_of(base), 0);
}

Test(cgroup, leaves_the_parents_of_others)
{
	const char *other = arena_printf(&arena, "/sys/fs/cgroup%s%s", v2(), base);

	cr_assert_eq(mkdir(other, 0755), 0);
	make(arena_printf(&arena, "%s/mine", base));
	cr_expect_eq(cgroup_destroy(&cgroup, &err), 0, "%s", err.text);
	cr_expect_eq(rmdir(other), 0, "gone");
}

Test(cgroup, of_others_is_refused_and_left_alone)
{
	const char *other = arena_printf(&arena, "/sys/fs/cgroup%s%s", v2(), base);
	_cleanup_fd int fd = -EBADF;
	pid_t pid = fork();
	char text[16];

	if (pid == 0)
		for (;;)
			pause();
	snprintf(text, sizeof(text), "%d", (int)pid);
	cr_assert_eq(mkdir(other, 0755), 0);
	fd = open(other, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_eq(cgroup_file_write(fd, "cgroup.procs", text), 0);
	plan.cgroups_path = base;
	make_plan(NULL);
	cr_expect_eq(cgroup_create(&cgroup, &arena, &plan, &err), -1);
	cr_expect_str_eq(err.text, "container's cgroup is not empty: 1 process(es) found");
	/* What undoes a failed create, and what the journal of a killed one leads to. */
	cr_expect_eq(cgroup_kill(&cgroup, &err), 0);
	cr_expect_eq(cgroup_destroy(&cgroup, &err), 0, "%s", err.text);
	cr_expect_eq(kill(pid, 0), 0);
	cr_expect_eq(waitpid(pid, NULL, WNOHANG), 0, "it was killed");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (int tries = 0; rmdir(other) < 0 && tries < 6000; tries++)
		usleep(10000);
}

Test(cgroup, that_is_frozen_is_refused)
{
	const char *other = arena_printf(&arena, "/sys/fs/cgroup%s%s", v2(), base);
	_cleanup_fd int fd = -EBADF;

	cr_assert_eq(mkdir(other, 0755), 0);
	fd = open(other, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_eq(cgroup_file_write(fd, "cgroup.freeze", "1"), 0);
	plan.cgroups_path = base;
	make_plan(NULL);
	cr_expect_eq(cgroup_create(&cgroup, &arena, &plan, &err), -1);
	cr_expect_str_eq(err.text, "container's cgroup unexpectedly frozen");
}

Test(cgroup, path_outside_is_refused)
{
	static const char *const paths[] = {
		"/", "", "..", "/..", "/a/../../b", "a/..", "/./a", "/a\nb", "/cgroup.procs", "///",
	};
	char *longest = arena_alloc(&arena, 5000);

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		plan.cgroups_path = paths[i];
		cr_expect_eq(cgroup_plan(&cgroup, &arena, &plan, "x", CGROUP_CGROUPFS, &err), -1,
			     "%s", paths[i]);
	}
	memset(longest, 'a', 4999);
	plan.cgroups_path = longest;
	cr_expect_eq(cgroup_plan(&cgroup, &arena, &plan, "x", CGROUP_CGROUPFS, &err), -1);
	longest[300] = '\0';
	cr_expect_eq(cgroup_plan(&cgroup, &arena, &plan, "x", CGROUP_CGROUPFS, &err), -1);
}

Test(cgroup, holds_the_process_in_every_hierarchy_of_a_named_path)
{
	make(base);
	expect_everywhere(enter());
	cr_expect_eq(pids_count(), 1);
}

Test(cgroup, is_cgroup2_alone_where_nobody_asks_for_more)
{
	pid_t pid;

	v2();
	make(NULL);
	cr_expect(cgroup.born);
	pid = enter();
	cr_expect_eq(lines_with(cgroups_of(pid), base), 1, "%s", cgroups_of(pid));
	cr_expect_eq(count_of(base), 1);
}

Test(cgroup, lists_what_is_below)
{
	pid_t pid;

	v2();
	make(NULL);
	enter();
	pid = enter();
	cr_assert_eq(mkdirat(cgroup.fd, "below", 0755), 0);
	cr_assert_eq(cgroup_file_write(cgroup.fd, "below/cgroup.procs",
				       arena_printf(&arena, "%d", (int)pid)), 0);
	cr_expect_eq(pids_count(), 2);
	cr_expect_eq(cgroup_kill(&cgroup, &err), 0, "%s", err.text);
	cr_expect_eq(status_of(pid), 128 + SIGKILL);
	cr_expect_eq(cgroup_destroy(&cgroup, &err), 0, "%s", err.text);
	cr_expect_eq(count_of(base), 0);
}

/* Who is overlooked would live on. */
Test(cgroup, lists_none_where_one_cannot_be_read)
{
	struct rlimit few = { 0, 1024 };
	pid_list pids = { 0 };

	v2();
	make(NULL);
	cr_assert_eq(mkdirat(cgroup.fd, "below", 0755), 0);
	/* One for the list, one for what is in it, none for its processes. */
	few.rlim_cur = (rlim_t)dup(0) + 2;
	close((int)few.rlim_cur - 2);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	cr_expect_eq(cgroup_dir_pids(cgroup.fd, &arena, &pids, &err), -1);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 1024, 1024 });
}

Test(cgroup, freezes_and_thaws)
{
	make(NULL);
	expect_freezes();
}

Test(cgroup, signals_all_in_it)
{
	pid_t first, second;

	make(NULL);
	first = enter();
	second = enter();
	cr_expect_eq(cgroup_signal(&cgroup, SIGUSR1, &err), 0, "%s", err.text);
	cr_expect_eq(status_of(first), 128 + SIGUSR1);
	cr_expect_eq(status_of(second), 128 + SIGUSR1);
}

/* A pidfd is held of each while the list is read again: not of all of them at the same time. */
Test(cgroup, signals_more_than_there_are_fds)
{
	struct rlimit few = { 64, 64 };
	int status, ended = 0;

	make(NULL);
	for (int i = 0; i < 70; i++)
		enter();
	cr_assert_eq(prlimit(0, RLIMIT_NOFILE, &few, NULL), 0);
	cr_expect_eq(cgroup_signal(&cgroup, SIGUSR1, &err), 0, "%s", err.text);
	for (int ms = 0; ended < 70 && ms < 60000; ms++) {
		while (waitpid(-1, &status, WNOHANG) > 0)
			ended += WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1;
		usleep(1000);
	}
	cr_expect_eq(ended, 70, "%d were signalled", ended);
}

Test(cgroup, with_live_processes_is_not_removed)
{
	make(NULL);
	enter();
	cr_expect_eq(cgroup_destroy(&cgroup, &err), -1);
	cr_expect_eq(err.code, EBUSY);
	cr_expect_not_null(strstr(err.text, "1 process(es) in it"), "%s", err.text);
}

Test(cgroup, born_again_after_a_kill_is_not_used)
{
	v2();
	make(NULL);
	enter();
	cr_expect_eq(cgroup_kill(&cgroup, &err), 0, "%s", err.text);
	cr_expect_not(cgroup.born);
}

Test(cgroup, that_existed_is_joined_by_procs)
{
	const char *other = arena_printf(&arena, "/sys/fs/cgroup%s%s", v2(), base);
	_cleanup_fd int fd = -EBADF;
	pid_t pid;

	cr_assert_eq(mkdir(other, 0755), 0);
	fd = open(other, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_eq(cgroup_file_write(fd, "cgroup.kill", "1"), 0);
	make(base);
	cr_expect_not(cgroup.born);
	pid = enter();
	expect_everywhere(pid);
	cr_expect_eq(kill(pid, 0), 0);
}

Test(cgroup, opened_again_takes_another_process)
{
	struct cgroup again = CGROUP_INIT;

	make(NULL);
	enter();
	again.host = cgroup.host;
	again.manager = cgroup.manager;
	again.path = cgroup.path;
	cgroup_close(&cgroup);
	cgroup = again;
	cr_assert_eq(cgroup_open(&cgroup, &err), 0, "%s", err.text);
	enter();
	cr_expect_eq(pids_count(), 2);
}
