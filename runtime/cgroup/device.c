/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sys.h"
#include "runtime/cgroup/internal.h"
#include "runtime/program_cache.h"

/* Ours among the programs of a cgroup; at most 15 bytes. */
#define PROGRAM_NAME	"kist_devices"
#define PROGRAMS_MAX	64

static_assert(sizeof(struct bpf_insn_plan) == sizeof(struct bpf_insn), "one instruction each");

static uint64_t pointer(const void *at)
{
	return (uint64_t)(uintptr_t)at;
}

bool cgroup_device_able(int dir_fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)dir_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	/* Without privilege it is EPERM; that says nothing about the kernel. */
	return sys_bpf(BPF_PROG_QUERY, &attr) == 0 || (errno != ENOSYS && errno != EINVAL);
}

static int program_load(const struct resources_plan *resources, struct error *err)
{
	static const char license[] = "Apache-2.0";
	const void *instructions = resources->device_filter.items;
	const size_t size = resources->device_filter.count * sizeof(struct bpf_insn);
	union bpf_attr attr;
	int fd = program_cache_find(instructions, size);

	if (fd >= 0)
		return fd;
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = pointer(instructions);
	attr.insn_cnt = (uint32_t)resources->device_filter.count;
	attr.license = pointer(license);
	memcpy(attr.prog_name, PROGRAM_NAME, sizeof(PROGRAM_NAME));
	fd = sys_bpf(BPF_PROG_LOAD, &attr);
	if (fd >= 0) {
		program_cache_add(instructions, size, fd);
		return fd;
	}
	error_errno(err, "load device rules (%zu BPF instructions)",
		    resources->device_filter.count);
	if (err->code == ENOSYS || err->code == EINVAL)
		return error_hint(err, "the kernel needs CONFIG_CGROUP_BPF");
	return -1;
}

/* Opens those attached to the directory that have our name; *ret_count is the room on entry. */
static int programs_find(int dir_fd, int *fds, size_t *ret_count, struct error *err)
{
	uint32_t ids[PROGRAMS_MAX] = { 0 };
	size_t count = 0;
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)dir_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = pointer(ids);
	attr.query.prog_cnt = PROGRAMS_MAX;
	if (sys_bpf(BPF_PROG_QUERY, &attr) < 0)
		return error_errno(err, "list the device rules of the cgroup");
	for (uint32_t i = 0; i < attr.query.prog_cnt && count < *ret_count; i++) {
		struct bpf_prog_info info = { 0 };
		union bpf_attr open_attr, info_attr;
		int fd;

		memset(&open_attr, 0, sizeof(open_attr));
		open_attr.prog_id = ids[i];
		fd = sys_bpf(BPF_PROG_GET_FD_BY_ID, &open_attr);
		if (fd < 0)
			continue;
		memset(&info_attr, 0, sizeof(info_attr));
		info_attr.info.bpf_fd = (uint32_t)fd;
		info_attr.info.info = pointer(&info);
		info_attr.info.info_len = sizeof(info);
		if (sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &info_attr) == 0 &&
		    strcmp(info.name, PROGRAM_NAME) == 0)
			fds[count++] = fd;
		else
			close(fd);
	}
	*ret_count = count;
	return 0;
}

static int program_attach(int dir_fd, int program_fd, int replace_fd, struct error *err)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)dir_fd;
	attr.attach_bpf_fd = (uint32_t)program_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	/* MULTI, because systemd may have its own there; every one of them must agree. */
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (replace_fd >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replace_fd;
	}
	if (sys_bpf(BPF_PROG_ATTACH, &attr) == 0)
		return 0;
	error_errno(err, "attach device rules to the cgroup");
	if (err->code == ENOSYS || err->code == EINVAL)
		return error_hint(err, "the kernel needs CONFIG_CGROUP_BPF");
	return -1;
}

static int program_detach(int dir_fd, int program_fd, struct error *err)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)dir_fd;
	attr.attach_bpf_fd = (uint32_t)program_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	if (sys_bpf(BPF_PROG_DETACH, &attr) < 0 && errno != ENOENT)
		return error_errno(err, "detach old device rules from the cgroup");
	return 0;
}

int cgroup_device_attach(int dir_fd, const struct resources_plan *resources, bool replace,
			 struct error *err)
{
	_cleanup_fd int program_fd = program_load(resources, err);
	int old[PROGRAMS_MAX], result;
	size_t count = replace ? ARRAY_SIZE(old) : 0;

	if (program_fd < 0)
		return -1;
	if (replace && programs_find(dir_fd, old, &count, err) < 0)
		return -1;
	/* In one step: there is no moment with both, with neither, or with the old rules gone. */
	result = program_attach(dir_fd, program_fd, count > 0 ? old[0] : -1, err);
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && result == 0)
			result = program_detach(dir_fd, old[i], err);
		close(old[i]);
	}
	return result;
}
