/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"
#include "config/load.h"
#include "config/plan.h"
#include "config/seccomp_watch.h"
#include "tests/machine.h"

static struct arena arena;
static struct error err;

/* Compiled each time: root would use, and fill, the cache of this machine. */
static void leave_cache(void)
{
	unsetenv("XDG_RUNTIME_DIR");
	if (geteuid() == 0)
		cr_assert_eq(seteuid(65534), 0);
}

TestSuite(seccomp, .init = leave_cache);

/* --- a classic BPF machine, as the kernel's for seccomp ------------------------------- */

static void jump(const struct sock_filter *insn, uint32_t a, size_t *at)
{
	bool yes = false;

	switch (BPF_OP(insn->code)) {
	case BPF_JA:
		*at += insn->k;
		return;
	case BPF_JEQ:
		yes = a == insn->k;
		break;
	case BPF_JGT:
		yes = a > insn->k;
		break;
	case BPF_JGE:
		yes = a >= insn->k;
		break;
	case BPF_JSET:
		yes = (a & insn->k) != 0;
		break;
	default:
		cr_assert_fail("jump %#x", insn->code);
	}
	*at += yes ? insn->jt : insn->jf;
}

static uint32_t evaluate(const struct sock_filter *items, size_t count,
			 const struct seccomp_data *data)
{
	uint32_t a = 0, memory[BPF_MEMWORDS] = { 0 };

	for (size_t at = 0;;) {
		const struct sock_filter *insn = &items[at++];

		cr_assert_leq(at, count, "ran off the end");
		if (BPF_CLASS(insn->code) == BPF_JMP) {
			jump(insn, a, &at);
			continue;
		}
		switch (insn->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			cr_assert_leq(insn->k + sizeof(a), sizeof(*data));
			memcpy(&a, (const char *)data + insn->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= insn->k;
			break;
		case BPF_ST:
			memory[insn->k] = a;
			break;
		case BPF_LD | BPF_MEM:
			a = memory[insn->k];
			break;
		case BPF_RET | BPF_K:
			return insn->k;
		default:
			cr_assert_fail("instruction %#x", insn->code);
		}
	}
}

/* --- plans ------------------------------------------------------------------------------ */

static const char *document(const char *seccomp)
{
	static const char head[] = "{'ociVersion':'1.3.0','root':{'path':'/r'},"
				   "'process':{'cwd':'/','args':['x'],'user':{'uid':0,'gid':0}},"
				   "'linux':{'namespaces':[{'type':'mount'}],'seccomp':";
	char *json = arena_printf(&arena, "%s%s}}", head, seccomp);

	for (char *at = json; *at != '\0'; at++)
		if (*at == '\'')
			*at = '"';
	return json;
}

static const struct seccomp_plan *parse(const char *seccomp)
{
	const char *json = document(seccomp);
	const struct plan *plan = plan_parse(&arena, "/b", "config.json", json, strlen(json), &err);

	return plan != NULL ? plan->seccomp : NULL;
}

static uint32_t verdict(const struct seccomp_plan *plan, uint32_t arch, int nr, uint64_t arg0)
{
	struct seccomp_data data = { .nr = nr, .arch = arch, .args = { arg0 } };

	return evaluate(plan->filter.items, plan->filter.count, &data);
}

#define NATIVE		MACHINE_AUDIT
#define ERRNO(number)	(SECCOMP_RET_ERRNO | (number))

Test(seccomp, knows_every_action)
{
	static const struct { const char *seccomp; uint32_t action; } facts[] = {
		{ "{'defaultAction':'SCMP_ACT_KILL'}", SECCOMP_RET_KILL_THREAD },
		{ "{'defaultAction':'SCMP_ACT_KILL_THREAD'}", SECCOMP_RET_KILL_THREAD },
		{ "{'defaultAction':'SCMP_ACT_KILL_PROCESS'}", SECCOMP_RET_KILL_PROCESS },
		{ "{'defaultAction':'SCMP_ACT_TRAP'}", SECCOMP_RET_TRAP },
		{ "{'defaultAction':'SCMP_ACT_ERRNO'}", ERRNO(EPERM) },
		{ "{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':38}", ERRNO(ENOSYS) },
		{ "{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':0}", ERRNO(0) },
		{ "{'defaultAction':'SCMP_ACT_TRACE'}", SECCOMP_RET_TRACE | EPERM },
		{ "{'defaultAction':'SCMP_ACT_TRACE','defaultErrnoRet':65535}",
		  SECCOMP_RET_TRACE | 65535 },
		{ "{'defaultAction':'SCMP_ACT_ALLOW'}", SECCOMP_RET_ALLOW },
		{ "{'defaultAction':'SCMP_ACT_LOG'}", SECCOMP_RET_LOG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		const struct seccomp_plan *plan = parse(facts[i].seccomp);

		cr_assert_not_null(plan, "%s: %s", facts[i].seccomp, err.text);
		cr_expect_eq(verdict(plan, NATIVE, __NR_getppid, 0), facts[i].action, "%s",
			     facts[i].seccomp);
	}
}

Test(seccomp, compares_arguments_in_all_64_bits)
{
	static const struct { const char *op; uint64_t value, two, arg; bool match; } facts[] = {
		{ "EQ", 5, 0, 5, true },		{ "EQ", 5, 0, 0x100000005, false },
		{ "EQ", 0x100000005, 0, 0x100000005, true }, { "EQ", 0x100000005, 0, 5, false },
		{ "NE", 5, 0, 0x100000005, true },	{ "NE", 5, 0, 5, false },
		{ "LT", 5, 0, 4, true },		{ "LT", 5, 0, 0x100000000, false },
		{ "LT", 0x200000000, 0, 0x1ffffffff, true },
		{ "LE", 5, 0, 5, true },		{ "LE", 5, 0, 6, false },
		{ "GE", 5, 0, 5, true },		{ "GE", 5, 0, 4, false },
		{ "GT", 5, 0, 0x100000000, true },	{ "GT", 5, 0, 5, false },
		{ "GT", UINT64_MAX - 1, 0, UINT64_MAX, true },
		{ "MASKED_EQ", 0xffffffff, 5, 0x100000005, true },
		{ "MASKED_EQ", 0xf0, 0x10, 0x1f, true }, { "MASKED_EQ", 0xf0, 0x10, 0x2f, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		const char *seccomp = arena_printf(
			&arena,
			"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':"
			"[{'names':['ioctl'],'action':'SCMP_ACT_ERRNO','errnoRet':7,'args':"
			"[{'index':0,'value':%llu,'valueTwo':%llu,'op':'SCMP_CMP_%s'}]}]}",
			(unsigned long long)facts[i].value, (unsigned long long)facts[i].two,
			facts[i].op);
		const struct seccomp_plan *plan = parse(seccomp);

		cr_assert_not_null(plan, "%s: %s", seccomp, err.text);
		cr_expect_eq(verdict(plan, NATIVE, __NR_ioctl, facts[i].arg),
			     facts[i].match ? ERRNO(7) : SECCOMP_RET_ALLOW, "row %zu: %s", i,
			     seccomp);
		cr_expect_eq(verdict(plan, NATIVE, __NR_read, facts[i].arg), SECCOMP_RET_ALLOW);
	}
}

Test(seccomp, takes_conditions_on_one_argument_as_alternatives)
{
	const struct seccomp_plan *plan = parse(
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':"
		"[{'names':['personality'],'action':'SCMP_ACT_ALLOW','args':"
		"[{'index':0,'value':0,'op':'SCMP_CMP_EQ'},"
		"{'index':0,'value':8,'op':'SCMP_CMP_EQ'}]}]}");

	cr_assert_not_null(plan, "%s", err.text);
	cr_expect_eq(verdict(plan, NATIVE, __NR_personality, 0), SECCOMP_RET_ALLOW);
	cr_expect_eq(verdict(plan, NATIVE, __NR_personality, 8), SECCOMP_RET_ALLOW);
	cr_expect_eq(verdict(plan, NATIVE, __NR_personality, 4), ERRNO(EPERM));
}

#if defined(__x86_64__)
/* read is 0 and getppid 110 on x86_64; on x86 read is 3 and getppid 64. */
Test(seccomp, answers_newer_calls_as_an_older_kernel_would)
{
	const struct seccomp_plan *plan = parse("{'defaultAction':'SCMP_ACT_KILL_PROCESS',"
		"'architectures':['SCMP_ARCH_X86_64','SCMP_ARCH_X86','SCMP_ARCH_X32'],'syscalls':"
		"[{'names':['read','getppid','not_a_call'],'action':'SCMP_ACT_ALLOW'}]}");

	cr_assert_not_null(plan, "%s", err.text);
	cr_expect_eq(verdict(plan, NATIVE, __NR_getppid, 0), SECCOMP_RET_ALLOW);
	cr_expect_eq(verdict(plan, NATIVE, __NR_getpid, 0), SECCOMP_RET_KILL_PROCESS);
	cr_expect_eq(verdict(plan, NATIVE, __NR_getppid + 1, 0), ERRNO(ENOSYS));
	cr_expect_eq(verdict(plan, NATIVE, 9999, 0), ERRNO(ENOSYS));
	cr_expect_eq(verdict(plan, AUDIT_ARCH_I386, 3, 0), SECCOMP_RET_ALLOW, "x86 read");
	cr_expect_eq(verdict(plan, AUDIT_ARCH_I386, 64, 0), SECCOMP_RET_ALLOW, "x86 getppid");
	cr_expect_eq(verdict(plan, AUDIT_ARCH_I386, 20, 0), SECCOMP_RET_KILL_PROCESS, "x86 getpid");
	cr_expect_eq(verdict(plan, AUDIT_ARCH_I386, 65, 0), ERRNO(ENOSYS), "behind getppid");
	cr_expect_eq(verdict(plan, NATIVE, 0x40000000 + 110, 0), SECCOMP_RET_ALLOW, "x32 getppid");
	cr_expect_eq(verdict(plan, NATIVE, 0x40000000 + 39, 0), SECCOMP_RET_KILL_PROCESS,
		     "x32 getpid");
	cr_expect_eq(verdict(plan, NATIVE, 0x40000000 + 111, 0), ERRNO(ENOSYS), "x32 newer");
	cr_expect_eq(verdict(plan, AUDIT_ARCH_AARCH64, 0, 0), SECCOMP_RET_KILL_THREAD,
		     "not listed");
}

Test(seccomp, kills_what_is_not_listed_as_an_architecture)
{
	const struct seccomp_plan *plan = parse("{'defaultAction':'SCMP_ACT_ERRNO','syscalls':"
		"[{'names':['getppid'],'action':'SCMP_ACT_ALLOW'}]}");

	cr_assert_not_null(plan, "%s", err.text);
	cr_expect_eq(verdict(plan, NATIVE, __NR_getppid, 0), SECCOMP_RET_ALLOW);
	cr_expect_eq(verdict(plan, AUDIT_ARCH_I386, 64, 0), SECCOMP_RET_KILL_THREAD);
	cr_expect_eq(verdict(plan, NATIVE, 0x40000000 + 110, 0), SECCOMP_RET_KILL_THREAD);
	cr_expect_eq(verdict(plan, NATIVE, 0x40000000 + 9999, 0), SECCOMP_RET_KILL_THREAD);
}

#endif

/* A tracer or a log sees newer calls, and an explicit ENOSYS is one already. */
Test(seccomp, leaves_newer_calls_to_a_permissive_default)
{
	static const char *const actions[] = {
		"'SCMP_ACT_ALLOW'", "'SCMP_ACT_LOG'", "'SCMP_ACT_TRACE','defaultErrnoRet':5",
	};

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		const struct seccomp_plan *plan = parse(arena_printf(&arena,
			"{'defaultAction':%s,'syscalls':[{'names':['getppid'],"
			"'action':'SCMP_ACT_ERRNO'}]}", actions[i]));

		cr_assert_not_null(plan, "%s", err.text);
		cr_expect_neq(verdict(plan, NATIVE, 9999, 0), ERRNO(ENOSYS), "%s", actions[i]);
	}
}

/* That many rules for a call, each errno so much above the one before.  x86 has socketcall(2). */
static const char *rules(size_t count, const char *name, size_t step)
{
	struct text out = { .arena = &arena };

	text_add(&out, "{'defaultAction':'SCMP_ACT_ERRNO','architectures':['SCMP_ARCH_X86'],"
		       "'syscalls':[");
	for (size_t i = 0; i < count; i++)
		text_printf(&out, "%s{'names':['%s'],'action':'SCMP_ACT_TRACE','errnoRet':%zu}",
			    i > 0 ? "," : "", name, i * step);
	text_add(&out, "]}");
	return out.data;
}

static void expect_same(const char *seccomp, const char *other)
{
	const struct seccomp_plan *a = parse(seccomp), *b = parse(other);

	cr_assert_not_null(a, "%s", err.text);
	cr_assert_not_null(b, "%s", err.text);
	cr_assert_eq(a->filter.count, b->filter.count);
	cr_expect_eq(memcmp(a->filter.items, b->filter.items,
			    a->filter.count * sizeof(*a->filter.items)),
		     0);
}

Test(seccomp, is_the_same_however_often_a_call_is_named, .timeout = 60)
{
	expect_same(rules(50000, "socket", 0), rules(1, "socket", 0));
}

Test(seccomp, is_the_same_with_names_that_nobody_knows)
{
	expect_same(rules(40, "no-such-call", 0), rules(0, "", 0));
}

Test(seccomp, refuses_more_calls_than_a_filter_can_hold, .timeout = 60)
{
	cr_expect_null(parse(rules(50000, "read", 1)));
	cr_expect_not_null(strstr(err.text, "the filter has 50000 calls and conditions, and the "
					    "kernel takes 4096 instructions"),
			   "%s", err.text);
}

Test(seccomp, takes_architectures_that_cannot_run_here)
{
	const struct seccomp_plan *plan = parse("{'defaultAction':'SCMP_ACT_ERRNO','architectures':"
		"['SCMP_ARCH_S390X','SCMP_ARCH_AARCH64','SCMP_ARCH_LOONGARCH64','SCMP_ARCH_MIPS',"
		"'SCMP_ARCH_X86','SCMP_ARCH_X86'],"
		"'syscalls':[{'names':['getppid'],'action':'SCMP_ACT_ALLOW'}]}");

	cr_assert_not_null(plan, "%s", err.text);
	cr_expect_gt(plan->filter.count, 0);
}

Test(seccomp, turns_flags_into_the_kernels)
{
	static const struct { const char *rest; unsigned int flags; } facts[] = {
		{ "", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
		{ ",'flags':null", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
		{ ",'flags':[]", 0 },
		{ ",'flags':['SECCOMP_FILTER_FLAG_LOG']", SECCOMP_FILTER_FLAG_LOG },
		{ ",'flags':['SECCOMP_FILTER_FLAG_TSYNC','SECCOMP_FILTER_FLAG_SPEC_ALLOW']",
		  SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW },
		{ ",'flags':['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']", 0 },
		{ ",'listenerPath':'/x','flags':[]", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		const struct seccomp_plan *plan = parse(arena_printf(&arena,
			"{'defaultAction':'SCMP_ACT_ALLOW'%s}", facts[i].rest));

		cr_assert_not_null(plan, "%s: %s", facts[i].rest, err.text);
		cr_expect_eq(plan->flags, facts[i].flags, "%s: %#x", facts[i].rest, plan->flags);
		cr_expect_null(plan->listener_path, "without SCMP_ACT_NOTIFY it is ignored");
	}
}

Test(seccomp, asks_for_a_listener_when_it_notifies)
{
	const struct seccomp_plan *plan = parse("{'defaultAction':'SCMP_ACT_ALLOW',"
		"'flags':['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV','SECCOMP_FILTER_FLAG_TSYNC'],"
		"'listenerPath':'/run/agent','listenerMetadata':'m',"
		"'syscalls':[{'names':['mkdir'],'action':'SCMP_ACT_NOTIFY'}]}");

	cr_assert_not_null(plan, "%s", err.text);
	cr_expect_eq(plan->flags, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC |
		     SECCOMP_FILTER_FLAG_TSYNC_ESRCH | 1U << 5, "%#x", plan->flags);
	cr_expect_str_eq(plan->listener_path, "/run/agent");
	cr_expect_str_eq(plan->listener_metadata, "m");
}

/* As the kernel's verifier, which takes no such filter: nothing behind the call is read. */
Test(seccomp, is_not_answered_from_behind_the_call)
{
	static const uint32_t offsets[] = { 61, 64, UINT32_MAX - 3, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		struct sock_filter items[] = {
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsets[i]),
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		};
		struct seccomp_plan plan = { .filter = { items, ARRAY_SIZE(items) } };
		struct seccomp_data data = { .nr = 1 };

		cr_expect_eq(seccomp_answer(&plan, &data), SECCOMP_RET_KILL_PROCESS, "%u",
			     offsets[i]);
	}
}

static const struct { const char *seccomp, *says;
} refusals[] = {
	{ "{}", "/linux/seccomp/defaultAction: is required, but missing" },
	{ "{'defaultAction':'SCMP_ACT_NOTIFY'}",
	  "/linux/seccomp/defaultAction: SCMP_ACT_NOTIFY cannot be used as default action: it "
	  "would stop the container before its listener is known" },
	{ "{'defaultAction':'SCMP_ACT_KILL','defaultErrnoRet':1}",
	  "/linux/seccomp/defaultErrnoRet: is for SCMP_ACT_ERRNO and SCMP_ACT_TRACE alone, and the "
	  "action is SCMP_ACT_KILL" },
	{ "{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':4096}",
	  "/linux/seccomp/defaultErrnoRet: is out of range: 4096" },
	{ "{'defaultAction':'SCMP_ACT_ALLOW','listenerMetadata':'x'}",
	  "/linux/seccomp/listenerMetadata: needs listenerPath" },
	{ "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':[],'action':'SCMP_ACT_LOG'}]}",
	  "/linux/seccomp/syscalls/0/names: must have at least one entry" },
	{ "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],'action':"
	  "'SCMP_ACT_ERRNO','args':[{'index':6,'value':0,'op':'SCMP_CMP_EQ'}]}]}",
	  "/linux/seccomp/syscalls/0/args/0/index: must be from 0 to 5, not 6" },
	{ "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read','sendmsg'],'action':"
	  "'SCMP_ACT_NOTIFY'}],'listenerPath':'/x'}",
	  "/linux/seccomp/syscalls/0: SCMP_ACT_NOTIFY cannot be used for sendmsg: the listener is "
	  "handed over with it" },
	{ "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['socket'],'action':"
	  "'SCMP_ACT_ERRNO','args':[{'index':0,'value':5,'op':'SCMP_CMP_EQ'}]},{'names':['read',"
	  "'socket'],'action':'SCMP_ACT_LOG','args':[{'index':0,'value':5,'op':'SCMP_CMP_EQ'}]}]}",
	  "/linux/seccomp/syscalls/1: socket: the same conditions have another action before" },
};

Test(seccomp, refuses_what_cannot_work)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		cr_assert_null(parse(refusals[i].seccomp), "%s", refusals[i].seccomp);
		cr_expect_str_eq(strchr(err.text, ' ') + 1, refusals[i].says);
	}
}
