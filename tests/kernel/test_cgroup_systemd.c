/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/dbus.h"
#include "runtime/cgroup/internal.h"
#include "runtime/clone.h"
#include "tests/kernel/child.h"

static struct arena arena;
static struct error err;
static struct plan plan;
static struct cgroup cgroup;
static char id[64];

static void begin(void)
{
	child_need_root();
	if (access("/run/systemd/system", F_OK) < 0)
		cr_skip_test("systemd is not pid 1");
	if (access("/run/dbus/system_bus_socket", F_OK) < 0)
		cr_skip_test("no D-Bus system bus");
	snprintf(id, sizeof(id), "test%d", (int)getpid());
	cgroup = CGROUP_INIT;
}

static void end(void)
{
	struct error ignored;

	if (cgroup.path != NULL)
		cgroup_kill(&cgroup, &ignored);
	while (waitpid(-1, NULL, 0) > 0)
		;
	cr_expect_eq(cgroup_destroy(&cgroup, &ignored), 0, "%s", ignored.text);
}

TestSuite(systemd, .init = begin, .fini = end, .timeout = 60);

static void make(const char *path)
{
	plan.cgroups_path = path;
	cr_assert_eq(cgroup_plan(&cgroup, &arena, &plan, id, CGROUP_SYSTEMD, &err), 0, "%s",
		     err.text);
	cr_assert_eq(cgroup_create(&cgroup, &arena, &plan, &err), 0, "%s", err.text);
}

static int sleep_on(void *context _unused)
{
	while (pause() < 0)
		;
	return 0;
}

static pid_t enter(void)
{
	struct clone_request request = CLONE_REQUEST_INIT;
	struct clone_result child;

	if (cgroup.born)
		request.cgroup_fd = cgroup.fd;
	cr_assert_eq(clone_process(&request, sleep_on, NULL, &child, &err), 0, "%s", err.text);
	cr_assert_eq(cgroup_adopt(&cgroup, child.pid, &err), 0, "%s", err.text);
	close(child.pidfd);
	return child.pid;
}

static const char *file_text(const char *file)
{
	static char text[4096];

	if (cgroup_file_read(cgroup.fd, file, text, sizeof(text)) < 0)
		snprintf(text, sizeof(text), "%s", strerror(errno));
	return text;
}

static bool is_there(const char *path)
{
	struct stat st;

	return stat(arena_printf(&arena, "/sys/fs/cgroup%s", path), &st) == 0;
}

