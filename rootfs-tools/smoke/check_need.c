/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "rootfs-tools/smoke/checks.h"
#include "rootfs-tools/smoke/inside.h"

/*
 * The image with something taken away: does it behave as it does with everything?  What it
 * needs is told, and a failure only where --require asks that it be not needed.
 */
const struct need check_needs[] = {
	{ NEED_WRITABLE, "works with a read-only root", "read-only", false, NULL },
	{ NEED_ROOT, "works as another user than root", "non-root", false, NULL },
	{ NEED_CAPABILITIES, "works without capabilities", "no-capabilities", false, NULL },
	{ NEED_INIT, "works as pid 1, without an init", "no-init", false, NULL },
	{ NEED_NETWORK, "starts without a network", "no-network", false, NULL },
	{ 0 },
};

#define NOBODY		"65534:65534"
enum { ORPHAN_WAIT = 300 };

struct trying {
	const struct smoke *smoke;
	const struct need *need;
	struct findings *findings;
	struct check *check;
	struct run run;
};

/* Needed, then: why we think so. */
static void needed(struct trying *t, const char *what)
{
	if (t->need->required)
		check_fail(t->findings, t->check, "%s", what);
	else
		check_note(t->findings, t->check, "%s", what);
}

static void wait_for_start(struct start *start)
{
	pthread_mutex_lock(&start->lock);
	while (!start->done)
		pthread_cond_wait(&start->known, &start->lock);
	pthread_mutex_unlock(&start->lock);
}

/* Pid 1 gets, but for SIGKILL, only signals that it catches, and has to wait for orphans itself. */
static void judge_pid1(struct trying *t)
{
	const int signal = subject_stop_signal(&t->smoke->subject);
	struct arena *arena = t->findings->arena;
	struct error ignored;

	if (signal != SIGKILL && !inside_catches(t->run.inside, signal))
		needed(t, arena_printf(arena, "needs an init: as pid 1 it does not hear %s",
				       signal_text(arena, signal)));
	if (inside_orphan(t->run.inside, ORPHAN_WAIT, &ignored) == 0)
		needed(t, "needs an init: as pid 1 it leaves orphans as zombies");
}

static const char *need_text(struct trying *t, const char *what)
{
	static const char *const needs[] = {
		[NEED_WRITABLE] = "needs a writable root",
		[NEED_ROOT] = "needs to be root",
		[NEED_CAPABILITIES] = "needs capabilities, or setuid programs",
		[NEED_INIT] = "needs an init",
		[NEED_NETWORK] = "needs a network",
	};

	return arena_printf(t->findings->arena, "%s: without, it %s", needs[t->need->kind], what);
}

static void compare(struct trying *t, enum run_wait wait)
{
	const struct start *start = t->need->start;
	struct arena *arena = t->findings->arena;
	const char *tail;

	if (wait == RUN_ENDED)
		run_end(&t->run);
	wait_for_start(t->need->start);
	if (!start->works) {
		check_skip(t->findings, t->check, "it does not work at all");
	} else if (wait == RUN_ENDED && t->run.refused != NULL) {
		needed(t, need_text(t, arena_printf(arena, "does not start: %s", t->run.refused)));
	} else if (wait == RUN_ENDED && (start->runs || t->run.status != start->status)) {
		needed(t, need_text(t, status_text(arena, t->run.status)));
		tail = output_tail(arena, t->run.err.size > 0 ? &t->run.err : &t->run.out);
		if (*tail != '\0')
			check_say(t->findings, t->check, "%s", tail);
	} else if (wait == RUN_LATE && start->runs && !start->late) {
		needed(t, need_text(t, "gets no port to listen"));
	} else if (wait != RUN_ENDED && t->need->kind == NEED_INIT) {
		judge_pid1(t);
	}
}

static bool takes_away(struct trying *t, struct container_config *config)
{
	switch (t->need->kind) {
	case NEED_WRITABLE:
		config->read_only = true;
		break;
	case NEED_ROOT:
		if (!t->smoke->many_ids) {
			check_skip(t->findings, t->check, "another user needs a range in "
				   "/etc/subuid");
			return false;
		}
		if (subject_user_is_root(&t->smoke->subject))
			config->user = NOBODY;
		else
			check_fact(t->findings, t->check, "its own user is not root");
		break;
	case NEED_CAPABILITIES:
		config->no_capabilities = true;
		break;
	case NEED_INIT:
		config->init = "never";
		break;
	case NEED_NETWORK:
		wait_for_start(t->need->start);
		if (t->need->start->needs_network)
			needed(t, "needs a network: without, it does not start");
		else if (!t->need->start->works)
			check_skip(t->findings, t->check, "it does not work at all");
		return false;
	}
	return true;
}

void check_need(const struct smoke *smoke, const struct job *job, struct findings *findings)
{
	const struct need *need = job->what;
	struct trying t = { .smoke = smoke, .need = need, .findings = findings, .run = RUN_NONE,
			    .check = check_new(findings, need->name) };
	struct container_config config = { .network = NETWORK_OWN };
	struct readiness readiness;
	struct root root;
	struct error err;
	enum run_wait wait;

	readiness_of_image(smoke, &readiness);
	if (!takes_away(&t, &config))
		return;
	if (root_make(findings->arena, smoke, need->flag, &root, &err) < 0 ||
	    (config.root = root.path,
	     run_start(&t.run, findings->arena, smoke, need->flag, &config, &err)) < 0) {
		check_fail(findings, t.check, "%s", err.text);
		return;
	}
	wait = run_wait(&t.run, time_now() + ms_to_ns(smoke->timeout), readiness_met, &readiness);
	if (wait == RUN_MET)
		readiness_note(&readiness, &t.run);
	compare(&t, wait);
	run_close(&t.run, findings, t.check);
	root_drop(&root);
	t.check->ended = time_now();
}
