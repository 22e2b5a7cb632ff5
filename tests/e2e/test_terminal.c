/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/e2e/harness.h"

/* "run" in the foreground with process.terminal: a pty of its own behind the caller's. */

struct terminal {
	int master, slave;	/* owned; what the caller of kist sits at */
	char seen[65536];	/* what came out of it */
	size_t size;
};

static void terminal_open(struct terminal *t, struct bundle *b)
{
	struct winsize window = { .ws_col = 101, .ws_row = 41 };

	t->size = 0;
	t->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	cr_assert(t->master >= 0 && unlockpt(t->master) == 0, "%s", strerror(errno));
	t->slave = open(ptsname(t->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	cr_assert_geq(t->slave, 0, "%s", strerror(errno));
	cr_assert_eq(ioctl(t->slave, TIOCSWINSZ, &window), 0);
	b->stdin_fd = t->slave;
	b->stdout_fd = t->slave;
	bundle_set(b, "/process/terminal", "true");
}

static void terminal_close(struct terminal *t)
{
	fd_close(&t->master);
	fd_close(&t->slave);
}

/* Reads until the text has come; a pty holds 4 KiB, so somebody must. */
static void terminal_await(struct terminal *t, const char *text)
{
	struct pollfd ready = { .fd = t->master, .events = POLLIN };

	t->seen[t->size] = '\0';
	while (!strstr(t->seen, text)) {
		ssize_t got;

		cr_assert_gt(poll(&ready, 1, 30000), 0, "\"%s\" did not come: %s", text, t->seen);
		got = read(t->master, t->seen + t->size, sizeof(t->seen) - 1 - t->size);
		cr_assert_gt(got, 0, "\"%s\" did not come: %s", text, t->seen);
		t->size += (size_t)got;
		t->seen[t->size] = '\0';
	}
}

static void terminal_run(struct terminal *t, struct bundle *b, struct call *call)
{
	terminal_open(t, b);
	bundle_begin(b, call, "run", "--bundle", b->path, b->id, NULL);
}

/* What a program in it sees, its /dev/console included. */
static void terminal_report(struct terminal *t, struct bundle *b)
{
	struct output got;
	struct call call;

	bundle_probe_args(b, "report", "stat", "/dev/console", "say", "the end", NULL);
	terminal_run(t, b, &call);
	terminal_await(t, "the end\r\n");
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
}

E2E(terminal, is_a_pty_of_the_containers_own)
{
	struct bundle *b = bundle_new();
	struct terminal t;

	terminal_report(&t, b);
	cr_expect(strstr(t.seen, "tty.0=1\r\ntty.1=1\r\ntty.2=1\r\n"), "%s", t.seen);
	cr_expect(strstr(t.seen, "fd.0=/dev/pts/0\r\n"), "%s", t.seen);
	cr_expect(strstr(t.seen, "stat:/dev/console=c "), "%s", t.seen);
	terminal_close(&t);
}

E2E(terminal, changes_nothing_in_what_goes_to_a_file)
{
	struct bundle *b = bundle_new();
	struct terminal t;
	struct output got;
	struct call call;

	bundle_probe_args(b, "say", "one", "say", "two", NULL);
	terminal_open(&t, b);
	b->stdout_fd = -EBADF;	/* the harness' own */
	bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_str_eq(got.out, "one\ntwo\n");
	terminal_close(&t);
}

/* As anything else in /dev: it is made before that is read-only, and can be masked. */
E2E(terminal, is_there_where_dev_is_read_only)
{
	struct bundle *b = bundle_new();
	struct terminal t;

	bundle_set(b, "/linux/readonlyPaths", "['/dev']");
	bundle_set(b, "/linux/maskedPaths", "['/dev/console']");
	terminal_report(&t, b);
	cr_expect(strstr(t.seen, "tty.0=1\r\n"), "%s", t.seen);
	cr_expect(strstr(t.seen, "stat:/dev/console=c 0666 0:0 1:3 "), "%s", t.seen);
	terminal_close(&t);
}

E2E(terminal, is_there_with_few_files)
{
	struct bundle *b = bundle_new();
	struct terminal t;

	bundle_set(b, "/process/rlimits", "[{'type': 'RLIMIT_NOFILE', 'soft': 8, 'hard': 8}]");
	terminal_report(&t, b);
	cr_expect_not_null(strstr(t.seen, "fd.0=/dev/pts/0\r\n"), "%s", t.seen);
	terminal_close(&t);
}

E2E(terminal, has_the_size_told_where_the_callers_has_none)
{
	struct bundle *b = bundle_new();
	struct winsize none = { 0 };
	struct terminal t;
	struct output got;
	struct call call;

	bundle_set(b, "/process/consoleSize", "{'height': 33, 'width': 77}");
	bundle_probe_args(b, "sleep", "50", "report", "say", "the end", NULL);
	terminal_open(&t, b);
	cr_assert_eq(ioctl(t.slave, TIOCSWINSZ, &none), 0);
	bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
	terminal_await(&t, "the end");
	bundle_finish(&call, &got);
	cr_expect(strstr(t.seen, "window=77x33\r\n"), "%s", t.seen);
	terminal_close(&t);
}

E2E(terminal, has_the_size_of_the_callers)
{
	struct bundle *b = bundle_new();
	struct terminal t;
	struct output got;
	struct call call;

	bundle_probe_args(b, "report", "say", "the end", NULL);
	terminal_run(&t, b, &call);
	terminal_await(&t, "the end");
	bundle_finish(&call, &got);
	cr_expect(strstr(t.seen, "window=101x41\r\n"), "%s", t.seen);
	terminal_close(&t);
}

E2E(terminal, follows_the_callers_size)
{
	struct winsize window = { .ws_col = 33, .ws_row = 22 };
	struct bundle *b = bundle_new();
	struct terminal t;
	struct output got;
	struct call call;

	/* 28 is SIGWINCH, which the kernel sends to who has the pty in the foreground. */
	bundle_probe_args(b, "signals", "1", "report", "say", "the end", NULL);
	terminal_run(&t, b, &call);
	terminal_await(&t, "ready=1");
	cr_assert_eq(ioctl(t.slave, TIOCSWINSZ, &window), 0);
	kill(call.pid, SIGWINCH);
	terminal_await(&t, "the end");
	bundle_finish(&call, &got);
	cr_expect(strstr(t.seen, "signal=28\r\n"), "%s", t.seen);
	cr_expect(strstr(t.seen, "window=33x22\r\n"), "%s", t.seen);
	terminal_close(&t);
}

E2E(terminal, hands_over_what_is_typed)
{
	struct bundle *b = bundle_new();
	struct terminal t;
	struct output got;
	struct call call;

	bundle_probe_args(b, "say", "ready", "read", "/dev/tty", NULL);
	terminal_run(&t, b, &call);
	terminal_await(&t, "ready");
	cr_assert_eq(write(t.master, "typed\n", 6), 6);
	terminal_await(&t, "read:/dev/tty=typed\\n");
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 0);
	terminal_close(&t);
}

E2E(terminal, turns_a_typed_interrupt_into_a_signal_inside)
{
	struct bundle *b = bundle_new();
	struct terminal t;
	struct output got;
	struct call call;

	bundle_probe_args(b, "say", "ready", "sleep", "60000", NULL);
	if (!e2e_is_kist())
		e2e_skip("a program that is pid 1 without an init does not die by SIGINT");
	terminal_run(&t, b, &call);
	terminal_await(&t, "ready");
	cr_assert_eq(write(t.master, "\003", 1), 1);
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 128 + SIGINT);
	terminal_close(&t);
}

