/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "tests/e2e/harness.h"

/* What callers listen on: consoles, pidfds, journald and syslog. */

static int listener(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 60 };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0, "%s: %s", path,
		     strerror(errno));
	if (type == SOCK_STREAM)
		cr_assert_eq(listen(fd, 4), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* The one fd of the one message of the next connection, and the words that came with it. */
static int take(int socket, char words[64])
{
	_cleanup_fd int fd = accept4(socket, NULL, NULL, SOCK_CLOEXEC);
	struct error err;
	size_t count = 1;
	int got = -EBADF;
	ssize_t size;

	cr_assert_geq(fd, 0, "nobody came: %s", strerror(errno));
	size = fd_receive(fd, &got, &count, words, 63, &err);
	cr_assert_geq(size, 0, "%s", err.text);
	cr_assert_eq(count, 1);
	words[size] = '\0';
	return got;
}

/* The pid that a pidfd stands for, as its fdinfo has it. */
static int pid_of(int pidfd)
{
	struct error err;
	char *text, *at;
	int pid = -1;

	cr_assert_eq(file_read(AT_FDCWD, arena_printf(&e2e_arena, "/proc/self/fdinfo/%d", pidfd),
			       4096, &e2e_arena, &text, NULL, &err), 0, "%s", err.text);
	at = strstr(text, "\nPid:");
	cr_assert(at != NULL && sscanf(at + 5, "%d", &pid) == 1, "%s", text);
	return pid;
}

E2E(pidfd_socket, of_create_and_exec_gets_the_process)
{
	struct bundle *b = bundle_new();
	const char *path = arena_printf(&e2e_arena, "%s/pidfd", b->dir);
	const char *pid_file = arena_printf(&e2e_arena, "%s/pid", b->dir);
	int socket = listener(path, SOCK_STREAM), pidfd;
	struct output got;
	struct error err;
	char words[64], *text;

	bundle_probe_args(b, "sleep", "100000", NULL);
	bundle_call(b, &got, "create", "--pidfd-socket", path, "--pid-file", pid_file, "--bundle",
		    b->path, b->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	pidfd = take(socket, words);
	cr_expect_str_eq(words, "standard");
	cr_assert_eq(file_read(AT_FDCWD, pid_file, 64, &e2e_arena, &text, NULL, &err), 0);
	cr_expect_str_eq(arena_printf(&e2e_arena, "%d", pid_of(pidfd)), text);
	close(pidfd);
	bundle_call(b, &got, "start", b->id, NULL);
	bundle_call(b, &got, "exec", "-d", "--pidfd-socket", path, "--pid-file", pid_file, b->id,
		    "/probe", "sleep", "100000", NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	pidfd = take(socket, words);
	cr_expect_str_eq(words, "setns");
	cr_assert_eq(file_read(AT_FDCWD, pid_file, 64, &e2e_arena, &text, NULL, &err), 0);
	cr_expect_str_eq(arena_printf(&e2e_arena, "%d", pid_of(pidfd)), text);
	close(pidfd);
	close(socket);
	bundle_destroy(b);
}

/* Returns the master. */
static int expect_terminal(int socket)
{
	char words[64], text[4096];
	int master = take(socket, words);
	size_t used = 0;

	cr_expect_eq(isatty(master), 1);
	text[0] = '\0';
	while (used < sizeof(text) - 1 && strstr(text, "on a terminal") == NULL) {
		ssize_t size = read(master, text + used, sizeof(text) - 1 - used);

		cr_assert_gt(size, 0, "%s", text);
		used += (size_t)size;
		text[used] = '\0';
	}
	return master;
}

E2E(console_socket, of_create_run_and_exec_gets_the_terminal)
{
	static const char *const verbs[] = { "create", "run" };

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		struct bundle *b = bundle_new();
		const char *path = arena_printf(&e2e_arena, "%s/console", b->dir);
		int socket = listener(path, SOCK_STREAM);
		struct output got;
		int masters[2];

		bundle_set(b, "/process/terminal", "true");
		bundle_probe_args(b, "say", "on a terminal", "sleep", "100000", NULL);
		bundle_call(b, &got, verbs[i], "--console-socket", path, "--bundle", b->path,
			    b->id, i == 1 ? "-d" : NULL, NULL);
		cr_assert_eq(got.status, 0, "%s", got.err);
		if (i == 0)
			bundle_call(b, &got, "start", b->id, NULL);
		/* Closing it would hang the program up. */
		masters[0] = expect_terminal(socket);
		bundle_call(b, &got, "exec", "-d", "-t", "--console-socket", path, b->id, "/probe",
			    "say", "on a terminal", NULL);
		cr_expect_eq(got.status, 0, "%s", got.err);
		masters[1] = expect_terminal(socket);
		close(socket);
		bundle_destroy(b);
		close(masters[0]);
		close(masters[1]);
	}
}

/* In a mount namespace of the test's own. */
static void tmpfs_on(const char *path)
{
	struct mount_attr private = { .propagation = MS_PRIVATE };
	int fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC), tree;

	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	cr_assert_eq(sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), 0);
	tree = sys_fsmount(fs, FSMOUNT_CLOEXEC, 0);
	cr_assert_geq(tree, 0, "%s", strerror(errno));
	cr_assert_eq(sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private), 0);
	cr_assert_eq(sys_move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH), 0);
	close(tree);
	close(fs);
}

