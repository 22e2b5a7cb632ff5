/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/e2e/harness.h"
#include "tests/e2e/resctrl.h"

/* linux.intelRdt, in a resctrl of the test's own (tests/e2e/resctrl.c). */

static struct resctrl resctrl;

static struct bundle *rdt_bundle(const char *config)
{
	struct bundle *b = bundle_new();

	e2e_need_kist();
	e2e_need_root();
	resctrl_mount(&resctrl, b->dir);
	bundle_env(b, arena_printf(&e2e_arena, "KIST_TEST_RESCTRL=%s", resctrl.path));
	if (config != NULL)
		bundle_set(b, "/linux/intelRdt", config);
	bundle_probe_args(b, "sleep", "1", NULL);
	return b;
}

static const char *place(const char *name)
{
	return arena_printf(&e2e_arena, "%s/%s", resctrl.path, name);
}

static bool is_there(const char *name)
{
	return access(place(name), F_OK) == 0;
}

static void create(struct bundle *b, struct output *got)
{
	bundle_call(b, got, "create", "--bundle", b->path, b->id, NULL);
}

static void created(struct bundle *b)
{
	struct output got;

	create(b, &got);
	cr_assert_eq(got.status, 0, "%s", got.err);
}

static bool has_task(const char *file, const char *pid)
{
	const char *tasks = resctrl_read(&resctrl, file);
	size_t length = strlen(pid);

	for (; *tasks != '\0'; tasks += strcspn(tasks, "\n") + 1)
		if (strncmp(tasks, pid, length) == 0 && tasks[length] == '\n')
			return true;
	return false;
}

E2E(rdt, group_of_its_own_comes_and_goes_with_the_container)
{
	struct bundle *b = rdt_bundle("{'l3CacheSchema': 'L3:0=f;1=f0', 'memBwSchema': "
				      "'MB:0=20;1=70', 'schemata': ['L3:0=3;1=3']}");
	const char *tasks = arena_printf(&e2e_arena, "%s/tasks", b->id);

	created(b);
	cr_expect(has_task(tasks, bundle_pid(b)), "%s", resctrl_read(&resctrl, tasks));
	/* In the spec's order, so that schemata counts. */
	cr_expect_str_eq(resctrl_read(&resctrl, arena_printf(&e2e_arena, "%s/schemata", b->id)),
			 "    L3:0=3;1=3\n    MB:0=20;1=70\n");
	cr_expect_str_eq(resctrl_read(&resctrl, "schemata"),
			 "    L3:0=ff;1=ff\n    MB:0=100;1=100\n");
	bundle_destroy(b);
	cr_expect_not(is_there(b->id));
	resctrl_unmount(&resctrl);
}

E2E(rdt, without_the_property_nothing_is_touched)
{
	struct bundle *b = rdt_bundle(NULL);

	created(b);
	cr_expect_not(is_there(b->id));
	cr_expect_str_eq(resctrl_read(&resctrl, "tasks"), "");
	bundle_destroy(b);
	resctrl_unmount(&resctrl);
}

E2E(rdt, named_group_is_made_where_missing_and_stays)
{
	struct bundle *b = rdt_bundle("{'closID': 'gold', 'memBwSchema': 'MB:0=20;1=70'}");

	created(b);
	cr_expect(has_task("gold/tasks", bundle_pid(b)));
	cr_expect_str_eq(resctrl_read(&resctrl, "gold/schemata"),
			 "    L3:0=ff;1=ff\n    MB:0=20;1=70\n");
	cr_expect_not(is_there(b->id));
	bundle_destroy(b);
	cr_expect(is_there("gold"));
	/* A second time: it is there, and has what is asked for. */
	created(b);
	bundle_destroy(b);
	resctrl_unmount(&resctrl);
}

