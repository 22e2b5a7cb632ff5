/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/make.h"
#include "runtime/create.h"

/*
 * "run" without a config.json: the flags that make one, and the flags for the
 * init inside, which go with any configuration.
 */
struct made_options {
	struct make_options make;
	const char *net, *init;
	option_list init_options;	/* "init-grace=5" */
};

#define MADE_OPTION_ROWS(s, at) \
	OPTION_ROW_TEXT("rootfs", 0, s, at make.rootfs, "DIR", \
			"run a command in this root, without a config.json"), \
	OPTION_ROW_TEXT("hostname", 0, s, at make.hostname, "NAME", "host name inside"), \
	OPTION_ROW_TEXT("domainname", 0, s, at make.domainname, "NAME", "domain name inside"), \
	OPTION_ROW_TEXT("cwd", 'w', s, at make.cwd, "DIR", "working directory; / by default"), \
	OPTION_ROW_TEXT("user", 'u', s, at make.user, "UID[:GID]", "who runs it; 0:0 by default"), \
	OPTION_ROW_LIST("env", 'e', s, at make.env, "NAME[=VALUE]", \
			"environment; without a value the caller's"), \
	OPTION_ROW_LIST("mount", 'm', s, at make.mounts, "SRC:DST[:OPTIONS]", \
			"a bind mount, or type=T,source=S,destination=D,options=A:B"), \
	OPTION_ROW_LIST("tmpfs", 0, s, at make.tmpfs, "DST[:OPTIONS]", "an empty tmpfs there"), \
	OPTION_ROW_LIST("annotation", 0, s, at make.annotations, "KEY=VALUE", "an annotation"), \
	OPTION_ROW_FLAG("read-only", 0, s, at make.read_only, "nothing can write to the root"), \
	OPTION_ROW_CHOICE("net", 0, s, at net, "private|none|host", \
			  "a network of its own, which is the default, or the host's"), \
	OPTION_ROW_TEXT("memory", 0, s, at make.memory, "BYTES", "memory limit, as 512M"), \
	OPTION_ROW_TEXT("cpus", 0, s, at make.cpus, "N", "CPU time, as 1.5"), \
	OPTION_ROW_TEXT("pids", 0, s, at make.pids, "N", "processes and threads"), \
	OPTION_ROW_LIST("cap-add", 0, s, at make.cap_add, "NAME", \
			"a capability more, or \"all\""), \
	OPTION_ROW_LIST("cap-drop", 0, s, at make.cap_drop, "NAME", \
			"a capability less, or \"all\""), \
	OPTION_ROW_FLAG("new-privileges", 0, s, at make.new_privileges, \
			"setuid programs work: noNewPrivileges is off"), \
	OPTION_ROW_FLAG("tty", 't', s, at make.terminal, "give it a terminal")

/* The rows of config/init_option.c's table; a test holds them equal. */
#define INIT_OPTION_ROWS(s, at) \
	OPTION_ROW_CHOICE("init", 0, s, at init, "always|auto|never", \
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
