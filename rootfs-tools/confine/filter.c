/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/confine/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>

#include "base/sys.h"

/* What the process may still ask the kernel for. */

/* For owners, modes and file capabilities as they are in the image; SYS_ADMIN: trusted.*. */
static const unsigned int kept[] = {
	CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_MKNOD, CAP_SETFCAP, CAP_SYS_ADMIN,
};

int confine_privileges(struct error *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	uint32_t mask = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		mask |= UINT32_C(1) << kept[i];
	if (syscall(__NR_capget, &header, data) < 0)
		return error_errno(err, "get capabilities");
	data[0].permitted &= mask;
	data[0].effective = data[0].permitted;
	data[1].permitted = data[1].effective = 0;
	data[0].inheritable = data[1].inheritable = 0;
	if (syscall(__NR_capset, &header, data) < 0)
		return error_errno(err, "drop capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_errno(err, "set no_new_privs");
	/* After the capabilities, which change it: nobody of the same user may look in. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_errno(err, "forbid core dumps");
	return 0;
}

#define CALL(name)	SCMP_SYS(name)
static const int allowed[] = {
	CALL(brk), CALL(mmap), CALL(munmap), CALL(mprotect), CALL(mremap), CALL(madvise),
	CALL(futex), CALL(set_robust_list), CALL(rseq), CALL(gettid), CALL(getpid),
	CALL(sched_yield), CALL(sched_getaffinity), CALL(sched_setaffinity), CALL(tgkill),
	CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(sigaltstack),
	CALL(exit), CALL(exit_group), CALL(clock_gettime), CALL(gettimeofday), CALL(time),
	CALL(clock_nanosleep), CALL(nanosleep), CALL(restart_syscall), CALL(getrandom),
	CALL(read), CALL(readv), CALL(pread64), CALL(write), CALL(writev), CALL(pwrite64),
	CALL(lseek), CALL(close), CALL(fcntl), CALL(fstat), CALL(newfstatat), CALL(statx),
	CALL(stat), CALL(lstat), CALL(fstatfs), CALL(open), CALL(openat), CALL(openat2),
	CALL(fchdir), CALL(ftruncate), CALL(fallocate), CALL(sync_file_range),
	CALL(getdents64),
	CALL(readlinkat),
	CALL(mkdirat), CALL(mknodat), CALL(symlinkat), CALL(linkat), CALL(unlinkat),
	CALL(renameat), CALL(renameat2), CALL(fchmod), CALL(fchmodat), CALL(fchown),
	CALL(fchownat), CALL(utimensat), CALL(umask), CALL(geteuid), CALL(getegid),
	CALL(fsetxattr), CALL(lsetxattr), CALL(fgetxattr), CALL(lgetxattr), CALL(flistxattr),
	CALL(llistxattr), CALL(fremovexattr), CALL(lremovexattr), CALL(poll), CALL(ppoll),
};

/* Threads, and no process: the flags are in the first argument, on s390x in the second. */
static int allow_threads(scmp_filter_ctx filter)
{
#ifdef __s390x__
	unsigned int argument = 1;
#else
	unsigned int argument = 0;
#endif
	scmp_datum_t want = CLONE_VM | CLONE_THREAD;
	struct scmp_arg_cmp only =
		SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, want | CLONE_NEWUSER, want);
	/* Its flags are in memory, where a filter can't look: libc falls back to clone. */
	int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	return rc == 0 ? seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, &only) :
			 rc;
}

int confine_calls(struct error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc = filter != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(allowed); i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (rc == 0)
		rc = allow_threads(filter);
	if (rc == 0)
		rc = seccomp_load(filter);
	if (filter != NULL)
		seccomp_release(filter);
	return rc == 0 ? 0 : error_number(err, -rc, "load the system call filter");
}
