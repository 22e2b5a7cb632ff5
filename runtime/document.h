/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "runtime/command.h"

/* The man page and the completions, from the tables that the parser uses. */
void document_man(struct text *out);
void document_bash(struct text *out);
void document_zsh(struct text *out);
void document_fish(struct text *out);
