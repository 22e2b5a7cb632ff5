/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/sys.h"
#include "tests/attack/attack.h"

/* Two commands for one container, of which one freezes or thaws it; and its own freezing. */

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

/* The program freezes itself, in a cgroup of its own below that of the container. */
static void run_frozen(const struct attack *a, const char *init)
{
	const char *freezer = "/sys/fs/cgroup/freezer", *state, *text = "";
	struct output output;

	bundle_set(a->bundle, "/annotations",
		   arena_printf(&e2e_arena, "{'org.kist.init': '%s'}", init));
	bundle_set(a->bundle, "/mounts/6/options", "['rw']");
	bundle_set(a->bundle, "/linux/cgroupsPath",
		   arena_printf(&e2e_arena, "'/%s'", a->bundle->id));
	bundle_probe_args(a->bundle, "mkdir", "/sys/fs/cgroup/freezer/x", "write",
			  "/sys/fs/cgroup/freezer/x/cgroup.procs", "0", "write",
			  "/sys/fs/cgroup/freezer/x/freezer.state", "FROZEN", "sleep", "60000",
			  NULL);
	bundle_call(a->bundle, &output, "run", "--detach", "--bundle", a->bundle->path,
		    a->bundle->id, NULL);
	cr_assert_eq(output.status, 0, "%s", output.err);
	state = arena_printf(&e2e_arena, "%s/%s/x/freezer.state", freezer, a->bundle->id);
	for (int tries = 0; tries < 3000 && strcmp(text, "FROZEN\n") != 0; tries++) {
		struct error err;
		char *got;

		usleep(10000);
		text = file_read(AT_FDCWD, state, 64, &e2e_arena, &got, NULL, &err) < 0 ? "" : got;
	}
	cr_assert_str_eq(text, "FROZEN\n");
}

ATTACK(freeze, from_the_inside_is_killed_and_goes)
{
	static const char *const calls[][2] = {
		{ "delete", "--force" },
		{ "kill", "KILL" },
		{ "kill", "--all" },
	};
	static const char *const inits[] = { "auto", "never" };

	if (access("/sys/fs/cgroup/freezer/cgroup.procs", F_OK) < 0)
		e2e_skip("this host has no freezer of cgroup v1");
	for (size_t i = 0; i < ARRAY_SIZE(calls) * ARRAY_SIZE(inits); i++) {
		const char *const *words = calls[i / ARRAY_SIZE(inits)];
		const char *init = inits[i % ARRAY_SIZE(inits)];
		bool is_kill = strcmp(words[0], "kill") == 0;
		struct attack a = attack_new();
		struct output output;

		run_frozen(&a, init);
		if (is_kill && words[1][0] != '-')
			bundle_call(a.bundle, &output, "kill", a.bundle->id, "KILL", NULL);
		else if (is_kill)
			bundle_call(a.bundle, &output, "kill", "--all", a.bundle->id, "KILL", NULL);
		else
			bundle_call(a.bundle, &output, "delete", "--force", a.bundle->id, NULL);
		cr_expect_eq(output.status, 0, "%s %s: %s", words[0], words[1], output.err);
		if (!is_kill)
			continue;
		bundle_call(a.bundle, &output, "wait", a.bundle->id, NULL);
		bundle_call(a.bundle, &output, "delete", a.bundle->id, NULL);
		cr_expect_eq(output.status, 0, "%s %s: %s", words[0], words[1], output.err);
	}
}
