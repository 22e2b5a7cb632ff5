/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/make_option.h"
#include "runtime/create.h"

/*
 * "run" without a config.json: the flags that make one, and the flags for the
 * init inside, which go with any configuration.
 */
struct made_options {
	struct make_options make;
	const char *net, *init;
	word_list init_options;		/* "init-grace=5" */
};

#define MADE_OPTION_ROWS(s, at) \
	OPTION_ROW_TEXT("rootfs", 0, s, at make.rootfs, "DIR", \
			"run a command in this root, without a config.json"), \
	MAKE_OPTION_ROWS(s, at)

/* The rows of config/init_option.c's table; a test holds them equal. */
#define INIT_OPTION_ROWS(s, at) \
	OPTION_ROW_BARE_CHOICE("init", 0, s, at init, "always|auto|never", \
			  "whether pid 1 is kist's init; KIST_INIT sets the default, auto"), \
	OPTION_ROW_ASSIGN("init-grace", s, at init_options, "SECONDS", \
			  "after TERM wait so long, then KILL what is left"), \
	OPTION_ROW_ASSIGN("init-stop-signal", s, at init_options, "SIGNAL", \
			  "begins the grace period, too"), \
	OPTION_ROW_ASSIGN("init-wait-all", s, at init_options, NULL, \
			  "stay until every process is gone"), \
	OPTION_ROW_ASSIGN("init-rewrite", s, at init_options, "FROM:TO", \
			  "forward TO in the place of FROM; 0: nothing"), \
	OPTION_ROW_ASSIGN("init-group", s, at init_options, NULL, \
			  "signal the program's process group"), \
	OPTION_ROW_ASSIGN("init-remap", s, at init_options, "CODE[:TO]", \
			  "exit with TO (0) in the place of CODE"), \
	OPTION_ROW_ASSIGN("init-report", s, at init_options, "FD|PATH", \
			  "write how it ended, one line of JSON"), \
	OPTION_ROW_ASSIGN("init-warn", s, at init_options, NULL, "say which orphans were reaped")

/* A bundle from --rootfs and what else was said; args: what is to run. */
int made_bundle(struct arena *arena, const struct made_options *options, const char *const *args,
		size_t arg_count, struct bundle *ret, struct error *err);
/* What --init, --init-* and KIST_INIT change of a plan. */
int made_init(struct arena *arena, const struct made_options *options, struct bundle *bundle,
	      struct error *err);
