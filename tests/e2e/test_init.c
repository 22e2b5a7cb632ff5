/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "tests/e2e/harness.h"

/* The init inside: pid 1 of a container, and what scripts do with it. */

E2E(init, is_pid_1_and_the_program_its_child)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	e2e_need_kist();
	bundle_run_probe(b, &seen);
	cr_expect_str_eq(probe_text(&seen, "pid1"), "kist-init");
	cr_expect_eq(seen.pid, 2);
	cr_expect_eq(seen.ppid, 1);
	cr_expect_eq(seen.pgid, 2);
	cr_expect_eq(seen.sid, 2);
}

E2E(init, is_not_there_when_never_asked_for)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_set(b, "/annotations", "{'org.kist.init': 'never'}");
	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.pid, 1);
	cr_expect_str_eq(probe_text(&seen, "pid1"), "probe");
}

E2E(init, default_comes_from_the_environment)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	e2e_need_kist();
	bundle_env(b, "KIST_INIT=never");
	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.pid, 1);
}

E2E(init, leaves_programs_alone_that_are_inits_themselves)
{
	static const char *const names[] = { "tini", "dumb-init", "catatonit", "docker-init",
					     "init" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct bundle *b = bundle_new();
		struct probe seen;

		cr_assert_eq(link(arena_printf(&e2e_arena, "%s/probe", b->rootfs),
				  arena_printf(&e2e_arena, "%s/%s", b->rootfs, names[i])), 0);
		bundle_set(b, "/process/args",
			   arena_printf(&e2e_arena, "['/%s', 'report']", names[i]));
		bundle_run_probe(b, &seen);
		cr_expect_eq(seen.pid, 1, "%s", names[i]);
	}
}

E2E(init, is_not_used_in_the_callers_pid_namespace)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_set(b, "/linux/namespaces", "[{'type': 'mount'}]");
	bundle_unset(b, "/hostname");
	bundle_unset(b, "/mounts/4");
	bundle_run_probe(b, &seen);
	cr_expect_str_neq(probe_text(&seen, "pid1"), "kist-init");
	cr_expect_gt(seen.pid, 2);
}

E2E(init, passes_signal_deaths_on)
{
	static const char *const signals[] = { "15", "9", "6" };

	e2e_need_kist();
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		bundle_probe_args(b, "die", signals[i], NULL);
		bundle_run(b, &got);
		cr_expect_eq(got.status, 128 + (int)strtol(signals[i], NULL, 10), "signal %s: %d",
			     signals[i], got.status);
	}
}

E2E(init, reaps_ten_thousand_orphans)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct probe seen;
	/* A guest's forks are emulated, and 10,000 of them take half a minute. */
	const char *count = getenv("KIST_GUEST") != NULL ? "500" : "10000";

	e2e_need_kist();
	b->timeout = 100;
	bundle_probe_args(b, "orphans", count, "zombies", NULL);
	bundle_run(b, &got);
	probe_parse(&seen, &e2e_arena, got.out);
	cr_expect_str_eq(probe_text(&seen, "orphans"), count, "%s%s", got.out, got.err);
	cr_expect(probe_has(&seen, "zombies=0"), "%s", got.out);
	cr_expect(probe_has(&seen, "processes=2"), "%s", got.out);
}

/* Real-time signals too; 32 to 34 belong to the probe's libc, 9 and 19 cannot be caught. */
E2E(init, forwards_every_signal_that_can_be_caught)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct call call;
	struct probe seen;
	int count = 0;

	e2e_need_kist();
	bundle_probe_args(b, "signals", "60", NULL);
	bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
	bundle_await(&call, "ready=1");
	for (int signal = 1; signal <= 64; signal++) {
		if (signal == SIGKILL || signal == SIGSTOP || signal == SIGCHLD ||
		    (signal >= 32 && signal <= 34))
			continue;
		bundle_call(b, &got, "kill", b->id, arena_printf(&e2e_arena, "%d", signal), NULL);
		cr_expect_eq(got.status, 0, "kill %d: %s", signal, got.err);
		bundle_await(&call, arena_printf(&e2e_arena, "signal=%d\n", signal));
		count++;
	}
	bundle_call(b, &got, "kill", b->id, "KILL", NULL);
	bundle_finish(&call, &got);
	probe_parse(&seen, &e2e_arena, got.out);
	cr_expect_eq(probe_count(&seen, "signal"), (size_t)count, "%s", got.out);
	cr_expect_eq(got.status, 128 + SIGKILL);
}

