/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/process.h"
#include "runtime/command/command.h"
#include "runtime/container.h"
#include "runtime/wait.h"

struct ps_options {
	const char *format;
};

static const struct option options[] = {
	OPTION_ROW_TEXT("format", 'f', struct ps_options, format, "table|json",
			"what ps(1) says, which is the default, or pids alone as JSON"),
	{ 0 },
};

#define LINE_ROOM	8192

/* procps ends half-way through -ef where /proc/stat is not as it knows it, but not with these. */
static const char columns[] = "user=UID,pid,ppid,tty,time,args=CMD";

static _noreturn void ps_exec(const struct arguments *words, bool plain, int out_fd,
			      struct arena *arena)
{
	const char **argv = ARENA_NEWS(arena, words->count + 4, const char *);

	argv[0] = "ps";
	argv[1] = plain ? "-eo" : "-ef";
	argv[2] = plain ? columns : NULL;
	for (size_t i = 1; i < words->count; i++)
		argv[i] = words->items[i];
	if (dup2(out_fd, STDOUT_FILENO) >= 0)
		execvp("ps", (char *const *)argv);
	_exit(127);
}

/* The word in that column, or NULL. */
static const char *column(const char *line, size_t index, char word[16])
{
	size_t length;

	for (; index > 0; index--) {
		line += strspn(line, " \t");
		line += strcspn(line, " \t");
	}
	line += strspn(line, " \t");
	length = strcspn(line, " \t");
	if (length == 0 || length >= 16)
		return NULL;
	memcpy(word, line, length);
	word[length] = '\0';
	return word;
}

static int pid_column(const char *header, size_t *ret, struct error *err)
{
	const char *at = header;

	for (size_t i = 0; *(at += strspn(at, " \t")) != '\0'; i++) {
		size_t length = strcspn(at, " \t");

		if (length == 3 && strncmp(at, "PID", 3) == 0) {
			*ret = i;
			return 0;
		}
		at += length;
	}
	return error_set(err, "couldn't find PID field in ps output");
}

/* What ps says, line by line: of all of the host, and as long as a container likes. */
struct lines {
	const pid_list *pids;		/* whose are kept */
	struct text *out;
	size_t index;			/* of the column with the pid */
	bool has_header;
};

static int line_take(struct lines *lines, const char *line, struct error *err)
{
	char word[16];
	uint64_t pid;

	if (!lines->has_header && pid_column(line, &lines->index, err) < 0)
		return -1;
	if (!lines->has_header || (column(line, lines->index, word) != NULL &&
				   text_to_u64(word, INT32_MAX, &pid) &&
				   pid_is_listed(lines->pids, (pid_t)pid)))
		text_printf(lines->out, "%s\n", text_printable(lines->out->arena, line));
	lines->has_header = true;
	return 0;
}

/* What does not fit into a line is left out of it. */
static int lines_read(struct lines *lines, int fd, struct error *err)
{
	char line[LINE_ROOM], data[4096];
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "read what ps says");
		for (ssize_t i = 0; i < n; i++) {
			if (data[i] != '\n' && used < sizeof(line) - 1)
				line[used++] = data[i];
			if (data[i] != '\n')
				continue;
			line[used] = '\0';
			used = 0;
			if (line_take(lines, line, err) < 0)
				return -1;
		}
	}
	return 0;
}

static int ps_run(struct cli *cli, bool plain, const pid_list *pids, struct error *err)
{
	_cleanup_fd int read_fd = -EBADF, write_fd = -EBADF;
	size_t size = cli->out.size;
	struct lines lines = { .pids = pids, .out = &cli->out };
	int status, result;
	pid_t pid;

	if (fd_pipe(&read_fd, &write_fd, err) < 0)
		return -1;
	pid = fork();
	if (pid < 0)
		return error_errno(err, "start ps");
	if (pid == 0)
		ps_exec(&cli->arguments, plain, write_fd, cli->arena);
	fd_close(&write_fd);
	result = lines_read(&lines, read_fd, err);
	/* Else a ps whose output is not read would wait for us for ever. */
	fd_close(&read_fd);
	if (process_reap(pid, &status) < 0)
		return error_errno(err, "wait for ps");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return error_set(err, "start ps: it is not installed (procps); "
				      "\"ps --format json\" does without");
	if (status != 0 && !plain && cli->arguments.count == 1) {
		cli->out.size = size;
		return ps_run(cli, true, pids, err);
	}
	if (result == 0 && status != 0)
		return error_set(err, "ps exited with status %d", wait_exit_status(status));
	return result;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct ps_options *ps = values;
	const char *format = ps->format != NULL ? ps->format : "table";
	_cleanup_container struct container c = CONTAINER_NONE;
	pid_list pids = { 0 };

	if (strcmp(format, "table") != 0 && strcmp(format, "json") != 0)
		return error_set(err, "invalid format option");
	if (cli_container(cli, &c, err) < 0)
		return -1;
	/* It may begin or end at this moment, without a cgroup. */
	if (container_status(&c) != CONTAINER_STOPPED &&
	    container_pids(&c, cli->arena, &pids, err) < 0 && !cgroup_is_gone(err->code))
		return -1;
	if (strcmp(format, "table") == 0)
		return ps_run(cli, false, &pids, err);
	text_add(&cli->out, pids.count == 0 ? "null" : "[");
	for (size_t i = 0; i < pids.count; i++)
		text_printf(&cli->out, "%s%d", i > 0 ? "," : "", (int)pids.items[i]);
	text_add(&cli->out, pids.count == 0 ? "\n" : "]\n");
	return 0;
}

const struct command command_ps = {
	.name = "ps", .arguments = "ID [PS OPTIONS]", .summary = "show a container's processes",
	.options = options, .size = sizeof(struct ps_options),
	.min = 1, .max = -1, .stop_after = 1, .run = run,
};
