/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "tests/e2e/harness.h"

/* What kist says and leaves when the host gives it trouble: failing hooks, a full disk. */

static const char *contents(struct bundle *b, const char *name)
{
	struct error err;
	char *text;

	return file_read(AT_FDCWD, arena_printf(&e2e_arena, "%s/%s", b->dir, name), 1 << 20,
			 &e2e_arena, &text, NULL, &err) == 0 ? text : "";
}

E2E(hooks, what_they_print_is_shown_when_they_fail)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_set(b, "/hooks/createRuntime",
		   "[{'path': '/bin/sh', 'args': ['sh', '-c', "
		   "'echo out; echo the reason >&2; exit 3']}]");
	bundle_run(b, &got);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "/hooks/createRuntime/0: hook /bin/sh: exit status 3"),
			   "%s", got.err);
	cr_expect_not_null(strstr(got.err, "the reason"), "%s", got.err);
}

E2E(hooks, time_is_in_the_log)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_set(b, "/hooks/createRuntime",
		   "[{'path': '/bin/sh', 'args': ['sh', '-c', 'echo made a network']}]");
	bundle_call(b, &got, "--debug", "--log", arena_printf(&e2e_arena, "%s/log", b->dir), "run",
		    "--bundle", b->path, b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_not_null(strstr(contents(b, "log"), "level=debug msg=\"hook /bin/sh took "), "%s",
			   contents(b, "log"));
	cr_expect_not_null(strstr(contents(b, "log"), "made a network"));
	/* Without being asked for, nothing: the log is read as a whole. */
	bundle_call(b, &got, "--log", arena_printf(&e2e_arena, "%s/quiet", b->dir), "run",
		    "--bundle", b->path, b->id, NULL);
	cr_expect_str_eq(contents(b, "quiet"), "");
}

/* Each says where it runs; the container's side of the clone has no log of its own. */
static void hook_everywhere(struct bundle *b)
{
	static const char *const outside[] = { "prestart", "createRuntime", "createContainer",
					       "poststart", "poststop" };

	for (size_t i = 0; i < ARRAY_SIZE(outside); i++)
		bundle_set(b, arena_printf(&e2e_arena, "/hooks/%s", outside[i]),
			   arena_printf(&e2e_arena,
					"[{'path': '/bin/sh', 'args': ['sh', '-c', 'echo at %s']}]",
					outside[i]));
	bundle_set(b, "/hooks/startContainer",
		   "[{'path': '/probe', 'args': ['probe', 'error', 'at startContainer']}]");
}

static void expect_all_said(const char *log, const char *before)
{
	static const char *const moments[] = { "prestart",	 "createRuntime", "createContainer",
					       "startContainer", "poststart",	  "poststop" };

	for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
		const char *said = arena_printf(&e2e_arena, "us and said: at %s\"", moments[i]);

		cr_expect_not_null(strstr(log, said), "%s: %s", said, log);
	}
	for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
		const char *at = strstr(log, before);

		cr_assert_not_null(at, "%zu: %s", i, log);
		log = at + 1;
	}
}

/* Those of startContainer close nothing themselves, for a filter may deny that by then. */
E2E(hooks, have_no_fds_of_the_callers)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_set(b, "/hooks/startContainer",
		   "[{'path': '/probe', 'args': ['probe', 'list', '/proc/self/fd', 'exit', '3']}]");
	b->runtime = "/bin/sh";
	bundle_call_plain(b, &got, "-c",
			  arena_printf(&e2e_arena,
				       "exec 7</etc 8</etc/passwd; exec %s --root %s run -b %s %s",
				       e2e_runtime(), b->state, b->path, b->id),
			  NULL);
	b->runtime = e2e_runtime();
	/* The fourth is the directory's that it lists. */
	cr_expect_not_null(strstr(got.err, "/fd=2 list:/proc/self/fd=3\n"), "%s", got.err);
}

E2E(hooks, of_every_moment_are_in_the_log)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	hook_everywhere(b);
	bundle_call(b, &got, "--debug", "--log", arena_printf(&e2e_arena, "%s/log", b->dir), "run",
		    "--bundle", b->path, b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	expect_all_said(contents(b, "log"), "level=debug msg=\"hook ");
	bundle_call(b, &got, "--debug", "--log-format=json", "--log",
		    arena_printf(&e2e_arena, "%s/json", b->dir), "run", "--bundle", b->path, b->id,
		    NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	expect_all_said(contents(b, "json"), "{\"level\":\"debug\",\"msg\":\"hook ");
}

/* "start" is another process, which may be asked for more than "create" was. */
E2E(hooks, of_a_start_are_in_the_log_of_the_start)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	hook_everywhere(b);
	bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "--debug", "--log-format=json", "--log",
		    arena_printf(&e2e_arena, "%s/log", b->dir), "start", b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_not_null(strstr(contents(b, "log"), "us and said: at startContainer\""), "%s",
			   contents(b, "log"));
	bundle_call(b, &got, "delete", "--force", b->id, NULL);
}

