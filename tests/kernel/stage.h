/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/fd.h"
#include "base/path.h"
#include "init/step.h"
#include "tests/kernel/child.h"

/*
 * Steps of init/, one at a time, with real system calls.  A stage is a fork in
 * new mount, pid, network, uts and ipc namespaces, with an empty plan and a
 * struct init whose root is a tmpfs; it goes away with everything in it.
 */
struct stage {
	struct arena arena;
	struct plan plan;
	struct init in;
	struct error err;
};

/* The status of body() in a stage: 0 where every CHECK held. */
int stage_status(int (*body)(struct stage *));
/* Files and directories of the root, before or after a step. */
void stage_file(struct stage *s, const char *path, const char *text);
void stage_dir(struct stage *s, const char *path, mode_t mode);
void stage_link(struct stage *s, const char *target, const char *path);
/* What a file of the root says; "" when it cannot be read. */
const char *stage_read(struct stage *s, const char *path);
/* An O_PATH fd in the root that stays open; -1 when it is not there. */
int stage_open(struct stage *s, const char *path);
struct mount_plan *stage_mounts(struct stage *s, size_t count);

#define CHECK(what) CHECK_WITH(s->err, what)
#define FAILS_WITH(call, words) \
	CHECK((call) < 0 && strstr(s->err.text, (words)) != NULL)
/* A Criterion test of that name, as root. */
#define STAGE_TEST(suite, name) \
	static int name(struct stage *s); \
	Test(suite, name) \
	{ \
		child_need_root(); \
		cr_expect_eq(stage_status(name), 0); \
	} \
	static int name(struct stage *s)
