/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <string.h>

#include "base/list.h"
#include "base/text.h"
#include "config/device_filter.h"

#define ALL	(DEVICE_READ | DEVICE_WRITE | DEVICE_MKNOD)
#define ANY	{ false, 0 }
#define N(x)	{ true, (x) }

/* The few instructions that the compiler emits; anything else fails the test. */
static int64_t evaluate(const struct resources_plan *resources,
			const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t reg[11] = { 0 };
	size_t at = 0;

	for (int steps = 0; steps < 10000; steps++) {
		struct bpf_insn insn;
		uint32_t field;

		cr_assert_lt(at, resources->device_filter.count, "ran off the end");
		memcpy(&insn, &resources->device_filter.items[at++], sizeof(insn));
		switch (insn.code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			cr_assert_eq(insn.src_reg, BPF_REG_1);
			memcpy(&field, (const char *)ctx + insn.off, sizeof(field));
			reg[insn.dst_reg] = field;
			break;
		case BPF_ALU64 | BPF_MOV | BPF_X:
			reg[insn.dst_reg] = reg[insn.src_reg];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			reg[insn.dst_reg] = (uint64_t)(int64_t)insn.imm;
			break;
		case BPF_ALU64 | BPF_AND | BPF_K:
			reg[insn.dst_reg] &= (uint64_t)(int64_t)insn.imm;
			break;
		case BPF_ALU64 | BPF_RSH | BPF_K:
			reg[insn.dst_reg] >>= insn.imm;
			break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			if ((uint32_t)reg[insn.dst_reg] != (uint32_t)insn.imm)
				at += (size_t)insn.off;
			break;
		case BPF_JMP32 | BPF_JEQ | BPF_K:
			if ((uint32_t)reg[insn.dst_reg] == (uint32_t)insn.imm)
				at += (size_t)insn.off;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			if (reg[insn.dst_reg] & (uint64_t)(int64_t)insn.imm)
				at += (size_t)insn.off;
			break;
		case BPF_JMP | BPF_JA:
			at += (size_t)insn.off;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int64_t)reg[0];
		default:
			cr_assert_fail("instruction %#x", insn.code);
		}
	}
	cr_assert_fail("does not end");
	return -1;
}

static bool allowed(const struct resources_plan *resources, char type, unsigned int major,
		    unsigned int minor, unsigned int access)
{
	struct bpf_cgroup_dev_ctx ctx = { .major = major, .minor = minor };
	unsigned int bits = (access & DEVICE_READ ? BPF_DEVCG_ACC_READ : 0) |
			    (access & DEVICE_WRITE ? BPF_DEVCG_ACC_WRITE : 0) |
			    (access & DEVICE_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0);

	ctx.access_type = bits << 16 | (type == 'c' ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK);
	return evaluate(resources, &ctx) == 1;
}

/* What is meant, said in the simplest way: the last rule that names an access decides about it. */
static bool expected(const struct resources_plan *resources, char type, unsigned int major,
		     unsigned int minor, unsigned int access)
{
	for (unsigned int bit = 1; bit <= DEVICE_MKNOD; bit <<= 1) {
		bool allow = false;

		if (!(access & bit))
			continue;
		LIST_EACH(rule, resources->device_rules)
			if ((rule->type == 'a' || rule->type == type) && rule->access & bit &&
			    (!rule->major.set || rule->major.value == major) &&
			    (!rule->minor.set || rule->minor.value == minor))
				allow = rule->allow;
		if (!allow)
			return false;
	}
	return true;
}

static struct arena arena;

static struct resources_plan compile(const struct device_rule *rules, size_t count)
{
	struct resources_plan resources = { 0 };

	resources.device_rules.items = ARENA_NEWS(&arena, count + 1, struct device_rule);
	for (size_t i = 0; i < count; i++)
		resources.device_rules.items[i] = rules[i];
	resources.device_rules.count = count;
	device_filter_compile(&arena, &resources);
	return resources;
}

