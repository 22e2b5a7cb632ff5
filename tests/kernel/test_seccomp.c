/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"
#include "base/text.h"
#include "config/load.h"
#include "config/plan.h"
#include "tests/kernel/child.h"

/* Filters as the loader makes them, in the kernel that runs the tests. */

static struct arena arena;
static struct error err;

static const struct seccomp_plan *parse(const char *seccomp)
{
	static const char head[] = "{'ociVersion':'1.3.0','root':{'path':'/r'},"
				   "'linux':{'namespaces':[{'type':'mount'}],'seccomp':";
	char *json = arena_printf(&arena, "%s%s}}", head, seccomp);
	const struct plan *plan;

	for (char *at = json; *at != '\0'; at++)
		if (*at == '\'')
			*at = '"';
	/* Compiled anew, not taken from the cache of this machine. */
	unsetenv("XDG_RUNTIME_DIR");
	if (geteuid() == 0)
		cr_assert_eq(seteuid(65534), 0);
	plan = plan_parse(&arena, "/b", "config.json", json, strlen(json), &err);
	if (getuid() == 0)
		cr_assert_eq(seteuid(0), 0);
	cr_assert_not_null(plan, "%s: %s", seccomp, err.text);
	return plan->seccomp;
}

struct attempt {
	const struct seccomp_plan *seccomp;
	long nr, arg0, arg1, arg2;
	bool x86;			/* by int 0x80, as a 32-bit program does */
};

static long call_x86(long nr, long arg0)
{
#if defined(__x86_64__)
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(arg0) : "memory", "r8", "r9",
			 "r10", "r11");
	return result;
#else
	(void)nr;
	(void)arg0;
	return -ENOSYS;
#endif
}

/* The exit status is the error of the call; 0 when it went through. */
static int attempt_run(void *context)
{
	const struct attempt *attempt = context;
	const struct rlimit no_core = { 0, 0 };
	struct sock_fprog program = {
		.len = (unsigned short)attempt->seccomp->filter.count,
		.filter = attempt->seccomp->filter.items,
	};
	long result;

	setrlimit(RLIMIT_CORE, &no_core);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    sys_seccomp(SECCOMP_SET_MODE_FILTER, attempt->seccomp->flags, &program) < 0)
		return 99;
	if (attempt->x86) {
		result = call_x86(attempt->nr, attempt->arg0);
	} else {
		result = syscall(attempt->nr, attempt->arg0, attempt->arg1, attempt->arg2);
		result = result < 0 ? -errno : 0;
	}
	/* At once: a sanitizer makes calls of its own at the end, which the filter refuses. */
	syscall(__NR_exit_group, result < 0 ? (int)-result : 0);
	return 98;
}

static int outcome(struct attempt attempt)
{
	return child_status(attempt_run, &attempt);
}

#define EXITS	"{'names':['exit_group','exit'],'action':'SCMP_ACT_ALLOW'}"

Test(seccomp, answers_with_the_error_of_the_rule)
{
	const struct seccomp_plan *plan = parse("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':["
		"{'names':['getppid'],'action':'SCMP_ACT_ERRNO','errnoRet':71},"
		"{'names':['getuid'],'action':'SCMP_ACT_ERRNO'}]}");

	cr_expect_eq(outcome((struct attempt){ plan, .nr = __NR_getppid }), 71);
	cr_expect_eq(outcome((struct attempt){ plan, .nr = __NR_getuid }), EPERM);
	cr_expect_eq(outcome((struct attempt){ plan, .nr = __NR_getpid }), 0);
}

Test(seccomp, gives_the_default_to_what_is_not_named)
{
	const struct seccomp_plan *plan = parse("{'defaultAction':'SCMP_ACT_ERRNO',"
		"'defaultErrnoRet':72,'syscalls':[" EXITS ",{'names':['getppid','epoll_pwait2'],"
		"'action':'SCMP_ACT_ALLOW'}]}");

	cr_expect_eq(outcome((struct attempt){ plan, .nr = __NR_getppid }), 0);
	cr_expect_eq(outcome((struct attempt){ plan, .nr = __NR_getpid }), 72);
	cr_expect_eq(outcome((struct attempt){ plan, .nr = 100000 }), ENOSYS,
		     "newer than the profile");
}

