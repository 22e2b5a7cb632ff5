/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <dirent.h>
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
#include "config/device_filter.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_internal.h"
#include "runtime/cgroup_stats.h"
#include "runtime/clone.h"
#include "tests/kernel/child.h"

static struct arena arena;
static struct error err;
static struct plan plan;
static struct cgroup cgroup;
static char base[64];		/* "/kist-test-PID": everything is made below it, or is it */

static void make_plan(const char *path)
{
	cr_assert_eq(cgroup_plan(&cgroup, &arena, &plan, path != NULL ? path : base + 1,
				 CGROUP_CGROUPFS, &err), 0, "%s", err.text);
}

static void make(const char *path)
{
	plan.cgroups_path = path;
	make_plan(NULL);
	cr_assert_eq(cgroup_create(&cgroup, &arena, &plan, &err), 0, "%s", err.text);
	cr_assert_eq(cgroup_set_devices(&cgroup, &plan, &err), 0, "%s", err.text);
}

static void begin(void)
{
	child_need_root();
	snprintf(base, sizeof(base), "/kist-test-%d", (int)getpid());
	cgroup = CGROUP_INIT;
	if (cgroup_host() == CGROUP_NONE)
		cr_skip_test("no cgroups on this host");
}

/* Whatever a test made, also one that failed. */
static void end(void)
{
	struct cgroup all = cgroup;
	struct error ignored;

	if (cgroup.path != NULL)
		cgroup_kill(&cgroup, &ignored);
	while (waitpid(-1, NULL, 0) > 0)
		;
	cr_expect_eq(cgroup_destroy(&cgroup, &ignored), 0, "%s", ignored.text);
	all.path = base;
	all.killed = true;
	all.v1 = CGROUP_V1_UNKNOWN;
	all.fd = all.keeper_fd = -EBADF;
	cr_expect_eq(cgroup_destroy(&all, &ignored), 0, "%s", ignored.text);
}

TestSuite(cgroup, .init = begin, .fini = end);

/* In how many hierarchies the directory is. */
static size_t count_of(const char *path)
{
	static const char *const roots[] = {
		"", "/unified", "/cpu", "/cpuacct", "/cpu,cpuacct", "/cpuset", "/memory",
		"/devices", "/freezer", "/blkio", "/pids", "/systemd",
	};
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		char full[256];
		struct stat st;

		snprintf(full, sizeof(full), "/sys/fs/cgroup%s%s", roots[i], path);
		count += stat(full, &st) == 0 && S_ISDIR(st.st_mode);
	}
	return count;
}

static const char *file_text(const char *hierarchy, const char *path, const char *file)
{
	static char text[4096];
	char full[512];
	_cleanup_fd int fd = -EBADF;

	snprintf(full, sizeof(full), "/sys/fs/cgroup%s%s", hierarchy, path);
	fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || cgroup_file_read(fd, file, text, sizeof(text)) < 0)
		snprintf(text, sizeof(text), "%s/%s: %s", full, file, strerror(errno));
	return text;
}

/* Beats as long as the process runs: a frozen one can be killed, so signals do not tell. */
static volatile unsigned int *heart;

/* What the container's process does with the fds it was born with. */
struct birth {
	int files[CGROUP_TASK_FILES_MAX];
	size_t count;
	int ready[2];
};

static int live(void *context)
{
	struct birth *birth = context;

	for (size_t i = 0; i < birth->count; i++)
		if (write(birth->files[i], "0", 1) != 1)
			return 1;
	if (write(birth->ready[1], "", 1) != 1)
		return 2;
	for (;;) {
		/* The second number asks for work: some kernels count CPU time by the tick. */
		if (heart == NULL || heart[1] == 0)
			usleep(1000);
		if (heart != NULL)
			++*heart;
	}
}

