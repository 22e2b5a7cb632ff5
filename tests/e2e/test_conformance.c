/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/harness.h"

/* What the public suites brought to light (docs/conformance.md), a test of our own each. */

/* A list of what may be called, as they were before close_range and clone3 were there. */
static const char old_profile[] =
	"{'defaultAction': 'SCMP_ACT_ERRNO', 'architectures': ['SCMP_ARCH_X86_64'],"
	" 'syscalls': [{'action': 'SCMP_ACT_ALLOW', 'names': ["
	"'access', 'arch_prctl', 'brk', 'capget', 'capset', 'chdir', 'clone', 'close', 'dup2',"
	"'execve', 'execveat', 'exit', 'exit_group', 'fchdir', 'fchown', 'fcntl', 'fstat',"
	"'fstatfs', 'futex', 'getcwd', 'getdents64', 'getegid', 'geteuid', 'getgid', 'getgroups',"
	"'getpgid', 'getpgrp', 'getpid', 'getppid', 'getpriority', 'getresgid', 'getresuid',"
	"'getsid', 'getuid', 'ioctl', 'kill', 'lseek', 'lstat', 'mmap', 'mprotect', 'munmap',"
	"'nanosleep', 'newfstatat', 'open', 'openat', 'pipe2', 'prctl', 'prlimit64', 'read',"
	"'readlink', 'readv', 'rt_sigaction', 'rt_sigprocmask', 'rt_sigreturn', 'rt_sigtimedwait',"
	"'sendto', 'set_robust_list', 'set_tid_address', 'setgid', 'setgroups', 'setpgid',"
	"'setresgid', 'setresuid', 'setsid', 'setuid', 'stat', 'tgkill', 'umask', 'uname',"
	"'unlink', 'vfork', 'wait4', 'waitid', 'write', 'writev']}]}";

E2E(conformance, runs_below_a_profile_that_allows_old_calls_alone)
{
	static const char *const init[] = { "'auto'", "'never'" };

	for (size_t i = 0; i < ARRAY_SIZE(init); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		bundle_set(b, "/process/noNewPrivileges", "false");
		bundle_set(b, "/annotations/org.kist.init", init[i]);
		bundle_set(b, "/linux/seccomp", old_profile);
		bundle_probe_args(b, "say", "hello", "exit", "3", NULL);
		bundle_run(b, &got);
		cr_expect_eq(got.status, 3, "%s: %s", init[i], got.err);
		cr_expect_str_eq(got.out, "hello\n");
	}
}
