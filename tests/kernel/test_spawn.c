/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"
#include "config/load.h"
#include "runtime/spawn.h"
#include "tests/kernel/child.h"

/* A root with one program, which is the init: static, and it ends by itself. */
static struct arena arena;
static struct error err;
static char folder[64];
static int state_fd = -EBADF;

static int entry_remove(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void begin(void)
{
	char path[128];

	snprintf(folder, sizeof(folder), "/tmp/kist-spawn-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/rootfs", folder);
	cr_assert_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/rootfs/program", folder);
	child_copy_program(KIST_INIT, path);
	snprintf(path, sizeof(path), "%s/state", folder);
	cr_assert_eq(mkdir(path, 0700), 0);
	state_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(state_fd >= 0);
}

static void end(void)
{
	fd_close(&state_fd);
	nftw(folder, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* more: members of the configuration, ' for ", with a comma in front. */
static const struct plan *plan_with(const char *args, const char *mounts)
{
	char *json = arena_printf(&arena,
		"{'ociVersion':'1.0.2','root':{'path':'rootfs'},"
		"'process':{'cwd':'/','user':{'uid':0,'gid':0},'args':[%s]},"
		"'mounts':[{'destination':'/proc','type':'proc','source':'proc'}%s],"
		"'linux':{'namespaces':[{'type':'mount'},{'type':'pid'},{'type':'uts'},"
		"{'type':'ipc'}]}}", args, mounts);
	const struct plan *plan;

	for (char *at = json; *at != '\0'; at++)
		if (*at == '\'')
			*at = '"';
	plan = plan_parse(&arena, folder, "config.json", json, strlen(json), &err);
	cr_assert_not_null(plan, "%s", err.text);
	return plan;
}

static pid_t born_pid;

static int on_born(void *context, pid_t pid, int pidfd, struct error *unused)
{
	(void)context;
	(void)unused;
	born_pid = pidfd >= 0 ? pid : -1;
	return 0;
}

static int on_born_refuse(void *context, pid_t pid, int pidfd, struct error *error)
{
	on_born(context, pid, pidfd, error);
	return error_set(error, "the journal is full");
}

static struct spawn_request request_of(const struct plan *plan, bool wait_for_start)
{
	return (struct spawn_request){
		.plan = plan, .id = "test", .arena = &arena, .state_fd = state_fd,
		.wait_for_start = wait_for_start, .console_socket = -EBADF, .born = on_born,
	};
}

static int fds_open(void)
{
	DIR *fds = opendir("/proc/self/fd");
	int count = 0;

	while (fds != NULL && readdir(fds) != NULL)
		count++;
	closedir(fds);
	return count;
}

static void expect_nothing_left(int fds_before)
{
	cr_expect_eq(fds_open(), fds_before, "fds are left");
	cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "a process is left");
}

Test(spawn, runs_the_program, .init = begin, .fini = end, .timeout = 60)
{
	struct spawn_request request;
	struct spawn spawn;
	int before;

	child_need_root();
	before = fds_open();
	request = request_of(plan_with("'/program','--version'", ""), false);
	cr_assert_eq(spawn_create(&request, &spawn, &err), 0, "%s", err.text);
	cr_expect_eq(spawn.pid, born_pid);
	cr_assert_eq(spawn_start(&spawn, &err), 0, "%s", err.text);
	cr_expect_eq(child_wait(spawn.pid), 0);
	spawn_close(&spawn);
	expect_nothing_left(before);
}

Test(spawn, waits_for_a_start_from_elsewhere, .init = begin, .fini = end, .timeout = 60)
{
	struct spawn_request request;
	struct spawn spawn;

	child_need_root();
	request = request_of(plan_with("'/program','--version'", ""), true);
	cr_assert_eq(spawn_create(&request, &spawn, &err), 0, "%s", err.text);
	cr_expect(spawn_waits_for_start(state_fd));
	cr_expect_eq(waitpid(spawn.pid, NULL, WNOHANG), 0);
	/* The kist of "create" is gone by then. */
	channel_close(&spawn.channel);
	cr_expect(spawn_waits_for_start(state_fd));
	cr_assert_eq(spawn_start_created(state_fd, &err), 0, "%s", err.text);
	cr_expect_not(spawn_waits_for_start(state_fd));
	cr_expect_eq(child_wait(spawn.pid), 0);
	spawn_close(&spawn);
}

Test(spawn, knows_that_nobody_waits_any_more, .init = begin, .fini = end, .timeout = 60)
{
	struct spawn_request request;
	struct spawn spawn;

	child_need_root();
	request = request_of(plan_with("'/program','--version'", ""), true);
	cr_assert_eq(spawn_create(&request, &spawn, &err), 0, "%s", err.text);
	kill(spawn.pid, SIGKILL);
	cr_expect_eq(child_wait(spawn.pid), 128 + SIGKILL);
	cr_expect_not(spawn_waits_for_start(state_fd));
	cr_expect_eq(spawn_start_created(state_fd, &err), -1);
	cr_expect_eq(err.code, ENXIO);
	spawn_close(&spawn);
}

static const struct { const char *args, *mounts, *says;
} refusals[] = {
	{ "'/program'",
	  ",{'destination':'/d','type':'bind','source':'/nowhere','options':['bind']}",
	  "/mounts/1 on /d: open tree /nowhere: no such file or directory" },
	{ "'/missing'", "", "exec: \"/missing\"" },
	{ "'/program'", ",{'destination':'/d','type':'nosuchfs','source':'none'}",
	  "mount: /mounts/1" },
};

Test(spawn, leaves_nothing_when_it_fails, .init = begin, .fini = end, .timeout = 60)
{
	child_need_root();
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct spawn_request request =
			request_of(plan_with(refusals[i].args, refusals[i].mounts), false);
		int before = fds_open();
		struct spawn spawn;

		cr_expect_eq(spawn_create(&request, &spawn, &err), -1);
		cr_expect_eq(strncasecmp(err.text, refusals[i].says, strlen(refusals[i].says)), 0,
			     "%s", err.text);
		cr_expect_eq(spawn.pidfd, -EBADF);
		expect_nothing_left(before);
	}
}

Test(spawn, kills_what_the_caller_cannot_note, .init = begin, .fini = end, .timeout = 60)
{
	struct spawn_request request;
	struct spawn spawn;
	int before;

	child_need_root();
	before = fds_open();
	request = request_of(plan_with("'/program'", ""), false);
	request.born = on_born_refuse;
	cr_expect_eq(spawn_create(&request, &spawn, &err), -1);
	cr_expect_str_eq(err.text, "the journal is full");
	cr_expect(born_pid > 0);
	expect_nothing_left(before);
}

static int on_born_killed(void *context, pid_t pid, int pidfd, struct error *error)
{
	on_born(context, pid, pidfd, error);
	return sys_pidfd_send_signal(pidfd, SIGKILL);
}

Test(spawn, says_what_killed_the_process, .init = begin, .fini = end, .timeout = 60)
{
	struct spawn_request request;
	struct spawn spawn;

	child_need_root();
	request = request_of(plan_with("'/program'", ""), false);
	request.born = on_born_killed;
	cr_expect_eq(spawn_create(&request, &spawn, &err), -1);
	cr_expect_not_null(strstr(err.text, "container's process was killed by signal 9 "), "%s",
			   err.text);
}

/* Until it has ended by itself. */
static int on_born_late(void *context, pid_t pid, int pidfd, struct error *error)
{
	struct pollfd end = { pidfd, POLLIN, 0 };

	on_born(context, pid, pidfd, error);
	return poll(&end, 1, 30000) == 1 ? 0 : error_set(error, "it lives");
}

static int on_born_killed_late(void *context, pid_t pid, int pidfd, struct error *error)
{
	sys_pidfd_send_signal(pidfd, SIGKILL);
	return on_born_late(context, pid, pidfd, error);
}

/* The maps of a process that has ended cannot be written, which is not why it ended. */
Test(spawn, says_why_the_process_ended_before_its_maps_came, .init = begin, .fini = end,
     .timeout = 60)
{
	struct spawn_request request;
	struct spawn spawn;
	struct plan *plan;
	int before;

	child_need_root();
	before = fds_open();
	plan = (struct plan *)(uintptr_t)plan_with("'/program'", "");
	plan->process.oom_score_adj = (struct opt_i64){ true, 5000 };
	plan->clone_flags |= CLONE_NEWUSER;
	plan->namespaces[NAMESPACE_USER].listed = true;
	plan->uid_maps.items = plan->gid_maps.items = &(struct id_map){ 0, 100000, 1 };
	plan->uid_maps.count = plan->gid_maps.count = 1;
	request = request_of(plan, false);
	request.born = on_born_late;
	cr_expect_eq(spawn_create(&request, &spawn, &err), -1);
	cr_expect_not_null(strstr(err.text, "set the OOM score: "), "%s", err.text);
	expect_nothing_left(before);
	plan->process.oom_score_adj.set = false;
	request.born = on_born_killed_late;
	cr_expect_eq(spawn_create(&request, &spawn, &err), -1);
	cr_expect_not_null(strstr(err.text, "container's process was killed by signal 9 "), "%s",
			   err.text);
}

/* As rootless Podman calls a runtime: root, but of a user namespace, and the plan has none. */
static int runs_inside_user_namespace(void *context)
{
	const struct plan *plan = context;
	struct spawn_request request = request_of(plan, false);
	struct spawn spawn;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
	    file_write(AT_FDCWD, "/proc/self/setgroups", "deny", &err) < 0 ||
	    file_write(AT_FDCWD, "/proc/self/uid_map", "0 0 1", &err) < 0 ||
	    file_write(AT_FDCWD, "/proc/self/gid_map", "0 0 1", &err) < 0)
		return 100;
	if (spawn_create(&request, &spawn, &err) < 0 || spawn_start(&spawn, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 101;
	}
	return child_wait(spawn.pid);
}

Test(spawn, binds_devices_where_they_cannot_be_made, .init = begin, .fini = end, .timeout = 60)
{
	child_need_root();
	cr_expect_eq(child_status(runs_inside_user_namespace,
				  (void *)(uintptr_t)plan_with("'/program','--version'",
					",{'destination':'/dev','type':'tmpfs','source':'tmpfs'}")),
		     0);
}
