/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/document.h"
#include "runtime/command.h"

/* "completion SHELL", for users and for the build, and "man", for the build alone. */

static const struct {
	const char *shell;
	void (*write)(struct text *out, const struct command_set *set);
} shells[] = {
	{ "bash", document_bash },
	{ "zsh", document_zsh },
	{ "fish", document_fish },
};

static int run_completion(struct cli *cli, const void *values _unused, struct error *err)
{
	const char *shell = cli->arguments.items[0];

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		if (strcmp(shells[i].shell, shell) == 0) {
			shells[i].write(&cli->out, &kist_commands);
			return 0;
		}
	}
	return error_set(err, "no completions for %s: must be bash, zsh or fish", shell);
}

static int run_man(struct cli *cli, const void *values _unused, struct error *err _unused)
{
	document_man(&cli->out, &kist_commands);
	return 0;
}

static int run_help(struct cli *cli, const void *values _unused, struct error *err)
{
	const struct command *command;

	if (cli->arguments.count == 0) {
		command_set_help(&cli->out, &cli->commands);
		return 0;
	}
	command = command_find(&cli->commands, cli->arguments.items[0]);
	if (command == NULL)
		return error_set(err, "no such command: %s", cli->arguments.items[0]);
	command_help(&cli->out, &cli->commands, command);
	return 0;
}

const struct command command_completion = {
	.name = "completion", .arguments = "bash|zsh|fish",
	.summary = "print the completions for a shell",
	.min = 1, .max = 1, .stop_after = -1, .run = run_completion,
};

const struct command command_man = {
	.name = "man", .arguments = "", .summary = "print the man page", .hidden = true,
	.min = 0, .max = 0, .stop_after = -1, .run = run_man,
};

const struct command command_help_page = {
	.name = "help", .arguments = "[COMMAND]", .summary = "show help",
	.min = 0, .max = 1, .stop_after = -1, .run = run_help,
};
