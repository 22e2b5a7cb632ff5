/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/stat.h>

#include "base/sys.h"
#include "base/text.h"
#include "config_text.h"

Test(plan, needs_little)
{
	const struct plan *plan =
		ACCEPT(parse("{'ociVersion': '1.0.0', 'root': {'path': 'rootfs'}, "
			     "'linux': {'namespaces': [{'type': 'mount'}]}}"));

	cr_expect_str_eq(plan->root_path, "/b/rootfs");
	cr_expect_not(plan->has_process);
	cr_expect_not(plan->init.used);
	cr_expect_eq(plan->clone_flags, CLONE_NEWNS);
	cr_expect_eq(plan->devices.count, 6);
	cr_expect_str_eq(plan->devices.items[0].path, "/dev/null");
	cr_expect_null(plan->hostname);
	cr_expect_null(plan->seccomp);
	cr_expect_eq(plan->warnings.count, 0);
}

Test(plan, takes_every_1_x_of_the_spec)
{
	static const struct { const char *version; bool fine; } versions[] = {
		{ "1.0.0", true }, { "1.0.0-rc1", true }, { "1.0.2-dev", true },
		{ "1.3.0", true }, { "1.12.3+build.5", true }, { "1.0.0-rc5+dev", true },
		{ "0.5.0", false }, { "2.0.0", false }, { "1.3", false }, { "1", false },
		{ "v1.3.0", false }, { "1.3.0-", false }, { "1.3.0 ", false }, { "", false },
		{ "1.3.0.0", false }, { "-1.0.0", false }, { "99999999999.0.0", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
		cr_expect_eq(parse(arena_printf(&arena,
						"{'ociVersion': '%s', 'root': {'path': '/r'}, "
						"'linux': {'namespaces': [{'type': 'mount'}]}}",
						versions[i].version)) != NULL,
			     versions[i].fine, "%s: %s", versions[i].version, err.text);
}

Test(plan, has_the_process_as_numbers)
{
	const struct process_plan *process = &ACCEPT(parse_process(
		"'terminal': true, 'consoleSize': {'height': 25, 'width': 80}, "
		"'env': ['A=1', 'B=2', 'A=3', 'AB=4', 'B='], "
		"'user': {'uid': 7, 'gid': 8, 'umask': 63, 'additionalGids': [5, 4294967294]}, "
		"'noNewPrivileges': true, 'oomScoreAdj': -1000, 'apparmorProfile': '', "
		"'selinuxLabel': 's', 'ioPriority': {'class': 'IOPRIO_CLASS_IDLE', 'priority': 4}, "
		"'rlimits': [{'type': 'RLIMIT_CORE', 'soft': 0, 'hard': 18446744073709551615}], "
		"'execCPUAffinity': {'initial': '0-3', 'final': ''}"))->process;

	cr_expect(process->terminal && process->no_new_privileges);
	cr_expect_eq(process->console_height.value, 25);
	cr_expect_eq(process->env.count, 3, "of one name the last counts");
	cr_expect_str_eq(process->env.items[0], "A=3");
	cr_expect_str_eq(process->env.items[1], "B=");
	cr_expect_str_eq(process->env.items[2], "AB=4");
	cr_expect_eq(process->uid, 7);
	cr_expect_eq(process->gid, 8);
	cr_expect_eq(process->additional_gids.items[1], 4294967294u);
	cr_expect(process->umask.set && process->umask.value == 077);
	cr_expect(process->oom_score_adj.set && process->oom_score_adj.value == -1000);
	cr_expect_null(process->apparmor_profile);
	cr_expect_str_eq(process->selinux_label, "s");
	cr_expect_eq(process->io_priority.value, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 4));
	cr_expect_eq(process->rlimits.items[0].resource, RLIMIT_CORE);
	cr_expect_eq(process->rlimits.items[0].hard, RLIM_INFINITY);
	cr_expect_str_eq(process->cpu_affinity_initial, "0-3");
	cr_expect_null(process->cpu_affinity_final);
	cr_expect_not(process->has_capabilities);
}

Test(plan, leaves_alone_what_is_not_configured)
{
	const struct plan *plan = ACCEPT(parse_top(""));

	cr_expect_not(plan->process.umask.set);
	cr_expect_not(plan->process.oom_score_adj.set);
	cr_expect_not(plan->process.io_priority.set);
	cr_expect_not(plan->process.scheduler.set);
	cr_expect_not(plan->personality.set);
	cr_expect_not(plan->intel_rdt.set);
	cr_expect_not(plan->memory_policy.set);
	cr_expect_not(plan->resources.listed);
	cr_expect_null(plan->cgroups_path);
}

Test(plan, drops_capabilities_that_cannot_be_granted)
{
	const struct plan *plan = ACCEPT(parse_process(
		"'capabilities': {'bounding': ['CAP_KILL', 'CAP_CHWN', 'KILL'], "
		"'permitted': ['CAP_KILL', 'CAP_CHOWN'], 'effective': ['CAP_KILL', 'CAP_SYSLOG'], "
		"'inheritable': ['CAP_KILL'], 'ambient': ['CAP_KILL', 'CAP_CHOWN']}"));
	static const char *const warnings[] = {
		"config.json:2:83: /process/capabilities/bounding/1: is no capability, and "
		"ignored: "
		"\"CAP_CHWN\"; did you mean \"CAP_CHOWN\"?",
		"config.json:2:95: /process/capabilities/bounding/2: is no capability, and "
		"ignored: "
		"\"KILL\"; did you mean \"CAP_KILL\"?",
		"config.json:2:157: /process/capabilities/effective: has CAP_SYSLOG, which "
		"is not in "
		"permitted; ignored",
	};

	cr_expect(plan->process.has_capabilities);
	cr_expect_eq(plan->process.capabilities[CAPABILITY_BOUNDING], 1 << 5);
	cr_expect_eq(plan->process.capabilities[CAPABILITY_EFFECTIVE], 1 << 5);
	cr_expect_eq(plan->process.capabilities[CAPABILITY_PERMITTED], 1 << 5 | 1);
	cr_expect_eq(plan->process.capabilities[CAPABILITY_AMBIENT], 1 << 5);
	cr_expect_eq(plan->warnings.count, ARRAY_SIZE(warnings));
	for (size_t i = 0; i < plan->warnings.count && i < ARRAY_SIZE(warnings); i++)
		cr_expect_str_eq(plan->warnings.items[i], warnings[i], "%s",
				 plan->warnings.items[i]);
}

Test(plan, drops_what_may_not_be_inherited)
{
	const struct plan *plan = ACCEPT(parse_process(
		"'capabilities': {'bounding': ['CAP_KILL'], 'permitted': ['CAP_KILL', 'CAP_CHOWN'],"
		" 'inheritable': ['CAP_KILL', 'CAP_CHOWN'], 'ambient': ['CAP_CHOWN']}"));

	cr_expect_eq(plan->process.capabilities[CAPABILITY_INHERITABLE], 1 << 5);
	cr_expect_eq(plan->process.capabilities[CAPABILITY_PERMITTED], 1 << 5 | 1);
	cr_expect_eq(plan->process.capabilities[CAPABILITY_AMBIENT], 0);
	cr_assert_eq(plan->warnings.count, 1);
	cr_expect_str_eq(plan->warnings.items[0],
			 "config.json:2:139: /process/capabilities/inheritable: has CAP_CHOWN, "
			 "which is not in bounding; ignored");
}

Test(plan, has_the_scheduler)
{
	const struct plan *plan = ACCEPT(
		parse_process("'scheduler': {'policy': 'SCHED_DEADLINE', 'nice': 19, 'flags': "
			      "['SCHED_FLAG_RECLAIM', 'SCHED_FLAG_DL_OVERRUN'], "
			      "'runtime': 1024, 'deadline': 2000, 'period': 30000}"));
	const struct scheduler_plan *scheduler = &plan->process.scheduler;

	cr_expect(scheduler->set);
	cr_expect_eq(scheduler->policy, 6);
	cr_expect_eq(scheduler->flags, 0x06);
	cr_expect_eq(scheduler->runtime + scheduler->deadline + scheduler->period, 33024);
}

Test(plan, tells_binds_from_file_systems)
{
	const struct plan *plan = ACCEPT(parse_top(
		"'mounts': [{'destination': '/proc', 'type': 'proc', 'source': 'proc'}, "
		"{'destination': 'rel', 'type': 'none', 'source': 'data', 'options': "
		"['rbind', 'z']}, "
		"{'destination': '/c', 'type': 'bind', 'source': '/c'}, "
		"{'destination': '/tmp', 'type': 'tmpfs', 'options': ['mode=755', 'ro', "
		"'size=1k', '']}, "
		"{'destination': '/sys/fs/cgroup', 'type': 'cgroup', 'source': 'cgroup'}]"));
	const struct mount_plan *mounts = plan->mounts.items;

	cr_assert_eq(plan->mounts.count, 5);
	cr_expect_str_eq(mounts[0].type, "proc");
	cr_expect_eq(mounts[0].flags, 0);
	cr_expect_str_eq(mounts[1].destination, "/rel");
	cr_expect_str_eq(mounts[1].source, "/b/data");
	cr_expect_null(mounts[1].type);
	cr_expect_null(mounts[1].data, "a bind has no file system to take it");
	cr_expect_eq(mounts[1].flags, MOUNT_BIND | MOUNT_RECURSIVE);
	cr_expect_eq(mounts[2].flags, MOUNT_BIND, "no file system is called bind");
	cr_expect_str_eq(mounts[3].data, "mode=755,size=1k");
	cr_expect_eq(mounts[3].attr_set, MOUNT_ATTR_RDONLY);
	cr_expect_str_eq(mounts[4].type, "cgroup");
	cr_assert_eq(plan->warnings.count, 1);
	cr_expect_str_eq(plan->warnings.items[0], "config.json:4:88: /mounts/1/destination: is "
			 "relative, which is deprecated; taken as \"/rel\"");
}

Test(plan, warns_of_a_filter_that_no_program_starts_under)
{
	const struct plan *plan = ACCEPT(
		parse_linux("'seccomp': {'defaultAction': 'SCMP_ACT_ERRNO'}"));

	cr_assert_eq(plan->warnings.count, 1);
	cr_expect_not_null(strstr(plan->warnings.items[0], "/linux/seccomp: denies execve"));
	plan = ACCEPT(parse_linux(
		"'seccomp': {'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': [{'names': ['execve'], "
		"'action': 'SCMP_ACT_ALLOW'}]}"));
	cr_expect_eq(plan->warnings.count, 0);
}

Test(plan, reads_maps_of_mounts)
{
	const struct plan *plan = ACCEPT(parse(
		"{'ociVersion': '1.3.0', 'root': {'path': '/r'}, 'mounts': [{'destination': '/a', "
		"'source': '/a', 'options': ['bind', "
		"'idmap=uids=0-1-10#10-11-10;gids=@1-3-10']}, "
		"{'destination': '/b', 'source': '/b', 'options': ['bind'], "
		"'uidMappings': [{'containerID': 0, 'hostID': 5, 'size': 1}], "
		"'gidMappings': [{'containerID': 0, 'hostID': 6, 'size': 1}]}], "
		"'linux': {'namespaces': [{'type': 'mount'}, {'type': 'user'}], "
		"'uidMappings': [{'containerID': 0, 'hostID': 0, 'size': 1}], "
		"'gidMappings': [{'containerID': 0, 'hostID': 0, 'size': 1}, "
		"{'containerID': 1, 'hostID': 2, 'size': 1000}]}}"));
	const struct mount_plan *mounts = plan->mounts.items;

	cr_expect_eq(mounts[0].flags, MOUNT_BIND | MOUNT_IDMAP);
	cr_assert_eq(mounts[0].uid_maps.count, 2);
	cr_expect_eq(mounts[0].uid_maps.items[1].container, 10);
	cr_expect_eq(mounts[0].uid_maps.items[1].host, 11);
	cr_expect_eq(mounts[0].uid_maps.items[1].size, 10);
	cr_expect_eq(mounts[0].gid_maps.items[0].host, 4, "container id 3 is host id 4");
	cr_expect_eq(mounts[1].flags, MOUNT_BIND | MOUNT_IDMAP);
	cr_expect_eq(mounts[1].gid_maps.items[0].host, 6);
}

Test(plan, takes_the_map_of_an_option_beside_an_empty_one)
{
	const struct plan *plan =
		ACCEPT(parse_top("'mounts': [{'destination': '/m', 'source': '/s', "
				 "'options': ['bind', 'idmap=uids=0-1-10;gids=0-2-10'], "
				 "'uidMappings': [], 'gidMappings': []}]"));

	cr_expect_eq(plan->mounts.items[0].uid_maps.items[0].host, 1);
	cr_expect_eq(plan->mounts.items[0].gid_maps.items[0].host, 2);
}

Test(plan, has_hooks_by_moment)
{
	const struct plan *plan = ACCEPT(parse_top(
		"'hooks': {'prestart': [{'path': '/a', 'args': ['a', 'b'], 'env': ['X=1'], "
		"'timeout': 5}, {'path': '/b'}], 'poststop': [{'path': '/c'}]}"));

	cr_expect_eq(plan->hooks[HOOK_PRESTART].count, 2);
	cr_expect_eq(plan->hooks[HOOK_PRESTART].items[0].timeout.value, 5);
	cr_expect_str_eq(plan->hooks[HOOK_PRESTART].items[0].args.items[1], "b");
	cr_expect_str_eq(plan->hooks[HOOK_POSTSTOP].items[0].path, "/c");
	cr_expect_eq(plan->hooks[HOOK_CREATE_RUNTIME].count, 0);
}

Test(plan, puts_configured_devices_behind_or_over_the_default_ones)
{
	const struct plan *plan = ACCEPT(parse_linux(
		"'devices': [{'type': 'c', 'path': '/dev/fuse', 'major': 10, 'minor': 229, "
		"'fileMode': 8624, 'uid': 1, 'gid': 2}, "
		"{'type': 'b', 'path': '/dev/full', 'major': 8, 'minor': 0}, "
		"{'type': 'p', 'path': '/run/pipe', 'fileMode': 384}, "
		"{'type': 'u', 'path': '/dev/u', 'major': 1, 'minor': 1048575}]"));
	const struct device_plan *devices = plan->devices.items;

	cr_assert_eq(plan->devices.count, 9);
	cr_expect_eq(devices[2].mode, S_IFBLK | 0666, "/dev/full is another one");
	cr_expect_eq(devices[2].major, 8);
	cr_expect_eq(devices[6].mode, S_IFCHR | 0660, "containerd sends the kind, too");
	cr_expect_eq(devices[6].gid, 2);
	cr_expect_eq(devices[7].mode, S_IFIFO | 0600);
	cr_expect_eq(devices[8].minor, 1048575);
}

Test(plan, takes_no_minute_for_devices_that_were_made_to, .timeout = 60)
{
	struct text text = { .arena = &arena };
	const struct plan *plan;

	text_add(&text, "'devices': [{'type': 'p', 'path': '/run/pipe'}");
	for (int i = 0; i < 50000; i++)
		text_printf(&text, ", {'type': 'p', 'path': '/%0200d'}", i);
	text_add(&text, ", {'type': 'b', 'path': '/run/pipe', 'major': 8, 'minor': 0}]");
	plan = ACCEPT(parse_linux(text.data));
	cr_assert_eq(plan->devices.count, 50007);
	cr_expect_eq(plan->devices.items[6].mode, S_IFBLK | 0666, "the last one counts");
	cr_expect_eq(plan->warnings.count, 1);
}

Test(plan, has_the_rest_of_linux)
{
	const struct plan *plan = ACCEPT(parse_linux(
		"'cgroupsPath': 'a/b', 'rootfsPropagation': 'rslave', 'mountLabel': 'm', "
		"'maskedPaths': ['/proc/kcore'], 'readonlyPaths': ['/proc/sys', '/proc/bus'], "
		"'personality': {'domain': 'LINUX32', 'flags': []}, "
		"'memoryPolicy': {'mode': 'MPOL_BIND', 'nodes': '0-1', 'flags': "
		"['MPOL_F_STATIC_NODES']}, "
		"'netDevices': {'eth0': {'name': 'inner%d'}, 'eth1': {}}, "
		"'sysctl': {'net/ipv4/conf/eth0.1/forwarding': '1', 'kernel.msgmax': '5'}, "
		"'intelRdt': {'closID': '/', 'schemata': ['L2:0=f'], 'memBwSchema': 'MB:0=20', "
		"'l3CacheSchema': 'L3:0=f', 'enableMonitoring': true}"));

	cr_expect_str_eq(plan->cgroups_path, "a/b");
	cr_expect_eq(plan->root_propagation, MS_SLAVE | MS_REC);
	cr_expect_eq(plan->masked_paths.count + 10 * plan->read_only_paths.count, 21);
	cr_expect(plan->personality.set && plan->personality.value == PER_LINUX32);
	cr_expect_eq(plan->memory_policy.mode, MPOL_BIND | MPOL_F_STATIC_NODES);
	cr_expect_str_eq(plan->memory_policy.nodes, "0-1");
	cr_expect_str_eq(plan->net_devices.items[0].name, "inner%d");
	cr_expect_null(plan->net_devices.items[1].name);
	cr_expect_str_eq(plan->sysctls.items[0].name, "net.ipv4.conf.eth0/1.forwarding");
	cr_expect_str_eq(plan->intel_rdt.schemata.items[0], "L3:0=f");
	cr_expect_str_eq(plan->intel_rdt.schemata.items[1], "MB:0=20");
	cr_expect_str_eq(plan->intel_rdt.schemata.items[2], "L2:0=f");
	cr_expect(plan->intel_rdt.has_schema && plan->intel_rdt.enable_monitoring);
}

Test(plan, knows_new_namespaces_from_joined_ones)
{
	const struct plan *plan = ACCEPT(parse(
		"{'ociVersion': '1.3.0', 'root': {'path': '/r'}, 'linux': {'namespaces': ["
		"{'type': 'mount'}, {'type': 'network', 'path': '/n'}, {'type': 'uts', "
		"'path': ''}, "
		"{'type': 'time'}], 'timeOffsets': {'monotonic': {'secs': -5}, "
		"'boottime': {'nanosecs': 7}}}}"));

	cr_expect_eq(plan->clone_flags, CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWTIME);
	cr_expect_str_eq(plan->namespaces[NAMESPACE_NETWORK].path, "/n");
	cr_expect_not(plan->namespaces[NAMESPACE_PID].listed);
	cr_expect(plan->monotonic.set && plan->monotonic.secs == -5);
	cr_expect(plan->boottime.set && plan->boottime.nanosecs == 7);
}

Test(plan, uses_the_init_for_programs_that_are_none)
{
	static const struct { const char *args, *mode; bool used; } cases[] = {
		{ "'sh'", "auto", true }, { "'/usr/bin/python3', 'x'", "auto", true },
		{ "'/sbin/init'", "auto", false }, { "'/lib/systemd/systemd'", "auto", false },
		{ "'tini', '--', 'sh'", "auto", false }, { "'busybox', 'init'", "auto", false },
		{ "'busybox', 'sh'", "auto", true }, { "'busybox'", "auto", true },
		{ "'/dev/init'", "auto", false }, { "'/dev/init'", "always", true },
		{ "'sh'", "never", false }, { "'sh'", "always", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct plan *plan = ACCEPT(parse(arena_printf(&arena,
			"{'ociVersion': '1.3.0', 'root': {'path': '/r'}, 'process': {'cwd': '/', "
			"'args': [%s]}, 'annotations': {'org.kist.init': '%s'}, 'linux': "
			"{'namespaces': [{'type': 'mount'}, {'type': 'pid'}]}}", cases[i].args,
			cases[i].mode)));

		cr_expect_eq(plan->init.used, cases[i].used, "%s %s", cases[i].args, cases[i].mode);
	}
	cr_expect_not(ACCEPT(parse("{'ociVersion': '1.3.0', 'root': {'path': '/r'}, 'process': "
				   "{'cwd': '/', 'args': ['sh']}, 'annotations': {'org.kist.init': "
				   "'always'}, 'linux': {'namespaces': [{'type': 'mount'}, "
				   "{'type': 'pid', 'path': '/p'}]}}"))->init.used,
		      "in another's pid namespace it is not pid 1");
	cr_expect_not(ACCEPT(parse("{'ociVersion': '1.3.0', 'root': {'path': '/r'}, 'process': "
				   "{'cwd': '/', 'args': ['sh'], 'scheduler': {'policy': "
				   "'SCHED_DEADLINE', 'runtime': 1024, 'deadline': 2000}}, "
				   "'annotations': {'org.kist.init': 'always'}, 'linux': "
				   "{'namespaces': [{'type': 'mount'}, {'type': 'pid'}]}}"))
			      ->init.used,
		      "who has a deadline may not fork");
}

Test(plan, turns_annotations_into_options_of_the_init)
{
	static const char *const options[] = {
		"--grace=2.5", "--wait-all", "--rewrite=TERM:QUIT", "--rewrite=15:0", "--remap=143",
		"--remap=1:2", "--report=/run/report",
	};
	const struct init_plan *init = &ACCEPT(parse_top(
		"'annotations': {'org.kist.init.grace': '2.5', 'org.kist.init.wait-all': 'true', "
		"'org.kist.init.group': 'false', 'org.kist.init.rewrite': 'TERM:QUIT,15:0', "
		"'org.kist.init.remap': '143,1:2', 'org.kist.init.report': '/run/report', "
		"'org.kist.initial': 'x', 'other': ''}"))->init;

	cr_assert_eq(init->options.count, ARRAY_SIZE(options));
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		cr_expect_str_eq(init->options.items[i], options[i]);
}

Test(plan, gives_annotations_by_key)
{
	const struct plan *plan = ACCEPT(parse_top("'annotations': {'a': 'x', 'b': ''}"));

	cr_expect_str_eq(plan_annotation(plan, "a"), "x");
	cr_expect_str_eq(plan_annotation(plan, "b"), "");
	cr_expect_null(plan_annotation(plan, "c"));
}

Test(plan, ignores_other_platforms)
{
	ACCEPT(parse_top("'windows': 7, 'solaris': [], 'vm': {'x': 1}, 'zos': null, 'freebsd': {}, "
			 "'unknown': {'a': [1]}"));
}
