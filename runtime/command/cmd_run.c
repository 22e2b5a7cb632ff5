/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "config/make_value.h"
#include "runtime/command/other_words.h"
#include "runtime/command/run_source.h"
#include "runtime/command/seccomp_watch.h"
#include "runtime/console.h"
#include "runtime/monitor.h"
#include "runtime/notify.h"
#include "runtime/wait.h"

struct run_options {
	struct run_source source;
	const char *log_file, *log_file_format, *log_file_size, *seccomp_record;
	bool detach, keep, seccomp_log;
};

static const struct option options[] = {
	CREATE_OPTION_ROWS(struct run_options, source.create.),
	OPTION_ROW_FLAG("detach", 'd', struct run_options, detach,
			"return as soon as the program runs"),
	OPTION_ROW_FLAG("keep", 0, struct run_options, keep,
			"do not delete the container when it has ended"),
	OPTION_ROW_TEXT("log-file", 0, struct run_options, log_file, "FILE",
			"with --detach: what it prints goes there; see \"logs\" and \"attach\""),
	OPTION_ROW_CHOICE("log-file-format", 0, struct run_options, log_file_format, "plain|json",
			  "as it comes, or JSON lines as Docker has them"),
	OPTION_ROW_TEXT("log-file-size", 0, struct run_options, log_file_size, "BYTES",
			"when FILE becomes FILE.1; 16M by default, 0: never"),
	OPTION_ROW_FLAG("strict", 0, struct run_options, source.strict,
			"refuse a configuration that \"check\" warns of"),
	OPTION_ROW_TEXT("seccomp-record", 0, struct run_options, seccomp_record, "FILE",
			"the same as \"seccomp record FILE\""),
	OPTION_ROW_FLAG("seccomp-log", 0, struct run_options, seccomp_log,
			"name each system call that the profile denies, and who made it"),
	IMAGE_OPTION_ROWS(struct run_options, source.image.),
	MADE_OPTION_ROWS(struct run_options, source.made.),
	INIT_OPTION_ROWS(struct run_options, source.made.),
	RUN_ABSENT_ROWS,
	{ 0 },
};

/* What lives as long as the container runs. */
struct foreground {
	struct wait wait;
	struct console console;
	struct creation creation;
	struct notify notify;
	int console_socket;		/* owned */
};

/* From "created" to the exit status. */
static int follow(struct foreground *f, bool terminal, bool keep, struct error *err)
{
	struct creation *creation = &f->creation;
	int status;

	if (terminal && console_attach(&f->console, err) < 0) {
		creation_undo(creation);
		return -1;
	}
	/* To a service manager we are the service: who stops us stops the container. */
	if (creation_start(creation, &f->notify, getpid(), err) < 0)
		return -1;
	f->wait.notify = &f->notify;
	container_unlock(&creation->container);
	if (wait_foreground(&f->wait, creation->spawn.pid, creation->spawn.pidfd,
			    terminal ? &f->console : NULL, &status, err) < 0)
		return -1;
	if (!keep && creation_end(creation, err) < 0)
		return -1;
	return status;
}

