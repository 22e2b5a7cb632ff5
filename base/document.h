/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/command.h"

/*
 * Help, man page and completions of a program, from the tables that the parser uses; and the
 * commands that print them, the same in each program.
 */
extern const struct command command_completion, command_man, command_help_page;

void document_man(struct text *out, const struct command_set *set);
/* "help": the set, or the command that is named. */
int document_help(struct text *out, const struct command_set *set, const struct arguments *words,
		  struct error *err);
/* shell: bash, zsh or fish. */
int document_completion(struct text *out, const struct command_set *set, const char *shell,
			struct error *err);
