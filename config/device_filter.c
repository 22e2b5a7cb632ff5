/* SPDX-License-Identifier: Apache-2.0 */
#include "config/device_filter.h"

#include <stddef.h>
#include <string.h>

#include "base/list.h"
#include "base/sys.h"
#include "base/text.h"
#include "config/cgroup_write.h"

#define ACCESS_ALL	(DEVICE_READ | DEVICE_WRITE | DEVICE_MKNOD)
#define ANY		{ false, 0 }
#define NUMBER(n)	{ true, (n) }

/*
 * mknod of anything is allowed because the node is of no use without the right
 * to open it.  tun is not among the spec's devices, but VPN programs in
 * containers rely on it: runc 1.2.0-rc1 dropped it and had to bring it back.
 */
static const struct device_rule standard_rules[] = {
	{ true, 'c', ANY, ANY, DEVICE_MKNOD },
	{ true, 'b', ANY, ANY, DEVICE_MKNOD },
	{ true, 'c', NUMBER(1), NUMBER(3), ACCESS_ALL },	/* null */
	{ true, 'c', NUMBER(1), NUMBER(5), ACCESS_ALL },	/* zero */
	{ true, 'c', NUMBER(1), NUMBER(7), ACCESS_ALL },	/* full */
	{ true, 'c', NUMBER(1), NUMBER(8), ACCESS_ALL },	/* random */
	{ true, 'c', NUMBER(1), NUMBER(9), ACCESS_ALL },	/* urandom */
	{ true, 'c', NUMBER(5), NUMBER(0), ACCESS_ALL },	/* tty */
	{ true, 'c', NUMBER(5), NUMBER(1), ACCESS_ALL },	/* console */
	{ true, 'c', NUMBER(5), NUMBER(2), ACCESS_ALL },	/* ptmx */
	{ true, 'c', NUMBER(10), NUMBER(200), ACCESS_ALL },	/* net/tun */
	{ true, 'c', NUMBER(136), ANY, ACCESS_ALL },		/* pts */
};

void device_rules_add_standard(struct arena *arena, struct resources_plan *resources)
{
	for (size_t i = 0; i < ARRAY_SIZE(standard_rules); i++)
		LIST_ADD(arena, &resources->device_rules, standard_rules[i]);
}

static void number_text(struct text *out, struct opt_u64 number)
{
	if (number.set)
		text_add_number(out, number.value);
	else
		text_add(out, "*");
}

const char *device_rule_text(struct arena *arena, const struct device_rule *rule)
{
	struct text out = { .arena = arena };

	text_add_bytes(&out, &rule->type, 1);
	text_add(&out, " ");
	number_text(&out, rule->major);
	text_add(&out, ":");
	number_text(&out, rule->minor);
	text_add(&out, " ");
	text_add(&out, rule->access & DEVICE_READ ? "r" : "");
	text_add(&out, rule->access & DEVICE_WRITE ? "w" : "");
	text_add(&out, rule->access & DEVICE_MKNOD ? "m" : "");
	return out.data;
}

/* --- BPF, cgroup v2 ---------------------------------------------------------- */

/* The most that one rule takes, and what stands around them. */
#define RULE_INSNS	10
#define FRAME_INSNS	8

struct program {
	struct bpf_insn_plan *items;
	size_t count;
};

static void emit(struct program *program, uint8_t code, uint8_t dst, uint8_t src, int16_t offset,
		 int32_t imm)
{
	struct bpf_insn insn = {
		.code = code, .dst_reg = dst, .src_reg = src, .off = offset, .imm = imm,
	};

	static_assert(sizeof(insn) == sizeof(*program->items), "an instruction has 8 bytes");
	memcpy(&program->items[program->count++], &insn, sizeof(insn));
}

