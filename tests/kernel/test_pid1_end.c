/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/compiler.h"
#include "tests/kernel/child.h"
#include "tests/kernel/pid1_run.h"

/* --- orphans --- */

Test(pid1, reaps_ten_thousand_orphans_at_once)
{
	/* A guest's forks are emulated, and 10,000 of them take minutes. */
	const char *count = getenv("KIST_GUEST") != NULL ? "500" : "10000";

	child_need_root();
	for (int inside = 0; inside < 2; inside++) {
		struct run run;
		pid_t children[64];
		int left = 0;

		run_start(&run, INSIDE(inside, PROBE, "orphans", count));
		cr_assert(run_expect(&run, "ready"), "%s", run.text);
		for (int i = 0; i < 12000; i++) {
			left = children_of(run.pid, children, 64);
			if (left == 1)
				break;
			usleep(10000);
		}
		cr_expect_eq(left, 1, "%d processes are left", left);
		kill(run.pid, SIGTERM);
		cr_expect_eq(run_wait(&run), 128 + SIGTERM);
	}
}

Test(pid1, names_the_orphans_it_reaps)
{
	/* It is there, a zombie at least, until it was reaped. */
	static const char wait[] = "pid=$(sleep 0.1 >/dev/null & echo $!); "
				   "while kill -0 $pid 2>/dev/null; do sleep 0.01; done";
	const struct start start = { .args = WORDS("kist-init", "-w", "sh", "-c", wait) };
	struct run run;

	cr_expect_eq(run_all(&run, &start), 0);
	cr_expect_not_null(strstr(run.text, "kist-init: reaped orphan "), "%s", run.text);
}

Test(pid1, reaps_where_SIGCHLD_was_ignored_before)
{
	static const char told[] = "trap 'exit 7' USR1; echo ready; while :; do sleep 0.01; done";
	struct run run;

	/* It must not end while we ignore it, too. */
	signal(SIGCHLD, SIG_IGN);
	run_start(&run, ALONE("sh", "-c", told));
	signal(SIGCHLD, SIG_DFL);
	cr_assert(run_expect(&run, "ready"), "%s", run.text);
	kill(run.pid, SIGUSR1);
	cr_expect_eq(run_wait(&run), 7);
}

/* --- the end --- */

/* From SIGTERM to the end of a program that ignores it. */
static double seconds_with_grace(bool inside)
{
	struct timespec from, to;
	struct run run;

	run_start(&run, INSIDE(inside, "--grace=0.5", PROBE, "ignore-term"));
	cr_assert(run_expect(&run, "ready"), "%s", run.text);
	clock_gettime(CLOCK_MONOTONIC, &from);
	kill(run.pid, SIGTERM);
	cr_expect_eq(run_wait(&run), 128 + SIGKILL);
	clock_gettime(CLOCK_MONOTONIC, &to);
	return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

Test(pid1, kills_after_the_grace_period)
{
	child_need_root();
	for (int inside = 0; inside < 2; inside++) {
		double seconds = 3;

		/* A loaded machine makes one late, not one after the other. */
		for (int tries = 0; tries < 10 && seconds >= 3; tries++) {
			seconds = seconds_with_grace(inside);
			cr_expect(seconds > 0.45, "%f", seconds);
		}
		cr_expect(seconds < 3, "%f", seconds);
	}
}

Test(pid1, leaves_the_exit_status_alone_within_the_grace_period)
{
	static const char trap[] = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done";
	struct run run;

	run_start(&run, ALONE("--grace", "20", "sh", "-c", trap));
	cr_assert(run_expect(&run, "ready"));
	kill(run.pid, SIGTERM);
	cr_expect_eq(run_wait(&run), 9);
}

Test(pid1, begins_the_grace_period_at_the_stop_signal)
{
	struct run run;

	run_start(&run, ALONE("--grace=0.2", "--rewrite=QUIT:TERM", "--stop-signal=SIGQUIT", PROBE,
			      "ignore-term"));
	cr_assert(run_expect(&run, "ready"));
	kill(run.pid, SIGQUIT);
	cr_expect_eq(run_wait(&run), 128 + SIGKILL);
}

/* Signals without a pause must not put the end off. */
Test(pid1, ends_the_grace_period_under_a_flood)
{
	struct run run;
	pid_t flood;

	run_start(&run, ALONE("--grace=0.3", "--rewrite=USR1:0", PROBE, "ignore-term"));
	cr_assert(run_expect(&run, "ready"));
	flood = fork();
	if (flood == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			if (kill(run.pid, SIGUSR1) < 0)
				_exit(0);
	}
	kill(run.pid, SIGTERM);
	cr_expect_eq(run_wait(&run), 128 + SIGKILL);
	kill(flood, SIGKILL);
	child_wait(flood);
}

Test(pid1, kills_daemons_too_after_the_grace_period)
{
	static const char daemons[] = "trap '' TERM; (setsid sh -c 'echo one; exec sleep 300' &); "
				      "(setsid sh -c 'echo two; exec sleep 300' &); "
				      "echo ready; sleep 300";
	child_need_root();
	for (int inside = 0; inside < 2; inside++) {
		struct run run;

		run_start(&run, INSIDE(inside, "--wait-all", "--grace=0.2", "sh", "-c", daemons));
		cr_assert(run_expect(&run, "ready") && run_expect(&run, "one"), "%s", run.text);
		cr_assert(run_expect(&run, "two"), "%s", run.text);
		kill(run.pid, SIGTERM);
		/* run_wait() reads to the end of the output, which the daemons hold open. */
		cr_expect_eq(run_wait(&run), 128 + SIGKILL, "%s", run.text);
	}
}

Test(pid1, waits_for_all_and_exits_as_the_first)
{
	child_need_root();
	for (int inside = 0; inside < 2; inside++) {
		struct run run;

		run_start(&run, INSIDE(inside, "--wait-all", PROBE, "daemon", "300"));
		cr_expect_eq(run_wait(&run), 5);
		cr_expect_not_null(strstr(run.text, "daemon ended"), "%s", run.text);
	}
}

Test(pid1, signals_what_is_left_when_the_program_is_gone)
{
	child_need_root();
	for (int inside = 0; inside < 2; inside++) {
		pid_t children[2];
		struct run run;

		run_start(&run, INSIDE(inside, "--wait-all", PROBE, "daemon", "50000"));
		cr_assert(run_expect(&run, "orphaned"), "%s", run.text);
		/* Until the program has been reaped, too. */
		for (int i = 0; i < 6000 && children_of(run.pid, children, 2) != 1; i++)
			usleep(10000);
		kill(run.pid, SIGTERM);
		cr_expect_eq(run_wait(&run), 5);
		cr_expect_null(strstr(run.text, "daemon ended"), "%s", run.text);
	}
}

Test(pid1, takes_the_namespace_with_it)
{
	struct run run;

	child_need_root();
	cr_expect_eq(run_all(&run, INSIDE(true, PROBE, "daemon", "50000")), 5);
	cr_expect_null(strstr(run.text, "daemon ended"), "%s", run.text);
}

/* Executed, and asleep, which it is only where it waits for signals: none can end it by itself. */
static bool is_ready(pid_t pid)
{
	for (int i = 0; i < 6000; i++) {
		if (strncmp(proc_value(pid, "comm", ""), "kernel-", 7) != 0)
			return state_becomes(pid, 'S');
		usleep(10000);
	}
	return false;
}

Test(pid1, pauses_until_INT_or_TERM)
{
	static const int signals[] = { SIGINT, SIGTERM };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct run run;

		run_start(&run, &(struct start){ .args = WORDS("podman-init", "-P") });
		cr_assert(is_ready(run.pid));
		kill(run.pid, SIGHUP);
		kill(run.pid, SIGUSR1);
		usleep(50000);
		cr_expect(state_becomes(run.pid, 'S'));
		kill(run.pid, signals[i]);
		cr_expect_eq(run_wait(&run), 0);
	}
}

