/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/command/command.h"

/* "seccomp record FILE ..." is "run --seccomp-record FILE ...", as people look for it. */

extern const struct command command_run;

static int run(struct cli *cli, const void *values _unused, struct error *err)
{
	const struct arguments words = cli->arguments;
	char **argv = ARENA_NEWS(cli->arena, words.count + 2, char *);
	void *options = arena_alloc(cli->arena, command_run.size);
	struct option_scope scopes[2] = { { command_run.options, options }, { NULL, NULL } };

	if (strcmp(words.items[0], "record") != 0)
		return error_set(err, "seccomp %s: no such thing; there is \"record\"",
				 words.items[0]);
	argv[0] = arena_strdup(cli->arena, "--seccomp-record");
	for (size_t i = 1; i < words.count; i++)
		argv[i] = arena_strdup(cli->arena, words.items[i]);
	if (option_parse(cli->arena, scopes, command_run.stop_after, argv, &cli->arguments,
			 err) < 0)
		return -1;
	return command_run.run(cli, options, err);
}

const struct command command_seccomp = {
	.name = "seccomp", .arguments = "record FILE [OPTIONS OF RUN] ID | ... -- COMMAND...",
	.summary = "write a seccomp profile from a run",
	.description = "Runs the container as \"run\" does, without its seccomp profile, and\n"
		       "writes one to FILE that allows each system call that was made, by\n"
		       "children and other programs too, and no other.  What a run does not\n"
		       "reach is not in it.",
	.min = 2, .max = -1, .stop_after = 2, .run = run,
};
