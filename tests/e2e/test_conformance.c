/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/e2e/harness.h"

/* What the public suites brought to light (docs/conformance.md), a test of our own each. */

/* A list of what may be called, as they were before close_range and clone3 were there. */
static const char old_profile[] =
	"{'defaultAction': 'SCMP_ACT_ERRNO', 'architectures': ['SCMP_ARCH_X86_64'],"
	" 'syscalls': [{'action': 'SCMP_ACT_ALLOW', 'names': ["
	"'access', 'arch_prctl', 'brk', 'capget', 'capset', 'chdir', 'clone', 'close', 'dup2',"
	"'execve', 'execveat', 'exit', 'exit_group', 'fchdir', 'fchown', 'fcntl', 'fstat',"
	"'fstatfs', 'futex', 'getcwd', 'getdents64', 'getegid', 'geteuid', 'getgid', 'getgroups',"
	"'getpgid', 'getpgrp', 'getpid', 'getppid', 'getpriority', 'getresgid', 'getresuid',"
	"'getsid', 'getuid', 'ioctl', 'kill', 'lseek', 'lstat', 'mmap', 'mprotect', 'munmap',"
	"'nanosleep', 'newfstatat', 'open', 'openat', 'pipe2', 'prctl', 'prlimit64', 'read',"
	"'readlink', 'readv', 'rt_sigaction', 'rt_sigprocmask', 'rt_sigreturn', 'rt_sigtimedwait',"
	"'sendto', 'set_robust_list', 'set_tid_address', 'setgid', 'setgroups', 'setpgid',"
	"'setresgid', 'setresuid', 'setsid', 'setuid', 'stat', 'tgkill', 'umask', 'uname',"
	"'unlink', 'vfork', 'wait4', 'waitid', 'write', 'writev']}]}";

E2E(conformance, runs_below_a_profile_that_allows_old_calls_alone)
{
	static const char *const init[] = { "'auto'", "'never'" };

	for (size_t i = 0; i < ARRAY_SIZE(init); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		bundle_set(b, "/process/noNewPrivileges", "false");
		bundle_set(b, "/annotations/org.kist.init", init[i]);
		bundle_set(b, "/linux/seccomp", old_profile);
		bundle_probe_args(b, "say", "hello", "exit", "3", NULL);
		bundle_run(b, &got);
		cr_expect_eq(got.status, 3, "%s: %s", init[i], got.err);
		cr_expect_str_eq(got.out, "hello\n");
	}
}

/* --- limits --------------------------------------------------------------------------- */

/* A private cgroup2 mount on a host whose controllers are with v1 has none. */
static void need_pids_controller(void)
{
	struct error err;
	char *text;
	size_t size;

	if (file_read(AT_FDCWD, "/sys/fs/cgroup/cgroup.controllers", 4096, &e2e_arena, &text,
		      &size, &err) == 0 && strstr(text, "pids") == NULL)
		e2e_skip("cgroup2 here has no controller pids");
}

E2E(conformance, few_tasks_are_enough_for_a_program)
{
	static const char *const limits[] = { "0", "1", "2", "5", "-1" };

	e2e_need_root();
	need_pids_controller();
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		bundle_set(b, "/linux/resources/pids",
			   arena_printf(&e2e_arena, "{'limit': %s}", limits[i]));
		bundle_set(b, "/mounts/-", "{'destination': '/sys/fs/cgroup', 'type': 'cgroup',"
			   " 'source': 'cgroup', 'options': ['ro']}");
		bundle_probe_args(b, "say", "hello", "exit", "3", NULL);
		bundle_run(b, &got);
		cr_expect_eq(got.status, 3, "pids.limit %s: %s", limits[i], got.err);
		cr_expect_str_eq(got.out, "hello\n");
	}
}

E2E(conformance, the_idle_class_needs_no_level)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_set(b, "/process/ioPriority", "{'class': 'IOPRIO_CLASS_IDLE'}");
	bundle_probe_args(b, "exit", "3", NULL);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 3, "%s", got.err);
	bundle_set(b, "/process/ioPriority", "{'class': 'IOPRIO_CLASS_BE'}");
	bundle_run(b, &got);
	cr_expect_eq(got.status, 1);
	cr_expect(strstr(got.err, "/process/ioPriority: must have a priority") != NULL, "%s",
		  got.err);
}

/* --- mounts --------------------------------------------------------------------------- */

