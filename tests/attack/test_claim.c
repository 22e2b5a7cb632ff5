/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "base/sys.h"
#include "tests/attack/attack.h"

/*
 * "delete --force" of an id finds the draft of a killed "create", and while it takes that away a
 * new "create" comes.  It has no container in its way, so it makes one, whole.
 */

/* "create" is killed as soon as that is there. */
static enum engine_verdict kill_behind(void *path, const struct engine_stop *stop _unused,
				       int *ret_errno _unused)
{
	return access(path, F_OK) == 0 ? ENGINE_KILL : ENGINE_CONTINUE;
}

static void leave_draft(const struct attack *a)
{
	const char *const create[] = { "create", "--bundle", a->bundle->path, a->bundle->id, NULL };
	char *journal = arena_printf(&e2e_arena, "%s/~%s/journal", a->bundle->state, a->bundle->id);
	struct engine_result result;

	attack_engine_call(a, create, ENGINE_ALL, kill_behind, journal, &result);
	cr_assert_eq(access(journal, F_OK), 0, "no draft: %s: %s", result.stopped_at,
		     result.output);
}

/* A create in the middle of the command, as far as it comes. */
struct middle {
	const struct attack *attack;
	unsigned int at;
	struct call call;
	bool called;
};

static enum engine_verdict create_at(void *context, const struct engine_stop *stop,
				     int *ret_errno _unused)
{
	struct middle *middle = context;
	struct bundle *b = middle->attack->bundle;
	struct pollfd ended = { .events = POLLIN };

	if (stop->index != middle->at)
		return ENGINE_CONTINUE;
	bundle_begin(b, &middle->call, "create", "--bundle", b->path, b->id, NULL);
	middle->called = true;
	ended.fd = middle->call.pidfd;
	poll(&ended, 1, 40);
	return ENGINE_CONTINUE;
}

/* It may be deleted again, for the other command asks for that: but it is not there by halves. */
static void whole_check(const struct attack *a, const char *what)
{
	struct output got;

	bundle_call(a->bundle, &got, "state", a->bundle->id, NULL);
	if (got.status == 0) {
		cr_expect(strstr(got.out, "\"status\": \"created\""), "%s: %s", what, got.out);
		bundle_call(a->bundle, &got, "start", a->bundle->id, NULL);
		cr_expect_eq(got.status, 0, "%s: start: %s", what, got.err);
		bundle_call(a->bundle, &got, "exec", a->bundle->id, "/probe", "say", "in", NULL);
		cr_expect_eq(got.status, 0, "%s: exec: %s", what, got.err);
	}
	bundle_call(a->bundle, &got, "delete", "--force", a->bundle->id, NULL);
	cr_expect_eq(got.status, 0, "%s: delete: %s", what, got.err);
}

/* Who asks in between may be told that there is nothing yet, but of no damage. */
static enum engine_verdict ps_at(void *context, const struct engine_stop *stop _unused,
				 int *ret_errno _unused)
{
	struct bundle *b = context;
	struct output got;

	bundle_call(b, &got, "ps", "--format", "json", b->id, NULL);
	cr_expect(got.status == 0 || strstr(got.err, "container does not exist") != NULL, "%s",
		  got.err);
	return ENGINE_CONTINUE;
}

ATTACK(claim, in_the_making_is_shown_by_ps)
{
	struct attack a = attack_new();
	const char *const words[] = { "create", "--bundle", a.bundle->path, a.bundle->id, NULL };
	struct engine_result result;

	bundle_probe_args(a.bundle, "sleep", "60000", NULL);
	attack_engine_call(&a, words, ENGINE_PATHS, ps_at, a.bundle, &result);
	cr_expect_eq(result.status, 0, "%s", result.output);
	bundle_destroy(a.bundle);
}

ATTACK(claim, of_an_id_whose_draft_is_deleted_meanwhile_is_no_second_one)
{
	struct attack a = attack_new();
	const char *const words[] = { "delete", "--force", a.bundle->id, NULL };
	struct middle middle = { .attack = &a, .called = true };

	bundle_probe_args(a.bundle, "sleep", "60000", NULL);
	attack_begin(&a);
	for (; middle.called; middle.at += attack_step()) {
		const char *what = arena_printf(&e2e_arena, "create at %u", middle.at);
		struct engine_result result;
		struct output got;
		const char *left;

		leave_draft(&a);
		middle.called = false;
		attack_engine_call(&a, words, ENGINE_PATHS, create_at, &middle, &result);
		cr_expect_eq(result.status, 0, "%s: %s", what, result.output);
		if (middle.called) {
			bundle_finish(&middle.call, &got);
			cr_expect_eq(got.status, 0, "%s: %s", what, got.err);
		}
		whole_check(&a, what);
		left = attack_left(&a);
		cr_expect_null(left, "%s: left: %s", what, left);
	}
	attack_check(&a, "created and deleted");
	cr_log_info("%u stops", middle.at);
}
