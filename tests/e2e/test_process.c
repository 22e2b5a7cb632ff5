/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>

#include "base/fd.h"
#include "tests/e2e/harness.h"

/* What /process asks for reaches the program, and nothing else does. */

#define CAP(name) (UINT64_C(1) << CAP_##name)

E2E(process, passes_its_exit_status_on)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_probe_args(b, "say", "it's me", "error", "oh", "exit", "42", NULL);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 42);
	cr_expect_str_eq(got.out, "it's me\n");
	cr_expect_str_eq(got.err, "oh\n");
}

E2E(process, killed_by_a_signal_is_128_and_its_number)
{
	static const struct { const char *name; int number; } signals[] = {
		{ "15", 15 }, { "9", 9 }, { "11", 11 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		/* As pid 1 the kernel would keep it from dying by its own hand. */
		bundle_set(b, "/linux/namespaces", "[{'type': 'mount'}, {'type': 'network'}]");
		bundle_unset(b, "/hostname");
		bundle_unset(b, "/mounts/4");
		bundle_probe_args(b, "die", signals[i].name, NULL);
		bundle_run(b, &got);
		cr_expect_eq(got.status, 128 + signals[i].number, "signal %d: status %d: %s",
			     signals[i].number, got.status, got.err);
	}
}

E2E(process, gets_its_environment_and_a_home)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_set(b, "/process/env", "['PATH=/bin', 'A=1', 'B=x y=z', 'EMPTY=']");
	bundle_run_probe(b, &seen);
	cr_expect(probe_has(&seen, "env=PATH=/bin"));
	cr_expect(probe_has(&seen, "env=A=1"));
	cr_expect(probe_has(&seen, "env=B=x y=z"));
	cr_expect(probe_has(&seen, "env=EMPTY="));
	/* No passwd in this root: the root directory, as runc and crun set it. */
	cr_expect(probe_has(&seen, "env=HOME=/"), "%s", seen.text);
	cr_expect_eq(probe_count(&seen, "env"), 5, "%s", seen.text);
}

E2E(process, finds_its_home_in_passwd)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_file(b, "/etc/passwd", 0644,
		    "root:x:0:0::/root:/bin/sh\nme:x:1000:1000::/home/me:\n");
	bundle_set(b, "/process/user", "{'uid': 1000, 'gid': 1000}");
	bundle_run_probe(b, &seen);
	cr_expect(probe_has(&seen, "env=HOME=/home/me"), "%s", seen.text);
}

E2E(process, starts_in_its_cwd)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_file(b, "/srv/data/x", 0644, "");
	bundle_set(b, "/process/cwd", "'/srv/data'");
	bundle_run_probe(b, &seen);
	cr_expect_str_eq(probe_text(&seen, "cwd"), "/srv/data");
}

E2E(process, is_who_the_bundle_says)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_set(b, "/process/user",
		   "{'uid': 1000, 'gid': 100, 'additionalGids': [5, 27], 'umask': 63}");
	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.uid, 1000);
	cr_expect_eq(seen.euid, 1000);
	cr_expect_eq(seen.suid, 1000);
	cr_expect_eq(seen.gid, 100);
	cr_expect_eq(seen.sgid, 100);
	cr_expect_str_eq(probe_text(&seen, "groups"), "5 27");
	cr_expect_eq(seen.umask, 077);
}

E2E(process, has_no_group_of_the_caller)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_run_probe(b, &seen);
	cr_expect_str_eq(probe_text(&seen, "groups"), "");
}

E2E(process, has_the_capabilities_of_each_set)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_set(
		b, "/process/capabilities",
		"{'bounding': ['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_RAW'],"
		" 'permitted': ['CAP_CHOWN', 'CAP_KILL'], 'effective': ['CAP_CHOWN', 'CAP_KILL'],"
		" 'inheritable': ['CAP_KILL'], 'ambient': ['CAP_KILL']}");
	bundle_set(b, "/process/user", "{'uid': 1000, 'gid': 1000}");
	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.cap_bounding, CAP(CHOWN) | CAP(KILL) | CAP(NET_RAW));
	cr_expect_eq(seen.cap_inheritable, CAP(KILL));
	cr_expect_eq(seen.cap_ambient, CAP(KILL));
	/* Through execve of a user who is not root only the ambient ones stay. */
	cr_expect_eq(seen.cap_permitted, CAP(KILL));
	cr_expect_eq(seen.cap_effective, CAP(KILL));
}

