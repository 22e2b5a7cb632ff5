/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"

/*
 * Stands in for CRIU, which cannot live under the engine: "criu swrk 3" as kist talks to it
 * (rpc.proto of CRIU).  What is dumped is killed, unless it is to be left running; what is
 * "restored" is a new process in namespaces of its own, which waits for its end.  CRIU_HEARS=FILE:
 * the options go there, a line for each, "NUMBER=VALUE" or "NUMBER:TEXT".
 */

enum { SOCKET = 3, DUMP = 1, RESTORE = 2, PRE_DUMP = 4, NOTIFY = 6, FEATURES = 9 };
enum { MESSAGE_MAX = 65536 };

static size_t put_number(unsigned char *to, unsigned int field, uint64_t value)
{
	size_t size = 0;

	to[size++] = (unsigned char)(field << 3);
	for (; value >= 0x80; value >>= 7)
		to[size++] = (unsigned char)(value | 0x80);
	to[size++] = (unsigned char)value;
	return size;
}

static size_t put_bytes(unsigned char *to, unsigned int field, const void *data, size_t count)
{
	to[0] = (unsigned char)(field << 3 | 2);
	to[1] = (unsigned char)count; /* of less than 128 */
	memcpy(to + 2, data, count);
	return count + 2;
}

static uint64_t take_number(const unsigned char **at, const unsigned char *end)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; *at < end && shift < 64; shift += 7) {
		value |= (uint64_t)(**at & 0x7f) << shift;
		if ((*(*at)++ & 0x80) == 0)
			break;
	}
	return value;
}

/* The first such field: a number, or the size of a message and where it begins; else false. */
static bool find(const unsigned char *at, const unsigned char *end, unsigned int field,
		 uint64_t *ret, const unsigned char **ret_at)
{
	while (at < end) {
		uint64_t key = take_number(&at, end), value = take_number(&at, end);

		if (key >> 3 == field) {
			*ret = value;
			if (ret_at != NULL)
				*ret_at = at;
			return true;
		}
		if ((key & 7) == 2)
			at += value;
	}
	return false;
}

static void answer(uint64_t type, unsigned int part_field, const void *part, size_t part_size)
{
	unsigned char message[256];
	size_t size = put_number(message, 1, type);

	size += put_number(message + size, 2, 1);
	if (part_size > 0)
		size += put_bytes(message + size, part_field, part, part_size);
	(void)!send(SOCKET, message, size, MSG_NOSIGNAL);
}

/* Whether kist goes along. */
static bool tell(const char *script, pid_t pid)
{
	unsigned char message[256];
	size_t size = put_bytes(message, 1, script, strlen(script));
	uint64_t success = 0;
	ssize_t n;

	size += put_number(message + size, 2, (uint64_t)pid);
	answer(NOTIFY, 5, message, size);
	n = recv(SOCKET, message, sizeof(message), 0);
	return n > 0 && find(message, message + n, 3, &success, NULL) && success != 0;
}

/* What has that number ends, and another process gets it. */
static void hand_on(pid_t pid)
{
	struct clone_args args = { .flags = CLONE_PARENT,
				   .set_tid = (uint64_t)(uintptr_t)&pid,
				   .set_tid_size = 1 };
	long next;

	kill(pid, SIGKILL);
	/* Processes are told apart by number and start, which is told in hundredths of a second. */
	usleep(30000);
	while ((next = sys_clone3(&args)) < 0 && errno == EEXIST)
		usleep(1000);
	if (next == 0) {
		sys_close_range(0, ~0U, 0);
		for (;;)
			pause();
	}
}

static int dump(const unsigned char *options, const unsigned char *end)
{
	uint64_t pid = 0, leave = 0;

	if (!find(options, end, 2, &pid, NULL) || pid == 0)
		return 1;
	if (getenv("CRIU_HANDS_ON") != NULL)
		hand_on((pid_t)pid);
	if (!tell("post-dump", (pid_t)pid))
		return 1;
	find(options, end, 3, &leave, NULL);
	if (leave == 0 && kill((pid_t)pid, SIGKILL) < 0)
		return 1;
	answer(DUMP, 0, NULL, 0);
	return 0;
}

static int restore(void)
{
	const unsigned long flags = CLONE_PARENT | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS;
	unsigned char part[16];
	pid_t pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0) {
		sys_close_range(0, ~0U, 0);
		for (;;)
			pause();
	}
	if (pid < 0)
		return 1;
	if (!tell("setup-namespaces", pid) || !tell("post-restore", pid)) {
		kill(pid, SIGKILL);
		return 1;
	}
	answer(RESTORE, 4, part, put_number(part, 1, (uint64_t)pid));
	return 0;
}

static void write_down(const char *path, const unsigned char *at, const unsigned char *end)
{
	FILE *file = fopen(path, "we");

	while (file != NULL && at < end) {
		uint64_t key = take_number(&at, end), value = take_number(&at, end);

		fprintf(file, "%d%c", (int)(key >> 3), (key & 7) == 2 ? ':' : '=');
		if ((key & 7) != 2)
			fprintf(file, "%llu", (unsigned long long)value);
		for (; (key & 7) == 2 && value > 0; value--, at++)
			fputc(*at > ' ' && *at < 0x7f ? *at : ' ', file);
		fputc('\n', file);
	}
	if (file != NULL)
		fclose(file);
}

/* What the kernel can do: all. */
static int features(void)
{
	static const unsigned char part[] = { 1 << 3, 1, 2 << 3, 1 };

	answer(FEATURES, 8, part, sizeof(part));
	return 0;
}

int main(void)
{
	static unsigned char message[MESSAGE_MAX];
	ssize_t size = recv(SOCKET, message, sizeof(message), 0);
	const unsigned char *options = message;
	uint64_t type = 0, length = 0;

	if (size <= 0 || !find(message, message + size, 1, &type, NULL))
		return 1;
	if (type == FEATURES)
		return features();
	if (!find(message, message + size, 2, &length, &options))
		return 1;
	if (getenv("CRIU_HEARS") != NULL)
		write_down(getenv("CRIU_HEARS"), options, options + length);
	if (type == PRE_DUMP)
		answer(PRE_DUMP, 0, NULL, 0);
	return type == DUMP    ? dump(options, options + length) :
	       type == RESTORE ? restore() :
				 type != PRE_DUMP;
}
