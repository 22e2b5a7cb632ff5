/* SPDX-License-Identifier: Apache-2.0 */
#include "init/limit.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/sys.h"
#include "base/text.h"
#include "config/names.h"
#include "init/procfs.h"
#include "init/step.h"

/* As linux/sched/types.h has it; libc's own comes and goes with its version. */
struct scheduler_attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

#define LIST_BITS_MAX	8192	/* the most CPUs that Linux can be built for */
#define LIST_WORDS	(LIST_BITS_MAX / (8 * sizeof(unsigned long)))

int oom_score_refused(struct error *err)
{
	return err->code == EACCES ?
		       error_hint(err, "a lower value than the caller's needs CAP_SYS_RESOURCE") :
		       -1;
}

/*
 * First of all steps: what is in /proc/self belongs to root once the process is
 * undumpable, and in a user namespace that is somebody else.
 */
int step_oom_score(const struct plan *plan, struct init *in, struct error *err)
{
	_cleanup_fd int host_fd = -EBADF;
	char text[16];
	int proc_fd;

	(void)plan;
	if (!in->process->oom_score_adj.set)
		return 0;
	snprintf(text, sizeof(text), "%d", (int)in->process->oom_score_adj.value);
	if (in->in_host_copy) {
		host_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (host_fd < 0)
			return error_errno(err, "open /proc");
	}
	proc_fd = in->in_host_copy ? host_fd : procfs(in, err);
	if (proc_fd < 0)
		return -1;
	if (procfs_write(proc_fd, "self/oom_score_adj", text, err) == 0)
		return 0;
	return oom_score_refused(err);
}

/* With as many there is always one free. */
#define ENOUGH_FILES	1024
/* Numbers for what later steps open: the pipes of a hook, of the init, a listener. */
#define LATE_FILES	16

/*
 * A limit holds for new numbers alone.  So what later steps still need moves up, out of its
 * reach, and what they do not need is closed: all numbers below it are free for what they open.
 * Where the caller's own limit forbids that, it stays.
 */
static void make_room(struct init *in)
{
	int *const needed[] = {
		&in->channel.read_fd, &in->channel.write_fd, &in->start.read_fd,
		&in->start.write_fd,  &in->root_fd,	     &in->proc_fd,
		&in->init_image,      &in->seccomp_listener,
	};
	const int first = 3 + in->preserve_fds, end = first + LATE_FILES;

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		const int old = *needed[i];
		int moved;

		if (old < first || old >= end)
			continue;
		moved = fcntl(old, F_DUPFD_CLOEXEC, end);
		if (moved < 0)
			return;
		/* A channel may be one socket, and START come from the same. */
		for (size_t j = i; j < ARRAY_SIZE(needed); j++)
			if (*needed[j] == old)
				*needed[j] = moved;
	}
	sys_close_range((unsigned int)first, (unsigned int)end - 1, 0);
}

static int set_rlimits(struct init *in, struct error *err)
{
	LIST_EACH(limit, in->process->rlimits) {
		struct rlimit value = { limit->soft, limit->hard };

		if (limit->resource == RLIMIT_NOFILE && limit->soft < ENOUGH_FILES)
			make_room(in);
		if (setrlimit((__rlimit_resource_t)limit->resource, &value) < 0) {
			error_errno(err, "set %s to %llu, %llu",
				    name_of(rlimit_names, (uint64_t)limit->resource),
				    (unsigned long long)limit->soft,
				    (unsigned long long)limit->hard);
			return err->code == EPERM ?
			       error_hint(err, "the caller's own hard limit is below") : -1;
		}
	}
	return 0;
}

/* "0-3,7" as a bit mask. */
static int list_parse(const char *list, unsigned long *mask, struct error *err)
{
	uint64_t first, last;

	for (const char *at = list; *at != '\0';) {
		if (!text_take_range(&at, LIST_BITS_MAX - 1, &first, &last))
			return error_number(err, EINVAL, "list %s", list);
		for (; first <= last; first++)
			mask[first / (8 * sizeof(*mask))] |= 1UL << first % (8 * sizeof(*mask));
	}
	return 0;
}

static bool is_given(const char *list)
{
	return list != NULL && *list != '\0';
}

int affinity_set(const char *list, struct error *err)
{
	unsigned long mask[LIST_WORDS] = { 0 };

	/* All CPUs that there could be: the kernel leaves those that the cgroup may use. */
	if (list == NULL)
		memset(mask, 0xff, sizeof(mask));
	else if (list_parse(list, mask, err) < 0)
		return error_wrap(err, "CPU affinity");
	if (sched_setaffinity(0, sizeof(mask), (const cpu_set_t *)(const void *)mask) < 0)
		return error_errno(err, "set CPU affinity %s", list != NULL ? list : "to all");
	return 0;
}

/* Of exec alone, says the spec; without a final list, what the cgroup allows. */
static int set_affinity(const struct plan *plan, const struct process_plan *process,
			struct error *err)
{
	if (process == &plan->process)
		return 0;
	if (is_given(process->cpu_affinity_final))
		return affinity_set(process->cpu_affinity_final, err);
	return is_given(process->cpu_affinity_initial) ? affinity_set(NULL, err) : 0;
}

static int set_memory_policy(const struct memory_policy_plan *policy, struct error *err)
{
	unsigned long mask[LIST_WORDS] = { 0 };
	bool nodes = is_given(policy->nodes);

	if (!policy->set)
		return 0;
	if (nodes && list_parse(policy->nodes, mask, err) < 0)
		return error_wrap(err, "memory policy");
	/* The kernel takes at most a page of bits, and one bit less than the number it is given. */
	if (sys_set_mempolicy(policy->mode, nodes ? mask : NULL, nodes ? LIST_BITS_MAX + 1 : 0) < 0)
		return error_errno(err, "set memory policy");
	return 0;
}

static int set_scheduler(const struct process_plan *process, struct error *err)
{
	struct scheduler_attributes attributes = {
		.size = sizeof(attributes),
		.policy = process->scheduler.policy,
		.flags = process->scheduler.flags,
		.nice = process->scheduler.nice,
		.priority = (uint32_t)process->scheduler.priority,
		.runtime = process->scheduler.runtime,
		.deadline = process->scheduler.deadline,
		.period = process->scheduler.period,
		/* The spec has flags for them alone: the kernel's own, since Linux 5.11. */
		.util_min = UINT32_MAX,
		.util_max = UINT32_MAX,
	};

	if (process->scheduler.set && sys_sched_setattr(0, &attributes, 0) < 0) {
		error_errno(err, "set scheduler");
		return err->code == EOPNOTSUPP ?
			       error_hint(err, "this kernel clamps no utilization") :
			       -1;
	}
	if (process->io_priority.set &&
	    sys_ioprio_set(1 /* IOPRIO_WHO_PROCESS */, 0, (int)process->io_priority.value) < 0)
		return error_errno(err, "set I/O priority");
	return 0;
}

int step_limits(const struct plan *plan, struct init *in, struct error *err)
{
	const struct process_plan *process = in->process;

	if (set_affinity(plan, process, err) < 0 || set_scheduler(process, err) < 0 ||
	    set_memory_policy(&plan->memory_policy, err) < 0)
		return -1;
	if (plan->personality.set && personality(plan->personality.value) < 0)
		return error_errno(err, "set personality");
	/*
	 * The spec leaves the caller's.  But BuildKit's daemon has 0 and counts on the 022 that
	 * runc and crun set: what RUN makes would be writable by all.
	 */
	umask(process->umask.set ? (mode_t)process->umask.value : in->umask | 022);
	return set_rlimits(in, err);
}
