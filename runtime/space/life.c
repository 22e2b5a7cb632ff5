/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/futex.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "runtime/space/space.h"

static bool is_thread(const struct kist_space *space)
{
	return space->options.flags & CLONE_THREAD;
}

pid_t kist_space_pid(const struct kist_space *space)
{
	return space->child.pid;
}

int kist_space_pidfd(const struct kist_space *space)
{
	return space->child.pidfd >= 0 ? space->child.pidfd : -1;
}

const char *kist_version(void)
{
	return KIST_VERSION;
}

/* What is left until the moment, for poll(2); -1: no end. */
static int rest_ms(int timeout_ms, int64_t end)
{
	int64_t rest = end - clock_ms();

	if (timeout_ms < 0)
		return -1;
	return rest > 0 ? (int)rest : 0;
}

/* 1: the kernel has cleared the thread's word; 0: not in that time. */
static int thread_ended(const struct kist_space *space, int timeout_ms)
{
	const int64_t end = clock_ms() + timeout_ms;
	int *word = space->end_word, tid;

	while ((tid = __atomic_load_n(word, __ATOMIC_ACQUIRE)) != 0) {
		int rest = rest_ms(timeout_ms, end);
		struct timespec time = { rest / 1000, rest % 1000 * 1000000L };

		if (rest == 0)
			return 0;
		syscall(SYS_futex, word, FUTEX_WAIT, tid, rest < 0 ? NULL : &time, NULL, 0);
	}
	return 1;
}

static int process_ended(const struct kist_space *space, int timeout_ms)
{
	const int64_t end = clock_ms() + timeout_ms;
	struct pollfd fd = { space->child.pidfd, POLLIN, 0 };
	int n;

	do {
		n = poll(&fd, 1, rest_ms(timeout_ms, end));
	} while (n < 0 && errno == EINTR);
	return n;
}

/* Of linux/pidfd.h, which Debian 12 does not have yet. */
struct pidfd_info_0 {
	uint64_t mask, cgroup;
	uint32_t ids[11];
	int32_t exit_code;
};
#define PIDFD_GET_INFO_0  _IOWR(0xff, 11, struct pidfd_info_0)
#define PIDFD_INFO_EXIT_0 (UINT64_C(1) << 3)
/* How long a process that has ended may take to be reaped by who does that. */
#define REAP_WAIT_MS	  500

/* What another process reaps: Linux 6.15 and newer keep its status with the pidfd. */
static int status_ask(int pidfd, int wait_ms)
{
	struct pidfd_info_0 info = { .mask = PIDFD_INFO_EXIT_0 };
	struct pollfd reaped = { .fd = pidfd };

	poll(&reaped, 1, wait_ms < REAP_WAIT_MS ? wait_ms : REAP_WAIT_MS);
	if (ioctl(pidfd, PIDFD_GET_INFO_0, &info) < 0 || !(info.mask & PIDFD_INFO_EXIT_0))
		return KIST_STATUS_UNKNOWN;
	return WIFEXITED(info.exit_code) ? WEXITSTATUS(info.exit_code) : -WTERMSIG(info.exit_code);
}

/* Reaps it.  Of a daemon, and with CLONE_PARENT, another process does. */
static int status_take(const struct kist_space *space, int wait_ms, int *ret, struct error *err)
{
	siginfo_t info = { 0 };
	int n;

	if (is_thread(space)) {
		*ret = space->exit_code;
		return 0;
	}
	do {
		n = waitid(P_PIDFD, (id_t)space->child.pidfd, &info, WEXITED | __WALL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno != ECHILD)
		return error_errno(err, "reap process %d", space->child.pid);
	*ret = n < 0 ? status_ask(space->child.pidfd, wait_ms) :
	       info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
	return 0;
}

static int space_wait(struct kist_space *space, int timeout_ms, struct error *err)
{
	const int64_t end = clock_ms() + timeout_ms;
	int n;

	if (space->ended)
		return 1;
	n = is_thread(space) ? thread_ended(space, timeout_ms) : process_ended(space, timeout_ms);
	if (n < 0)
		return error_errno(err, "wait for process %d", space->child.pid);
	if (n == 0)
		return 0;
	if (status_take(space, timeout_ms < 0 ? REAP_WAIT_MS : rest_ms(timeout_ms, end),
			&space->status, err) < 0)
		return -1;
	space->ended = true;
	return 1;
}

int kist_space_wait(struct kist_space *space, int timeout_ms, int *ret_status,
		    struct kist_error *err)
{
	struct error error = { 0 };
	int n = space_wait(space, timeout_ms, &error);

	if (n > 0 && ret_status != NULL)
		*ret_status = space->status;
	return space_result(n, &error, err);
}

int kist_space_is_alive(struct kist_space *space)
{
	if (space->ended)
		return 0;
	return (is_thread(space) ? thread_ended(space, 0) : process_ended(space, 0)) == 0;
}

static int space_signal(struct kist_space *space, int signal, struct error *err)
{
	int status;

	if (space->ended)
		return error_number(err, ESRCH, "signal process %d", space->child.pid);
	if (is_thread(space) && signal == SIGKILL)
		return error_number(err, EINVAL, "signal thread %d: SIGKILL would end the caller",
				    space->child.pid);
	status = is_thread(space) ?
		 (int)syscall(SYS_tgkill, getpid(), space->child.pid, signal) :
		 sys_pidfd_send_signal(space->child.pidfd, signal);
	return status < 0 ? error_errno(err, "signal process %d", space->child.pid) : 0;
}

int kist_space_signal(struct kist_space *space, int signal, struct kist_error *err)
{
	struct error error = { 0 };

	return space_result(space_signal(space, signal, &error), &error, err);
}

int kist_space_terminate(struct kist_space *space, struct kist_error *err)
{
	return kist_space_signal(space, SIGTERM, err);
}

int kist_space_kill(struct kist_space *space, struct kist_error *err)
{
	return kist_space_signal(space, SIGKILL, err);
}

void kist_space_free(struct kist_space *space)
{
	if (space == NULL)
		return;
	/* A function in our memory still stands on its stack; a program has left it. */
	if (space->options.flags & CLONE_VM && space->options.function != NULL &&
	    kist_space_is_alive(space)) {
		fd_close(&space->child.pidfd);
		return;
	}
	fd_close(&space->child.pidfd);
	munmap(space->pages, space->pages_size);
}
