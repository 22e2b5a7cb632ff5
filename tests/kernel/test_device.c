/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/sys.h"
#include "init/device.h"
#include "tests/kernel/child.h"
#include "tests/kernel/stage.h"

#define RUN(step)	step(&s->plan, &s->in, &s->err)

static struct device_plan devices[] = {
	{ "/dev/null", S_IFCHR | 0666, 1, 3, 0, 0, 0 },
	{ "/dev/sub/disk", S_IFBLK | 0640, 7, 200, 5, 6, 0 },
	{ "/dev/sub/user", S_IFCHR | 0600, 1, 5, 7, 0, 0 },
	{ "/dev/sub/group", S_IFCHR | 0600, 1, 5, 0, 8, 0 },
	{ "/elsewhere/fifo", S_IFIFO | 0622, 0, 0, 0, 0, 0 },
};

static void plan_devices(struct stage *s)
{
	s->plan.devices.items = devices;
	s->plan.devices.count = ARRAY_SIZE(devices);
}

STAGE_TEST(device, nodes_are_what_the_plan_says)
{
	struct stat st;

	plan_devices(s);
	CHECK(RUN(step_devices) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		CHECK(fstat(stage_open(s, devices[i].path), &st) == 0);
		CHECK(st.st_mode == devices[i].mode);
		CHECK(st.st_uid == devices[i].uid && st.st_gid == devices[i].gid);
		CHECK(S_ISFIFO(st.st_mode) ||
		      st.st_rdev == makedev(devices[i].major, devices[i].minor));
	}
	CHECK(s->in.null_fd >= 0);
	return 0;
}

STAGE_TEST(device, one_that_is_there_already_must_be_the_same)
{
	plan_devices(s);
	CHECK(RUN(step_devices) == 0);
	CHECK(RUN(step_devices) == 0);
	return 0;
}

STAGE_TEST(device, what_an_image_puts_in_its_place_is_refused)
{
	static const mode_t forged[] = { S_IFREG | 0666, S_IFIFO | 0666, S_IFCHR | 0666 };

	plan_devices(s);
	stage_dir(s, "/dev", 0755);
	for (size_t i = 0; i < ARRAY_SIZE(forged); i++) {
		CHECK(mknodat(s->in.root_fd, "dev/null", forged[i], makedev(1, 5)) == 0);
		FAILS_WITH(RUN(step_devices), "/dev/null is not the character device 1:3");
		CHECK(unlinkat(s->in.root_fd, "dev/null", 0) == 0);
	}
	stage_link(s, "/dev/zero", "/dev/null");
	FAILS_WITH(RUN(step_devices), "/dev/null is not");
	return 0;
}

STAGE_TEST(device, what_stands_in_the_place_of_a_fifo_is_refused)
{
	plan_devices(s);
	stage_file(s, "/elsewhere/fifo", "");
	FAILS_WITH(RUN(step_devices), "/elsewhere/fifo is no fifo");
	return 0;
}

STAGE_TEST(device, dev_has_its_links)
{
	static const char *const links[][2] = {
		{ "dev/fd", "/proc/self/fd" },		{ "dev/stdin", "/proc/self/fd/0" },
		{ "dev/stdout", "/proc/self/fd/1" },	{ "dev/stderr", "/proc/self/fd/2" },
		{ "dev/ptmx", "pts/ptmx" },
	};
	char target[64];

	stage_file(s, "/dev/ptmx", "an image's own");
	CHECK(RUN(step_devices) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		ssize_t n = readlinkat(s->in.root_fd, links[i][0], target, sizeof(target) - 1);

		CHECK(n > 0);
		target[n] = '\0';
		CHECK(strcmp(target, links[i][1]) == 0);
	}
	return 0;
}

STAGE_TEST(device, a_dev_bound_from_the_host_is_left_alone)
{
	struct mount_plan *m = stage_mounts(s, 1);

	plan_devices(s);
	stage_dir(s, "/dev", 0755);
	m->destination = "/dev";
	m->flags = MOUNT_BIND;
	CHECK(RUN(step_devices) == 0);
	CHECK(stage_open(s, "/dev/null") < 0 && stage_open(s, "/dev/fd") < 0);
	return 0;
}

STAGE_TEST(device, a_bound_device_is_the_hosts)
{
	struct stat st;

	plan_devices(s);
	s->plan.devices.count = 1;
	CHECK(devices_open(&s->plan, &s->in, &s->err) == 0);
	CHECK(RUN(step_devices) == 0);
	CHECK(fstat(stage_open(s, "/dev/null"), &st) == 0 && st.st_rdev == makedev(1, 3));
	return 0;
}
