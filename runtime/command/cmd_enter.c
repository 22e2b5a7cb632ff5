/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/command/space_run.h"

struct enter_options {
	const char *target, *uid, *gid;
	bool all, root, directory, fork;
	word_list namespaces;		/* "net=true" or "net=/run/netns/x" */
};

#define NAMESPACE_ROW(name, letter, help) \
	{ name, letter, OPTION_ASSIGN, \
	  OPTION_AT(struct enter_options, namespaces.items, const char **), NULL, help }

/* As nsenter(1) names them. */
static const struct option options[] = {
	OPTION_ROW_TEXT("target", 't', struct enter_options, target, "PID", "whose namespaces"),
	OPTION_ROW_FLAG("all", 'a', struct enter_options, all,
			"all that differ; the default where none is named"),
	NAMESPACE_ROW("mount", 'm', "mount namespace, of the process or --mount=FILE"),
	NAMESPACE_ROW("uts", 'u', "uts namespace"),
	NAMESPACE_ROW("ipc", 'i', "ipc namespace"),
	NAMESPACE_ROW("net", 'n', "network namespace"),
	NAMESPACE_ROW("pid", 'p', "pid namespace"),
	NAMESPACE_ROW("user", 'U', "user namespace"),
	NAMESPACE_ROW("cgroup", 'C', "cgroup namespace"),
	NAMESPACE_ROW("time", 'T', "time namespace"),
	OPTION_ROW_FLAG("root", 'r', struct enter_options, root,
			"root and working directory of the process"),
	OPTION_ROW_FLAG("wd", 'w', struct enter_options, directory, "the same"),
	OPTION_ROW_TEXT("setuid", 'S', struct enter_options, uid, "UID", "become this user inside"),
	OPTION_ROW_TEXT("setgid", 'G', struct enter_options, gid, "GID",
			"become this group inside, and leave all others"),
	OPTION_ROW_FLAG("fork", 'f', struct enter_options, fork, NULL),
	{ 0 },
};

static const struct {
	const char *name;
	uint64_t flag;
	size_t path;
} types[] = {
	{ "mount=", CLONE_NEWNS, offsetof(struct kist_target, mount) },
	{ "uts=", CLONE_NEWUTS, offsetof(struct kist_target, uts) },
	{ "ipc=", CLONE_NEWIPC, offsetof(struct kist_target, ipc) },
	{ "net=", CLONE_NEWNET, offsetof(struct kist_target, network) },
	{ "pid=", CLONE_NEWPID, offsetof(struct kist_target, pid_ns) },
	{ "user=", CLONE_NEWUSER, offsetof(struct kist_target, user) },
	{ "cgroup=", CLONE_NEWCGROUP, offsetof(struct kist_target, cgroup) },
	{ "time=", CLONE_NEWTIME, offsetof(struct kist_target, time) },
};

/* One of the list: a bit of which, and a path where that has the namespace. */
static bool take(struct kist_target *target, const char *item)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		size_t length = strlen(types[i].name);

		if (strncmp(item, types[i].name, length) != 0)
			continue;
		target->which |= types[i].flag;
		if (strcmp(item + length, "true") == 0)
			return true;
		memcpy((char *)target + types[i].path, &(const char *){ item + length },
		       sizeof(const char *));
	}
	return false;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct enter_options *o = values;
	struct kist_target target = KIST_TARGET_INIT;
	struct space_run space = SPACE_RUN_INIT;
	bool of_process = o->namespaces.count == 0 || o->all || o->root || o->directory;
	uint64_t pid = 0;

	LIST_EACH(item, o->namespaces)
		if (take(&target, *item))
			of_process = true;
	if (o->target == NULL && of_process)
		return error_set(err, "enter whose namespaces? --target PID says it");
	if (o->target != NULL && (!text_to_u64(o->target, INT32_MAX, &pid) || pid == 0))
		return error_set(err, "invalid value \"%s\" for flag --target: must be a pid",
				 text_printable(cli->arena, o->target));
	target.pid = (pid_t)pid;
	if (o->all)
		target.which = 0;
	target.use_root = o->root || o->directory;
	space.uid = o->uid;
	space.gid = o->gid;
	space.target = &target;
	return space_run_foreground(cli, &space, cli->arguments.items, err);
}

const struct command command_enter = {
	.name = "enter", .arguments = "[PROGRAM [ARG...]]",
	.summary = "run a program in the namespaces of a process",
	.description = "The options are called as those of nsenter(1).\n"
		       "Without a program: the shell.",
	.options = options, .size = sizeof(struct enter_options),
	.min = 0, .max = -1, .stop_after = 1, .run = run,
};
