/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "base/compiler.h"
#include "init/pid1/pid1.h"
#include "tests/kernel/child.h"
#include "tests/kernel/pid1_run.h"

/* --- signals --- */

Test(pid1, forwards_every_signal_that_can_be_caught)
{
	child_need_root();
	for (int inside = 0; inside < 2; inside++) {
		struct start start = { .args = WORDS("kist-init", PROBE, "signals", "62"),
				       .pid_namespace = inside };
		struct run run;
		char line[32];

		run_start(&run, &start);
		cr_assert(run_expect(&run, "ready"), "%s", run.text);
		for (int signal = 1; signal <= 64; signal++) {
			if (signal == SIGKILL || signal == SIGSTOP)
				continue;
			cr_assert_eq(syscall(SYS_kill, run.pid, signal), 0);
			snprintf(line, sizeof(line), "\n%d 0\n", signal);
			cr_assert(run_expect(&run, line), "signal %d: %s", signal, run.text);
		}
		cr_expect_eq(run_wait(&run), 0);
	}
}

Test(pid1, keeps_the_order_and_values_of_real_time_signals)
{
	struct run run;
	const char *at;

	run_start(&run, ALONE(PROBE, "signals", "100"));
	cr_assert(run_expect(&run, "ready"));
	for (int i = 0; i < 100; i++)
		cr_assert_eq(sigqueue(run.pid, 40, (union sigval){ .sival_int = 1000 + i }), 0);
	cr_expect_eq(run_wait(&run), 0);
	at = run.text;
	for (int i = 0; i < 100; i++) {
		char line[32];

		snprintf(line, sizeof(line), "\n40 %d\n", 1000 + i);
		at = strstr(at, line);
		cr_assert_not_null(at, "%d is not in its place", 1000 + i);
	}
}

/* What came before init was executed is not lost: mode 2 of pid1.h counts on it. */
Test(pid1, forwards_what_was_pending_when_it_was_executed)
{
	const uint64_t all = ~UINT64_C(0);
	char number[16];
	pid_t pid = fork();

	if (pid == 0) {
		pid_t child;

		syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
		kill(getpid(), SIGUSR2);
		child = fork();
		if (child == 0) {
			sigset_t none;

			sigemptyset(&none);
			sigprocmask(SIG_SETMASK, &none, NULL);
			pause();
			_exit(1);
		}
		snprintf(number, sizeof(number), "%d", child);
		execl(KIST_INIT, PID1_NAME, PID1_CHILD, number, "--", "x", NULL);
		_exit(255);
	}
	cr_expect_eq(child_wait(pid), 128 + SIGUSR2);
}

static const struct {
	const char *option;
	int sent, seen;
} rewrites[] = {
	{ "--rewrite=HUP:USR1", SIGHUP, SIGUSR1 },
	{ "--rewrite=SIGHUP:SIGQUIT", SIGHUP, SIGQUIT },
	{ "-r1:3", SIGHUP, SIGQUIT },
	{ "--rewrite=RTMIN+3:INT", 37, SIGINT },
	{ "--rewrite=rtmax-1:rtmin", 63, 34 },
	{ "--rewrite=CHLD:WINCH", SIGCHLD, SIGWINCH },
	{ "--rewrite=TERM:CHLD", SIGTERM, SIGCHLD },
	{ "--rewrite=POLL:IOT", SIGIO, SIGABRT },
	{ "--rewrite=sigiot:CLD", SIGABRT, SIGCHLD },
};

Test(pid1, rewrites_signals_by_name_and_number)
{
	for (size_t i = 0; i < ARRAY_SIZE(rewrites); i++) {
		struct run run;
		char line[32];

		run_start(&run, ALONE(rewrites[i].option, PROBE, "signals", "1"));
		cr_assert(run_expect(&run, "ready"), "%s", run.text);
		syscall(SYS_kill, run.pid, rewrites[i].sent);
		cr_expect_eq(run_wait(&run), 0);
		snprintf(line, sizeof(line), "\n%d 0\n", rewrites[i].seen);
		cr_expect_not_null(strstr(run.text, line), "%s: %s", rewrites[i].option,
				   run.text);
	}
}

Test(pid1, drops_a_signal_rewritten_to_nothing)
{
	struct run run;

	run_start(&run, ALONE("--rewrite=USR1:0", PROBE, "signals", "1"));
	cr_assert(run_expect(&run, "ready"));
	kill(run.pid, SIGUSR1);
	kill(run.pid, SIGUSR2);
	cr_expect_eq(run_wait(&run), 0);
	cr_expect_null(strstr(run.text, "\n10 "), "%s", run.text);
	cr_expect_not_null(strstr(run.text, "\n12 0\n"), "%s", run.text);
}

/* The shell ignores the signal; its child, in the same group, takes it. */
#define IN_GROUP	"trap '' USR1; " PROBE " signals 1 & wait"

Test(pid1, signals_the_group_when_told_to)
{
	static const struct { const char *option, *env; } ways[] = {
		{ "--group", NULL }, { "-g", NULL }, { "-w", "TINI_KILL_PROCESS_GROUP=1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		const struct start start = {
			.args = WORDS("kist-init", ways[i].option, "sh", "-c", IN_GROUP),
			.env = WORDS("PATH=/usr/bin:/bin", ways[i].env),
		};
		struct run run;

		run_start(&run, &start);
		cr_assert(run_expect(&run, "ready"), "%s", run.text);
		kill(run.pid, SIGUSR1);
		cr_expect_eq(run_wait(&run), 0);
		cr_expect_not_null(strstr(run.text, "\n10 0\n"), "%s: %s", ways[i].option,
				   run.text);
	}
}
