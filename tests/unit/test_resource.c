/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "config/load.h"
#include "config/plan.h"
#include "config/resource.h"
#include "config/section.h"

static struct arena arena;
static struct error err;

/* ' stands for ", so that a row stays readable. */
static const char *quoted(const char *text)
{
	char *json = arena_printf(&arena, "%s", text);

	for (char *at = json; *at != '\0'; at++)
		if (*at == '\'')
			*at = '"';
	return json;
}

static const struct plan *parse(const char *resources)
{
	static const char head[] = "{'ociVersion':'1.3.0','root':{'path':'/r'},"
				   "'process':{'cwd':'/','args':['x'],'user':{'uid':0,'gid':0}},"
				   "'linux':{'namespaces':[{'type':'mount'}],'resources':";
	const char *json = quoted(arena_printf(&arena, "%s%s}}", head, resources));

	return plan_parse(&arena, "/b", "config.json", json, strlen(json), &err);
}

/* "memory.max=1 pids.max=2", without the devices; "?": optional, "|": instead, "~": retried. */
static const char *writes(const cgroup_write_list *list)
{
	struct text out = { .arena = &arena };

	LIST_EACH(write, *list)
		if (write->controller == NULL || strcmp(write->controller, "devices") != 0)
			text_printf(&out, "%s%s%s%s%s=%s", out.size > 0 ? "; " : "",
				    write->alternative ? "|" : "", write->optional ? "?" : "",
				    write->retry ? "~" : "", write->file, write->text);
	return out.size > 0 ? out.data : "";
}

