/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"
#include "runtime/cgroup/internal.h"
#include "runtime/cgroup/stats.h"
#include "runtime/clone.h"
#include "tests/kernel/cgroup_stage.h"
#include "tests/kernel/child.h"

static void cover(const char *path)
{
	int fs, mnt;

	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	cr_assert_eq(sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), 0);
	mnt = sys_fsmount(fs, FSMOUNT_CLOEXEC, 0);
	cr_assert_geq(mnt, 0);
	/* Ours alone: the host's mounts are shared, and a mount on one would be theirs too. */
	cr_assert_eq(sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE,
				       &(struct mount_attr){ .propagation = 1 << 18 }), 0);
	cr_assert_eq(sys_move_mount(mnt, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH), 0);
	close(fs);
	close(mnt);
}

static void begin_plainly(void)
{
	child_need_root();
	snprintf(base, sizeof(base), "/kist-test-%d", (int)getpid());
	cgroup = CGROUP_INIT;
}

TestSuite(cgroup_legacy, .init = begin_plainly, .fini = leave);

static void need_legacy(void)
{
	if (access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) < 0 ||
	    access("/sys/fs/cgroup/freezer", F_OK) < 0)
		cr_skip_test("not a hybrid host, of which a legacy one could be made");
	cover("/sys/fs/cgroup/unified");
	cr_assert_eq(cgroup_host(), CGROUP_LEGACY);
}

Test(cgroup_legacy, freezes_and_thaws)
{
	need_legacy();
	make(NULL);
	expect_freezes();
}

Test(cgroup_legacy, holds_kills_and_goes)
{
	pid_t first, second;

	need_legacy();
	limit_v1();
	make(arena_printf(&arena, "%s/a", base));
	expect_v1_limits(cgroup.path);
	first = enter();
	second = enter();
	cr_expect_eq(lines_with(cgroups_of(first), base), lines_with(cgroups_of(first), "\n") - 1,
		     "%s", cgroups_of(first));
	cr_expect_eq(pids_count(), 2);
	cr_expect_eq(cgroup_kill(&cgroup, &err), 0, "%s", err.text);
	cr_expect_eq(status_of(first), 128 + SIGKILL);
	cr_expect_eq(status_of(second), 128 + SIGKILL);
	cr_expect_eq(cgroup_destroy(&cgroup, &err), 0, "%s", err.text);
	cr_expect_eq(count_of(base), 0);
}

Test(cgroup_legacy, filters_devices_by_files)
{
	need_legacy();
	allow_devices(null_only, ARRAY_SIZE(null_only));
	make(NULL);
	cr_expect_eq(devices_open(), 32);
	allow_devices(full_only, ARRAY_SIZE(full_only));
	cr_assert_eq(cgroup_update(&cgroup, &arena, &plan.resources, &err), 0, "%s", err.text);
	cr_expect_eq(devices_open(), 16);
}

Test(cgroup_legacy, counts_what_is_used)
{
	struct cgroup_stats stats;

	need_legacy();
	make(NULL);
	enter();
	cr_assert_eq(cgroup_stats_read(&cgroup, &arena, &stats, &err), 0, "%s", err.text);
	cr_expect_eq(stats.pids, 1);
	cr_expect_gt(stats.memory.usage, 0);
}

Test(cgroup_legacy, of_others_is_refused)
{
	pid_t pid;

	need_legacy();
	make(NULL);
	pid = enter();
	cgroup_close(&cgroup);
	cr_expect_eq(cgroup_create(&cgroup, &arena, &plan, &err), -1);
	cr_expect_not_null(strstr(err.text, "container's cgroup is not empty: 1 process(es) found"),
			   "%s", err.text);
	kill(pid, SIGKILL);
}

