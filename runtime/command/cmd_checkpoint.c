/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/command/command.h"

static const struct option options[] = {
	CHECKPOINT_OPTION_ROWS(struct checkpoint_options, ),
	OPTION_ROW_WORD("parent-path", 0, struct checkpoint_options, parent_path, "DIR",
			"an image made before by --pre-dump, from the image's directory"),
	OPTION_ROW_FLAG("leave-running", 0, struct checkpoint_options, leave_running,
			"the container goes on; else it is deleted"),
	OPTION_ROW_FLAG("pre-dump", 0, struct checkpoint_options, pre_dump,
			"memory only, and the container goes on"),
	OPTION_ROW_FLAG("tcp-skip-in-flight", 0, struct checkpoint_options, tcp_skip_in_flight,
			"without TCP connections that are being made"),
	OPTION_ROW_FLAG("link-remap", 0, struct checkpoint_options, link_remap,
			"files that are open and deleted get a name"),
	OPTION_ROW_WORD("page-server", 0, struct checkpoint_options, page_server, "ADDRESS:PORT",
			"send memory there"),
	OPTION_ROW_WORD("status-fd", 0, struct checkpoint_options, status_fd, "FD",
			"write a NUL there when --lazy-pages is ready"),
	{ 0 },
};

static int check_status(struct container *c, struct error *err)
{
	enum container_status status = container_status(c);

	if (status != CONTAINER_RUNNING && status != CONTAINER_PAUSED)
		return error_set(err, "Container cannot be checkpointed in %s state",
				 container_status_name(status));
	return container_pidfd(c, err) < 0 ? -1 : 0;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct checkpoint_options *checkpoint = values;
	_cleanup_container struct container c = CONTAINER_NONE;
	const struct plan *plan;

	if (cli_container_locked(cli, &c, err) < 0 || check_status(&c, err) < 0)
		return -1;
	plan = container_plan(&c, err);
	if (plan == NULL)
		return -1;
	if (checkpoint_dump(&c, plan, checkpoint, err) < 0)
		return error_wrap(err, "checkpoint %s", c.id);
	if (checkpoint->leave_running || checkpoint->pre_dump)
		return 0;
	/* As runc does: what is left of it is in the image. */
	return container_destroy(&c, plan, err);
}

const struct command command_checkpoint = {
	.name = "checkpoint", .arguments = "ID",
	.summary = "save a running container to files, with CRIU",
	.description = "\"restore\" makes it run again from there.  Needs criu in PATH.",
	.options = options, .size = sizeof(struct checkpoint_options),
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