static const struct {
	const char *resources, *v1, *v2;
} facts[] = {
	{ "{}", "", "" },
	{ "{'memory':{'limit':1000}}", "~memory.limit_in_bytes=1000", "memory.max=1000" },
	{ "{'memory':{'limit':0,'reservation':0,'swap':0},'cpu':{'shares':0,'quota':0,'period':0,"
	  "'cpus':'','mems':''},'blockIO':{'weight':0}}",
	  "", "" },
	{ "{'memory':{'limit':1000,'swap':3000}}",
	  "~memory.limit_in_bytes=1000; memory.memsw.limit_in_bytes=3000",
	  "memory.swap.max=2000; memory.max=1000" },
	{ "{'memory':{'limit':1000,'swap':1000}}",
	  "~memory.limit_in_bytes=1000; memory.memsw.limit_in_bytes=1000",
	  "?memory.swap.max=0; memory.max=1000" },
	{ "{'memory':{'limit':1000,'swap':-1}}",
	  "~memory.limit_in_bytes=1000; ?memory.memsw.limit_in_bytes=-1",
	  "?memory.swap.max=max; memory.max=1000" },
	{ "{'memory':{'limit':-1}}", "?~memory.limit_in_bytes=-1; ?memory.memsw.limit_in_bytes=-1",
	  "?memory.swap.max=max; ?memory.max=max" },
	{ "{'memory':{'limit':-1,'swap':5000}}",
	  "?~memory.limit_in_bytes=-1; memory.memsw.limit_in_bytes=5000",
	  "memory.swap.max=5000; ?memory.max=max" },
	{ "{'memory':{'reservation':500}}", "memory.soft_limit_in_bytes=500", "memory.low=500" },
	{ "{'memory':{'disableOOMKiller':false,'useHierarchy':false}}", "memory.oom_control=0",
	  "" },
	{ "{'memory':{'useHierarchy':true}}", "?memory.use_hierarchy=1", "" },
	{ "{'cpu':{'shares':1024}}", "cpu.shares=1024", "cpu.weight=100" },
	{ "{'cpu':{'shares':2}}", "cpu.shares=2", "cpu.weight=1" },
	{ "{'cpu':{'shares':262144}}", "cpu.shares=262144", "cpu.weight=10000" },
	{ "{'cpu':{'shares':1024,'idle':1}}", "cpu.idle=1", "cpu.idle=1" },
	{ "{'cpu':{'shares':1024,'idle':0}}", "cpu.idle=0; cpu.shares=1024",
	  "cpu.idle=0; cpu.weight=100" },
	{ "{'cpu':{'quota':50000,'period':100000}}",
	  "~cpu.cfs_period_us=100000; cpu.cfs_quota_us=50000", "cpu.max=50000 100000" },
	{ "{'cpu':{'quota':50000}}", "cpu.cfs_quota_us=50000", "cpu.max=50000" },
	{ "{'cpu':{'quota':-1}}", "?cpu.cfs_quota_us=-1", "?cpu.max=max" },
	{ "{'cpu':{'period':20000}}", "~cpu.cfs_period_us=20000", "cpu.max=max 20000" },
	{ "{'cpu':{'quota':-1,'period':20000}}", "~cpu.cfs_period_us=20000; ?cpu.cfs_quota_us=-1",
	  "cpu.max=max 20000" },
	{ "{'cpu':{'quota':5000,'burst':4000}}", "~cpu.cfs_burst_us=4000; cpu.cfs_quota_us=5000",
	  "~cpu.max.burst=4000; cpu.max=5000" },
	{ "{'cpu':{'cpus':'0-1','mems':'0'}}", "cpuset.cpus=0-1; cpuset.mems=0",
	  "cpuset.cpus=0-1; cpuset.mems=0" },
	{ "{'pids':{'limit':100}}", "pids.max=100", "pids.max=100" },
	{ "{'pids':{'limit':0}}", "pids.max=0", "pids.max=0" },
	{ "{'pids':{'limit':-1}}", "?pids.max=max", "?pids.max=max" },
	{ "{'pids':{}}", "", "" },
	{ "{'blockIO':{'weight':10}}", "?blkio.weight=10; |blkio.bfq.weight=10",
	  "?io.bfq.weight=10; |io.weight=1" },
	{ "{'blockIO':{'weight':1000}}", "?blkio.weight=1000; |blkio.bfq.weight=1000",
	  "?io.bfq.weight=1000; |io.weight=10000" },
	{ "{'blockIO':{'weightDevice':[{'major':8,'minor':0,'weight':500}]}}",
	  "?blkio.weight_device=8:0 500; |blkio.bfq.weight_device=8:0 500",
	  "?io.bfq.weight=8:0 500; |io.weight=8:0 4950" },
	{ "{'blockIO':{'throttleReadBpsDevice':[{'major':8,'minor':16,'rate':600}],"
	  "'throttleWriteBpsDevice':[{'major':8,'minor':16,'rate':601}],"
	  "'throttleReadIOPSDevice':[{'major':8,'minor':16,'rate':602}],"
	  "'throttleWriteIOPSDevice':[{'major':8,'minor':16,'rate':0}]}}",
	  "blkio.throttle.read_bps_device=8:16 600; blkio.throttle.write_bps_device=8:16 601; "
	  "blkio.throttle.read_iops_device=8:16 602; blkio.throttle.write_iops_device=8:16 0",
	  "io.max=8:16 rbps=600; io.max=8:16 wbps=601; io.max=8:16 riops=602; "
	  "io.max=8:16 wiops=max" },
	{ "{'hugepageLimits':[{'pageSize':'2MB','limit':209715200}]}",
	  "hugetlb.2MB.limit_in_bytes=209715200; ?hugetlb.2MB.rsvd.limit_in_bytes=209715200",
	  "hugetlb.2MB.max=209715200; ?hugetlb.2MB.rsvd.max=209715200" },
	{ "{'rdma':{'mlx5_1':{'hcaHandles':3,'hcaObjects':10000},'rxe3':{'hcaObjects':0}}}",
	  "rdma.max=mlx5_1 hca_handle=3 hca_object=10000; rdma.max=rxe3 hca_object=0",
	  "rdma.max=mlx5_1 hca_handle=3 hca_object=10000; rdma.max=rxe3 hca_object=0" },
	{ "{'network':{'classID':0,'priorities':[]}}", "", "" },
};

Test(resource, becomes_writes_for_both_versions)
{
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		const struct plan *plan = parse(facts[i].resources);

		cr_assert_not_null(plan, "%s: %s", facts[i].resources, err.text);
		cr_expect_str_eq(writes(&plan->resources.v1), facts[i].v1, "%s: v1: %s",
				 facts[i].resources, writes(&plan->resources.v1));
		cr_expect_str_eq(writes(&plan->resources.v2), facts[i].v2, "%s: v2: %s",
				 facts[i].resources, writes(&plan->resources.v2));
		cr_expect_null(plan->resources.v1_error, "%s", facts[i].resources);
		cr_expect_null(plan->resources.v2_error, "%s", facts[i].resources);
	}
}

