/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/sys.h"
#include "base/text.h"
#include "tests/attack/attack.h"
#include "tests/attack/trouble.h"

/*
 * Every system call of a run fails once.  kist either ends with an error that
 * says something, or does everything it was told to: never does the program
 * start with less protection than configured.  Nothing stays behind, but where
 * the call that failed was the one that takes it away; then an error says so.
 */

/* A container with all that protects. */
static struct attack protected_container(void)
{
	struct attack a = attack_new();
	struct bundle *b = a.bundle;

	bundle_set(b, "/process/user", "{'uid': 1000, 'gid': 1000, 'additionalGids': [7]}");
	bundle_set(b, "/process/rlimits", "[{'type': 'RLIMIT_NOFILE', 'soft': 77, 'hard': 78}]");
	bundle_set(b, "/process/capabilities/inheritable", "['CAP_KILL']");
	bundle_set(b, "/process/capabilities/ambient", "['CAP_KILL']");
	bundle_set(b, "/linux/seccomp",
		   "{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': ["
		   "{'names': ['mkdirat', 'mkdir'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 38}]}");
	bundle_set(b, "/domainname", "'attacked'");
	attack_bind(&a, a.volume, "/vol/new");
	bundle_set(b, "/mounts/7/options", "['rbind', 'ro']");
	bundle_probe_args(b, "mkdir", "/dev/shm/x", "write", "/new", "x", "write", "/vol/new/x",
			  "x", "write", "/proc/sys/kernel/shmmax", "1", "report", NULL);
	return a;
}

static const struct {
	const char *line;
} facts[] = {
	{ "mkdir:/dev/shm/x=ENOSYS" }, /* the filter */
	{ "write:/new=EROFS" }, /* the root */
	{ "write:/vol/new/x=EROFS" }, /* the bind */
	{ "uid=1000" },
	{ "euid=1000" },
	{ "suid=1000" },
	{ "gid=1000" },
	{ "egid=1000" },
	{ "sgid=1000" },
	{ "groups=7" },
	{ "NoNewPrivs=1" },
	{ "CapInh=0000000000000020" },
	{ "CapAmb=0000000000000020" },
	{ "CapBnd=0000000020000420" },
	{ "CapPrm=0000000000000020" },
	{ "rlimit.NOFILE=77 78" },
	{ "hostname=e2e" },
	{ "domainname=attacked" },
	{ "lo_up=1" },
	{ "lo_ipv4=127.0.0.1" },
	{ "end=1" },
};

static const char *const hidden[] = { "/proc/keys", "/sys/firmware", "/proc/sys", "/proc/bus" };

/* In a report that was cut short, what it does not say is not known to be wrong. */
static bool fact_holds(const struct probe *seen, const char *line, bool cut)
{
	const char *key = arena_strndup(&e2e_arena, line, strcspn(line, "="));

	return probe_has(seen, line) || (cut && !probe_find(seen, key));
}

/*
 * What of all that is missing; NULL: nothing.  may_end: kist failed when the program ran
 * already, and may have killed it in the middle of its report.
 */
static const char *unprotected(const char *output, bool may_end)
{
	struct probe seen;
	struct probe_mount mount;
	bool cut;

	probe_parse(&seen, &e2e_arena, output);
	cut = may_end && !probe_has(&seen, "end=1");
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		if (!fact_holds(&seen, facts[i].line, cut))
			return facts[i].line;
	for (size_t i = 0; i < ARRAY_SIZE(hidden) && !cut; i++)
		if (!probe_mount_find(&seen, hidden[i], &mount))
			return hidden[i];
	for (int fd = 3; fd < 32; fd++)
		if (probe_find(&seen, arena_printf(&e2e_arena, "fd.%d", fd)))
			return "no fd but 0, 1, 2";
	return NULL;
}

struct tally {
	unsigned int runs, refused, ran, left;
};

static void run_check(const struct attack *a, const struct engine_result *result,
		      const struct trouble *fault, const char *what, struct tally *tally)
{
	int status = WIFEXITED(result->status) ? WEXITSTATUS(result->status) :
						 128 + WTERMSIG(result->status);
	const char *missing = strstr(result->output, "mkdir:/dev/shm/x=") != NULL ?
				      unprotected(result->output, status != 0) :
				      NULL;
	const char *left = attack_left(a);

	tally->runs++;
	cr_expect(status < 128 || fault->vital, "%s: killed by signal %d: %s", what, status - 128,
		  result->output);
	if (status == 0) {
		missing = unprotected(result->output, false);
		tally->ran++;
	} else {
		tally->refused++;
		cr_expect(*result->output != '\0' || fault->vital, "%s: status %d and no word",
			  what, status);
	}
	cr_expect_null(missing, "%s: status %d without \"%s\": %s", what, status, missing,
		       result->output);
	if (left != NULL)
		tally->left++;
	cr_expect(left == NULL || strstr(result->output, "kist"), "%s: status %d, left: %s\n%s",
		  what, status, left, result->output);
}

