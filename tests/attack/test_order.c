/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/prctl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/sys.h"
#include "tests/attack/attack.h"

/* The order of what protects (security.md I13), as the kernel sees it of the container's side. */

#define ANY UINT64_MAX

/*
 * A call, and its first argument where that matters; each is made for the last time before the
 * next one is.  So what is hidden is hidden in the new root, and no path is looked at
 * when rights go.
 */
static const struct {
	const char *what;
	long call, other; /* either of both */
	uint64_t first;
} order[] = {
	{ "undumpable", __NR_prctl, -1, PR_SET_DUMPABLE },
	{ "the root is changed", __NR_chroot, __NR_pivot_root, ANY },
	{ "a mount is attached", __NR_move_mount, -1, ANY },
	{ "a path is resolved", __NR_openat2, -1, ANY },
	{ "the bounding set is dropped", __NR_prctl, -1, PR_CAPBSET_DROP },
	{ "groups", __NR_setgroups, -1, ANY },
	{ "group", __NR_setresgid, -1, ANY },
	{ "user", __NR_setresuid, -1, ANY },
	{ "capabilities", __NR_capset, -1, ANY },
	{ "no new privileges", __NR_prctl, -1, PR_SET_NO_NEW_PRIVS },
	{ "fds are closed", __NR_close_range, -1, ANY },
	{ "the filter", __NR_seccomp, -1, ANY },
	{ "the program", __NR_execve, -1, ANY },
};

struct trace {
	pid_t runtime;
	unsigned int at[ARRAY_SIZE(order)]; /* the last time; of the first row the first */
};

static enum engine_verdict note(void *context, const struct engine_stop *stop,
				int *ret_errno _unused)
{
	struct trace *trace = context;

	if (stop->index == 0)
		trace->runtime = stop->pid;
	if (stop->pid == trace->runtime)
		return ENGINE_CONTINUE;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		if ((stop->call != order[i].call && stop->call != order[i].other) ||
		    (order[i].first != ANY && order[i].first != stop->args[0]))
			continue;
		if (i > 0 || trace->at[i] == 0)
			trace->at[i] = stop->index;
	}
	return ENGINE_CONTINUE;
}

ATTACK(order, of_what_protects_is_that_of_the_table)
{
	struct attack a = attack_new();
	struct trace trace = { .runtime = 0 };
	struct engine_result result;

	bundle_set(a.bundle, "/process/user", "{'uid': 1000, 'gid': 1000}");
	bundle_set(a.bundle, "/linux/seccomp",
		   "{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': ["
		   "{'names': ['mkdir'], 'action': 'SCMP_ACT_ERRNO'}]}");
	attack_begin(&a);
	attack_engine(&a, ENGINE_ALL, note, &trace, &result);
	cr_assert(WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0, "%s", result.output);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		cr_expect_neq(trace.at[i], 0, "never: %s", order[i].what);
		if (i > 0)
			cr_expect_lt(trace.at[i - 1], trace.at[i], "%s (%u) before %s (%u)",
				     order[i].what, trace.at[i], order[i - 1].what,
				     trace.at[i - 1]);
	}
}
