/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "runtime/command/space_run.h"

struct unshare_options {
	bool mount, uts, ipc, net, pid, user, cgroup, time;
	bool fork, mount_proc, kill_child, map_root, map_current;
	const char *users, *groups, *uid, *gid, *root, *directory, *propagation;
};

/* As unshare(1) names them. */
static const struct option options[] = {
	OPTION_ROW_FLAG("mount", 'm', struct unshare_options, mount, "mount namespace"),
	OPTION_ROW_FLAG("uts", 'u', struct unshare_options, uts, "uts namespace"),
	OPTION_ROW_FLAG("ipc", 'i', struct unshare_options, ipc, "ipc namespace"),
	OPTION_ROW_FLAG("net", 'n', struct unshare_options, net, "network namespace"),
	OPTION_ROW_FLAG("pid", 'p', struct unshare_options, pid, "pid namespace"),
	OPTION_ROW_FLAG("user", 'U', struct unshare_options, user, "user namespace"),
	OPTION_ROW_FLAG("cgroup", 'C', struct unshare_options, cgroup, "cgroup namespace"),
	OPTION_ROW_FLAG("time", 'T', struct unshare_options, time, "time namespace"),
	OPTION_ROW_FLAG("fork", 'f', struct unshare_options, fork,
			"accepted: the program is always a child"),
	OPTION_ROW_FLAG("mount-proc", 0, struct unshare_options, mount_proc,
			"mount a procfs on /proc; implies --mount"),
	OPTION_ROW_FLAG("kill-child", 0, struct unshare_options, kill_child,
			"kill the program when kist ends"),
	OPTION_ROW_FLAG("map-root-user", 'r', struct unshare_options, map_root,
			"be root inside; implies --user"),
	OPTION_ROW_FLAG("map-current-user", 'c', struct unshare_options, map_current,
			"keep the own ids inside; implies --user"),
	OPTION_ROW_TEXT("map-users", 0, struct unshare_options, users, "MAP",
			"INSIDE:OUTSIDE:COUNT, several joined by commas; implies --user"),
	OPTION_ROW_TEXT("map-groups", 0, struct unshare_options, groups, "MAP",
			"likewise for groups"),
	OPTION_ROW_TEXT("setuid", 'S', struct unshare_options, uid, "UID",
			"become this user inside"),
	OPTION_ROW_TEXT("setgid", 'G', struct unshare_options, gid, "GID",
			"become this group inside, and leave all others"),
	OPTION_ROW_TEXT("root", 'R', struct unshare_options, root, "DIR", "the root directory"),
	OPTION_ROW_TEXT("wd", 'w', struct unshare_options, directory, "DIR",
			"the working directory"),
	OPTION_ROW_CHOICE("propagation", 0, struct unshare_options, propagation,
			  "private|slave|shared|unchanged", "of mounts; the default is private"),
	{ 0 },
};

static const struct {
	const char *name;
	uint64_t flag;
} propagations[] = {
	{ "private", MS_PRIVATE }, { "slave", MS_SLAVE }, { "shared", MS_SHARED },
	{ "unchanged", 0 },
};

static uint64_t namespaces(const struct unshare_options *o)
{
	bool maps = o->map_root || o->map_current || o->users || o->groups;

	return (o->mount || o->mount_proc ? CLONE_NEWNS : 0) | (o->uts ? CLONE_NEWUTS : 0) |
	       (o->ipc ? CLONE_NEWIPC : 0) | (o->net ? CLONE_NEWNET : 0) |
	       (o->pid ? CLONE_NEWPID : 0) | (o->user || maps ? CLONE_NEWUSER : 0) |
	       (o->cgroup ? CLONE_NEWCGROUP : 0) | (o->time ? CLONE_NEWTIME : 0);
}

/* "0:1000:1" is "0 1000 1". */
static const char *map_text(struct cli *cli, const char *map, bool current, uint32_t own)
{
	char *text;

	if (map == NULL)
		return current ? arena_printf(cli->arena, "%u %u 1", own, own) : NULL;
	text = arena_strdup(cli->arena, map);
	for (char *at = text; *at != '\0'; at++)
		if (*at == ':')
			*at = ' ';
	return text;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct unshare_options *o = values;
	struct space_run space = SPACE_RUN_INIT;
	int status;

	space.options.flags = namespaces(o);
	space.options.uid_map = map_text(cli, o->users, o->map_current, geteuid());
	space.options.gid_map = map_text(cli, o->groups, o->map_current, getegid());
	space.options.map_zero = o->map_root;
	space.uid = o->uid;
	space.gid = o->gid;
	space.options.root_dir = o->root;
	space.options.work_dir = o->directory;
	space.mount_proc = o->mount_proc;
	space.kill_child = o->kill_child;
	for (size_t i = 0; o->propagation != NULL && i < ARRAY_SIZE(propagations); i++)
		if (strcmp(o->propagation, propagations[i].name) == 0)
			space.propagation = propagations[i].flag;
	status = space_run_foreground(cli, &space, cli->arguments.items, err);
	if (status < 0 && err->code == EPERM && geteuid() != 0 &&
	    !(space.options.flags & CLONE_NEWUSER))
		error_hint(err, "--map-root-user (-r) makes one");
	return status;
}

const struct command command_unshare = {
	.name = "unshare", .arguments = "[PROGRAM [ARG...]]",
	.summary = "run a program in new namespaces",
	.description = "The options are called as those of unshare(1).\n"
		       "Without a program: the shell.",
	.options = options, .size = sizeof(struct unshare_options),
	.min = 0, .max = -1, .stop_after = 1, .run = run,
};
