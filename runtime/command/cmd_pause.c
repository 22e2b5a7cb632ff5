/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/command/command.h"
#include "runtime/container.h"

/* "pause" and "resume": the freezer of the container's cgroup. */

static int freeze(struct container *c, bool frozen, struct error *err)
{
	if (!cgroup_is_used(&c->cgroup))
		return error_set(err, "container %s has no cgroup, which pausing needs", c->id);
	/* Where it is not to be seen, the status was asked in vain. */
	if (c->cgroup.fd < 0 && cgroup_open(&c->cgroup, err) < 0)
		return -1;
	return cgroup_freeze(&c->cgroup, frozen, err);
}

static int run_pause(struct cli *cli, const void *values _unused, struct error *err)
{
	_cleanup_container struct container c = CONTAINER_NONE;
	enum container_status status;

	if (cli_container_locked(cli, &c, err) < 0)
		return -1;
	status = container_status(&c);
	if (status != CONTAINER_RUNNING && status != CONTAINER_CREATED)
		return error_set(err, "container not running");
	return freeze(&c, true, err);
}

static int run_resume(struct cli *cli, const void *values _unused, struct error *err)
{
	_cleanup_container struct container c = CONTAINER_NONE;

	if (cli_container_locked(cli, &c, err) < 0)
		return -1;
	if (container_status(&c) != CONTAINER_PAUSED)
		return error_set(err, "container not paused");
	return freeze(&c, false, err);
}

const struct command command_pause = {
	.name = "pause", .arguments = "ID", .summary = "freeze all processes of a container",
	.min = 1, .max = 1, .stop_after = -1, .run = run_pause,
};

const struct command command_resume = {
	.name = "resume", .arguments = "ID", .summary = "let a paused container go on",
	.min = 1, .max = 1, .stop_after = -1, .run = run_resume,
};
