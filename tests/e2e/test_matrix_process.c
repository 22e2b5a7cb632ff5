/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "tests/e2e/matrix.h"
#include "tests/e2e/probe.h"

/* What a program is started with: limits, capabilities, schedulers, memory. */

E2E(matrix_process, each_resource_has_its_limit)
{
	/* What a caller without CAP_SYS_RESOURCE may give; AS and DATA with room for sanitizers. */
	static const struct { const char *type; long long soft, hard; } limits[] = {
		{ "AS", 1LL << 46, 1LL << 47 }, { "CORE", 0, 0 }, { "CPU", 1000, 2000 },
		{ "DATA", 1LL << 46, 1LL << 47 }, { "FSIZE", 1 << 20, 1 << 21 },
		{ "LOCKS", 10, 11 }, { "MEMLOCK", 32768, 65536 }, { "MSGQUEUE", 1000, 2000 },
		{ "NICE", 0, 0 }, { "NOFILE", 100, 200 }, { "NPROC", 1000, 1001 },
		{ "RSS", 1 << 30, 1LL << 31 }, { "RTPRIO", 0, 0 }, { "RTTIME", 1000000, 2000000 },
		{ "SIGPENDING", 100, 101 }, { "STACK", 4 << 20, 8 << 20 },
	};
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_set(b, "/process/rlimits", "[]");
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		bundle_set(b, "/process/rlimits/-",
			   arena_printf(&e2e_arena, "{'type': 'RLIMIT_%s', 'soft': %lld, 'hard': "
					"%lld}", limits[i].type, limits[i].soft, limits[i].hard));
	bundle_run_probe(b, &seen);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		cr_expect(probe_has(&seen, arena_printf(&e2e_arena, "rlimit.%s=%lld %lld",
							limits[i].type, limits[i].soft,
							limits[i].hard)), "%s: %s", limits[i].type,
			  probe_text(&seen, arena_printf(&e2e_arena, "rlimit.%s",
							 limits[i].type)));
}

/* Names and bits; linux/capability.h is what kist's own table is made from. */
static const char *const capabilities[] = {
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
	"SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
	"IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE",
	"SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME",
	"SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
	"PERFMON", "BPF", "CHECKPOINT_RESTORE",
};

static uint64_t own_capabilities(void)
{
	const char *text = strstr(matrix_file("/proc/self/status"), "CapBnd:");

	return text != NULL ? strtoull(text + 7, NULL, 16) : 0;
}

E2E(matrix_process, each_capability_of_features_is_its_bit)
{
	struct bundle *b = bundle_new();
	const struct json *list = json_find(matrix_features(b), "/linux/capabilities");
	const bool guest = getenv("KIST_GUEST") != NULL;
	const uint64_t own = own_capabilities();
	size_t count = 0;

	e2e_need_root();
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++) {
		struct probe seen;

		/* Where a container takes its time: among others SYS_RESOURCE, rare elsewhere. */
		if ((own & 1ULL << i) == 0 || (guest && i % 10 != 4))
			continue;
		bundle_set(b, "/process/capabilities",
			   arena_printf(&e2e_arena, "{'bounding': ['CAP_%s'], 'permitted': "
					"['CAP_%s']}", capabilities[i], capabilities[i]));
		bundle_run_probe(b, &seen);
		cr_expect_eq(seen.cap_bounding, 1ULL << i, "%s", capabilities[i]);
		cr_expect_eq(seen.cap_permitted, 1ULL << i, "%s", capabilities[i]);
	}
	JSON_EACH(item, list) {
		size_t i = 0;

		while (i < ARRAY_SIZE(capabilities) &&
		       strcmp(item->text + 4, capabilities[i]) != 0)
			i++;
		cr_expect_lt(i, ARRAY_SIZE(capabilities), "%s has no row here", item->text);
		count++;
	}
	cr_expect_eq(count, ARRAY_SIZE(capabilities));
}

/* --- scheduling -------------------------------------------------------------------------- */

