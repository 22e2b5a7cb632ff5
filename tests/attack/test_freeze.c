/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/sys.h"
#include "tests/attack/attack.h"

/* Two commands for one container, of which one freezes or thaws it. */

/* "run" deletes what "kill" has killed before that comes to thaw it. */
struct ending {
	const struct call *run;
	bool sent;
};

static enum engine_verdict end_first(void *context, const struct engine_stop *stop,
				     int *ret_errno _unused)
{
	struct ending *ending = context;
	struct pollfd ended = { ending->run->pidfd, POLLIN, 0 };

	if (ending->sent)
		poll(&ended, 1, 5000);
	ending->sent = stop->call == __NR_pidfd_send_signal;
	return ENGINE_CONTINUE;
}

ATTACK(freeze, ended_by_kill_may_be_gone_at_once)
{
	struct attack a = attack_new();
	const char *const words[] = { "kill", a.bundle->id, "KILL", NULL };
	struct call run;
	struct ending ending = { &run, false };
	struct engine_result result;
	struct output output;

	bundle_probe_args(a.bundle, "say", "ready", "sleep", "60000", NULL);
	bundle_begin(a.bundle, &run, "run", "--bundle", a.bundle->path, a.bundle->id, NULL);
	bundle_await(&run, "ready");
	bundle_call(a.bundle, &output, "pause", a.bundle->id, NULL);
	cr_expect_eq(output.status, 0, "%s", output.err);
	attack_engine_call(&a, words, ENGINE_ALL, end_first, &ending, &result);
	cr_expect_eq(result.status, 0, "%s", result.output);
	bundle_finish(&run, &output);
	cr_expect_eq(output.status, 128 + SIGKILL, "%s", output.err);
}

/* Between what "pause" writes and what it reads, "kill" comes: that has killed all, and thaws. */
struct killing {
	struct bundle *bundle;
	bool told, done;
};

static enum engine_verdict kill_meanwhile(void *context, const struct engine_stop *stop,
					  int *ret_errno _unused)
{
	struct killing *killing = context;
	struct output output;

	if (killing->told && !killing->done) {
		killing->done = true;
		bundle_call(killing->bundle, &output, "kill", killing->bundle->id, "KILL", NULL);
		cr_expect_eq(output.status, 0, "%s", output.err);
	}
	killing->told = killing->told || stop->call == __NR_write;
	return ENGINE_CONTINUE;
}

/* How long it takes, in milliseconds. */
static int64_t pause_killed(void)
{
	struct attack a = attack_new();
	struct killing killing = { .bundle = a.bundle };
	const char *const words[] = { "pause", a.bundle->id, NULL };
	struct engine_result result;
	int64_t begun;

	bundle_run_sleeper(a.bundle);
	begun = clock_ms();
	attack_engine_call(&a, words, ENGINE_ALL, kill_meanwhile, &killing, &result);
	begun = clock_ms() - begun;
	cr_expect(killing.done);
	cr_expect(WIFEXITED(result.status), "%s", result.output);
	bundle_destroy(a.bundle);
	return begun;
}

ATTACK(freeze, undone_by_kill_is_not_waited_for)
{
	int64_t took = pause_killed();

	/* It would wait ten seconds each time; a loaded machine takes longer than an idle one. */
	for (int tries = 0; tries < 5 && took >= 5000; tries++)
		took = pause_killed();
	cr_expect_lt(took, 5000, "it waited");
}
