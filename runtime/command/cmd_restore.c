/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/command/command.h"
#include "runtime/console.h"
#include "runtime/create.h"
#include "runtime/wait.h"

struct restore_options {
	struct create_options create;
	struct checkpoint_options checkpoint;
	bool detach;
};

static const struct option options[] = {
	CREATE_OPTION_ROWS(struct restore_options, create.),
	OPTION_ROW_FLAG("detach", 'd', struct restore_options, detach,
			"return as soon as the container runs"),
	CHECKPOINT_OPTION_ROWS(struct restore_options, checkpoint.),
	OPTION_ROW_FLAG("tcp-close", 0, struct restore_options, checkpoint.tcp_close,
			"TCP connections are closed"),
	OPTION_ROW_WORD("lsm-profile", 0, struct restore_options, checkpoint.lsm_profile,
			"TYPE:NAME", "another AppArmor profile or SELinux label"),
	OPTION_ROW_WORD("lsm-mount-context", 0, struct restore_options,
			checkpoint.lsm_mount_context, "CONTEXT", "another SELinux label of mounts"),
	{ 0 },
};

static int follow(struct creation *creation, struct wait *wait, struct console *console,
		  struct error *err)
{
	int status;

	if (console != NULL && console_attach(console, err) < 0) {
		creation_undo(creation);
		return -1;
	}
	container_unlock(&creation->container);
	if (wait_foreground(wait, creation->spawn.pid, creation->spawn.pidfd, console, &status,
			    err) < 0 ||
	    creation_end(creation, err) < 0)
		return -1;
	return status;
}

static int restore_foreground(struct creation_request *request, struct error *err)
{
	const bool terminal = request->bundle->plan->process.terminal;
	_cleanup_wait struct wait wait = WAIT_NONE;
	_cleanup_console struct console console = CONSOLE_NONE;
	_cleanup_fd int console_socket = -EBADF;
	struct creation creation;
	int status;

	if (wait_open(&wait, err) < 0 ||
	    (terminal && console_open(&console, &console_socket, err) < 0))
		return -1;
	request->foreground = true;
	request->console_socket = console_socket;
	if (creation_begin(request, &creation, err) < 0)
		return -1;
	fd_close(&console_socket);
	status = follow(&creation, &wait, terminal ? &console : NULL, err);
	creation_close(&creation);
	return status;
}

static int restore_detached(struct creation_request *request, struct error *err)
{
	_cleanup_fd int console_socket = -EBADF;
	struct creation creation;

	if (console_connect(request->options->console_socket, &console_socket, err) < 0)
		return -1;
	request->console_socket = console_socket;
	if (creation_begin(request, &creation, err) < 0)
		return -1;
	creation_close(&creation);
	return 0;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct restore_options *restore = values;
	const struct create_options *create = &restore->create;
	struct bundle bundle;
	struct creation_request request;
	int status = -1;

	cli_creation(cli, &request);
	request.options = create;
	request.bundle = &bundle;
	request.id = cli->arguments.items[0];
	request.make = checkpoint_restore;
	request.make_context = &restore->checkpoint;
	if (container_id_check(request.id, err) == 0 &&
	    bundle_load(cli->arena, create, &bundle, err) == 0 &&
	    create_check_terminal(bundle.plan->process.terminal, restore->detach,
				  create->console_socket, err) == 0)
		status = restore->detach ? restore_detached(&request, err) :
					   restore_foreground(&request, err);
	return status < 0 ? cli_failed(cli, "restore", request.id, err) : status;
}

const struct command command_restore = {
	.name = "restore", .arguments = "ID",
	.summary = "run a container again from what \"checkpoint\" saved",
	.description = "The bundle is read as by \"create\"; memory and open files come from the\n"
		       "image.  Needs criu in PATH.",
	.options = options, .size = sizeof(struct restore_options),
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
