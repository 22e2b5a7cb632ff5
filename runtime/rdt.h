/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "config/plan.h"

/*
 * linux.intelRdt: a container in a group of resctrl, the kernel's file system
 * for shares of cache and memory bandwidth.  Without that property nothing
 * here is called, and no resctrl is looked at.
 *
 * The group is the one that closID names, which stays when the container
 * goes, or one of the container's own, named by its id.  A monitoring group
 * below it always is the container's own.  What is to be removed again is
 * written to the journal before it is made.  Source: OCI runtime spec 1.3,
 * config-linux.md; Linux, Documentation/filesystems/resctrl.rst.
 */
struct rdt {
	const char *group;	/* absolute path of the directory; NULL: the container is in none */
	const char *monitor;	/* the monitoring group's, or NULL */
	bool own;		/* the group was made for the container, and goes with it */
};

/* Finds or makes the groups, and writes the schemata.  What it made is gone when it fails. */
int rdt_create(struct rdt *ret, struct arena *arena, const struct intel_rdt_plan *plan,
	       const char *id, int journal_fd, struct error *err);
/* Puts a process in, and so what it starts later. */
int rdt_join(const struct rdt *rdt, pid_t pid, struct error *err);
/* New lines for the container's group, each NULL or "L3:..." and "MB:...". */
int rdt_update(const struct rdt *rdt, const char *l3, const char *bandwidth, struct error *err);
/* Takes away what was made for the container; what is not there is no error. */
int rdt_remove(const struct rdt *rdt, struct error *err);

/* The object intel_rdt of "kist events": "{}" for a container that is in no group. */
int rdt_print_stats(struct text *out, const struct rdt *rdt, struct error *err);

/* --- shared by the two files alone ------------------------------------------------- */

/* Where resctrl is mounted; NULL, and an error that says what to do, where it is not. */
const char *rdt_root(struct arena *arena, struct error *err);
/* Lines of a schemata file, "L3:0=f;1=f" and the like: whether one is what there is. */
bool rdt_line_holds(const char *schemata, const char *line);
