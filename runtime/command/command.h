/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>

#include "base/command.h"

/* The command line of kist: what its commands are given. */
enum { CLI_FAILURE = 1, CLI_EXEC_FAILURE = 255 };

struct global_options {
	const char *root, *log, *log_format, *log_level, *cgroup_manager, *rootless, *criu;
	bool debug, systemd_cgroup, systemd_log, help, version;
};

struct cli {
	struct arena *arena;
	const char *name;		/* "kist", "runc" or "crun": how we were called */
	struct command_set commands;	/* called by that name */
	struct global_options global;
	bool root_given;		/* --root, not the default */
	struct arguments arguments;
	struct text out;
};

extern const struct command_set kist_commands;

/* stdout, now. */
int cli_flush(struct cli *cli, struct error *err);
/* The directory of all containers, as --root and the caller's rights say. */
const char *cli_root(struct cli *cli);
/* The same, opened; made first where create is set.  Returns an fd. */
int cli_root_open(struct cli *cli, bool create, struct error *err);

struct container;
/* The container of arguments[0]; root and all. */
int cli_container(struct cli *cli, struct container *ret, struct error *err);
/* The same, locked, so that nobody else changes it. */
int cli_container_locked(struct cli *cli, struct container *ret, struct error *err);

void program_version(struct text *out, const char *program);

struct creation_request;
/* What the command line says of a container that is to be made: all but options and id. */
void cli_creation(struct cli *cli, struct creation_request *ret);
/* "create web: " in front, or "runc create failed: " for who calls us so.  Returns -1. */
int cli_failed(const struct cli *cli, const char *verb, const char *id, struct error *err);

/* What a command does with the container of arguments[0]. */
typedef int cli_one(struct cli *cli, const void *options, struct error *err);
/* arguments[0] is a regular expression, as crun's --regex: does it with every id that matches. */
int cli_each_match(struct cli *cli, cli_one *one, const void *options, struct error *err);
