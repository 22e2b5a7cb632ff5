/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "base/compiler.h"
#include "init/image.h"
#include "init/pid1/pid1.h"
#include "tests/kernel/child.h"
#include "tests/kernel/pid1_run.h"

/* --- from the image in kist --- */

/* As kist does it: the program first, then the image beside it. */
static pid_t image_start(const char *option)
{
	static const char *const env[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "TERM=xterm", NULL,
	};
	struct error err = { 0 };
	int image = init_image_open(&err);
	pid_t pid;

	cr_assert(image >= 0, "%s", err.text);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD | CLONE_NEWPID, 0, 0, 0, 0);
	if (pid == 0) {
		const uint64_t all = ~UINT64_C(0), none = 0;
		char number[16];
		pid_t child;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
		child = fork();
		if (child == 0) {
			setsid();
			syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
			execl("/bin/sleep", "sleep", "300", NULL);
			_exit(127);
		}
		snprintf(number, sizeof(number), "%d", child);
		const char *args[] = { PID1_NAME, option, PID1_CHILD, number, "--", "x", NULL };

		syscall(SYS_execveat, image, "", args, env, AT_EMPTY_PATH);
		_exit(255);
	}
	close(image);
	cr_assert(pid > 0);
	for (int i = 0; i < 6000 && strcmp(proc_value(pid, "status", "Seccomp:\t"), "2") != 0; i++)
		usleep(10000);
	/* Its only sleep behind the filter is the wait of its loop. */
	cr_assert(state_becomes(pid, 'S'));
	return pid;
}

Test(pid1, runs_from_the_image_with_least_privilege)
{
	static const struct { const char *key, *value; } facts[] = {
		{ "Name:\t", "kist-init" }, { "Seccomp:\t", "2" }, { "NoNewPrivs:\t", "1" },
		{ "CapEff:\t", "0000000000000020" }, { "CapPrm:\t", "0000000000000020" },
		{ "CapInh:\t", "0000000000000000" }, { "CapAmb:\t", "0000000000000000" },
	};
	char path[64], link[128] = "";
	pid_t pid;
	int fd;

	child_need_root();
	pid = image_start("--group");
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		cr_expect_str_eq(proc_value(pid, "status", facts[i].key), facts[i].value, "%s",
				 facts[i].key);
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	cr_expect(readlink(path, link, sizeof(link) - 1) > 0);
	cr_expect_str_eq(link, "/memfd:kist-init (deleted)");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	cr_expect(fd < 0 && errno == ETXTBSY, "/proc/1/exe could be opened for writing");
	for (int i = 3; i < 100; i++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, i);
		cr_expect(readlink(path, link, sizeof(link)) < 0, "fd %d is open", i);
	}
	snprintf(path, sizeof(path), "/proc/%d/fd/1", pid);
	cr_expect(readlink(path, link, sizeof(link)) > 0);
	cr_expect_str_eq(proc_value(pid, "environ", "PATH="),
			 "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	kill(pid, SIGTERM);
	cr_expect_eq(child_wait(pid), 128 + SIGTERM);
}

Test(pid1, can_not_be_written_once_sealed)
{
	struct error err = { 0 };
	int fd = init_image_open(&err);
	struct stat st;

	cr_assert(fd >= 0, "%s", err.text);
	cr_expect(pwrite(fd, "x", 1, 0) < 0 && errno == EPERM);
	cr_expect(ftruncate(fd, 0) < 0 && errno == EPERM);
	cr_expect(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) < 0 && errno == EPERM);
	cr_expect_eq(fstat(fd, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0555);
	cr_expect_eq(st.st_size, init_image_end - init_image_start);
	close(fd);
}

/* Issue 2: at most 32 KiB in a running container. */
Test(pid1, takes_at_most_32_KiB)
{
	pid_t pid;
	long pss;

	child_need_root();
	pid = image_start("--wait-all");
	pss = strtol(proc_value(pid, "smaps_rollup", "Pss:"), NULL, 10);
	cr_expect(pss > 0 && pss <= 32, "%ld KiB", pss);
	cr_log_info("PSS %ld KiB", pss);
	kill(pid, SIGKILL);
	child_wait(pid);
}

Test(pid1, hears_signals_from_the_image_too)
{
	pid_t pid;

	child_need_root();
	pid = image_start("--group");
	cr_expect_eq(kill(pid, SIGHUP), 0);
	cr_expect_eq(child_wait(pid), 128 + SIGHUP);
}

#if defined(__x86_64__) || defined(__aarch64__)
/* It stands behind its system call: back to that, with another number. */
static void registers_call(struct user_regs_struct *registers, long call)
{
#if defined(__x86_64__)
	registers->rip -= 2;
	registers->rax = (unsigned long)call;
	registers->orig_rax = ~0UL;
	registers->rdi = 2;
	registers->rsi = SIGTERM;
#else
	registers->pc -= 4;
	registers->regs[8] = (unsigned long)call;
	registers->regs[0] = 2;
	registers->regs[1] = SIGTERM;
#endif
}

/* Whoever takes it over by ptrace(2) has the calls of its loop and no others. */
Test(pid1, dies_of_a_call_that_its_loop_does_not_make)
{
	static const struct { long call; int status; } calls[] = {
		{ SYS_kill, 128 + SIGTERM },   { SYS_openat, 128 + SIGSYS },
		{ SYS_execve, 128 + SIGSYS },  { SYS_mmap, 128 + SIGSYS },
		{ SYS_ptrace, 128 + SIGSYS },  { SYS_ioctl, 128 + SIGSYS },
		{ SYS_kill | 0x40000000, 128 + SIGSYS },	/* x32, on x86_64 */
	};

	child_need_root();
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		pid_t pid = image_start("--group");
		struct user_regs_struct registers;
		struct iovec all = { &registers, sizeof(registers) };
		int status;

		cr_assert_eq(ptrace(PTRACE_ATTACH, pid, NULL, NULL), 0);
		cr_assert_eq(waitpid(pid, &status, __WALL), pid);
		cr_assert_eq(ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &all), 0);
		registers_call(&registers, calls[i].call);
		cr_assert_eq(ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &all), 0);
		cr_assert_eq(ptrace(PTRACE_DETACH, pid, NULL, NULL), 0);
		cr_expect_eq(child_wait(pid), calls[i].status, "call %ld", calls[i].call);
	}
}
#endif
