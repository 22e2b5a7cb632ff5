/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/command/command.h"
#include "runtime/container.h"

struct delete_options {
	bool force, regex;
};

static const struct option options[] = {
	OPTION_ROW_FLAG("force", 'f', struct delete_options, force,
			"kill it first if it runs; one that does not exist is no error"),
	OPTION_ROW_FLAG("regex", 'r', struct delete_options, regex,
			"ID is a regular expression: every container whose id matches"),
	{ 0 },
};

static int delete_one(struct cli *cli, int root_fd, const char *id, bool force, struct error *err)
{
	_cleanup_container struct container c = CONTAINER_NONE;
	enum container_status status;
	const struct plan *plan;
	struct error plan_error;

	if ((force ? container_open_damaged : container_open)(&c, cli->arena, cli_root(cli),
							      root_fd, id, err) < 0)
		return -1;
	if (container_lock(&c, err) < 0)
		return -1;
	status = container_status(&c);
	if (status != CONTAINER_STOPPED && !force)
		return error_set(err, "cannot delete container %s that is not stopped: %s", id,
				 container_status_name(status));
	plan = c.complete ? container_plan(&c, &plan_error) : NULL;
	if (container_destroy(&c, plan, err) < 0)
		return error_wrap(err, "delete %s", id);
	return 0;
}

static int delete_id(struct cli *cli, const void *values, struct error *err)
{
	const struct delete_options *delete = values;
	const char *id = cli->arguments.items[0];
	_cleanup_fd int root_fd = -EBADF;
	int result;

	if (container_id_check(id, err) < 0)
		return -1;
	root_fd = cli_root_open(cli, false, err);
	if (root_fd < 0 && err->code == ENOENT)
		result = container_error(err, ENOENT, "container does not exist");
	else
		result = root_fd < 0 ? -1 : delete_one(cli, root_fd, id, delete->force, err);
	if (result < 0 && err->code == ENOENT && delete->force) {
		/*
		 * A kist killed in the first instants leaves a draft: journal and no more; in the
		 * last ones an empty directory.
		 */
		if (root_fd >= 0) {
			container_remove_draft(root_fd, id);
			unlinkat(root_fd, id, AT_REMOVEDIR);
		}
		return 0;
	}
	return result;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct delete_options *delete = values;

	return delete->regex ? cli_each_match(cli, delete_id, delete, err) :
			       delete_id(cli, delete, err);
}

const struct command command_delete = {
	.name = "delete", .arguments = "ID", .summary = "delete a container",
	.options = options, .size = sizeof(struct delete_options),
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
