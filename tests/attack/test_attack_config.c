/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "tests/attack/attack.h"

/* Configurations that are meant to keep kist busy: each is refused, or runs; soon in both cases. */

enum { SOON_SECONDS = 20 };

/* "open" item "," item ... "close"; a %d of item's is its number, from the highest down. */
static const char *list_of(const char *open, const char *item, int count, const char *close)
{
	struct text text = { .arena = &e2e_arena };
	const char *mark = strstr(item, "%d");

	text_add(&text, open);
	for (int i = count; i-- > 0;) {
		text_add_bytes(&text, item,
			       mark != NULL ? (size_t)(mark - item) : strlen(item));
		if (mark != NULL)
			text_printf(&text, "%d%s", 100000 + i, mark + 2);
		text_add(&text, i > 0 ? "," : close);
	}
	return text.data;
}

static const struct {
	const char *pointer, *open, *item, *close;
	int count;
	const char *says; /* NULL: it runs */
} lists[] = {
	{ "/annotations", "{", "'a%d': 'x'", "}", 100000, NULL },
	{ "/process/user/additionalGids", "[", "%d", "]", 65536, NULL },
	{ "/process/user/additionalGids", "[", "%d", "]", 70000, "additional groups" },
	{ "/process/env", "[", "'A%d=x'", "]", 50000, NULL },
	{ "/process/args", "[", "'x'", "]", 300000, "more than 262144 values" },
	{ "/linux/maskedPaths", "[", "'/proc/keys'", "]", 1000, NULL },
	{ "/linux/devices", "[", "{'path': '/dev/x%d', 'type': 'c', 'major': 1, 'minor': 3}", "]",
	  5000, NULL },
	{ "/linux/seccomp",
	  "{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [",
	  "{'names': ['getpid'], 'action': 'SCMP_ACT_ERRNO',"
	  " 'args': [{'index': 0, 'value': %d, 'op': 'SCMP_CMP_EQ'}]}",
	  "]}", 20000, "20000 calls and conditions" },
	{ "/linux/sysctl", "{", "'kernel.x%d': '1'", "}", 20000, "in no namespace" },
	{ "/hooks", "{'poststop': [", "{'path': '/nonexistent%d'}", "]}", 2000, NULL },
	/* As a text that grew by one after the other these were 20 GB. */
	{ "/mounts/0/options", "[", "'nothing%d'", "]", 60000, "set option nothing" },
};

ATTACK(config, of_long_lists_takes_no_long_time)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct attack a = attack_new();
		const char *what = arena_printf(&e2e_arena, "%s, %d", lists[i].pointer,
						lists[i].count);
		struct output output;
		struct probe seen;
		bool ran;

		a.bundle->timeout = SOON_SECONDS;
		bundle_set(a.bundle, lists[i].pointer,
			   list_of(lists[i].open, lists[i].item, lists[i].count, lists[i].close));
		if (strcmp(lists[i].pointer, "/process/args") != 0)
			bundle_probe_args(a.bundle, "say", "ran", NULL);
		ran = attack_run(&a, what, &output, &seen);
		cr_expect_eq(ran, lists[i].says == NULL, "%s: %d %s", what, output.status,
			     output.err);
		if (lists[i].says != NULL)
			cr_expect_not_null(strstr(output.err, lists[i].says), "%s: %s", what,
					   output.err);
	}
}

/* "check" looks further, and has more to say of each. */
static const struct {
	const char *pointer, *open, *item, *close;
} checked[] = {
	{ "/hooks", "{'poststop': [", "{'path': '/nonexistent%d'}", "]}" },
	{ "/linux/netDevices", "{", "'none%d': {}", "}" },
	{ "/linux/seccomp",
	  "{'defaultAction': 'SCMP_ACT_ALLOW',"
	  " 'syscalls': [{'action': 'SCMP_ACT_ERRNO', 'names': [",
	  "'none%d'", "]}]}" },
	{ "/process/capabilities/bounding", "[", "'CAP_NONE%d'", "]" },
	{ "/mounts/0/options", "[", "'nothing%d'", "]" },
};

ATTACK(config, of_long_lists_is_checked_soon)
{
	for (size_t i = 0; i < ARRAY_SIZE(checked); i++) {
		struct bundle *b = bundle_new();
		struct output output;

		b->timeout = SOON_SECONDS;
		bundle_set(b, checked[i].pointer,
			   list_of(checked[i].open, checked[i].item, 60000, checked[i].close));
		bundle_call(b, &output, "check", b->path, NULL);
		cr_expect(output.status == 0 || output.status == 1, "%s: %d %s", checked[i].pointer,
			  output.status, output.err);
		bundle_destroy(b);
	}
}

/* CVE-2022-0811, CVE-2026-23953: what would be another line, or key, in what it goes into. */
static const struct {
	const char *pointer, *value, *says;
} injections[] = {
	{ "/linux/sysctl", "{'net.ipv4.ip_default_ttl': '64+kernel.core_pattern=x'}",
	  "invalid argument" },
	/* The kernel takes the number in front, and the host stays as it is. */
	{ "/linux/sysctl", "{'net.ipv4.ip_default_ttl': '64\\nkernel.core_pattern=x'}", NULL },
	{ "/linux/sysctl", "{'net..kernel.core_pattern': 'x'}", "no name of a kernel parameter" },
	{ "/linux/sysctl", "{'net/ipv4/../../kernel/core_pattern': 'x'}",
	  "no name of a kernel parameter" },
	{ "/linux/resources", "{'unified': {'../cgroup.procs': '1'}}", "must be named as a file" },
	{ "/linux/resources", "{'unified': {'cgroup.threads': '1'}}", "is no limit" },
	{ "/linux/resources", "{'cpu': {'cpus': '0\\n1'}}", "must be a list of numbers" },
	{ "/linux/rootfsPropagation", "'private\\nshared'", "must be" },
	{ "/mounts/0/options", "['nosuid\\u0000suid']", "NUL" },
};

ATTACK(config, of_two_in_one_changes_nothing_else)
{
	for (size_t i = 0; i < ARRAY_SIZE(injections); i++) {
		struct attack a = attack_new();
		struct output output;
		struct probe seen;

		bundle_set(a.bundle, injections[i].pointer, injections[i].value);
		if (attack_run(&a, injections[i].value, &output, &seen))
			cr_expect_null(injections[i].says, "%s ran", injections[i].value);
		else
			cr_expect(injections[i].says != NULL &&
					  strcasestr(output.err, injections[i].says) != NULL,
				  "%s: %s", injections[i].value, output.err);
	}
}

/* CVE-2026-57231: "NAME" alone, or a pattern, is not the caller's. */
ATTACK(config, of_a_variable_without_a_value_gives_none_of_the_callers)
{
	static const char *const names[] = { "SECRET", "*", "SEC*", "${SECRET}" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct attack a = attack_new();
		struct output output;
		struct probe seen;

		bundle_env(a.bundle, "SECRET=of the host");
		bundle_set(a.bundle, "/process/env",
			   arena_printf(&e2e_arena, "['%s', 'A=$SECRET ${SECRET}']", names[i]));
		bundle_probe_args(a.bundle, "read", "/proc/self/environ", "report", NULL);
		attack_run(&a, names[i], &output, &seen);
		cr_expect_null(strstr(output.out, "of the host"), "%s: %s", names[i], output.out);
	}
}
