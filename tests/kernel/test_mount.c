/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/sys.h"
#include "init/tree.h"
#include "tests/kernel/child.h"
#include "tests/kernel/stage.h"

#define RUN(step)	step(&s->plan, &s->in, &s->err)

static unsigned long flags_of(struct stage *s, const char *path)
{
	struct statvfs fs = { 0 };
	int fd = stage_open(s, path);

	if (fd < 0 || fstatvfs(fd, &fs) < 0)
		return ~0UL;
	close(fd);
	return fs.f_flag;
}

static const struct {
	uint64_t attribute;
	unsigned long seen;
} attributes[] = {
	{ MOUNT_ATTR_RDONLY, ST_RDONLY },	{ MOUNT_ATTR_NOSUID, ST_NOSUID },
	{ MOUNT_ATTR_NODEV, ST_NODEV },		{ MOUNT_ATTR_NOEXEC, ST_NOEXEC },
	{ MOUNT_ATTR_NOATIME, ST_NOATIME },	{ MOUNT_ATTR_NODIRATIME, ST_NODIRATIME },
	{ MOUNT_ATTR_NOSYMFOLLOW, 0x2000 },
};

STAGE_TEST(mount, a_new_file_system_has_each_flag)
{
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		struct mount_plan *m = stage_mounts(s, 1);

		m->destination = arena_printf(&s->arena, "/new/%zu", i);
		m->type = m->source = "tmpfs";
		m->attr_set = attributes[i].attribute;
		CHECK(RUN(step_mounts) == 0 && RUN(step_read_only) == 0);
		CHECK((flags_of(s, m->destination) & attributes[i].seen) == attributes[i].seen);
	}
	return 0;
}

STAGE_TEST(mount, a_bind_has_each_flag_and_its_source_keeps_its_own)
{
	stage_dir(s, "/source", 0755);
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		struct mount_plan *m = stage_mounts(s, 1);

		m->destination = arena_printf(&s->arena, "/bind/%zu", i);
		m->source = "/source";
		m->flags = MOUNT_BIND;
		m->attr_set = attributes[i].attribute;
		m->attr_clear = attributes[i].attribute & MOUNT_ATTR__ATIME ? MOUNT_ATTR__ATIME : 0;
		s->in.mount_trees[0] = tree_clone(stage_open(s, "/source"), "", false, &s->err);
		CHECK(RUN(step_mounts) == 0);
		CHECK((flags_of(s, m->destination) & attributes[i].seen) == attributes[i].seen);
		CHECK((flags_of(s, "/source") & attributes[i].seen) == 0);
	}
	return 0;
}

/* One that the kernel never takes. */
STAGE_TEST(mount, a_bind_without_its_id_map_is_none)
{
	struct id_map twice[] = { { 0, 0, 1 }, { 0, 5, 1 } };
	struct mount_plan *m = stage_mounts(s, 1);

	m->destination = "/bind";
	m->source = "/proc";
	m->flags = MOUNT_BIND | MOUNT_IDMAP;
	m->uid_maps.items = m->gid_maps.items = twice;
	m->uid_maps.count = m->gid_maps.count = 2;
	CHECK(tree_open_bind(&s->plan, m, &s->err) < 0);
	return 0;
}

STAGE_TEST(mount, a_file_is_bound_on_a_file_made_for_it)
{
	struct mount_plan *m = stage_mounts(s, 1);

	stage_file(s, "/source", "hello");
	m->destination = "/a/b/c";
	m->source = "/source";
	m->flags = MOUNT_BIND;
	m->attr_set = MOUNT_ATTR_RDONLY;
	s->in.mount_trees[0] = tree_clone(stage_open(s, "/source"), "", false, &s->err);
	CHECK(RUN(step_mounts) == 0);
	CHECK(strcmp(stage_read(s, "/a/b/c"), "hello") == 0);
	CHECK(path_open(s->in.root_fd, "/a/b/c", O_WRONLY, &s->err) < 0 && s->err.code == EROFS);
	return 0;
}