/* A process in the cgroup, the way spawn makes it. */
static pid_t enter(void)
{
	struct clone_request request = CLONE_REQUEST_INIT;
	struct clone_result child;
	struct birth birth;
	char byte;

	cr_assert_eq(pipe(birth.ready), 0);
	cr_assert_eq(cgroup_task_files(&cgroup, birth.files, &birth.count, &err), 0, "%s",
		     err.text);
	if (cgroup.born)
		request.cgroup_fd = cgroup.fd;
	cr_assert_eq(clone_process(&request, live, &birth, &child, &err), 0, "%s", err.text);
	cr_assert_eq(cgroup_adopt(&cgroup, child.pid, &err), 0, "%s", err.text);
	close(birth.ready[1]);
	cr_assert_eq(read(birth.ready[0], &byte, 1), 1, "the process did not come to life");
	close(birth.ready[0]);
	close(child.pidfd);
	for (size_t i = 0; i < birth.count; i++)
		close(birth.files[i]);
	return child.pid;
}

static const char *cgroups_of(pid_t pid)
{
	char path[64], *text = NULL;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	cr_assert_eq(file_read(AT_FDCWD, path, 65536, &arena, &text, NULL, &err), 0, "%s",
		     err.text);
	return text;
}

static size_t lines_with(const char *text, const char *what)
{
	size_t count = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		count++;
	return count;
}

/* Is it in our cgroup everywhere?  A private cgroup2 mount does not have v1, though the host may. */
static void expect_everywhere(pid_t pid)
{
	const char *text = cgroups_of(pid);

	cr_expect_eq(lines_with(text, base),
		     cgroup_host() == CGROUP_UNIFIED ? 1 : lines_with(text, "\n"), "%s", text);
}

