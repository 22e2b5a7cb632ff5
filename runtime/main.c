/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/fd.h"
#include "config/names.h"
#include "runtime/command.h"
#include "runtime/log.h"
#include "runtime/protect.h"

/*
 * The command line: global options, a command, its options.  This is the one
 * place that reports errors, and so the one that knows who wants to hear them.
 */

static const struct command *find_or_suggest(const struct cli *cli, const char *name,
					     struct error *err)
{
	const struct command *found = command_find(name);
	unsigned int near = ~0U, distance;
	const char *best = NULL;

	if (found != NULL)
		return found;
	for (size_t i = 0; commands[i] != NULL; i++) {
		if (!commands[i]->hidden && name_near(name, commands[i]->name, &distance) &&
		    distance < near) {
			near = distance;
			best = commands[i]->name;
		}
	}
	if (best != NULL)
		error_set(err, "no such command: %s; did you mean \"%s\"?", name, best);
	else
		error_set(err, "no such command: %s; \"%s --help\" lists them", name, cli->name);
	return NULL;
}

static int check_count(const struct cli *cli, const struct command *command, struct error *err)
{
	int count = (int)cli->arguments.count;
	const char *much = NULL;
	int limit = 0;

	if (count < command->min) {
		much = command->max == command->min ? "exactly" : "a minimum of";
		limit = command->min;
	} else if (command->max >= 0 && count > command->max) {
		much = command->max == command->min ? "exactly" : "a maximum of";
		limit = command->max;
	}
	if (much == NULL)
		return 0;
	return error_set(err, "\"%s\" requires %s %d argument%s: %s %s %s", command->name, much,
			 limit, limit == 1 ? "" : "s", cli->name, command->name,
			 command->arguments);
}

static int command_run(struct cli *cli, const struct command *command, char *const *argv,
		       struct error *err)
{
	void *options = arena_alloc(cli->arena, command->size + 1);
	struct option_scope scopes[2] = { { command->options, options },
					  { global_options, &cli->global } };

	if (option_parse(cli->arena, scopes, command->stop_after, argv, &cli->arguments, err) < 0)
		return -1;
	if (cli->global.help) {
		command_help(&cli->out, cli->name, command);
		return 0;
	}
	if (check_count(cli, command, err) < 0)
		return -1;
	cli->root_given = cli->global.root != NULL;
	return command->run(cli, options, err);
}

/* The exit status; errors are in *err, with -1 as the result. */
static int dispatch(struct cli *cli, struct log *log, char **argv, int *ret_failure,
		    struct error *err)
{
	struct option_scope scopes[2] = { { global_options, &cli->global }, { NULL, NULL } };
	const struct command *command;
	struct arguments words;

	if (option_parse(cli->arena, scopes, 1, argv + 1, &words, err) < 0)
		return -1;
	if (log_open(log, cli->global.log, cli->global.log_format, err) < 0)
		return -1;
	log->quiet = cli->global.log_level != NULL && strcmp(cli->global.log_level, "error") == 0;
	if (cli->global.version) {
		program_version(&cli->out, cli->name);
		return 0;
	}
	if (words.count == 0) {
		program_help(&cli->out, cli->name);
		return 0;
	}
	command = find_or_suggest(cli, words.items[0], err);
	if (command == NULL)
		return -1;
	if (strcmp(command->name, "exec") == 0)
		*ret_failure = CLI_EXEC_FAILURE;
	while (*argv != words.items[0])
		argv++;
	return command_run(cli, command, argv + 1, err);
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
	_cleanup_arena struct arena arena = { 0 };
	struct cli cli = { .arena = &arena, .name = program_name(argc > 0 ? argv[0] : NULL),
			   .out = { .arena = &arena } };
	struct log log = LOG_NONE;
	struct error err = { 0 };
	int status, failure = CLI_FAILURE;

	log.arena = &arena;
	log.program = cli.name;
	warn_to(log_warning, &log);
	status = fd_fill_stdio(&err);
	if (status == 0)
		status = protect_self(argv, &err);
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
