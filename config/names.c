/* SPDX-License-Identifier: Apache-2.0 */
#include "config/names.h"

#include <ctype.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include "base/sys.h"
#include "base/text.h"
#include "config/plan.h"

#define ROW(name)	{ #name, name }
#define END		{ NULL, 0 }

/* Debian 12's kernel headers (6.1) end before these. */
#ifndef AUDIT_ARCH_LOONGARCH64
#define AUDIT_ARCH_LOONGARCH64	0xc0000102
#endif
enum { WEIGHTED_INTERLEAVE = 6 };	/* MPOL_WEIGHTED_INTERLEAVE, Linux 6.9, is an enumerator */
#ifndef SCHED_ISO
#define SCHED_ISO		4	/* reserved, in no kernel */
#endif
#define ARCH_X32		(62 | __AUDIT_ARCH_LE)	/* libseccomp's own: EM_X86_64, 32 bits */

const struct name capability_names[] = {
	ROW(CAP_CHOWN), ROW(CAP_DAC_OVERRIDE), ROW(CAP_DAC_READ_SEARCH), ROW(CAP_FOWNER),
	ROW(CAP_FSETID), ROW(CAP_KILL), ROW(CAP_SETGID), ROW(CAP_SETUID), ROW(CAP_SETPCAP),
	ROW(CAP_LINUX_IMMUTABLE), ROW(CAP_NET_BIND_SERVICE), ROW(CAP_NET_BROADCAST),
	ROW(CAP_NET_ADMIN), ROW(CAP_NET_RAW), ROW(CAP_IPC_LOCK), ROW(CAP_IPC_OWNER),
	ROW(CAP_SYS_MODULE), ROW(CAP_SYS_RAWIO), ROW(CAP_SYS_CHROOT), ROW(CAP_SYS_PTRACE),
	ROW(CAP_SYS_PACCT), ROW(CAP_SYS_ADMIN), ROW(CAP_SYS_BOOT), ROW(CAP_SYS_NICE),
	ROW(CAP_SYS_RESOURCE), ROW(CAP_SYS_TIME), ROW(CAP_SYS_TTY_CONFIG), ROW(CAP_MKNOD),
	ROW(CAP_LEASE), ROW(CAP_AUDIT_WRITE), ROW(CAP_AUDIT_CONTROL), ROW(CAP_SETFCAP),
	ROW(CAP_MAC_OVERRIDE), ROW(CAP_MAC_ADMIN), ROW(CAP_SYSLOG), ROW(CAP_WAKE_ALARM),
	ROW(CAP_BLOCK_SUSPEND), ROW(CAP_AUDIT_READ), ROW(CAP_PERFMON), ROW(CAP_BPF),
	ROW(CAP_CHECKPOINT_RESTORE),
	END
};
static_assert(ARRAY_SIZE(capability_names) == CAP_CHECKPOINT_RESTORE + 2, "one row each");

const struct name signal_names[] = {
	ROW(SIGHUP), ROW(SIGINT), ROW(SIGQUIT), ROW(SIGILL), ROW(SIGTRAP), ROW(SIGABRT),
	ROW(SIGBUS), ROW(SIGFPE), ROW(SIGKILL), ROW(SIGUSR1), ROW(SIGSEGV), ROW(SIGUSR2),
	ROW(SIGPIPE), ROW(SIGALRM), ROW(SIGTERM),
#ifdef SIGSTKFLT
	ROW(SIGSTKFLT),
#endif
	ROW(SIGCHLD), ROW(SIGCONT), ROW(SIGSTOP), ROW(SIGTSTP), ROW(SIGTTIN), ROW(SIGTTOU),
	ROW(SIGURG), ROW(SIGXCPU), ROW(SIGXFSZ), ROW(SIGVTALRM), ROW(SIGPROF), ROW(SIGWINCH),
	ROW(SIGIO), ROW(SIGPWR), ROW(SIGSYS),
	{ "SIGIOT", SIGABRT }, { "SIGPOLL", SIGIO }, { "SIGCLD", SIGCHLD },
	END
};