Test(device_filter, denies_what_no_rule_names)
{
	struct resources_plan resources = compile(NULL, 0);

	cr_expect_not(allowed(&resources, 'c', 1, 3, DEVICE_READ));
	cr_expect_not(allowed(&resources, 'b', 8, 0, DEVICE_MKNOD));
}

Test(device_filter, lets_the_later_rule_override)
{
	static const struct device_rule rules[] = {
		{ true, 'a', ANY, ANY, ALL },
		{ false, 'c', N(1), ANY, DEVICE_WRITE },
		{ true, 'c', N(1), N(3), DEVICE_WRITE },
		{ false, 'b', ANY, N(5), ALL },
	};
	struct resources_plan resources = compile(rules, ARRAY_SIZE(rules));

	cr_expect(allowed(&resources, 'c', 1, 3, DEVICE_READ | DEVICE_WRITE));
	cr_expect_not(allowed(&resources, 'c', 1, 5, DEVICE_READ | DEVICE_WRITE));
	cr_expect(allowed(&resources, 'c', 1, 5, DEVICE_READ));
	cr_expect(allowed(&resources, 'b', 8, 0, ALL));
	cr_expect_not(allowed(&resources, 'b', 8, 5, DEVICE_READ));
}

Test(device_filter, compares_numbers_above_2_to_the_31)
{
	static const struct device_rule rules[] = { { true, 'c', N(0xffffffff), N(0x80000000),
						      ALL } };
	struct resources_plan resources = compile(rules, ARRAY_SIZE(rules));

	cr_expect(allowed(&resources, 'c', 0xffffffff, 0x80000000, ALL));
	cr_expect_not(allowed(&resources, 'c', 0xffffffff, 0, ALL));
	cr_expect_not(allowed(&resources, 'c', 0x7fffffff, 0x80000000, ALL));
}

/* All lists of up to three rules over a small world, against the plain reading of them. */
Test(device_filter, agrees_with_the_plain_reading_of_random_rules)
{
	uint32_t seed = 12345;

	for (int round = 0; round < 2000; round++) {
		struct device_rule rules[6];
		struct resources_plan resources;
		size_t count = (size_t)round % 7;

		for (size_t i = 0; i < count && i < ARRAY_SIZE(rules); i++) {
			seed = seed * 1664525 + 1013904223;
			rules[i] = (struct device_rule){
				.allow = seed >> 31, .type = "abc"[(seed >> 8) % 3],
				.major = { seed >> 12 & 1, seed >> 13 & 1 },
				.minor = { seed >> 14 & 1, seed >> 15 & 1 },
				.access = 1 + (seed >> 16) % 7,
			};
		}
		if (count > ARRAY_SIZE(rules))
			count = ARRAY_SIZE(rules);
		resources = compile(rules, count);
		for (unsigned int i = 0; i < 2 * 2 * 2 * 7; i++) {
			char type = "bc"[i & 1];
			unsigned int major = i >> 1 & 1, minor = i >> 2 & 1, access = 1 + i / 8;

			cr_assert_eq(allowed(&resources, type, major, minor, access),
				     expected(&resources, type, major, minor, access),
				     "round %d: %c %u:%u %u", round, type, major, minor, access);
		}
		arena_free(&arena);
	}
}

