/* SPDX-License-Identifier: Apache-2.0 */
#include "base/document.h"
#include "runtime/command/command.h"

/* "completion SHELL", for users and for the build, and "man", for the build alone. */

static int run_completion(struct cli *cli, const void *values _unused, struct error *err)
{
	return document_completion(&cli->out, &kist_commands, cli->arguments.items[0], err);
}

static int run_man(struct cli *cli, const void *values _unused, struct error *err _unused)
{
	document_man(&cli->out, &kist_commands);
	return 0;
}

static int run_help(struct cli *cli, const void *values _unused, struct error *err)
{
	return document_help(&cli->out, &cli->commands, &cli->arguments, err);
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