STAGE_TEST(mount, a_link_that_cannot_be_copied_is_told_why)
{
	struct mount_plan *m = stage_mounts(s, 1);

	stage_dir(s, "/dir", 0755);
	stage_link(s, "/target", "/source");
	stage_link(s, "/another", "/dir/taken");
	m->source = "/source";
	m->flags = MOUNT_BIND | MOUNT_COPY_SYMLINK;
	m->destination = "/dir/taken";
	s->in.mount_trees[0] = openat(s->in.root_fd, "source", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	FAILS_WITH(RUN(step_mounts), "make link /dir/taken: file exists");
	m->destination = "/dir/free";
	CHECK(tree_flags(s->in.root_fd, MOUNT_ATTR_RDONLY, 0, 0, false, &s->err) == 0);
	FAILS_WITH(RUN(step_mounts), "make link /dir/free: read-only file system");
	return 0;
}

STAGE_TEST(mount, recursive_flags_reach_what_is_mounted_below)
{
	struct mount_plan *m = stage_mounts(s, 2);

	m[0].destination = "/source/sub";
	m[0].type = "tmpfs";
	m[1].destination = "/bind";
	m[1].source = "/source";
	m[1].flags = MOUNT_BIND | MOUNT_RECURSIVE;
	m[1].recursive_set = MOUNT_ATTR_RDONLY;
	s->plan.mounts.count = 1;
	CHECK(RUN(step_mounts) == 0);
	s->plan.mounts.count = 2;
	m[0].flags = MOUNT_REMOUNT;
	s->in.mount_trees[1] = tree_clone(stage_open(s, "/source"), "", true, &s->err);
	CHECK(RUN(step_mounts) == 0);
	CHECK(flags_of(s, "/bind/sub") & ST_RDONLY);
	CHECK(!(flags_of(s, "/source/sub") & ST_RDONLY));
	return 0;
}

STAGE_TEST(mount, a_remount_changes_what_is_there)
{
	struct mount_plan *m = stage_mounts(s, 2);

	m[0].destination = m[1].destination = "/t";
	m[0].type = m[1].type = "tmpfs";
	m[1].flags = MOUNT_REMOUNT;
	m[1].attr_set = MOUNT_ATTR_RDONLY;
	m[1].data = "size=1m";
	CHECK(RUN(step_mounts) == 0);
	CHECK(flags_of(s, "/t") & ST_RDONLY);
	return 0;
}

STAGE_TEST(mount, a_remount_that_is_refused_is_no_success)
{
	struct mount_plan *m = stage_mounts(s, 3);

	m[0].destination = m[2].destination = "/t";
	m[1].destination = "/t/below";
	m[0].type = m[1].type = m[2].type = "tmpfs";
	m[2].flags = MOUNT_REMOUNT;
	m[2].data = "nr_inodes=1";
	FAILS_WITH(RUN(step_mounts), "/mounts/2 on /t: change options of file system: tmpfs: Too "
				     "few inodes");
	return 0;
}

STAGE_TEST(mount, a_wrong_option_is_named_in_the_kernels_words)
{
	struct mount_plan *m = stage_mounts(s, 1);

	m->destination = "/t";
	m->type = "tmpfs";
	m->data = "size=1m,nonsense=7";
	FAILS_WITH(RUN(step_mounts),
		   "/mounts/0 on /t: set option nonsense: tmpfs: Unknown parameter");
	m->data = NULL;
	m->type = "nosuchfs";
	FAILS_WITH(RUN(step_mounts), "open file system type nosuchfs");
	return 0;
}

STAGE_TEST(mount, links_stay_inside_the_root)
{
	struct mount_plan *m = stage_mounts(s, 1);

	stage_link(s, "../../../../kist-test-outside", "/link");
	m->destination = "/link/deep";
	m->type = "tmpfs";
	CHECK(RUN(step_mounts) == 0);
	CHECK(stage_open(s, "/kist-test-outside/deep") >= 0);
	CHECK(access("/kist-test-outside", F_OK) < 0);
	return 0;
}

STAGE_TEST(mount, proc_and_sysfs_want_a_directory_and_no_link)
{
	static const char *const types[] = { "proc", "sysfs" };

	stage_dir(s, "/elsewhere", 0755);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct mount_plan *m = stage_mounts(s, 1);

		m->destination = arena_printf(&s->arena, "/%s", types[i]);
		m->type = types[i];
		stage_link(s, "/elsewhere", m->destination);
		CHECK(RUN(step_mounts) < 0 && (s->err.code == ENOTDIR || s->err.code == ELOOP));
	}
	return 0;
}

