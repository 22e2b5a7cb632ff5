/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <sched.h>
#include <sys/stat.h>

#include "base/sys.h"
#include "init/tree.h"
#include "tests/kernel/child.h"
#include "tests/kernel/stage.h"

#define RUN(step)	step(&s->plan, &s->in, &s->err)

static int hidden(struct stage *s)
{
	struct stat root, ours;

	stage_file(s, "/here", "inside");
	CHECK(access("/work/kist-no-such-file", F_OK) < 0 && access("/proc/self", F_OK) == 0);
	CHECK(RUN(step_pivot) == 0);
	CHECK(access("/here", F_OK) == 0);
	CHECK(access("/proc/self", F_OK) < 0);
	CHECK(access("/../../proc/self", F_OK) < 0);
	CHECK(stat("/", &root) == 0 && fstat(s->in.root_fd, &ours) == 0);
	CHECK(root.st_ino == ours.st_ino && root.st_dev == ours.st_dev);
	return 0;
}

STAGE_TEST(rootfs, nothing_of_what_is_below_can_be_reached)
{
	return hidden(s);
}

STAGE_TEST(rootfs, pivot_leaves_nothing_of_the_host)
{
	s->in.in_host_copy = true;
	return hidden(s);
}

STAGE_TEST(rootfs, is_no_chroot_to_the_kernel)
{
	CHECK(RUN(step_pivot) == 0);
	/* EPERM in a chroot, and the way out of one. */
	CHECK(unshare(CLONE_NEWUSER) == 0);
	CHECK(mkdir("/below", 0700) == 0 && chdir("/") == 0 && chroot("/below") == 0);
	for (int i = 0; i < 8; i++)
		CHECK(chdir("..") == 0);
	CHECK(chroot(".") == 0 && access("/below", F_OK) == 0 && access("/work", F_OK) < 0);
	return 0;
}

STAGE_TEST(rootfs, without_pivot_the_host_is_out_of_reach_by_path)
{
	s->in.in_host_copy = s->in.no_pivot = true;
	CHECK(sys_move_mount(s->in.root_fd, "", AT_FDCWD, "/mnt", MOVE_MOUNT_F_EMPTY_PATH) == 0);
	return hidden(s);
}

STAGE_TEST(rootfs, a_read_only_root_is_read_only)
{
	s->plan.root_read_only = true;
	stage_dir(s, "/d", 0755);
	CHECK(RUN(step_root_flags) == 0);
	CHECK(mkdirat(s->in.root_fd, "x", 0700) < 0 && errno == EROFS);
	CHECK(mkdirat(s->in.root_fd, "d/x", 0700) < 0 && errno == EROFS);
	return 0;
}

/* A tmpfs that is shared, as a host's mounts are, and a clone of it as root. */
static int shared_root(struct stage *s, unsigned long propagation, int *ret_host)
{
	struct file_system fs = { .type = "tmpfs", .source = "host" };
	struct mount_attr shared = { .propagation = MS_SHARED };
	int host_fd = tree_new(&fs, &s->err), at;

	stage_dir(s, "/host", 0755);
	stage_dir(s, "/container", 0755);
	at = stage_open(s, "/host");
	CHECK(host_fd >= 0 && mkdirat(host_fd, "sub", 0755) == 0);
	CHECK(tree_attach(host_fd, at, "/host", &s->err) == 0);
	CHECK(sys_mount_setattr(host_fd, "", AT_EMPTY_PATH, &shared) == 0);
	s->in.root_tree = tree_clone(host_fd, "", true, &s->err);
	s->in.root_target = stage_open(s, "/container");
	s->plan.root_propagation = propagation;
	CHECK(s->in.root_tree >= 0 && RUN(step_root) == 0 && RUN(step_root_flags) == 0);
	*ret_host = host_fd;
	return 0;
}

/* Mounts a tmpfs on "sub" of one; is it seen in the other? */
static bool seen(struct stage *s, int one_fd, int other_fd)
{
	struct file_system fs = { .type = "tmpfs", .source = "new" };
	int tree_fd = tree_new(&fs, &s->err);
	struct stat before, after;
	int target_fd = openat(one_fd, "sub", O_PATH | O_CLOEXEC);

	if (fstatat(other_fd, "sub", &before, 0) < 0 ||
	    tree_attach(tree_fd, target_fd, "sub", &s->err) < 0 ||
	    fstatat(other_fd, "sub", &after, 0) < 0)
		return false;
	return before.st_dev != after.st_dev;
}

static const struct {
	unsigned long propagation;
	bool inward, outward;
} propagations[] = {
	{ 0, true, false },
	{ MS_SLAVE | MS_REC, true, false },
	{ MS_PRIVATE | MS_REC, false, false },
	{ MS_UNBINDABLE, false, false },
	/* A new peer group, of which the host is none. */
	{ MS_SHARED, false, false },
	{ MS_SHARED | MS_REC, false, false },
};

STAGE_TEST(rootfs, mounts_spread_as_its_propagation_says)
{
	int first = s->in.root_fd;

	for (size_t i = 0; i < ARRAY_SIZE(propagations); i++) {
		int host_fd;

		s->in.root_fd = first;
		CHECK(shared_root(s, propagations[i].propagation, &host_fd) == 0);
		CHECK(seen(s, host_fd, s->in.root_fd) == propagations[i].inward);
		s->in.root_fd = first;
		CHECK(shared_root(s, propagations[i].propagation, &host_fd) == 0);
		CHECK(seen(s, s->in.root_fd, host_fd) == propagations[i].outward);
	}
	return 0;
}
