/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <pthread.h>

#include "rootfs-tools/smoke/result.h"
#include "rootfs-tools/smoke/smoke.h"

/*
 * Work in parallel: each job makes the checks of one thing, on an arena of its own, in one of
 * a few threads.  Jobs begin in the order in which they were added, and are told in that order, so
 * that reports do not depend on luck.
 */
struct job {
	const char *group, *name;
	void (*run)(const struct smoke *smoke, const struct job *job, struct findings *findings);
	void *what;			/* of the suite, or shared with other jobs */
	const struct suite *suite;	/* or NULL */
	struct arena arena;
	struct findings findings;
	size_t number;			/* unlike any other job's */
	bool done;
};
typedef LIST(struct job) job_list;

/* A new one behind all others, for the caller to fill in. */
struct job *job_add(struct arena *arena, job_list *jobs);
/* told: each check, as soon as all before it are there.  0, or -1 and *err. */
typedef void job_told(void *context, const struct check *check);
int jobs_run(const struct smoke *smoke, job_list *jobs, unsigned int threads, job_told *told,
	     void *context, struct error *err);
