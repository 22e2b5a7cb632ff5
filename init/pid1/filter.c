/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "supervisor.h"

/*
 * What pid 1 can still do once it runs: wait, send signals, write a line.
 * Whoever takes it over through its memory (a process of the same user may
 * ptrace it, as any other) has gained nothing.
 */
#if defined(__x86_64__)
#define ARCHITECTURE	AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE	AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE	AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define ARCHITECTURE	AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCHITECTURE	AUDIT_ARCH_S390X
#elif defined(__loongarch_lp64)
#define ARCHITECTURE	AUDIT_ARCH_LOONGARCH64
#else
#error "add the AUDIT_ARCH_ of this machine"
#endif

#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action)	BPF_STMT(BPF_RET | BPF_K, (action))
#define ALLOW(call) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##call, 0, 1), RETURN(SECCOMP_RET_ALLOW)

static const struct sock_filter filter[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
	ALLOW(rt_sigtimedwait),
	ALLOW(wait4),
	ALLOW(kill),
	ALLOW(rt_sigqueueinfo),
	ALLOW(clock_gettime),		/* the grace period, where the vdso has no clock */
	ALLOW(pread64),			/* children and the cgroup's OOM count, open already */
	ALLOW(write),			/* the report, --verbose */
	ALLOW(exit_group),
	RETURN(SECCOMP_RET_KILL_PROCESS),
};

/* Profiles of old do not know close_range; what came over execve has small numbers. */
static void range_close(unsigned int first, unsigned int last)
{
	if (sys(__NR_close_range, first, last, 0) == 0)
		return;
	for (unsigned int fd = first; fd <= last && fd < 1024; fd++)
		sys(__NR_close, fd);
}

/* Everything from 3 on but our own three: the program has its copies. */
static void fds_close(const struct supervisor *s)
{
	const int own[] = { s->report_fd, s->oom_fd, s->children_fd };
	unsigned int from = STDERR_FILENO + 1;

	for (;;) {
		unsigned int next = ~0U;

		for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
			if (own[i] >= (int)from && (unsigned int)own[i] < next)
				next = (unsigned int)own[i];
		if (next != from)
			range_close(from, next == ~0U ? next : next - 1);
		if (next == ~0U)
			return;
		from = next + 1;
	}
}

void privileges_drop(struct supervisor *s)
{
	const struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = (struct sock_filter *)filter,
	};
	long error;

	if (!s->become)
		capabilities_drop(UINT64_MAX);
	error = sys(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* The program of a container is waiting for that, and may look at us then. */
	fds_close(s);
	/* A long-lived process keeps no mount busy. */
	sys(__NR_chdir, "/");
	if (error == 0)
		error = sys(__NR_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
	if (error != 0)
		say(s, "set the system call filter", NULL, -error);
}
