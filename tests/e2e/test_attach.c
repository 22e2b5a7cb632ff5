/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/e2e/logged.h"

/* attach, to what "run --detach --log-file" started. */

E2E(attach, hands_over_input_output_and_status)
{
	struct bundle *b = bundle_new();
	struct output got;
	int fds[2];

	bundle_probe_args(b, "read", "/dev/stdin", "exit", "5", NULL);
	run_logged(b, NULL, NULL);
	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	cr_assert_eq(fd_write_all(fds[1], "typed\n", 6), 0);
	close(fds[1]);
	b->stdin_fd = fds[0];
	bundle_call(b, &got, "attach", b->id, NULL);
	cr_expect_eq(got.status, 5, "%d: %s", got.status, got.err);
	cr_expect_not_null(strstr(got.out, "typed"), "%s", got.out);
	close(fds[0]);
	b->stdin_fd = -EBADF;
	bundle_call(b, &got, "attach", b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "container not running"), "%s", got.err);
	bundle_destroy(b);
}

enum { INPUT_SIZE = 8 << 20 };

/* A file of so many bytes, as its stdin; the caller closes it. */
static void input_open(struct bundle *b, size_t size)
{
	char *bytes = arena_alloc(&e2e_arena, size);

	memset(bytes, 'x', size);
	b->stdin_fd = open(in_dir(b, "input"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_eq(fd_write_all(b->stdin_fd, bytes, size), 0);
	cr_assert_eq(lseek(b->stdin_fd, 0, SEEK_SET), 0);
}

/* Each waited for the other, or the client was let go, when it did not get the CPU in time. */
E2E(attach, carries_more_than_any_buffer_holds)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_program("/bin/busybox");
	mkdir(arena_printf(&e2e_arena, "%s/bin", b->rootfs), 0755);
	bundle_copy(b, "/bin/busybox", "/bin/cat");
	bundle_args(b, "/bin/cat", NULL);
	run_logged(b, "--log-file-size", "1g");
	input_open(b, INPUT_SIZE);
	b->stdout_fd = open(in_dir(b, "output"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	bundle_call(b, &got, "attach", b->id, NULL);
	cr_expect_eq(got.status, 0, "%d: %s", got.status, got.err);
	cr_expect_eq(lseek(b->stdout_fd, 0, SEEK_END), INPUT_SIZE);
	close(b->stdin_fd);
	close(b->stdout_fd);
	b->stdin_fd = b->stdout_fd = -EBADF;
	bundle_destroy(b);
}

/*
 * The kernel tells first that some of ours was not read, and then what the keeper said.  Whether
 * the keeper still reads it when the container ends is a race.
 */
E2E(attach, hears_the_status_where_input_is_left_unread)
{
	for (int tries = 0; tries < 6; tries++) {
		struct bundle *b = script_new("sleep 0.1; exit 5");
		struct output got;

		run_logged(b, NULL, NULL);
		/* The pipe holds 64 KiB, the keeper some, and the rest waits in the socket. */
		input_open(b, 96 << 10);
		bundle_call(b, &got, "attach", b->id, NULL);
		cr_expect_eq(got.status, 5, "%d: %s", got.status, got.err);
		close(b->stdin_fd);
		b->stdin_fd = -EBADF;
		bundle_destroy(b);
	}
}

/* "attach ID | head -1" */
E2E(attach, gives_the_terminal_back_when_nobody_reads_what_comes)
{
	struct bundle *b = script_new("while :; do echo hello; sleep 0.1; done");
	_cleanup_fd int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave = -EBADF;
	struct termios before, after;
	struct output got;
	struct call call;
	int ends[2];
	char byte;

	cr_assert(master >= 0 && unlockpt(master) == 0, "%s", strerror(errno));
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	cr_assert(tcgetattr(slave, &before) == 0 && pipe2(ends, O_CLOEXEC) == 0);
	bundle_set(b, "/process/terminal", "true");
	run_logged(b, NULL, NULL);
	signal(SIGPIPE, SIG_DFL);
	b->stdin_fd = slave;
	b->stdout_fd = ends[1];
	bundle_begin(b, &call, "attach", b->id, NULL);
	close(ends[1]);
	cr_expect_eq(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 128 + SIGPIPE, "%d: %s", got.status, got.err);
	cr_assert_eq(tcgetattr(slave, &after), 0);
	cr_expect_eq(after.c_lflag, before.c_lflag);
	b->stdin_fd = b->stdout_fd = -EBADF;
	bundle_destroy(b);
}
