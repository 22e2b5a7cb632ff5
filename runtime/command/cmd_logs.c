/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "config/json.h"
#include "runtime/command/command.h"
#include "runtime/container.h"
#include "runtime/monitor.h"

#define FOLLOW_MS 100

struct logs_options {
	bool follow;
	const char *tail;
};

static const struct option options[] = {
	OPTION_ROW_FLAG("follow", 'f', struct logs_options, follow,
			"go on until the container has ended"),
	OPTION_ROW_TEXT("tail", 'n', struct logs_options, tail, "N", "the last N lines alone"),
	{ 0 },
};

struct logs {
	struct container *c;
	struct monitor_description log;
	int fd;				/* owned */
};

static int line_print(struct arena *arena, const char *line, size_t size, struct error *err)
{
	const struct json_source source = { .name = "log", .text = line, .size = size };
	struct error ignored;
	const struct json *root = json_parse(arena, &source, &ignored);
	const struct json *text = json_member(root, "log"), *stream = json_member(root, "stream");
	int fd = stream != NULL && stream->text != NULL && strcmp(stream->text, "stderr") == 0 ?
		 STDERR_FILENO : STDOUT_FILENO;

	/* The last one may be half written. */
	if (text == NULL || text->text == NULL)
		return 0;
	if (fd_write_all(fd, text->text, strlen(text->text)) < 0)
		return error_errno(err, "write");
	return 0;
}

/* All whole lines; how many bytes they were. */
static int print(const struct logs *logs, const char *text, size_t size, size_t *ret_done,
		 struct error *err)
{
	size_t done = 0;

	if (!logs->log.json) {
		*ret_done = size;
		return fd_write_all(STDOUT_FILENO, text, size) < 0 ?
		       error_errno(err, "write to stdout") : 0;
	}
	while (done < size) {
		_cleanup_arena struct arena arena = { 0 };
		const char *end = memchr(text + done, '\n', size - done);
		size_t length = end != NULL ? (size_t)(end - (text + done)) : 0;

		if (end == NULL)
			break;
		if (line_print(&arena, text + done, length, err) < 0)
			return -1;
		done += length + 1;
	}
	*ret_done = done;
	return 0;
}

/* What is new in the file since the last time. */
static int print_new(struct logs *logs, struct error *err)
{
	/* A line has OUTPUT_LINE_MAX bytes, and each of them may be written as six. */
	static char data[1 << 17];
	static size_t used;
	ssize_t n;

	while ((n = read(logs->fd, data + used, sizeof(data) - used)) > 0) {
		size_t done;

		used += (size_t)n;
		if (print(logs, data, used, &done, err) < 0)
			return -1;
		memmove(data, data + done, used - done);
		used -= done;
		/* A line that long is none of ours. */
		if (used == sizeof(data))
			used = 0;
	}
	return n < 0 ? error_errno(err, "read %s", logs->log.path) : 0;
}

static int log_error(const struct logs *logs, struct error *err)
{
	return errno == ENOENT ? 0 : error_errno(err, "open the log %s", logs->log.path);
}

