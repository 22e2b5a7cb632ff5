/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/channel.h"

static struct channel runtime, container;
static struct error err;
static char warned[64];

static void collect(void *context, const char *text)
{
	(void)context;
	snprintf(warned, sizeof(warned), "%s", text);
}

static void open_socket(void)
{
	cr_assert_eq(channel_pair(&runtime, &container, &err), 0);
}

static void close_both(void)
{
	channel_close(&runtime);
	channel_close(&container);
}

TestSuite(channel, .init = open_socket, .fini = close_both);

Test(channel, carries_a_message_and_its_value)
{
	uint32_t value = 0;

	cr_expect_eq(channel_send_value(&runtime, MESSAGE_MAPPED, 4711, &err), 0);
	cr_expect_eq(channel_expect_value(&container, MESSAGE_MAPPED, &value, &err), 0);
	cr_expect_eq(value, 4711);
}

Test(channel, names_what_was_expected_and_what_came)
{
	cr_expect_eq(channel_send(&runtime, MESSAGE_START, &err), 0);
	cr_expect_eq(channel_expect(&container, MESSAGE_HOOKED, &err), -1);
	cr_expect_str_eq(err.text, "wait for HOOKED: got START");
}

Test(channel, an_error_record_comes_instead_of_a_message)
{
	struct error sent = { 13, "mount: no" };

	channel_send_error(&container, &sent);
	cr_expect_eq(channel_expect(&runtime, MESSAGE_MOUNTED, &err), -1);
	cr_expect_str_eq(err.text, "mount: no");
	cr_expect_eq(err.code, 13);
}

/* Who waits would take it for dead, and say so in front of the reason. */
Test(channel, an_error_record_is_not_the_end_of_the_channel)
{
	struct error sent = { EPIPE, "make the terminal: console socket: send: broken pipe" };

	channel_send_error(&container, &sent);
	cr_expect_eq(channel_expect(&runtime, MESSAGE_MOUNTED, &err), -1);
	cr_expect_str_eq(err.text, sent.text);
	cr_expect_neq(err.code, EPIPE);
}

/* The kernel says ECONNRESET first, and hands out what is queued after it. */
Test(channel, the_last_word_of_who_left_messages_unread_is_heard)
{
	struct error said = { .code = ENOENT, .text = "mount: no such file" };

	cr_expect_eq(channel_send(&runtime, MESSAGE_HOOKED, &err), 0);
	channel_send_error(&container, &said);
	channel_close(&container);
	cr_expect_eq(channel_expect(&runtime, MESSAGE_MOUNTED, &err), -1);
	cr_expect_eq(err.code, ENOENT);
	cr_expect_str_eq(err.text, said.text);
	cr_expect_eq(channel_expect(&runtime, MESSAGE_MOUNTED, &err), -1);
	cr_expect_eq(err.code, EPIPE);
}

Test(channel, warnings_come_before_a_message)
{
	warn_to(collect, NULL);
	channel_send_warning(&container, "odd");
	cr_expect_eq(channel_send(&container, MESSAGE_READY, &err), 0);
	cr_expect_eq(channel_expect(&runtime, MESSAGE_READY, &err), 0);
	cr_expect_str_eq(warned, "odd");
	warn_to(NULL, NULL);
}

Test(channel, the_end_is_told_from_a_message)
{
	channel_close(&container);
	cr_expect_eq(channel_expect(&runtime, MESSAGE_READY, &err), -1);
	cr_expect_str_eq(err.text, "wait for READY: the other side ended: broken pipe");
	cr_expect_eq(channel_expect_end(&runtime, &err), 0);
}

Test(channel, the_end_is_success_unless_an_error_came_before)
{
	struct error sent = { 2, "exec /x: gone" };

	channel_send_error(&container, &sent);
	channel_close(&container);
	cr_expect_eq(channel_expect_end(&runtime, &err), -1);
	cr_expect_str_eq(err.text, "exec /x: gone");
}

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

Test(channel, who_sleeps_is_woken_by_the_end_and_not_by_a_message)
{
	long before = milliseconds();

	cr_expect_eq(channel_send(&container, MESSAGE_MOUNTED, &err), 0);
	channel_sleep(&runtime);
	cr_expect_geq(milliseconds() - before, 90, "woken by a message");
	cr_expect_eq(channel_expect(&runtime, MESSAGE_MOUNTED, &err), 0, "%s", err.text);
	cr_expect_eq(channel_send(&container, MESSAGE_READY, &err), 0);
	channel_close(&container);
	channel_sleep(&runtime);
	cr_expect_eq(channel_expect(&runtime, MESSAGE_READY, &err), 0, "%s", err.text);
	cr_expect_eq(channel_expect_end(&runtime, &err), 0, "%s", err.text);
}

Test(channel, nobody_listening_is_an_error_and_no_signal)
{
	channel_close(&runtime);
	cr_expect_eq(channel_send(&container, MESSAGE_READY, &err), -1);
	cr_expect_str_eq(err.text, "send READY: broken pipe");
}

Test(channel, records_do_not_mix_in_a_fifo)
{
	int fds[2];
	struct channel reader, writer;
	struct error sent = { 5, "first" };

	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	reader = (struct channel){ fds[0], -EBADF };
	writer = (struct channel){ -EBADF, fds[1] };
	channel_send_warning(&writer, "odd");
	cr_expect_eq(channel_send(&writer, MESSAGE_START, &err), 0);
	channel_send_error(&writer, &sent);
	cr_expect_eq(channel_expect(&reader, MESSAGE_START, &err), 0);
	cr_expect_eq(channel_expect(&reader, MESSAGE_READY, &err), -1);
	cr_expect_str_eq(err.text, "first");
	channel_close(&reader);
	channel_close(&writer);
}
