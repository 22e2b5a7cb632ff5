/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/e2e/matrix.h"

/* Every word that features has for seccomp, against what a program is answered. */

/* "syscall NUMBER 0 who 0": the call is getpriority, which comes back with ESRCH or a number. */
static const char *asked(struct bundle *b, const char *who)
{
	struct output got;

	bundle_probe_args(b, "syscall", arena_printf(&e2e_arena, "%d", SYS_getpriority), "0", who,
			  "0", NULL);
	bundle_run(b, &got);
	return got.status != 0 ? arena_printf(&e2e_arena, "status %d", got.status) :
	       arena_strndup(&e2e_arena, strrchr(got.out, '=') + 1,
			     strcspn(strrchr(got.out, '=') + 1, "\n"));
}

static void rule(struct bundle *b, const char *rest)
{
	bundle_set(b, "/linux/seccomp",
		   arena_printf(&e2e_arena, "{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': "
				"[{'names': ['getpriority'], %s}]}", rest));
}

static void expect_listed(const char *pointer, const char *const *words, size_t count)
{
	struct bundle *b = bundle_new();
	const struct json *list = json_find(matrix_features(b), pointer);

	cr_assert_not_null(list, "%s", pointer);
	JSON_EACH(item, list) {
		size_t i = 0;

		while (i < count && strcmp(words[i], item->text) != 0)
			i++;
		cr_expect_lt(i, count, "%s: %s has no row here", pointer, item->text);
	}
	cr_expect_eq(list->count, count, "%s", pointer);
}

static const struct { const char *op, *args, *denied, *allowed; } operators[] = {
	{ "SCMP_CMP_NE", "'value': 5", "4", "5" }, { "SCMP_CMP_LT", "'value': 5", "4", "5" },
	{ "SCMP_CMP_LE", "'value': 5", "5", "6" }, { "SCMP_CMP_EQ", "'value': 5", "5", "6" },
	{ "SCMP_CMP_GE", "'value': 5", "5", "4" }, { "SCMP_CMP_GT", "'value': 5", "6", "5" },
	{ "SCMP_CMP_MASKED_EQ", "'value': 15, 'valueTwo': 5", "0x15", "0x16" },
};

E2E(matrix_seccomp, each_operator_compares)
{
	const char *words[ARRAY_SIZE(operators)];

	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		struct bundle *b = bundle_new();

		words[i] = operators[i].op;
		rule(b, arena_printf(&e2e_arena, "'action': 'SCMP_ACT_ERRNO', 'errnoRet': 95, "
				     "'args': [{'index': 1, 'op': '%s', %s}]", operators[i].op,
				     operators[i].args));
		cr_expect_str_eq(asked(b, operators[i].denied), "EOPNOTSUPP", "%s",
				 operators[i].op);
		cr_expect_str_neq(asked(b, operators[i].allowed), "EOPNOTSUPP", "%s",
				  operators[i].op);
	}
	expect_listed("/linux/seccomp/operators", words, ARRAY_SIZE(words));
}

#define IS_CALLED "the answer of the kernel"

/* SIGSYS is 31.  Nobody traces it, and nobody listens: that has a test in e2e-seccomp. */
static const struct {
	const char *action, *answer;
} actions[] = {
	{ "SCMP_ACT_ALLOW", IS_CALLED },
	{ "SCMP_ACT_LOG", IS_CALLED },
	{ "SCMP_ACT_ERRNO", "EOPNOTSUPP" },
	{ "SCMP_ACT_TRACE", "ENOSYS" },
	{ "SCMP_ACT_TRAP", "status 159" },
	{ "SCMP_ACT_KILL", "status 159" },
	{ "SCMP_ACT_KILL_THREAD", "status 159" },
	{ "SCMP_ACT_KILL_PROCESS", "status 159" },
	{ "SCMP_ACT_NOTIFY", NULL },
};

