/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/e2e/harness.h"

/* sd_notify: we are the service manager. */

static int manager(struct bundle *b)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 60 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	e2e_need_root();
	e2e_need_program("/bin/busybox");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", b->dir);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	bundle_env(b, arena_printf(&e2e_arena, "NOTIFY_SOCKET=%s", address.sun_path));
	bundle_probe_args(b, "say", "up", "notify", "STATUS=getting up\nMAINPID=1\n"
			  "NOTIFYACCESS=all\nSTATUS\nREADY=1",
			  "sleep", "100000", NULL);
	return fd;
}

static const char *message(int fd)
{
	static char text[4096];
	ssize_t size = recv(fd, text, sizeof(text) - 1, 0);

	cr_assert_gt(size, 0, "no message: %s", strerror(errno));
	text[size] = '\0';
	return text;
}

/* Not the program's own number, which means nothing outside. */
static void expect_ready(const char *text, const char *pid)
{
	cr_expect_not_null(strstr(text, "READY=1"), "%s", text);
	cr_expect_not_null(strstr(text, arena_printf(&e2e_arena, "MAINPID=%s", pid)), "%s", text);
	cr_expect_null(strstr(text, "MAINPID=1\n"), "%s", text);
	cr_expect_null(strstr(text, "NOTIFYACCESS"), "%s", text);
	cr_expect_null(strstr(text, "STATUS\n"), "%s", text);
}

/* More than a pipe holds comes before: who keeps the log reads it, and does not only wait. */
E2E(notify, comes_behind_much_that_is_logged)
{
	struct bundle *b = bundle_new();
	int fd = manager(b);
	char *much = arena_alloc(&e2e_arena, 100001);
	struct output got;

	e2e_need_kist();
	memset(much, 'x', 100000);
	much[100000] = '\0';
	bundle_probe_args(b, "say", much, "notify", "READY=1", "sleep", "100000", NULL);
	bundle_call(b, &got, "run", "--detach", "--log-file", "log", "--bundle", b->path, b->id,
		    NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	expect_ready(message(fd), bundle_pid(b));
	bundle_destroy(b);
	close(fd);
}

E2E(notify, detached_run_returns_when_the_program_is_ready)
{
	struct bundle *b = bundle_new();
	int fd = manager(b);
	struct output got;

	bundle_call(b, &got, "run", "-d", "--bundle", b->path, b->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	cr_expect_not_null(strstr(got.out, "up"), "%s", got.out);
	expect_ready(message(fd), bundle_pid(b));
	bundle_destroy(b);
	close(fd);
}

E2E(notify, start_passes_it_on)
{
	struct bundle *b = bundle_new();
	int fd = manager(b);
	struct output got;

	bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "start", b->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	expect_ready(message(fd), bundle_pid(b));
	bundle_destroy(b);
	close(fd);
}

E2E(notify, foreground_run_is_the_service)
{
	struct bundle *b = bundle_new();
	int fd = manager(b);
	struct output got;
	struct call call;

	bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
	expect_ready(message(fd), arena_printf(&e2e_arena, "%d", (int)call.pid));
	bundle_call(b, &got, "kill", b->id, "KILL", NULL);
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 128 + 9);
	close(fd);
}

/* The socket's mode is neither the caller's umask' nor only root's. */
E2E(notify, any_user_of_the_container_may_speak)
{
	struct bundle *b = bundle_new();
	int fd = manager(b);
	const mode_t before = umask(077);
	struct output got;

	bundle_set(b, "/process/user", "{\"uid\":1000,\"gid\":1000}");
	bundle_call(b, &got, "run", "-d", "--bundle", b->path, b->id, NULL);
	umask(before);
	cr_assert_eq(got.status, 0, "%s", got.err);
	expect_ready(message(fd), bundle_pid(b));
	bundle_destroy(b);
	close(fd);
}

E2E(notify, end_of_the_program_ends_the_waiting)
{
	struct bundle *b = bundle_new();
	int fd = manager(b);
	struct output got;

	bundle_probe_args(b, "exit", "3", NULL);
	bundle_call(b, &got, "run", "-d", "--bundle", b->path, b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	bundle_destroy(b);
	close(fd);
}