/* A host that has these alone, all of them that of devices, with names of that length. */
static void need_hierarchies(size_t count, size_t name_size)
{
	int trees[32];

	cr_assert_leq(count, ARRAY_SIZE(trees));
	if (access("/sys/fs/cgroup/devices/cgroup.procs", F_OK) < 0)
		cr_skip_test("this host has no devices of cgroup v1");
	for (size_t i = 0; i < count; i++) {
		trees[i] = sys_open_tree(AT_FDCWD, "/sys/fs/cgroup/devices",
					 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		cr_assert_geq(trees[i], 0);
	}
	cover("/sys/fs/cgroup");
	for (size_t i = 0; i < count; i++) {
		const char *path = arena_printf(&arena, "/sys/fs/cgroup/devices,%0*zu",
						(int)(name_size - strlen("devices,")), i);

		cr_assert_eq(mkdir(path, 0755), 0);
		cr_assert_eq(sys_move_mount(trees[i], "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH),
			     0);
		close(trees[i]);
	}
}

/* All controllers in one: their names have 98 bytes. */
Test(cgroup_legacy, with_many_controllers_in_one_hierarchy_is_seen)
{
	struct cgroup_v1 v1;

	need_hierarchies(1, 98);
	cr_expect_eq(cgroup_host(), CGROUP_LEGACY);
	cr_assert_eq(cgroup_v1_open(&v1, &err), 0, "%s", err.text);
	cr_expect_eq(v1.count, 1);
	cr_expect_not_null(cgroup_v1_find(&v1, "devices"));
	cgroup_v1_close(&v1);
}

/* What was passed over would hold no device rules, and nobody would know. */
Test(cgroup_legacy, that_cannot_be_taken_in_is_an_error)
{
	static const struct {
		size_t count, name_size;
	} rows[] = { { 1, 200 }, { 25, 20 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cgroup_v1 v1;

		need_hierarchies(rows[i].count, rows[i].name_size);
		cr_expect_eq(cgroup_host(), CGROUP_LEGACY);
		cr_expect_eq(cgroup_v1_open(&v1, &err), -1);
		cr_expect_not_null(strstr(err.text, "more than 24 hierarchies of cgroup v1, or a "
						    "name of more than 127 bytes"),
				   "%s", err.text);
		cr_assert_eq(umount2("/sys/fs/cgroup", MNT_DETACH), 0);
	}
}

Test(cgroup_none, runs_without_limits_and_refuses_them, .init = begin_plainly)
{
	cover("/sys/fs/cgroup");
	cr_assert_eq(cgroup_host(), CGROUP_NONE);
	make(NULL);
	cr_expect_null(cgroup.path);
	cr_expect_eq(cgroup_adopt(&cgroup, getpid(), &err), 0);
	cr_expect_eq(cgroup_freeze(&cgroup, true, &err), -1);
	cr_expect_str_eq(err.text, "freeze: the container has no cgroup");
	cr_expect_eq(cgroup_destroy(&cgroup, &err), 0);
	plan.resources.listed = true;
	cr_expect_eq(cgroup_plan(&cgroup, &arena, &plan, "x", CGROUP_CGROUPFS, &err), -1);
	cr_expect_not_null(strstr(err.text, "this host has no cgroups"), "%s", err.text);
}

Test(cgroup_none, is_what_disabled_means, .init = begin_plainly)
{
	plan.resources.listed = true;
	cr_assert_eq(cgroup_plan(&cgroup, &arena, &plan, "x", CGROUP_DISABLED, &err), 0, "%s",
		     err.text);
	cr_expect_null(cgroup.path);
	cr_expect_eq(cgroup_create(&cgroup, &arena, &plan, &err), 0);
}

static int as_nobody(void *context)
{
	bool limits = context != NULL;
	int result;

	if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
		return 1;
	plan.resources.listed = limits;
	result = cgroup_plan(&cgroup, &arena, &plan, "x", CGROUP_CGROUPFS, &err);
	if (limits)
		return result == -1 && strstr(err.text, "may not make cgroup") != NULL ? 0 : 2;
	return result == 0 && cgroup.path == NULL && cgroup.host == CGROUP_NONE &&
	       cgroup_create(&cgroup, &arena, &plan, &err) == 0 ? 0 : 3;
}

Test(cgroup_none, is_all_that_an_ordinary_user_gets, .init = begin_plainly)
{
	cr_expect_eq(child_status(as_nobody, NULL), 0);
	cr_expect_eq(child_status(as_nobody, &plan), 0);
}

static int as_owner(void *context)
{
	if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
		return 1;
	plan.cgroups_path = context;
	if (cgroup_plan(&cgroup, &arena, &plan, "x", CGROUP_CGROUPFS, &err) < 0)
		return 2;
	if (cgroup.path == NULL)
		return 3;
	if (cgroup_create(&cgroup, &arena, &plan, &err) < 0)
		return 4;
	return cgroup_destroy(&cgroup, &err) < 0 ? 5 : 0;
}

Test(cgroup, of_an_ordinary_user_is_made_where_it_was_delegated)
{
	const char *mine = arena_printf(&arena, "%s/mine/x", base);
	struct error ignored;

	if (cgroup_host() != CGROUP_UNIFIED)
		cr_skip_test("delegation to users is of cgroup v2");
	make(arena_printf(&arena, "%s/keep", base));
	cr_assert_eq(cgroup_v2_delegate(cgroup.fd, 65534, 65534, &ignored), 0);
	mine = arena_printf(&arena, "%s/keep/x", base);
	cr_expect_eq(child_status(as_owner, (void *)(uintptr_t)mine), 0);
}
