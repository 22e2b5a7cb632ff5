/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <sys/resource.h>

#include "base/fd.h"
#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/interrupt.h"

/*
 * kist-rootfs, which kist starts for "kist rootfs": global options, a command, its options.
 * This is the one place that reports errors.
 */
enum { FAILURE = 1 };

int cli_flush(struct cli *cli, struct error *err)
{
	if (cli->out.size > 0 && fd_write_all(STDOUT_FILENO, cli->out.data, cli->out.size) < 0)
		return error_errno(err, "write to stdout");
	cli->out.size = 0;
	return 0;
}

static int command_run(struct cli *cli, const struct command *command, char *const *argv,
		       struct error *err)
{
	void *options = arena_alloc(cli->arena, command->size + 1);
	struct option_scope scopes[2] = { { command->options, options },
					  { rootfs_commands.options, &cli->global } };

	if (option_parse(cli->arena, scopes, command->stop_after, argv, &cli->arguments, err) < 0)
		return -1;
	if (cli->global.help) {
		command_help(&cli->out, &rootfs_commands, command);
		return 0;
	}
	if (command_check_count(&rootfs_commands, command, &cli->arguments, err) < 0)
		return -1;
	if (command->document != NULL)
		return command->document(&cli->out, &rootfs_commands, &cli->arguments, err);
	return command->run(cli, options, err);
}

static int dispatch(struct cli *cli, char **argv, struct error *err)
{
	struct option_scope scopes[2] = { { rootfs_commands.options, &cli->global },
					  { NULL, NULL } };
	const struct command *command;
	struct arguments words;

	if (option_parse(cli->arena, scopes, 1, argv + 1, &words, err) < 0)
		return -1;
	if (cli->global.version) {
		text_add(&cli->out, "kist-rootfs version " KIST_VERSION "\n");
		return 0;
	}
	if (words.count == 0) {
		command_set_help(&cli->out, &rootfs_commands);
		return 0;
	}
	command = command_demand(&rootfs_commands, words.items[0], err);
	if (command == NULL)
		return -1;
	if (command->failure != 0)
		cli->failure = command->failure;
	while (*argv != words.items[0])
		argv++;
	return command_run(cli, command, argv + 1, err);
}

static void report(struct arena *arena, const char *kind, const char *message)
{
	const char *line = arena_printf(arena, "kist rootfs: %s%s\n", kind,
					text_printable(arena, message));

	fputs(line, stderr);
}

static void report_warning(void *context, const char *message)
{
	report(context, "warning: ", message);
}

/* A walk through directories in directories has one file open for each. */
static void raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
	_cleanup_arena struct arena arena = { 0 };
	struct cli cli = { .arena = &arena, .out = { .arena = &arena }, .failure = FAILURE };
	struct error err = { 0 };
	int status;

	warn_to(report_warning, &arena);
	interrupt_catch();
	raise_file_limit();
	status = fd_fill_stdio(&err);
	if (status == 0 && argc > 0)
		status = dispatch(&cli, argv, &err);
	if (status >= 0 && cli_flush(&cli, &err) < 0)
		status = -1;
	if (status < 0) {
		report(&arena, "", err.text);
		return cli.failure;
	}
	return status;
}
