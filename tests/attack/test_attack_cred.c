/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "tests/attack/attack.h"

/* Capabilities, ids, the caller's terminal, and the ways around a system call filter. */

/* CVE-2022-29162, CVE-2022-27650 and theirs: none but those that are listed. */
ATTACK(capabilities, are_not_inheritable_or_ambient_unless_listed)
{
	for (unsigned int uid = 0; uid <= 1000; uid += 1000) {
		struct attack a = attack_new();
		struct output output;
		struct probe seen;

		bundle_set(a.bundle, "/process/user/uid", arena_printf(&e2e_arena, "%u", uid));
		cr_assert(attack_run(&a, "capabilities", &output, &seen), "%s", output.err);
		cr_expect_eq(seen.cap_inheritable, 0, "uid %u", uid);
		cr_expect_eq(seen.cap_ambient, 0, "uid %u", uid);
		cr_expect_eq(seen.cap_effective, uid == 0 ? 0x20000420 : 0, "uid %u", uid);
	}
}

/* What the caller itself has as inheritable and ambient is not passed on. */
static void raise_all(void *context)
{
	attack_raise_inheritable(context);
	for (unsigned long cap = 0; cap <= CAP_LAST_CAP; cap++)
		syscall(__NR_prctl, 47 /* PR_CAP_AMBIENT */, 2 /* RAISE */, cap, 0, 0);
}

ATTACK(capabilities, of_the_caller_are_not_passed_on)
{
	struct attack a = attack_new();
	struct output output;
	struct probe seen;

	bundle_set(a.bundle, "/process/user/uid", "1000");
	attack_begin(&a);
	attack_run_prepared(&a, raise_all, NULL, &output);
	attack_check(&a, "ambient capabilities of the caller");
	probe_parse(&seen, &e2e_arena, output.out);
	cr_assert_eq(output.status, 0, "%s", output.out);
	cr_expect(seen.cap_inheritable == 0 && seen.cap_ambient == 0 && seen.cap_permitted == 0 &&
			  seen.cap_effective == 0,
		  "%s", output.out);
	cr_expect_eq(seen.cap_bounding, 0x20000420);
}

ATTACK(capabilities, of_a_file_give_nothing_that_was_not_configured)
{
	struct vfs_cap_data cap = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		/* CAP_NET_RAW, CAP_KILL and CAP_CHOWN, to all that inherit them. */
		.data[0].inheritable = 0x2021,
	};

	for (int privileged = 0; privileged < 2; privileged++) {
		struct attack a = attack_new();
		struct output output;
		struct probe seen;

		cr_assert_eq(setxattr(attack_path(&a, "/probe"), "security.capability", &cap,
				      sizeof(cap), 0),
			     0);
		bundle_set(a.bundle, "/process/user/uid", "1000");
		bundle_set(a.bundle, "/process/noNewPrivileges", privileged ? "false" : "true");
		if (!attack_run(&a, "file capabilities", &output, &seen))
			continue;
		cr_expect(seen.cap_permitted == 0 && seen.cap_effective == 0, "%s", output.out);
	}
}

ATTACK(capabilities, added_by_exec_are_not_inheritable)
{
	struct attack a = attack_new();
	struct output output;
	struct call call;
	struct probe seen;

	bundle_probe_args(a.bundle, "say", "ready", "sleep", "100000", NULL);
	bundle_begin(a.bundle, &call, "run", "--bundle", a.bundle->path, a.bundle->id, NULL);
	bundle_await(&call, "ready");
	bundle_call(a.bundle, &output, "exec", "--cap", "CAP_NET_RAW", a.bundle->id, "/probe",
		    "report", NULL);
	cr_expect_eq(output.status, 0, "%s", output.err);
	probe_parse(&seen, &e2e_arena, output.out);
	cr_expect(seen.cap_effective & 0x2000, "%s", output.out);
	cr_expect(seen.cap_inheritable == 0 && seen.cap_ambient == 0, "%s", output.out);
	bundle_call(a.bundle, &output, "exec", "--cap", "CAP_NET_RAW", "--user", "1000",
		    a.bundle->id, "/probe", "report", NULL);
	probe_parse(&seen, &e2e_arena, output.out);
	cr_expect(seen.cap_inheritable == 0 && seen.cap_ambient == 0, "%s", output.out);
	bundle_call(a.bundle, &output, "kill", a.bundle->id, "KILL", NULL);
	bundle_finish(&call, &output);
}

static const struct {
	const char *pointer, *value;
} ids[] = {
	{ "/process/user/uid", "4294967295" },
	{ "/process/user/uid", "4294967296" },
	{ "/process/user/uid", "-1" },
	{ "/process/user/gid", "4294967295" },
	{ "/process/user/uid", "18446744073709551616" },
	{ "/process/user/uid", "1.5" },
	{ "/process/user/additionalGids", "[4294967295]" },
	{ "/process/user/additionalGids", "[8589934592]" },
};

ATTACK(ids, that_do_not_fit_are_refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct attack a = attack_new();
		struct output output;
		struct probe seen;

		bundle_set(a.bundle, ids[i].pointer, ids[i].value);
		cr_expect_not(attack_run(&a, ids[i].value, &output, &seen), "%s: %s", ids[i].value,
			      output.out);
	}
}

/* The caller's session, with a pty as its terminal and as kist's stdin. */
static void take_terminal(void *context)
{
	int fd;

	setsid();
	fd = open(context, O_RDWR);
	if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0 || dup2(fd, 0) < 0)
		_exit(95);
}

