/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/console.h"

#include <limits.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/sys.h"

int console_open(struct console *ret, int *ret_socket, struct error *err)
{
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_errno(err, "make a socket pair for the terminal");
	*ret = CONSOLE_NONE;
	ret->socket = sockets[0];
	*ret_socket = sockets[1];
	return 0;
}

int socket_connect(const char *what, const char *path, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_cleanup_fd int path_fd = -EBADF;

	if (fd < 0)
		return error_errno(err, "make a socket");
	if (strlen(path) < sizeof(address.sun_path)) {
		memcpy(address.sun_path, path, strlen(path) + 1);
	} else {
		/* An address holds 107 bytes; engines have longer paths. */
		path_fd = open(path, O_PATH | O_CLOEXEC);
		if (path_fd < 0)
			return error_errno(err, "open %s %s", what, path);
		snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", path_fd);
	}
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_errno(err, "connect to %s %s", what, path);
	return fd_take(&fd);
}

int console_connect(const char *path, int *ret_fd, struct error *err)
{
	*ret_fd = path != NULL ? socket_connect("console socket", path, err) : -EBADF;
	return path != NULL && *ret_fd < 0 ? -1 : 0;
}

void console_resize(struct console *console)
{
	struct winsize size;

	/* One that has none, as of script(1) or a serial line, leaves what consoleSize says. */
	if (console->terminal >= 0 && console->master >= 0 &&
	    ioctl(console->terminal, TIOCGWINSZ, &size) == 0 && (size.ws_row | size.ws_col) != 0)
		ioctl(console->master, TIOCSWINSZ, &size);
}

static int console_raw(struct console *console, struct error *err)
{
	struct termios raw;

	if (tcgetattr(console->terminal, &console->saved) < 0)
		return error_errno(err, "read the terminal's settings");
	raw = console->saved;
	cfmakeraw(&raw);
	/* Lines end here as they always do: the container's terminal leaves them alone. */
	raw.c_oflag = console->saved.c_oflag;
	if (tcsetattr(console->terminal, TCSANOW, &raw) < 0)
		return error_errno(err, "put the terminal in raw mode");
	console->raw = true;
	return 0;
}

/*
 * A new pty says "\r\n" for "\n".  What the program wrote would be changed even where our output
 * is a file, and twice on a terminal that does the same.
 */
static int lines_keep(int master, struct error *err)
{
	struct termios settings;

	if (tcgetattr(master, &settings) < 0)
		return error_errno(err, "read the settings of the container's terminal");
	settings.c_oflag &= ~(tcflag_t)ONLCR;
	if (tcsetattr(master, TCSANOW, &settings) < 0)
		return error_errno(err, "set up the container's terminal");
	return 0;
}

