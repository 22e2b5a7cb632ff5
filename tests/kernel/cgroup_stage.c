/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kernel/cgroup_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"
#include "config/device_filter.h"
#include "runtime/cgroup/internal.h"
#include "runtime/clone.h"
#include "tests/kernel/child.h"

struct arena arena;
struct error err;
struct plan plan;
struct cgroup cgroup;
char base[64];

void make_plan(const char *path)
{
	cr_assert_eq(cgroup_plan(&cgroup, &arena, &plan, path != NULL ? path : base + 1,
				 CGROUP_CGROUPFS, &err), 0, "%s", err.text);
}

void make(const char *path)
{
	plan.cgroups_path = path;
	make_plan(NULL);
	cr_assert_eq(cgroup_create(&cgroup, &arena, &plan, &err), 0, "%s", err.text);
	cr_assert_eq(cgroup_set_devices(&cgroup, &plan, &err), 0, "%s", err.text);
}

void begin(void)
{
	child_need_root();
	snprintf(base, sizeof(base), "/kist-test-%d", (int)getpid());
	cgroup = CGROUP_INIT;
	if (cgroup_host() == CGROUP_NONE)
		cr_skip_test("no cgroups on this host");
}

/* Whatever a test made, also one that failed. */
void leave(void)
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

/* In how many hierarchies the directory is. */
size_t count_of(const char *path)
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

const char *file_text(const char *hierarchy, const char *path, const char *file)
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
volatile unsigned int *heart;
enum { SOON_MS = 30000 };

static int live(void *context)
{
	static char used[65536];
	struct birth *birth = context;

	for (size_t i = 0; i < birth->count; i++)
		if (write(birth->files[i], "0", 1) != 1)
			return 1;
	/* Counted for the cgroup; what came over from its parent is not. */
	explicit_bzero(used, sizeof(used));
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
pid_t enter(void)
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

const char *cgroups_of(pid_t pid)
{
	char path[64], *text = NULL;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	cr_assert_eq(file_read(AT_FDCWD, path, 65536, &arena, &text, NULL, &err), 0, "%s",
		     err.text);
	return text;
}

size_t lines_with(const char *text, const char *what)
{
	size_t count = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		count++;
	return count;
}

/* Everywhere: a private cgroup2 mount does not have v1, though the host may. */
void expect_everywhere(pid_t pid)
{
	const char *text = cgroups_of(pid);

	cr_expect_eq(lines_with(text, base),
		     cgroup_host() == CGROUP_UNIFIED ? 1 : lines_with(text, "\n"), "%s", text);
}

int status_of(pid_t pid)
{
	int status;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

size_t pids_count(void)
{
	pid_list pids;

	cr_assert_eq(cgroup_pids(&cgroup, &arena, &pids, &err), 0, "%s", err.text);
	return pids.count;
}

/* The v2 cgroup's directory on this host, as a prefix for file_text(). */
const char *v2(void)
{
	if (cgroup_host() == CGROUP_LEGACY)
		cr_skip_test("no cgroup v2 on this host");
	return cgroup_host() == CGROUP_HYBRID ? "/unified" : "";
}

/* Within so many milliseconds at least. */
static bool beats(int ms)
{
	unsigned int before = *heart;

	for (int tries = 0; tries < ms && *heart == before; tries++)
		usleep(1000);
	return *heart != before;
}

void expect_freezes(void)
{
	pid_t pid;

	heart = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(heart, MAP_FAILED);
	pid = enter();
	cr_expect_eq(cgroup_is_frozen(&cgroup, &err), 0, "%s", err.text);
	cr_expect(beats(SOON_MS));
	cr_assert_eq(cgroup_freeze(&cgroup, true, &err), 0, "%s", err.text);
	cr_expect_eq(cgroup_is_frozen(&cgroup, &err), 1);
	cr_expect_not(beats(100), "it runs while frozen");
	cr_assert_eq(cgroup_freeze(&cgroup, false, &err), 0, "%s", err.text);
	cr_expect_eq(cgroup_is_frozen(&cgroup, &err), 0);
	cr_expect(beats(SOON_MS), "it does not run again");
	kill(pid, SIGTERM);
	cr_expect_eq(status_of(pid), 128 + SIGTERM);
}

struct cgroup_write writes_v1[] = {
	{ .controller = "memory", .file = "memory.limit_in_bytes", .text = "67108864" },
	{ .controller = "pids", .file = "pids.max", .text = "77" },
	{ .controller = "cpu", .file = "cpu.shares", .text = "555" },
};
struct cgroup_write writes_v2[] = {
	{ .controller = "memory", .file = "memory.max", .text = "67108864" },
	{ .controller = "pids", .file = "pids.max", .text = "77" },
	{ .controller = "cpu", .file = "cpu.weight", .text = "55" },
};
struct cgroup_write write_hugetlb = {
	.controller = "hugetlb", .file = "hugetlb.2MB.max", .text = "2097152",
};

/* A guest has them all, a private cgroup2 mount of a hybrid host has what v1 left: hugetlb. */
bool has_controller(const char *controller)
{
	char text[512];
	_cleanup_fd int fd = cgroup_v2_root(cgroup_host(), &err);

	return fd >= 0 && cgroup_file_read(fd, "cgroup.controllers", text, sizeof(text)) == 0 &&
	       cgroup_list_has(text, controller);
}

void limit_v1(void)
{
	plan.resources.listed = true;
	plan.resources.v1.items = writes_v1;
	plan.resources.v1.count = ARRAY_SIZE(writes_v1);
}

void expect_v1_limits(const char *path)
{
	static const char *const hierarchies[] = { "/memory", "/pids", "/cpu" };

	for (size_t i = 0; i < ARRAY_SIZE(hierarchies); i++)
		cr_expect_str_eq(file_text(hierarchies[i], path, writes_v1[i].file),
				 writes_v1[i].text);
}

void allow_devices(struct device_rule *rules, size_t count)
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
	return (full >= 0      ? 16 :
		errno == EPERM ? 0 :
				 4) +
	       (null >= 0      ? 32 :
		errno == EPERM ? 0 :
				 8);
}

/* 16: may open /dev/full, 32: /dev/null. */
int devices_open(void)
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

struct device_rule null_only[] = {
	{ false, 'a', { false, 0 }, { false, 0 }, DEVICE_READ | DEVICE_WRITE | DEVICE_MKNOD },
	{ true, 'c', { true, 1 }, { true, 3 }, DEVICE_READ | DEVICE_WRITE },
};
struct device_rule full_only[] = {
	{ false, 'a', { false, 0 }, { false, 0 }, DEVICE_READ | DEVICE_WRITE | DEVICE_MKNOD },
	{ true, 'c', { true, 1 }, { true, 7 }, DEVICE_READ | DEVICE_WRITE },
};
