/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/e2e/harness.h"

/* Listeners, and the two commands that have one of their own. */

/* 39 and the like differ between architectures. */
static const char *number(long call)
{
	return arena_printf(&e2e_arena, "%ld", call);
}

/* --- listenerPath ------------------------------------------------------------------------ */

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		  listen(fd, 2) == 0);
	return fd;
}

/* The state that came with it. */
static int listener_take(int socket, char **ret_state)
{
	int connection = accept(socket, NULL, NULL), fd = -EBADF;
	size_t count = 1;
	struct error err;
	ssize_t size;

	*ret_state = arena_alloc(&e2e_arena, 65536);
	size = fd_receive(connection, &fd, &count, *ret_state, 65535, &err);
	cr_assert(size > 0 && count == 1, "%s", err.text);
	close(connection);
	return fd;
}

/* Answers one call with that value. */
static void listener_answer(int fd, long call, int64_t value)
{
	struct seccomp_notif request = { 0 };
	struct seccomp_notif_resp response = { 0 };

	cr_assert_eq(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &request), 0, "%s", strerror(errno));
	cr_expect_eq(request.data.nr, call);
	response.id = request.id;
	response.val = value;
	cr_assert_eq(ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &response), 0, "%s", strerror(errno));
}

static const char *listener_path(const struct bundle *b)
{
	return arena_printf(&e2e_arena, "%s/listener", b->dir);
}

static struct bundle *listening(void)
{
	struct bundle *b = bundle_new();

	bundle_set(b, "/linux/seccomp",
		   arena_printf(&e2e_arena,
				"{'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': '%s',"
				" 'listenerMetadata': 'secret \\\\ word', 'syscalls': ["
				"{'names': ['getpgid'], 'action': 'SCMP_ACT_NOTIFY'}]}",
				listener_path(b)));
	bundle_probe_args(b, "syscall", number(SYS_getpgid), "0", "0", "0", NULL);
	return b;
}

E2E(seccomp, listener_gets_the_fd_and_the_containers_state)
{
	struct bundle *b = listening();
	int socket = listen_at(listener_path(b)), fd;
	struct output got;
	struct call call;
	char *state;

	bundle_set(b, "/ociVersion", "'1.0.2'");
	bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
	fd = listener_take(socket, &state);
	listener_answer(fd, SYS_getpgid, 4711);
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.out, "=4711"), "%s", got.out);
	cr_expect(strstr(state, "\"fds\":[\"seccompFd\"]"), "%s", state);
	if (e2e_is_kist())
		cr_expect(strstr(state, "{\"ociVersion\":\"1.3.0\",\"fds") == state, "%s", state);
	cr_expect(strstr(state, "\"metadata\":\"secret \\\\ word\""), "%s", state);
	cr_expect(strstr(state, arena_printf(&e2e_arena, "\"id\":\"%s\"", b->id)), "%s", state);
	cr_expect(strstr(state, b->path), "%s", state);
	close(fd);
	close(socket);
}

E2E(seccomp, listener_is_given_where_few_files_are_allowed)
{
	for (int late = 0; late < 2; late++) {
		struct bundle *b = listening();
		int socket = listen_at(listener_path(b)), fd;
		struct output got;
		struct call call;
		char *state;

		bundle_set(b, "/process/noNewPrivileges", late ? "true" : "false");
		bundle_set(b, "/process/rlimits",
			   "[{'type': 'RLIMIT_NOFILE', 'soft': 8, 'hard': 8}]");
		bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
		fd = listener_take(socket, &state);
		listener_answer(fd, SYS_getpgid, 4711);
		bundle_finish(&call, &got);
		cr_expect_eq(got.status, 0, "%s", got.err);
		cr_expect(strstr(got.out, "=4711"), "%s", got.out);
		close(fd);
		close(socket);
	}
}

/*
 * Whoever answers for the calls has no listener yet: what the runtime does behind the filter but
 * before it is handed over must do with the sendmsg.  So memory for a long state comes before.
 */
E2E(seccomp, listener_is_handed_over_without_other_calls)
{
	struct bundle *b = listening();
	int socket = listen_at(listener_path(b)), fd;
	char metadata[50001] = { 0 };
	struct output got;
	struct call call;
	char *state;

	memset(metadata, 'x', sizeof(metadata) - 1);
	bundle_set(b, "/linux/seccomp/listenerMetadata",
		   arena_printf(&e2e_arena, "'%s'", metadata));
	bundle_set(b, "/linux/seccomp/syscalls",
		   "[{'names': ['getpgid', 'mmap', 'brk'],"
		   "'action': 'SCMP_ACT_NOTIFY'}]");
	bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
	fd = listener_take(socket, &state);
	cr_expect(strstr(state, "\"metadata\":\"xxxx"), "%.80s", state);
	bundle_call(b, &got, "kill", b->id, "KILL", NULL);
	close(fd);
	bundle_finish(&call, &got);
	close(socket);
}