/* Root may read it; without capabilities, as in a user namespace, it could not. */
E2E(conformance, a_source_in_a_closed_directory_reaches_a_user_namespace)
{
	struct bundle *b = bundle_new();
	const char *closed = arena_printf(&e2e_arena, "%s/closed", b->dir);
	const char *data = arena_printf(&e2e_arena, "%s/data", closed);
	struct output got;

	e2e_need_root();
	cr_assert(mkdir(closed, 0755) == 0 && mkdir(data, 0755) == 0 && chmod(closed, 0) == 0 &&
		  chown(b->rootfs, 1000, 1000) == 0);
	bundle_set(b, "/linux/namespaces/-", "{'type': 'user'}");
	bundle_set(b, "/linux/uidMappings", "[{'containerID': 0, 'hostID': 1000, 'size': 10}]");
	bundle_set(b, "/linux/gidMappings", "[{'containerID': 0, 'hostID': 1000, 'size': 10}]");
	bundle_set(b, "/mounts/-",
		   arena_printf(&e2e_arena, "{'destination': '/data', 'source': '%s', "
				"'options': ['bind', 'ro']}", data));
	bundle_probe_args(b, "stat", "/data", "mkdir", "/data/x", NULL);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.out, "mkdir:/data/x=EROFS") != NULL, "%s", got.out);
	cr_expect_eq(chmod(closed, 0755), 0);
}

E2E(conformance, a_link_is_bound_onto_a_link)
{
	static const char *const options[] = {
		"['bind', 'dest-nofollow', 'src-nofollow']", "['bind', 'dest-nofollow']",
	};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		struct bundle *b = bundle_new();
		const char *file = arena_printf(&e2e_arena, "%s/file", b->dir);
		const char *from = arena_printf(&e2e_arena, "%s/from", b->dir);
		const char *to = arena_printf(&e2e_arena, "%s/to", b->rootfs);
		struct output got;

		bundle_file(b, "/../../file", 0644, "text");
		cr_assert(symlink(file, from) == 0 && symlink("nowhere", to) == 0);
		bundle_set(b, "/mounts/-",
			   arena_printf(&e2e_arena, "{'destination': '/to', 'source': '%s', "
					"'options': %s}", from, options[i]));
		bundle_probe_args(b, i == 0 ? "readlink" : "read", "/to", NULL);
		bundle_run(b, &got);
		cr_expect_eq(got.status, 0, "%s", got.err);
		cr_expect(strstr(got.out, i == 0 ? file : "text") != NULL, "%s", got.out);
	}
}

E2E(conformance, options_of_a_cgroup_mount_reach_the_kernel)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_root();
	bundle_set(b, "/mounts/-",
		   "{'destination': '/cgroup2', 'type': 'cgroup2',"
		   " 'source': 'cgroup2', 'options': ['nonsense']}");
	bundle_probe_args(b, "exit", "0", NULL);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 1);
	cr_expect(strstr(got.err, "nonsense") != NULL, "%s", got.err);
	bundle_set(b, "/mounts/7/options", "['nsdelegate']");
	bundle_run(b, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
}

/* --- hooks ---------------------------------------------------------------------------- */

static const char *read_host_file(const char *path)
{
	struct error err;
	char *text;
	size_t size;

	return file_read(AT_FDCWD, path, 65536, &e2e_arena, &text, &size, &err) == 0 ? text : "";
}

/* Appends a hook of that moment: a shell of the host, with the bundle for its directory. */
static void add_hook(struct bundle *b, const char *moment, const char *script)
{
	const char *pointer = arena_printf(&e2e_arena, "/hooks/%s", moment);
	const char *hook = arena_printf(&e2e_arena,
					"{'path': '/bin/sh', 'args': ['sh', '-c', 'cd %s; %s']}",
					b->path, script);

	if (strstr(b->config, moment) == NULL)
		bundle_set(b, pointer, "[]");
	bundle_set(b, arena_printf(&e2e_arena, "%s/-", pointer), hook);
}

static void expect_gone(struct bundle *b)
{
	struct output got;

	bundle_call(b, &got, "state", b->id, NULL);
	cr_expect_neq(got.status, 0, "%s", got.out);
	cr_expect(strstr(got.err, "container does not exist") != NULL, "%s", got.err);
}

E2E(conformance, a_failed_hook_of_start_destroys_the_container)
{
	for (int at = 0; at < 2; at++) {
		struct bundle *b = bundle_new();
		struct output got;

		if (at == 0)
			add_hook(b, "poststart", "exit 3");
		else
			bundle_set(b, "/hooks/startContainer",
				   "[{'path': '/probe', 'args': ['probe', 'exit', '3']}]");
		add_hook(b, "poststop", "cat >stopped");
		bundle_probe_args(b, "sleep", "60000", NULL);
		bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
		cr_assert_eq(got.status, 0, "%s", got.err);
		bundle_call(b, &got, "start", b->id, NULL);
		cr_expect_eq(got.status, 1);
		cr_expect(strstr(got.err, "exit status 3") != NULL, "%s", got.err);
		expect_gone(b);
		cr_expect(strstr(read_host_file(arena_printf(&e2e_arena, "%s/stopped", b->path)),
				 "\"status\":\"stopped\"") != NULL);
	}
}

