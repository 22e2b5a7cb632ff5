/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/command.h"

/* In the order of --help: a life, then looking at it, then the rest. */
#define COMMANDS(row) \
	row(run) row(create) row(start) row(exec) row(kill) row(delete) row(wait) \
	row(state) row(list) row(ps) row(pause) row(resume) row(events) row(update) row(gc) \
	row(space) row(unshare) row(enter) \
	row(spec) row(check) row(plan) row(features) row(completion) row(help_page) row(man)

#define DECLARE(name)	extern const struct command command_##name;
#define POINT(name)	&command_##name,
COMMANDS(DECLARE)

const struct command *const commands[] = { COMMANDS(POINT) NULL };

const struct option global_options[] = {
	OPTION_ROW_TEXT("root", 0, struct global_options, root, "DIR",
			"where the state of all containers is kept"),
	OPTION_ROW_TEXT("log", 0, struct global_options, log, "FILE",
			"write errors and warnings there, too: a path, journald:ID or syslog:ID"),
	OPTION_ROW_CHOICE("log-format", 0, struct global_options, log_format, "text|json",
			  "the form of --log"),
	OPTION_ROW_CHOICE("log-level", 0, struct global_options, log_level,
			  "debug|info|warning|error", "what is worth logging"),
	OPTION_ROW_FLAG("debug", 0, struct global_options, debug, "the same as --log-level=debug"),
	OPTION_ROW_FLAG("systemd-cgroup", 0, struct global_options, systemd_cgroup,
			"the same as --cgroup-manager=systemd"),
	OPTION_ROW_CHOICE("cgroup-manager", 0, struct global_options, cgroup_manager,
			  "cgroupfs|systemd|disabled", "who makes cgroups"),
	OPTION_ROW_CHOICE("rootless", 0, struct global_options, rootless, "true|false|auto",
			  "accepted: kist finds out itself"),
	OPTION_ROW_FLAG("systemd-log", 0, struct global_options, systemd_log, NULL),
	OPTION_ROW_FLAG("help", 'h', struct global_options, help, "show help"),
	OPTION_ROW_FLAG("version", 'v', struct global_options, version, "show the version"),
	OPTION_ROW_FLAG("version", 'V', struct global_options, version, NULL),
	{ 0 },
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i] != NULL; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}
