/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/kernel/child.h"
#include "tests/kernel/space.h"

/*
 * What each flag of clone(2) does, seen from outside: with the flag, and, where
 * that says more, without it.
 */
#define VM_THREAD	(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)
#define PRIORITY(n)	((2 << 13) | (n))	/* IOPRIO_CLASS_BE */
#ifndef CLONE_DETACHED
#define CLONE_DETACHED	0x00400000
#endif

static int set_word(void *context)
{
	*(volatile int *)context = 7;
	return 0;
}

Test(space_flags, vm_shares_memory)
{
	int word = 1;

	cr_expect_eq(space_run(0, set_word, &word), 0);
	cr_expect_eq(word, 1);
	cr_expect_eq(space_run(CLONE_VM, set_word, &word), 0);
	cr_expect_eq(word, 7);
}

static int open_something(void *context)
{
	*(int *)context = open("/dev/null", O_RDONLY);
	return 0;
}

Test(space_flags, files_shares_the_fd_table)
{
	int *fd = shared_memory(sizeof(*fd));

	*fd = -1;
	cr_expect_eq(space_run(0, open_something, fd), 0);
	cr_expect_lt(fcntl(*fd, F_GETFD), 0, "fd %d is the child's own", *fd);
	cr_expect_eq(space_run(CLONE_FILES, open_something, fd), 0);
	cr_expect_geq(fcntl(*fd, F_GETFD), 0, "fd %d is ours, too", *fd);
	close(*fd);
}

static int change_directory(void *context)
{
	return chdir(context) == 0 ? 0 : 1;
}

Test(space_flags, fs_shares_the_working_directory)
{
	char at[64] = "";

	cr_assert_eq(chdir("/"), 0);
	cr_expect_eq(space_run(0, change_directory, "/proc"), 0);
	cr_expect_str_eq(getcwd(at, sizeof(at)), "/");
	cr_expect_eq(space_run(CLONE_FS, change_directory, "/proc"), 0);
	cr_expect_str_eq(getcwd(at, sizeof(at)), "/proc");
}

static void handle(int signal)
{
	(void)signal;
}

static int install_handler(void *context)
{
	(void)context;
	return signal(SIGUSR2, handle) == SIG_ERR;
}

Test(space_flags, sighand_shares_handlers)
{
	struct sigaction seen;

	cr_expect_eq(space_run(CLONE_VM, install_handler, NULL), 0);
	sigaction(SIGUSR2, NULL, &seen);
	cr_expect_eq(seen.sa_handler, SIG_DFL);
	cr_expect_eq(space_run(CLONE_VM | CLONE_SIGHAND, install_handler, NULL), 0);
	sigaction(SIGUSR2, NULL, &seen);
	cr_expect_eq(seen.sa_handler, handle);
}

/* 0: at its default, 1: handled, 2: ignored. */
static int handler_state(void *context)
{
	struct sigaction seen;

	sigaction(*(int *)context, NULL, &seen);
	return seen.sa_handler == SIG_DFL ? 0 : seen.sa_handler == SIG_IGN ? 2 : 1;
}

Test(space_flags, clear_sighand_forgets_handlers_and_not_what_is_ignored)
{
	int handled = SIGUSR1, ignored = SIGUSR2;

	signal(SIGUSR1, handle);
	signal(SIGUSR2, SIG_IGN);
	cr_expect_eq(space_run(0, handler_state, &handled), 1);
	for (int vm = 0; vm < 2; vm++) {
		uint64_t flags = CLONE_CLEAR_SIGHAND | (vm ? CLONE_VM : 0);

		cr_expect_eq(space_run(flags, handler_state, &handled), 0, "vm %d", vm);
		cr_expect_eq(space_run(flags, handler_state, &ignored), 2, "vm %d", vm);
	}
	cr_expect_eq(handler_state(&handled), 1, "our own stays");
}

static int look_at_pid(void *context)
{
	*(pid_t *)context = getpid();
	return 3;
}

Test(space_flags, thread_is_in_our_process)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_space *space;
	pid_t pid = 0;

	options.flags = VM_THREAD | CLONE_FILES | CLONE_FS | CLONE_SYSVSEM;
	options.function = look_at_pid;
	options.context = &pid;
	space = space_begin(&options);
	cr_expect_neq(kist_space_pid(space), getpid());
	cr_expect_eq(kist_space_pidfd(space), -1);
	cr_expect_eq(kist_space_kill(space, NULL), -1);
	cr_expect_eq(space_end(space), 3);
	cr_expect_eq(pid, getpid());
}