/* It may have been renamed, and another one begun. */
static int follow_file(struct logs *logs, struct error *err)
{
	struct stat now, ours;
	int fd;

	if (print_new(logs, err) < 0)
		return -1;
	if (fstat(logs->fd, &ours) < 0)
		return error_errno(err, "look at the log %s", logs->log.path);
	/* Gone for good, or for as long as its keeper takes to begin the other one. */
	if (stat(logs->log.path, &now) < 0)
		return log_error(logs, err);
	if (now.st_ino == ours.st_ino && now.st_dev == ours.st_dev)
		return 0;
	fd = open(logs->log.path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return log_error(logs, err);
	/* What came between the reading and the renaming. */
	if (print_new(logs, err) < 0) {
		fd_close(&fd);
		return -1;
	}
	fd_close(&logs->fd);
	logs->fd = fd;
	return print_new(logs, err);
}

static int follow(struct logs *logs, struct error *err)
{
	struct pollfd ended = { container_pidfd(logs->c, err), POLLIN, 0 };
	struct stat st;

	if (ended.fd < 0 && err->code != ESRCH)
		return -1;
	/* Its keeper takes what is left, and writes the status last. */
	while (ended.fd >= 0 && poll(&ended, 1, FOLLOW_MS) == 0)
		if (follow_file(logs, err) < 0)
			return -1;
	for (int i = 0; i < 20 && fstatat(logs->c->dir_fd, MONITOR_EXIT, &st, 0) < 0; i++)
		poll(NULL, 0, FOLLOW_MS);
	return follow_file(logs, err);
}

/* Whether its last line goes on in another file; fd -1: there is none. */
static bool is_cut(int fd)
{
	off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	char last = '\n';

	if (end > 0 && pread(fd, &last, 1, end - 1) != 1)
		last = '\n';
	if (end > 0)
		lseek(fd, 0, SEEK_SET);
	return last != '\n';
}

/*
 * Goes to where the last *lines of a file begin; less of them, by how many it has.  continued: what
 * it begins with is the rest of a line of another.
 */
static int tail_seek(int fd, bool continued, uint64_t *lines, struct error *err)
{
	static char block[1 << 16];
	off_t end = lseek(fd, 0, SEEK_END), at = end;

	while (at > 0 && *lines > 0) {
		size_t size = (size_t)at < sizeof(block) ? (size_t)at : sizeof(block);
		ssize_t n = pread(fd, block, size, at - (off_t)size);

		if (n != (ssize_t)size)
			return n < 0 ? error_errno(err, "read") : error_set(err, "it was cut off");
		for (size_t i = size; i > 0; i--, at--)
			/* The line that the last newline ends, and those before it. */
			if (block[i - 1] == '\n' && at != end && --*lines == 0)
				break;
	}
	if (at == 0 && end > 0 && *lines > 0 && !continued)
		(*lines)--;
	return end < 0 || lseek(fd, at, SEEK_SET) < 0 ? error_errno(err, "seek") : 0;
}

/* *ret_fd: what was written before the file of now, or -EBADF. */
static int old_open(const struct logs *logs, int *ret_fd, struct error *err)
{
	const char *old = arena_printf(logs->c->arena, "%s.1", logs->log.path);
	_cleanup_fd int fd = open(old, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	*ret_fd = -EBADF;
	if (fd < 0)
		return errno == ENOENT ? 0 : error_errno(err, "open %s", old);
	/* One that was there before the container is not of it. */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_mtim.tv_sec >= logs->c->created.tv_sec)
		*ret_fd = fd_take(&fd);
	return 0;
}

/* All of both files, or the last lines of them. */
static int print_both(struct logs *logs, uint64_t lines, bool all, struct error *err)
{
	_cleanup_fd int fd = logs->fd;

	logs->fd = -EBADF;
	if ((all || lines > 0) && old_open(logs, &logs->fd, err) < 0)
		return -1;
	if (!all && tail_seek(fd, is_cut(logs->fd), &lines, err) < 0)
		return error_wrap(err, "%s", logs->log.path);
	if (logs->fd >= 0 && !all && tail_seek(logs->fd, false, &lines, err) < 0)
		return error_wrap(err, "%s.1", logs->log.path);
	if (logs->fd >= 0 && print_new(logs, err) < 0)
		return -1;
	fd_close(&logs->fd);
	logs->fd = fd_take(&fd);
	return print_new(logs, err);
}

static int logs_show(struct logs *logs, const struct logs_options *values, struct error *err)
{
	uint64_t lines = 0;
	int rc;

	if (values->tail != NULL && !text_to_u64(values->tail, UINT32_MAX, &lines))
		return error_set(err, "--tail %s: must be a number", values->tail);
	if (monitor_describe(logs->c, &logs->log, err) < 0)
		return -1;
	logs->fd = open(logs->log.path, O_RDONLY | O_CLOEXEC);
	if (logs->fd < 0)
		return error_errno(err, "open the log %s", logs->log.path);
	rc = print_both(logs, lines, values->tail == NULL, err);
	return rc == 0 && values->follow ? follow(logs, err) : rc;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	_cleanup_container struct container c = CONTAINER_NONE;
	struct logs logs = { .c = &c, .fd = -EBADF };
	int rc;

	if (cli_container(cli, &c, err) < 0)
		return -1;
	rc = logs_show(&logs, values, err);
	fd_close(&logs.fd);
	return rc;
}

const struct command command_logs = {
	.name = "logs", .arguments = "ID", .summary = "show what a container printed",
	.description = "For containers that \"run --detach --log-file FILE\" started.",
	.options = options, .size = sizeof(struct logs_options),
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
