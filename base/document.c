/* SPDX-License-Identifier: Apache-2.0 */
#include "base/document.h"

#include <ctype.h>
#include <string.h>

/* A dot or quote at the start of a line is a request to roff, a backslash an escape. */
static void add_roff(struct text *out, const char *line)
{
	if (*line == '.' || *line == '\'')
		text_add(out, "\\&");
	for (; *line != '\0'; line++) {
		if (*line == '\\')
			text_add(out, "\\e");
		else if (*line == '-')
			text_add(out, "\\-");
		else
			text_add_bytes(out, line, 1);
	}
}

static void man_options(struct text *out, const struct option *options)
{
	for (const struct option *o = options; o != NULL && o->name != NULL; o++) {
		struct text left = { .arena = out->arena };

		if (o->help == NULL)
			continue;
		if (o->letter != 0)
			text_printf(&left, "-%c, ", o->letter);
		text_printf(&left, "--%s", o->name);
		option_value_text(&left, o);
		text_add(out, ".TP\n.B ");
		add_roff(out, left.data);
		text_add(out, "\n");
		add_roff(out, o->help);
		text_add(out, "\n");
	}
}

static void man_command(struct text *out, const struct command *command)
{
	text_printf(out, ".SS \"%s %s%s\"\n", command->name,
		    command->options != NULL ? "[OPTIONS] " : "", command->arguments);
	add_roff(out, command->summary);
	text_add(out, ".\n");
	if (command->description != NULL) {
		text_add(out, ".PP\n");
		add_roff(out, command->description);
		text_add(out, "\n");
	}
	man_options(out, command->options);
}

char *document_name(struct text *out, const struct command_set *set, char mark, bool capital)
{
	char *name = arena_strdup(out->arena, set->program);

	for (char *at = name; *at != '\0'; at++) {
		if (*at == ' ')
			*at = mark;
		else if (capital)
			*at = (char)toupper((unsigned char)*at);
	}
	return name;
}

void document_man(struct text *out, const struct command_set *set)
{
	text_add(out, ".TH ");
	add_roff(out, document_name(out, set, '-', true));
	text_add(out, " 1 \"\" \"kist " KIST_VERSION "\" \"User Commands\"\n.SH NAME\n");
	add_roff(out, document_name(out, set, '-', false));
	text_printf(out, " \\- %s\n.SH SYNOPSIS\n.B %s\n", set->summary, set->program);
	if (set->arguments != NULL)
		text_printf(out, "[OPTIONS] %s\n", set->arguments);
	else
		text_add(out, "[GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]\n");
	text_add(out, ".SH DESCRIPTION\n");
	text_add(out, set->man_description);
	text_add(out, set->arguments != NULL ? ".SH OPTIONS\n" : ".SH GLOBAL OPTIONS\n");
	man_options(out, set->options);
	if (set->arguments == NULL)
		text_add(out, ".SH COMMANDS\n");
	for (size_t i = 0; set->commands[i] != NULL; i++)
		if (!set->commands[i]->hidden)
			man_command(out, set->commands[i]);
	text_add(out, set->man_tail);
}

int document_help(struct text *out, const struct command_set *set, const struct arguments *words,
		  struct error *err)
{
	const struct command *command;

	if (words->count == 0) {
		command_set_help(out, set);
		return 0;
	}
	command = command_demand(set, words->items[0], err);
	if (command == NULL)
		return -1;
	command_help(out, set, command);
	return 0;
}
