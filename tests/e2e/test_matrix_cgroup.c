/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/e2e/matrix.h"

/*
 * linux.resources: each property in the file of the version that the host has,
 * when the container is made and when it is updated.  What the host lacks must
 * be refused by name.
 */

struct row {
	const char *controller;		/* its name in v2 is io for blkio */
	const char *property;		/* below /linux/resources */
	const char *value, *next;	/* as JSON, and what "update" makes of it; NULL: once */
	const char *file_v1, *text_v1, *next_v1;
	const char *file_v2, *text_v2, *next_v2;
};

static const struct row rows[] = {
	{ "memory", "/memory/limit", "67108864", "134217728", "memory.limit_in_bytes", "67108864",
	  "134217728", "memory.max", "67108864", "134217728" },
	{ "memory", "/memory/reservation", "33554432", "16777216", "memory.soft_limit_in_bytes",
	  "33554432", "16777216", "memory.low", "33554432", "16777216" },
	{ "memory", "/memory/kernelTCP", "8388608", NULL, "memory.kmem.tcp.limit_in_bytes",
	  "8388608", NULL, NULL, NULL, NULL },
	{ "memory", "/memory/swappiness", "35", "36", "memory.swappiness", "35", "36", NULL, NULL,
	  NULL },
	{ "memory", "/memory/disableOOMKiller", "true", "false", "memory.oom_control",
	  "oom_kill_disable 1", "oom_kill_disable 0", NULL, NULL, NULL },
	{ "memory", "/memory/useHierarchy", "true", NULL, "memory.use_hierarchy", "1", NULL, NULL,
	  NULL, NULL },
	{ "cpu", "/cpu/shares", "2048", "512", "cpu.shares", "2048", "512", "cpu.weight", "174",
	  "59" },
	{ "cpu", "/cpu/quota", "50000", "60000", "cpu.cfs_quota_us", "50000", "60000", "cpu.max",
	  "50000 200000", "60000 300000" },
	{ "cpu", "/cpu/period", "200000", "300000", "cpu.cfs_period_us", "200000", "300000",
	  "cpu.max", "50000 200000", "60000 300000" },
	{ "cpu", "/cpu/burst", "20000", "30000", "cpu.cfs_burst_us", "20000", "30000",
	  "cpu.max.burst", "20000", "30000" },
	{ "cpu", "/cpu/realtimePeriod", "500000", "400000", "cpu.rt_period_us", "500000",
	  "400000", NULL, NULL, NULL },
	{ "cpu", "/cpu/realtimeRuntime", "10000", "20000", "cpu.rt_runtime_us", "10000", "20000",
	  NULL, NULL, NULL },
	{ "cpuset", "/cpu/cpus", "'0'", NULL, "cpuset.cpus", "0", NULL, "cpuset.cpus", "0", NULL },
	{ "cpuset", "/cpu/mems", "'0'", NULL, "cpuset.mems", "0", NULL, "cpuset.mems", "0", NULL },
	{ "blkio", "/blockIO/weight", "500", "300", "blkio.bfq.weight", "500", "300", NULL, NULL,
	  NULL },
	{ "pids", "/pids/limit", "77", "78", "pids.max", "77", "78", "pids.max", "77", "78" },
	{ "net_cls", "/network/classID", "1048577", "1048578", "net_cls.classid", "1048577",
	  "1048578", NULL, NULL, NULL },
	{ "net_prio", "/network/priorities", "[{'name': 'lo', 'priority': 5}]", NULL,
	  "net_prio.ifpriomap", "lo 5", NULL, NULL, NULL, NULL },
	{ "hugetlb", "/hugepageLimits", "[{'pageSize': '2MB', 'limit': 4194304}]",
	  "[{'pageSize': '2MB', 'limit': 6291456}]", "hugetlb.2MB.limit_in_bytes", "4194304",
	  "6291456", "hugetlb.2MB.max", "4194304", "6291456" },
	{ "hugetlb", "/hugepageLimits", "[{'pageSize': '2MB', 'limit': 4194304}]",
	  "[{'pageSize': '2MB', 'limit': 6291456}]", "hugetlb.2MB.rsvd.limit_in_bytes", "4194304",
	  "6291456", "hugetlb.2MB.rsvd.max", "4194304", "6291456" },
};

/*
 * What the kernel may be built without, a module may have, or other cgroups may
 * have all of already: whether a cgroup of v1 can be given it.
 */
