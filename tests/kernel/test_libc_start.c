/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "tests/kernel/pid1_run.h"

/*
 * runtime/libc_start.c leaves what libc's own start leaves: start_probe.c is linked with each
 * of the two (PROBE_LIBC, PROBE_OWN), and tells.  RUNTIME_PROGRAM is kist itself.
 */
static const char *const env[] = { "GLIBC_TUNABLES=glibc.malloc.perturb=85", "A=b", NULL };

static int probe(struct run *run, const char *file, const char *word, const char *more)
{
	return run_all(run, &(struct start){ .file = file,
					     .args = WORDS("/x/probe", word, more),
					     .env = env });
}

Test(libc_start, leaves_what_libcs_own_leaves)
{
	static struct run libc, own;

	cr_expect_eq(probe(&libc, PROBE_LIBC, "one", "and more"), 42, "%s", libc.text);
	cr_expect_eq(probe(&own, PROBE_OWN, "one", "and more"), 42, "%s", own.text);
	cr_expect_str_eq(own.text, libc.text);
	/* What the two could have wrong alike. */
	for (size_t i = 0; i < 8; i++) {
		static const char *const facts[] = {
			"malloc: 170\n",
			"probe: /probe one and more GLIBC_TUNABLES",
			"constructed 3, ",
			"guards: 1 1 1\n",
			"main: 8, errno 0, apart\n",
			", 0 wrong\n",
			"0.500 1.250000 1.7321 ",
			"atexit\ndestructor, stdout\n",
		};

		cr_expect_not_null(strstr(own.text, facts[i]), "no \"%s\" in:\n%s", facts[i],
				   own.text);
	}
}

Test(libc_start, notices_an_overrun)
{
	static struct run run;

	cr_expect_eq(probe(&run, PROBE_OWN, "overrun", NULL), 128 + SIGABRT, "%s", run.text);
	cr_expect_not_null(strstr(run.text, "stack smashing detected"), "%s", run.text);
}

/* A start executes half as many. */
enum { INSTRUCTIONS_MAX = 50000 };

/* How many CPUIDs a program executes at its start, watched at each instruction; -1: it fails. */
static int cpuids(const char *file, const char *word)
{
	const char *const args[] = { file, word, NULL }, *const no_env[] = { NULL };
	pid_t pid = fork();
	int status = 0, count = 0;

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		freopen("/dev/null", "w", stdout);
		execve(file, (char *const *)args, (char *const *)no_env);
		_exit(127);
	}
	for (int i = 0; waitpid(pid, &status, 0) == pid && WIFSTOPPED(status); i++) {
		struct user_regs_struct at;

		ptrace(PTRACE_GETREGS, pid, NULL, &at);
		errno = 0;
		count += (ptrace(PTRACE_PEEKTEXT, pid, at.rip, NULL) & 0xffff) == 0xa20f &&
			 errno == 0;
		if (i >= INSTRUCTIONS_MAX)
			kill(pid, SIGKILL);
		ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
	}
	return status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ? count : -1;
}

Test(libc_start, does_not_ask_the_processor)
{
	cr_expect_gt(cpuids(PROBE_LIBC, "nothing"), 10);
	cr_expect_eq(cpuids(RUNTIME_PROGRAM, "--version"), 0);
}