E2E(seccomp, listener_is_given_for_exec_too)
{
	struct bundle *b = listening();
	int socket = listen_at(listener_path(b)), first, second;
	struct call run, exec;
	struct output got;
	char *state;

	bundle_probe_args(b, "say", "here", "sleep", "20000", NULL);
	bundle_begin(b, &run, "run", "--bundle", b->path, b->id, NULL);
	first = listener_take(socket, &state);
	bundle_await(&run, "here");
	bundle_begin(b, &exec, "exec", b->id, "/probe", "syscall", number(SYS_getpgid), "0", "0",
		     "0", NULL);
	second = listener_take(socket, &state);
	listener_answer(second, SYS_getpgid, 4712);
	bundle_finish(&exec, &got);
	cr_expect(strstr(got.out, "=4712"), "%s%s", got.out, got.err);
	bundle_call(b, &got, "kill", b->id, "KILL", NULL);
	bundle_finish(&run, &got);
	close(first);
	close(second);
	close(socket);
}

E2E(seccomp, listener_that_is_not_there_is_named)
{
	struct bundle *b = listening();
	struct output got;

	bundle_set(b, "/linux/seccomp/listenerPath", "'/nonexistent/socket'");
	bundle_run(b, &got);
	cr_expect_eq(got.status, 1);
	cr_expect(strstr(got.err, "/nonexistent/socket"), "%s", got.err);
}

/* --- seccomp record ------------------------------------------------------------------------- */

/* What the program and a child of it did, and what the recorded profile then denies. */
E2E(seccomp, profile_of_a_run_allows_that_run_and_no_more)
{
	struct bundle *b = bundle_new();
	const char *file = arena_printf(&e2e_arena, "%s/profile.json", b->dir), *profile;
	struct output got;

	e2e_need_kist();
	bundle_probe_args(b, "orphans", "3", "syscall", number(SYS_getpgid), "0", "0", "0", "exit",
			  "5", NULL);
	bundle_call(b, &got, "seccomp", "record", file, "--bundle", b->path, b->id, NULL);
	cr_assert_eq(got.status, 5, "%s", got.err);
	profile = e2e_file_text(file);
	cr_expect(strstr(profile, "\"getpgid\"") && strstr(profile, "\"exit_group\""), "%s",
		  profile);
	cr_expect(strstr(profile, "execve"), "%s", profile);
	cr_expect_null(strstr(profile, "\"getsid\""), "%s", profile);
	bundle_set(b, "/linux/seccomp", profile);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 5, "%s", got.err);
	bundle_probe_args(b, "syscall", number(SYS_getsid), "0", "0", "0", NULL);
	bundle_run(b, &got);
	cr_expect(strstr(got.out, "EPERM"), "%s", got.out);
}

