/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <sys/types.h>

#include "base/error.h"
#include "runtime/notify.h"
#include "runtime/output_log.h"

/*
 * The process that stays with a container of "run --detach --log-file": its
 * parent.  It writes what the container says to the log, lets "attach" in, and
 * keeps the exit status for "wait".  It ends with the container.  Once it is
 * set up it allocates nothing that it keeps.
 *
 * In the container's directory:
 *	log	JSON: where the log is, in which form, whether there is a terminal
 *	attach	the socket for "attach": SOCK_SEQPACKET
 *	exit	the exit status, a number, when the container has ended
 */
#define MONITOR_LOG	"log"
#define MONITOR_SOCKET	"attach"
#define MONITOR_EXIT	"exit"

/* The first byte of a packet on the socket says what the others are. */
enum monitor_packet {
	MONITOR_STDOUT = OUTPUT_STDOUT,		/* to the client: output */
	MONITOR_STDERR = OUTPUT_STDERR,
	MONITOR_EXITED,				/* ... one byte, the exit status: the last packet */
	MONITOR_INPUT,				/* from the client: for stdin */
	MONITOR_INPUT_END,			/* ... its end */
	MONITOR_WINDOW,				/* ... a struct winsize */
};
enum { MONITOR_DATA_MAX = 16384 };

/* What was started. */
struct monitored {
	pid_t pid;			/* our child */
	int pidfd, dir_fd;		/* owned by who gets it */
	struct notify notify;		/* the same: it says when it is ready; or NOTIFY_NONE */
};

/*
 * In the new process: its standard streams are the container's already, or, where
 * the container has a terminal, console_socket takes its master.  Calls ready() with the
 * container's directory when all but the program is there; where that fails, so does the start.
 */
typedef int monitor_ready(void *monitor, int dir_fd, struct error *err);
typedef int monitor_start(void *context, int console_socket, monitor_ready *ready, void *monitor,
			  struct monitored *ret, struct error *err);

struct monitor_request {
	struct output_log *log;		/* not yet open */
	bool terminal;
	monitor_start *start;
	void *context;
};

/* Returns in the caller as soon as the container runs or has failed to. */
int monitor_run(const struct monitor_request *request, struct error *err);

/* What MONITOR_LOG says; an error for a container that has no such process. */
struct monitor_description {
	const char *path;
	bool json, terminal;
};
struct container;
int monitor_describe(struct container *c, struct monitor_description *ret, struct error *err);

/* --- between monitor.c and monitor_loop.c --------------------------------------- */

enum { MONITOR_CLIENTS = 8 };
struct monitor {
	struct output_log *log;
	struct monitored container;
	int master;			/* of the terminal, or -EBADF */
	int in, out, err;		/* our ends of the pipes; in and out: the master */
	int listener;
	int clients[MONITOR_CLIENTS];	/* -EBADF: free */
	char pending[MONITOR_DATA_MAX];	/* input that stdin has not taken yet */
	size_t pending_start, pending_end;
	bool input_ended;
	bool hung; /* nobody inside has the terminal open: it is asked again */
	size_t owed; /* output that was there when it ended, and is to be read */
	int news;			/* to who waits for the start; -EBADF: told */
};
/* Lets that one go: the container is ready, or has ended. */
void monitor_tell_started(struct monitor *monitor);
/* Until the container has ended. */
void monitor_loop(struct monitor *monitor);