E2E(rdt, named_group_with_other_shares_is_refused)
{
	static const struct { const char *config; bool fits; } rows[] = {
		{ "{'closID': 'gold', 'l3CacheSchema': 'L3:0=ff;1=ff'}", true },
		{ "{'closID': 'gold', 'l3CacheSchema': 'L3:0=f;1=ff'}", false },
		{ "{'closID': 'gold', 'l3CacheSchema': 'L3:2=ff'}", false },
		{ "{'closID': 'gold', 'memBwSchema': 'MB:0=10'}", false },
	};
	struct bundle *b = rdt_bundle(NULL);
	struct output got;

	cr_assert_eq(mkdir(place("gold"), 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bundle_set(b, "/linux/intelRdt", rows[i].config);
		create(b, &got);
		cr_expect_eq(got.status == 0, rows[i].fits, "%s: %s", rows[i].config, got.err);
		if (rows[i].fits)
			bundle_destroy(b);
		else
			cr_expect(strstr(got.err, "exists already, and its schemata are not"),
				  "%s", got.err);
	}
	cr_expect_str_eq(resctrl_read(&resctrl, "gold/schemata"),
			 "    L3:0=ff;1=ff\n    MB:0=100;1=100\n");
	resctrl_unmount(&resctrl);
}

E2E(rdt, group_named_without_shares_must_exist)
{
	struct bundle *b = rdt_bundle("{'closID': 'gold'}");
	struct output got;

	create(b, &got);
	cr_expect_eq(got.status, 1);
	cr_expect(strstr(got.err, "closID must name one that exists"), "%s", got.err);
	cr_expect_not(is_there("gold"));
	cr_assert_eq(mkdir(place("gold"), 0755), 0);
	created(b);
	cr_expect(has_task("gold/tasks", bundle_pid(b)));
	bundle_destroy(b);
	cr_expect(is_there("gold"));
	resctrl_unmount(&resctrl);
}

E2E(rdt, slash_is_the_default_group)
{
	struct bundle *b = rdt_bundle("{'closID': '/', 'enableMonitoring': true}");
	const char *group = arena_printf(&e2e_arena, "mon_groups/%s", b->id);

	created(b);
	cr_expect(has_task("tasks", bundle_pid(b)));
	cr_expect(has_task(arena_printf(&e2e_arena, "%s/tasks", group), bundle_pid(b)));
	bundle_destroy(b);
	cr_expect_not(is_there(group));
	resctrl_unmount(&resctrl);
}

E2E(rdt, program_of_exec_is_in_the_same_groups)
{
	struct bundle *b = rdt_bundle("{'closID': 'gold', 'schemata': ['L3:0=f'], "
				      "'enableMonitoring': true}");
	const char *file = arena_printf(&e2e_arena, "gold/mon_groups/%s/tasks", b->id);
	const char *pid_path = arena_printf(&e2e_arena, "%s/pid", b->dir), *pid;
	struct output got;
	struct error err;
	struct call exec;
	char *text;

	bundle_probe_args(b, "sleep", "100000", NULL);
	created(b);
	bundle_call(b, &got, "start", b->id, NULL);
	bundle_begin(b, &exec, "exec", "--pid-file", pid_path, b->id, "/probe", "say", "here",
		     "sleep", "100000", NULL);
	bundle_await(&exec, "here");
	cr_assert_eq(file_read(AT_FDCWD, pid_path, 64, &e2e_arena, &text, NULL, &err), 0);
	pid = text;
	cr_expect(has_task("gold/tasks", pid));
	cr_expect(has_task(file, pid) && has_task(file, bundle_pid(b)));
	bundle_destroy(b);
	bundle_finish(&exec, &got);
	resctrl_unmount(&resctrl);
}

E2E(rdt, what_the_kernel_refuses_is_told_and_nothing_stays)
{
	static const struct { const char *config, *words; } rows[] = {
		{ "{'schemata': ['X9:0=f']}", "invalid argument" },
		{ "{'schemata': ['X9:0=f']}", "Unknown or unsupported resource name" },
		{ "{'closID': 'new', 'schemata': ['X9:0=f']}", "Unknown or unsupported" },
		{ "{'schemata': ['L3:0=f'], 'enableMonitoring': true}", "Out of CLOSIDs" },
	};
	struct bundle *b = rdt_bundle(NULL);
	struct output got;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (i == ARRAY_SIZE(rows) - 1)
			for (int group = 0; group < RESCTRL_GROUPS; group++)
				mkdir(place(arena_printf(&e2e_arena, "g%d", group)), 0755);
		bundle_set(b, "/linux/intelRdt", rows[i].config);
		create(b, &got);
		cr_expect_eq(got.status, 1);
		cr_expect(strcasestr(got.err, rows[i].words), "%s", got.err);
		cr_expect_not(is_there(b->id) || is_there("new"), "%s", rows[i].config);
	}
	resctrl_unmount(&resctrl);
}

