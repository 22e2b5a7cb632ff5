/* SPDX-License-Identifier: Apache-2.0 */
#include "config_text.h"

/* A configuration with these namespaces (besides mount) and this text behind "linux": {. */
static const struct plan *with(const char *types, const char *linux_part, const char *top)
{
	return parse(arena_printf(
		&arena,
		"{'ociVersion': '1.3.0', 'root': {'path': '/r'}%s%s,\n'linux': "
		"{%s%s\n'namespaces': "
		"[{'type': 'mount'}%s]}}",
		*top != '\0' ? ", " : "", top, linux_part, *linux_part != '\0' ? "," : "",
		types));
}

#define USER	", {'type': 'user'}"
#define TIME		   ", {'type': 'time'}"
#define NETWORK	", {'type': 'network'}"
#define UTS	", {'type': 'uts'}"
#define MAP	"[{'containerID': 0, 'hostID': 1000, 'size': 1}]"
#define POLICY(mode, flag) "'memoryPolicy': {'mode': " mode ", 'flags': ['MPOL_F_" flag "']}"
#define MAPS	"'uidMappings': " MAP ", 'gidMappings': " MAP

static const struct {
	const char *namespaces, *linux_part, *top;
	const char *says;	/* a part of the error; NULL: accepted */
} rules[] = {
	{ "", "", "'hostname': 'h'", "/hostname: needs a uts namespace" },
	{ "", "", "'hostname': ''", NULL },
	{ UTS, "", "'hostname': 'h', 'domainname': 'd'", NULL },
	{ ", {'type': 'uts', 'path': '/u'}", "", "'hostname': 'h'", NULL },
	{ "", "", "'domainname': 'd'", "/domainname: needs a uts namespace" },
	{ UTS, "", "'hostname': '0123456789012345678901234567890123456789012345678901234567890123'",
	  NULL },

	{ USER, MAPS, "", NULL },
	{ USER, "'gidMappings': " MAP, "", "/linux/uidMappings: is required beside gidMappings" },
	{ USER, "'uidMappings': " MAP, "", "/linux/gidMappings: is required beside uidMappings" },
	{ "", MAPS, "", "/linux/uidMappings: needs a user namespace" },
	{ "", "'gidMappings': " MAP, "", "/linux/gidMappings: needs a user namespace" },
	{ ", {'type': 'user', 'path': '/u'}", "", "", NULL },
	{ ", {'type': 'user', 'path': '/u'}", MAPS, "", NULL },

	{ "", "'timeOffsets': {'boottime': {}}", "", "/linux/timeOffsets: needs a new time" },
	{ ", {'type': 'time', 'path': '/t'}", "'timeOffsets': {'boottime': {}}", "",
	  "/linux/timeOffsets: needs a new time" },
	{ ", {'type': 'time'}", "'timeOffsets': {'boottime': {}}", "", NULL },
	{ "", "'timeOffsets': {}", "", NULL },

	{ "", "'netDevices': {'eth0': {}}", "", "/linux/netDevices: needs a network namespace" },
	{ ", {'type': 'network', 'path': '/n'}", "'netDevices': {'eth0': {}}", "", NULL },
	{ "", "'netDevices': {}", "", NULL },

	{ "", "",
	  "'mounts': [{'destination': '/a', 'source': '/a', 'options': ['bind', 'ridmap']}]",
	  "/mounts/0: has the option \"idmap\", but neither" },
	{ USER, MAPS,
	  "'mounts': [{'destination': '/a', 'source': '/a', 'options': ['bind', 'ridmap']}]",
	  NULL },

	{ "", "'sysctl': {'net.core.somaxconn': '1'}", "",
	  "needs a namespace of type \"network\"" },
	{ ", {'type': 'network'}", "'sysctl': {'net.core.somaxconn': '1'}", "", NULL },
	{ ", {'type': 'network'}", "'sysctl': {'net/core/somaxconn': '1'}", "", NULL },
	{ ", {'type': 'network'}", "'sysctl': {'net/../kernel/core_pattern': '1'}", "",
	  "is no name of a kernel parameter" },
	{ ", {'type': 'network'}", "'sysctl': {'net.//.kernel.core_pattern': '1'}", "",
	  "is no name of a kernel parameter" },
	{ "", "'sysctl': {'fs.mqueue.msg_max': '1'}", "", "needs a namespace of type \"ipc\"" },
	{ ", {'type': 'ipc'}", "'sysctl': {'fs.mqueue.msg_max': '1', 'kernel.sem': '1'}", "",
	  NULL },
	{ ", {'type': 'ipc'}", "'sysctl': {'kernel.semx': '1'}", "", "is in no namespace" },
	{ ", {'type': 'ipc'}", "'sysctl': {'kernel.shm_rmid_forced': '1'}", "", NULL },
	{ "", "'sysctl': {'user.max_user_namespaces': '1'}", "", "type \"user\"" },
	{ USER, MAPS ", 'sysctl': {'user.max_user_namespaces': '1'}", "", NULL },
	{ UTS, "'sysctl': {'kernel.domainname': 'd'}", "", NULL },
	{ UTS, "'sysctl': {'kernel.domainname': 'd'}", "'domainname': 'd'", NULL },
	{ UTS, "'sysctl': {'kernel.domainname': 'd'}", "'domainname': 'e'",
	  "/linux/sysctl/kernel.domainname: contradicts /domainname" },
	{ UTS, "'sysctl': {'kernel.hostname': 'd'}", "", "is what /hostname is for" },
	{ "", "'sysctl': {'vm.swappiness': '1'}", "", "is in no namespace" },
	{ ", {'type': 'network'}", "'sysctl': {'net': '1'}", "", "is in no namespace" },

	{ NETWORK, "'netDevices': {'eth0': {'name': 'a%d'}}", "", NULL },
	{ NETWORK, "'netDevices': {'eth0': {'name': 'a%d%d'}}", "", "must be a name of a network" },
	{ NETWORK, "'netDevices': {'eth0': {'name': 'a%s'}}", "", "must be a name of a network" },
	{ NETWORK, "'netDevices': {'eth0': {'name': 'a%'}}", "", "must be a name of a network" },
	{ NETWORK, "'netDevices': {'eth%d': {}}", "", "is no name of a network device" },
	{ NETWORK, "'netDevices': {'eth0': {'name': '\xc3\xa0'}}", "",
	  "must be a name of a network" },
	{ NETWORK, "'netDevices': {'eth0': {'name': '\xc3\xa4'}}", "", NULL },
	{ NETWORK, "'netDevices': {'lo': {}}", "", "/linux/netDevices/lo: stays in its network" },
	{ NETWORK, "'netDevices': {'lo': {'name': 'a'}}", "", "stays in its network namespace" },
	{ NETWORK, "'netDevices': {'eth0': {'name': 'lo'}}", "",
	  "/linux/netDevices/eth0/name: is the name of a device that every" },
	{ NETWORK, "'netDevices': {'eth0': {'name': 'a'}, 'eth1': {'name': 'a'}}", "",
	  "/linux/netDevices/eth1: has the name \"a\" in the container, as an earlier one" },
	{ NETWORK, "'netDevices': {'eth0': {'name': ''}, 'eth1': {'name': 'eth0'}}", "",
	  "/linux/netDevices/eth1: has the name \"eth0\"" },
	{ NETWORK, "'netDevices': {'eth0': {'name': 'a%d'}, 'eth1': {'name': 'a%d'}}", "", NULL },
	{ NETWORK, "'netDevices': {'eth0': {'name': 'eth1'}, 'eth1': {'name': 'eth0'}}", "", NULL },

	{ TIME, "'timeOffsets': {'boottime': {'secs': 4611686018}}", "", NULL },
	{ TIME, "'timeOffsets': {'boottime': {'secs': 4611686019}}", "",
	  "/linux/timeOffsets/boottime/secs: must be from -4611686018 to 4611686018" },
	{ TIME, "'timeOffsets': {'monotonic': {'secs': -4611686019}}", "",
	  "/linux/timeOffsets/monotonic/secs: must be from -4611686018 to 4611686018" },

	{ "", "'rootfsPropagation': ''", "", NULL },
	{ "", "'rootfsPropagation': 'privat'", "", "did you mean \"private\"?" },
	{ "", "'rootfsPropagation': 7", "", "must be a string, not the number 7" },
	{ "",
	  "'seccomp': {'defaultAction': 'SCMP_ACT_LOG', 'syscalls': [{'names': ['sendmsg'], "
	  "'action': 'SCMP_ACT_ALLOW'}, {'names': ['mkdir'], 'action': 'SCMP_ACT_NOTIFY'}]}",
	  "", NULL },

	{ "", "'memoryPolicy': {'mode': 'MPOL_PREFERRED'}", "", NULL },
	{ "", "'memoryPolicy': {'mode': 'MPOL_PREFERRED', 'nodes': '0'}", "", NULL },
	{ "", "'memoryPolicy': {'mode': 'MPOL_DEFAULT'}", "", NULL },
	{ "", "'memoryPolicy': {'mode': 'MPOL_DEFAULT', 'nodes': '0'}", "", "must be empty for" },
	{ "", "'memoryPolicy': {'mode': 'MPOL_INTERLEAVE'}", "",
	  "is required for MPOL_INTERLEAVE" },
	{ "", POLICY("'MPOL_BIND', 'nodes': '0'", "STATIC_NODES', 'MPOL_F_NUMA_BALANCING"), "",
	  NULL },
	{ "", POLICY("'MPOL_BIND', 'nodes': '0'", "STATIC_NODES', 'MPOL_F_RELATIVE_NODES"), "",
	  "/linux/memoryPolicy/flags: nodes cannot be both" },
	{ "", POLICY("'MPOL_PREFERRED'", "RELATIVE_NODES"), "", "there are none" },
	{ "", POLICY("'MPOL_PREFERRED', 'nodes': '0'", "RELATIVE_NODES"), "", NULL },
	{ "", POLICY("'MPOL_LOCAL'", "STATIC_NODES"), "", "there are none" },
	{ "", POLICY("'MPOL_DEFAULT'", "STATIC_NODES"), "", NULL },
	{ "", POLICY("'MPOL_INTERLEAVE', 'nodes': '0'", "NUMA_BALANCING"), "",
	  "is for MPOL_BIND and MPOL_PREFERRED_MANY alone" },
	{ "", POLICY("'MPOL_PREFERRED_MANY', 'nodes': '0'", "NUMA_BALANCING"), "", NULL },
};

