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
/* "kist rootfs" as the name of a page or of a function, with the mark for the blank. */
char *document_name(struct text *out, const struct command_set *set, char mark, bool capital);
/* shell: bash, zsh or fish; base/completion.c. */
int document_completion(struct text *out, const struct command_set *set, const char *shell,
			struct error *err);
