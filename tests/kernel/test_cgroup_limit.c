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
#include "config/cgroup_write.h"
#include "runtime/cgroup/internal.h"
#include "runtime/cgroup/stats.h"
#include "runtime/clone.h"
#include "tests/kernel/cgroup_stage.h"
#include "tests/kernel/child.h"

Test(cgroup, has_its_limits)
{
	if (cgroup_host() != CGROUP_UNIFIED) {
		limit_v1();
		make(base);
		expect_v1_limits(base);
		return;
	}
	if (!has_controller("memory")) {
		plan.resources.v2.items = &write_hugetlb;
		plan.resources.v2.count = 1;
		if (!has_controller("hugetlb"))
			cr_skip_test("cgroup v2 has neither memory nor hugetlb here");
	} else {
		plan.resources.v2.items = writes_v2;
		plan.resources.v2.count = ARRAY_SIZE(writes_v2);
	}
	plan.resources.listed = true;
	make(arena_printf(&arena, "%s/a", base));
	LIST_EACH(write, plan.resources.v2)
		cr_expect_str_eq(file_text("", cgroup.path, write->file), write->text);
}

Test(cgroup, of_a_hybrid_host_has_limits_of_both_versions)
{
	struct cgroup_write v1[] = { writes_v1[0], write_hugetlb };
	struct cgroup_write v2_writes[] = { writes_v2[0], write_hugetlb };

	if (cgroup_host() != CGROUP_HYBRID || !has_controller("hugetlb"))
		cr_skip_test("not a hybrid host with hugetlb in cgroup v2");
	v1[1].file = "hugetlb.2MB.limit_in_bytes";
	plan.resources.listed = true;
	plan.resources.v1.items = v1;
	plan.resources.v2.items = v2_writes;
	plan.resources.v1.count = plan.resources.v2.count = 2;
	make(base);
	cr_expect_str_eq(file_text("/memory", base, v1[0].file), v1[0].text);
	cr_expect_str_eq(file_text("/unified", base, "hugetlb.2MB.max"), "2097152");
}

Test(cgroup, names_the_controller_that_is_missing)
{
	static struct cgroup_write missing = {
		.controller = "nonesuch", .file = "nonesuch.max", .text = "1",
	};

	plan.resources.listed = true;
	plan.resources.v1.items = plan.resources.v2.items = &missing;
	plan.resources.v1.count = plan.resources.v2.count = 1;
	plan.cgroups_path = base;
	make_plan(NULL);
	if (cgroup_host() == CGROUP_UNIFIED) {
		cr_expect_eq(cgroup_create(&cgroup, &arena, &plan, &err), -1);
		cr_expect_not_null(strstr(err.text, "enable cgroup controller nonesuch"), "%s",
				   err.text);
		cr_expect_not_null(strstr(err.text, "Delegate=nonesuch"), "%s", err.text);
	} else {
		cr_expect_eq(cgroup_create(&cgroup, &arena, &plan, &err), -1);
		cr_expect_not_null(strstr(err.text, "no cgroup controller nonesuch"), "%s",
				   err.text);
	}
}

Test(cgroup, names_the_file_and_the_value_that_are_refused)
{
	struct cgroup_write bad =
		cgroup_host() == CGROUP_UNIFIED ?
			(struct cgroup_write){ .file = "cgroup.max.depth", .text = "deep" } :
			(struct cgroup_write){ .controller = "pids",
					       .file = "pids.max",
					       .text = "deep" };

	plan.resources.listed = true;
	plan.resources.v1.items = plan.resources.v2.items = &bad;
	plan.resources.v1.count = plan.resources.v2.count = 1;
	plan.cgroups_path = base;
	make_plan(NULL);
	cr_expect_eq(cgroup_create(&cgroup, &arena, &plan, &err), -1);
	cr_expect_not_null(strstr(err.text,
				  arena_printf(&arena, "write \"deep\" to %s of cgroup %s",
					       bad.file, base)),
			   "%s", err.text);
}

Test(cgroup, is_moved_into_v1_by_an_update)
{
	pid_t pid;

	if (cgroup_host() != CGROUP_HYBRID)
		cr_skip_test("not a hybrid host");
	make(NULL);
	pid = enter();
	enter();
	limit_v1();
	cr_assert_eq(cgroup_update(&cgroup, &arena, &plan.resources, &err), 0, "%s", err.text);
	expect_v1_limits(base);
	expect_everywhere(pid);
}

