/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/option.h"
#include "config/plan.h"

/*
 * The process of "exec": the container's own with what the flags change, or one
 * from a file.  Capabilities that flags add are never inheritable or ambient
 * (CVE-2022-29162, security.md I11).
 */
struct process_options {
	const char *process, *cwd, *user, *label, *apparmor;
	word_list env, gids, capabilities;
	bool tty;
	bool own_env;			/* env is all, and nothing of the container's */
	int no_new_privs;		/* as OPTION_MAYBE has it */
};

/* args: what is to run, without --process. */
const struct process_plan *exec_process(struct arena *arena, const struct plan *plan,
					const struct process_options *options,
					const struct arguments *args, struct error *err);

struct exec_options {
	struct process_options process;
	const char *pid_file, *console_socket, *pidfd_socket;
	word_list cgroups;
	int preserve_fds, timeout;
	bool detach, ignore_paused, no_subreaper;
};
struct cli;
/* All of "exec"; tools_fd is "debug"'s, as in struct init, or -EBADF. */
int exec_command(struct cli *cli, const struct exec_options *options, int tools_fd,
		 struct error *err);