E2E(rdt, monitoring_group_of_that_name_is_refused_and_stays)
{
	struct bundle *b = rdt_bundle("{'closID': '/', 'enableMonitoring': true}");
	const char *group = arena_printf(&e2e_arena, "mon_groups/%s", b->id);
	struct output got;

	cr_assert_eq(mkdir(place(group), 0755), 0);
	create(b, &got);
	cr_expect_eq(got.status, 1);
	cr_expect(strstr(got.err, "file exists"), "%s", got.err);
	cr_expect(is_there(group));
	resctrl_unmount(&resctrl);
}

E2E(rdt, shares_are_updated_and_use_is_told)
{
	struct bundle *b = rdt_bundle("{'l3CacheSchema': 'L3:0=f;1=f'}");
	struct output got;

	bundle_probe_args(b, "sleep", "100000", NULL);
	created(b);
	bundle_call(b, &got, "start", b->id, NULL);
	bundle_call(b, &got, "update", "--l3-cache-schema", "L3:0=3;1=3", "--mem-bw-schema",
		    "MB:0=10;1=10", b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "events", "--stats", b->id, NULL);
	cr_expect(strstr(got.out, "\"intel_rdt\":{\"l3_cache_info\":{\"cbm_mask\":\"ff\","
				  "\"min_cbm_bits\":1,\"num_closids\":4},\"l3_cache_schema_root\":"
				  "\"L3:0=ff;1=ff\",\"l3_cache_schema\":\"L3:0=3;1=3\","),
		  "%s", got.out);
	cr_expect(strstr(got.out, "\"mem_bw_schema\":\"MB:0=10;1=10\",\"schemata\":"
				  "[\"L3:0=3;1=3\",\"MB:0=10;1=10\"],"),
		  "%s", got.out);
	cr_expect(strstr(got.out, "{\"mbm_total_bytes\":1000,\"mbm_local_bytes\":500},"), "%s",
		  got.out);
	/* The first is of the first cache. */
	cr_expect(strstr(got.out, "\"cmt_stats\":[{\"llc_occupancy\":4096},"
				  "{\"llc_occupancy\":8192}]"),
		  "%s", got.out);
	bundle_destroy(b);
	resctrl_unmount(&resctrl);
}

E2E(rdt, update_wants_a_group)
{
	struct bundle *b = rdt_bundle(NULL);
	struct output got;

	created(b);
	bundle_call(b, &got, "update", "--l3-cache-schema", "L3:0=3", b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect(strstr(got.err, "it has no intelRdt in its configuration"), "%s", got.err);
	bundle_destroy(b);
	resctrl_unmount(&resctrl);
}

E2E(rdt, needs_a_resctrl)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_set(b, "/linux/intelRdt", "{'l3CacheSchema': 'L3:0=f'}");
	if (access("/sys/fs/resctrl/schemata", F_OK) == 0)
		e2e_skip("this machine has the hardware");
	create(b, &got);
	cr_expect_eq(got.status, 1);
	cr_expect(strstr(got.err, "mount -t resctrl resctrl /sys/fs/resctrl"), "%s", got.err);
}