static int nap(void *context)
{
	usleep(150000);
	return context == NULL ? 0 : *(int *)context;
}

static int for_ever(void *context)
{
	for (;;)
		pause();
	return context != NULL;
}

Test(space_flags, vfork_makes_the_caller_wait)
{
	const uint64_t rows[] = { CLONE_VFORK, CLONE_VFORK | CLONE_VM,
				  CLONE_VFORK | CLONE_VM | CLONE_FILES };
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_space *space;

	options.function = for_ever;
	space = space_begin(&options);
	cr_expect_eq(kist_space_is_alive(space), 1);
	cr_expect_eq(kist_space_wait(space, 0, NULL, NULL), 0);
	cr_expect_eq(kist_space_kill(space, NULL), 0);
	cr_expect_eq(space_end(space), -SIGKILL);
	options.function = nap;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct timespec before, after;

		options.flags = rows[i];
		clock_gettime(CLOCK_MONOTONIC, &before);
		space = space_begin(&options);
		clock_gettime(CLOCK_MONOTONIC, &after);
		/* The nap; the kernel wakes us a little before the child is a zombie. */
		cr_expect_gt((after.tv_sec - before.tv_sec) * 1000 +
			     (after.tv_nsec - before.tv_nsec) / 1000000, 140, "row %zu", i);
		cr_expect_eq(space_end(space), 0);
	}
}

static int look_at_parent(void *context)
{
	*(pid_t *)context = getppid();
	return 0;
}

static int parent_is_ours(void *context)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_space *space;
	pid_t *seen = context;
	int status = 0;

	options.flags = CLONE_PARENT;
	options.function = look_at_parent;
	options.context = seen;
	if (kist_space_start(&options, &space, NULL) < 0 ||
	    kist_space_wait(space, 60000, &status, NULL) != 1)
		return 1;
	kist_space_free(space);
	/* Only our parent can reap it. */
	return *seen == getppid() && status == KIST_STATUS_UNKNOWN ? 0 : 2;
}

Test(space_flags, parent_makes_a_sibling)
{
	pid_t *seen = shared_memory(sizeof(*seen));

	cr_expect_eq(child_status(parent_is_ours, seen), 0);
	cr_expect_eq(*seen, getpid());
	cr_expect_gt(waitpid(-1, NULL, __WALL), 0, "the sibling is ours to reap");
	cr_expect_eq(space_run(0, look_at_parent, seen), 0);
	cr_expect_eq(*seen, getpid());
}

/* Traced by the test: starts a child, whose pid it leaves in context. */
static int start_traced(void *context)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	pid_t *shared = context;

	options.flags = (uint64_t)shared[0];
	options.function = nap;
	return kist_space_start(&options, &(struct kist_space *){ NULL }, NULL) < 0;
}

/* Attaches, lets it run, and gives how many processes stopped for us. */
static int count_traced(uint64_t flags, long trace_options)
{
	pid_t *shared = shared_memory(sizeof(*shared));
	int status, tracees = 0;
	pid_t pid, known = 0;

	shared[0] = (pid_t)flags;
	pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(start_traced(shared));
	}
	waitpid(pid, &status, __WALL);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, trace_options);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	for (pid_t who; (who = waitpid(-1, &status, __WALL)) > 0;) {
		if (who != pid && who != known) {
			known = who;
			tracees++;
		}
		if (WIFSTOPPED(status))
			ptrace(PTRACE_CONT, who, NULL, 0L);
		else if (who == pid && tracees == 0)
			break;
	}
	return tracees;
}

Test(space_flags, ptrace_and_untraced_decide_who_is_traced, .timeout = 60)
{
	const long all = PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;

	cr_expect_eq(count_traced(0, 0), 0);
	cr_expect_eq(count_traced(CLONE_PTRACE, 0), 1);
	cr_expect_eq(count_traced(0, all), 1);
	cr_expect_eq(count_traced(CLONE_UNTRACED, all), 0);
}

/* Adds 1, to be undone when the last who shares the undo values ends. */
static int add_with_undo(void *context)
{
	struct sembuf add = { 0, 1, SEM_UNDO };

	return semop(*(int *)context, &add, 1) == 0 ? 0 : 1;
}

