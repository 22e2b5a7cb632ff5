/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "base/compiler.h"
#include "base/error.h"

/*
 * The terminal of a container.  The pty is made inside (init/console.c), and its
 * master comes over a unix socket: to the engine's (--console-socket), or, in
 * the foreground, to a socket pair of ours, and then we are the proxy between it
 * and the caller's terminal.
 *
 * The caller's terminal is in raw mode from console_attach() to
 * console_close(), which puts it back; both may be called more than once.
 */
enum { CONSOLE_BUFFER = 16 * 1024 };
/* How soon output is seen of who opens the terminal when nobody had. */
enum { CONSOLE_HUNG_MS = 100 };

/* One direction. */
struct console_flow {
	int from, to;		/* borrowed; from is -EBADF at its end */
	size_t start, end;	/* what is in the buffer and not yet written */
	bool hung;		/* from is a pty that nobody inside has open: it is asked again */
	char *buffer;		/* CONSOLE_BUFFER bytes, from console_attach() on */
};

struct console {
	int socket;		/* owned: our end of the pair */
	int master;		/* owned: -EBADF until attached */
	int terminal;		/* borrowed: the caller's, or -EBADF where it has none */
	bool raw, input_ended;
	tcflag_t end_mode;	/* the container's, when the end of the input was last said */
	struct termios saved;
	struct console_flow in, out;
};
#define CONSOLE_NONE \
	((struct console){ .socket = -EBADF, .master = -EBADF, .terminal = -EBADF, \
			   .in = { .from = -EBADF, .to = -EBADF }, \
			   .out = { .from = -EBADF, .to = -EBADF } })

/* Foreground: makes the pair; *ret_socket (owned by the caller) goes into the spawn request. */
int console_open(struct console *ret, int *ret_socket, struct error *err);
/* The master that the container sends over socket, for poll(2): an fd, or -1 and *err. */
int console_take_master(int socket, struct error *err);
/* Takes that, gives it our size, sets raw mode. */
int console_attach(struct console *console, struct error *err);
void console_close(struct console *console);
#define _cleanup_console _cleanup(console_close)

/* A connected unix socket; what: its name in messages. */
int socket_connect(const char *what, const char *path, struct error *err);
/* --console-socket PATH: connected, or -EBADF where there is none.  0, or -1 and *err. */
int console_connect(const char *path, int *ret_fd, struct error *err);

/* For the loop in wait.c: the caller's window changed. */
void console_resize(struct console *console);
/* Fills one entry for each end of each direction with what it waits for. */
enum { CONSOLE_POLLS = 4 };
void console_poll(const struct console *console, struct pollfd fds[CONSOLE_POLLS]);
/* How long that may be waited for, as poll(2) takes it. */
int console_poll_ms(const struct console *console);
/* Moves what can be moved. */
void console_move(struct console *console, const struct pollfd fds[CONSOLE_POLLS]);
/* What the pty still holds after the process has ended. */
void console_drain(struct console *console);