static int status_of(pid_t pid)
{
	int status;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static size_t pids_count(void)
{
	pid_t *pids;
	size_t count;

	cr_assert_eq(cgroup_pids(&cgroup, &arena, &pids, &count, &err), 0, "%s", err.text);
	return count;
}

/* The v2 cgroup's directory on this host, as a prefix for file_text(). */
static const char *v2(void)
{
	if (cgroup_host() == CGROUP_LEGACY)
		cr_skip_test("no cgroup v2 on this host");
	return cgroup_host() == CGROUP_HYBRID ? "/unified" : "";
}

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

static bool beats(void)
{
	unsigned int before = *heart;

	for (int tries = 0; tries < 100 && *heart == before; tries++)
		usleep(1000);
	return *heart != before;
}

static void expect_freezes(void)
{
	pid_t pid;

	heart = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(heart, MAP_FAILED);
	pid = enter();
	cr_expect_eq(cgroup_is_frozen(&cgroup, &err), 0, "%s", err.text);
	cr_expect(beats());
	cr_assert_eq(cgroup_freeze(&cgroup, true, &err), 0, "%s", err.text);
	cr_expect_eq(cgroup_is_frozen(&cgroup, &err), 1);
	cr_expect_not(beats(), "it runs while frozen");
	cr_assert_eq(cgroup_freeze(&cgroup, false, &err), 0, "%s", err.text);
	cr_expect_eq(cgroup_is_frozen(&cgroup, &err), 0);
	cr_expect(beats(), "it does not run again");
	kill(pid, SIGTERM);
	cr_expect_eq(status_of(pid), 128 + SIGTERM);
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

/* --- limits ------------------------------------------------------------------- */

static struct cgroup_write writes_v1[] = {
	{ .controller = "memory", .file = "memory.limit_in_bytes", .text = "67108864" },
	{ .controller = "pids", .file = "pids.max", .text = "77" },
	{ .controller = "cpu", .file = "cpu.shares", .text = "555" },
};
static struct cgroup_write writes_v2[] = {
	{ .controller = "memory", .file = "memory.max", .text = "67108864" },
	{ .controller = "pids", .file = "pids.max", .text = "77" },
	{ .controller = "cpu", .file = "cpu.weight", .text = "55" },
};
static struct cgroup_write write_hugetlb = {
	.controller = "hugetlb", .file = "hugetlb.2MB.max", .text = "2097152",
};

/* A guest has them all, a private cgroup2 mount of a hybrid host has what v1 left: hugetlb. */
static bool has_controller(const char *controller)
{
	char text[512];
	_cleanup_fd int fd = cgroup_v2_root(cgroup_host(), &err);

	return fd >= 0 && cgroup_file_read(fd, "cgroup.controllers", text, sizeof(text)) == 0 &&
	       cgroup_list_has(text, controller);
}

static void limit_v1(void)
{
	plan.resources.listed = true;
	plan.resources.v1.items = writes_v1;
	plan.resources.v1.count = ARRAY_SIZE(writes_v1);
}

static void expect_v1_limits(const char *path)
{
	static const char *const hierarchies[] = { "/memory", "/pids", "/cpu" };

	for (size_t i = 0; i < ARRAY_SIZE(hierarchies); i++)
		cr_expect_str_eq(file_text(hierarchies[i], path, writes_v1[i].file),
				 writes_v1[i].text);
}

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
	struct cgroup_write bad = cgroup_host() == CGROUP_UNIFIED
		? (struct cgroup_write){ .file = "cgroup.max.depth", .text = "deep" }
		: (struct cgroup_write){ .controller = "pids", .file = "pids.max", .text = "deep" };

	plan.resources.listed = true;
	plan.resources.v1.items = plan.resources.v2.items = &bad;
	plan.resources.v1.count = plan.resources.v2.count = 1;
	plan.cgroups_path = base;
	make_plan(NULL);
	cr_expect_eq(cgroup_create(&cgroup, &arena, &plan, &err), -1);
	cr_expect_not_null(strstr(err.text, arena_printf(&arena, "write \"deep\" to %s of cgroup %s",
							 bad.file, base)), "%s", err.text);
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

Test(cgroup, refuses_what_its_version_cannot_do)
{
	plan.resources.v1_error = plan.resources.v2_error = "/linux/resources/x: cannot";
	plan.cgroups_path = base;
	make_plan(NULL);
	cr_expect_eq(cgroup_create(&cgroup, &arena, &plan, &err), -1);
	cr_expect_str_eq(err.text, "/linux/resources/x: cannot");
}

/* --- devices -------------------------------------------------------------------- */

static void allow_devices(struct device_rule *rules, size_t count)
{
	plan.resources.device_rules.items = rules;
	plan.resources.device_rules.count = count;
	device_filter_compile(&arena, &plan.resources);
	plan.resources.v1.count = 0;
	plan.resources.v1_devices_error = device_writes_add(&arena, &plan.resources,
							    &plan.resources.v1);
}

static int open_devices(void *context)
{
	struct birth *birth = context;
	int full, null;

	for (size_t i = 0; i < birth->count; i++)
		if (write(birth->files[i], "0", 1) != 1)
			return 1;
	full = open("/dev/full", O_RDONLY | O_CLOEXEC);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return (full >= 0 ? 16 : errno == EPERM ? 0 : 4) + (null >= 0 ? 32 : errno == EPERM ? 0 : 8);
}

/* 16: may open /dev/full, 32: /dev/null. */
static int devices_open(void)
{
	struct clone_request request = CLONE_REQUEST_INIT;
	struct clone_result child;
	struct birth birth;

	cr_assert_eq(cgroup_task_files(&cgroup, birth.files, &birth.count, &err), 0, "%s",
		     err.text);
	request.cgroup_fd = cgroup.fd;
	cr_assert_eq(clone_process(&request, open_devices, &birth, &child, &err), 0, "%s",
		     err.text);
	close(child.pidfd);
	for (size_t i = 0; i < birth.count; i++)
		close(birth.files[i]);
	return child_wait(child.pid);
}

static struct device_rule null_only[] = {
	{ false, 'a', { false, 0 }, { false, 0 }, DEVICE_READ | DEVICE_WRITE | DEVICE_MKNOD },
	{ true, 'c', { true, 1 }, { true, 3 }, DEVICE_READ | DEVICE_WRITE },
};
static struct device_rule full_only[] = {
	{ false, 'a', { false, 0 }, { false, 0 }, DEVICE_READ | DEVICE_WRITE | DEVICE_MKNOD },
	{ true, 'c', { true, 1 }, { true, 7 }, DEVICE_READ | DEVICE_WRITE },
};

static size_t programs_attached(void)
{
	uint32_t ids[64];
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)cgroup.fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
	attr.query.prog_cnt = ARRAY_SIZE(ids);
	cr_assert_eq(sys_bpf(BPF_PROG_QUERY, &attr), 0, "%s", strerror(errno));
	return attr.query.prog_cnt;
}

static void need_bpf(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	if (sys_bpf(BPF_PROG_LOAD, &attr) < 0 && errno == ENOSYS)
		cr_skip_test("this kernel has no BPF");
}

/* By name or not: on a hybrid host with v1 and without it. */
static void expect_device_rules(const char *path)
{
	need_bpf();
	v2();
	allow_devices(null_only, ARRAY_SIZE(null_only));
	make(path);
	cr_expect_eq(devices_open(), 32);
	for (int i = 0; i < 3; i++) {
		allow_devices(full_only, ARRAY_SIZE(full_only));
		cr_assert_eq(cgroup_update(&cgroup, &arena, &plan.resources, &err), 0, "%s",
			     err.text);
		cr_expect_eq(devices_open(), 16);
	}
	cr_expect_eq(programs_attached(), 1);
}

Test(cgroup, filters_devices_and_replaces_the_filter)
{
	expect_device_rules(NULL);
}

Test(cgroup, filters_devices_of_a_named_path)
{
	expect_device_rules(base);
}

Test(cgroup, keeps_the_filter_when_an_update_has_no_rules)
{
	struct resources_plan none = { .listed = false };

	need_bpf();
	v2();
	allow_devices(null_only, ARRAY_SIZE(null_only));
	make(NULL);
	cr_assert_eq(cgroup_update(&cgroup, &arena, &none, &err), 0, "%s", err.text);
	cr_expect_eq(devices_open(), 32);
}

Test(cgroup, is_given_to_the_root_of_a_user_namespace)
{
	static struct mount_plan mount = { .type = "cgroup", .destination = "/sys/fs/cgroup" };
	struct id_map map = { 0, 700000, 65536 };
	struct stat st;

	v2();
	plan.namespaces[NAMESPACE_USER].listed = plan.namespaces[NAMESPACE_CGROUP].listed = true;
	plan.uid_maps.items = plan.gid_maps.items = &map;
	plan.uid_maps.count = plan.gid_maps.count = 1;
	plan.mounts.items = &mount;
	plan.mounts.count = 1;
	make(NULL);
	cr_assert_eq(fstat(cgroup.fd, &st), 0);
	cr_expect_eq(st.st_uid, 700000);
	cr_assert_eq(fstatat(cgroup.fd, "cgroup.procs", &st, 0), 0);
	cr_expect_eq(st.st_uid, 700000);
	cr_assert_eq(fstatat(cgroup.fd, "cgroup.freeze", &st, 0), 0);
	cr_expect_eq(st.st_uid, 0, "the limits of the cgroup itself are not the container's");
	cgroup_destroy(&cgroup, &err);
	mount.attr_set = MOUNT_ATTR_RDONLY;
	make(NULL);
	cr_assert_eq(fstat(cgroup.fd, &st), 0);
	cr_expect_eq(st.st_uid, 0, "a read-only mount asks for no delegation");
}

/* --- numbers -------------------------------------------------------------------------- */

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
		{ .controller = "memory", .file = "memory.swap.max", .text = "0", .optional = true },
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
	cr_expect_eq(poll(&poll_fd, 1, 10000), 1, "nothing came");
	cr_expect_eq(child_wait(child.pid), 128 + SIGKILL);
	usleep(10000);
	cr_expect_eq(cgroup_oom_take(&oom), 1);
	cr_assert_eq(cgroup_stats_read(&cgroup, &arena, &stats, &err), 0, "%s", err.text);
	cr_expect(stats.oom_kills.set);
	cr_expect_eq(stats.oom_kills.value, 1);
	cr_expect_eq(stats.memory.limit, 16777216);
	cr_expect_gt(stats.memory.fail_count, 0);
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
	usleep(100000);
	heart[1] = 0;
	cr_assert_eq(cgroup_stats_read(&cgroup, &arena, &stats, &err), 0, "%s", err.text);
	cr_expect_gt(stats.cpu_total, 0);
	cr_expect_eq(stats.pids, 2);
	cr_expect_eq(stats.pids_limit, 0);
	if (cgroup_host() == CGROUP_UNIFIED ? has_controller("memory") : count_of("/../memory") > 0) {
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

/* --- other hosts, made of this one ------------------------------------------------- */

static void cover(const char *path)
{
	int fs, mnt;

	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	cr_assert_eq(sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), 0);
	mnt = sys_fsmount(fs, FSMOUNT_CLOEXEC, 0);
	cr_assert_geq(mnt, 0);
	/* Ours alone: the host's mounts are shared, and a mount on one would be theirs too. */
	cr_assert_eq(sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE,
				       &(struct mount_attr){ .propagation = 1 << 18 }), 0);
	cr_assert_eq(sys_move_mount(mnt, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH), 0);
	close(fs);
	close(mnt);
}