static bool can_have(const char *controller, const char *file, const char *value)
{
	const char *directory = arena_printf(&e2e_arena, "/sys/fs/cgroup/%s/kist-trial-%d",
					     controller, (int)getpid());
	struct error err;
	bool given;

	if (!matrix_has_v1(controller) || mkdir(directory, 0755) < 0)
		return false;
	given = file_write(AT_FDCWD, arena_printf(&e2e_arena, "%s/%s", directory, file), value,
			   &err) == 0;
	rmdir(directory);
	return given;
}

/* Those of which the controller alone does not say. */
static bool is_doubtful(const struct row *row)
{
	return strstr(row->property, "realtime") != NULL || strcmp(row->controller, "blkio") == 0;
}

/* Whether that row has an effect here; unified and hybrid hosts may have it in v2. */
static bool has(const struct row *row)
{
	if (strstr(row->property, "realtime") != NULL)
		return can_have("cpu", "cpu.rt_runtime_us", "40000");
	if (is_doubtful(row))
		return can_have(row->controller, row->file_v1, "200");
	if (row->file_v1 != NULL && matrix_has_v1(row->controller))
		return true;
	return row->file_v2 != NULL && matrix_has_v2(row->controller);
}

/* The whole text, or a line of it. */
static void expect_file(pid_t pid, const struct row *row, bool next)
{
	bool v1 = matrix_has_v1(row->controller);
	const char *directory = matrix_cgroup(pid, v1 ? row->controller : "");
	const char *wanted = v1 ? next ? row->next_v1 : row->text_v1 :
			     next ? row->next_v2 : row->text_v2;
	const char *path = arena_printf(&e2e_arena, "%s/%s", directory,
					v1 ? row->file_v1 : row->file_v2);

	/* Swap may not be accounted for, and then there is nothing to limit. */
	if (access(path, F_OK) < 0 && strstr(path, "sw") != NULL)
		return;
	cr_expect(matrix_has_line(matrix_file(path), wanted), "%s: %s has \"%s\", not \"%s\"",
		  row->property, path, matrix_file(path), wanted);
}

E2E(matrix_cgroup, each_limit_is_in_its_file_and_is_updated)
{
	struct bundle *b = bundle_new();
	const char *file = arena_printf(&e2e_arena, "%s/resources.json", b->dir);
	char *update = arena_strdup(&e2e_arena, "{}");
	struct output got;
	size_t found = 0;
	pid_t pid;

	e2e_need_root();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!has(&rows[i]))
			continue;
		bundle_set(b, arena_printf(&e2e_arena, "/linux/resources%s", rows[i].property),
			   rows[i].value);
		if (rows[i].next != NULL)
			update = edit_set(&e2e_arena, update, rows[i].property, rows[i].next);
		found++;
	}
	if (found == 0)
		e2e_skip("this host has no cgroup controllers");
	pid = matrix_start(b);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (has(&rows[i]))
			expect_file(pid, &rows[i], false);
	matrix_write(file, update);
	bundle_call(b, &got, "update", "--resources", file, b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (has(&rows[i]))
			expect_file(pid, &rows[i], rows[i].next != NULL);
	matrix_stop(b);
}

/* Those of which this host lacks the controller; nothing is made then. */
E2E(matrix_cgroup, what_the_host_lacks_is_refused_by_name)
{
	size_t found = 0;

	e2e_need_root();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct bundle *b;
		struct output got;

		if (has(row) || is_doubtful(row))
			continue;
		found++;
		b = bundle_new();
		bundle_set(b, arena_printf(&e2e_arena, "/linux/resources%s", row->property),
			   row->value);
		bundle_probe_args(b, "exit", "0", NULL);
		bundle_run(b, &got);
		/* On cgroup v2 true is what always was, and false cannot be had. */
		if (strcmp(row->property, "/memory/useHierarchy") == 0)
			continue;
		cr_expect_eq(got.status, 1, "%s: %s", row->property, got.err);
		cr_expect(strstr(got.err, row->controller) || strstr(got.err, "needs cgroup v1"),
			  "%s: %s", row->property, got.err);
	}
	if (found == 0)
		e2e_skip("this host has every controller");
}

#define V1_MAX	"9223372036854771712"