int console_take_master(int socket, struct error *err)
{
	_cleanup_fd int master = -EBADF;
	char name[256];
	size_t count = 1;

	if (fd_receive(socket, &master, &count, name, sizeof(name), err) < 0)
		return error_wrap(err, "take the container's terminal");
	if (count != 1)
		return error_set(err, "take the container's terminal: none came");
	if (fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return error_errno(err, "prepare the container's terminal");
	return fd_take(&master);
}

int console_attach(struct console *console, struct error *err)
{
	/* Not in the struct, which would be cleared page by page where there is no terminal. */
	static char buffers[2][CONSOLE_BUFFER];

	if (console->master >= 0)
		return 0;
	console->master = console_take_master(console->socket, err);
	if (console->master < 0)
		return -1;
	fd_close(&console->socket);
	if (lines_keep(console->master, err) < 0)
		return -1;
	console->in.buffer = buffers[0];
	console->out.buffer = buffers[1];
	console->in.from = STDIN_FILENO;
	console->in.to = console->master;
	console->out.from = console->master;
	console->out.to = STDOUT_FILENO;
	if (isatty(STDIN_FILENO))
		console->terminal = STDIN_FILENO;
	else if (isatty(STDOUT_FILENO))
		console->terminal = STDOUT_FILENO;
	console_resize(console);
	/* Raw mode is for what is typed: output to a terminal alone leaves it as it is. */
	return console->terminal == STDIN_FILENO ? console_raw(console, err) : 0;
}

void console_close(struct console *console)
{
	if (console->raw)
		/* Not drained: what the container wrote last may never be read. */
		tcsetattr(console->terminal, TCSANOW, &console->saved);
	console->raw = false;
	console->terminal = -EBADF;
	console->in.from = console->out.from = -EBADF;
	fd_close(&console->socket);
	fd_close(&console->master);
}

static bool flow_empty(const struct console_flow *flow)
{
	return flow->start == flow->end;
}

void console_poll(const struct console *console, struct pollfd fds[CONSOLE_POLLS])
{
	const struct console_flow *flows[] = { &console->in, &console->out };

	for (size_t i = 0; i < ARRAY_SIZE(flows); i++) {
		bool empty = flow_empty(flows[i]);

		/* Full or empty: one side at a time, so nothing is read that has no place. */
		fds[2 * i] = (struct pollfd){ empty && !flows[i]->hung ? flows[i]->from : -1,
					      POLLIN, 0 };
		fds[2 * i + 1] = (struct pollfd){ empty ? -1 : flows[i]->to, POLLOUT, 0 };
	}
}

int console_poll_ms(const struct console *console)
{
	return console->out.hung && flow_empty(&console->out) ? CONSOLE_HUNG_MS : -1;
}

static void flow_read(struct console_flow *flow, int master)
{
	ssize_t n = read(flow->from, flow->buffer, CONSOLE_BUFFER);

	/*
	 * What a pty says whose other side nobody has open.  Who closes it may open it again by its
	 * name, as systemd does; poll(2) would not let us sleep till then.
	 */
	flow->hung = n < 0 && errno == EIO && flow->from == master;
	if (n > 0) {
		flow->start = 0;
		flow->end = (size_t)n;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR && !flow->hung)) {
		flow->from = -EBADF;
	}
}

/* Called when the other end takes something: so much never blocks, whatever it is. */
static void flow_write(struct console_flow *flow)
{
	size_t size = flow->end - flow->start;
	ssize_t n = write(flow->to, flow->buffer + flow->start, size < PIPE_BUF ? size : PIPE_BUF);

	if (n > 0)
		flow->start += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		/* Nobody reads any more: what comes is dropped, the container goes on. */
		flow->start = flow->end;
}

/*
 * The end of what is typed, for a program that reads a terminal, is a byte: VEOF.  Who changes the
 * mode before reading it, as a shell does in front of its prompt, has lost it, and is told again.
 */
static void input_end(struct console *console)
{
	struct termios settings;

	if (console->terminal == STDIN_FILENO || !flow_empty(&console->in) ||
	    tcgetattr(console->master, &settings) < 0)
		return;
	if (console->input_ended && settings.c_lflag == console->end_mode)
		return;
	console->input_ended = true;
	console->end_mode = settings.c_lflag;
	console->in.buffer[0] = (char)settings.c_cc[VEOF];
	console->in.start = 0;
	console->in.end = 1;
}

void console_move(struct console *console, const struct pollfd fds[CONSOLE_POLLS])
{
	struct console_flow *flows[] = { &console->in, &console->out };

	for (size_t i = 0; i < ARRAY_SIZE(flows); i++) {
		bool open = flows[i]->from >= 0;

		if ((fds[2 * i].revents != 0 || flows[i]->hung) && open && flow_empty(flows[i])) {
			flow_read(flows[i], console->master);
			if (console->in.from < 0)
				input_end(console);
		} else if (fds[2 * i + 1].revents != 0 && !flow_empty(flows[i]))
			flow_write(flows[i]);
	}
}

void console_drain(struct console *console)
{
	struct pollfd wait = { STDOUT_FILENO, POLLOUT, 0 };

	while (console->out.from >= 0 || !flow_empty(&console->out)) {
		if (flow_empty(&console->out)) {
			ssize_t n = read(console->out.from, console->out.buffer, CONSOLE_BUFFER);

			if (n <= 0)
				break;
			console->out.start = 0;
			console->out.end = (size_t)n;
		}
		/* A reader that has stopped reading must not keep us for ever. */
		if (poll(&wait, 1, 1000) <= 0)
			break;
		flow_write(&console->out);
	}
}
