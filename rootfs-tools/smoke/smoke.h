/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/option.h"
#include "rootfs-tools/smoke/subject.h"
#include "rootfs-tools/smoke/suite.h"

/*
 * A run of kist-smoke: what it was told, what it looks at, and what all of its threads may
 * read.  Nothing here changes once the checks have begun.
 */
struct smoke_options {
	word_list suites, requires;
	const char *junit, *json, *html, *only, *platform, *store;
	const char *timeout, *settle, *grace;
	int jobs, status;
	bool tap, defaults, strict, list, quiet, help, version;
};

struct smoke {
	struct arena *arena;
	const struct smoke_options *options;
	struct subject subject;
	LIST(struct suite) suites;

	const char *kist;		/* the runtime's program, as seen from the box */
	const char *state;		/* its --root */
	const char *work;		/* a tmpfs that nobody else sees */
	const char *run_name;		/* "kist-smoke-3f9c...", begins the names of cgroups */
	bool rootless;			/* in a user namespace, where we are root */
	bool cgroups;			/* may be made */
	bool many_ids;			/* more than root is mapped */
	int root_fd;			/* the subject's whole tree, to be read */
	const char *view;		/* its path */
	subject_layer_list *sizes;	/* of directories: filled by check_tree() */
	uint64_t began;			/* time_now() */
	uint64_t timeout, settle, grace;	/* milliseconds */
};

/* Nanoseconds of the one clock, as all times here. */
static inline uint64_t time_now(void)
{
	return (uint64_t)clock_ns();
}
static inline uint64_t ms_to_ns(uint64_t ms)
{
	return ms * 1000000;
}