/* A property of a unit, as systemctl prints it. */
static const char *unit_property(const char *unit, const char *name)
{
	static char text[256];
	int ends[2];
	ssize_t n;
	pid_t pid;

	cr_assert_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		execlp("systemctl", "systemctl", "show", "-P", name, unit, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	n = read(ends[0], text, sizeof(text) - 1);
	close(ends[0]);
	waitpid(pid, NULL, 0);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

Test(systemd, keeps_a_scope_for_the_container)
{
	const char *scope = arena_printf(&arena, "kist-%s.scope", id);
	pid_list pids;
	pid_t pid;

	make(NULL);
	cr_expect_str_eq(cgroup.scope, scope);
	cr_expect_str_eq(cgroup.path, arena_printf(&arena, "/system.slice/%s", scope));
	cr_expect(cgroup.born);
	pid = enter();
	cr_assert_eq(cgroup_pids(&cgroup, &arena, &pids, &err), 0, "%s", err.text);
	cr_assert_eq(pids.count, 1, "the placeholder is still there");
	cr_expect_eq(pids.items[0], pid);
	cr_expect_str_eq(unit_property(scope, "ActiveState"), "active");
	cr_expect_str_eq(unit_property(scope, "Delegate"), "yes");
	cr_expect_eq(cgroup_kill(&cgroup, &err), 0, "%s", err.text);
	waitpid(pid, NULL, 0);
	cr_expect_eq(cgroup_destroy(&cgroup, &err), 0, "%s", err.text);
	cr_expect_not(is_there(cgroup.path));
	for (int tries = 0;
	     tries < 3000 && strcmp(unit_property(scope, "LoadState"), "not-found") != 0; tries++)
		usleep(20000);
	cr_expect_str_eq(unit_property(scope, "LoadState"), "not-found");
}

Test(systemd, takes_slice_prefix_and_name)
{
	make(arena_printf(&arena, "kist-tests.slice:pre:%s", id));
	cr_expect_str_eq(cgroup.path,
			 arena_printf(&arena, "/kist.slice/kist-tests.slice/pre-%s.scope", id));
	enter();
}

Test(systemd, takes_a_name_without_a_prefix)
{
	make(arena_printf(&arena, "system.slice::%s", id));
	cr_expect_str_eq(cgroup.scope, arena_printf(&arena, "%s.scope", id));
	enter();
}

Test(systemd, takes_a_slice_for_the_container)
{
	make(arena_printf(&arena, "system.slice::system-%s.slice", id));
	cr_expect_str_eq(cgroup.path, arena_printf(&arena, "/system.slice/system-%s.slice", id));
	enter();
}

Test(systemd, same_name_twice_is_refused_and_the_first_lives)
{
	struct cgroup second = CGROUP_INIT;
	pid_t pid;

	make(NULL);
	pid = enter();
	cr_assert_eq(cgroup_plan(&second, &arena, &plan, id, CGROUP_SYSTEMD, &err), 0);
	cr_expect_eq(cgroup_create(&second, &arena, &plan, &err), -1);
	cr_expect_eq(err.code, EEXIST, "%s", err.text);
	cr_expect_eq(cgroup_destroy(&second, &err), 0, "%s", err.text);
	cr_expect_eq(kill(pid, 0), 0);
	cr_expect_eq(waitpid(pid, NULL, WNOHANG), 0);
}

static int reload(void *context _unused)
{
	execlp("systemctl", "systemctl", "daemon-reload", (char *)NULL);
	return 127;
}

Test(systemd, is_told_the_limits)
{
	struct cgroup_write writes[] = {
		{ .controller = "memory", .file = "memory.max", .text = "67108864" },
		{ .controller = "pids", .file = "pids.max", .text = "77" },
		{ .controller = "cpu", .file = "cpu.max", .text = "50000 100000" },
	};
	struct resources_plan changed = { .listed = true };

	if (cgroup_host() != CGROUP_UNIFIED)
		cr_skip_test("not a unified host");
	plan.resources.listed = true;
	plan.resources.v2.items = writes;
	plan.resources.v2.count = ARRAY_SIZE(writes);
	make(NULL);
	enter();
	cr_expect_str_eq(file_text("memory.max"), "67108864");
	cr_expect_str_eq(file_text("pids.max"), "77");
	cr_expect_str_eq(file_text("cpu.max"), "50000 100000");
	cr_expect_str_eq(unit_property(cgroup.scope, "MemoryMax"), "67108864");
	cr_expect_str_eq(unit_property(cgroup.scope, "TasksMax"), "77");
	cr_expect_str_eq(unit_property(cgroup.scope, "CPUQuotaPerSecUSec"), "500ms");
	writes[0].text = "134217728";
	changed.v2.items = writes;
	changed.v2.count = 1;
	cr_assert_eq(cgroup_update(&cgroup, &arena, &changed, &err), 0, "%s", err.text);
	cr_expect_str_eq(file_text("memory.max"), "134217728");
	cr_expect_str_eq(unit_property(cgroup.scope, "MemoryMax"), "134217728");
	/* What systemd was not told, it takes away now. */
	cr_assert_eq(child_status(reload, NULL), 0);
	cr_expect_str_eq(file_text("memory.max"), "134217728");
	cr_expect_str_eq(file_text("pids.max"), "77");
}

Test(systemd, is_told_the_nearest_where_it_takes_no_0)
{
	struct cgroup_write write = { .controller = "pids", .file = "pids.max", .text = "0" };
	struct resources_plan changed = { .listed = true };

	changed.v2.items = changed.v1.items = &write;
	changed.v2.count = changed.v1.count = 1;
	make(arena_printf(&arena, "system.slice:pre:%s", id));
	enter();
	cr_assert_eq(cgroup_update(&cgroup, &arena, &changed, &err), 0, "%s", err.text);
	cr_expect_str_eq(unit_property(cgroup.scope, "TasksMax"), "1");
	if (cgroup_host() == CGROUP_UNIFIED)
		cr_expect_str_eq(file_text("pids.max"), "0");
}

static const char *v1_text(const char *file)
{
	static char text[64];
	int fd = open(arena_printf(&arena, "/sys/fs/cgroup/cpu%s", cgroup.path),
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (cgroup_file_read(fd, file, text, sizeof(text)) < 0)
		snprintf(text, sizeof(text), "%s", strerror(errno));
	close(fd);
	return text;
}

/* As the limits are compiled: what v1 has in two files is one of v2. */
Test(systemd, is_told_the_quota_of_v1)
{
	struct cgroup_write v1[] = {
		{ .controller = "cpu", .file = "cpu.cfs_period_us", .text = "50000" },
		{ .controller = "cpu", .file = "cpu.cfs_quota_us", .text = "30000" },
	};
	struct cgroup_write v2 = { .controller = "cpu", .file = "cpu.max", .text = "30000 50000" };
	struct limits_now now;

	if (cgroup_host() != CGROUP_HYBRID)
		cr_skip_test("not a hybrid host");
	plan.resources.listed = true;
	plan.resources.v1.items = v1;
	plan.resources.v1.count = ARRAY_SIZE(v1);
	plan.resources.v2.items = &v2;
	plan.resources.v2.count = 1;
	make(NULL);
	cr_assert_eq(cgroup_join(&cgroup, enter(), &err), 0, "%s", err.text);
	cr_expect_str_eq(unit_property(cgroup.scope, "CPUQuotaPerSecUSec"), "600ms");
	v1[1].text = "80000";
	v2.text = "80000 50000";
	cr_assert_eq(cgroup_update(&cgroup, &arena, &plan.resources, &err), 0, "%s", err.text);
	cr_expect_str_eq(unit_property(cgroup.scope, "CPUQuotaPerSecUSec"), "1.600000s");
	cr_assert_eq(child_status(reload, NULL), 0);
	cr_expect_str_eq(v1_text("cpu.cfs_quota_us"), "80000");
	cr_expect_str_eq(v1_text("cpu.cfs_period_us"), "50000");
	cgroup_limits_now(&cgroup, &now);
	cr_expect_eq(now.quota.value, 80000);
	cr_expect_eq(now.period.value, 50000);
}

Test(systemd, takes_properties_from_annotations)
{
	struct annotation annotations[] = {
		{ "org.systemd.property.Description", "'from the annotation'" },
		{ "org.systemd.property.TimeoutStopSec", "uint64 7" },
	};

	plan.annotations.items = annotations;
	plan.annotations.count = 2;
	make(NULL);
	enter();
	cr_expect_str_eq(unit_property(cgroup.scope, "Description"), "from the annotation");
	cr_expect_str_eq(unit_property(cgroup.scope, "TimeoutStopUSec"), "7s");
}

Test(systemd, moves_a_process_for_those_who_may_not)
{
	pid_t pid = fork();
	pid_list pids;

	if (pid == 0)
		sleep_on(NULL);
	make(NULL);
	cr_expect_eq(cgroup_systemd_attach(&cgroup, pid, &err), 0, "%s", err.text);
	cgroup_keeper_end(&cgroup);
	cr_assert_eq(cgroup_pids(&cgroup, &arena, &pids, &err), 0, "%s", err.text);
	cr_expect_eq(pids.count, 1);
	kill(pid, SIGKILL);
}

Test(systemd, with_live_processes_is_not_stopped)
{
	pid_t pid;

	make(NULL);
	pid = enter();
	cr_expect_eq(cgroup_destroy(&cgroup, &err), -1);
	cr_expect_eq(err.code, EBUSY, "%s", err.text);
	cr_expect_eq(waitpid(pid, NULL, WNOHANG), 0, "it was killed");
}

Test(systemd, wants_three_parts_of_a_path)
{
	static const char *const paths[] = {
		"/a/b", "a:b", "a:b:c:d", "system.slice:x:", "nonsense:x:y", "a/b.slice:x:y",
		"system.slice:x/y:z", "../a.slice:x:y",
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		plan.cgroups_path = paths[i];
		cr_expect_eq(cgroup_plan(&cgroup, &arena, &plan, id, CGROUP_SYSTEMD, &err), -1,
			     "%s", paths[i]);
	}
}

Test(systemd, says_what_it_does_not_know)
{
	struct annotation annotation = { "org.systemd.property.Nonesuch", "'x'" };

	plan.annotations.items = &annotation;
	plan.annotations.count = 1;
	cr_assert_eq(cgroup_plan(&cgroup, &arena, &plan, id, CGROUP_SYSTEMD, &err), 0);
	cr_expect_eq(cgroup_create(&cgroup, &arena, &plan, &err), -1);
	cr_expect_not_null(strstr(err.text, "Nonesuch"), "%s", err.text);
	cr_expect_null(cgroup.path);
}

/* --- an ordinary user, whose manager is asked ------------------------------------------- */

#define USER	65534
#define QUOTED(number)	#number
#define UNIT(number)	"user@" QUOTED(number) ".service"

static int start_user_manager(void *context _unused)
{
	execlp("systemctl", "systemctl", "start", UNIT(65534), (char *)NULL);
	return 127;
}

static int run_as_user(void *context _unused)
{
	static struct cgroup_write limit = {
		.controller = "memory", .file = "memory.max", .text = "67108864",
	};
	pid_list pids;

	if (setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0 ||
	    setenv("XDG_RUNTIME_DIR", "/run/user/65534", 1) < 0)
		return 1;
	plan.resources.listed = true;
	plan.resources.v2.items = &limit;
	plan.resources.v2.count = 1;
	make(NULL);
	/* This test runs in system.slice: only the manager may move from there. */
	if (cgroup.born)
		return 2;
	enter();
	if (cgroup_pids(&cgroup, &arena, &pids, &err) < 0 || pids.count != 1)
		return 3;
	if (strcmp(file_text("memory.max"), limit.text) != 0 ||
	    strstr(cgroup.path, "/user@65534.service/user.slice/") == NULL)
		return 4;
	if (cgroup_freeze(&cgroup, true, &err) < 0 || cgroup_freeze(&cgroup, false, &err) < 0)
		return 5;
	if (cgroup_kill(&cgroup, &err) < 0 || waitpid(pids.items[0], NULL, 0) < 0)
		return 6;
	return cgroup_destroy(&cgroup, &err) < 0 || is_there(cgroup.path) ? 7 : 0;
}

Test(systemd, of_an_ordinary_user_has_limits)
{
	if (cgroup_host() != CGROUP_UNIFIED)
		cr_skip_test("systemd delegates to users on unified hosts alone");
	if (child_status(start_user_manager, NULL) != 0 ||
	    access("/run/user/65534/bus", F_OK) < 0)
		cr_skip_test("no user manager with a bus to be had: dbus-user-session is missing");
	cr_expect_eq(child_status(run_as_user, NULL), 0, "%s", err.text);
}