Test(cgroup, knows_the_quota_that_is_in_force)
{
	struct limits_now now;

	if (cgroup_host() != CGROUP_UNIFIED)
		cr_skip_test("not a unified host");
	if (!has_controller("cpu"))
		cr_skip_test("cgroup v2 has no cpu controller here");
	plan.resources.listed = true;
	cgroup_write_add(&arena, &plan.resources.v2, "cpu", "cpu.max", "30000 50000");
	make(base);
	cgroup_limits_now(&cgroup, &now);
	cr_expect_eq(now.quota.value, 30000);
	cr_expect_eq(now.period.value, 50000);
	cr_assert_eq(cgroup_file_write(cgroup.fd, "cpu.max", "max"), 0);
	cgroup_limits_now(&cgroup, &now);
	cr_expect(now.quota.set);
	cr_expect_eq(now.quota.value, -1);
}

Test(cgroup, refuses_a_memory_limit_below_what_is_used)
{
	struct resources_plan small = {
		.listed = true, .check_before_update = true, .memory_limit = { true, 4096 },
	};

	if (cgroup_host() == CGROUP_UNIFIED && !has_controller("memory"))
		cr_skip_test("cgroup v2 has no memory controller here");
	make(base);
	enter();
	cr_expect_eq(cgroup_update(&cgroup, &arena, &small, &err), -1);
	cr_expect_not_null(strstr(err.text, "set memory limit 4096: "), "%s", err.text);
	small.check_before_update = false;
	cr_expect_eq(cgroup_update(&cgroup, &arena, &small, &err), 0, "%s", err.text);
}

Test(cgroup, that_hands_controllers_down_is_entered_where_its_first_process_is)
{
	char available[512], *end;
	pid_t first, second;

	if (cgroup_host() != CGROUP_UNIFIED)
		cr_skip_test("not a unified host");
	make(base);
	first = enter();
	cr_assert_eq(mkdirat(cgroup.fd, "init", 0755), 0);
	cr_assert_eq(cgroup_file_write(cgroup.fd, "init/cgroup.procs",
				       arena_printf(&arena, "%d", (int)first)), 0);
	cr_assert_eq(cgroup_follow(&cgroup, &arena, first, &err), 0, "%s", err.text);
	cr_expect_str_eq(cgroup.path, base, "nothing is handed down yet");
	cr_assert_eq(cgroup_file_read(cgroup.fd, "cgroup.controllers", available,
				      sizeof(available)), 0);
	end = strchr(available, ' ');
	if (end != NULL)
		*end = '\0';
	if (available[0] == '\0')
		cr_skip_test("no controller of cgroup v2");
	cr_assert_eq(cgroup_file_write(cgroup.fd, "cgroup.subtree_control",
				       arena_printf(&arena, "+%s", available)), 0);
	cr_assert_eq(cgroup_follow(&cgroup, &arena, first, &err), 0, "%s", err.text);
	cr_expect_str_eq(cgroup.path, arena_printf(&arena, "%s/init", base));
	second = enter();
	cr_expect_eq(lines_with(cgroups_of(second), cgroup.path), 1);
	cgroup.path = base;
	fd_close(&cgroup.fd);
	cr_assert_eq(cgroup_open(&cgroup, &err), 0);
}

/* As one of "exec" does: it counted as running for that instant, and could not be resumed. */
Test(cgroup, stays_frozen_while_a_process_enters)
{
	make(NULL);
	enter();
	cr_assert_eq(cgroup_freeze(&cgroup, true, &err), 0, "%s", err.text);
	for (int i = 0; i < 100; i++) {
		pid_t pid = fork();

		if (pid == 0)
			for (;;)
				pause();
		cr_assert_eq(cgroup_join(&cgroup, pid, &err), 0, "%s", err.text);
		cr_assert_eq(cgroup_is_frozen(&cgroup, &err), 1, "the %dth", i);
	}
	cr_expect_eq(cgroup_freeze(&cgroup, false, &err), 0, "%s", err.text);
	cr_expect_eq(cgroup_is_frozen(&cgroup, &err), 0);
}

Test(cgroup, refuses_what_its_version_cannot_do)
{
	plan.resources.v1_error = plan.resources.v2_error = "/linux/resources/x: cannot";
	plan.cgroups_path = base;
	make_plan(NULL);
	cr_expect_eq(cgroup_create(&cgroup, &arena, &plan, &err), -1);
	cr_expect_str_eq(err.text, "/linux/resources/x: cannot");
}