static const struct {
	const char *resources, *v1_error, *v2_error;
} unable[] = {
	{ "{'memory':{'swappiness':60}}", NULL,
	  "/linux/resources/memory/swappiness: needs cgroup v1, and this host has v2" },
	{ "{'memory':{'disableOOMKiller':true}}", NULL,
	  "/linux/resources/memory/disableOOMKiller: needs cgroup v1, and this host has v2" },
	{ "{'memory':{'kernelTCP':1000}}", NULL,
	  "/linux/resources/memory/kernelTCP: needs cgroup v1, and this host has v2" },
	{ "{'memory':{'swap':1000}}", NULL,
	  "/linux/resources/memory/swap: is the sum of memory and swap, and needs memory/limit "
	  "beside it" },
	{ "{'cpu':{'realtimeRuntime':1000}}", NULL,
	  "/linux/resources/cpu/realtimeRuntime: needs cgroup v1, and this host has v2" },
	{ "{'blockIO':{'leafWeight':100}}", NULL,
	  "/linux/resources/blockIO/leafWeight: needs cgroup v1, and this host has v2" },
	{ "{'blockIO':{'weightDevice':[{'major':8,'minor':0,'leafWeight':100}]}}", NULL,
	  "/linux/resources/blockIO/weightDevice: needs cgroup v1, and this host has v2" },
	{ "{'network':{'classID':7}}", NULL,
	  "/linux/resources/network/classID: needs cgroup v1, and this host has v2" },
	{ "{'network':{'priorities':[{'name':'eth0','priority':5}]}}", NULL,
	  "/linux/resources/network/priorities: needs cgroup v1, and this host has v2" },
	{ "{'unified':{'memory.high':'5'}}",
	  "/linux/resources/unified/memory.high: needs cgroup v2, and this host has v1", NULL },
};

Test(resource, says_what_a_version_cannot_do)
{
	for (size_t i = 0; i < ARRAY_SIZE(unable); i++) {
		const struct plan *plan = parse(unable[i].resources);
		const char *v1 = unable[i].v1_error, *v2 = unable[i].v2_error;

		cr_assert_not_null(plan, "%s: %s", unable[i].resources, err.text);
		cr_expect_eq(plan->resources.v1_error == NULL, v1 == NULL, "%s",
			     unable[i].resources);
		cr_expect_eq(plan->resources.v2_error == NULL, v2 == NULL, "%s",
			     unable[i].resources);
		if (v1 != NULL)
			cr_expect_str_eq(plan->resources.v1_error, v1);
		if (v2 != NULL)
			cr_expect_str_eq(plan->resources.v2_error, v2);
	}
}

Test(resource, writes_unified_last_and_line_by_line)
{
	const struct plan *plan = parse("{'memory':{'limit':10},'unified':{"
					"'io.max':'259:0 rbps=1\\n253:0 rbps=2\\n',"
					"'memory.max':'20','cgroup.max.depth':'3','pids.max':''}}");
	const cgroup_write_list *v2;

	cr_assert_not_null(plan, "%s", err.text);
	v2 = &plan->resources.v2;
	cr_expect_str_eq(writes(v2), "memory.max=10; io.max=259:0 rbps=1; io.max=253:0 rbps=2; "
				     "memory.max=20; cgroup.max.depth=3; pids.max=");
	cr_expect_str_eq(v2->items[1].controller, "io");
	cr_expect_null(v2->items[4].controller);
}