/* Cgroups of v1, or a kernel without it, may forbid a policy to everybody. */
static bool may_have(uint32_t policy)
{
	struct probe_scheduler attributes = { sizeof(attributes), policy };
	int status;
	pid_t pid;

	if (policy == SCHED_FIFO || policy == SCHED_RR)
		attributes.priority = 5;
	if (policy == SCHED_DEADLINE) {
		attributes.runtime = 1000000;
		attributes.deadline = attributes.period = 1000000000;
	}
	pid = fork();
	if (pid == 0)
		_exit(syscall(SYS_sched_setattr, 0, &attributes, 0) != 0);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static const struct policy {
	const char *json;
	uint32_t policy;
	const char *seen;	/* flags, nice, priority, runtime, deadline, period */
} policies[] = {
	{ "{'policy': 'SCHED_OTHER', 'nice': 7}", SCHED_OTHER, "0 7 0" },
	{ "{'policy': 'SCHED_BATCH', 'nice': -3}", SCHED_BATCH, "0 -3 0" },
	{ "{'policy': 'SCHED_IDLE'}", SCHED_IDLE, "0 0 0" },
	{ "{'policy': 'SCHED_FIFO', 'priority': 7}", SCHED_FIFO, "0 0 7" },
	{ "{'policy': 'SCHED_RR', 'priority': 9, 'flags': ['SCHED_FLAG_RESET_ON_FORK']}",
	  SCHED_RR, "1 0 9" },
	{ "{'policy': 'SCHED_DEADLINE', 'runtime': 10000000, 'deadline': 100000000,"
	  " 'period': 1000000000, 'flags': ['SCHED_FLAG_RECLAIM']}", SCHED_DEADLINE,
	  "2 0 0 10000000 100000000 1000000000\n" },
};

static void expect_policy(const struct policy *row, const struct output *got)
{
	cr_expect_eq(got->status, 0, "%s: %s", row->json, got->err);
	cr_expect(strstr(got->out, arena_printf(&e2e_arena, "scheduler=%u %s", row->policy,
						row->seen)), "%s: %s", row->json, got->out);
}

/* Also those that no fork hands on, as kist's init would have to. */
E2E(matrix_process, each_policy_reaches_the_program_and_that_of_exec)
{
	e2e_need_root();
	/* With SCHED_IDLE the kernel leaves the caller's. */
	cr_assert_eq(setpriority(PRIO_PROCESS, 0, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		const struct policy *row = &policies[i];
		struct bundle *b = bundle_new();
		struct output got;

		bundle_set(b, "/process/scheduler", row->json);
		bundle_probe_args(b, "scheduler", NULL);
		bundle_run(b, &got);
		if (!may_have(row->policy)) {
			cr_expect_eq(got.status, 1, "%s", row->json);
			cr_expect(strstr(got.err, "set scheduler"), "%s", got.err);
			continue;
		}
		expect_policy(row, &got);
		matrix_start(b);
		bundle_call(b, &got, "exec", b->id, "/probe", "scheduler", NULL);
		expect_policy(row, &got);
		matrix_stop(b);
	}
}

/* The spec has no values for them: the kernel's defaults, where it has such a thing. */
E2E(matrix_process, clamps_of_utilization_are_taken_where_the_kernel_has_them)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_root();
	e2e_need_kist();
	bundle_set(b, "/process/scheduler",
		   "{'policy': 'SCHED_OTHER', 'flags': "
		   "['SCHED_FLAG_UTIL_CLAMP_MIN', 'SCHED_FLAG_UTIL_CLAMP_MAX']}");
	bundle_run(b, &got);
	cr_expect(got.status == 0 || strstr(got.err, "clamps no utilization"), "%s", got.err);
}

E2E(matrix_process, each_io_priority_reaches_the_program)
{
	static const struct { const char *class; int level, number; } rows[] = {
		{ "RT", 0, 1 << 13 }, { "RT", 7, 1 << 13 | 7 }, { "BE", 0, 2 << 13 },
		{ "BE", 5, 2 << 13 | 5 }, { "IDLE", 0, 3 << 13 },
	};

	e2e_need_root();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		bundle_set(b, "/process/ioPriority",
			   arena_printf(&e2e_arena, "{'class': 'IOPRIO_CLASS_%s', 'priority': %d}",
					rows[i].class, rows[i].level));
		bundle_probe_args(b, "syscall", arena_printf(&e2e_arena, "%d", SYS_ioprio_get),
				  "1", "0", "0", NULL);
		bundle_run(b, &got);
		cr_expect(strstr(got.out, arena_printf(&e2e_arena, "=%d\n", rows[i].number)),
			  "%s %d: %s%s", rows[i].class, rows[i].level, got.out, got.err);
	}
}