/* Numbers that mean something of their own; as many as go together in one container. */
static const struct special {
	const char *memory, *cpu, *pids;
	struct row rows[6];
} groups[] = {
	{ "{'limit': 67108864, 'swap': 100663296}", "{'quota': -1, 'period': 50000, 'shares': 256}",
	  "{'limit': -1}", {
		{ "memory", "swap", .file_v1 = "memory.memsw.limit_in_bytes",
		  .text_v1 = "100663296", .file_v2 = "memory.swap.max", .text_v2 = "33554432" },
		{ "cpu", "quota", .file_v1 = "cpu.cfs_quota_us", .text_v1 = "-1",
		  .file_v2 = "cpu.max", .text_v2 = "max 50000" },
		{ "cpu", "shares", .file_v1 = "cpu.shares", .text_v1 = "256",
		  .file_v2 = "cpu.weight", .text_v2 = "35" },
		{ "pids", "pids", .file_v1 = "pids.max", .text_v1 = "max",
		  .file_v2 = "pids.max", .text_v2 = "max" },
	} },
	{ "{'limit': 67108864, 'swap': 67108864}", "{'shares': 512}", "{'limit': 0}", {
		{ "memory", "swap", .file_v1 = "memory.memsw.limit_in_bytes",
		  .text_v1 = "67108864", .file_v2 = "memory.swap.max", .text_v2 = "0" },
		{ "pids", "pids", .file_v1 = "pids.max", .text_v1 = "0",
		  .file_v2 = "pids.max", .text_v2 = "0" },
	} },
	{ "{'limit': -1}", "{'shares': 262144}", "{'limit': 5}", {
		{ "memory", "limit", .file_v1 = "memory.limit_in_bytes", .text_v1 = V1_MAX,
		  .file_v2 = "memory.max", .text_v2 = "max" },
		{ "memory", "swap", .file_v1 = "memory.memsw.limit_in_bytes", .text_v1 = V1_MAX,
		  .file_v2 = "memory.swap.max", .text_v2 = "max" },
		{ "cpu", "shares", .file_v1 = "cpu.shares", .text_v1 = "262144",
		  .file_v2 = "cpu.weight", .text_v2 = "10000" },
	} },
	{ "{'limit': 67108864, 'swap': -1}", "{'shares': 1024}", "{'limit': 5}", {
		{ "memory", "swap", .file_v1 = "memory.memsw.limit_in_bytes", .text_v1 = V1_MAX,
		  .file_v2 = "memory.swap.max", .text_v2 = "max" },
		{ "cpu", "shares", .file_v1 = "cpu.shares", .text_v1 = "1024",
		  .file_v2 = "cpu.weight", .text_v2 = "100" },
	} },
};

E2E(matrix_cgroup, numbers_that_mean_something_of_their_own)
{
	e2e_need_root();
	if (!matrix_has_v1("memory") && !matrix_has_v2("memory"))
		e2e_skip("this host has no cgroup controllers");
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		struct bundle *b = bundle_new();
		pid_t pid;

		bundle_set(b, "/linux/resources/memory", groups[i].memory);
		bundle_set(b, "/linux/resources/cpu", groups[i].cpu);
		bundle_set(b, "/linux/resources/pids", groups[i].pids);
		pid = matrix_start(b);
		for (size_t j = 0; groups[i].rows[j].controller != NULL; j++)
			expect_file(pid, &groups[i].rows[j], false);
		matrix_stop(b);
	}
}