/* More than a pipe holds, so that the write meets the closed end, and not sooner. */
E2E(conformance, a_hook_need_not_read_its_state)
{
	struct bundle *b = bundle_new();
	char *large = arena_alloc(&e2e_arena, 100001);
	struct output got;

	memset(large, 'x', 100000);
	large[100000] = '\0';
	bundle_set(b, "/annotations/large", arena_printf(&e2e_arena, "'%s'", large));
	add_hook(b, "poststop", "exec <&-; sleep 0.05; exit 1");
	add_hook(b, "poststop", "exec <&-; echo >second");
	bundle_probe_args(b, "exit", "5", NULL);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 5, "status %d: %s", got.status, got.err);
	cr_expect(strstr(got.err, "poststop hook") != NULL, "%s", got.err);
	cr_expect_str_eq(read_host_file(arena_printf(&e2e_arena, "%s/second", b->path)), "\n");
}

E2E(conformance, hooks_read_the_status_of_their_moment)
{
	static const struct { const char *moment, *status; } rows[] = {
		{ "prestart", "created" }, { "createRuntime", "creating" },
		{ "createContainer", "creating" }, { "poststart", "running" },
		{ "poststop", "stopped" },
	};
	struct bundle *b = bundle_new();
	struct output got;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		add_hook(b, rows[i].moment,
			 arena_printf(&e2e_arena, "cat >%s", rows[i].moment));
	bundle_probe_args(b, "exit", "0", NULL);
	bundle_run(b, &got);
	cr_assert_eq(got.status, 0, "%s", got.err);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *path = arena_printf(&e2e_arena, "%s/%s", b->path, rows[i].moment);
		const char *want = arena_printf(&e2e_arena, "\"status\":\"%s\"",
						rows[i].status);

		cr_expect(strstr(read_host_file(path), want) != NULL, "%s: %s", rows[i].moment,
			  read_host_file(path));
	}
}

/* --- state ---------------------------------------------------------------------------- */

E2E(conformance, state_in_the_middle_of_create_tells_its_outcome)
{
	bool settled = false;

	/* Again and again, for a machine that is busy may need longer than "state" waits. */
	for (int i = 0; i < 100 && !settled; i++) {
		struct bundle *b = bundle_new();
		const char *mark = arena_printf(&e2e_arena, "%s/begun", b->path);
		struct output got, state;
		struct call create;

		add_hook(b, "createRuntime", "echo >begun; sleep 0.03");
		bundle_begin(b, &create, "create", "--bundle", b->path, b->id, NULL);
		while (access(mark, F_OK) < 0)
			usleep(1000);
		bundle_call(b, &state, "state", b->id, NULL);
		settled = strstr(state.out, "\"created\"") != NULL;
		bundle_finish(&create, &got);
		cr_expect_eq(got.status, 0, "%s", got.err);
		bundle_call(b, &got, "delete", "--force", b->id, NULL);
	}
	cr_expect(settled);
}

/* What they make in the root must not be writable by all, and a path may be the bundle's. */
E2E(conformance, hooks_work_in_the_bundle_with_the_umask_of_the_caller)
{
	static const char *const moments[] = {
		"prestart", "createRuntime", "createContainer", "poststart", "poststop",
	};
	struct bundle *b = bundle_new();
	struct output got;

	for (size_t i = 0; i < ARRAY_SIZE(moments); i++)
		bundle_set(b, arena_printf(&e2e_arena, "/hooks/%s", moments[i]),
			   arena_printf(&e2e_arena, "[{'path': '/bin/sh', 'args': "
					"['sh', '-c', 'umask >mask-%s']}]", moments[i]));
	bundle_probe_args(b, "exit", "0", NULL);
	bundle_run(b, &got);
	cr_assert_eq(got.status, 0, "%s", got.err);
	for (size_t i = 0; i < ARRAY_SIZE(moments); i++)
		cr_expect_str_eq(read_host_file(arena_printf(&e2e_arena, "%s/mask-%s", b->path,
							     moments[i])),
				 "0022\n", "%s", moments[i]);
}

E2E(conformance, a_hook_of_create_that_asks_is_told_creating)
{
	struct bundle *b = bundle_new();
	struct output got;

	add_hook(b, "createRuntime", arena_printf(&e2e_arena, "%s --root %s state %s >seen",
						  b->runtime, b->state, b->id));
	bundle_probe_args(b, "exit", "0", NULL);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(read_host_file(arena_printf(&e2e_arena, "%s/seen", b->path)),
			 "\"creating\"") != NULL);
}

E2E(conformance, exec_in_a_missing_directory_names_chdir)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_run_sleeper(b);
	bundle_call(b, &got, "exec", "--cwd", "/not/there", b->id, "/probe", NULL);
	cr_expect_eq(got.status, 255);
	cr_expect(strstr(got.err, "chdir") != NULL && strstr(got.err, "/not/there") != NULL, "%s",
		  got.err);
	bundle_call(b, &got, "delete", "--force", b->id, NULL);
}