static const char *datagram(int socket)
{
	char *text = arena_alloc(&e2e_arena, 4096);
	ssize_t size = recv(socket, text, 4095, 0);

	cr_assert_gt(size, 0, "%s", strerror(errno));
	text[size] = '\0';
	return text;
}

E2E(log, goes_to_journald_with_its_identifier)
{
	struct bundle *b = bundle_new();
	struct output got;
	const char *text;
	int socket;

	e2e_need_kist();
	e2e_need_root();
	tmpfs_on("/run");
	mkdir("/run/systemd", 0755);
	mkdir("/run/systemd/journal", 0755);
	socket = listener("/run/systemd/journal/socket", SOCK_DGRAM);
	bundle_call(b, &got, "--log=journald:my-pod", "state", b->id, NULL);
	cr_expect_eq(got.status, 1);
	text = datagram(socket);
	cr_expect_not_null(strstr(text, "MESSAGE=container does not exist\n"), "%s", text);
	cr_expect_not_null(strstr(text, "PRIORITY=3\n"), "%s", text);
	cr_expect_not_null(strstr(text, "SYSLOG_IDENTIFIER=my-pod\n"), "%s", text);
	close(socket);
	cr_assert_eq(sys_umount2("/run", MNT_DETACH), 0);
}

E2E(log, goes_to_syslog_with_its_identifier)
{
	struct bundle *b = bundle_new();
	struct output got;
	const char *text;
	int socket;

	e2e_need_kist();
	e2e_need_root();
	b->stdin_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	tmpfs_on("/dev");
	cr_assert_eq(mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3)), 0);
	socket = listener("/dev/log", SOCK_DGRAM);
	bundle_call(b, &got, "--log", "syslog:my-pod", "state", b->id, NULL);
	cr_expect_eq(got.status, 1);
	text = datagram(socket);
	cr_expect_not_null(strstr(text, "my-pod["), "%s", text);
	cr_expect_not_null(strstr(text, "container does not exist"), "%s", text);
	close(socket);
	close(b->stdin_fd);
	b->stdin_fd = -EBADF;
	cr_assert_eq(sys_umount2("/dev", MNT_DETACH), 0);
}

/* The process that keeps a log has nothing of the caller's open: no pipe, and no lock. */
E2E(pipes, of_the_caller_end_while_a_log_is_kept)
{
	struct bundle *b = bundle_new();
	const char *fifo = arena_printf(&e2e_arena, "%s/fifo", b->dir);
	_cleanup_fd int read_fd = -EBADF;
	struct output got;
	char byte;

	e2e_need_kist();
	bundle_probe_args(b, "sleep", "100000", NULL);
	cr_assert_eq(mkfifo(fifo, 0600), 0);
	read_fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	b->runtime = "/bin/sh";
	bundle_call_plain(b, &got, "-c",
			  arena_printf(&e2e_arena,
				       "exec 9>%s && exec %s --root %s run --detach "
				       "--log-file %s/log --bundle %s %s",
				       fifo, e2e_runtime(), b->state, b->dir, b->path, b->id),
			  NULL);
	b->runtime = e2e_runtime();
	cr_assert_eq(got.status, 0, "%s", got.err);
	cr_expect_eq(read(read_fd, &byte, 1), 0, "it is open: %s", strerror(errno));
	bundle_call(b, &got, "kill", b->id, "KILL", NULL);
	bundle_call(b, &got, "wait", b->id, NULL);
	cr_expect_eq(got.status, 137, "%d %s", got.status, got.err);
	bundle_destroy(b);
}

/* sd_listen_fds(3); what has the number 3 here may be anything. */
E2E(listen_fds, that_are_for_another_process_stay_there)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_root();
	bundle_env(b, "LISTEN_FDS=1");
	bundle_env(b, "LISTEN_PID=2147483647");
	bundle_run(b, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_null(strstr(got.out, "LISTEN_"), "%s", got.out);
}