/* By update alone: on a busy machine such a group takes seconds to start or to end. */
E2E(matrix_cgroup, idle_is_set_and_taken_back)
{
	static const struct row idle = {
		"cpu", "idle", .file_v1 = "cpu.idle", .text_v1 = "1", .next_v1 = "0",
		.file_v2 = "cpu.idle", .text_v2 = "1", .next_v2 = "0",
	};
	struct bundle *b = bundle_new();
	struct output got;
	pid_t pid;

	e2e_need_root();
	e2e_need_kist();
	if (!has(&idle))
		e2e_skip("this host has no cgroup controller for CPUs");
	bundle_set(b, "/linux/resources/cpu", "{'shares': 512}");
	pid = matrix_start(b);
	bundle_call(b, &got, "update", "--cpu-idle", "1", b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	expect_file(pid, &idle, false);
	bundle_call(b, &got, "update", "--cpu-idle", "0", b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	expect_file(pid, &idle, true);
	matrix_stop(b);
}

/* "MAJOR:MINOR" of a block device that takes limits; NULL: there is none. */
static const char *block_device(void)
{
	DIR *all = opendir("/sys/block");
	const struct dirent *entry;
	const char *numbers = NULL;

	while (all != NULL && numbers == NULL && (entry = readdir(all)) != NULL)
		if (entry->d_name[0] != '.')
			numbers = matrix_file(arena_printf(&e2e_arena, "/sys/block/%s/dev",
							   entry->d_name));
	if (all != NULL)
		closedir(all);
	return numbers;
}

static const struct { const char *property, *file_v1, *key_v2; } throttles[] = {
	{ "throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps=1048576" },
	{ "throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps=2097152" },
	{ "throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops=300" },
	{ "throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops=400" },
};

E2E(matrix_cgroup, throttles_of_a_device_are_set)
{
	struct bundle *b = bundle_new();
	const char *device = block_device(), *directory, *text;
	bool v1 = matrix_has_v1("blkio");
	unsigned int major = 0, minor = 0;
	pid_t pid;

	e2e_need_root();
	if (device == NULL || sscanf(device, "%u:%u", &major, &minor) != 2)
		e2e_skip("no block device");
	if (!v1 && !matrix_has_v2("io"))
		e2e_skip("no cgroup controller for blocks");
	for (size_t i = 0; i < ARRAY_SIZE(throttles); i++)
		bundle_set(b, arena_printf(&e2e_arena, "/linux/resources/blockIO/%s",
					   throttles[i].property),
			   arena_printf(&e2e_arena, "[{'major': %u, 'minor': %u, 'rate': %s}]",
					major, minor, strchr(throttles[i].key_v2, '=') + 1));
	pid = matrix_start(b);
	directory = matrix_cgroup(pid, v1 ? "blkio" : "");
	for (size_t i = 0; i < ARRAY_SIZE(throttles); i++) {
		const char *number = strchr(throttles[i].key_v2, '=') + 1;

		text = matrix_file(arena_printf(&e2e_arena, "%s/%s", directory,
						v1 ? throttles[i].file_v1 : "io.max"));
		if (v1)
			cr_expect_str_eq(text, arena_printf(&e2e_arena, "%s %s", device, number));
		else
			cr_expect(strstr(text, throttles[i].key_v2), "%s", text);
	}
	matrix_stop(b);
}

/* With what was converted, and what v2 alone has, in more lines than one. */
E2E(matrix_cgroup, unified_files_are_written_as_they_are)
{
	struct bundle *b = bundle_new();
	const char *directory;
	struct output got;
	pid_t pid;

	e2e_need_root();
	if (!matrix_is_unified()) {
		bundle_set(b, "/linux/resources/unified", "{'memory.high': '1048576'}");
		bundle_run(b, &got);
		cr_expect_eq(got.status, 1);
		cr_expect(strstr(got.err, "needs cgroup v2") || strstr(got.err, "memory"), "%s",
			  got.err);
		return;
	}
	bundle_set(b, "/linux/resources/unified", matrix_has_v2("memory") ?
		   "{'memory.high': '1048576000', 'cgroup.max.depth': '7'}" :
		   "{'cgroup.max.depth': '7'}");
	pid = matrix_start(b);
	directory = matrix_cgroup(pid, "");
	cr_expect_str_eq(matrix_file(arena_printf(&e2e_arena, "%s/cgroup.max.depth", directory)),
			 "7");
	if (matrix_has_v2("memory"))
		cr_expect_str_eq(matrix_file(arena_printf(&e2e_arena, "%s/memory.high",
							  directory)), "1048576000");
	matrix_stop(b);
}

static int find_child(const char *directory, pid_t pid)
{
	return matrix_has_line(matrix_file(arena_printf(&e2e_arena, "%s/cgroup.procs", directory)),
			       arena_printf(&e2e_arena, "%d", (int)pid));
}

/* Nested below a parent that nobody had made, and the process is in each of its hierarchies. */
E2E(matrix_cgroup, a_nested_path_is_made_and_goes)
{
	struct bundle *b = bundle_new();
	const char *directory;
	pid_t pid;

	e2e_need_root();
	bundle_set(b, "/linux/cgroupsPath",
		   arena_printf(&e2e_arena, "'/%s-parent/deep/er'", b->id));
	pid = matrix_start(b);
	directory = matrix_cgroup(pid, matrix_has_v1("pids") ? "pids" : "");
	cr_expect(strstr(directory, "-parent/deep/er"), "%s", directory);
	cr_expect(find_child(directory, pid), "%s", directory);
	matrix_stop(b);
	cr_expect_lt(access(directory, F_OK), 0, "%s", directory);
}