/* CVE-2017-5226. */
ATTACK(terminal, of_the_caller_takes_no_input_from_inside)
{
	struct attack a = attack_new();
	_cleanup_fd int master_fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	_cleanup_fd int slave_fd = -EBADF;
	struct output output;
	char name[64];
	int waiting = 0;

	cr_assert(master_fd >= 0 && grantpt(master_fd) == 0 && unlockpt(master_fd) == 0 &&
		  ptsname_r(master_fd, name, sizeof(name)) == 0);
	slave_fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	bundle_probe_args(a.bundle, "ioctl", "0", "0x5412", "x", "ioctl", "1", "0x5412", "x",
			  "ioctl", "0", "0x540e", "", "ioctl", "0", "0x5412", "\n", NULL);
	attack_begin(&a);
	attack_run_prepared(&a, take_terminal, name, &output);
	attack_check(&a, "TIOCSTI");
	cr_assert_eq(output.status, 0, "%s", output.out);
	cr_expect_null(strstr(output.out, "ioctl:0=0"), "%s", output.out);
	cr_expect(strstr(output.out, "ioctl:0="), "%s", output.out);
	cr_expect_eq(ioctl(slave_fd, FIONREAD, &waiting), 0);
	cr_expect_eq(waiting, 0);
}

#ifdef __x86_64__
/* A filter of "ioctl TIOCSTI" by the lower 32 bits, as the kernel looks at the argument. */
static struct attack filtered(void)
{
	struct attack a = attack_new();

	bundle_set(a.bundle, "/linux/seccomp",
		   "{'defaultAction': 'SCMP_ACT_ALLOW',"
		   " 'architectures': ['SCMP_ARCH_X86_64'], 'syscalls': ["
		   " {'names': ['ioctl'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 99, 'args': ["
		   "  {'index': 1, 'value': 4294967295, 'valueTwo': 21522,"
		   "   'op': 'SCMP_CMP_MASKED_EQ'}]},"
		   " {'names': ['getpriority'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 99}]}");
	return a;
}

ATTACK(filter, looks_at_the_bits_it_is_told_to)
{
	struct output output;
	struct probe seen;

	for (int late = 0; late < 2; late++) {
		struct attack a = filtered();

		/* ioctl(0, TIOCSTI) with and without bits above; then one that is not filtered. */
		bundle_set(a.bundle, "/process/noNewPrivileges", late ? "true" : "false");
		bundle_probe_args(a.bundle, "ioctl", "0", "0x5412", "x", "ioctl", "1",
				  "0x7f00000005412", "x", "ioctl", "2", "0x5413", "x", "syscall",
				  "140", "0", "0", "0", NULL);
		cr_assert(attack_run(&a, "filter", &output, &seen), "%s", output.err);
		cr_expect(probe_has(&seen, "ioctl:0=errno 99"), "%s", output.out);
		cr_expect(probe_has(&seen, "ioctl:1=errno 99"), "%s", output.out);
		cr_expect_not(probe_has(&seen, "ioctl:2=errno 99"), "%s", output.out);
		cr_expect(probe_has(&seen, "syscall:140=errno 99"), "%s", output.out);
	}
}

/* 32-bit and x32 calls have other numbers: an architecture that is not listed is shut. */
ATTACK(filter, is_not_walked_around_by_another_architecture)
{
	struct attack a = filtered(), b = filtered();
	struct output output;
	struct probe seen;

	bundle_copy(a.bundle, THIEF_BUILT, "/thief");
	bundle_args(a.bundle, "/thief", "int80", "20", NULL);
	attack_begin(&a);
	bundle_run(a.bundle, &output);
	/* 20 is getpid there.  User-mode Linux takes it for its own 20, writev: EBADF. */
	cr_expect(output.status == 128 + SIGSYS || strstr(output.out, "int80=-"),
		  "int80: status %d: %s", output.status, output.out);
	/* getpriority as x32: 0x40000000 + 140 */
	bundle_probe_args(b.bundle, "syscall", "1073741964", "0", "0", "0", NULL);
	attack_begin(&b);
	bundle_run(b.bundle, &output);
	probe_parse(&seen, &e2e_arena, output.out);
	cr_expect(output.status == 128 + SIGSYS || probe_has(&seen, "syscall:1073741964=ENOSYS") ||
			  probe_has(&seen, "syscall:1073741964=errno 99"),
		  "x32: status %d: %s", output.status, output.out);
}
#endif

static void join_groups(void *context _unused)
{
	static const gid_t groups[] = { 4, 6, 42, 12345 };

	setgroups(ARRAY_SIZE(groups), groups);
}

/* CVE-2022-2989, CVE-2023-25173: a group may give rights, and may take some away. */
ATTACK(groups, of_the_caller_are_not_passed_on)
{
	static const char *const rows[][2] = {
		{ "{'uid': 0, 'gid': 0}", "groups=\n" },
		{ "{'uid': 1000, 'gid': 1000}", "groups=\n" },
		{ "{'uid': 1000, 'gid': 1000, 'additionalGids': [7]}", "groups=7\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct attack a = attack_new();
		struct output output;

		bundle_set(a.bundle, "/process/user", rows[i][0]);
		bundle_probe_args(a.bundle, "report", NULL);
		attack_begin(&a);
		attack_run_prepared(&a, join_groups, NULL, &output);
		attack_check(&a, rows[i][0]);
		cr_expect_not_null(strstr(output.out, rows[i][1]), "%s: %s", rows[i][0],
				   output.out);
	}
}
