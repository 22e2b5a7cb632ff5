/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/make/session.h"

struct config_options {
	struct output_options output;
	struct edit_options edit;
};

static const struct option options[] = {
	EDIT_OPTION_ROWS(struct config_options, edit),
	TARGET_OPTION_ROWS(struct config_options, output),
	HISTORY_OPTION_ROWS(struct config_options, output),
	{ 0 },
};

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct config_options *o = values;
	_cleanup_session struct session session = SESSION_NONE;
	const char *reference = cli->arguments.items[0];

	if (!edit_is_set(&o->edit) && o->output.to == NULL)
		return error_set(err, "nothing to change; \"kist rootfs config --help\" lists what "
				 "can be, and \"kist rootfs inspect\" shows what there is");
	if (session_begin_image(cli->arena, reference, &o->output, &session, err) < 0 ||
	    edit_apply(&session.draft, &o->edit, err) < 0)
		return -1;
	return session_end(&session, &o->output, "kist rootfs config", true, &cli->out, err);
}

const struct command command_config = {
	.name = "config", .arguments = "IMAGE", .summary = "change what an image says about itself",
	.description = "With --to alone it is a copy, in another format where --to says so.",
	.options = options, .size = sizeof(struct config_options),
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