E2E(process, inherits_no_capability_unless_told)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.cap_inheritable, 0);
	cr_expect_eq(seen.cap_ambient, 0);
	cr_expect_eq(seen.cap_effective, CAP(AUDIT_WRITE) | CAP(KILL) | CAP(NET_BIND_SERVICE));
	cr_expect_eq(seen.cap_bounding, seen.cap_effective);
}

E2E(process, unknown_capability_is_a_warning)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_set(b, "/process/capabilities/bounding/-", "'CAP_TELEPORT'");
	bundle_probe_args(b, "say", "alive", NULL);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_str_eq(got.out, "alive\n");
	cr_expect(strstr(got.err, "CAP_TELEPORT"), "%s", got.err);
}

E2E(process, has_the_rlimits_of_the_bundle)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_set(b, "/process/rlimits", "[{'type': 'RLIMIT_NOFILE', 'soft': 100, 'hard': 200},"
		   " {'type': 'RLIMIT_CORE', 'soft': 0, 'hard': 4096},"
		   " {'type': 'RLIMIT_STACK', 'soft': 1048576, 'hard': 2097152},"
		   " {'type': 'RLIMIT_FSIZE', 'soft': 4294967296, 'hard': 18446744073709551615}]");
	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.nofile_soft, 100);
	cr_expect_eq(seen.nofile_hard, 200);
	cr_expect_str_eq(probe_text(&seen, "rlimit.CORE"), "0 4096");
	cr_expect_str_eq(probe_text(&seen, "rlimit.STACK"), "1048576 2097152");
	cr_expect_str_eq(probe_text(&seen, "rlimit.FSIZE"), "4294967296 -1");
}

E2E(process, may_gain_privileges_only_where_allowed)
{
	for (int on = 0; on < 2; on++) {
		struct bundle *b = bundle_new();
		struct probe seen;

		bundle_set(b, "/process/noNewPrivileges", on ? "true" : "false");
		bundle_run_probe(b, &seen);
		cr_expect_eq(seen.no_new_privs, on);
	}
}

E2E(process, has_its_oom_score)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_set(b, "/process/oomScoreAdj", "321");
	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.oom_score_adj, 321);
}

E2E(process, keeps_the_oom_score_of_the_caller)
{
	struct bundle *b = bundle_new();
	struct error err;
	struct probe seen;

	cr_assert_eq(file_write(AT_FDCWD, "/proc/self/oom_score_adj", "7", &err), 0);
	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.oom_score_adj, 7);
}

E2E(process, oom_score_of_exec_is_not_that_of_who_waits_for_it)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct call call;
	const char *file;

	bundle_set(b, "/process/oomScoreAdj", "321");
	bundle_run_sleeper(b);
	bundle_begin(b, &call, "exec", b->id, "/probe", "read", "/proc/self/oom_score_adj", "say",
		     "up", "sleep", "100000", NULL);
	bundle_await(&call, "up\n");
	file = arena_printf(&e2e_arena, "/proc/%d/oom_score_adj", (int)call.pid);
	cr_expect_str_eq(e2e_file_text(file), e2e_file_text("/proc/self/oom_score_adj"));
	bundle_destroy(b);
	bundle_finish(&call, &got);
	cr_expect_not_null(strstr(got.out, "oom_score_adj=321\\n"), "%s", got.out);
}

E2E(process, has_three_fds_and_no_more)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_run_probe(b, &seen);
	for (int fd = 3; fd < 100; fd++)
		cr_expect_null(probe_find(&seen, arena_printf(&e2e_arena, "fd.%d", fd)),
			       "fd %d is %s", fd,
			       probe_text(&seen, arena_printf(&e2e_arena, "fd.%d", fd)));
}

E2E(process, has_a_clean_signal_state)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_run_probe(b, &seen);
	cr_expect_str_eq(probe_text(&seen, "SigBlk"), "0000000000000000");
	cr_expect_str_eq(probe_text(&seen, "SigIgn"), "0000000000000000");
}

/* As with runc and crun: a program that SIGTERM does not reach would not stop. */
E2E(process, has_a_clean_signal_state_from_any_caller)
{
	struct bundle *b = bundle_new();
	sigset_t blocked, before;
	struct output got;
	struct call call;
	struct probe seen;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &blocked, &before);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	bundle_finish(&call, &got);
	cr_assert_eq(got.status, 0, "%s", got.err);
	probe_parse(&seen, &e2e_arena, got.out);
	cr_expect_str_eq(probe_text(&seen, "SigBlk"), "0000000000000000");
	cr_expect_str_eq(probe_text(&seen, "SigIgn"), "0000000000000000");
}

