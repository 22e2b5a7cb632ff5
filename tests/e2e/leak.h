/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/arena.h"

/*
 * What a test may not leave behind: a process, a mount, a cgroup, a state
 * directory.  The test's process becomes a subreaper, so whatever a runtime
 * forgets turns up as its child; as root it gets a mount namespace of its
 * own, so its mount table changes by nobody else's doing.
 */
struct leak {
	struct arena *arena;
	const char *mounts;	/* mountinfo before the test */
};

void leak_begin(struct leak *leak, struct arena *arena);
/*
 * Each says what is left, one item a line, or returns NULL; and takes it away.
 * Zombies are reaped silently, for a subreaper gets them by design.
 */
const char *leak_processes(struct leak *leak);
const char *leak_mounts(struct leak *leak);
/* Cgroups, of any hierarchy, whose path has name in it. */
const char *leak_cgroups(struct leak *leak, const char *name);
/* Removes a directory and all below it, but crosses no mount. */
void leak_remove_tree(const char *path);