E2E(terminal, leaves_the_callers_as_it_was)
{
	struct bundle *b = bundle_new();
	struct termios before, after;
	struct terminal t;
	struct output got;
	struct call call;

	terminal_open(&t, b);
	cr_assert_eq(tcgetattr(t.slave, &before), 0);
	bundle_probe_args(b, "say", "the end", NULL);
	bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
	terminal_await(&t, "the end");
	bundle_finish(&call, &got);
	cr_assert_eq(tcgetattr(t.slave, &after), 0);
	cr_expect_eq(after.c_lflag, before.c_lflag);
	cr_expect_eq(after.c_iflag, before.c_iflag);
	cr_expect_eq(after.c_oflag, before.c_oflag);
	terminal_close(&t);
}

/* --- job control --------------------------------------------------------------------- */

static struct bundle *shell_bundle(void)
{
	struct bundle *b = bundle_new();

	e2e_need_root();
	e2e_need_program("/bin/busybox");
	cr_assert_eq(mkdir(arena_printf(&e2e_arena, "%s/bin", b->rootfs), 0755), 0);
	bundle_copy(b, "/bin/busybox", "/bin/sh");
	bundle_copy(b, "/bin/busybox", "/bin/sleep");
	return b;
}

static void type(struct terminal *t, const char *text, const char *await)
{
	/* Only what comes from now on counts. */
	t->size = 0;
	cr_assert_eq(write(t->master, text, strlen(text)), (ssize_t)strlen(text));
	if (await != NULL)
		terminal_await(t, await);
}

