/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <criterion/criterion.h>
#include <stdbool.h>

#include "runtime/cgroup/cgroup.h"

/*
 * What the tests of cgroups share: one plan, one cgroup made from it, and
 * processes in it.  Everything is below base, and leave() removes it,
 * whatever the test did.
 */
#pragma GCC visibility push(hidden)	/* libc has an err too */

extern struct arena arena;
extern struct error err;
extern struct plan plan;
extern struct cgroup cgroup;
extern char base[64];		/* "/kist-test-PID": everything is below it, or is it */

void begin(void);
void leave(void);
/* Plans it; the path is plan.cgroups_path, or derived from the id (NULL: base). */
void make_plan(const char *id);
/* Plans and makes it, with the device rules. */
void make(const char *path);

/* What the container's process does with the fds it was born with. */
struct birth {
	int files[CGROUP_TASK_FILES_MAX];
	size_t count;
	int ready[2];
};
/* Beats as long as a process runs; the second number asks for work. */
extern volatile unsigned int *heart;
/* A process in the cgroup, the way spawn makes it. */
pid_t enter(void);
/* Its status, as a shell says it; reaps it. */
int status_of(pid_t pid);
size_t pids_count(void);
const char *cgroups_of(pid_t pid);
size_t lines_with(const char *text, const char *what);
void expect_everywhere(pid_t pid);
void expect_freezes(void);

/* In how many hierarchies the directory is. */
size_t count_of(const char *path);
const char *file_text(const char *hierarchy, const char *path, const char *file);
/* The v2 hierarchy as a prefix for paths; skips the test where there is none. */
const char *v2(void);
bool has_controller(const char *controller);

extern struct cgroup_write writes_v1[3], writes_v2[3], write_hugetlb;
void limit_v1(void);
void expect_v1_limits(const char *path);

extern struct device_rule null_only[2], full_only[2];
void allow_devices(struct device_rule *rules, size_t count);
/* 16: a process in it may open /dev/full, 32: /dev/null. */
int devices_open(void);

#pragma GCC visibility pop