E2E(hooks, one_that_fails_is_one_object_with_what_the_others_said)
{
	struct bundle *b = bundle_new();
	const char *log, *end;
	struct output got;

	e2e_need_kist();
	hook_everywhere(b);
	bundle_set(b, "/hooks/startContainer",
		   "[{'path': '/probe', 'args': ['probe', 'error', 'the reason', 'exit', '3']}]");
	bundle_call(b, &got, "--debug", "--log-format=json", "--log",
		    arena_printf(&e2e_arena, "%s/log", b->dir), "run", "--bundle", b->path, b->id,
		    NULL);
	cr_expect_eq(got.status, 1);
	log = contents(b, "log");
	end = strchr(log, '\n');
	cr_assert(end != NULL && end[1] == '\0', "more than one object: %s", log);
	cr_expect_not_null(strstr(log,
				  "/hooks/startContainer/0: hook /probe: exit status 3 after "),
			   "%s", log);
	cr_expect_not_null(strstr(log, " us: the reason\",\"time\":"), "%s", log);
	cr_expect_not_null(strstr(log, "\"notes\":[\"hook /bin/sh took "), "%s", log);
	cr_expect_not_null(strstr(log, "us and said: at createContainer\""), "%s", log);
}

/* SIGPIPE in the middle of it would leave a container half made, and say another status. */
E2E(log, that_nobody_reads_any_more_ends_no_command)
{
	struct bundle *b = bundle_new();
	const char *create = arena_printf(&e2e_arena,
					  "exec 9<>fifo 2>fifo 9>&-; exec %s --root %s create "
					  "--bundle %s %s",
					  e2e_runtime(), b->state, b->path, b->id);
	struct output got;

	e2e_need_kist();
	cr_assert_eq(mkfifo(arena_printf(&e2e_arena, "%s/fifo", b->dir), 0600), 0);
	/* A warning. */
	bundle_set(b, "/process/capabilities/bounding", "['CAP_NONE']");
	b->runtime = "/bin/sh";
	bundle_call_plain(b, &got, "-c", create, NULL);
	cr_expect_eq(got.status, 0, "%d", got.status);
	bundle_call_plain(b, &got, "-c", create, NULL);
	cr_expect_eq(got.status, 1, "%d", got.status);
	b->runtime = e2e_runtime();
	bundle_call(b, &got, "state", b->id, NULL);
	cr_expect_not_null(strstr(got.out, "\"created\""), "%s", got.out);
	bundle_destroy(b);
}

/* Where the shell goes, it tells all that it has started; nohup(1) is to keep them. */
E2E(hangup, that_the_caller_of_run_ignores_is_not_for_the_program)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT };
	struct bundle *b = bundle_new();
	struct output got;
	struct call call;

	e2e_need_kist();
	bundle_probe_args(b, "signals", "1", "exit", "5", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_DFL);
	bundle_await(&call, "ready=1");
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		kill(call.pid, ignored[i]);
	kill(call.pid, SIGUSR1);
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 5, "%s", got.err);
	cr_expect(strstr(got.out, "signal=10"), "%s", got.out);
	cr_expect_null(strstr(got.out, "signal=1\n"), "%s", got.out);
}

/* A tmpfs of so many pages on the state directory, in a mount namespace of the test's. */
static void small_state(struct bundle *b, unsigned int pages)
{
	const char *size = arena_printf(&e2e_arena, "%u", pages * 4096);
	struct mount_attr private = { .propagation = MS_PRIVATE };
	int fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC), tree;

	cr_assert_geq(fs, 0, "%s", strerror(errno));
	cr_assert_eq(sys_fsconfig(fs, FSCONFIG_SET_STRING, "size", size, 0), 0);
	cr_assert_eq(sys_fsconfig(fs, FSCONFIG_SET_STRING, "mode", "700", 0), 0);
	cr_assert_eq(sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), 0);
	tree = sys_fsmount(fs, FSMOUNT_CLOEXEC, 0);
	cr_assert_geq(tree, 0, "%s", strerror(errno));
	cr_assert_eq(sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private), 0);
	cr_assert_eq(sys_move_mount(tree, "", AT_FDCWD, b->state, MOVE_MOUNT_F_EMPTY_PATH), 0, "%s",
		     strerror(errno));
	close(tree);
	close(fs);
}

