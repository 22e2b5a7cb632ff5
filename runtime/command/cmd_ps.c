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

#define PS_OUTPUT_MAX	((size_t)16 << 20)

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

static int ps_run(struct cli *cli, bool plain, char **ret_text, struct error *err)
{
	_cleanup_fd int read_fd = -EBADF, write_fd = -EBADF;
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
	result = fd_read_all(read_fd, PS_OUTPUT_MAX, cli->arena, ret_text, NULL, err);
	/* Else a ps whose output was too much would wait for us for ever. */
	fd_close(&read_fd);
	if (process_reap(pid, &status) < 0)
		return error_errno(err, "wait for ps");
	if (result == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return error_set(err, "start ps: it is not installed (procps); "
				      "\"ps --format json\" does without");
	if (result == 0 && status != 0 && !plain && cli->arguments.count == 1)
		return ps_run(cli, true, ret_text, err);
	if (result == 0 && status != 0)
		return error_set(err, "ps exited with status %d", wait_exit_status(status));
	return result;
}

/* The word in that column, or NULL. */
static const char *column(struct arena *arena, const char *line, size_t index)
{
	for (; index > 0; index--) {
		line += strspn(line, " \t");
		line += strcspn(line, " \t");
	}
	line += strspn(line, " \t");
	return *line != '\0' ? arena_strndup(arena, line, strcspn(line, " \t")) : NULL;
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

static bool has_pid(const pid_list *pids, const char *word)
{
	uint64_t pid;

	return word != NULL && text_to_u64(word, INT32_MAX, &pid) &&
	       pid_is_listed(pids, (pid_t)pid);
}

static int print_table(struct cli *cli, const pid_list *pids, struct error *err)
{
	size_t index = 0;
	char *text, *next;

	if (ps_run(cli, false, &text, err) < 0)
		return -1;
	for (char *line = text; *line != '\0'; line = next) {
		size_t length = strcspn(line, "\n");

		next = line + length + (line[length] == '\n');
		line[length] = '\0';
		if (line == text && pid_column(line, &index, err) < 0)
			return -1;
		if (line == text || has_pid(pids, column(cli->arena, line, index)))
			text_printf(&cli->out, "%s\n", line);
	}
	return 0;
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
	if (container_status(&c) != CONTAINER_STOPPED &&
	    container_pids(&c, cli->arena, &pids, err) < 0)
		return -1;
	if (strcmp(format, "table") == 0)
		return print_table(cli, &pids, err);
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
