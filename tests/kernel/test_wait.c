/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "runtime/clone.h"
#include "runtime/console.h"
#include "runtime/wait.h"
#include "tests/kernel/child.h"

static struct error err;

/* Ends with the number of the first signal that comes. */
static int wait_for_signal(void *context)
{
	sigset_t all;
	int signal = 0;

	(void)context;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	return sigwait(&all, &signal) == 0 ? signal : 0;
}

/* In a fork, for Criterion's second thread would take the signals. */
static int is_passed_on(void *context)
{
	int signal = *(int *)context, status = -1;
	struct clone_request request = CLONE_REQUEST_INIT;
	struct wait wait = WAIT_NONE;
	struct clone_result child;
	pid_t sender;

	if (wait_open(&wait, &err) < 0 ||
	    clone_process(&request, wait_for_signal, NULL, &child, &err) < 0)
		return 1;
	/* From another process: a SIGPIPE of our own is not for the container. */
	sender = fork();
	if (sender == 0)
		_exit(kill(getppid(), signal));
	if (child_wait(sender) != 0 ||
	    wait_foreground(&wait, child.pid, child.pidfd, NULL, &status, &err) < 0)
		return 2;
	wait_close(&wait);
	return status == signal ? 0 : 3;
}

Test(wait, passes_every_signal_on)
{
	for (int signal = 1; signal <= SIGRTMAX; signal++) {
		/* 32 and 33 are libc's own. */
		if (signal == SIGKILL || signal == SIGSTOP || signal == SIGCHLD ||
		    (signal > 31 && signal < SIGRTMIN))
			continue;
		cr_expect_eq(child_status(is_passed_on, &signal), 0, "signal %d", signal);
	}
}

static int end_as_told(void *context)
{
	int how = *(int *)context;

	if (how < 0)
		kill(getpid(), -how);
	return how;
}

Test(wait, says_what_a_shell_would)
{
	static const struct { int how, status; } rows[] = {
		{ 0, 0 }, { 7, 7 }, { 255, 255 }, { -SIGKILL, 137 }, { -SIGTERM, 143 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct clone_request request = CLONE_REQUEST_INIT;
		struct clone_result child;
		struct wait wait;
		int how = rows[i].how, status = -1;

		cr_assert_eq(clone_process(&request, end_as_told, &how, &child, &err), 0);
		cr_assert_eq(wait_open(&wait, &err), 0);
		cr_expect_eq(wait_foreground(&wait, child.pid, child.pidfd, NULL, &status, &err),
			     0);
		wait_close(&wait);
		cr_expect_eq(status, rows[i].status);
		close(child.pidfd);
	}
}

Test(wait, puts_the_mask_back)
{
	sigset_t before, after;
	struct wait wait;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	cr_assert_eq(wait_open(&wait, &err), 0);
	cr_expect_eq(sigismember(&wait.mask, SIGTERM), sigismember(&before, SIGTERM));
	wait_close(&wait);
	wait_close(&wait);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int signal = 1; signal <= SIGRTMAX; signal++)
		cr_expect_eq(sigismember(&before, signal), sigismember(&after, signal));
}

/* --- a program on a pty of its own, as init/console.c leaves it ------------------------- */

enum { MANY = 1024 * 1024 };

struct program {
	int socket;
	bool much;		/* writes MANY bytes, else an answer to each line until the end */
};

static int pty_open(int *ret_master, char name[64])
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), unlock = 0, number;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0 ||
	    ioctl(master, TIOCGPTN, &number) < 0)
		return -1;
	snprintf(name, 64, "/dev/pts/%d", number);
	*ret_master = master;
	return open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static int program_run(void *context)
{
	const struct program *program = context;
	char name[64], line[256], answer[300];
	int master, terminal;
	ssize_t n;

	setsid();
	terminal = pty_open(&master, name);
	if (terminal < 0 || ioctl(terminal, TIOCSCTTY, 0) < 0 ||
	    fd_send(program->socket, &master, 1, name, strlen(name), &err) < 0)
		return 1;
	close(master);
	close(program->socket);
	memset(line, 'x', sizeof(line));
	for (int i = 0; program->much && i < MANY / (int)sizeof(line); i++)
		if (fd_write_all(terminal, line, sizeof(line)) < 0)
			return 2;
	while (!program->much && (n = read(terminal, line, sizeof(line))) > 0) {
		int size = snprintf(answer, sizeof(answer), "got %.*s", (int)n, line);

		if (fd_write_all(terminal, answer, (size_t)size) < 0)
			return 2;
	}
	return 42;
}