static int proc_mounted(struct stage *s)
{
	struct mount_plan *m = stage_mounts(s, 1);

	m->destination = "/proc";
	m->type = "proc";
	return RUN(step_mounts);
}

STAGE_TEST(mount, nothing_is_mounted_into_proc_whatever_leads_there)
{
	static const char *const targets[] = { "/proc/self/attr", "/proc/sys/kernel", "/way/attr" };

	CHECK(proc_mounted(s) == 0);
	CHECK(s->in.proc_fd >= 0);
	stage_link(s, "/proc/self", "/way");
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		struct mount_plan *m = stage_mounts(s, 1);

		m->destination = targets[i];
		m->type = "tmpfs";
		FAILS_WITH(RUN(step_mounts), "leads into /proc");
	}
	return 0;
}

STAGE_TEST(mount, lxcfs_may_replace_files_of_proc)
{
	struct mount_plan *m;

	CHECK(proc_mounted(s) == 0);
	stage_file(s, "/source", "one cpu\n");
	m = stage_mounts(s, 1);
	m->destination = "/proc/cpuinfo";
	m->flags = MOUNT_BIND;
	m->source = "/source";
	s->in.mount_trees[0] = tree_clone(stage_open(s, "/source"), "", false, &s->err);
	CHECK(RUN(step_mounts) == 0);
	CHECK(strcmp(stage_read(s, "/proc/cpuinfo"), "one cpu\n") == 0);
	return 0;
}

STAGE_TEST(mount, only_a_procfs_goes_on_proc)
{
	struct mount_plan *m = stage_mounts(s, 1);

	m->destination = "/proc";
	m->type = "tmpfs";
	FAILS_WITH(RUN(step_mounts), "not a procfs");
	return 0;
}

STAGE_TEST(mount, a_tmpfs_takes_the_mode_of_the_directory_below_it)
{
	struct mount_plan *m = stage_mounts(s, 1);
	struct stat st;

	stage_dir(s, "/tmp", 01751);
	m->destination = "/tmp";
	m->type = "tmpfs";
	CHECK(RUN(step_mounts) == 0);
	CHECK(fstat(stage_open(s, "/tmp"), &st) == 0 && (st.st_mode & 07777) == 01751);
	m->destination = "/new";
	CHECK(RUN(step_mounts) == 0);
	CHECK(fstat(stage_open(s, "/new"), &st) == 0 && (st.st_mode & 07777) == 01777);
	return 0;
}

STAGE_TEST(mount, a_read_only_tmpfs_is_filled_first)
{
	struct mount_plan *m = stage_mounts(s, 2);

	m[0].destination = "/d";
	m[1].destination = "/d/below";
	m[0].type = m[1].type = "tmpfs";
	m[0].attr_set = MOUNT_ATTR_RDONLY;
	CHECK(RUN(step_mounts) == 0);
	stage_file(s, "/d/device", "");
	CHECK(RUN(step_read_only) == 0);
	CHECK((flags_of(s, "/d") & ST_RDONLY) && !(flags_of(s, "/d/below") & ST_RDONLY));
	return 0;
}

STAGE_TEST(mount, a_cgroup_mount_shows_cgroups_and_may_be_read_only)
{
	struct mount_plan *m;

	CHECK(proc_mounted(s) == 0);
	m = stage_mounts(s, 1);
	m->destination = "/sys/fs/cgroup";
	m->type = "cgroup";
	m->attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
	CHECK(RUN(step_mounts) == 0);
	CHECK(flags_of(s, "/sys/fs/cgroup") & ST_RDONLY);
	CHECK(stage_open(s, "/sys/fs/cgroup/cgroup.procs") >= 0 ||
	      stage_open(s, "/sys/fs/cgroup/memory/cgroup.procs") >= 0);
	return 0;
}