Test(check, asks_every_rule)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct plan *plan =
			with(rules[i].namespaces, rules[i].linux_part, rules[i].top);

		if (rules[i].says == NULL)
			cr_expect_not_null(plan, "%zu: %s", i, err.text);
		else
			cr_expect(plan == NULL && strstr(err.text, rules[i].says) != NULL,
				  "%zu: %s: %s", i, rules[i].says,
				  plan == NULL ? err.text : "accepted");
	}
}

Test(check, takes_every_choice_of_mount_namespace)
{
	ACCEPT(parse("{'ociVersion': '1.3.0', 'root': {'path': '/r'}}"));
	ACCEPT(parse("{'ociVersion': '1.3.0', 'root': {'path': '/r'}, 'linux': {'namespaces': "
		     "[{'type': 'mount', 'path': '/m'}]}}"));
}

/* A member that is required, left out. */
static const struct {
	const char *process, *linux_part, *says;
} missing[] = {
	{ "'user': {'uid': 1}", "", "/process/user/gid" },
	{ "'consoleSize': {'height': 1}", "", "/process/consoleSize/width" },
	{ "'rlimits': [{'soft': 1, 'hard': 1}]", "", "/process/rlimits/0/type" },
	{ "'rlimits': [{'type': 'RLIMIT_CORE', 'hard': 1}]", "", "/process/rlimits/0/soft" },
	{ "'scheduler': {}", "", "/process/scheduler/policy" },
	{ "'ioPriority': {'priority': 1}", "", "/process/ioPriority/class" },
	{ "", "'devices': [{'type': 'p'}]", "/linux/devices/0/path" },
	{ "", "'devices': [{'path': '/x'}]", "/linux/devices/0/type" },
	{ "", "'devices': [{'path': '/x', 'type': 'b', 'major': 1}]", "/linux/devices/0/minor" },
	{ "", "'personality': {}", "/linux/personality/domain" },
	{ "", "'memoryPolicy': {}", "/linux/memoryPolicy/mode" },
	{ "", "'uidMappings': [{'hostID': 0, 'size': 1}]", "/linux/uidMappings/0/containerID" },
	{ "", "'uidMappings': [{'containerID': 0, 'size': 1}]", "/linux/uidMappings/0/hostID" },
	{ "", "'seccomp': {}", "/linux/seccomp/defaultAction" },
	{ "", "'seccomp': {'defaultAction': 'SCMP_ACT_LOG', 'syscalls': [{'names': ['x']}]}",
	  "/linux/seccomp/syscalls/0/action" },
	{ "",
	  "'seccomp': {'defaultAction': 'SCMP_ACT_LOG', 'syscalls': [{'action': "
	  "'SCMP_ACT_TRAP'}]}",
	  "/linux/seccomp/syscalls/0/names" },
	{ "",
	  "'seccomp': {'defaultAction': 'SCMP_ACT_LOG', 'syscalls': [{'names': ['x'], "
	  "'action': 'SCMP_ACT_TRAP', 'args': [{'index': 0, 'value': 1}]}]}",
	  "/linux/seccomp/syscalls/0/args/0/op" },
	{ "", "'resources': {'hugepageLimits': [{'limit': 1}]}",
	  "/linux/resources/hugepageLimits/0/pageSize" },
	{ "", "'resources': {'hugepageLimits': [{'pageSize': '2MB'}]}",
	  "/linux/resources/hugepageLimits/0/limit" },
	{ "", "'resources': {'network': {'priorities': [{'priority': 1}]}}",
	  "/linux/resources/network/priorities/0/name" },
	{ "", "'resources': {'blockIO': {'throttleReadBpsDevice': [{'major': 8, 'rate': 1}]}}",
	  "/linux/resources/blockIO/throttleReadBpsDevice/0/minor" },
	{ "", "'resources': {'blockIO': {'weightDevice': [{'minor': 8, 'weight': 10}]}}",
	  "/linux/resources/blockIO/weightDevice/0/major" },
};

