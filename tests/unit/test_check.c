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
