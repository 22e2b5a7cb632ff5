/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/sys.h"
#include "config/device_filter.h"
#include "tests/kernel/child.h"

/* The kernel's verifier must take every program that can come out. */

#define ALL	(DEVICE_READ | DEVICE_WRITE | DEVICE_MKNOD)

static struct arena arena;
static char log_text[65536];

static int load(struct resources_plan *resources)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uint64_t)(uintptr_t)resources->device_filter.items,
		.insn_cnt = (uint32_t)resources->device_filter.count,
		.license = (uint64_t)(uintptr_t)"Apache-2.0",
	};
	int fd = sys_bpf(BPF_PROG_LOAD, &attr), number = errno;

	if (fd >= 0)
		return fd;
	/* Again for its reasons: a log that does not fit is an error of its own. */
	attr.log_buf = (uint64_t)(uintptr_t)log_text;
	attr.log_size = sizeof(log_text);
	attr.log_level = 1;
	sys_bpf(BPF_PROG_LOAD, &attr);
	errno = number;
	return -1;
}

static void expect_loads(const struct device_rule *rules, size_t count, bool standard,
			 const char *what)
{
	struct resources_plan resources = { 0 };
	_cleanup_fd int fd = -EBADF;

	for (size_t i = 0; i < count; i++)
		LIST_ADD(&arena, &resources.device_rules, rules[i]);
	if (standard)
		device_rules_add_standard(&arena, &resources);
	device_filter_compile(&arena, &resources);
	fd = load(&resources);
	cr_expect(fd >= 0, "%s: %s: %s", what, strerror(errno), log_text);
}

Test(device_filter, passes_the_verifier)
{
	static const struct device_rule any = { true, 'a', { false, 0 }, { false, 0 }, ALL };
	struct device_rule rule;

	child_need_root();
	expect_loads(NULL, 0, false, "no rules");
	expect_loads(NULL, 0, true, "the standard rules");
	expect_loads(&any, 1, true, "everything allowed");
	for (unsigned int i = 0; i < 2 * 3 * 2 * 2 * 7; i++) {
		rule = (struct device_rule){
			.allow = i & 1, .type = "abc"[i / 2 % 3],
			.major = { i / 6 % 2, 0xffffffff }, .minor = { i / 12 % 2, 7 },
			.access = 1 + i / 24 % 7,
		};
		expect_loads(&rule, 1, false, device_rule_text(&arena, &rule));
		expect_loads(&rule, 1, true, device_rule_text(&arena, &rule));
	}
}

Test(device_filter, passes_the_verifier_with_a_thousand_rules)
{
	struct device_rule rules[1000];

	child_need_root();
	for (unsigned int i = 0; i < ARRAY_SIZE(rules); i++)
		rules[i] = (struct device_rule){ i & 1, 'c', { true, i }, { true, i }, 1 + i % 7 };
	expect_loads(rules, ARRAY_SIZE(rules), true, "many");
}