/* As behind nohup(1), or a shell's "&": a script could not even trap what it is born ignoring. */
E2E(process, ignores_no_signal_that_the_caller_ignores)
{
	struct bundle *b = bundle_new();
	const char *caller = arena_printf(&e2e_arena,
					  "trap '' HUP INT QUIT USR1 USR2 PIPE ALRM TERM TSTP "
					  "TTIN TTOU XFSZ; exec %s --root %s",
					  e2e_runtime(), b->state);
	const char *words[2];
	struct output got;
	struct probe seen;

	words[0] = arena_printf(&e2e_arena, "%s run --bundle %s %s", caller, b->path, b->id);
	words[1] = arena_printf(&e2e_arena, "%s exec %s /probe report", caller, b->id);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (i == 1)
			bundle_run_sleeper(b);
		b->runtime = "/bin/sh";
		bundle_call_plain(b, &got, "-c", words[i], NULL);
		b->runtime = e2e_runtime();
		cr_assert_eq(got.status, 0, "%s: %s", words[i], got.err);
		probe_parse(&seen, &e2e_arena, got.out);
		cr_expect_str_eq(probe_text(&seen, "SigIgn"), "0000000000000000", "%s", words[i]);
	}
	bundle_destroy(b);
}

E2E(process, runs_below_a_seccomp_filter)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct probe seen;

	bundle_set(b, "/linux/seccomp",
		   "{'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': ['SCMP_ARCH_X86_64'],"
		   " 'syscalls': [{'names': ['mkdir', 'mkdirat', 'no_such_call'],"
		   "   'action': 'SCMP_ACT_ERRNO', 'errnoRet': 16},"
		   "  {'names': ['kill'], 'action': 'SCMP_ACT_ERRNO',"
		   "   'args': [{'index': 1, 'value': 12, 'op': 'SCMP_CMP_EQ'}]}]}");
	bundle_probe_args(b, "report", "mkdir", "/dev/shm/x", "kill", "0", "12", "kill", "0", "0",
			  NULL);
	bundle_run(b, &got);
	probe_parse(&seen, &e2e_arena, got.out);
	cr_assert_eq(got.status, 0, "%s", got.err);
	cr_expect_eq(seen.seccomp, 2);
	cr_expect_str_eq(probe_text(&seen, "mkdir:/dev/shm/x"), "EBUSY");
	cr_expect(probe_has(&seen, "kill:0=EPERM"));
	cr_expect(probe_has(&seen, "kill:0=0"));
}

E2E(process, has_the_personality_of_a_32_bit_machine)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	e2e_need_kist();
	bundle_set(b, "/linux/personality", "{'domain': 'LINUX32'}");
	bundle_run_probe(b, &seen);
	cr_expect_str_eq(probe_text(&seen, "personality"), "8");
}

E2E(process, has_its_scheduler_and_nice_value)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	e2e_need_kist();
	bundle_set(b, "/process/scheduler", "{'policy': 'SCHED_BATCH', 'nice': 5}");
	bundle_run_probe(b, &seen);
	cr_expect_str_eq(probe_text(&seen, "scheduler"), "3");
	cr_expect_eq(seen.nice, 5);
}

E2E(process, arguments_arrive_byte_for_byte)
{
	static const char odd[] = "a 'b' \"c\" \\ \t\n\x01 \xc3\xa4 ${HOME} ~";
	struct bundle *b = bundle_new();
	struct output got;

	bundle_probe_args(b, "say", odd, NULL);
	bundle_run(b, &got);
	cr_expect_str_eq(got.out, arena_printf(&e2e_arena, "%s\n", odd));
}

E2E(process, is_found_in_the_path_of_the_bundle)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_set(b, "/process/args", "['probe', 'say', 'found']");
	bundle_set(b, "/process/env", "['PATH=/nowhere:/']");
	bundle_run(b, &got);
	cr_expect_str_eq(got.out, "found\n", "%s", got.err);
}

E2E(process, script_is_run_by_its_interpreter)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_file(b, "/script", 0755, "#!/probe say\n");
	bundle_set(b, "/process/args", "['/script']");
	bundle_run(b, &got);
	cr_expect_str_eq(got.out, "/script\n", "%s", got.err);
}

E2E(process, reads_what_the_caller_writes)
{
	struct bundle *b = bundle_new();
	struct output got;
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(fd_write_all(ends[1], "hello\n", 6), 0);
	fd_close(&ends[1]);
	b->stdin_fd = ends[0];
	bundle_probe_args(b, "read", "/dev/stdin", NULL);
	bundle_run(b, &got);
	cr_expect_str_eq(got.out, "read:/dev/stdin=hello\\n\n", "%s", got.err);
	fd_close(&ends[0]);
}
