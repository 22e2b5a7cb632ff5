/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/command/command.h"
#include "runtime/container.h"
#include "runtime/create.h"
#include "runtime/notify.h"
#include "runtime/spawn.h"

/* Where a hook fails the spec wants the container destroyed, and poststop hooks run. */
static int start_undo(struct container *c, const struct plan *plan)
{
	container_undo(c, plan);
	return -1;
}

static int run(struct cli *cli, const void *values _unused, struct error *err)
{
	_cleanup_container struct container c = CONTAINER_NONE;
	_cleanup_notify struct notify notify = NOTIFY_NONE;
	enum container_status status;
	const struct plan *plan;
	int pidfd;

	if (cli_container_locked(cli, &c, err) < 0)
		return -1;
	status = container_status(&c);
	switch (status) {
	case CONTAINER_CREATED:
		break;
	case CONTAINER_STOPPED:
		return error_set(err, "cannot start a container that has stopped");
	case CONTAINER_RUNNING:
		return error_set(err, "cannot start an already running container");
	default:
		return error_set(err, "cannot start a container in the %s state",
				 container_status_name(status));
	}
	plan = container_plan(&c, err);
	pidfd = container_pidfd(&c, err);
	if (plan == NULL || pidfd < 0 || notify_open(&notify, c.dir_fd, c.pid, err) < 0)
		return -1;
	container_await_hooks(&c, plan);
	if (spawn_start_created(c.dir_fd, err) < 0) {
		error_wrap(err, "start %s", c.id);
		return plan->hooks[HOOK_START_CONTAINER].count > 0 ? start_undo(&c, plan) : -1;
	}
	if (container_started(&c, plan, err) < 0)
		return start_undo(&c, plan);
	container_unlock(&c);
	notify_wait(&notify, pidfd);
	return 0;
}

const struct command command_start = {
	.name = "start", .arguments = "ID", .summary = "run the program of a created container",
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
