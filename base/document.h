/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/command.h"

/* The man page and the completions of a program, from the tables that the parser uses. */
void document_man(struct text *out, const struct command_set *set);
/* shell: bash, zsh or fish. */
int document_completion(struct text *out, const struct command_set *set, const char *shell,
			struct error *err);