E2E(disk, that_is_full_leaves_nothing_half_written)
{
	struct bundle *b = bundle_new();
	unsigned int failed = 0;

	e2e_need_kist();
	e2e_need_root();
	/* In a thread of its own or not: mount namespaces are a thread's. */
	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	/* From nothing fits to all fits. */
	for (unsigned int pages = 1; pages < 12; pages++) {
		struct output got;

		small_state(b, pages);
		bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
		if (got.status != 0) {
			failed++;
			cr_expect_not_null(strcasestr(got.err, "no space left on device"), "%s",
					   got.err);
			bundle_call(b, &got, "state", b->id, NULL);
			cr_expect_not_null(strstr(got.err, "container does not exist"), "%u: %s",
					   pages, got.err);
		} else {
			bundle_call(b, &got, "state", b->id, NULL);
			cr_expect_eq(got.status, 0, "%s", got.err);
			bundle_call(b, &got, "start", b->id, NULL);
			cr_expect_eq(got.status, 0, "%s", got.err);
			bundle_destroy(b);
		}
		cr_assert_eq(sys_umount2(b->state, MNT_DETACH), 0);
	}
	cr_expect_gt(failed, 0, "the disk was never full");
}

/* Half a config.json was in the way of the next try: "Remove it first". */
E2E(disk, that_is_full_gets_no_configuration)
{
	static const char page[4096];
	struct bundle *b = bundle_new();
	struct output got;
	int fd;

	e2e_need_kist();
	e2e_need_root();
	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	small_state(b, 1);
	fd = open(arena_printf(&e2e_arena, "%s/fill", b->state), O_WRONLY | O_CREAT | O_CLOEXEC,
		  0600);
	cr_assert_eq(fd_write_all(fd, page, sizeof(page)), 0);
	close(fd);
	bundle_call_plain(b, &got, "spec", "-b", b->state, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "write config.json: no space left on device"), "%s",
			   got.err);
	cr_expect_eq(access(arena_printf(&e2e_arena, "%s/config.json", b->state), F_OK), -1);
	cr_assert_eq(sys_umount2(b->state, MNT_DETACH), 0);
}

/* In another mount namespace. */
static int pause_elsewhere(struct bundle *b)
{
	struct mount_attr private = { .propagation = MS_PRIVATE };
	struct output got;

	if (unshare(CLONE_NEWNS) < 0 ||
	    sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private) < 0)
		return 2;
	/* A private mount of cgroup2 may be on top of the host's. */
	while (sys_umount2("/sys/fs/cgroup", MNT_DETACH) == 0)
		;
	bundle_call(b, &got, "pause", b->id, NULL);
	return got.status == 1 && strstr(got.err, "is not a cgroup2 file system any more") ? 0 : 1;
}

E2E(cgroup, that_is_not_to_be_seen_is_named)
{
	struct bundle *b = bundle_new();
	int status;
	pid_t pid;

	e2e_need_root();
	e2e_need_kist();
	bundle_run_sleeper(b);
	pid = fork();
	if (pid == 0)
		_exit(pause_elsewhere(b));
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0);
	bundle_destroy(b);
}

/* As a kist that is killed leaves it between its first two calls for a container. */
E2E(state, of_what_has_only_begun_is_a_whole_line)
{
	struct bundle *b = bundle_new();
	const char *directory = arena_printf(&e2e_arena, "%s/%s", b->state, b->id);
	struct output got;

	e2e_need_root();
	e2e_need_kist();
	cr_assert_eq(mkdir(directory, 0700), 0, "%s", strerror(errno));
	close(open(arena_printf(&e2e_arena, "%s/journal", directory), O_CREAT | O_CLOEXEC, 0600));
	bundle_call(b, &got, "list", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_not_null(strstr(got.out, "root\n"), "%s", got.out);
	bundle_destroy(b);
}

E2E(state, that_cannot_be_read_is_named_and_can_be_deleted)
{
	static const char *const texts[] = { "", "{", "[]", "{\"id\": 3}", "\377\376", "null" };
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_probe_args(b, "sleep", "100000", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *path = arena_printf(&e2e_arena, "%s/%s/state.json", b->state, b->id);
		int fd;

		bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
		cr_assert_eq(got.status, 0, "%s", got.err);
		fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
		cr_assert_eq(fd_write_all(fd, texts[i], strlen(texts[i])), 0);
		close(fd);
		bundle_call(b, &got, "state", b->id, NULL);
		cr_expect_eq(got.status, 1);
		cr_expect_not_null(strstr(got.err, "damaged"), "%zu: %s", i, got.err);
		bundle_call(b, &got, "delete", b->id, NULL);
		cr_expect_eq(got.status, 1);
		bundle_call(b, &got, "delete", "--force", b->id, NULL);
		cr_expect_eq(got.status, 0, "%zu: %s", i, got.err);
	}
}