const struct name rlimit_names[] = {
	ROW(RLIMIT_AS), ROW(RLIMIT_CORE), ROW(RLIMIT_CPU), ROW(RLIMIT_DATA), ROW(RLIMIT_FSIZE),
	ROW(RLIMIT_LOCKS), ROW(RLIMIT_MEMLOCK), ROW(RLIMIT_MSGQUEUE), ROW(RLIMIT_NICE),
	ROW(RLIMIT_NOFILE), ROW(RLIMIT_NPROC), ROW(RLIMIT_RSS), ROW(RLIMIT_RTPRIO),
	ROW(RLIMIT_RTTIME), ROW(RLIMIT_SIGPENDING), ROW(RLIMIT_STACK),
	END
};
static_assert(ARRAY_SIZE(rlimit_names) == RLIM_NLIMITS + 1, "one row each");

const struct name namespace_names[] = {
	{ "cgroup", NAMESPACE_CGROUP },	{ "ipc", NAMESPACE_IPC },
	{ "mount", NAMESPACE_MOUNT },	{ "network", NAMESPACE_NETWORK },
	{ "pid", NAMESPACE_PID },	{ "time", NAMESPACE_TIME },
	{ "user", NAMESPACE_USER },	{ "uts", NAMESPACE_UTS },
	END
};
static_assert(ARRAY_SIZE(namespace_names) == NAMESPACE_COUNT + 1, "one row each");

const struct name hook_names[] = {
	{ "prestart", HOOK_PRESTART },
	{ "createRuntime", HOOK_CREATE_RUNTIME },
	{ "createContainer", HOOK_CREATE_CONTAINER },
	{ "startContainer", HOOK_START_CONTAINER },
	{ "poststart", HOOK_POSTSTART },
	{ "poststop", HOOK_POSTSTOP },
	END
};
static_assert(ARRAY_SIZE(hook_names) == HOOK_MOMENT_COUNT + 1, "one row each");

const struct name capability_set_names[] = {
	{ "bounding", CAPABILITY_BOUNDING },
	{ "effective", CAPABILITY_EFFECTIVE },
	{ "inheritable", CAPABILITY_INHERITABLE },
	{ "permitted", CAPABILITY_PERMITTED },
	{ "ambient", CAPABILITY_AMBIENT },
	END
};
static_assert(ARRAY_SIZE(capability_set_names) == CAPABILITY_SET_COUNT + 1, "one row each");

const struct name architecture_names[] = {
	{ "SCMP_ARCH_X86_64", AUDIT_ARCH_X86_64 },
	{ "SCMP_ARCH_X86", AUDIT_ARCH_I386 },
	{ "SCMP_ARCH_X32", ARCH_X32 },
	{ "SCMP_ARCH_ARM", AUDIT_ARCH_ARM },
	{ "SCMP_ARCH_AARCH64", AUDIT_ARCH_AARCH64 },
	{ "SCMP_ARCH_LOONGARCH64", AUDIT_ARCH_LOONGARCH64 },
	{ "SCMP_ARCH_M68K", AUDIT_ARCH_M68K },
	{ "SCMP_ARCH_MIPS", AUDIT_ARCH_MIPS },
	{ "SCMP_ARCH_MIPS64", AUDIT_ARCH_MIPS64 },
	{ "SCMP_ARCH_MIPS64N32", AUDIT_ARCH_MIPS64N32 },
	{ "SCMP_ARCH_MIPSEL", AUDIT_ARCH_MIPSEL },
	{ "SCMP_ARCH_MIPSEL64", AUDIT_ARCH_MIPSEL64 },
	{ "SCMP_ARCH_MIPSEL64N32", AUDIT_ARCH_MIPSEL64N32 },
	{ "SCMP_ARCH_PPC", AUDIT_ARCH_PPC },
	{ "SCMP_ARCH_PPC64", AUDIT_ARCH_PPC64 },
	{ "SCMP_ARCH_PPC64LE", AUDIT_ARCH_PPC64LE },
	{ "SCMP_ARCH_S390", AUDIT_ARCH_S390 },
	{ "SCMP_ARCH_S390X", AUDIT_ARCH_S390X },
	{ "SCMP_ARCH_SH", AUDIT_ARCH_SHEL },
	{ "SCMP_ARCH_SHEB", AUDIT_ARCH_SH },
	{ "SCMP_ARCH_PARISC", AUDIT_ARCH_PARISC },
	{ "SCMP_ARCH_PARISC64", AUDIT_ARCH_PARISC64 },
	{ "SCMP_ARCH_RISCV64", AUDIT_ARCH_RISCV64 },
	END
};

