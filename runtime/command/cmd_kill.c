/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/sys.h"
#include "config/names.h"
#include "runtime/command/command.h"
#include "runtime/container.h"

struct kill_options {
	bool all, regex;
};

static const struct option options[] = {
	OPTION_ROW_FLAG("all", 'a', struct kill_options, all,
			"to every process in its cgroup, also when the first has ended"),
	OPTION_ROW_ABSENT("signal", 's', "the signal is an argument: kist kill ID SIGNAL"),
	OPTION_ROW_FLAG("regex", 'r', struct kill_options, regex,
			"ID is a regular expression: to every container whose id matches"),
	{ 0 },
};

static int kill_first(struct container *c, int signal, struct error *err)
{
	int pidfd = container_pidfd(c, err);

	if (pidfd < 0)
		return -1;
	if (sys_pidfd_send_signal(pidfd, signal) == 0)
		return 0;
	if (errno == ESRCH)
		return container_error(err, ESRCH, "container not running");
	return error_errno(err, "send signal %d to container %s", signal, c->id);
}

/* Without a pid namespace of its own, a container can outlive its first process. */
static int kill_all(struct container *c, int signal, struct error *err)
{
	int result;

	/* As of most users' containers: what is known for certain is the first. */
	if (!cgroup_is_used(&c->cgroup))
		return kill_first(c, signal, err);
	result = cgroup_open(&c->cgroup, err);
	if (result == 0)
		result = signal == SIGKILL ? cgroup_kill(&c->cgroup, err) :
					     cgroup_signal(&c->cgroup, signal, err);
	if (result < 0 && cgroup_is_gone(err->code))
		return container_error(err, ESRCH, "container not running");
	return result;
}

static int kill_one(struct cli *cli, const void *values, struct error *err)
{
	const struct kill_options *kill = values;
	const char *word = cli->arguments.count > 1 ? cli->arguments.items[1] : "";
	const char *name = *word != '\0' ? word : "TERM";
	_cleanup_container struct container c = CONTAINER_NONE;
	int signal = signal_parse(name);
	enum container_status status;
	struct error ignored;

	if (cli_container(cli, &c, err) < 0)
		return -1;
	/* 0 asks whether it is there. */
	if (signal == 0 && strcmp(name, "0") != 0)
		return error_set(err, "unknown signal \"%s\": must be a name as TERM or a number",
				 name);
	status = container_status(&c);
	if (kill->all)
		return kill_all(&c, signal, err);
	if (kill_first(&c, signal, err) < 0)
		return -1;
	/* A frozen process gets SIGKILL from cgroup v2 alone; v1 keeps it waiting. */
	if (status == CONTAINER_PAUSED && signal == SIGKILL &&
	    cgroup_freeze(&c.cgroup, false, err) < 0)
		/* It may have ended by then, and who waited for it has deleted it. */
		return cgroup_is_gone(err->code) ? 0 : -1;
	if (signal == SIGKILL)
		cgroup_thaw_killed(&c.cgroup, &ignored);
	return 0;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct kill_options *kill = values;

	return kill->regex ? cli_each_match(cli, kill_one, kill, err) : kill_one(cli, kill, err);
}

const struct command command_kill = {
	.name = "kill", .arguments = "ID [SIGNAL]",
	.summary = "send a signal to a container: TERM where none is given",
	.options = options, .size = sizeof(struct kill_options),
	.min = 1, .max = 2, .stop_after = -1, .run = run,
};