Test(seccomp, kills)
{
	static const struct { const char *action; int signal; } facts[] = {
		{ "SCMP_ACT_KILL_PROCESS", SIGSYS }, { "SCMP_ACT_KILL_THREAD", SIGSYS },
		{ "SCMP_ACT_KILL", SIGSYS }, { "SCMP_ACT_TRAP", SIGSYS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		const struct seccomp_plan *plan = parse(arena_printf(&arena,
			"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['getppid'],"
			"'action':'%s'}]}", facts[i].action));

		cr_expect_eq(outcome((struct attempt){ plan, .nr = __NR_getppid }),
			     128 + facts[i].signal, "%s", facts[i].action);
	}
}

/* TIOCSTI with a bit above 32 is TIOCSTI to the kernel, so EQ does not stop it and a mask does. */
Test(seccomp, compares_upper_halves)
{
	const struct seccomp_plan *equal = parse("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':["
		"{'names':['ioctl'],'action':'SCMP_ACT_ERRNO','errnoRet':73,'args':["
		"{'index':1,'value':21522,'op':'SCMP_CMP_EQ'}]}]}");
	const struct seccomp_plan *masked = parse("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':["
		"{'names':['ioctl'],'action':'SCMP_ACT_ERRNO','errnoRet':73,'args':["
		"{'index':1,'value':4294967295,'valueTwo':21522,'op':'SCMP_CMP_MASKED_EQ'}]}]}");
	const long bits = 21522 | 1L << 32;

	cr_expect_eq(outcome((struct attempt){ equal, __NR_ioctl, -1, 21522, 0 }), 73);
	cr_expect_eq(outcome((struct attempt){ equal, __NR_ioctl, -1, bits, 0 }), EBADF);
	cr_expect_eq(outcome((struct attempt){ masked, __NR_ioctl, -1, 21522, 0 }), 73);
	cr_expect_eq(outcome((struct attempt){ masked, __NR_ioctl, -1, bits, 0 }), 73);
	cr_expect_eq(outcome((struct attempt){ masked, __NR_ioctl, -1, 21523, 0 }), EBADF);
}

Test(seccomp, judges_32_bit_calls_by_their_own_numbers)
{
#if defined(__x86_64__)
	static const char rules[] = "'syscalls':[" EXITS ",{'names':['getppid','getpid'],"
				    "'action':'SCMP_ACT_ALLOW'}]}";
	const struct seccomp_plan *both = parse(arena_printf(&arena, "{'defaultAction':"
		"'SCMP_ACT_ERRNO','defaultErrnoRet':74,'architectures':['SCMP_ARCH_X86_64',"
		"'SCMP_ARCH_X86'],%s", rules));
	const struct seccomp_plan *one = parse(arena_printf(&arena, "{'defaultAction':"
		"'SCMP_ACT_ERRNO','defaultErrnoRet':74,'architectures':['SCMP_ARCH_X86_64'],%s",
		rules));

	if (child_status(attempt_run, &(struct attempt){
		    parse("{'defaultAction':'SCMP_ACT_ALLOW'}"), .nr = 20, .x86 = true }) != 0)
		cr_skip_test("this kernel runs no 32-bit calls");
	cr_expect_eq(outcome((struct attempt){ both, .nr = 64, .x86 = true }), 0, "getppid");
	/* 47 is getgid there and recvmsg here; 110 is iopl there and getppid here. */
	cr_expect_eq(outcome((struct attempt){ both, .nr = 47, .x86 = true }), 74);
	cr_expect_eq(outcome((struct attempt){ both, .nr = 110, .x86 = true }), 74);
	cr_expect_eq(outcome((struct attempt){ one, .nr = 64, .x86 = true }), 128 + SIGSYS);
#else
	cr_skip_test("no 32-bit calls on this architecture");
#endif
}

Test(seccomp, judges_x32_calls_apart)
{
#if defined(__x86_64__)
	const long x32 = 0x40000000;
	const struct seccomp_plan *with =
		parse("{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':"
		      "75,'architectures':['SCMP_ARCH_X86_64','SCMP_ARCH_X32'],'syscalls':[" EXITS
		      ",{'names':['getppid'],'action':'SCMP_ACT_ERRNO','errnoRet':76}]}");
	const struct seccomp_plan *without = parse("{'defaultAction':'SCMP_ACT_ERRNO',"
		"'syscalls':[" EXITS "]}");

	cr_expect_eq(outcome((struct attempt){ with, .nr = x32 + __NR_getppid }), 76);
	cr_expect_eq(outcome((struct attempt){ with, .nr = x32 + __NR_getpid }), 75);
	cr_expect_eq(outcome((struct attempt){ with, .nr = x32 + 10000 }), ENOSYS);
	cr_expect_eq(outcome((struct attempt){ without, .nr = x32 + __NR_getppid }), 128 + SIGSYS);
#else
	cr_skip_test("x32 is x86_64's");
#endif
}

Test(seccomp, takes_every_flag)
{
	static const char *const flags[] = {
		"",
		"'SECCOMP_FILTER_FLAG_LOG'",
		"'SECCOMP_FILTER_FLAG_SPEC_ALLOW'",
		"'SECCOMP_FILTER_FLAG_TSYNC'",
		("'SECCOMP_FILTER_FLAG_TSYNC','SECCOMP_FILTER_FLAG_LOG',"
		 "'SECCOMP_FILTER_FLAG_SPEC_ALLOW'"),
		"'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'",
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		cr_expect_eq(outcome((struct attempt){ parse(arena_printf(&arena,
			     "{'defaultAction':'SCMP_ACT_ALLOW','flags':[%s]}", flags[i])),
			     .nr = __NR_getpid }), 0, "%s", flags[i]);
}

/* With all that notify needs, in the combination that one flag alone forbids. */
static int listen_run(void *context)
{
	const struct seccomp_plan *seccomp = context;
	struct sock_fprog program = {
		.len = (unsigned short)seccomp->filter.count, .filter = seccomp->filter.items,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return 99;
	return sys_seccomp(SECCOMP_SET_MODE_FILTER, seccomp->flags, &program) >= 3 ? 0 : errno;
}

Test(seccomp, gets_a_listener_with_all_flags)
{
	const struct seccomp_plan *plan = parse("{'defaultAction':'SCMP_ACT_ALLOW','flags':["
		"'SECCOMP_FILTER_FLAG_TSYNC','SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV',"
		"'SECCOMP_FILTER_FLAG_LOG'],'listenerPath':'/x','syscalls':[{'names':['mkdir'],"
		"'action':'SCMP_ACT_NOTIFY'}]}");

	cr_expect_eq(child_status(listen_run, (void *)(uintptr_t)plan), 0);
}