Test(pid1, hears_of_its_parents_end)
{
	struct run run;
	pid_t parent, init = 0;
	int to_us[2];

	cr_assert(pipe2(to_us, O_CLOEXEC) == 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	parent = fork();
	if (parent == 0) {
		run_start(&run, ALONE("-p", "SIGUSR2", PROBE, "signals", "1"));
		_exit(!run_expect(&run, "ready") ||
		      write(to_us[1], &run.pid, sizeof(run.pid)) != sizeof(run.pid));
	}
	cr_assert_eq(read(to_us[0], &init, sizeof(init)), (ssize_t)sizeof(init));
	cr_expect_eq(child_wait(parent), 0);
	/* Without the signal the probe would wait for it. */
	cr_expect_eq(child_wait(init), 0);
}

/* --- the report --- */

Test(pid1, reports_how_it_ended)
{
	static const struct { const char *what, *number, *start; } ends[] = {
		{ "exit", "3", "{\"exit_code\":3,\"signal\":null,\"oom_kills\":" },
		{ "die", "9", "{\"exit_code\":137,\"signal\":9,\"oom_kills\":" },
	};
	char path[] = "/tmp/kist-test-report-XXXXXX", option[64];
	int fd = mkstemp(path);

	cr_assert(fd >= 0);
	snprintf(option, sizeof(option), "--report=%s", path);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct run run;
		char line[512] = "";

		run_all(&run, ALONE(option, PROBE, ends[i].what, ends[i].number));
		cr_expect(pread(fd, line, sizeof(line) - 1, 0) > 0);
		cr_expect_eq(strncmp(line, ends[i].start, strlen(ends[i].start)), 0, "%s", line);
		cr_expect_not_null(strstr(line, ",\"run_time_ms\":"), "%s", line);
		cr_expect_not_null(strstr(line, ",\"max_rss_kib\":"), "%s", line);
		cr_expect_eq(strcmp(line + strlen(line) - 2, "}\n"), 0, "%s", line);
		cr_expect_eq(ftruncate(fd, 0), 0);
	}
	unlink(path);
	close(fd);
}

Test(pid1, reports_to_an_open_fd)
{
	struct run run;

	cr_expect_eq(run_all(&run, ALONE("--report=2", PROBE, "exit", "3")), 3);
	cr_expect_not_null(strstr(run.text, "{\"exit_code\":3,"), "%s", run.text);
}