Test(check, names_what_is_missing)
{
	for (size_t i = 0; i < ARRAY_SIZE(missing); i++) {
		const char *says =
			arena_printf(&arena, "%s: is required, but missing", missing[i].says);

		cr_assert_null(parse_parts("", missing[i].process, missing[i].linux_part), "%s",
			       says);
		cr_expect_not_null(strstr(err.text, says), "%s: %s", says, err.text);
	}
}

Test(check, takes_no_other_values_of_the_inits_options)
{
	static const struct { const char *name, *value; bool fine; } rows[] = {
		{ "grace", "0", true },		   { "grace", "99999999.25", true },
		{ "grace", "999999999", false },   { "grace", "5.", false },
		{ "grace", ".5", false },	   { "grace", "5.5.5", false },
		{ "grace", "5s", false },	   { "rewrite", "TERM:0", true },
		{ "rewrite", "SIGRTMIN+1:15", true }, { "rewrite", "TERM", false },
		{ "rewrite", "TERM:", false },	   { "rewrite", ":TERM", false },
		{ "rewrite", "TERM:NONE", false }, { "rewrite", "0:TERM", false },
		{ "rewrite", "TERMTERMTERMTERMTERMTERM:TERM", false },
		{ "remap", "255:0", true },	   { "remap", "256", false },
		{ "remap", "1:256", false },	   { "remap", "1:", false },
		{ "remap", "", false },		   { "remap", "00000001", false },
		{ "remap", "0000001:1", true },	   { "remap", "1,,2", false },
		{ "stop-signal", "QUIT", true },   { "stop-signal", "QUITE", false },
		{ "group", "yes", false },	   { "report", "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		cr_expect_eq(parse_top(arena_printf(&arena, "'annotations': {'org.kist.init.%s': "
						    "'%s'}", rows[i].name, rows[i].value)) != NULL,
			     rows[i].fine, "%s %s: %s", rows[i].name, rows[i].value, err.text);
}