static int eat_memory(void *context)
{
	struct birth *birth = context;
	char *memory;

	for (size_t i = 0; i < birth->count; i++)
		if (write(birth->files[i], "0", 1) != 1)
			return 1;
	memory = mmap(NULL, 256 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return 2;
	for (size_t i = 0; i < 256 << 20; i += 4096)
		memory[i] = 1;
	return 0;
}

static void limit_memory(void)
{
	static struct cgroup_write limits[] = {
		{ .controller = "memory", .file = "memory.max", .text = "16777216" },
		{ .controller = "memory",
		  .file = "memory.swap.max",
		  .text = "0",
		  .optional = true },
	};
	static struct cgroup_write limits_v1 = {
		.controller = "memory", .file = "memory.limit_in_bytes", .text = "16777216",
	};

	if (cgroup_host() == CGROUP_UNIFIED && !has_controller("memory"))
		cr_skip_test("cgroup v2 has no memory controller here");
	plan.resources.listed = true;
	plan.resources.v2.items = limits;
	plan.resources.v2.count = 2;
	plan.resources.v1.items = &limits_v1;
	plan.resources.v1.count = 1;
}

Test(cgroup, tells_of_a_death_for_want_of_memory)
{
	struct clone_request request = CLONE_REQUEST_INIT;
	struct cgroup_stats stats;
	struct cgroup_oom oom;
	struct clone_result child;
	struct birth birth;
	struct pollfd poll_fd;

	limit_memory();
	make(base);
	cr_assert_eq(cgroup_oom_open(&cgroup, &oom, &err), 0, "%s", err.text);
	cr_assert_geq(oom.fd, 0);
	cr_expect_eq(cgroup_oom_take(&oom), 0);
	cr_assert_eq(cgroup_task_files(&cgroup, birth.files, &birth.count, &err), 0);
	if (cgroup.born)
		request.cgroup_fd = cgroup.fd;
	cr_assert_eq(clone_process(&request, eat_memory, &birth, &child, &err), 0, "%s", err.text);
	poll_fd = (struct pollfd){ oom.fd, oom.events, 0 };
	cr_expect_eq(poll(&poll_fd, 1, 60000), 1, "nothing came");
	cr_expect_eq(child_wait(child.pid), 128 + SIGKILL);
	cr_expect_eq(cgroup_oom_take(&oom), 1);
	cr_assert_eq(cgroup_stats_read(&cgroup, &arena, &stats, &err), 0, "%s", err.text);
	cr_expect(stats.oom_kills.set);
	cr_expect_eq(stats.oom_kills.value, 1);
	cr_expect_eq(stats.memory.limit, 16777216);
	cr_expect_gt(stats.memory.fail_count, 0);
	cgroup_oom_close(&oom);
}

/* A kernel that was told to keep memory off v1 has it in cgroup2, with the others in v1. */
Test(cgroup, watches_memory_of_cgroup2_on_a_hybrid_host)
{
	struct cgroup_oom oom;

	if (cgroup_host() != CGROUP_UNIFIED || !has_controller("memory"))
		cr_skip_test("memory is not in cgroup2 here");
	limit_memory();
	make(base);
	cgroup.host = CGROUP_HYBRID;
	cr_expect_eq(cgroup_oom_open(&cgroup, &oom, &err), 0, "%s", err.text);
	cgroup.host = CGROUP_UNIFIED;
	cr_expect_geq(oom.fd, 0);
	cr_expect_eq(oom.events, POLLPRI);
	cgroup_oom_close(&oom);
}

Test(cgroup, counts_what_is_used)
{
	struct cgroup_stats stats;

	make(base);
	heart = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	enter();
	enter();
	heart[1] = 1;
	for (int tries = 0; tries < 600; tries++) {
		usleep(100000);
		cr_assert_eq(cgroup_stats_read(&cgroup, &arena, &stats, &err), 0, "%s", err.text);
		if (stats.cpu_total > 0)
			break;
	}
	heart[1] = 0;
	cr_expect_gt(stats.cpu_total, 0);
	cr_expect_eq(stats.pids, 2);
	cr_expect_eq(stats.pids_limit, 0);
	if (cgroup_host() == CGROUP_UNIFIED ? has_controller("memory") :
					      count_of("/../memory") > 0) {
		cr_expect_gt(stats.memory.usage, 0);
		cr_expect_gt(stats.memory_raw.count, 10);
	}
	if (cgroup_host() != CGROUP_UNIFIED && access("/sys/fs/cgroup/cpuset", F_OK) == 0)
		cr_expect_geq(stats.cpus.count, 1);
}

Test(cgroup, counts_without_v1_too)
{
	struct cgroup_stats stats;

	v2();
	make(NULL);
	enter();
	cr_assert_eq(cgroup_stats_read(&cgroup, &arena, &stats, &err), 0, "%s", err.text);
	cr_expect_eq(stats.pids, 1);
}