static void begin_plainly(void)
{
	child_need_root();
	snprintf(base, sizeof(base), "/kist-test-%d", (int)getpid());
	cgroup = CGROUP_INIT;
}

TestSuite(cgroup_legacy, .init = begin_plainly, .fini = end);

static void need_legacy(void)
{
	if (access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) < 0 ||
	    access("/sys/fs/cgroup/freezer", F_OK) < 0)
		cr_skip_test("not a hybrid host, of which a legacy one could be made");
	cover("/sys/fs/cgroup/unified");
	cr_assert_eq(cgroup_host(), CGROUP_LEGACY);
}

Test(cgroup_legacy, freezes_and_thaws)
{
	need_legacy();
	make(NULL);
	expect_freezes();
}

Test(cgroup_legacy, holds_kills_and_goes)
{
	pid_t first, second;

	need_legacy();
	limit_v1();
	make(arena_printf(&arena, "%s/a", base));
	expect_v1_limits(cgroup.path);
	first = enter();
	second = enter();
	cr_expect_eq(lines_with(cgroups_of(first), base), lines_with(cgroups_of(first), "\n") - 1,
		     "%s", cgroups_of(first));
	cr_expect_eq(pids_count(), 2);
	cr_expect_eq(cgroup_kill(&cgroup, &err), 0, "%s", err.text);
	cr_expect_eq(status_of(first), 128 + SIGKILL);
	cr_expect_eq(status_of(second), 128 + SIGKILL);
	cr_expect_eq(cgroup_destroy(&cgroup, &err), 0, "%s", err.text);
	cr_expect_eq(count_of(base), 0);
}