static const struct {
	const char *resources, *says;
} refusals[] = {
	{ "{'memory':{'limit':2000,'swap':1000}}",
	  "/linux/resources/memory/swap: is the sum of memory and swap, and must not be below "
	  "memory/limit, 2000" },
	{ "{'memory':{'limit':-2}}", "/linux/resources/memory/limit: must be from -1 to "
				     "9223372036854775807, not -2" },
	{ "{'memory':{'swappiness':101}}",
	  "/linux/resources/memory/swappiness: must be from 0 to 100, not 101" },
	{ "{'cpu':{'quota':5000,'burst':6000}}",
	  "/linux/resources/cpu/burst: must not be above cpu/quota, 5000" },
	{ "{'cpu':{'idle':2}}", "/linux/resources/cpu/idle: must be from 0 to 1, not 2" },
	{ "{'blockIO':{'weight':9}}",
	  "/linux/resources/blockIO/weight: must be from 10 to 1000, not 9" },
	{ "{'blockIO':{'weight':1001}}",
	  "/linux/resources/blockIO/weight: must be from 0 to 1000, not 1001" },
	{ "{'blockIO':{'weightDevice':[{'major':8,'minor':0}]}}",
	  "/linux/resources/blockIO/weightDevice/0: needs weight or leafWeight" },
	{ "{'blockIO':{'weightDevice':[{'major':8,'minor':0,'weight':null}]}}",
	  "/linux/resources/blockIO/weightDevice/0: needs weight or leafWeight" },
	{ "{'hugepageLimits':[{'pageSize':'../x','limit':1}]}",
	  "/linux/resources/hugepageLimits/0/pageSize: must be a page size as \"2MB\", "
	  "not \"../x\"" },
	{ "{'rdma':{'a b':{'hcaHandles':1}}}",
	  "/linux/resources/rdma/a b: must be named as a device is" },
	{ "{'rdma':{'mlx':{}}}", "/linux/resources/rdma/mlx: needs hcaHandles or hcaObjects" },
	{ "{'unified':{'../cgroup.procs':'1'}}",
	  "/linux/resources/unified/..~1cgroup.procs: must be named as a file of cgroup v2 is, "
	  "\"memory.high\"" },
	{ "{'unified':{'cgroup.procs':'1'}}",
	  "/linux/resources/unified/cgroup.procs: is no limit: it moves or kills processes" },
	{ "{'unified':{'cgroup.kill':'1'}}",
	  "/linux/resources/unified/cgroup.kill: is no limit: it moves or kills processes" },
	{ "{'network':{'priorities':[{'name':'eth0\\n1','priority':5}]}}",
	  "/linux/resources/network/priorities/0/name: must be a name, not \"eth0\\x0a1\"" },
	{ "{'devices':[{'type':'a'}]}",
	  "/linux/resources/devices/0/allow: is required, but missing" },
	{ "{'devices':[{'allow':true,'type':'u'}]}",
	  "/linux/resources/devices/0/type: must be \"a\", \"b\" or \"c\", not \"u\"" },
	{ "{'devices':[{'allow':true,'access':'rx'}]}",
	  "/linux/resources/devices/0/access: must be letters of \"rwm\", not \"rx\"" },
	{ "{'devices':[{'allow':true,'major':4294967296}]}",
	  "/linux/resources/devices/0/major: must be from -1 to 4294967295, not 4294967296" },
};

Test(resource, refuses_what_makes_no_sense)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		const char *text;

		cr_assert_null(parse(refusals[i].resources), "%s", refusals[i].resources);
		text = strchr(err.text, ' ');
		cr_assert_not_null(text);
		cr_expect_str_eq(text + 1, refusals[i].says);
	}
}

