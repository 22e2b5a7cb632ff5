/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/beside.h"
#include "runtime/command/command.h"

/* "rootfs" and "smoke": programs of their own, which parse what follows. */

static int become(struct cli *cli, const char *program, struct error *err)
{
	const struct arguments *words = &cli->arguments;
	const char **arguments = ARENA_NEWS(cli->arena, words->count + 2, const char *);

	arguments[0] = program;
	memcpy(arguments + 1, words->items, words->count * sizeof(*arguments));
	return beside_become(cli->arena, program, arguments, err);
}

static int run_rootfs(struct cli *cli, const void *values _unused, struct error *err)
{
	return become(cli, "kist-rootfs", err);
}

static int run_smoke(struct cli *cli, const void *values _unused, struct error *err)
{
	return become(cli, "kist-smoke", err);
}

const struct command command_rootfs = {
	.name = "rootfs", .arguments = "COMMAND [ARGUMENTS]",
	.summary = "images to root file systems and back; see kist-rootfs(1)",
	.elsewhere = true, .min = 0, .max = -1, .stop_after = 0, .run = run_rootfs,
};

const struct command command_smoke = {
	.name = "smoke", .arguments = "IMAGE|BUNDLE [OPTIONS]",
	.summary = "does this image work? see kist-smoke(1)",
	.elsewhere = true, .min = 0, .max = -1, .stop_after = 0, .run = run_smoke,
};
