/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include "base/sys.h"
#include "init/tree.h"
#include "tests/kernel/child.h"
#include "tests/kernel/stage.h"

#define RUN(step)	step(&s->plan, &s->in, &s->err)

STAGE_TEST(copy, tmpcopyup_brings_what_was_there)
{
	struct mount_plan *m = stage_mounts(s, 1);
	struct statvfs fs;
	struct stat st;

	stage_file(s, "/d/one", "first");
	stage_file(s, "/d/sub/two", "second");
	stage_link(s, "one", "/d/link");
	CHECK(fchownat(s->in.root_fd, "d/sub", 5, 6, 0) == 0);
	CHECK(fchmodat(s->in.root_fd, "d/sub/two", 04711, 0) == 0);
	m->destination = "/d";
	m->type = "tmpfs";
	m->flags = MOUNT_TMPCOPYUP;
	m->attr_set = MOUNT_ATTR_RDONLY;
	CHECK(RUN(step_mounts) == 0);
	CHECK(strcmp(stage_read(s, "/d/link"), "first") == 0);
	CHECK(strcmp(stage_read(s, "/d/sub/two"), "second") == 0);
	CHECK(fstat(stage_open(s, "/d/sub"), &st) == 0 && st.st_uid == 5 && st.st_gid == 6);
	CHECK(fstat(stage_open(s, "/d/sub/two"), &st) == 0 && (st.st_mode & 07777) == 04711);
	CHECK(RUN(step_read_only) == 0);
	CHECK(fstatvfs(stage_open(s, "/d"), &fs) == 0 && fs.f_flag & ST_RDONLY);
	return 0;
}

STAGE_TEST(copy, tmpcopyup_brings_attributes_of_any_size)
{
	static char value[XATTR_SIZE_MAX], got[XATTR_SIZE_MAX], name[64];
	struct mount_plan *m = stage_mounts(s, 1);
	int fd;

	stage_file(s, "/d/one", "first");
	fd = path_open(s->in.root_fd, "/d/one", O_RDONLY, &s->err);
	CHECK(fd >= 0 && fsetxattr(fd, "trusted.large", memset(value, 'x', sizeof(value)),
				   sizeof(value), 0) == 0);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "trusted.one-of-many-with-a-long-name.%d", i);
		CHECK(fsetxattr(fd, name, "", 0, 0) == 0);
	}
	m->destination = "/d";
	m->type = "tmpfs";
	m->flags = MOUNT_TMPCOPYUP;
	CHECK(RUN(step_mounts) == 0);
	fd = path_open(s->in.root_fd, "/d/one", O_RDONLY, &s->err);
	CHECK(fgetxattr(fd, name, got, sizeof(got)) == 0);
	CHECK(fgetxattr(fd, "trusted.large", got, sizeof(got)) == sizeof(value));
	CHECK(memcmp(got, value, sizeof(value)) == 0);
	return 0;
}

/* The kernel takes it away from a file whose owner is set, be it to the same. */
STAGE_TEST(copy, tmpcopyup_brings_file_capabilities)
{
	const struct vfs_cap_data ping = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data[0].permitted = 1U << CAP_NET_RAW,
	};
	struct mount_plan *m = stage_mounts(s, 1);
	struct vfs_cap_data got;
	struct stat st;
	int fd;

	stage_file(s, "/d/ping", "a program");
	fd = path_open(s->in.root_fd, "/d/ping", O_RDONLY, &s->err);
	CHECK(fd >= 0 && fchown(fd, 5, 6) == 0 && fchmod(fd, 0755) == 0);
	CHECK(fsetxattr(fd, "security.capability", &ping, XATTR_CAPS_SZ_2, 0) == 0);
	m->destination = "/d";
	m->type = "tmpfs";
	m->flags = MOUNT_TMPCOPYUP;
	CHECK(RUN(step_mounts) == 0);
	fd = path_open(s->in.root_fd, "/d/ping", O_RDONLY, &s->err);
	CHECK(fstat(fd, &st) == 0 && st.st_uid == 5 && st.st_gid == 6);
	CHECK(fgetxattr(fd, "security.capability", &got, sizeof(got)) == XATTR_CAPS_SZ_2);
	CHECK(memcmp(&got, &ping, XATTR_CAPS_SZ_2) == 0);
	return 0;
}

STAGE_TEST(copy, tmpcopyup_leaves_the_directory_as_its_options_say)
{
	static const struct { const char *data; uid_t uid; gid_t gid; mode_t mode; } rows[] = {
		{ NULL, 0, 0, 0750 }, { "uid=7", 7, 0, 0750 }, { "gid=8,mode=711", 0, 8, 0711 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mount_plan *m = stage_mounts(s, 1);
		struct stat st;

		m->destination = arena_printf(&s->arena, "/d%zu", i);
		m->type = "tmpfs";
		m->data = rows[i].data;
		m->flags = MOUNT_TMPCOPYUP;
		stage_dir(s, m->destination, 0750);
		CHECK(fchownat(stage_open(s, m->destination), "", 5, 6, AT_EMPTY_PATH) == 0);
		CHECK(RUN(step_mounts) == 0);
		CHECK(fstat(stage_open(s, m->destination), &st) == 0);
		CHECK(st.st_uid == rows[i].uid && st.st_gid == rows[i].gid);
		CHECK((st.st_mode & 07777) == rows[i].mode);
	}
	return 0;
}
