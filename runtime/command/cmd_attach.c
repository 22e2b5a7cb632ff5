/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

#include "base/fd.h"
#include "runtime/command/command.h"
#include "runtime/container.h"
#include "runtime/monitor.h"

/* Docker's keys: ctrl-p, ctrl-q. */
#define DETACH_FIRST	0x10
#define DETACH_SECOND	0x11

struct attach_options {
	bool no_stdin;
};

static const struct option options[] = {
	OPTION_ROW_FLAG("no-stdin", 0, struct attach_options, no_stdin, "only watch"),
	{ 0 },
};

struct attach {
	int socket, signal_fd;		/* owned */
	int input;			/* STDIN_FILENO, or -EBADF at its end */
	bool raw, first_key;
	bool resized; /* and not yet said */
	char packet[1 + MONITOR_DATA_MAX]; /* input that is not yet sent */
	size_t packet_size;
};

/* As it was before, for the signal that ends us, too. */
static struct termios saved;

static int attach_connect(const struct container *c, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" MONITOR_SOCKET,
		 c->dir_fd);
	if (fd < 0)
		return error_errno(err, "make a socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd_take(&fd);
	if (errno == ECONNREFUSED)
		return container_error(err, ESRCH, "container not running");
	return error_errno(err, "attach to %s", c->id);
}

/*
 * 1; -1; or 0: the keeper takes no more for now, for the container does not.  To wait for that
 * would be for ever: the container may wait for its output to be read, by us.
 */
static int packet_send(const struct attach *a, const void *packet, size_t size, struct error *err)
{
	if (send(a->socket, packet, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 1;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	/* Where the other end is gone, its last packet says how. */
	return errno == EPIPE || errno == ECONNRESET ? 1 : error_errno(err, "send input");
}

static int window_send(const struct attach *a, struct error *err)
{
	char packet[1 + sizeof(struct winsize)] = { MONITOR_WINDOW };
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0)
		return 1;
	memcpy(packet + 1, &size, sizeof(size));
	return packet_send(a, packet, sizeof(packet), err);
}

static int due_send(struct attach *a, struct error *err)
{
	int sent = 0;

	if (a->packet_size > 0 && (sent = packet_send(a, a->packet, a->packet_size, err)) > 0)
		a->packet_size = 0;
	if (sent >= 0 && a->resized && (sent = window_send(a, err)) > 0)
		a->resized = false;
	return sent < 0 ? -1 : 0;
}

static void terminal_restore(int signal)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	raise(signal);
}

static int terminal_make_raw(struct attach *a, struct error *err)
{
	static const int ends[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };
	/* The second time it is the default. */
	struct sigaction action = { .sa_handler = terminal_restore,
				    .sa_flags = SA_RESETHAND | SA_NODEFER };
	struct termios raw = saved;

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		sigaction(ends[i], &action, NULL);
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
		return error_errno(err, "put the terminal in raw mode");
	a->raw = a->resized = true;
	return 0;
}

static int attach_open(struct attach *a, struct container *c, struct error *err)
{
	struct monitor_description log;
	sigset_t window;

	if (monitor_describe(c, &log, err) < 0)
		return -1;
	sigemptyset(&window);
	sigaddset(&window, SIGWINCH);
	if (sigprocmask(SIG_BLOCK, &window, NULL) < 0)
		return error_errno(err, "block signals");
	a->signal_fd = signalfd(-1, &window, SFD_CLOEXEC | SFD_NONBLOCK);
	if (a->signal_fd < 0)
		return error_errno(err, "make a signalfd");
	a->socket = attach_connect(c, err);
	if (a->socket < 0)
		return -1;
	if (!log.terminal || a->input < 0 || tcgetattr(STDIN_FILENO, &saved) < 0)
		return 0;
	return terminal_make_raw(a, err);
}

static void attach_close(struct attach *a)
{
	if (a->raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	fd_close(&a->socket);
	fd_close(&a->signal_fd);
}

/* 1 when the keys to detach were typed; 0; -1. */
static int input_take(struct attach *a, struct error *err)
{
	char *data = a->packet + 1;
	ssize_t n = read(a->input, data, MONITOR_DATA_MAX);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	/* EIO: a terminal that was hung up. */
	if (n < 0 && errno != EIO)
		return error_errno(err, "read stdin");
	a->packet[0] = n > 0 ? MONITOR_INPUT : MONITOR_INPUT_END;
	a->packet_size = n > 0 ? (size_t)n + 1 : 1;
	if (n <= 0)
		a->input = -EBADF;
	for (ssize_t i = 0; a->raw && i < n; i++) {
		if (a->first_key && data[i] == DETACH_SECOND)
			return 1;
		a->first_key = data[i] == DETACH_FIRST;
	}
	return 0;
}

/* The exit status; -1 on an error; -2: there is more. */
static int output_take(const struct attach *a, struct error *err)
{
	char packet[1 + MONITOR_DATA_MAX];
	ssize_t n = recv(a->socket, packet, sizeof(packet), 0);
	int fd = n > 0 && packet[0] == MONITOR_STDERR ? STDERR_FILENO : STDOUT_FILENO;

	/* Where the keeper left some of ours unread, that is told first, and then what it sent. */
	if (n < 0 && (errno == EINTR || errno == ECONNRESET))
		return -2;
	if (n <= 0)
		return error_set(err, "the connection ended");
	if (packet[0] == MONITOR_EXITED)
		return (unsigned char)packet[1];
	return fd_write_all(fd, packet + 1, (size_t)n - 1) < 0 ? error_errno(err, "write") : -2;
}

static int attach_follow(struct attach *a, struct error *err)
{
	struct signalfd_siginfo info;

	for (;;) {
		bool due = a->packet_size > 0 || a->resized;
		struct pollfd fds[] = { { a->socket, (short)(POLLIN | (due ? POLLOUT : 0)), 0 },
					{ a->packet_size > 0 ? -1 : a->input, POLLIN, 0 },
					{ a->signal_fd, POLLIN, 0 } };
		int status = 0;

		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return error_errno(err, "wait for the container");
		if (fds[2].revents != 0 && read(a->signal_fd, &info, sizeof(info)) > 0)
			a->resized = true;
		if (fds[1].revents != 0)
			status = input_take(a, err);
		if (status != 0)
			return status < 0 ? -1 : 0;
		if (due_send(a, err) < 0)
			return -1;
		if ((fds[0].revents & ~POLLOUT) == 0)
			continue;
		status = output_take(a, err);
		if (status != -2)
			return status;
	}
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct attach_options *attach = values;
	_cleanup_container struct container c = CONTAINER_NONE;
	static struct attach a;
	int status;

	a.socket = a.signal_fd = -EBADF;
	a.input = attach->no_stdin ? -EBADF : STDIN_FILENO;
	if (cli_container(cli, &c, err) < 0)
		return -1;
	status = attach_open(&a, &c, err);
	if (status == 0)
		status = attach_follow(&a, err);
	attach_close(&a);
	return status;
}

const struct command command_attach = {
	.name = "attach", .arguments = "ID",
	.summary = "connect the terminal to a running container",
	.description = "For containers that \"run --detach --log-file FILE\" started.\n"
		       "ctrl-p ctrl-q leaves it running; else the exit status is the container's.",
	.options = options, .size = sizeof(struct attach_options),
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