E2E(seccomp, recording_works_with_the_flags_of_run)
{
	struct bundle *b = bundle_new();
	const char *file = arena_printf(&e2e_arena, "%s/profile.json", b->dir);
	struct output got;

	e2e_need_kist();
	e2e_need_root();
	bundle_call(b, &got, "seccomp", "record", file, "--rootfs", b->rootfs, "--", "/probe",
		    "say", "hello", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_str_eq(got.out, "hello\n");
	cr_expect(strstr(e2e_file_text(file), "\"write"), "%s", e2e_file_text(file));
}

E2E(seccomp, recording_needs_no_privilege)
{
	struct bundle *b = bundle_new();
	const char *file = arena_printf(&e2e_arena, "%s/profile.json", b->dir);
	struct output got;

	e2e_need_kist();
	e2e_need_root();
	bundle_as_user(b, 65534);
	bundle_probe_args(b, "say", "hello", NULL);
	bundle_call(b, &got, "seccomp", "record", file, "--bundle", b->path, b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(e2e_file_text(file), "\"exit_group\""), "%s", e2e_file_text(file));
}

E2E(seccomp, recording_of_what_does_not_start_ends)
{
	struct bundle *b = bundle_new();
	const char *file = arena_printf(&e2e_arena, "%s/p", b->dir);
	struct output got;
	struct error err;
	int dir_fd;

	e2e_need_kist();
	bundle_args(b, "/nothing", NULL);
	bundle_call(b, &got, "seccomp", "record", file, "--bundle", b->path, b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect(strstr(got.err, "no such file or directory"), "%s", got.err);
	cr_expect_neq(access(file, F_OK), 0, "a profile that nobody wrote is there");
	dir_fd = open(b->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cr_assert_eq(file_replace(dir_fd, "p", "old", 3, 0644, &err), 0);
	close(dir_fd);
	bundle_call(b, &got, "seccomp", "record", file, "--bundle", b->path, b->id, NULL);
	cr_expect_str_eq(e2e_file_text(file), "old");
	bundle_call(b, &got, "seccomp", "play", "x", NULL);
	cr_expect(strstr(got.err, "there is \"record\""), "%s", got.err);
}

/* --- run --seccomp-log ------------------------------------------------------------- */

static const char denying[] = "{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': ["
			      " {'names': ['getpgid'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 22},"
			      " {'names': ['getsid'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 95,"
			      "  'args': [{'index': 0, 'value': 7, 'op': 'SCMP_CMP_EQ'}]}]}";

E2E(seccomp, denied_calls_are_named)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_set(b, "/linux/seccomp", denying);
	bundle_probe_args(b, "syscall", number(SYS_getpgid), "0", "0", "0", "syscall",
			  number(SYS_getpgid), "0", "0", "0", "syscall", number(SYS_getsid), "7",
			  "0", "0", "syscall", number(SYS_getsid), "0", "0", "0", NULL);
	bundle_call(b, &got, "run", "--seccomp-log", "--bundle", b->path, b->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	/* What the profile says, as without it. */
	cr_expect(strstr(got.out, "EINVAL") && strstr(got.out, "EOPNOTSUPP"), "%s", got.out);
	cr_expect(strstr(got.err, "seccomp: getpgid of /probe (pid "), "%s", got.err);
	cr_expect(strcasestr(got.err, "was denied: invalid argument"), "%s", got.err);
	cr_expect(strstr(got.err, "seccomp: getsid of /probe (pid "), "%s", got.err);
	/* Each once. */
	cr_assert(strstr(got.err, "getpgid"));
	cr_expect_null(strstr(strstr(got.err, "getpgid") + 1, "getpgid"), "%s", got.err);
}

/* Else a container could fill the disk with it, and kist's memory. */
E2E(seccomp, denied_calls_are_named_no_more_than_so_many_times)
{
	struct bundle *b = bundle_new();
	unsigned int lines = 0;
	struct output got;

	e2e_need_kist();
	e2e_need_program("/bin/busybox");
	bundle_set(b, "/linux/seccomp",
		   "{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': ["
		   "{'names': ['getppid'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 22}]}");
	bundle_set(b, "/root/readonly", "false");
	mkdir(arena_printf(&e2e_arena, "%s/bin", b->rootfs), 0755);
	bundle_copy(b, "/bin/busybox", "/bin/busybox");
	bundle_args(b, "/bin/busybox", "sh", "-c", "i=0; while [ $i -lt 300 ]; do i=$((i+1)); "
		    "/bin/busybox ln /bin/busybox /bin/busybox$i; /bin/busybox$i sh -c :; done",
		    NULL);
	bundle_call(b, &got, "run", "--seccomp-log", "--bundle", b->path, b->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	for (const char *at = got.err; (at = strstr(at, "was denied")) != NULL; at++)
		lines++;
	cr_expect_eq(lines, 256);
	cr_expect_not_null(strstr(got.err, "no more are named"), "%s", got.err);
}

E2E(seccomp, log_wants_a_profile_without_a_listener)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_call(b, &got, "run", "--seccomp-log", "--bundle", b->path, b->id, NULL);
	cr_expect(strstr(got.err, "the configuration has no seccomp profile"), "%s", got.err);
	b = listening();
	bundle_call(b, &got, "run", "--seccomp-log", "--bundle", b->path, b->id, NULL);
	cr_expect(strstr(got.err, "has a listener already"), "%s", got.err);
	bundle_call(b, &got, "run", "--detach", "--seccomp-log", "--bundle", b->path, b->id, NULL);
	cr_expect(strstr(got.err, "not for --detach"), "%s", got.err);
}

/*
 * Without no_new_privs it is in force before these hooks, which are started by calls like any.  The
 * init has to be allowed the call, or be refused it, but not killed.
 */
E2E(seccomp, profile_that_denies_close_range_lets_hooks_run)
{
	static const char *const actions[] = { "ERRNO", "KILL_THREAD", "KILL_PROCESS" };

	e2e_need_root();
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		bundle_set(b, "/process/noNewPrivileges", "false");
		if (i > 0)
			bundle_set(b, "/annotations", "{'org.kist.init': 'never'}");
		bundle_set(b, "/hooks/startContainer",
			   "[{'path': '/probe', 'args': ['probe', 'exit', '0']}]");
		bundle_set(b, "/linux/seccomp",
			   arena_printf(&e2e_arena,
					"{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': "
					"[{'names': ['close_range'], 'action': 'SCMP_ACT_%s'}]}",
					actions[i]));
		bundle_probe_args(b, "exit", "7", NULL);
		bundle_run(b, &got);
		cr_expect_eq(got.status, 7, "%s: status %d: %s", actions[i], got.status, got.err);
	}
}