static void fault_all(struct attack a, const struct trouble_list *list, unsigned int runs)
{
	struct engine_result result;
	struct tally tally = { 0 };
	unsigned int stops, stride;

	attack_engine(&a, ENGINE_ALL, NULL, NULL, &result);
	cr_assert_null(unprotected(result.output, false), "without a fault: %s is missing: %s",
		       unprotected(result.output, false), result.output);
	stops = result.stops;
	stride = attack_stride(stops, runs);
	for (unsigned int at = 0; at < stops; at += stride)
		for (size_t i = 0; i < (attack_all() ? list->count : 1); i++) {
			struct trouble fault = {
				.at = at,
				.number = list->numbers[(at / stride + i) % list->count],
			};

			attack_begin(&a);
			attack_engine(&a, ENGINE_ALL, trouble_at, &fault, &result);
			if (fault.infallible)
				i = list->count;
			run_check(&a, &result, &fault,
				  arena_printf(&e2e_arena, "%s (errno %d)", result.stopped_at,
					       fault.number),
				  &tally);
			attack_check(&a, result.stopped_at);
		}
	cr_log_info("%u stops, %u runs: %u refused, %u ran, %u left something and said so", stops,
		    tally.runs, tally.refused, tally.ran, tally.left);
}

ATTACK(fault, at_any_call_ends_in_an_error_or_full_protection)
{
	fault_all(protected_container(), &trouble_faults, 120);
}

/* The runtime brings lo up where no kernel parameters are given, and the process where some are. */
ATTACK(fault, with_kernel_parameters_ends_likewise)
{
	struct attack a = protected_container();

	bundle_unset(a.bundle, "/domainname");
	bundle_set(a.bundle, "/linux/sysctl", "{'kernel.domainname': 'attacked'}");
	fault_all(a, &trouble_faults, 40);
}

/* The way back from the container's network namespace, of the one way there and back. */
struct way_back {
	unsigned int seen;
	bool refused;
};

static enum engine_verdict refuse_way_back(void *context, const struct engine_stop *stop,
					   int *ret_errno)
{
	struct way_back *way = context;

	if (stop->call != __NR_setns || stop->args[1] != CLONE_NEWNET || way->seen++ != 1)
		return ENGINE_CONTINUE;
	way->refused = true;
	*ret_errno = ENOMEM;
	return ENGINE_FAIL;
}

ATTACK(fault, on_the_way_back_from_its_network_starts_no_hook_there)
{
	struct attack a = attack_new();
	const char *seen = arena_printf(&e2e_arena, "%s/seen", a.bundle->dir), *left;
	struct way_back way = { 0 };
	struct engine_result result;

	bundle_set(a.bundle, "/hooks/poststop",
		   arena_printf(&e2e_arena,
				"[{'path': '/bin/sh', 'args': ['sh', '-c',"
				" 'readlink /proc/self/ns/net >%s']}]",
				seen));
	attack_begin(&a);
	attack_engine(&a, ENGINE_ALL, refuse_way_back, &way, &result);
	cr_assert(way.refused, "%s", result.output);
	cr_expect(WIFEXITED(result.status) && WEXITSTATUS(result.status) == 1);
	cr_expect(strstr(result.output, "return to the own network namespace"), "%s",
		  result.output);
	cr_expect(strstr(result.output, "poststop hooks"), "%s", result.output);
	cr_expect_neq(access(seen, F_OK), 0, "%s", e2e_file_text(seen));
	left = attack_left(&a);
	cr_expect_null(left, "left: %s", left);
	attack_check(&a, "the way back");
}

/* A list that cannot be read to its end is not a short one: of controllers, on cgroup v1. */
ATTACK(fault, in_a_list_of_controllers_leaves_no_limit_out)
{
	static const char v1[] = "read:/sys/fs/cgroup/pids/pids.max=50",
			  v2[] = "read:/sys/fs/cgroup/pids.max=50";
	struct attack a = attack_new();
	struct engine_result result;

	bundle_set(a.bundle, "/linux/resources/pids", "{'limit': 50}");
	bundle_probe_args(a.bundle, "read", "/sys/fs/cgroup/pids/pids.max", "read",
			  "/sys/fs/cgroup/pids.max", NULL);
	attack_begin(&a);
	attack_engine(&a, ENGINE_ALL, NULL, NULL, &result);
	/* Without the controller it is refused: there is nothing to leave out. */
	if (WIFEXITED(result.status) && WEXITSTATUS(result.status) != 0)
		return;
	for (unsigned int at = 0;; at++) {
		struct trouble_call fault = { .call = __NR_getdents64, .at = at };

		attack_begin(&a);
		attack_engine(&a, ENGINE_ALL, trouble_at_call, &fault, &result);
		cr_expect(!strstr(result.output, "read:") || strstr(result.output, v1) ||
				  strstr(result.output, v2),
			  "list %u: %s", at, result.output);
		attack_left(&a);
		attack_check(&a, "a list");
		if (!fault.done)
			break;
	}
}

/* Before the program begins; and "nothing stays" is so without a "delete". */
ATTACK(fault, in_what_keeps_a_log_starts_no_program)
{
	struct attack a = attack_new();
	const char *log = arena_printf(&e2e_arena, "%s/log", a.bundle->dir);
	const char *const words[] = { "run",	  "--detach",	  "--log-file",	log,
				      "--bundle", a.bundle->path, a.bundle->id, NULL };
	struct trouble_call fault = { .call = __NR_listen };
	struct engine_result result;
	const char *left;

	bundle_probe_args(a.bundle, "sleep", "60000", NULL);
	attack_engine_call(&a, words, ENGINE_ALL, trouble_at_call, &fault, &result);
	cr_expect(fault.done);
	cr_expect(WIFEXITED(result.status) && WEXITSTATUS(result.status) == 1);
	cr_expect(strstr(result.output, "make the socket for \"attach\""), "%s", result.output);
	left = attack_left(&a);
	cr_expect_null(left, "left: %s", left);
}
