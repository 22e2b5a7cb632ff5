/* SPDX-License-Identifier: Apache-2.0 */
#include "init/channel.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

enum { SLEEP_MS = 100 };	/* a container is mostly made within five */

enum record_kind { RECORD_MESSAGE = 1, RECORD_WARNING, RECORD_ERROR, RECORD_NOTE };

/*
 * Every record has this one size, so that a read of a fifo, which has no
 * boundaries, gives whole records as a socket does.
 */
struct record {
	uint32_t kind;
	int32_t number;		/* enum message, or the error's code */
	uint32_t value;
	char text[sizeof(((struct error *)0)->text)];
};
static_assert(sizeof(struct record) <= PIPE_BUF, "a write to a fifo must not be split");

static const char *const names[MESSAGE_COUNT] = {
	[MESSAGE_NONE] = "NONE",
	[MESSAGE_MAPPED] = "MAPPED",
	[MESSAGE_MOUNTED] = "MOUNTED",
	[MESSAGE_HOOKED] = "HOOKED",
	[MESSAGE_READY] = "READY",
	[MESSAGE_START] = "START",
};

static const char *message_name(enum message message)
{
	return (unsigned int)message < MESSAGE_COUNT ? names[message] : "UNKNOWN";
}

int channel_pair(struct channel *ret_runtime, struct channel *ret_container, struct error *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_errno(err, "make a socket pair");
	*ret_runtime = (struct channel){ ends[0], ends[0] };
	*ret_container = (struct channel){ ends[1], ends[1] };
	return 0;
}

void channel_close(struct channel *channel)
{
	if (channel->write_fd != channel->read_fd)
		fd_close(&channel->write_fd);
	fd_close(&channel->read_fd);
	channel->write_fd = -EBADF;
}

/* One write.  A socket whose other end is gone says EPIPE, and raises no signal. */
static int record_send(const struct channel *channel, const struct record *record)
{
	ssize_t n;

	do {
		if (channel->read_fd == channel->write_fd)
			n = send(channel->write_fd, record, sizeof(*record), MSG_NOSIGNAL);
		else
			n = write(channel->write_fd, record, sizeof(*record));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

int channel_send_value(const struct channel *channel, enum message message, uint32_t value,
		       struct error *err)
{
	struct record record = {
		.kind = RECORD_MESSAGE,
		.number = (int32_t)message,
		.value = value,
	};

	if (record_send(channel, &record) < 0)
		return error_errno(err, "send %s", message_name(message));
	return 0;
}

int channel_send(const struct channel *channel, enum message message, struct error *err)
{
	return channel_send_value(channel, message, 0, err);
}

void channel_send_error(const struct channel *channel, const struct error *what)
{
	struct record record = { .kind = RECORD_ERROR, .number = what->code };

	memcpy(record.text, what->text, sizeof(record.text));
	(void)record_send(channel, &record);
}

static void text_send(const struct channel *channel, enum record_kind kind, const char *text)
{
	struct record record = { .kind = kind };

	snprintf(record.text, sizeof(record.text), "%s", text);
	(void)record_send(channel, &record);
}

void channel_send_warning(const struct channel *channel, const char *text)
{
	text_send(channel, RECORD_WARNING, text);
}

void channel_send_note(const struct channel *channel, const char *text)
{
	text_send(channel, RECORD_NOTE, text);
}

volatile sig_atomic_t channel_given_up;

/*
 * The next message, or MESSAGE_NONE for the end of file; -1 with an error
 * record or where reading fails.
 */
static int channel_next(const struct channel *channel, const char *expected,
			uint32_t *ret_value, struct error *err)
{
	struct record record;

	for (;;) {
		ssize_t n = read(channel->read_fd, &record, sizeof(record));

		/* Reset: the other end died with unread bytes in it; its last word comes after. */
		if (n < 0 && ((errno == EINTR && !channel_given_up) || errno == ECONNRESET))
			continue;
		if (n == 0)
			return MESSAGE_NONE;
		if (n < 0)
			return error_errno(err, "wait for %s", expected);
		if (n != (ssize_t)sizeof(record))
			return error_set(err, "wait for %s: got a record of %zd bytes", expected,
					 n);
		record.text[sizeof(record.text) - 1] = '\0';
		if (record.kind == RECORD_WARNING) {
			warn("%s", record.text);
		} else if (record.kind == RECORD_NOTE) {
			note("%s", record.text);
		} else if (record.kind == RECORD_ERROR) {
			/* EPIPE is what we say of the channel itself, not of a console's socket. */
			err->code = record.number == EPIPE || record.number == ECONNRESET ?
					    EIO :
					    record.number;
			memcpy(err->text, record.text, sizeof(err->text));
			return -1;
		} else if (record.kind == RECORD_MESSAGE && record.number > MESSAGE_NONE &&
			   record.number < MESSAGE_COUNT) {
			*ret_value = record.value;
			return record.number;
		} else {
			return error_set(err, "wait for %s: got a record of unknown kind",
					 expected);
		}
	}
}

int channel_expect_value(const struct channel *channel, enum message message, uint32_t *ret_value,
			 struct error *err)
{
	int got = channel_next(channel, message_name(message), ret_value, err);

	if (got < 0)
		return -1;
	if (got == MESSAGE_NONE)
		return error_number(err, EPIPE, "wait for %s: the other side ended",
				    message_name(message));
	if (got != (int)message)
		return error_set(err, "wait for %s: got %s", message_name(message),
				 message_name((enum message)got));
	return 0;
}

int channel_expect(const struct channel *channel, enum message message, struct error *err)
{
	uint32_t value;

	return channel_expect_value(channel, message, &value, err);
}

void channel_sleep(const struct channel *channel)
{
	/* Records wake those who ask for POLLIN. */
	struct pollfd end = { channel->read_fd, POLLRDHUP, 0 };

	(void)poll(&end, 1, SLEEP_MS);
}

int channel_expect_end(const struct channel *channel, struct error *err)
{
	uint32_t value;
	int got = channel_next(channel, "the end", &value, err);

	if (got > MESSAGE_NONE)
		return error_set(err, "wait for the end: got %s",
				 message_name((enum message)got));
	return got;
}
