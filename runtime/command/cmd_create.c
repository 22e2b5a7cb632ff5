/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/command/command.h"
#include "runtime/console.h"
#include "runtime/create.h"

static const struct option options[] = {
	CREATE_OPTION_ROWS(struct create_options, ),
	{ 0 },
};

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct create_options *create = values;
	struct creation_request request;
	_cleanup_fd int console_socket = -EBADF;
	struct creation creation;
	struct bundle bundle;

	cli_creation(cli, &request);
	request.options = create;
	request.bundle = &bundle;
	request.id = cli->arguments.items[0];
	request.wait_for_start = true;
	if (container_id_check(request.id, err) < 0 ||
	    bundle_load(cli->arena, create, &bundle, err) < 0)
		return cli_failed(cli, "create", request.id, err);
	if (create_check_terminal(bundle.plan->process.terminal, true, create->console_socket,
				  err) < 0) {
		/* What "spec" has written. */
		if (create->console_socket == NULL)
			error_hint(err, "give --console-socket, or set \"terminal\" to false");
		return cli_failed(cli, "create", request.id, err);
	}
	if (console_connect(create->console_socket, &console_socket, err) < 0)
		return cli_failed(cli, "create", request.id, err);
	request.console_socket = console_socket;
	if (creation_begin(&request, &creation, err) < 0)
		return cli_failed(cli, "create", request.id, err);
	creation_close(&creation);
	return 0;
}

const struct command command_create = {
	.name = "create", .arguments = "ID", .summary = "make a container, up to its program",
	.description = "Everything is set up and checked; \"start\" runs the program.",
	.options = options, .size = sizeof(struct create_options),
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