Test(cgroup_legacy, filters_devices_by_files)
{
	need_legacy();
	allow_devices(null_only, ARRAY_SIZE(null_only));
	make(NULL);
	cr_expect_eq(devices_open(), 32);
	allow_devices(full_only, ARRAY_SIZE(full_only));
	cr_assert_eq(cgroup_update(&cgroup, &arena, &plan.resources, &err), 0, "%s", err.text);
	cr_expect_eq(devices_open(), 16);
}

Test(cgroup_legacy, counts_what_is_used)
{
	struct cgroup_stats stats;

	need_legacy();
	make(NULL);
	enter();
	cr_assert_eq(cgroup_stats_read(&cgroup, &arena, &stats, &err), 0, "%s", err.text);
	cr_expect_eq(stats.pids, 1);
	cr_expect_gt(stats.memory.usage, 0);
}

Test(cgroup_legacy, of_others_is_refused)
{
	pid_t pid;

	need_legacy();
	make(NULL);
	pid = enter();
	cgroup_close(&cgroup);
	cr_expect_eq(cgroup_create(&cgroup, &arena, &plan, &err), -1);
	cr_expect_not_null(strstr(err.text, "container's cgroup is not empty: 1 process(es) found"),
			   "%s", err.text);
	kill(pid, SIGKILL);
}