const struct name scheduler_names[] = {
	{ "SCHED_OTHER", SCHED_NORMAL },
	ROW(SCHED_FIFO), ROW(SCHED_RR), ROW(SCHED_BATCH), ROW(SCHED_ISO), ROW(SCHED_IDLE),
	ROW(SCHED_DEADLINE),
	END
};
const struct name scheduler_flag_names[] = {
	ROW(SCHED_FLAG_RESET_ON_FORK), ROW(SCHED_FLAG_RECLAIM), ROW(SCHED_FLAG_DL_OVERRUN),
	ROW(SCHED_FLAG_KEEP_POLICY), ROW(SCHED_FLAG_KEEP_PARAMS),
	ROW(SCHED_FLAG_UTIL_CLAMP_MIN), ROW(SCHED_FLAG_UTIL_CLAMP_MAX),
	END
};

const struct name io_class_names[] = {
	ROW(IOPRIO_CLASS_RT), ROW(IOPRIO_CLASS_BE), ROW(IOPRIO_CLASS_IDLE),
	END
};

const struct name personality_names[] = {
	{ "LINUX", PER_LINUX }, { "LINUX32", PER_LINUX32 },
	END
};

const struct name propagation_names[] = { { "private", MS_PRIVATE },
					  { "rprivate", MS_PRIVATE | MS_REC },
					  { "slave", MS_SLAVE },
					  { "rslave", MS_SLAVE | MS_REC },
					  { "shared", MS_SHARED },
					  { "rshared", MS_SHARED | MS_REC },
					  { "unbindable", MS_UNBINDABLE },
					  { "runbindable", MS_UNBINDABLE | MS_REC },
					  END };

const struct name memory_policy_names[] = {
	ROW(MPOL_DEFAULT), ROW(MPOL_BIND), ROW(MPOL_INTERLEAVE),
	{ "MPOL_WEIGHTED_INTERLEAVE", WEIGHTED_INTERLEAVE },
	ROW(MPOL_PREFERRED), ROW(MPOL_PREFERRED_MANY), ROW(MPOL_LOCAL),
	END
};
const struct name memory_policy_flag_names[] = {
	ROW(MPOL_F_NUMA_BALANCING), ROW(MPOL_F_RELATIVE_NODES), ROW(MPOL_F_STATIC_NODES),
	END
};

const struct name *name_find(const struct name *table, const char *name)
{
	for (; table->name != NULL; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

const char *name_of(const struct name *table, uint64_t value)
{
	for (; table->name != NULL; table++)
		if (table->value == value)
			return table->name;
	return NULL;
}

const char *name_nearest(const struct name *table, const char *name)
{
	struct guess guess = GUESS(name);

	for (; table->name != NULL; table++)
		guess_try(&guess, table->name);
	return guess.meant;
}

/* "MIN", "MIN+3", "MAX-1" behind "SIGRT": what the C library leaves free, 34 to 64. */
static int realtime_parse(const char *text)
{
	bool from_max = strncmp(text, "MAX", 3) == 0;
	uint64_t offset = 0;

	if (!from_max && strncmp(text, "MIN", 3) != 0)
		return 0;
	text += 3;
	if (*text != '\0') {
		if (*text != (from_max ? '-' : '+') ||
		    !text_to_u64(text + 1, (uint64_t)(SIGRTMAX - SIGRTMIN), &offset))
			return 0;
	}
	return from_max ? SIGRTMAX - (int)offset : SIGRTMIN + (int)offset;
}

int signal_parse(const char *text)
{
	char name[24] = "SIG";
	const struct name *row;
	uint64_t number;

	if (text_to_u64(text, (uint64_t)SIGRTMAX, &number))
		return (int)number;
	if (strlen(text) > 16)
		return 0;
	for (size_t i = 0; i <= strlen(text); i++)
		name[3 + i] = (char)toupper((unsigned char)text[i]);
	if (strncmp(name + 3, "SIG", 3) == 0)
		memmove(name, name + 3, strlen(name + 3) + 1);
	if (strncmp(name, "SIGRT", 5) == 0)
		return realtime_parse(name + 5);
	row = name_find(signal_names, name);
	return row != NULL ? (int)row->value : 0;
}
