/* SPDX-License-Identifier: Apache-2.0 */
#include "base/command.h"

#include <string.h>

const struct command *command_find(const struct command_set *set, const char *name)
{
	for (size_t i = 0; set->commands[i] != NULL; i++)
		if (strcmp(set->commands[i]->name, name) == 0)
			return set->commands[i];
	return NULL;
}

const struct command *command_demand(const struct command_set *set, const char *name,
				     struct error *err)
{
	const struct command *found = command_find(set, name);
	struct guess guess = GUESS(name);

	if (found != NULL)
		return found;
	for (const struct command_other *o = set->others; o != NULL && o->name != NULL; o++)
		if (strcmp(o->name, name) == 0) {
			error_set(err, "no such command: %s: %s", name, o->instead);
			return NULL;
		}
	for (size_t i = 0; set->commands[i] != NULL; i++)
		if (!set->commands[i]->hidden)
			guess_try(&guess, set->commands[i]->name);
	if (guess.meant != NULL)
		error_set(err, "no such command: %s; did you mean \"%s\"?", name, guess.meant);
	else
		error_set(err, "no such command: %s; \"%s --help\" lists them", name,
			  set->program);
	return NULL;
}

int command_check_count(const struct command_set *set, const struct command *command,
			const struct arguments *arguments, struct error *err)
{
	int count = (int)arguments->count;
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
	if (command->max == 0)
		return error_set(err, "\"%s\" requires exactly 0 arguments, not \"%s\"",
				 command->name, arguments->items[0]);
	return error_set(err, "\"%s\" requires %s %d argument%s: %s %s %s", command->name, much,
			 limit, limit == 1 ? "" : "s", set->program, command->name,
			 command->arguments);
}

bool command_wants_id(const struct command *command)
{
	const char *arguments = command->arguments;

	return strncmp(arguments + (*arguments == '['), "ID", 2) == 0 &&
	       strcmp(command->name, "run") != 0 && strcmp(command->name, "create") != 0;
}

const char *command_words(struct arena *arena, const struct command *command)
{
	const char *words = "", *at = command->arguments;

	while (*at != '\0') {
		size_t length = strcspn(at, " |");

		if (length > 0 && strspn(at, "abcdefghijklmnopqrstuvwxyz") == length)
			words = arena_printf(arena, "%s %.*s", words, (int)length, at);
		at += length + (at[length] != '\0');
	}
	return words;
}

void command_help(struct text *out, const struct command_set *set, const struct command *command)
{
	text_printf(out, "%s %s - %s\n\nUsage: %s %s%s%s%s\n", set->program, command->name,
		    command->summary, set->program, command->name,
		    command->options != NULL ? " [OPTIONS]" : "",
		    *command->arguments != '\0' ? " " : "", command->arguments);
	if (command->description != NULL)
		text_printf(out, "\n%s\n", command->description);
	if (command->options != NULL) {
		text_add(out, "\nOptions:\n");
		option_help(out, command->options);
	}
	text_printf(out, "\nGlobal options: see %s --help\n", set->program);
}

void command_set_help(struct text *out, const struct command_set *set)
{
	text_printf(out, "%s - %s\n\n"
			 "Usage: %s [GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n",
		    set->program, set->summary, set->program);
	for (size_t i = 0; set->commands[i] != NULL; i++)
		if (!set->commands[i]->hidden)
			text_printf(out, "  %-12s %s\n", set->commands[i]->name,
				    set->commands[i]->summary);
	text_add(out, "\nGlobal options:\n");
	option_help(out, set->options);
	text_printf(out, "\n%s\"%s COMMAND --help\" shows the options of a command.\n",
		    set->help_note != NULL ? set->help_note : "", set->program);
}
