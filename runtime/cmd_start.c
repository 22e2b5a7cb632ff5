/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/container.h"
#include "runtime/create.h"
#include "runtime/spawn.h"

static int run(struct cli *cli, const void *values _unused, struct error *err)
{
	_cleanup_container struct container c = CONTAINER_NONE;
	const struct plan *plan;

	if (cli_container_locked(cli, &c, err) < 0)
		return -1;
	switch (container_status(&c)) {
	case CONTAINER_CREATED:
		break;
	case CONTAINER_STOPPED:
		return error_set(err, "cannot start a container that has stopped");
	default:
		return error_set(err, "cannot start an already running container");
	}
	plan = container_plan(&c, err);
	if (plan == NULL)
		return -1;
	if (spawn_start_created(c.dir_fd, err) < 0)
		return error_wrap(err, "start %s", c.id);
	return container_started(&c, plan, err);
}

const struct command command_start = {
	.name = "start", .arguments = "ID", .summary = "run the program of a created container",
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