#define JOB	"/probe foreground 2 sleep 1000000\r"

/*
 * What an interactive shell does with jobs: all of it needs a session and a foreground group, which
 * the shell gives to a job after it has shown the line: the probe says when it has it.
 */
static void control_jobs(struct terminal *t)
{
	/* What is typed before it throws away. */
	terminal_await(t, " # ");
	type(t, "PS1='rea''dy> '\r", "ready> ");
	type(t, JOB, "foreground=1");
	type(t, "\003", "ready> ");
	type(t, "echo status $?\r", "status 130");
	terminal_await(t, "ready> ");
	type(t, JOB, "foreground=1");
	type(t, "\032", "Stopped");
	terminal_await(t, "ready> ");
	type(t, "jobs\r", "Stopped");
	terminal_await(t, "ready> ");
	type(t, "fg\r", "foreground=2");
	type(t, "\003", "ready> ");
	type(t, "exit 7\r", NULL);
}

E2E(terminal, shell_of_run_controls_its_jobs)
{
	struct bundle *b = shell_bundle();
	struct terminal t;
	struct output got;
	struct call call;

	bundle_args(b, "/bin/sh", "-i", NULL);
	terminal_run(&t, b, &call);
	control_jobs(&t);
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 7, "%d %s", got.status, got.err);
	terminal_close(&t);
}

E2E(terminal, shell_of_exec_controls_its_jobs)
{
	struct bundle *b = shell_bundle();
	struct terminal t;
	struct output got;
	struct call call;

	bundle_run_sleeper(b);
	terminal_open(&t, b);
	bundle_begin(b, &call, "exec", "-t", b->id, "/bin/sh", "-i", NULL);
	control_jobs(&t);
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 7, "%d %s", got.status, got.err);
	terminal_close(&t);
	b->stdin_fd = b->stdout_fd = -EBADF;
	bundle_call(b, &got, "delete", "--force", b->id, NULL);
}

/* Its line editor changes the mode of the terminal, and loses what came before. */
E2E(terminal, shell_ends_with_its_input)
{
	struct bundle *b = shell_bundle();
	_cleanup_fd int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct terminal t;
	struct output got;

	bundle_args(b, "/bin/sh", "-i", NULL);
	terminal_open(&t, b);
	b->stdin_fd = nothing;
	b->stdout_fd = -EBADF;
	bundle_call(b, &got, "run", "--bundle", b->path, b->id, NULL);
	cr_expect_eq(got.status, 0, "%d %s", got.status, got.err);
	terminal_close(&t);
}

/* Nobody has it open for a while; it is not gone, as systemd counts on. */
E2E(terminal, may_be_closed_and_opened_again)
{
	static const char script[] =
		"echo one; exec <&- >&- 2>&-; sleep 0.5; "
		"exec </dev/tty >/dev/tty; echo two; read word; echo \"<$word>\"";
	struct bundle *b = shell_bundle();
	struct terminal t;
	struct output got;
	struct call call;

	/* Ours would keep it open. */
	bundle_set(b, "/annotations", "{'org.kist.init': 'never'}");
	bundle_args(b, "/bin/sh", "-c", script, NULL);
	terminal_run(&t, b, &call);
	terminal_await(&t, "one\r\n");
	terminal_await(&t, "two\r\n");
	type(&t, "three\r", "<three>\r\n");
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 0, "%d %s", got.status, got.err);
	terminal_close(&t);
}