Test(space_flags, sysvsem_shares_undo_values)
{
	int set = semget(IPC_PRIVATE, 1, 0600);

	cr_assert_geq(set, 0);
	cr_expect_eq(space_run(0, add_with_undo, &set), 0);
	cr_expect_eq(semctl(set, 0, GETVAL), 0);
	cr_expect_eq(space_run(CLONE_SYSVSEM, add_with_undo, &set), 0);
	cr_expect_eq(semctl(set, 0, GETVAL), 1);
	semctl(set, 0, IPC_RMID);
}

static int set_io_priority(void *context)
{
	return sys_ioprio_set(1, 0, PRIORITY(*(int *)context)) == 0 ? 0 : 1;
}

Test(space_flags, io_shares_the_io_context)
{
	int priority = 3;

	cr_assert_eq(sys_ioprio_set(1, 0, PRIORITY(1)), 0);
	cr_expect_eq(space_run(0, set_io_priority, &priority), 0);
	cr_expect_eq(syscall(SYS_ioprio_get, 1, 0), PRIORITY(1));
	cr_expect_eq(space_run(CLONE_IO, set_io_priority, &priority), 0);
	cr_expect_eq(syscall(SYS_ioprio_get, 1, 0), PRIORITY(3));
}

static int compare_tid(void *context)
{
	return *(int *)context == (int)syscall(SYS_gettid) ? 0 : 1;
}

Test(space_flags, settid_writes_the_id_to_either_side)
{
	const uint64_t rows[] = { 0, CLONE_VM, VM_THREAD };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int parent_tid = -1, child_tid = -1, pid;
		struct kist_options options = KIST_OPTIONS_INIT;
		struct kist_space *space;

		options.flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | rows[i];
		options.parent_tid = &parent_tid;
		options.child_tid = &child_tid;
		options.function = compare_tid;
		options.context = &child_tid;
		space = space_begin(&options);
		pid = kist_space_pid(space);
		cr_expect_eq(parent_tid, pid, "row %zu", i);
		cr_expect_eq(space_end(space), 0, "row %zu", i);
		cr_expect_eq(child_tid, rows[i] & CLONE_VM ? pid : -1, "row %zu", i);
	}
}

Test(space_flags, child_cleartid_clears_a_word_of_shared_memory)
{
	const uint64_t rows[] = { CLONE_VM, VM_THREAD };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kist_options options = KIST_OPTIONS_INIT;
		volatile int word = 99;

		options.flags = rows[i] | CLONE_CHILD_CLEARTID;
		options.child_tid = (int *)&word;
		options.function = nap;
		cr_expect_eq(space_end(space_begin(&options)), 0);
		cr_expect_eq(word, 0, "row %zu", i);
	}
}

#if defined(__x86_64__)
static int read_tls(void *context)
{
	void *self;

	__asm__("mov %%fs:0, %0" : "=r"(self));
	return self == context ? 0 : 1;
}
#endif

Test(space_flags, settls_gives_the_child_a_thread_area)
{
#if defined(__x86_64__)
	/* A copy of our own: what is below it are thread-local variables, above it is libc's. */
	static _Alignas(64) unsigned char area[8192];
	const uint64_t rows[] = { 0, CLONE_VM, VM_THREAD };
	unsigned char *own, *copy = area + 4096;

	__asm__("mov %%fs:0, %0" : "=r"(own));
	memcpy(copy - 1024, own - 1024, 1024 + 2048);
	memcpy(copy, &copy, sizeof(void *));
	memcpy(copy + 16, &copy, sizeof(void *));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kist_options options = KIST_OPTIONS_INIT;

		options.flags = rows[i] | CLONE_SETTLS;
		options.tls = copy;
		options.function = read_tls;
		options.context = copy;
		cr_expect_eq(space_end(space_begin(&options)), 0, "row %zu", i);
	}
#else
	cr_skip_test("the test knows the thread area of x86-64 alone");
#endif
}

Test(space_flags, pidfd_is_always_there_and_detached_does_nothing)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_space *space;
	int status = 4;

	options.flags = CLONE_PIDFD | CLONE_DETACHED;
	options.function = nap;
	options.context = &status;
	space = space_begin(&options);
	cr_expect_eq(fcntl(kist_space_pidfd(space), F_GETFD), FD_CLOEXEC);
	cr_expect_eq(space_end(space), 4);
}
