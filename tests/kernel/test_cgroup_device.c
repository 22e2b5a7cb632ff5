/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"
#include "runtime/cgroup/internal.h"
#include "runtime/cgroup/stats.h"
#include "runtime/clone.h"
#include "tests/kernel/cgroup_stage.h"
#include "tests/kernel/child.h"

static size_t programs_attached(void)
{
	uint32_t ids[64];
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)cgroup.fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
	attr.query.prog_cnt = ARRAY_SIZE(ids);
	cr_assert_eq(sys_bpf(BPF_PROG_QUERY, &attr), 0, "%s", strerror(errno));
	return attr.query.prog_cnt;
}

static void need_bpf(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	if (sys_bpf(BPF_PROG_LOAD, &attr) < 0 && errno == ENOSYS)
		cr_skip_test("this kernel has no BPF");
}

/* By name or not: on a hybrid host with v1 and without it. */
static void expect_device_rules(const char *path)
{
	need_bpf();
	v2();
	allow_devices(null_only, ARRAY_SIZE(null_only));
	make(path);
	cr_expect_eq(devices_open(), 32);
	for (int i = 0; i < 3; i++) {
		allow_devices(full_only, ARRAY_SIZE(full_only));
		cr_assert_eq(cgroup_update(&cgroup, &arena, &plan.resources, &err), 0, "%s",
			     err.text);
		cr_expect_eq(devices_open(), 16);
	}
	cr_expect_eq(programs_attached(), 1);
}

Test(cgroup, filters_devices_and_replaces_the_filter)
{
	expect_device_rules(NULL);
}

Test(cgroup, filters_devices_of_a_named_path)
{
	expect_device_rules(base);
}

/* A stopped container keeps its cgroup until it is deleted, and a path may be two containers'. */
Test(cgroup, has_the_rules_of_who_has_it_now)
{
	need_bpf();
	v2();
	allow_devices(null_only, ARRAY_SIZE(null_only));
	for (int i = 0; i < 3; i++) {
		fd_close(&cgroup.fd);
		if (i == 2)
			allow_devices(full_only, ARRAY_SIZE(full_only));
		make(base);
		cr_expect_eq(devices_open(), i == 2 ? 16 : 32);
		cr_expect_eq(programs_attached(), 1);
	}
}

Test(cgroup, keeps_the_filter_when_an_update_has_no_rules)
{
	struct resources_plan none = { .listed = false };

	need_bpf();
	v2();
	allow_devices(null_only, ARRAY_SIZE(null_only));
	make(NULL);
	cr_assert_eq(cgroup_update(&cgroup, &arena, &none, &err), 0, "%s", err.text);
	cr_expect_eq(devices_open(), 32);
}

Test(cgroup, is_given_to_the_root_of_a_user_namespace)
{
	static struct mount_plan mount = { .type = "cgroup", .destination = "/sys/fs/cgroup" };
	struct id_map map = { 0, 700000, 65536 };
	struct stat st;

	v2();
	plan.namespaces[NAMESPACE_USER].listed = plan.namespaces[NAMESPACE_CGROUP].listed = true;
	plan.uid_maps.items = plan.gid_maps.items = &map;
	plan.uid_maps.count = plan.gid_maps.count = 1;
	plan.mounts.items = &mount;
	plan.mounts.count = 1;
	make(NULL);
	cr_assert_eq(fstat(cgroup.fd, &st), 0);
	cr_expect_eq(st.st_uid, 700000);
	cr_assert_eq(fstatat(cgroup.fd, "cgroup.procs", &st, 0), 0);
	cr_expect_eq(st.st_uid, 700000);
	cr_assert_eq(fstatat(cgroup.fd, "cgroup.freeze", &st, 0), 0);
	cr_expect_eq(st.st_uid, 0, "the limits of the cgroup itself are not the container's");
	cgroup_destroy(&cgroup, &err);
	mount.attr_set = MOUNT_ATTR_RDONLY;
	make(NULL);
	cr_assert_eq(fstat(cgroup.fd, &st), 0);
	cr_expect_eq(st.st_uid, 0, "a read-only mount asks for no delegation");
}
