/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/stat.h>

#include "base/sys.h"
#include "init/procfs.h"
#include "tests/kernel/child.h"
#include "tests/kernel/stage.h"

#define RUN(step)	step(&s->plan, &s->in, &s->err)

STAGE_TEST(limit, resources_have_their_limits)
{
	struct rlimit_plan limits[] = {
		{ RLIMIT_NOFILE, 100, 200 },
		{ RLIMIT_CORE, 0, RLIM_INFINITY },
		{ RLIMIT_NPROC, 5000, 6000 },
	};
	struct rlimit seen;

	s->plan.process.rlimits.items = limits;
	s->plan.process.rlimits.count = ARRAY_SIZE(limits);
	CHECK(RUN(step_limits) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		CHECK(getrlimit((__rlimit_resource_t)limits[i].resource, &seen) == 0);
		CHECK(seen.rlim_cur == limits[i].soft && seen.rlim_max == limits[i].hard);
	}
	return 0;
}

/* Of what was opened before, what is needed stays, wherever it is now. */
STAGE_TEST(limit, few_files_are_all_for_what_is_opened_later)
{
	struct rlimit_plan few = { RLIMIT_NOFILE, 8, 8 };
	int fds[2], first;

	s->plan.process.rlimits.items = &few;
	s->plan.process.rlimits.count = 1;
	CHECK(channel_pair(&s->in.channel, &s->in.start, &s->err) == 0);
	s->in.start = s->in.channel;
	CHECK(pipe(fds) == 0 && fcntl(fds[0], F_DUPFD, 3) >= 0);
	CHECK(RUN(step_limits) == 0);
	CHECK(fcntl(s->in.root_fd, F_GETFD) == FD_CLOEXEC);
	CHECK(fcntl(s->in.channel.read_fd, F_GETFD) == FD_CLOEXEC);
	CHECK(s->in.channel.read_fd == s->in.channel.write_fd);
	CHECK(s->in.start.read_fd == s->in.channel.read_fd);
	first = dup(STDERR_FILENO);
	CHECK(first == 3 && dup(first) == 4 && dup(first) == 5 && dup(first) == 6);
	CHECK(dup(first) == 7 && dup(first) < 0 && errno == EMFILE);
	return 0;
}

STAGE_TEST(limit, the_umask_is_the_plans_or_the_callers)
{
	s->in.umask = 037;
	CHECK(RUN(step_limits) == 0);
	CHECK(umask(0) == 037);
	s->in.umask = 0;
	CHECK(RUN(step_limits) == 0);
	CHECK(umask(0) == 022);
	s->plan.process.umask = (struct opt_u64){ true, 0135 };
	CHECK(RUN(step_limits) == 0);
	CHECK(umask(0) == 0135);
	return 0;
}

STAGE_TEST(limit, the_oom_score_is_set)
{
	char text[16];
	int proc_fd;

	s->plan.process.oom_score_adj = (struct opt_i64){ true, 321 };
	CHECK(RUN(step_oom_score) == 0);
	proc_fd = procfs(&s->in, &s->err);
	CHECK(proc_fd >= 0);
	CHECK(procfs_read(proc_fd, "self/oom_score_adj", text, sizeof(text), &s->err) == 0);
	CHECK(strcmp(text, "321\n") == 0);
	return 0;
}

STAGE_TEST(limit, personality_affinity_and_priorities_are_set)
{
	static struct process_plan process;
	cpu_set_t cpus;

	s->in.process = &process;
	s->plan.personality = (struct opt_u64){ true, PER_LINUX32 };
	process.cpu_affinity_initial = "0-1";
	process.cpu_affinity_final = "0";
	process.io_priority = (struct opt_u64){ true, 2 << 13 | 6 };
	process.scheduler =
		(struct scheduler_plan){ .set = true, .policy = SCHED_BATCH, .nice = 3 };
	CHECK(RUN(step_limits) == 0);
	CHECK(personality(0xffffffff) == PER_LINUX32);
	CHECK(sched_getaffinity(0, sizeof(cpus), &cpus) == 0);
	CHECK(CPU_COUNT(&cpus) == 1 && CPU_ISSET(0, &cpus));
	CHECK(syscall(__NR_ioprio_get, 1, 0) == (2 << 13 | 6));
	CHECK(sched_getscheduler(0) == SCHED_BATCH && getpriority(PRIO_PROCESS, 0) == 3);
	return 0;
}

STAGE_TEST(limit, a_wrong_cpu_list_is_named)
{
	static const char *const lists[] = { "1-0", "x", "0,,1", "99999", "0-" };
	static struct process_plan process;

	s->in.process = &process;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		process.cpu_affinity_final = lists[i];
		FAILS_WITH(RUN(step_limits), lists[i]);
	}
	return 0;
}
