/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sys.h"
#include "runtime/cgroup/internal.h"

static const char *refusal_hint(const struct cgroup_write *write, int code)
{
	static const struct { const char *prefix; int code; const char *hint; } hints[] = {
		{ "cpuset.mems", EINVAL, "the nodes must be among those of the cgroup above" },
		{ "cpuset.", EINVAL,
		  "the CPUs must be online, and on v1 among those of the cgroup above" },
		{ "cpuset.", ENOSPC, "processes in the cgroup need at least one" },
		{ "cpuset.", ERANGE, "this kernel counts no CPUs and nodes that far" },
		{ "cpu.cfs_", EINVAL,
		  "a quota is 1000 us or more, a period 1000 to 1000000, and their ratio at most "
		  "that of the cgroup above" },
		{ "cpu.max", EINVAL, "a quota is 1000 us or more, a period 1000 to 1000000" },
		{ "cpu.rt_", EINVAL,
		  "the cgroup above must be given at least as much real-time run time" },
		{ "memory.", EBUSY, "more than that is in use already" },
		{ "memory.", EINVAL, "the limit of memory and swap together must not be below "
		  "the limit of memory" },
		{ "io.", ENODEV, "no such block device, or a partition, which has no limits" },
		{ "blkio.", ENODEV, "no such block device, or a partition, which has no limits" },
		{ "cgroup.subtree_control", EBUSY, "processes in the cgroup forbid it" },
		{ "", ENOENT, "this kernel or its configuration does not have this limit" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
		if (hints[i].code == code &&
		    strncmp(write->file, hints[i].prefix, strlen(hints[i].prefix)) == 0)
			return hints[i].hint;
	return NULL;
}

static int refusal(struct error *err, const char *path, const struct cgroup_write *write, int code)
{
	const char *hint = refusal_hint(write, code);

	error_number(err, code, "write \"%s\" to %s of cgroup %s", write->text, write->file, path);
	return hint != NULL ? error_hint(err, "%s", hint) : -1;
}

/* 0, -1 with *err, or the errno of one that may be tried again or is optional. */
static int one_write(const struct cgroup_write *write, const char *path, cgroup_write_dir *dir,
		     void *context, bool last, struct error *err)
{
	int dir_fd = dir(context, write, err);

	if (dir_fd == CGROUP_SKIP)
		return 0;
	if (dir_fd < 0)
		return -1;
	if (strchr(write->file, '/') != NULL)
		return error_set(err, "cgroup file %s: not a name", write->file);
	if (cgroup_file_write(dir_fd, write->file, write->text) == 0)
		return 0;
	if (errno == ENOENT && write->optional)
		return ENOENT;
	if (errno == EINVAL && write->retry && !last)
		return EINVAL;
	return refusal(err, path, write, errno);
}

int cgroup_list_write(const cgroup_write_list *writes, const char *path, cgroup_write_dir *dir,
		      void *context, struct error *err)
{
	bool again = false;
	int result = 0;

	LIST_EACH(write, *writes) {
		if (write->alternative && result != ENOENT)
			continue;
		result = one_write(write, path, dir, context, false, err);
		if (result < 0)
			return -1;
		again |= result == EINVAL;
	}
	/*
	 * Which of two values that bound each other goes first depends on what is set already.
	 * Writing the ones a second time that were taken the first time changes nothing.
	 */
	if (again)
		LIST_EACH(write, *writes)
			if (write->retry &&
			    one_write(write, path, dir, context, true, err) < 0)
				return -1;
	return 0;
}
