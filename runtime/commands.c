/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/command.h"

/* In the order of --help: a life, then looking at it, then the rest. */
#define COMMANDS(row) \
	row(run) row(create) row(start) row(exec) row(kill) row(delete) row(wait) \
	row(state) row(list) row(ps) row(pause) row(resume) row(events) row(update) row(gc) \
	row(space) row(unshare) row(enter) \
	row(spec) row(check) row(plan) row(features) row(completion) row(help_page) row(man)

#define DECLARE(name)	extern const struct command command_##name;
#define POINT(name)	&command_##name,
COMMANDS(DECLARE)

const struct command *const commands[] = { COMMANDS(POINT) NULL };

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i] != NULL; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}
