/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>

#include "runtime/command.h"
#include "runtime/container.h"

struct wait_options {
	int timeout;
};

static const struct option options[] = {
	OPTION_ROW_NUMBER("timeout", 0, struct wait_options, timeout, "SECONDS",
			  "give up after so long; 0, the default: never"),
	{ 0 },
};

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct wait_options *wait = values;
	_cleanup_container struct container c = CONTAINER_NONE;
	struct pollfd ended = { .events = POLLIN };
	int ready;

	if (cli_container(cli, &c, err) < 0)
		return -1;
	ended.fd = container_pidfd(&c, err);
	if (ended.fd < 0)
		return err->code == ESRCH ? 0 : -1;
	do {
		ready = poll(&ended, 1, wait->timeout > 0 ? wait->timeout * 1000 : -1);
	} while (ready < 0 && errno == EINTR);
	if (ready == 0)
		return error_set(err, "container %s still runs after %d seconds", c.id,
				 wait->timeout);
	return ready < 0 ? error_errno(err, "wait for %s", c.id) : 0;
}

const struct command command_wait = {
	.name = "wait", .arguments = "ID", .summary = "wait until a container has ended",
	.description = "Exits with 0 then: the status of the program is known to its parent alone.",
	.options = options, .size = sizeof(struct wait_options),
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
