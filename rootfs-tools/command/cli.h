/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>

#include "base/command.h"

/* The command line of kist-rootfs: what its commands are given. */
struct global_options {
	const char *store;
	bool help, version;
};

struct cli {
	struct arena *arena;
	struct global_options global;
	struct arguments arguments;
	int failure;			/* the exit status of an error */
	struct text out;
};

extern const struct command_set rootfs_commands;

/* stdout, now. */
int cli_flush(struct cli *cli, struct error *err);
