/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/fd.h"
#include "tests/attack/attack.h"

/* Containers that keep kist's processes busy while they are inside. */

enum { ROUNDS = 20, CALL_SECONDS = 60 };

static const char *const sets[] = { "/process/capabilities/bounding",
				    "/process/capabilities/permitted",
				    "/process/capabilities/effective" };
static const char one_mount[] = "[{\"destination\": \"/data\", \"type\": \"tmpfs\","
				" \"source\": \"tmpfs\"}]";

/* Neither hangs: each is continued as often as it is stopped, and --timeout holds. */
ATTACK(join, who_is_stopped_on_the_way_gets_there)
{
	struct attack a = attack_new();
	struct bundle *b = a.bundle;
	struct output got;
	struct probe seen;
	struct call call;
	/* In a guest of one CPU who stops them has it, too. */
	const int rounds = ROUNDS / (int)attack_step();
	int timeout = attack_step() > 1 ? 20 : 2, ran = 0;

	bundle_copy(b, THIEF_BUILT, "/thief");
	bundle_file(b, "/list.json", 0644, one_mount);
	bundle_args(b, "/thief", "stop", NULL);
	bundle_set(b, "/root/readonly", "false");
	attack_begin(&a);
	bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
	bundle_await(&call, "ready=1");
	b->timeout = attack_step() > 1 ? 3 * CALL_SECONDS : CALL_SECONDS;
	for (int i = 0; i < rounds; i++) {
		bundle_call(b, &got, "exec", "--timeout", arena_printf(&e2e_arena, "%d", timeout),
			    b->id, "/probe", "say", "in", NULL);
		/* A loaded machine gets more from then on. */
		if (got.status != 0 && timeout < 20)
			timeout *= 2;
		ran += got.status == 0 && strstr(got.out, "in") != NULL;
		/* The program itself may be stopped in the place of what it was; or CPUs be few. */
		cr_expect(got.status == 0 || got.status == 128 + SIGKILL ||
				  strstr(got.err, "in time") != NULL,
			  "exec: %d %s", got.status, got.err);
		bundle_call(b, &got, "mounts", "add", b->id, attack_path(&a, "/list.json"), NULL);
		cr_expect_eq(got.status, 0, "mounts: %s", got.err);
	}
	bundle_file(b, "/stop", 0644, "");
	bundle_finish(&call, &got);
	probe_parse(&seen, &e2e_arena, got.out);
	cr_expect_not(probe_has(&seen, "stopped=0"), "nobody was stopped");
	cr_expect_gt(ran, rounds / 2, "%d of %d", ran, rounds);
	attack_check(&a, "stop");
}

/* Below /etc/passwd of the container's, in which exec looks for a HOME. */
static void exec_stalled(struct bundle *b, const char *timeout, int signal, const char *word)
{
	int64_t began = clock_ms();
	struct output got;
	struct call call;

	bundle_begin(b, &call, "exec", "--timeout", timeout, b->id, "/probe", "say", "in", NULL);
	if (signal != 0) {
		usleep(500000);
		kill(call.pid, signal);
	}
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 255, "%d: %s", got.status, got.err);
	cr_expect_not_null(strstr(got.err, word), "%s", got.err);
	cr_expect_not_null(strstr(got.err, "does not end though it was killed"), "%s", got.err);
	cr_expect_lt(clock_ms() - began, 20000);
}

ATTACK(join, who_waits_for_a_file_system_without_an_answer_is_given_up)
{
	struct attack a = attack_new();
	struct bundle *b = a.bundle;
	struct output got, left;
	struct call call;

	if (access("/dev/fuse", F_OK) < 0)
		e2e_skip("no /dev/fuse");
	bundle_copy(b, STALLER_BUILT, "/staller");
	attack_dir(&a, "/fuse");
	attack_dir(&a, "/etc");
	bundle_file(b, "/etc/passwd", 0644, "");
	bundle_args(b, "/staller", "/etc/passwd", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		bundle_set(b, sets[i], "['CAP_SYS_ADMIN']");
	bundle_set(b, "/linux/devices",
		   "[{'path': '/dev/fuse', 'type': 'c', 'major': 10,"
		   " 'minor': 229}]");
	bundle_set(b, "/linux/resources/devices", "[{'allow': true, 'access': 'rwm'}]");
	b->timeout = CALL_SECONDS;
	attack_begin(&a);
	bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
	bundle_await(&call, "=");
	exec_stalled(b, "1", 0, "did not come to start it in time");
	exec_stalled(b, "0", SIGTERM, "ended by signal 15");
	bundle_call(b, &left, "ps", "--format", "json", b->id, NULL);
	bundle_destroy(b);
	/* What was given up is ours by now; the first one of the namespace cannot end before. */
	for (char *at = (char *)(uintptr_t)left.out; *at != '\0' && *at != ']';)
		waitpid((pid_t)strtol(at + 1, &at, 10), NULL, 0);
	bundle_finish(&call, &got);
	cr_expect_not_null(strstr(got.out, "ready=1"), "%s%s", got.out, got.err);
	attack_check(&a, "stalled");
}

/* Until kist has begun its process of the container: by then signals wait for that. */
static void await_child(pid_t pid)
{
	const char *file = arena_printf(&e2e_arena, "/proc/%d/task/%d/children", pid, pid);

	for (int i = 0; i < 6000 && *e2e_file_text(file) == '\0'; i++)
		usleep(10000);
	cr_assert_neq(*e2e_file_text(file), '\0', "it has begun nothing");
}

/* In a frozen cgroup nothing goes on, and nobody could say so. */
static void exec_frozen(struct bundle *b, const char *timeout, int signal, const char *word)
{
	int64_t began = clock_ms();
	struct output got;
	struct call call;

	bundle_begin(b, &call, "exec", "--ignore-paused", "--timeout", timeout, b->id, "/probe",
		     "say", "in", NULL);
	if (signal != 0) {
		await_child(call.pid);
		kill(call.pid, signal);
	}
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 255, "%d: %s", got.status, got.err);
	cr_expect_not_null(strstr(got.err, word), "%s", got.err);
	cr_expect_lt(clock_ms() - began, 20000);
}