Test(cgroup_none, runs_without_limits_and_refuses_them, .init = begin_plainly)
{
	cover("/sys/fs/cgroup");
	cr_assert_eq(cgroup_host(), CGROUP_NONE);
	make(NULL);
	cr_expect_null(cgroup.path);
	cr_expect_eq(cgroup_adopt(&cgroup, getpid(), &err), 0);
	cr_expect_eq(cgroup_freeze(&cgroup, true, &err), -1);
	cr_expect_str_eq(err.text, "freeze: the container has no cgroup");
	cr_expect_eq(cgroup_destroy(&cgroup, &err), 0);
	plan.resources.listed = true;
	cr_expect_eq(cgroup_plan(&cgroup, &arena, &plan, "x", CGROUP_CGROUPFS, &err), -1);
	cr_expect_not_null(strstr(err.text, "this host has no cgroups"), "%s", err.text);
}

Test(cgroup_none, is_what_disabled_means, .init = begin_plainly)
{
	plan.resources.listed = true;
	cr_assert_eq(cgroup_plan(&cgroup, &arena, &plan, "x", CGROUP_DISABLED, &err), 0, "%s",
		     err.text);
	cr_expect_null(cgroup.path);
	cr_expect_eq(cgroup_create(&cgroup, &arena, &plan, &err), 0);
}

static int as_nobody(void *context)
{
	bool limits = context != NULL;
	int result;

	if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
		return 1;
	plan.resources.listed = limits;
	result = cgroup_plan(&cgroup, &arena, &plan, "x", CGROUP_CGROUPFS, &err);
	if (limits)
		return result == -1 && strstr(err.text, "may not make cgroup") != NULL ? 0 : 2;
	return result == 0 && cgroup.path == NULL && cgroup.host == CGROUP_NONE &&
	       cgroup_create(&cgroup, &arena, &plan, &err) == 0 ? 0 : 3;
}

Test(cgroup_none, is_all_that_an_ordinary_user_gets, .init = begin_plainly)
{
	cr_expect_eq(child_status(as_nobody, NULL), 0);
	cr_expect_eq(child_status(as_nobody, &plan), 0);
}

static int as_owner(void *context)
{
	if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
		return 1;
	plan.cgroups_path = context;
	if (cgroup_plan(&cgroup, &arena, &plan, "x", CGROUP_CGROUPFS, &err) < 0)
		return 2;
	if (cgroup.path == NULL)
		return 3;
	if (cgroup_create(&cgroup, &arena, &plan, &err) < 0)
		return 4;
	return cgroup_destroy(&cgroup, &err) < 0 ? 5 : 0;
}

Test(cgroup, of_an_ordinary_user_is_made_where_it_was_delegated)
{
	const char *mine = arena_printf(&arena, "%s/mine/x", base);
	struct error ignored;

	if (cgroup_host() != CGROUP_UNIFIED)
		cr_skip_test("delegation to users is of cgroup v2");
	make(arena_printf(&arena, "%s/keep", base));
	cr_assert_eq(cgroup_v2_delegate(cgroup.fd, 65534, 65534, &ignored), 0);
	mine = arena_printf(&arena, "%s/keep/x", base);
	cr_expect_eq(child_status(as_owner, (void *)(uintptr_t)mine), 0);
}
