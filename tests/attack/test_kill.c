/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/attack/attack.h"
#include "tests/attack/trouble.h"

/*
 * kist is killed at every system call.  What it leaves goes with the next "delete
 * --force", or with "gc": no process, mount, cgroup or state stays.
 */

static struct attack long_running(void)
{
	struct attack a = attack_new();

	attack_bind(&a, a.volume, "/vol/new");
	bundle_probe_args(a.bundle, "report", "sleep", "20", NULL);
	return a;
}

/* A container that runs is nobody's to collect: it is killed first. */
static void collect(const struct attack *a, struct output *ret)
{
	bundle_call(a->bundle, ret, "kill", a->bundle->id, "KILL", NULL);
	for (int tries = 0; ret->status == 0 && tries < 2000; tries++, usleep(10000)) {
		bundle_call(a->bundle, ret, "state", a->bundle->id, NULL);
		if (strstr(ret->out, "\"status\": \"stopped\"") != NULL)
			break;
	}
	bundle_call(a->bundle, ret, "gc", NULL);
}

/* Even calls end with "delete --force", odd ones with "gc". */
static void clean_up(const struct attack *a, unsigned int at, const char *what)
{
	struct output output;
	const char *left;

	if (at % 2 == 0)
		bundle_call(a->bundle, &output, "delete", "--force", a->bundle->id, NULL);
	else
		collect(a, &output);
	cr_expect_eq(output.status, 0, "%s: cleaning up: status %d: %s", what, output.status,
		     output.err);
	left = attack_left(a);
	cr_expect_null(left, "%s: left after %s: %s", what, at % 2 == 0 ? "delete" : "gc", left);
}

/* At the call behind the first clone3, which makes who lends a mount its user namespace. */
static enum engine_verdict behind_clone(void *context, const struct engine_stop *stop,
					int *ret_errno)
{
	pid_t *cloner = context;

	(void)ret_errno;
	if (*cloner == stop->pid)
		return ENGINE_KILL;
	if (*cloner == 0 && stop->call == __NR_clone3)
		*cloner = stop->pid;
	return ENGINE_CONTINUE;
}

ATTACK(kill, while_ids_of_a_mount_are_mapped_leaves_no_process)
{
	struct attack a = attack_new();
	struct engine_result result;
	pid_t cloner = 0;

	bundle_set(a.bundle, "/mounts/-",
		   arena_printf(&e2e_arena,
				"{'destination': '/vol/new', 'source': '%s', 'options': ['bind'],"
				" 'uidMappings': [{'containerID': 0, 'hostID': 1000, 'size': 1}],"
				" 'gidMappings': [{'containerID': 0, 'hostID': 1000, 'size': 1}]}",
				a.volume));
	bundle_probe_args(a.bundle, "report", NULL);
	attack_begin(&a);
	attack_engine(&a, ENGINE_ALL, behind_clone, &cloner, &result);
	cr_expect(WIFSIGNALED(result.status), "status %d: %s", result.status, result.output);
	clean_up(&a, 0, result.stopped_at);
	attack_check(&a, result.stopped_at);
}

ATTACK(kill, at_any_call_leaves_nothing_that_delete_or_gc_does_not_find)
{
	struct attack a = long_running();
	struct engine_result result;
	unsigned int stops, stride;

	attack_engine(&a, ENGINE_ALL, NULL, NULL, &result);
	cr_assert(WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0, "%s", result.output);
	stops = result.stops;
	stride = attack_stride(stops, 80);
	for (unsigned int at = 0; at < stops; at += stride) {
		struct trouble killed = { .at = at };
		const char *what;

		attack_begin(&a);
		attack_engine(&a, ENGINE_ALL, trouble_at, &killed, &result);
		what = arena_printf(&e2e_arena, "killed at %s", result.stopped_at);
		clean_up(&a, at / stride, what);
		attack_check(&a, what);
	}
	cr_log_info("%u stops", stops);
}