E2E(matrix_process, personality_is_the_one_told)
{
	static const struct { const char *domain, *seen; } rows[] = {
		{ "LINUX", "personality=0" }, { "LINUX32", "personality=8" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bundle *b = bundle_new();
		struct probe seen;

		bundle_set(b, "/linux/personality",
			   arena_printf(&e2e_arena, "{'domain': '%s'}", rows[i].domain));
		bundle_run_probe(b, &seen);
		cr_expect(probe_has(&seen, rows[i].seen), "%s", rows[i].domain);
	}
}

/* --- CPUs ------------------------------------------------------------------------------- */

static void expect_cpus(struct bundle *b, const char *process, const char *cpus)
{
	const char *file = arena_printf(&e2e_arena, "%s/process.json", b->dir);
	struct output got;
	struct probe seen;

	if (process != NULL) {
		matrix_write(file, edit_quotes(&e2e_arena, process));
		bundle_call(b, &got, "exec", "--process", file, b->id, NULL);
	} else {
		bundle_call(b, &got, "exec", b->id, "/probe", "report", NULL);
	}
	cr_assert_eq(got.status, 0, "%s", got.err);
	probe_parse(&seen, &e2e_arena, got.out);
	cr_expect_str_eq(probe_text(&seen, "Cpus_allowed_list"), cpus, "%s",
			 process ? process : "the container's");
}

#define PROCESS(more)	\
	"{'args': ['/probe', 'report'], 'cwd': '/', 'user': {'uid': 0, 'gid': 0}" more "}"

E2E(matrix_process, cpu_affinity_is_for_exec_alone)
{
	struct bundle *b = bundle_new();
	const char *file = arena_printf(&e2e_arena, "%s/process.json", b->dir);
	const char *own, *of_init;
	struct output got;
	pid_t pid;

	e2e_need_root();
	e2e_need_kist();
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		e2e_skip("one CPU alone");
	own = strstr(matrix_file("/proc/self/status"), "Cpus_allowed_list:");
	bundle_set(b, "/process/execCPUAffinity", "{'initial': '0', 'final': '1'}");
	pid = matrix_start(b);
	of_init = strstr(matrix_file(arena_printf(&e2e_arena, "/proc/%d/status", (int)pid)),
			 "Cpus_allowed_list:");
	cr_expect_eq(strncmp(own, of_init, strcspn(own, "\n") + 1), 0, "%.40s", of_init);
	expect_cpus(b, NULL, "1");
	expect_cpus(b, PROCESS(""), "1");
	expect_cpus(b, PROCESS(", 'execCPUAffinity': {'final': '0'}"), "0");
	/* Without a final list it is where the container may be. */
	expect_cpus(b, PROCESS(", 'execCPUAffinity': {'initial': '0'}"),
		    arena_strndup(&e2e_arena, own + 19, strcspn(own + 19, "\n")));
	/* Where it is started from leaves no trace but its mistakes. */
	matrix_write(file, edit_quotes(&e2e_arena,
				       PROCESS(", 'execCPUAffinity': {'initial': '4000'}")));
	bundle_call(b, &got, "exec", "--process", file, b->id, NULL);
	cr_expect(got.status != 0 && strstr(got.err, "set CPU affinity 4000"), "%s", got.err);
	matrix_stop(b);
}

/* --- what a process of exec has from the container ---------------------------------------- */

/* Without a word about them it would have those of who calls, which are all. */
E2E(matrix_process, capabilities_of_exec_are_the_containers_unless_its_file_has_some)
{
	static const struct { const char *process; uint64_t seen; } rows[] = {
		{ PROCESS(""), 1 << 5 },
		{ PROCESS(", 'capabilities': {}"), 0 },
		{ PROCESS(", 'capabilities': {'bounding': ['CAP_CHOWN'],"
			  " 'permitted': ['CAP_CHOWN'], 'effective': ['CAP_CHOWN']}"), 1 },
	};
	struct bundle *b = bundle_new();
	const char *file = arena_printf(&e2e_arena, "%s/process.json", b->dir);

	e2e_need_root();
	bundle_set(b, "/process/capabilities", "{'bounding': ['CAP_KILL'],"
		   " 'permitted': ['CAP_KILL'], 'effective': ['CAP_KILL']}");
	matrix_start(b);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct output got;
		struct probe seen;

		matrix_write(file, edit_quotes(&e2e_arena, rows[i].process));
		bundle_call(b, &got, "exec", "--process", file, b->id, NULL);
		cr_assert_eq(got.status, 0, "%s", got.err);
		probe_parse(&seen, &e2e_arena, got.out);
		cr_expect_eq(seen.cap_bounding, rows[i].seen, "%s", rows[i].process);
		cr_expect_eq(seen.cap_effective, rows[i].seen, "%s", rows[i].process);
	}
	matrix_stop(b);
}