Test(resource, counts_as_limited_only_with_a_limit)
{
	static const struct { const char *resources; bool listed; } rows[] = {
		{ "{}", false },
		{ "{'devices':[{'allow':false,'access':'rwm'}]}", false },
		{ "{'memory':{'limit':-1,'disableOOMKiller':false},'pids':{'limit':-1}}", false },
		{ "{'pids':{'limit':0}}", true },
		{ "{'memory':{'limit':1000}}", true },
		{ "{'unified':{'memory.high':'5'}}", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		cr_expect_eq(parse(rows[i].resources)->resources.listed, rows[i].listed, "%s",
			     rows[i].resources);
}

static const struct {
	const char *resources, *v2, *error;
	struct limits_now now;
} updates[] = {
	{ "{'cpu':{'period':50000}}",
	  "cpu.max=20000 50000",
	  NULL,
	  { .quota = { true, 20000 }, .period = { true, 100000 } } },
	{ "{'cpu':{'period':50000}}", "cpu.max=max 50000", NULL, { .quota = { true, -1 } } },
	{ "{'cpu':{'quota':30000}}", "cpu.max=30000 200000", NULL, { .period = { true, 200000 } } },
	{ "{'cpu':{'quota':30000}}", "cpu.max=30000", NULL, { .quota = { true, 20000 } } },
	{ "{'cpu':{'quota':30000,'period':50000}}",
	  "cpu.max=30000 50000",
	  NULL,
	  { .quota = { true, 20000 }, .period = { true, 100000 } } },
	{ "{'memory':{'swap':3000}}",
	  "memory.swap.max=2000; memory.max=1000",
	  NULL,
	  { .memory = { true, 1000 } } },
	/* Where memory has no limit there is nothing to count the swap from. */
	{ "{'memory':{'swap':900}}", "", NULL, { .memory = { true, -1 } } },
	{ "{'memory':{'swap':900}}",
	  NULL,
	  "must not be below memory/limit, 1000",
	  { .memory = { true, 1000 } } },
	{ "{'memory':{'limit':2000,'swap':3000}}",
	  "memory.swap.max=1000; memory.max=2000",
	  NULL,
	  { .memory = { true, 1000 } } },
};

Test(resource, completes_an_update_by_what_is_in_force)
{
	for (size_t i = 0; i < ARRAY_SIZE(updates); i++) {
		struct resources_plan got = { 0 };
		struct decoder d = {
			.arena = &arena, .now = &updates[i].now, .err = &err, .bundle = "/"
		};
		bool fine = updates[i].error == NULL;

		d.source.name = "x";
		d.source.text = quoted(updates[i].resources);
		d.source.size = strlen(d.source.text);
		d.root = json_parse(&arena, &d.source, &err);
		cr_assert_not_null(d.root);
		cr_assert_eq(decode_resources(&d, d.root, &got), fine ? 0 : -1, "%zu", i);
		if (fine)
			cr_expect_str_eq(writes(&got.v2), updates[i].v2);
		else
			cr_expect_not_null(strstr(err.text, updates[i].error), "%s", err.text);
	}
}

Test(resource, has_device_rules_without_any_in_the_config)
{
	const struct plan *plan = parse("{}");

	cr_expect_gt(plan->resources.device_rules.count, 0);
	cr_expect_gt(plan->resources.device_filter.count, 0);
	cr_assert_gt(plan->resources.v1.count, 0);
	cr_expect_str_eq(plan->resources.v1.items[0].file, "devices.deny");
}

Test(resource, takes_0_for_a_number_and_minus_one_for_any)
{
	const struct plan *plan = parse("{'devices':[{'allow':true,'type':'b','major':0,'minor':-1"
					"}],'memory':{'swappiness':0,'checkBeforeUpdate':true}}");
	const struct device_rule *rule = plan->resources.device_rules.items;

	cr_expect(rule->major.set && rule->major.value == 0);
	cr_expect_not(rule->minor.set);
	cr_expect(plan->resources.check_before_update);
	cr_expect_str_eq(writes(&plan->resources.v1), "memory.swappiness=0");
}

Test(resource, takes_as_many_device_rules_as_the_kernel_verifies, .timeout = 60)
{
	struct text rules = { .arena = &arena };

	for (int i = 0; i < 4096; i++)
		text_printf(&rules, "%s{'allow':true,'major':%d}", i > 0 ? "," : "", i);
	cr_assert_not_null(parse(arena_printf(&arena, "{'devices':[%s]}", rules.data)), "%s",
			   err.text);
	for (int i = 4096; i < 80000; i++)
		text_printf(&rules, ",{'allow':true,'major':%d}", i);
	cr_assert_null(parse(arena_printf(&arena, "{'devices':[%s]}", rules.data)));
	cr_expect_not_null(strstr(err.text, "/linux/resources/devices: has 80000 entries, and at "
					    "most 4096 are taken"),
			   "%s", err.text);
}

/* ceil(10^((log2(x)^2 + 125 log2(x)) / 612 - 7 / 34)), with libm's functions. */
Test(resource, warns_of_a_limit_that_no_kernel_has)
{
	cr_expect_eq(parse("{'memory':{'kernel':1000}}")->warnings.count, 1);
	cr_expect_eq(parse("{'memory':{'kernel':-1}}")->warnings.count, 0);
	cr_expect_eq(parse("{'memory':{'kernel':0}}")->warnings.count, 0);
}

Test(resource, converts_all_shares_as_the_formula_says)
{
	for (uint64_t shares = 3; shares < 262144; shares++) {
		double l = log2((double)shares);
		double exact = pow(10, (l * l + 125 * l) / 612 - 7.0 / 34);
		uint64_t weight = shares == 1024 ? 100 : (uint64_t)ceil(exact);

		cr_assert_eq(cpu_weight_from_shares(shares), weight, "%llu: %llu, not %llu",
			     (unsigned long long)shares,
			     (unsigned long long)cpu_weight_from_shares(shares),
			     (unsigned long long)weight);
	}
	cr_expect_eq(cpu_weight_from_shares(0), 1);
	cr_expect_eq(cpu_weight_from_shares(UINT64_MAX), 10000);
}

Test(resource, converts_block_weights_linearly)
{
	cr_expect_eq(io_weight_from_blkio(10), 1);
	cr_expect_eq(io_weight_from_blkio(500), 4950);
	cr_expect_eq(io_weight_from_blkio(1000), 10000);
}