E2E(matrix_seccomp, each_action_is_taken)
{
	const char *words[ARRAY_SIZE(actions)];
	/* The call has no negative answers: 20 is nice 0. */
	const char *called = arena_printf(&e2e_arena, "%d", 20 - getpriority(PRIO_PROCESS, 0));

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		const char *action = actions[i].action, *answer = actions[i].answer;
		struct bundle *b = bundle_new();

		words[i] = action;
		if (answer == NULL)
			continue;
		if (strcmp(answer, IS_CALLED) == 0)
			answer = called;
		/* A rule that says what the default says would be none. */
		rule(b, arena_printf(&e2e_arena, "'action': '%s'%s", action,
				     strcmp(action, "SCMP_ACT_ERRNO") == 0 ? ", 'errnoRet': 95" :
				     ""));
		if (strcmp(action, "SCMP_ACT_ALLOW") == 0)
			bundle_set(b, "/linux/seccomp/defaultAction", "'SCMP_ACT_LOG'");
		cr_expect_str_eq(asked(b, "0"), answer, "%s", action);
	}
	expect_listed("/linux/seccomp/actions", words, ARRAY_SIZE(words));
}

E2E(matrix_seccomp, each_flag_is_taken_by_the_kernel)
{
	static const char *const flags[] = {
		"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
		"SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct bundle *b = bundle_new();

		rule(b, "'action': 'SCMP_ACT_ERRNO', 'errnoRet': 95");
		bundle_set(b, "/linux/seccomp/flags",
			   arena_printf(&e2e_arena, "['%s']", flags[i]));
		cr_expect_str_eq(asked(b, "0"), "EOPNOTSUPP", "%s", flags[i]);
	}
	expect_listed("/linux/seccomp/knownFlags", flags, ARRAY_SIZE(flags));
	expect_listed("/linux/seccomp/supportedFlags", flags, ARRAY_SIZE(flags));
}

/* Those that a machine of this kind cannot run are in the filter, and do no harm. */
E2E(matrix_seccomp, each_architecture_is_taken)
{
	static const char *const names[] = {
		"X86_64", "X86", "X32", "ARM", "AARCH64", "LOONGARCH64", "M68K", "MIPS", "MIPS64",
		"MIPS64N32", "MIPSEL", "MIPSEL64", "MIPSEL64N32", "PPC", "PPC64", "PPC64LE",
		"S390", "S390X", "SH", "SHEB", "PARISC", "PARISC64", "RISCV64",
	};
	const char *words[ARRAY_SIZE(names)];
	struct bundle *b = bundle_new();

	rule(b, "'action': 'SCMP_ACT_ERRNO', 'errnoRet': 95");
	bundle_set(b, "/linux/seccomp/architectures", "[]");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		words[i] = arena_printf(&e2e_arena, "SCMP_ARCH_%s", names[i]);
		bundle_set(b, "/linux/seccomp/architectures/-",
			   arena_printf(&e2e_arena, "'%s'", words[i]));
	}
	cr_expect_str_eq(asked(b, "0"), "EOPNOTSUPP");
	expect_listed("/linux/seccomp/archs", words, ARRAY_SIZE(words));
}

E2E(matrix_seccomp, the_default_has_an_error_of_its_own_and_newer_calls_are_missing)
{
	struct bundle *b = bundle_new();
	struct output got;

	/* All that the probe and a libc need, up to a call of Linux 5.9. */
	bundle_set(b, "/linux/seccomp",
		   "{'defaultAction': 'SCMP_ACT_ERRNO', 'defaultErrnoRet': 95, 'syscalls': ["
		   "{'names': ['execve', 'exit_group', 'exit', 'brk', 'mmap', 'munmap', 'write', "
		   "'writev', 'ioctl', 'arch_prctl', 'set_tid_address', 'set_robust_list', "
		   "'rseq', 'prlimit64', 'readlinkat', 'readlink', 'getrandom', 'mprotect', "
		   "'fstat', 'newfstatat', 'rt_sigprocmask', 'close_range', 'close', 'futex'], "
		   "'action': 'SCMP_ACT_ALLOW'}]}");
	bundle_probe_args(b, "syscall", arena_printf(&e2e_arena, "%d", SYS_getpriority), "0", "0",
			  "0", "syscall", "100000", "0", "0", "0", NULL);
	bundle_run(b, &got);
	cr_expect(strstr(got.out, "=EOPNOTSUPP\n"), "%d %s%s", got.status, got.out, got.err);
	cr_expect(strstr(got.out, "syscall:100000=ENOSYS\n"), "%s%s", got.out, got.err);
}
