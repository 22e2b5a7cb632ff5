/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* A program that stops before its first instruction, without a standard input. */
static pid_t traced(const char *file, const char *const *args, const char *const *environment,
		    int out)
{
	pid_t pid = fork();

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		dup2(out, 1);
		dup2(out, 2);
		close(0);
		execve(file, (char *const *)args, (char *const *)environment);
		_exit(127);
	}
	return pid;
}

static uint64_t word(pid_t pid, uint64_t at)
{
	return (uint64_t)ptrace(PTRACE_PEEKDATA, pid, at, NULL);
}

/* What the kernel tells such a program under one number, told otherwise; if it does. */
static void auxv_change(pid_t pid, uint64_t type, uint64_t new_type, uint64_t value)
{
	struct user_regs_struct regs;
	uint64_t at;

	cr_assert(ptrace(PTRACE_GETREGS, pid, NULL, &regs) == 0, "%s", strerror(errno));
	at = regs.rsp + (word(pid, regs.rsp) + 2) * sizeof(at);
	while (word(pid, at) != 0)
		at += sizeof(at);
	at += sizeof(at);
	while (word(pid, at) != type && word(pid, at) != AT_NULL)
		at += 2 * sizeof(at);
	if (word(pid, at) == AT_NULL)
		return;
	ptrace(PTRACE_POKEDATA, pid, at, new_type);
	ptrace(PTRACE_POKEDATA, pid, at + sizeof(at), value);
}

/* As probe(), after such a change. */
static int probe_changed(struct run *run, const char *file, uint64_t type, uint64_t new_type,
			 uint64_t value)
{
	int out = memfd_create("out", MFD_CLOEXEC), status = -1;
	ssize_t size;

	cr_assert(out >= 0, "%s", strerror(errno));
	run->pid = traced(file, WORDS("/x/probe", "one", "and more"), env, out);
	cr_assert(waitpid(run->pid, &status, 0) == run->pid && WIFSTOPPED(status));
	auxv_change(run->pid, type, new_type, value);
	ptrace(PTRACE_DETACH, run->pid, NULL, NULL);
	cr_assert(waitpid(run->pid, &status, 0) == run->pid);
	size = pread(out, run->text, sizeof(run->text) - 1, 0);
	run->text[size > 0 ? size : 0] = '\0';
	close(out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* libc asks the processor then, and fails an assertion where nobody has. */
Test(libc_start, knows_a_size_of_signal_stacks_that_the_kernel_does_not_tell)
{
	static struct run run;

	cr_expect_eq(probe_changed(&run, PROBE_OWN, AT_MINSIGSTKSZ, AT_IGNORE, 0), 42, "%s",
		     run.text);
	cr_expect_not_null(strstr(run.text, "sysconf: 1 1 "), "%s", run.text);
}

/* As of a set-user-ID program: libc reads no tunables then, and opens what is closed. */
Test(libc_start, is_careful_with_what_the_caller_may_not_do_itself)
{
	static struct run libc, own;

	cr_expect_eq(probe_changed(&libc, PROBE_LIBC, AT_SECURE, AT_SECURE, 1), 42, "%s",
		     libc.text);
	cr_expect_eq(probe_changed(&own, PROBE_OWN, AT_SECURE, AT_SECURE, 1), 42, "%s", own.text);
	cr_expect_str_eq(own.text, libc.text);
	cr_expect_not_null(strstr(own.text, "malloc: 0\n"), "%s", own.text);
	cr_expect_not_null(strstr(own.text, ", secure 1, stdin 1, "), "%s", own.text);
}

/* A start executes half as many. */
enum { INSTRUCTIONS_MAX = 50000 };

/* How many CPUIDs a program executes at its start, watched at each instruction; -1: it fails. */
static int cpuids(const char *file, const char *argument)
{
	const char *const no_env[] = { NULL };
	int out = memfd_create("out", MFD_CLOEXEC), status = 0, count = 0;
	pid_t pid = traced(file, WORDS(file, argument), no_env, out);

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
	close(out);
	return status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ? count : -1;
}

Test(libc_start, does_not_ask_the_processor)
{
	cr_expect_gt(cpuids(PROBE_LIBC, "nothing"), 10);
	cr_expect_eq(cpuids(RUNTIME_PROGRAM, "--version"), 0);
}
