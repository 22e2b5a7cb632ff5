/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/command/space_run.h"

struct space_options {
	bool verbose, all, ipc, mount, net, pid, uts, user, id;
	const char *uid, *gid, *proc;
};

static const struct option options[] = {
	OPTION_ROW_FLAG("verbose", 'v', struct space_options, verbose,
			"say the pid of the child, and how it ended"),
	OPTION_ROW_FLAG("all", 'a', struct space_options, all, "all namespaces"),
	OPTION_ROW_FLAG("ipc", 'i', struct space_options, ipc, "ipc namespace"),
	OPTION_ROW_FLAG("mnt", 'm', struct space_options, mount, "mount namespace"),
	OPTION_ROW_FLAG("fs", 0, struct space_options, mount, NULL),
	OPTION_ROW_FLAG("net", 'n', struct space_options, net, "network namespace"),
	OPTION_ROW_FLAG("pid", 'p', struct space_options, pid, "pid namespace"),
	OPTION_ROW_FLAG("uts", 'u', struct space_options, uts, "uts namespace"),
	OPTION_ROW_FLAG("user", 'U', struct space_options, user, "user namespace"),
	OPTION_ROW_TEXT("uid", 'M', struct space_options, uid, "MAP",
			"uid map: \"0 1000 1,1 1001 1\", or ids \"1000,1001\", or \"self\""),
	OPTION_ROW_TEXT("gid", 'G', struct space_options, gid, "MAP", "gid map, likewise"),
	OPTION_ROW_FLAG("id", 'z', struct space_options, id, "map the own uid and gid to 0"),
	OPTION_ROW_TEXT("proc", 0, struct space_options, proc, "DIR", "where procfs is"),
	{ 0 },
};

static uint64_t namespaces(const struct space_options *o)
{
	return (o->all ? KIST_ALL_NAMESPACES : 0) | (o->ipc ? CLONE_NEWIPC : 0) |
	       (o->mount ? CLONE_NEWNS : 0) | (o->net ? CLONE_NEWNET : 0) |
	       (o->pid ? CLONE_NEWPID : 0) | (o->uts ? CLONE_NEWUTS : 0) |
	       (o->user ? CLONE_NEWUSER : 0);
}

/* execute ARGS..., chroot PATH ARGS..., inject PID ARGS... */
static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct space_options *o = values;
	const char **args = cli->arguments.items;
	const char *word = *args++;
	struct kist_target target = KIST_TARGET_INIT;
	struct space_run space = SPACE_RUN_INIT;
	uint64_t pid;

	space.verbose = o->verbose;
	space.options.flags = namespaces(o);
	space.options.uid_map = o->uid;
	space.options.gid_map = o->gid;
	space.options.map_zero = o->id;
	space.options.proc_dir = target.proc_dir = o->proc;
	if (strcmp(word, "execute") == 0)
		return space_run_foreground(cli, &space, args, err);
	if (strcmp(word, "chroot") != 0 && strcmp(word, "inject") != 0)
		return error_set(err, "no such command: space %s; there are execute, chroot and "
				 "inject", text_printable(cli->arena, word));
	if (*args == NULL)
		return error_set(err, "\"space %s\" requires a %s", word,
				 *word == 'c' ? "PATH" : "TARGET_PID");
	if (*word == 'c') {
		space.options.flags |= CLONE_NEWUSER | CLONE_NEWNS;
		space.options.root_dir = *args;
		return space_run_foreground(cli, &space, args + 1, err);
	}
	if (!text_to_u64(*args, INT32_MAX, &pid) || pid == 0)
		return error_set(err, "invalid TARGET_PID \"%s\"",
				 text_printable(cli->arena, *args));
	/* With a map, a user namespace of its own inside those that are joined. */
	target.pid = (pid_t)pid;
	target.which = space.options.flags;
	space.options.flags = o->uid || o->gid || o->id ? CLONE_NEWUSER : 0;
	space.target = &target;
	return space_run_foreground(cli, &space, args + 1, err);
}

const struct command command_space = {
	.name = "space", .arguments = "execute|chroot PATH|inject TARGET_PID [PROGRAM [ARG...]]",
	.summary = "run a program in namespaces: new ones, with a root, or a process'",
	.description = "execute: in new namespaces, those that are named.\n"
		       "chroot: in a new user and mount namespace, with PATH as root.\n"
		       "inject: in those of TARGET_PID that are named, or all that differ.\n"
		       "The exit status is the program's.",
	.options = options, .size = sizeof(struct space_options),
	.min = 1, .max = -1, .stop_after = 2, .run = run,
};
