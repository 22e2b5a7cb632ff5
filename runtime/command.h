/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/text.h"
#include "runtime/option.h"

/*
 * A command of the command line: a row for the parser, --help, the man page
 * and the completions, and the function that does it.  Each has a file
 * cmd_<name>.c.
 *
 * A command prints nothing: what it adds to cli->out goes to stdout when it
 * has succeeded (or with cli_flush(), for what streams), and its error goes to
 * main(), which is the only one to report it.
 */
enum { CLI_FAILURE = 1, CLI_EXEC_FAILURE = 255 };

struct global_options {
	const char *root, *log, *log_format, *log_level, *cgroup_manager, *rootless;
	bool debug, systemd_cgroup, systemd_log, help, version;
};

struct cli {
	struct arena *arena;
	const char *name;		/* "kist", "runc" or "crun": how we were called */
	struct global_options global;
	bool root_given;		/* --root, not the default */
	struct arguments arguments;
	struct text out;
};

struct command {
	const char *name;
	const char *arguments;		/* "ID [SIGNAL]" */
	const char *summary;		/* one line, for the list of commands */
	const char *description;	/* what --help and the man page add, or NULL */
	const struct option *options;	/* or NULL */
	size_t size;			/* of the struct that they fill */
	int min, max;			/* arguments; max -1: any number */
	int stop_after;			/* behind so many arguments no option comes; -1: never */
	bool hidden;
	/* The exit status, or -1 and *err. */
	int (*run)(struct cli *cli, const void *options, struct error *err);
};

/* NULL behind the last. */
extern const struct command *const commands[];
extern const struct option global_options[];
const struct command *command_find(const char *name);

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

void command_help(struct text *out, const char *program, const struct command *command);
void program_help(struct text *out, const char *program);
void program_version(struct text *out, const char *program);