/* kist in the foreground; its stdin and stdout are what the test holds the other ends of. */
static int proxy_run(int input, int output, bool much)
{
	struct clone_request request = CLONE_REQUEST_INIT;
	struct console console = CONSOLE_NONE;
	struct wait wait = WAIT_NONE;
	struct clone_result child;
	struct program program = { -1, much };
	int status = -1;

	dup2(input, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	if (wait_open(&wait, &err) < 0 || console_open(&console, &program.socket, &err) < 0 ||
	    clone_process(&request, program_run, &program, &child, &err) < 0)
		return 1;
	close(program.socket);
	if (console_attach(&console, &err) < 0 ||
	    wait_foreground(&wait, child.pid, child.pidfd, &console, &status, &err) < 0)
		status = 3;
	console_close(&console);
	wait_close(&wait);
	return status;
}

Test(console, copies_both_ways_and_ends_with_the_input, .timeout = 20)
{
	char text[1024] = "";
	int in[2], out[2];
	size_t size = 0;
	ssize_t n;
	pid_t pid;

	cr_assert(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		close(in[1]);
		close(out[0]);
		_exit(proxy_run(in[0], out[1], false));
	}
	close(in[0]);
	close(out[1]);
	cr_expect_eq(write(in[1], "hello\n", 6), 6);
	close(in[1]);
	while ((n = read(out[0], text + size, sizeof(text) - 1 - size)) > 0)
		size += (size_t)n;
	close(out[0]);
	cr_expect_eq(child_wait(pid), 42);
	cr_expect_not_null(strstr(text, "got hello"), "%s", text);
}

Test(console, loses_nothing_of_what_comes_last, .timeout = 60)
{
	static char text[65536];
	size_t size = 0;
	int out[2];
	ssize_t n;
	pid_t pid;

	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		close(out[0]);
		_exit(proxy_run(null_fd, out[1], true));
	}
	close(out[1]);
	while ((n = read(out[0], text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < n; i++)
			size += text[i] == 'x';
	close(out[0]);
	cr_expect_eq(child_wait(pid), 42);
	cr_expect_eq(size, MANY);
}

Test(console, is_raw_while_it_runs_and_as_before_after, .timeout = 20)
{
	struct termios before, during, after;
	struct winsize size = { .ws_row = 33, .ws_col = 111 };
	char name[64], text[256];
	int master, terminal;
	pid_t pid;

	terminal = pty_open(&master, name);
	cr_assert(terminal >= 0 && ioctl(terminal, TIOCSWINSZ, &size) == 0);
	cr_assert_eq(tcgetattr(terminal, &before), 0);
	pid = fork();
	if (pid == 0) {
		setsid();
		ioctl(terminal, TIOCSCTTY, 0);
		_exit(proxy_run(terminal, terminal, false));
	}
	/* The answer says that all is in place. */
	cr_expect_eq(write(master, "a\n", 2), 2);
	for (size_t at = 0; at < sizeof(text) - 1;) {
		ssize_t n = read(master, text + at, sizeof(text) - 1 - at);

		cr_assert(n > 0);
		at += (size_t)n;
		text[at] = '\0';
		if (strstr(text, "got") != NULL)
			break;
	}
	cr_expect_eq(tcgetattr(terminal, &during), 0);
	cr_expect_eq(during.c_lflag & (ICANON | ECHO | ISIG), 0);
	/* Ctrl-D goes through to the program, which ends. */
	cr_expect_eq(write(master, "\004", 1), 1);
	cr_expect_eq(child_wait(pid), 42);
	cr_expect_eq(tcgetattr(terminal, &after), 0);
	cr_expect_eq(after.c_lflag, before.c_lflag);
	cr_expect_eq(after.c_iflag, before.c_iflag);
	cr_expect_eq(after.c_oflag, before.c_oflag);
	close(master);
	close(terminal);
}