Test(device_filter, lets_every_container_have_the_standard_devices_and_no_more)
{
	static const struct { unsigned int major, minor; } standard[] = {
		{ 1, 3 }, { 1, 5 }, { 1, 7 }, { 1, 8 }, { 1, 9 }, { 5, 0 }, { 5, 1 }, { 5, 2 },
		{ 10, 200 }, { 136, 0 }, { 136, 77 },
	};
	static const struct device_rule deny[] = { { false, 'a', ANY, ANY, ALL } };
	struct resources_plan resources = { 0 };

	LIST_ADD(&arena, &resources.device_rules, deny[0]);
	device_rules_add_standard(&arena, &resources);
	device_filter_compile(&arena, &resources);
	for (size_t i = 0; i < ARRAY_SIZE(standard); i++)
		cr_expect(allowed(&resources, 'c', standard[i].major, standard[i].minor, ALL),
			  "%u:%u", standard[i].major, standard[i].minor);
	cr_expect(allowed(&resources, 'b', 8, 0, DEVICE_MKNOD));
	cr_expect_not(allowed(&resources, 'b', 8, 0, DEVICE_READ));
	cr_expect_not(allowed(&resources, 'c', 1, 1, DEVICE_READ), "mem");
	cr_expect_not(allowed(&resources, 'c', 1, 4, DEVICE_WRITE), "port");
	cr_expect_not(allowed(&resources, 'c', 4, 1, DEVICE_READ), "tty1");
	cr_expect_not(allowed(&resources, 'c', 10, 229, DEVICE_READ), "fuse");
}

/* --- cgroup v1 --- */

static const char *v1_text(const struct device_rule *rules, size_t count, const char **ret_unable)
{
	struct resources_plan resources = compile(rules, count);
	struct text out = { .arena = &arena };
	cgroup_write_list list = { 0 };

	*ret_unable = device_writes_add(&arena, &resources, &list);
	LIST_EACH(write, list) {
		cr_expect_str_eq(write->controller, "devices");
		text_printf(&out, "%s %s; ", write->file + strlen("devices."), write->text);
	}
	return out.size > 0 ? out.data : "";
}

Test(device_filter, writes_exceptions_for_v1)
{
	static const struct {
		struct device_rule rules[4];
		size_t count;
		const char *says;
	} facts[] = {
		{ { { 0 } }, 0, "deny a; " },
		{ { { false, 'a', ANY, ANY, ALL }, { true, 'c', N(1), N(3), ALL } },
		  2,
		  "deny a; allow c 1:3 rwm; " },
		{ { { true, 'a', ANY, ANY, ALL }, { false, 'b', N(8), ANY, DEVICE_WRITE } },
		  2,
		  "allow a; deny b 8:* w; " },
		{ { { true, 'c', N(1), N(3), DEVICE_READ },
		    { true, 'c', N(1), N(3), DEVICE_WRITE } },
		  2,
		  "deny a; allow c 1:3 rw; " },
		{ { { true, 'c', N(1), N(3), ALL }, { false, 'c', N(1), N(3), DEVICE_WRITE } },
		  2,
		  "deny a; allow c 1:3 rm; " },
		{ { { true, 'c', N(1), N(3), ALL },
		    { false, 'c', N(1), ANY, ALL },
		    { true, 'c', N(1), N(5), ALL } },
		  3,
		  "deny a; allow c 1:5 rwm; " },
		{ { { true, 'a', ANY, ANY, DEVICE_READ } },
		  1,
		  "deny a; allow b *:* r; allow c *:* r; " },
		{ { { true, 'c', N(9), ANY, ALL }, { true, 'a', ANY, ANY, ALL } }, 2, "allow a; " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		const char *unable;

		cr_expect_str_eq(v1_text(facts[i].rules, facts[i].count, &unable), facts[i].says,
				 "row %zu", i);
		cr_expect_null(unable);
	}
}

Test(device_filter, refuses_for_v1_what_the_kernel_would_ignore)
{
	static const struct device_rule rules[] = {
		{ true, 'c', ANY, ANY, ALL }, { false, 'c', N(1), N(1), DEVICE_READ },
	};
	const char *unable;

	v1_text(rules, ARRAY_SIZE(rules), &unable);
	cr_assert_not_null(unable);
	cr_expect_str_eq(unable,
			 "the device rule \"c 1:1 r\" makes an exception from \"c *:* rwm\", "
			 "and cgroup v1 has no exceptions of exceptions");
}
