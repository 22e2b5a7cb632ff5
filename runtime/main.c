/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <string.h>

#include "base/document.h"
#include "base/fd.h"
#include "runtime/command/command.h"
#include "runtime/log.h"
#include "runtime/protect.h"

/*
 * The command line: global options, a command, its options.  This is the one
 * place that reports errors, and so the one that knows who wants to hear them.
 */

/* "help rootfs pack" is "rootfs pack --help": that program has its own tables. */
static const struct command *helped_elsewhere(struct cli *cli, const struct command *command)
{
	struct arguments *words = &cli->arguments;
	const struct command *of;

	if (command != &command_help_page || words->count == 0)
		return NULL;
	of = command_find(&cli->commands, words->items[0]);
	if (of == NULL || !of->elsewhere)
		return NULL;
	memmove(words->items, words->items + 1, (words->count - 1) * sizeof(*words->items));
	words->items[words->count - 1] = "--help";
	return of;
}

static int command_run(struct cli *cli, const struct command *command, char *const *argv,
		       int *ret_failure, struct error *err)
{
	void *options = arena_alloc(cli->arena, command->size + 1);
	const struct command *of;
	struct option_scope scopes[2] = { { command->options, options },
					  { cli->commands.options, &cli->global } };

	if (option_parse(cli->arena, scopes, command->stop_after, argv, &cli->arguments, err) < 0)
		return -1;
	if (cli->global.help) {
		command_help(&cli->out, &cli->commands, command);
		return 0;
	}
	if (cli->global.criu != NULL)
		warn("--criu is ignored: criu is taken from PATH");
	if (command_check_count(&cli->commands, command, &cli->arguments, err) < 0)
		return -1;
	of = helped_elsewhere(cli, command);
	if (of != NULL)
		return of->run(cli, NULL, err);
	if (command->document != NULL)
		return command->document(&cli->out, &cli->commands, &cli->arguments, err);
	cli->root_given = cli->global.root != NULL;
	if (command->failure != 0)
		*ret_failure = command->failure;
	return command->run(cli, options, err);
}

/* The exit status; errors are in *err, with -1 as the result. */
static int dispatch(struct cli *cli, struct log *log, char **argv, int *ret_failure,
		    struct error *err)
{
	struct option_scope scopes[2] = { { cli->commands.options, &cli->global }, { NULL, NULL } };
	const struct command *command;
	struct arguments words;

	if (option_parse(cli->arena, scopes, 1, argv + 1, &words, err) < 0)
		return -1;
	if (log_open(log, cli->global.log, cli->global.log_format, err) < 0)
		return -1;
	log->quiet = cli->global.log_level != NULL && strcmp(cli->global.log_level, "error") == 0;
	if (cli->global.debug ||
	    (cli->global.log_level != NULL && strcmp(cli->global.log_level, "debug") == 0))
		note_to(log_note, log);
	if (cli->global.version) {
		program_version(&cli->out, cli->name);
		return 0;
	}
	if (words.count == 0) {
		command_set_help(&cli->out, &cli->commands);
		return 0;
	}
	command = command_demand(&cli->commands, words.items[0], err);
	if (command == NULL)
		return -1;
	/* What prints our tables goes near no container, and a cross build runs it by emulation. */
	if (command->document == NULL && protect_self(argv, err) < 0)
		return -1;
	while (*argv != words.items[0])
		argv++;
	return command_run(cli, command, argv + 1, ret_failure, err);
}

static const char *program_name(const char *argv0)
{
	const char *slash = argv0 != NULL ? strrchr(argv0, '/') : NULL;
	const char *name = slash != NULL ? slash + 1 : argv0;

	if (name != NULL && (strcmp(name, "runc") == 0 || strcmp(name, "crun") == 0))
		return name;
	return "kist";
}

int main(int argc, char **argv)
{
	/* As much as an ordinary run takes: mapping it apart and giving it back are two calls. */
	static _Alignas(max_align_t) unsigned char memory[192 * 1024];
	_cleanup_arena struct arena arena = { 0 };
	struct cli cli = { .arena = &arena, .name = program_name(argc > 0 ? argv[0] : NULL),
			   .commands = kist_commands, .out = { .arena = &arena } };
	struct log log = LOG_NONE;
	struct error err = { 0 };
	int status, failure = CLI_FAILURE;

	arena_lend(&arena, memory, sizeof(memory));
	cli.commands.program = cli.name;
	log.arena = &arena;
	log.program = cli.name;
	warn_to(log_warning, &log);
	/* A caller's SIG_IGN comes through execve, and would take the status of what we start. */
	signal(SIGCHLD, SIG_DFL);
	status = fd_fill_stdio(&err);
	if (status == 0 && argc > 0)
		status = dispatch(&cli, &log, argv, &failure, &err);
	if (status >= 0 && cli_flush(&cli, &err) < 0)
		status = -1;
	if (status < 0) {
		log_error(&log, err.text);
		return failure;
	}
	log_flush(&log);
	return status;
}
