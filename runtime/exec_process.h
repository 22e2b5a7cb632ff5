/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/plan.h"
#include "base/option.h"

/*
 * The process of "exec": the container's own with what the flags change, or one
 * from a file.  Capabilities that flags add are never inheritable or ambient
 * (CVE-2022-29162, security.md I11).
 */
struct process_options {
	const char *process, *cwd, *user, *label, *apparmor;
	option_list env, gids, capabilities;
	bool tty, no_new_privs;
};

/* args: what is to run, without --process. */
const struct process_plan *exec_process(struct arena *arena, const struct plan *plan,
					const struct process_options *options,
					const struct arguments *args, struct error *err);
