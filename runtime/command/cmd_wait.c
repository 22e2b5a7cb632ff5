/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "runtime/command/command.h"
#include "runtime/container.h"
#include "runtime/monitor.h"

#define STATUS_TRIES	100
#define STATUS_STEP_MS	50

struct wait_options {
	int timeout;
};

static const struct option options[] = {
	OPTION_ROW_NUMBER("timeout", 0, struct wait_options, timeout, "SECONDS",
			  "give up after so long; 0, the default: never"),
	{ 0 },
};

/* Only its parent knows: the keeper of its log, which writes it down in a moment. */
static int exit_status(struct container *c, struct error *err)
{
	struct error ignored;
	uint64_t status;
	char *text;

	for (int i = 0; i < STATUS_TRIES; i++) {
		/* It may be deleted meanwhile. */
		if (faccessat(c->dir_fd, MONITOR_LOG, F_OK, 0) < 0)
			return 0;
		if (file_read(c->dir_fd, MONITOR_EXIT, 16, c->arena, &text, NULL, &ignored) == 0 &&
		    text_to_u64(arena_strndup(c->arena, text, strcspn(text, "\n")), 255, &status))
			return (int)status;
		poll(NULL, 0, STATUS_STEP_MS);
	}
	return error_set(err,
			 "container %s has ended, but nobody knows its status: the process that "
			 "kept its log died",
			 c->id);
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct wait_options *wait = values;
	_cleanup_container struct container c = CONTAINER_NONE;
	struct pollfd ended = { .events = POLLIN };
	int limit = wait->timeout > 0 ? clock_poll_ms(wait->timeout) : -1;
	int ready;

	if (cli_container(cli, &c, err) < 0)
		return -1;
	ended.fd = container_pidfd(&c, err);
	if (ended.fd < 0)
		return err->code == ESRCH ? exit_status(&c, err) : -1;
	do {
		ready = poll(&ended, 1, limit);
	} while (ready < 0 && errno == EINTR);
	if (ready == 0)
		return error_set(err, "container %s still runs after %d seconds", c.id,
				 wait->timeout);
	return ready < 0 ? error_errno(err, "wait for %s", c.id) : exit_status(&c, err);
}

const struct command command_wait = {
	.name = "wait", .arguments = "ID", .summary = "wait until a container has ended",
	.description = "Exits with the program's status where \"run --detach --log-file\" started\n"
		       "it; else with 0, for the status is known to its parent alone.",
	.options = options, .size = sizeof(struct wait_options),
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
