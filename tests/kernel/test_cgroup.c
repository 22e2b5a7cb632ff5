/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
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
	for (int tries = 0; rmdir(other) < 0 && tries < 100; tries++)
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
