/* SPDX-License-Identifier: Apache-2.0 */
#include "base/document.h"
#include "runtime/command/command.h"
#include "runtime/command/other_words.h"

/* In the order of --help: a life, then looking at it, then the rest. */
#define COMMANDS(row) \
	row(run) row(create) row(start) row(exec) row(debug) row(kill) row(delete) row(wait) \
	row(state) row(list) row(ps) row(top) row(stats) row(logs) row(attach) \
	row(pause) row(resume) \
	row(events) row(update) row(mounts) row(gc) \
	row(checkpoint) row(restore) row(seccomp) \
	row(space) row(unshare) row(enter) row(rootfs) row(smoke) \
	row(spec) row(check) row(plan) row(features) row(completion) row(help_page) row(man)

#define DECLARE(name)	extern const struct command command_##name;
#define POINT(name)	&command_##name,
COMMANDS(DECLARE)

static const struct command *const commands[] = { COMMANDS(POINT) NULL };

#define OTHER(name, instead)	{ name, instead },
static const struct command_other others[] = { OTHER_COMMANDS(OTHER) { 0 } };

static const struct option global_options[] = {
	OPTION_ROW_WORD("root", 0, struct global_options, root, "DIR",
			"where the state of all containers is kept; as root /run/kist"),
	OPTION_ROW_WORD("log", 0, struct global_options, log, "FILE",
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
	OPTION_ROW_BARE_CHOICE("rootless", 0, struct global_options, rootless, "true|false|auto",
			       "accepted: kist finds out itself"),
	/* As runc 1.1 took it, from containerd 1's criu_path. */
	OPTION_ROW_WORD("criu", 0, struct global_options, criu, "PATH", NULL),
	OPTION_ROW_FLAG("systemd-log", 0, struct global_options, systemd_log, NULL),
	OPTION_ROW_FLAG("help", 'h', struct global_options, help, "show help"),
	OPTION_ROW_FLAG("version", 'v', struct global_options, version, "show the version"),
	OPTION_ROW_FLAG("version", 'V', struct global_options, version, NULL),
	{ 0 },
};

const struct command_set kist_commands = {
	.program = "kist",
	.summary = "run containers from OCI bundles",
	.commands = commands,
	.others = others,
	.options = global_options,
	.ids = "list -q",
	.ids_option = "root",
	.man_description =
		"kist takes a bundle, a root file system and a config.json as the OCI runtime "
		"specification has them, and runs it.\n"
		"It understands the command lines of runc and crun.\n",
	.man_tail =
		".SH EXIT STATUS\nThat of the program for\n.B run\nand\n.BR exec ,\n"
		"128+N where signal N ended it.  Errors of kist itself: 1, and 255 for\n"
		".BR exec .\n"
		".SH ENVIRONMENT\n.TP\n.B KIST_INIT\nThe default of\n"
		".BR \"run \\-\\-init\" .\n"
		".TP\n.B XDG_RUNTIME_DIR\nWhere an ordinary user's state is kept, in kist/.\n"
		".TP\n.B LISTEN_FDS\n"
		"The fds are passed on, with LISTEN_PID set for the program, unless\n"
		"LISTEN_PID names another process than kist, and not 1.\n"
		".TP\n.B NOTIFY_SOCKET\nThe program gets one of its own, and what it says there\n"
		"is passed on (sd_notify); a detached\n.B run\nand\n.B start\n"
		"return when it is ready.\n"
		".SH FILES\n.TP\n.I /run/kist\nThe state of root's containers.\n"
		".TP\n.I /tmp/kist-run-UID\n"
		"That of an ordinary user's where XDG_RUNTIME_DIR is not set.\n"
		".SH SEE ALSO\n.BR kist-rootfs (1),\n.BR kist-smoke (1),\n.BR kist-init (1),\n"
		".BR kist_space (3)\n",
};
