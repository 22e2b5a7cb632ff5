/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/command.h"
#include "runtime/container.h"
#include "runtime/state.h"

static int run(struct cli *cli, const void *values _unused, struct error *err)
{
	_cleanup_container struct container c = CONTAINER_NONE;

	if (cli_container(cli, &c, err) < 0)
		return -1;
	state_print(&cli->out, &c, container_status(&c), true, "");
	return 0;
}

const struct command command_state = {
	.name = "state", .arguments = "ID", .summary = "show the state of a container as JSON",
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