static int run_foreground(struct creation_request *request, bool keep, struct error *err)
{
	const bool terminal = request->bundle->plan->process.terminal;
	struct foreground f = { WAIT_NONE, CONSOLE_NONE, CREATION_NONE, NOTIFY_NONE, -EBADF };
	int status = -1;

	request->foreground = !keep;
	if (wait_open(&f.wait, err) == 0 &&
	    (!terminal || console_open(&f.console, &f.console_socket, err) == 0)) {
		request->console_socket = f.console_socket;
		if (creation_begin(request, &f.creation, err) == 0) {
			fd_close(&f.console_socket);
			status = follow(&f, terminal, keep, err);
			notify_close(&f.notify);
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
	_cleanup_notify struct notify notify = NOTIFY_NONE;
	_cleanup_fd int console_socket = -EBADF;
	struct creation creation;

	if (console_connect(request->options->console_socket, &console_socket, err) < 0)
		return -1;
	request->console_socket = console_socket;
	if (creation_begin(request, &creation, err) < 0 ||
	    creation_start(&creation, &notify, creation.spawn.pid, err) < 0)
		return -1;
	container_unlock(&creation.container);
	notify_wait(&notify, creation.spawn.pidfd);
	creation_close(&creation);
	return 0;
}

/* In the process that stays, with the container's streams in the place of the caller's. */
static int start_monitored(void *context, int console_socket, monitor_ready *ready, void *monitor,
			   struct monitored *ret, struct error *err)
{
	struct creation_request *request = context;
	struct creation creation;
	struct notify notify;

	request->console_socket = console_socket;
	if (creation_begin(request, &creation, err) < 0)
		return -1;
	if (ready(monitor, creation.container.dir_fd, err) < 0) {
		creation_undo(&creation);
		return -1;
	}
	if (creation_start(&creation, &notify, creation.spawn.pid, err) < 0)
		return -1;
	container_unlock(&creation.container);
	image_run_done();
	*ret = (struct monitored){ creation.spawn.pid, fd_take(&creation.spawn.pidfd),
				   fd_take(&creation.container.dir_fd), notify };
	creation_close(&creation);
	return 0;
}

static int run_logged(struct creation_request *request, const struct run_options *values,
		      struct error *err)
{
	static struct output_log log;
	const struct monitor_request monitor = { &log, request->bundle->plan->process.terminal,
						 start_monitored, request };
	int64_t size = 16 << 20;

	if (values->log_file_size != NULL) {
		if (strcmp(values->log_file_size, "0") == 0)
			size = 0;
		else if (!size_parse(values->log_file_size, &size) || size < 0)
			return error_set(err, "--log-file-size %s: must be a size, as 16M, or 0",
					 values->log_file_size);
	}
	log.size_max = (uint64_t)size;
	log.fd = -EBADF;
	if (values->log_file_format != NULL)
		log.json = strcmp(values->log_file_format, "json") == 0;
	log.path = values->log_file;
	if (*log.path != '/') {
		char where[PATH_MAX];

		if (getcwd(where, sizeof(where)) == NULL)
			return error_errno(err, "find --log-file %s", log.path);
		log.path = arena_printf(request->arena, "%s/%s", where, log.path);
	}
	return monitor_run(&monitor, err);
}

static int run_watched(struct creation_request *request, struct bundle *bundle,
		       const struct run_options *values, struct error *err)
{
	struct seccomp_watch watch = SECCOMP_WATCH_NONE;
	struct error ignored;
	int status;

	if (values->detach)
		return error_set(err, "--seccomp-record and --seccomp-log are not for --detach");
	if (seccomp_watch_begin(&watch, request, bundle, values->seccomp_record, err) < 0) {
		seccomp_watch_end(&watch, false, &ignored);
		return -1;
	}
	status = run_foreground(request, values->keep, err);
	if (seccomp_watch_end(&watch, status >= 0, status >= 0 ? err : &ignored) < 0)
		return -1;
	return status;
}

static int run_in_background(struct creation_request *request, const struct run_options *values,
			     struct error *err)
{
	return values->log_file != NULL ? run_logged(request, values, err) :
					   run_detached(request, err);
}

static int run_bundle(struct creation_request *request, struct bundle *bundle,
		      const struct run_options *values, struct error *err)
{
	if (values->seccomp_record != NULL || values->seccomp_log)
		return run_watched(request, bundle, values, err);
	return values->detach ? run_in_background(request, values, err) :
				run_foreground(request, values->keep, err);
}

static int check_output(const struct run_options *values, bool terminal, struct error *err)
{
	const char *socket = values->source.create.console_socket;

	if (values->log_file == NULL && values->log_file_format != NULL)
		return error_set(err, "--log-file-format is for --log-file");
	if (values->log_file == NULL && values->log_file_size != NULL)
		return error_set(err, "--log-file-size is for --log-file");
	if (values->log_file == NULL)
		return create_check_terminal(terminal, values->detach, socket, err);
	if (!values->detach)
		return error_set(err, "--log-file is for --detach");
	if (socket != NULL)
		return error_set(err, "--log-file and --console-socket exclude each other");
	return 0;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	struct run_options run_options = *(const struct run_options *)values;
	struct run_source *source = &run_options.source;
	struct bundle bundle;
	struct creation_request request;
	int status = -1;

	cli_creation(cli, &request);
	request.options = &source->create;
	request.bundle = &bundle;
	if (run_source_load(cli, source, &request.id, &bundle, err) == 0 &&
	    container_id_check(request.id, err) == 0 &&
	    made_init(cli->arena, &source->made, &bundle, err) == 0 &&
	    check_output(&run_options, bundle.plan->process.terminal, err) == 0)
		status = run_bundle(&request, &bundle, &run_options, err);
	if (status < 0) {
		run_source_forget(cli, source);
		/* An image's program has said why. */
		if (err->text[0] == '\0')
			status = CLI_FAILURE;
		else if (request.id != NULL)
			status = cli_failed(cli, "run", request.id, err);
	}
	image_run_done();
	return status;
}

const struct command command_run = {
	.name = "run",
	.arguments = "ID | --rootfs DIR [ID] [-- COMMAND...] | IMAGE [ID] [-- COMMAND...]",
	.summary = "create a container, run it, and delete it",
	.description = "With --rootfs no config.json is read: the flags below make the one that\n"
		       "\"spec\" would write, changed as they say; COMMAND is sh by default.\n"
		       "IMAGE, a word with \"/\" or \":\" in it or --image, is unpacked once, to\n"
		       "a store; the container's own changes go with it, or to --overlay.  The\n"
		       "exit status is the program's.",
	.options = options, .size = sizeof(struct run_options),
	.min = 0, .max = -1, .stop_after = -1, .run = run,
};
