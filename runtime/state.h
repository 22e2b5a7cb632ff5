/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/text.h"
#include "runtime/container.h"

/*
 * What state.json keeps, and the state that "state", "list" and hooks show.
 *
 * The file is our own, with the keys that others read in runc's: id,
 * init_process_pid, init_process_start, created, cgroup_paths,
 * namespace_paths, config.rootfs, config.labels.
 */

/* Written to another name and renamed: whole or not at all. */
int state_save(struct container *c, struct error *err);
/* Fills what state.json keeps.  -1 with ENOENT in err->code when there is none. */
int state_load(struct container *c, struct error *err);

/*
 * The state of runtime-spec's runtime.md, with runc's additions (rootfs,
 * created, owner).  indent: two spaces a level, as "state" prints it; else one
 * line.  owner: NULL leaves it "".
 */
void state_print(struct text *out, const struct container *c, enum container_status status,
		 bool indent, const char *owner);
/* What hooks read: the members that the spec has, on one line. */
void state_print_hook(struct text *out, const struct container *c, const char *status);
/* RFC 3339 with the digits of a second that are not 0, in UTC. */
void state_print_time(struct text *out, const struct timespec *time);