/* --- memory policies ------------------------------------------------------------------------ */

static const struct { const char *mode, *seen; bool nodes; } modes[] = {
	{ "MPOL_DEFAULT", "default", false }, { "MPOL_BIND", "bind:0", true },
	{ "MPOL_INTERLEAVE", "interleave:0", true },
	{ "MPOL_WEIGHTED_INTERLEAVE", "weighted interleave:0", true },
	{ "MPOL_PREFERRED", "prefer:0", true }, { "MPOL_PREFERRED_MANY", "prefer (many):0", true },
	{ "MPOL_LOCAL", "local", false },
};
static const struct { const char *flag, *seen; } mode_flags[] = {
	{ "MPOL_F_NUMA_BALANCING", "bind=balancing:0" },
	{ "MPOL_F_RELATIVE_NODES", "bind=relative:0" },
	{ "MPOL_F_STATIC_NODES", "bind=static:0" },
};

/* Words differ a little between kernels: "prefer", "balancing" and "weighted" are young. */
static void expect_policy_of_memory(const char *policy, const char *word)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_set(b, "/linux/memoryPolicy", policy);
	bundle_probe_args(b, "read", "/proc/self/numa_maps", NULL);
	bundle_run(b, &got);
	if (got.status != 0) {
		cr_expect(strstr(got.err, "set memory policy"), "%s: %s", policy, got.err);
		return;
	}
	cr_expect(strstr(got.out, arena_printf(&e2e_arena, " %s ", word)), "%s: %.200s", policy,
		  got.out);
}

E2E(matrix_process, each_memory_policy_of_features_is_the_kernels)
{
	struct bundle *b = bundle_new();
	const struct json *said = matrix_features(b);

	cr_expect_eq(json_find(said, "/linux/memoryPolicy/modes")->count, ARRAY_SIZE(modes));
	cr_expect_eq(json_find(said, "/linux/memoryPolicy/flags")->count, ARRAY_SIZE(mode_flags));
	if (access("/proc/self/numa_maps", F_OK) < 0)
		e2e_skip("this kernel knows no memory policies");
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		expect_policy_of_memory(arena_printf(&e2e_arena, "{'mode': '%s'%s}", modes[i].mode,
						     modes[i].nodes ? ", 'nodes': '0'" : ""),
					modes[i].seen);
	for (size_t i = 0; i < ARRAY_SIZE(mode_flags); i++)
		expect_policy_of_memory(arena_printf(&e2e_arena, "{'mode': 'MPOL_BIND', 'nodes': "
						     "'0', 'flags': ['%s']}", mode_flags[i].flag),
					mode_flags[i].seen);
}

E2E(matrix_process, memory_policy_is_that_of_exec_too)
{
	struct bundle *b = bundle_new();
	struct output got;

	if (access("/proc/self/numa_maps", F_OK) < 0)
		e2e_skip("this kernel knows no memory policies");
	bundle_set(b, "/linux/memoryPolicy", "{'mode': 'MPOL_BIND', 'nodes': '0'}");
	matrix_start(b);
	bundle_call(b, &got, "exec", b->id, "/probe", "read", "/proc/self/numa_maps", NULL);
	cr_expect(strstr(got.out, " bind:0 "), "%.200s%s", got.out, got.err);
	matrix_stop(b);
}

E2E(matrix_process, terminal_has_the_size_told)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_set(b, "/process/terminal", "true");
	bundle_set(b, "/process/consoleSize", "{'height': 33, 'width': 77}");
	bundle_run(b, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.out, "window=77x33"), "%s%s", got.out, got.err);
}
