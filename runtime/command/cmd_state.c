/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>

#include "runtime/command/command.h"
#include "runtime/container.h"
#include "runtime/state.h"

#define SETTLE_MS	200
#define SETTLE_STEP_MS	5

static int run(struct cli *cli, const void *values _unused, struct error *err)
{
	_cleanup_container struct container c = CONTAINER_NONE;

	if (cli_container(cli, &c, err) < 0)
		return -1;
	/*
	 * Callers who poll until "state" succeeds take what it says then for the outcome of
	 * "create".  A hook of that create, which asks too, is told at once.
	 */
	for (int ms = 0; ms < SETTLE_MS && container_status(&c) == CONTAINER_CREATING &&
			 !container_waits_for_us(&c);
	     ms += SETTLE_STEP_MS) {
		poll(NULL, 0, SETTLE_STEP_MS);
		container_close(&c);
		if (cli_container(cli, &c, err) < 0)
			return -1;
	}
	state_print(&cli->out, &c, container_status(&c), true, "");
	return 0;
}

const struct command command_state = {
	.name = "state", .arguments = "ID", .summary = "show the state of a container as JSON",
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