E2E(init, forwards_what_the_caller_of_run_gets)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct call call;

	bundle_probe_args(b, "signals", "2", "exit", "5", NULL);
	bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
	bundle_await(&call, "ready=1");
	kill(call.pid, SIGUSR1);
	bundle_await(&call, "signal=10");
	kill(call.pid, SIGTERM);
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 5, "%s", got.err);
	cr_expect(strstr(got.out, "signal=15"), "%s", got.out);
}

E2E(init, lets_scripts_write_to_the_log_through_pid_1)
{
	struct bundle *b = bundle_new();
	struct output got;
	char text[64] = "";
	int ends[2];

	e2e_need_kist();
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	b->stdout_fd = ends[1];
	bundle_probe_args(b, "write", "/proc/1/fd/1", "to the log\n", NULL);
	bundle_run(b, &got);
	fd_close(&ends[1]);
	cr_expect_gt(read(ends[0], text, sizeof(text) - 1), 0);
	cr_expect_str_eq(text, "to the log\nwrite:/proc/1/fd/1=0\n", "%s%s", text, got.err);
	fd_close(&ends[0]);
}

E2E(init, shows_the_environment_of_the_program)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_set(b, "/process/env/-", "'MARK=here'");
	bundle_probe_args(b, "read", "/proc/1/environ", NULL);
	bundle_run(b, &got);
	cr_expect(strstr(got.out, "\\nMARK=here\\n"), "%s", got.out);
}

E2E(init, shows_the_program_behind_its_own_options)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_probe_args(b, "read", "/proc/1/cmdline", NULL);
	bundle_run(b, &got);
	cr_expect(strstr(got.out, "=kist-init\\n--adopt\\n2\\n--\\n/probe\\n"), "%s", got.out);
	/* The credentials stood at the end. */
	cr_expect_null(strstr(got.out, "0:0:"), "%s", got.out);
}

/* The value in a status that the probe read, which shows tabs and newlines as C does. */
static const char *status_line(const char *status, const char *key)
{
	const char *label = arena_printf(&e2e_arena, "\\n%s:\\x09", key);
	const char *at = strstr(status, label);

	cr_assert_not_null(at, "%s in %s", key, status);
	at += strlen(label);
	return arena_strndup(&e2e_arena, at, (size_t)(strstr(at, "\\n") - at));
}

/* Of what the program would have after execve, CAP_KILL alone is left to the init. */
static const struct {
	const char *user, *capabilities, *permitted;
	bool no_new_privileges;
} owners[] = {
	{ "{'uid': 0, 'gid': 0}", "['CAP_KILL', 'CAP_CHOWN']", "0000000000000020", true },
	{ "{'uid': 0, 'gid': 0}", "['CAP_KILL', 'CAP_CHOWN']", "0000000000000020", false },
	{ "{'uid': 0, 'gid': 0}", "['CAP_CHOWN']", "0000000000000000", true },
	{ "{'uid': 0, 'gid': 0, 'additionalGids': [5, 70000]}", "[]", "0000000000000000", true },
	{ "{'uid': 1000, 'gid': 2000, 'additionalGids': [5, 6]}", "['CAP_KILL']",
	  "0000000000000000", true },
	{ "{'uid': 1000, 'gid': 0}", NULL, "0000000000000000", false },
	{ "{'uid': 0, 'gid': 1}", NULL, "0000000000000020", false },
};

E2E(init, has_the_ids_and_the_bounding_set_of_the_program)
{
	static const char *const same[] = { "Uid", "Gid", "Groups", "CapBnd" };

	e2e_need_kist();
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		struct bundle *b = bundle_new();
		struct output got;
		const char *mine;

		bundle_set(b, "/process/user", owners[i].user);
		bundle_unset(b, "/process/capabilities");
		if (owners[i].capabilities != NULL)
			bundle_set(b, "/process/capabilities",
				   arena_printf(&e2e_arena, "{'bounding': %s, 'permitted': %s, "
						"'effective': %s}", owners[i].capabilities,
						owners[i].capabilities, owners[i].capabilities));
		bundle_set(b, "/process/noNewPrivileges",
			   owners[i].no_new_privileges ? "true" : "false");
		bundle_probe_args(b, "read", "/proc/1/status", "read", "/proc/self/status", NULL);
		bundle_run(b, &got);
		mine = strstr(got.out, "/proc/self/status");
		cr_assert_not_null(mine, "%zu: %d %s%s", i, got.status, got.out, got.err);
		for (size_t j = 0; j < ARRAY_SIZE(same); j++)
			cr_expect_str_eq(status_line(got.out, same[j]), status_line(mine, same[j]),
					 "%zu: %s", i, same[j]);
		cr_expect_str_eq(status_line(got.out, "CapPrm"), owners[i].permitted, "%zu", i);
		cr_expect_str_eq(status_line(got.out, "NoNewPrivs"), "1", "%zu", i);
	}
}