ATTACK(join, who_is_frozen_on_the_way_is_not_waited_for)
{
	struct attack a = attack_new();
	struct output got, before;

	if (access("/sys/fs/cgroup/cgroup.procs", F_OK) < 0 &&
	    access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) < 0)
		e2e_skip("cgroup v1 keeps what is frozen even from SIGKILL");
	a.bundle->timeout = CALL_SECONDS;
	attack_begin(&a);
	bundle_run_sleeper(a.bundle);
	bundle_call(a.bundle, &before, "ps", "--format", "json", a.bundle->id, NULL);
	bundle_call(a.bundle, &got, "pause", a.bundle->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	exec_frozen(a.bundle, "1", 0, "did not come to start it in time");
	exec_frozen(a.bundle, "0", SIGTERM, "ended by signal 15");
	exec_frozen(a.bundle, "0", SIGINT, "ended by signal 2");
	bundle_call(a.bundle, &got, "ps", "--format", "json", a.bundle->id, NULL);
	cr_expect_str_eq(got.out, before.out, "they are still there");
	bundle_destroy(a.bundle);
	attack_check(&a, "frozen");
}

/* Of the process that started the container's first. */
static const char *keeper_fds(struct bundle *b)
{
	struct output got;
	const char *parent;
	long pid;

	bundle_call(b, &got, "ps", "--format", "json", b->id, NULL);
	pid = strtol(got.out + 1, NULL, 10);
	parent = e2e_file_text(arena_printf(&e2e_arena, "/proc/%ld/status", pid));
	parent = strstr(parent, "\nPPid:");
	cr_assert_not_null(parent);
	return arena_printf(&e2e_arena, "/proc/%ld/fd", strtol(parent + 6, NULL, 10));
}

static int entries(const char *path)
{
	DIR *dir = opendir(path);
	int count = 0;

	cr_assert_not_null(dir, "%s", path);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

/*
 * CVE-2025-64329: attaching costs who keeps the output nothing that stays.  CVE-2020-15257: and
 * nothing of kist's listens where a container with the host's network could reach it.
 */
ATTACK(join, who_attaches_and_goes_leaves_nothing)
{
	struct attack a = attack_new();
	struct bundle *b = a.bundle;
	const char *log = arena_printf(&e2e_arena, "%s/log", b->dir), *fds;
	struct output got;
	struct call call;
	int before;

	bundle_probe_args(b, "say", "up", "sleep", "100000", NULL);
	bundle_call(b, &got, "run", "--detach", "--log-file", log, "--bundle", b->path, b->id,
		    NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	fds = keeper_fds(b);
	/* By then it has closed what it told the caller with. */
	for (int i = 0; i < 6000 && strstr(e2e_file_text(log), "up") == NULL; i++)
		usleep(10000);
	before = entries(fds);
	for (int i = 0; i < 3 * ROUNDS; i++) {
		bundle_begin(b, &call, "attach", "--no-stdin", b->id, NULL);
		usleep(5000);
		kill(call.pid, SIGKILL);
		bundle_finish(&call, &got);
	}
	bundle_call(b, &got, "exec", b->id, "/probe", "say", "on", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	/* It sees the end of the last of them when it looks next. */
	for (int i = 0; i < 3000 && entries(fds) > before; i++)
		usleep(20000);
	cr_expect_eq(entries(fds), before);
	for (const char *at = e2e_file_text("/proc/net/unix"); (at = strchr(at, '@')) != NULL;
	     at++) {
		const char *name = arena_strndup(&e2e_arena, at, strcspn(at, "\n"));

		cr_expect(strstr(name, "kist") == NULL && strstr(name, b->id) == NULL, "%s", name);
	}
	bundle_destroy(b);
}
