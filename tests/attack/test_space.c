/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/sys.h"
#include "base/text.h"
#include "tests/attack/attack.h"
#include "tests/attack/spacer.h"
#include "tests/attack/trouble.h"

/*
 * Each system call of libkist's functions fails once (tests/attack/spacer.c uses them).  What was
 * started has run to its end, or there is an error with a text and no process; and the caller has
 * the fds and the namespaces that it had.
 */

enum { RUN_SECONDS = 100, RUNS = 12 };

/* Only what is called between the two marks. */
struct window {
	struct trouble trouble;
	unsigned int marks, stops;
};

static enum engine_verdict inside(void *context, const struct engine_stop *stop, int *ret_errno)
{
	struct window *w = context;
	struct engine_stop counted = *stop;

	counted.index = UINT32_MAX - 1;
	if (stop->call == __NR_getpgid && stop->args[0] == SPACER_MARK)
		w->marks++;
	else if (w->marks == 1)
		counted.index = w->stops++;
	if (w->marks != 1 || counted.index != w->trouble.at)
		return ENGINE_CONTINUE;
	/* To wait for a child that is there fails for nobody. */
	if (stop->call == __NR_wait4) {
		w->trouble.infallible = true;
		return ENGINE_CONTINUE;
	}
	return trouble_at(&w->trouble, &counted, ret_errno);
}

static void spacer_run(const char *row, struct window *w, struct engine_result *ret)
{
	const char *const args[] = { SPACER_BUILT, row, NULL };

	cr_assert_eq(engine_run(args, ENGINE_ALL | ENGINE_TO_THE_END, RUN_SECONDS, inside, w, ret),
		     0, "the engine: %s", strerror(errno));
}

/* A daemon is killed; nobody but init can tell that, before Linux 6.15 and before it asked. */
static bool is_done(const struct probe *seen, const char *row)
{
	if (strcmp(row, "daemon") == 0)
		return probe_has(seen, "status=-9") || probe_has(seen, "status=-1000");
	if (strcmp(row, "pid1") == 0)
		return probe_has(seen, "status=-9");
	if (strcmp(row, "function") == 0 || strcmp(row, "memory") == 0 ||
	    strcmp(row, "thread") == 0)
		return probe_has(seen, "status=7") && probe_has(seen, "reached=1");
	return probe_has(seen, "status=7");
}

static bool is_whole(const struct probe *seen, const char *row)
{
	bool refused = probe_find(seen, "refused") != NULL, lost = probe_find(seen, "lost") != NULL;

	if (!probe_has(seen, "end=1") || !probe_has(seen, "fds=0") || !probe_has(seen, "child=0"))
		return false;
	/* Who could not come back is half-way, and knows. */
	if (!probe_has(seen, "same=1") && !(lost && strcmp(row, "enter") == 0))
		return false;
	if (probe_has(seen, "refused=(no word)") || probe_has(seen, "lost=(no word)") ||
	    probe_has(seen, "pid=-1") || probe_has(seen, "pid=0"))
		return false;
	return refused || lost || is_done(seen, row);
}

static void outcome_check(const struct engine_result *result, const char *row, const char *what)
{
	struct leak leak = { .arena = &e2e_arena };
	const char *left = leak_processes(&leak);
	struct probe seen;

	probe_parse(&seen, &e2e_arena, result->output);
	cr_expect(result->status == 0 && is_whole(&seen, row), "%s: status %d: %s", what,
		  result->status, result->output);
	cr_expect_null(left, "%s: left: %s\n%s", what, left, result->output);
}

static void row_check(const char *row)
{
	struct window w = { .trouble = { .at = UINT32_MAX } };
	struct engine_result result;
	struct probe seen;
	unsigned int stops, stride;

	if (attack_step() > 1)
		cr_skip_test("needs forks that are not emulated");
	spacer_run(row, &w, &result);
	probe_parse(&seen, &e2e_arena, result.output);
	cr_assert(result.status == 0 && is_done(&seen, row), "%s: %s", row, result.output);
	outcome_check(&result, row, row);
	stops = w.stops;
	stride = attack_stride(stops, RUNS);
	for (unsigned int at = 0; at < stops; at += stride)
		for (size_t i = 0; i < (attack_all() ? trouble_faults.count : 1); i++) {
			int number =
				trouble_faults.numbers[(at / stride + i) % trouble_faults.count];

			w = (struct window){ .trouble = { .at = at, .number = number } };
			spacer_run(row, &w, &result);
			outcome_check(&result, row,
				      arena_printf(&e2e_arena, "%s: %u: %s, errno %d", row, at,
						   result.stopped_at, number));
			if (w.trouble.infallible)
				break;
		}
	cr_log_info("%s: %u stops", row, stops);
}

#define SPACE(row)                                                              \
	ATTACK(space, fault_in_##row##_is_told_and_leaves_the_caller_as_it_was) \
	{                                                                       \
		row_check(#row);                                                \
	}
SPACE(function)
SPACE(program)
SPACE(memory)
SPACE(vfork)
SPACE(thread)
SPACE(daemon)
SPACE(pid1)
SPACE(inject)
SPACE(enter)
