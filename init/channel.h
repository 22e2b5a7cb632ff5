/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <errno.h>
#include <signal.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

/*
 * What the runtime and the container's process say to each other while a
 * container is made.  Four messages, always sent, always in this order, and
 * then START; see docs/design.md, section 2.  An error record, a warning or a note
 * may come up instead of, or before, any of them.  The success of execve is end of
 * file, because the fds are close-on-exec.
 *
 * A record is one write(2) of at most PIPE_BUF bytes, so the fds may be a
 * socket or fifos, and records never mix.
 */
enum message {
	MESSAGE_NONE,
	MESSAGE_MAPPED, /* runtime: id maps are written, the cgroup is joined; value: the
				 * process' pid as the runtime sees it */
	MESSAGE_MOUNTED, /* container: namespaces and mounts are made */
	MESSAGE_HOOKED, /* runtime: prestart and createRuntime hooks have run; value: what is left
			 * to the container (enum hooked) */
	MESSAGE_READY, /* container: everything that "create" does is done */
	MESSAGE_START, /* runtime: "start" was called */
	MESSAGE_COUNT,
};

enum hooked {
	HOOKED_NOTHING,
	HOOKED_LOOPBACK,	/* to bring lo up: the runtime may not */
};

struct channel {
	int read_fd, write_fd;	/* owned; the same number where it is a socket */
};
#define CHANNEL_NONE	((struct channel){ -EBADF, -EBADF })

/* Two ends of a socket pair (SOCK_SEQPACKET), both close-on-exec. */
int channel_pair(struct channel *ret_runtime, struct channel *ret_container, struct error *err);
void channel_close(struct channel *channel);
#define _cleanup_channel _cleanup(channel_close)

int channel_send(const struct channel *channel, enum message message, struct error *err);
/* The same with a number; a message sent without has 0. */
int channel_send_value(const struct channel *channel, enum message message, uint32_t value,
		       struct error *err);
/* Never fails loudly: where nobody listens any more, nobody can be told. */
void channel_send_error(const struct channel *channel, const struct error *what);
void channel_send_warning(const struct channel *channel, const char *text);
void channel_send_note(const struct channel *channel, const char *text);

/* Set by a signal's handler: a wait that a signal breaks off is not resumed, and fails: EINTR. */
extern volatile sig_atomic_t channel_given_up;
/*
 * Waits for one message.  Warnings that come before it go to warn(), notes to note().  An error
 * record becomes *err.  Another message, or the end, is an error that names
 * what was expected and what came.
 */
int channel_expect(const struct channel *channel, enum message message, struct error *err);
int channel_expect_value(const struct channel *channel, enum message message, uint32_t *ret_value,
			 struct error *err);
/*
 * Sleeps until the other side of a socket has ended, for a tenth of a second at most.  What it says
 * meanwhile is read after that: who is woken for each record takes time from who sends them.
 */
void channel_sleep(const struct channel *channel);
/* Waits for the end of file: 0 when only warnings and notes came, -1 with the error record. */
int channel_expect_end(const struct channel *channel, struct error *err);