static void emit_return(struct program *program, bool allow)
{
	emit(program, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, allow);
	emit(program, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/*
 * Two instructions: over the second when equal, which jumps behind the rule and
 * is patched by rule_end().  The verifier follows the way without a jump first,
 * here the one on which nothing is known; having seen that, it need not follow
 * the others to the end, and a thousand rules stay below its limit.  32 bits:
 * an immediate would be sign-extended to 64.
 */
static void emit_skip_unless(struct program *program, uint8_t reg, uint32_t value)
{
	emit(program, BPF_JMP32 | BPF_JEQ | BPF_K, reg, 0, 1, (int32_t)value);
	emit(program, BPF_JMP | BPF_JA, 0, 0, 0, 0);
}

static void rule_end(struct program *program, size_t start, size_t checks)
{
	for (size_t i = start + 1; i < start + checks; i += 2) {
		struct bpf_insn insn;

		memcpy(&insn, &program->items[i], sizeof(insn));
		insn.off = (int16_t)(program->count - i - 1);
		memcpy(&program->items[i], &insn, sizeof(insn));
	}
}

static uint32_t bpf_access(unsigned int access)
{
	return (access & DEVICE_READ ? BPF_DEVCG_ACC_READ : 0) |
	       (access & DEVICE_WRITE ? BPF_DEVCG_ACC_WRITE : 0) |
	       (access & DEVICE_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0);
}

/*
 * Register 3 holds what is asked for and no later rule has granted yet.  True
 * when the rule decides about everything, so that nothing may follow it: the
 * verifier refuses what cannot be reached.
 */
static bool emit_rule(struct program *program, const struct device_rule *rule)
{
	size_t start = program->count, checks;

	if (rule->type != 'a')
		emit_skip_unless(program, BPF_REG_2,
				 rule->type == 'c' ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK);
	if (rule->major.set)
		emit_skip_unless(program, BPF_REG_4, (uint32_t)rule->major.value);
	if (rule->minor.set)
		emit_skip_unless(program, BPF_REG_5, (uint32_t)rule->minor.value);
	checks = program->count - start;
	if (rule->access == ACCESS_ALL) {
		emit_return(program, rule->allow);
	} else if (rule->allow) {
		emit(program, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_3, 0, 0,
		     (int32_t)~bpf_access(rule->access));
		emit(program, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_3, 0, 2, 0);
		emit_return(program, true);
	} else {
		emit(program, BPF_JMP | BPF_JSET | BPF_K, BPF_REG_3, 0, 1,
		     (int32_t)bpf_access(rule->access));
		emit(program, BPF_JMP | BPF_JA, 0, 0, 2, 0);
		emit_return(program, false);
	}
	rule_end(program, start, checks);
	return rule->access == ACCESS_ALL && checks == 0;
}

void device_filter_compile(struct arena *arena, struct resources_plan *resources)
{
	struct program program = { 0 };
	size_t left = resources->device_rules.count;
	bool decided = false;

	program.items = ARENA_NEWS(arena, left * RULE_INSNS + FRAME_INSNS, struct bpf_insn_plan);
	/* In access_type the type of the device is the lower half, the access the upper. */
	emit(&program, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
	     offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
	emit(&program, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
	emit(&program, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	emit(&program, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
	emit(&program, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1,
	     offsetof(struct bpf_cgroup_dev_ctx, major), 0);
	emit(&program, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_5, BPF_REG_1,
	     offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
	/* From the last rule to the first: an earlier one must not see what a later one decided. */
	while (left > 0 && !decided)
		decided = emit_rule(&program, &resources->device_rules.items[--left]);
	if (!decided)
		emit_return(&program, false);
	resources->device_filter.items = program.items;
	resources->device_filter.count = program.count;
}

/* --- devices.allow and devices.deny, cgroup v1 --------------------------------- */

struct exceptions {
	bool allow_all;			/* the default; the exceptions are of the other kind */
	struct device_rule *items;
	size_t count;
};

static bool number_covers(struct opt_u64 wide, struct opt_u64 narrow)
{
	return !wide.set || (narrow.set && wide.value == narrow.value);
}

static bool number_meets(struct opt_u64 a, struct opt_u64 b)
{
	return !a.set || !b.set || a.value == b.value;
}

static void exception_add(struct exceptions *list, const struct device_rule *rule)
{
	for (size_t i = 0; i < list->count; i++) {
		struct device_rule *known = &list->items[i];

		if (known->type == rule->type && number_covers(known->major, rule->major) &&
		    number_covers(rule->major, known->major) &&
		    number_covers(known->minor, rule->minor) &&
		    number_covers(rule->minor, known->minor)) {
			known->access |= rule->access;
			return;
		}
	}
	list->items[list->count] = *rule;
	list->items[list->count++].allow = !list->allow_all;
}

/* The kernel forgets exact exceptions only, and silently leaves one that is wider as it is. */
static const char *exception_remove(struct exceptions *list, const struct device_rule *rule,
				    struct arena *arena)
{
	for (size_t i = 0; i < list->count; i++) {
		struct device_rule *known = &list->items[i];

		if (known->type != rule->type || (known->access & rule->access) == 0 ||
		    !number_meets(known->major, rule->major) ||
		    !number_meets(known->minor, rule->minor))
			continue;
		if (!number_covers(rule->major, known->major) ||
		    !number_covers(rule->minor, known->minor))
			return arena_printf(arena, "the device rule \"%s\" makes an exception from "
					    "\"%s\", and cgroup v1 has no exceptions of exceptions",
					    device_rule_text(arena, rule),
					    device_rule_text(arena, known));
		known->access &= ~rule->access;
	}
	return NULL;
}

static const char *rule_apply(struct exceptions *list, const struct device_rule *rule,
			      struct arena *arena)
{
	struct device_rule half = *rule;

	if (rule->type == 'a' && !rule->major.set && !rule->minor.set &&
	    rule->access == ACCESS_ALL) {
		list->allow_all = rule->allow;
		list->count = 0;
		return NULL;
	}
	/* v1 reads "a" as everything, whatever numbers and access follow. */
	for (const char *type = rule->type == 'a' ? "bc" : ""; *type != '\0'; type++) {
		const char *unable;

		half.type = *type;
		unable = rule_apply(list, &half, arena);
		if (unable != NULL)
			return unable;
	}
	if (rule->type == 'a')
		return NULL;
	if (rule->allow == list->allow_all)
		return exception_remove(list, rule, arena);
	exception_add(list, rule);
	return NULL;
}

const char *device_writes_add(struct arena *arena, const struct resources_plan *resources,
			      cgroup_write_list *list)
{
	struct exceptions exceptions = {
		.items = ARENA_NEWS(arena, 2 * resources->device_rules.count + 1,
				    struct device_rule),
	};

	LIST_EACH(rule, resources->device_rules) {
		const char *unable = rule_apply(&exceptions, rule, arena);

		if (unable != NULL)
			return unable;
	}
	cgroup_write_add(arena, list, "devices",
			 exceptions.allow_all ? "devices.allow" : "devices.deny", "a");
	for (size_t i = 0; i < exceptions.count; i++) {
		const struct device_rule *rule = &exceptions.items[i];

		if (rule->access != 0)
			cgroup_write_add(arena, list, "devices",
					 rule->allow ? "devices.allow" : "devices.deny",
					 device_rule_text(arena, rule));
	}
	return NULL;
}