#define READ	"{\\'ruleset\\': {\\'handledAccessFS\\': [\\'read_file\\', \\'read_dir\\']}"

Test(check, reads_the_annotation_of_landlock)
{
	static const struct { const char *text, *says; } rows[] = {
		{ "{", "/annotations/org.kist.landlock: annotation org.kist.landlock:1:2: is not "
		       "valid JSON" },
		{ "{}", "org.kist.landlock:1:1: /ruleset: is required, but missing" },
		{ "{\\'ruleset\\': {\\'handledAccessFS\\': []}}",
		  "handledAccessFS must have at least one entry" },
		{ "{\\'ruleset\\': {\\'handledAccessFS\\': [\\'fly\\']}}",
		  "must be an access right of Landlock, not \"fly\"" },
		{ READ ", \\'rule\\': 1}", "is no property of landlock; did you mean \"rules\"?" },
		{ READ ", \\'rules\\': {\\'pathBeneath\\': [{\\'paths\\': [\\'/a\\'], "
		       "\\'allowedAccess\\': [\\'make_dir\\']}]}}",
		  "allowedAccess has \"make_dir\", which handledAccessFS has not" },
	};
	const struct plan *whole =
		ACCEPT(parse_top("'annotations': {'org.kist.landlock': '" READ ", "
				 "\\'disableBestEffort\\': true, \\'rules\\': {\\'pathBeneath\\': "
				 "[{\\'paths\\': [\\'/a\\', \\'/b\\'], "
				 "\\'allowedAccess\\': [\\'read_dir\\']}]}}'}"));
	const struct landlock_plan *plan = whole->landlock;

	cr_assert_not_null(plan);
	cr_expect_eq(plan->handled, 0xc);
	cr_expect(plan->strict);
	cr_assert_eq(plan->rules.count, 2);
	cr_expect_str_eq(plan->rules.items[1].path, "/b");
	cr_expect_eq(plan->rules.items[1].allowed, 0x8);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cr_expect_null(
			parse_top(arena_printf(&arena, "'annotations': {'org.kist.landlock': '%s'}",
					       rows[i].text)));
		cr_expect_not_null(strstr(err.text, rows[i].says), "%s", err.text);
	}
}
