/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/make/squash.h"

struct squash_options {
	struct output_options output;
	int last;
};

static const struct option options[] = {
	OPTION_ROW_NUMBER("last", 'n', struct squash_options, last, "N",
			  "only the last N layers; the default is all"),
	TARGET_OPTION_ROWS(struct squash_options, output),
	COMPRESS_OPTION_ROWS(struct squash_options, output),
	HISTORY_OPTION_ROWS(struct squash_options, output),
	{ 0 },
};

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct squash_options *o = values;
	_cleanup_session struct session session = SESSION_NONE;
	const char *reference = cli->arguments.items[0];

	if (session_begin_image(cli->arena, reference, &o->output, &session, err) < 0 ||
	    squash(&session, (size_t)o->last, err) < 0)
		return -1;
	return session_end(&session, &o->output, "kist rootfs squash", false, &cli->out, err);
}

const struct command command_squash = {
	.name = "squash", .arguments = "IMAGE", .summary = "make one layer of several",
	.description = "What upper layers replaced or took away is gone.",
	.options = options, .size = sizeof(struct squash_options),
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
