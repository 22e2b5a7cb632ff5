/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "runtime/console.h"
#include "runtime/create.h"
#include "runtime/wait.h"

struct run_options {
	struct create_options create;
	bool detach, keep, strict;
};

static const struct option options[] = {
	CREATE_OPTION_ROWS(struct run_options, create.),
	OPTION_ROW_FLAG("detach", 'd', struct run_options, detach,
			"return as soon as the program runs"),
	OPTION_ROW_FLAG("keep", 0, struct run_options, keep,
			"do not delete the container when it has ended"),
	{ 0 },
};

/* What lives as long as the container runs. */
struct foreground {
	struct wait wait;
	struct console console;
	struct creation creation;
	int console_socket;		/* owned */
};

/* After the start nobody but this process deletes the container, unless "delete --force" does. */
static int delete_at_end(struct creation *creation, struct error *err)
{
	struct container *c = &creation->container;

	if (container_relock(c, err) < 0)
		return err->code == ENOENT ? 0 : -1;
	if (container_destroy(c, creation->plan, err) < 0)
		return error_wrap(err, "delete %s", c->id);
	return 0;
}

/* From "created" to the exit status. */
static int follow(struct foreground *f, bool terminal, bool keep, struct error *err)
{
	struct creation *creation = &f->creation;
	int status;

	if ((terminal && console_attach(&f->console, err) < 0) ||
	    spawn_start(&creation->spawn, err) < 0 ||
	    container_started(&creation->container, creation->plan, err) < 0) {
		console_close(&f->console);
		creation_undo(creation);
		return -1;
	}
	container_unlock(&creation->container);
	if (wait_foreground(&f->wait, creation->spawn.pid, creation->spawn.pidfd,
			    terminal ? &f->console : NULL, &status, err) < 0)
		return -1;
	if (!keep && delete_at_end(creation, err) < 0)
		return -1;
	return status;
}

static int run_foreground(struct creation_request *request, bool keep, struct error *err)
{
	const bool terminal = request->bundle->plan->process.terminal;
	struct foreground f = { WAIT_NONE, CONSOLE_NONE, CREATION_NONE, -EBADF };
	int status = -1;

	request->foreground = !keep;
	if (wait_open(&f.wait, err) == 0 &&
	    (!terminal || console_open(&f.console, &f.console_socket, err) == 0)) {
		request->signals = &f.wait.mask;
		request->console_socket = f.console_socket;
		if (creation_begin(request, &f.creation, err) == 0) {
			fd_close(&f.console_socket);
			status = follow(&f, terminal, keep, err);
			creation_close(&f.creation);
		}
	}
	fd_close(&f.console_socket);
	console_close(&f.console);
	wait_close(&f.wait);
	return status;
}

static int run_detached(struct creation_request *request, struct error *err)
{
	const char *path = request->options->console_socket;
	_cleanup_fd int console_socket = path != NULL ? console_connect(path, err) : -EBADF;
	struct creation creation;

	if (path != NULL && console_socket < 0)
		return -1;
	request->console_socket = console_socket;
	if (creation_begin(request, &creation, err) < 0)
		return -1;
	if (spawn_start(&creation.spawn, err) < 0 ||
	    container_started(&creation.container, creation.plan, err) < 0) {
		creation_undo(&creation);
		return -1;
	}
	creation_close(&creation);
	return 0;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct run_options *run_options = values;
	const struct create_options *create = &run_options->create;
	struct bundle bundle;
	struct creation_request request = {
		.cli = cli, .options = create, .bundle = &bundle,
		.id = cli->arguments.items[0], .console_socket = -EBADF,
	};
	int status = -1;

	if (container_id_check(request.id, err) == 0 &&
	    bundle_load(cli->arena, create, &bundle, err) == 0 &&
	    create_check_terminal(bundle.plan, run_options->detach, create->console_socket,
				  err) == 0)
		status = run_options->detach ? run_detached(&request, err) :
					       run_foreground(&request, run_options->keep, err);
	return status < 0 ? create_failed(cli, "run", request.id, err) : status;
}

const struct command command_run = {
	.name = "run", .arguments = "ID", .summary = "create a container, run it, and delete it",
	.options = options, .size = sizeof(struct run_options),
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