/* What is heard of a program of "run" is followed by "running", however busy its runtime is. */
E2E(init, runs_no_program_before_others_see_it_run)
{
	for (int i = 0; i < 20; i++) {
		struct bundle *b = bundle_new();
		struct output got;
		struct call call;

		bundle_probe_args(b, "say", "here", "sleep", "20000", NULL);
		bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
		bundle_await(&call, "here");
		bundle_call(b, &got, "exec", b->id, "/probe", "say", "in", NULL);
		cr_expect_eq(got.status, 0, "%d: %s", i, got.err);
		bundle_call(b, &got, "kill", b->id, "KILL", NULL);
		bundle_finish(&call, &got);
		cr_expect_eq(got.status, 128 + SIGKILL);
	}
}

E2E(init, forwards_the_hangup_that_a_script_sends_to_pid_1)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_file(b, "/etc/x", 0644, "");
	/* The child asks pid 1; pid 1 forwards to the program, whose default is to die by it. */
	bundle_probe_args(b, "kill", "1", "1", "sleep", "20000", NULL);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 128 + SIGHUP, "%d %s", got.status, got.err);
}

E2E(init, ends_all_that_is_left_with_the_program)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_probe_args(b, "linger", "600000", "exit", "3", NULL);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 3, "%s", got.err);
}

static const struct {
	const char *annotation, *value;
	const char *args[8];
	int status;
} options[] = {
	{ "org.kist.init.remap", "143:0", { "die", "15" }, 0 },
	{ "org.kist.init.remap", "3:9", { "exit", "3" }, 9 },
	{ "org.kist.init.remap", "3:9", { "exit", "4" }, 4 },
	{ "org.kist.init.wait-all", "true", { "linger", "300", "exit", "6" }, 6 },
};

E2E(init, does_what_its_annotations_say)
{
	e2e_need_kist();
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		struct bundle *b = bundle_new();
		struct output got;
		const char *const *a = options[i].args;

		bundle_set(b, "/annotations", arena_printf(&e2e_arena, "{'%s': '%s'}",
			   options[i].annotation, options[i].value));
		bundle_probe_args(b, a[0], a[1], a[2], a[3], NULL);
		bundle_run(b, &got);
		cr_expect_eq(got.status, options[i].status, "%s=%s: %d: %s", options[i].annotation,
			     options[i].value, got.status, got.err);
	}
}

E2E(init, kills_what_outlives_the_grace_period)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct call call;

	e2e_need_kist();
	bundle_set(b, "/annotations", "{'org.kist.init.grace': '0.2'}");
	bundle_probe_args(b, "signals", "99", NULL);
	/* On a busy machine it may have no moment to say what it heard. */
	for (int tries = 0; tries < 20; tries++) {
		bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
		bundle_await(&call, "ready=1");
		kill(call.pid, SIGTERM);
		bundle_finish(&call, &got);
		cr_expect_eq(got.status, 128 + SIGKILL, "%d %s", got.status, got.err);
		if (strstr(got.out, "signal=15"))
			break;
	}
	cr_expect(strstr(got.out, "signal=15"), "%s", got.out);
}

/* The number behind a key of /proc/PID/smaps_rollup, in KiB. */
static long rollup(pid_t pid, const char *key)
{
	struct error err;
	char *text;
	size_t size;
	const char *at;

	if (file_read(AT_FDCWD, arena_printf(&e2e_arena, "/proc/%d/smaps_rollup", pid), 65536,
		      &e2e_arena, &text, &size, &err) < 0)
		return -1;
	at = strstr(text, key);
	return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

E2E(init, needs_less_than_32_kib)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct call call;
	char *text;
	size_t size;
	struct error err;
	const char *at;
	long pss;

	e2e_need_kist();
	bundle_probe_args(b, "signals", "1", NULL);
	bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
	bundle_await(&call, "ready=1");
	bundle_call(b, &got, "state", b->id, NULL);
	at = strstr(got.out, "\"pid\":");
	cr_assert(at, "%s", got.out);
	pss = rollup((pid_t)strtol(at + 6, NULL, 10), "\nPss:");
	cr_expect(file_read(AT_FDCWD, arena_printf(&e2e_arena, "/proc/%ld/comm",
		  strtol(at + 6, NULL, 10)), 64, &e2e_arena, &text, &size, &err) == 0 &&
		  strcmp(text, "kist-init\n") == 0, "pid 1 is %s", text);
	kill(call.pid, SIGTERM);
	bundle_finish(&call, &got);
	cr_expect(pss > 0 && pss <= 32, "PSS of pid 1: %ld KiB", pss);
}
