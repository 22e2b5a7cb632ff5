/* SPDX-License-Identifier: Apache-2.0 */
#include "base/document.h"

static int print_completion(struct text *out, const struct command_set *set,
			    const struct arguments *words, struct error *err)
{
	return document_completion(out, set, words->items[0], err);
}

static int print_man(struct text *out, const struct command_set *set,
		     const struct arguments *words _unused, struct error *err _unused)
{
	document_man(out, set);
	return 0;
}

const struct command command_completion = {
	.name = "completion", .arguments = "bash|zsh|fish",
	.summary = "print the completions for a shell",
	.min = 1, .max = 1, .stop_after = -1, .document = print_completion,
};

const struct command command_man = {
	.name = "man", .arguments = "", .summary = "print the man page", .hidden = true,
	.min = 0, .max = 0, .stop_after = -1, .document = print_man,
};

const struct command command_help_page = {
	.name = "help",
	.arguments = "[COMMAND]",
	.summary = "show help",
	.min = 0,
	.max = -1,
	.stop_after = -1,
	.document = document_help,
};
