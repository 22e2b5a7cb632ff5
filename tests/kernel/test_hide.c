/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "base/sys.h"
#include "tests/kernel/child.h"
#include "tests/kernel/stage.h"

#define RUN(step)	step(&s->plan, &s->in, &s->err)

static void mask(struct stage *s, const char **paths, size_t count)
{
	s->plan.masked_paths.items = paths;
	s->plan.masked_paths.count = count;
}

STAGE_TEST(hide, files_and_directories_are_empty_and_what_is_not_there_is_no_error)
{
	static const char *paths[] = { "/f1", "/d1", "/nowhere", "/f2", "/d2", "/f1/below" };

	stage_file(s, "/f1", "secret");
	stage_file(s, "/f2", "secret");
	stage_file(s, "/d1/in", "secret");
	stage_file(s, "/d2/in", "secret");
	stage_dir(s, "/dev", 0755);
	CHECK(mknodat(s->in.root_fd, "dev/null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	mask(s, paths, ARRAY_SIZE(paths));
	CHECK(RUN(step_hide) == 0);
	CHECK(strcmp(stage_read(s, "/f1"), "") == 0 && strcmp(stage_read(s, "/f2"), "") == 0);
	CHECK(stage_open(s, "/d1") >= 0 && stage_open(s, "/d1/in") < 0);
	CHECK(stage_open(s, "/d2") >= 0 && stage_open(s, "/d2/in") < 0);
	return 0;
}

STAGE_TEST(hide, masked_directories_share_one_file_system_that_cannot_be_written)
{
	static const char *paths[] = { "/d1", "/d2" };
	struct stat one, two;

	stage_dir(s, "/d1", 0755);
	stage_dir(s, "/d2", 0755);
	mask(s, paths, ARRAY_SIZE(paths));
	CHECK(RUN(step_hide) == 0);
	CHECK(fstat(stage_open(s, "/d1"), &one) == 0 && fstat(stage_open(s, "/d2"), &two) == 0);
	CHECK(one.st_dev == two.st_dev);
	CHECK(mkdirat(stage_open(s, "/d2"), "x", 0700) < 0 && errno == EROFS);
	return 0;
}

STAGE_TEST(hide, a_forged_null_device_masks_nothing_and_starts_nothing)
{
	static const mode_t forged[] = { S_IFREG | 0644, S_IFIFO | 0644, S_IFDIR | 0755,
					 S_IFCHR | 0644 };
	static const char *paths[] = { "/f" };

	stage_file(s, "/f", "secret");
	stage_dir(s, "/dev", 0755);
	mask(s, paths, ARRAY_SIZE(paths));
	FAILS_WITH(RUN(step_hide), "masked path /f");
	for (size_t i = 0; i < ARRAY_SIZE(forged); i++) {
		if (S_ISDIR(forged[i]))
			CHECK(mkdirat(s->in.root_fd, "dev/null", 0755) == 0);
		else
			CHECK(mknodat(s->in.root_fd, "dev/null", forged[i], makedev(1, 5)) == 0);
		FAILS_WITH(RUN(step_hide), "is not the character device 1:3");
		fd_close(&s->in.null_fd);
		CHECK(unlinkat(s->in.root_fd, "dev/null",
			       S_ISDIR(forged[i]) ? AT_REMOVEDIR : 0) == 0);
	}
	return 0;
}

STAGE_TEST(hide, read_only_paths_cannot_be_written_and_their_neighbours_can)
{
	static const char *paths[] = { "/d", "/f", "/nowhere" };

	stage_dir(s, "/d", 0755);
	stage_file(s, "/f", "text");
	s->plan.read_only_paths.items = paths;
	s->plan.read_only_paths.count = ARRAY_SIZE(paths);
	CHECK(RUN(step_hide) == 0);
	CHECK(mkdirat(stage_open(s, "/d"), "x", 0700) < 0 && errno == EROFS);
	CHECK(path_open(s->in.root_fd, "/f", O_WRONLY, &s->err) < 0 && s->err.code == EROFS);
	stage_file(s, "/neighbour", "text");
	return 0;
}

/* The second mount lies elsewhere, or in three ways on the first, which is not seen then. */
STAGE_TEST(hide, masks_hold_on_read_only_mounts_and_on_what_covers_them)
{
	static const struct { const char *first, *second; } rows[] = {
		{ "/a", "/elsewhere" }, { "/b", "/b" }, { "/c", "/way" }, { "/d", "/x/../d" },
	};

	stage_dir(s, "/x", 0755);
	stage_link(s, "/c", "/way");
	stage_dir(s, "/dev", 0755);
	CHECK(mknodat(s->in.root_fd, "dev/null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mount_plan *m = stage_mounts(s, 2);
		const char *secret = arena_printf(&s->arena, "%s/secret", rows[i].first);

		stage_file(s, secret, "secret");
		m[0].destination = rows[i].first;
		m[1].destination = rows[i].second;
		m[0].type = m[1].type = "tmpfs";
		m[0].flags = m[1].flags = MOUNT_TMPCOPYUP;
		mask(s, &secret, 1);
		s->plan.read_only_paths.items = &m[0].destination;
		s->plan.read_only_paths.count = 1;
		CHECK(RUN(step_mounts) == 0);
		CHECK(strcmp(stage_read(s, secret), "secret") == 0);
		CHECK(RUN(step_hide) == 0);
		CHECK(strcmp(stage_read(s, secret), "") == 0);
		CHECK(mkdirat(stage_open(s, rows[i].first), "new", 0700) < 0 && errno == EROFS);
	}
	return 0;
}

/* "/to" is no mount that "/together" lies in, nor "/to/get" one of "/to/gether". */
STAGE_TEST(hide, paths_lie_in_no_mount_whose_name_they_only_begin_with)
{
	static const char *paths[] = { "/together", "/to/gether", "//to//get//in" };
	struct mount_plan *m = stage_mounts(s, 2);

	stage_file(s, "/together/secret", "x");
	m[0].destination = "/to";
	m[1].destination = "/to/get";
	m[0].type = m[1].type = "tmpfs";
	mask(s, paths, ARRAY_SIZE(paths));
	CHECK(RUN(step_mounts) == 0);
	stage_file(s, "/to/gether/secret", "x");
	stage_file(s, "/to/get/in/secret", "x");
	CHECK(RUN(step_hide) == 0);
	CHECK(stage_open(s, "/together") >= 0 && stage_open(s, "/together/secret") < 0);
	CHECK(stage_open(s, "/to/gether") >= 0 && stage_open(s, "/to/gether/secret") < 0);
	CHECK(stage_open(s, "/to/get/in") >= 0 && stage_open(s, "/to/get/in/secret") < 0);
	return 0;
}

STAGE_TEST(hide, path_that_cannot_be_made_read_only_starts_nothing)
{
	static const char *path = "/d";

	stage_file(s, "/d/in", "text");
	s->plan.read_only_paths.items = &path;
	s->plan.read_only_paths.count = 1;
	child_deny(SYS_mount_setattr, EPERM);
	FAILS_WITH(RUN(step_hide), "read-only path /d: set mount flags: operation not permitted");
	return 0;
}
