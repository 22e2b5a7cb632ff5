/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/sys.h"
#include "tests/attack/attack.h"

/*
 * What test_fault.c and test_kill.c do with "run", with the commands of the life cycle: each
 * system call of create, start, exec and delete fails once, and kist is killed at each.  Where
 * the command says that it was done, it was; and "delete --force" leaves nothing in any case.
 */

struct stage {
	const char *name;
	bool is_created, is_started; /* before it */
	const char *done; /* in the output of "state" then, or of the command; NULL: no state */
};

static const struct stage stages[] = {
	{ "create", false, false, "\"status\": \"created\"" },
	{ "start", true, false, "\"status\": \"running\"" },
	{ "exec", true, true, "end=1" },
	{ "delete", true, true, NULL },
};

static void words_fill(const struct attack *a, const struct stage *stage, const char *words[8])
{
	const struct bundle *b = a->bundle;
	size_t at = 0;

	words[at++] = stage->name;
	if (strcmp(stage->name, "create") == 0) {
		words[at++] = "--bundle";
		words[at++] = b->path;
	}
	if (strcmp(stage->name, "delete") == 0)
		words[at++] = "--force";
	words[at++] = b->id;
	if (strcmp(stage->name, "exec") == 0) {
		words[at++] = "/probe";
		words[at++] = "report";
	}
	words[at] = NULL;
}

static void get_ready(const struct attack *a, const struct stage *stage)
{
	struct bundle *b = a->bundle;
	struct output got = { .status = 0 };

	if (stage->is_created)
		bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	cr_assert_eq(got.status, 0, "create: %s", got.err);
	if (stage->is_started)
		bundle_call(b, &got, "start", b->id, NULL);
	cr_assert_eq(got.status, 0, "start: %s", got.err);
}

/* Its exit status was 0: then it is so. */
static void expect_done(const struct attack *a, const struct stage *stage,
			const struct engine_result *result, const char *what)
{
	struct output got;

	if (strcmp(stage->name, "exec") == 0) {
		cr_expect(strstr(result->output, stage->done), "%s: %s", what, result->output);
		return;
	}
	bundle_call(a->bundle, &got, "state", a->bundle->id, NULL);
	if (stage->done == NULL)
		cr_expect_neq(got.status, 0, "%s: still there: %s", what, got.out);
	else
		cr_expect(strstr(got.out, stage->done), "%s: %s%s", what, got.out, got.err);
}

static void clean_up(const struct attack *a, const char *what)
{
	struct output got;
	const char *left;

	bundle_call(a->bundle, &got, "delete", "--force", a->bundle->id, NULL);
	cr_expect_eq(got.status, 0, "%s: cleaning up: status %d: %s", what, got.status, got.err);
	left = attack_left(a);
	cr_expect_null(left, "%s: left after delete: %s", what, left);
	attack_check(a, what);
}

struct trouble {
	unsigned int at;
	int number; /* the errno; 0: it is killed there */
};

/* close(2) is not failed: it does what it does in any case; nor what libc dies without. */
static enum engine_verdict trouble_at(void *context, const struct engine_stop *stop, int *ret_errno)
{
	static const int spared[] = {
		__NR_close,	 __NR_munmap,	       __NR_mmap, __NR_mprotect, __NR_brk,
		__NR_getpid,	 __NR_set_tid_address,
#ifdef __NR_arch_prctl
		__NR_arch_prctl,
#endif
	};
	const struct trouble *trouble = context;

	if (stop->index != trouble->at)
		return ENGINE_CONTINUE;
	*ret_errno = trouble->number;
	if (trouble->number == 0)
		return ENGINE_KILL;
	for (size_t i = 0; i < ARRAY_SIZE(spared); i++)
		if (stop->call == spared[i])
			return ENGINE_CONTINUE;
	return ENGINE_FAIL;
}

static void trouble_check(struct attack *a, const struct stage *stage, struct trouble *trouble,
			  const char *const words[])
{
	struct engine_result result;
	const char *what;

	attack_begin(a);
	get_ready(a, stage);
	attack_engine_call(a, words, ENGINE_ALL, trouble_at, trouble, &result);
	what = arena_printf(&e2e_arena, "%s: %s, errno %d", stage->name, result.stopped_at,
			    trouble->number);
	if (trouble->number != 0)
		cr_expect(WIFEXITED(result.status), "%s: died: %s", what, result.output);
	if (WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0)
		expect_done(a, stage, &result, what);
	else
		cr_expect(*result.output != '\0' || trouble->number == 0, "%s: no word", what);
	clean_up(a, what);
}

static void stage_check(const struct stage *stage, const int *numbers, size_t count)
{
	struct attack a = attack_new();
	struct trouble trouble = { .at = UINT32_MAX };
	struct engine_result result;
	const char *words[8];
	unsigned int stride;

	bundle_probe_args(a.bundle, "sleep", "60000", NULL);
	words_fill(&a, stage, words);
	attack_begin(&a);
	get_ready(&a, stage);
	attack_engine_call(&a, words, ENGINE_ALL, trouble_at, &trouble, &result);
	cr_assert(WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0, "%s: %s",
		  stage->name, result.output);
	expect_done(&a, stage, &result, stage->name);
	clean_up(&a, stage->name);
	stride = attack_stride(result.stops, 16);
	for (trouble.at = 0; trouble.at < result.stops; trouble.at += stride) {
		trouble.number = numbers[trouble.at / stride % count];
		trouble_check(&a, stage, &trouble, words);
	}
	cr_log_info("%s: %u stops", stage->name, result.stops);
}

static const int errnos[] = { EIO, ENOMEM, EINTR, EMFILE, ENOSPC, EPERM, ENOSYS };
static const int killed[] = { 0 };

#define LIFE(command, number)                                                   \
	ATTACK(life, fault_in_##command##_is_told_and_nothing_stays)            \
	{                                                                       \
		stage_check(&stages[number], errnos, ARRAY_SIZE(errnos));       \
	}                                                                       \
	ATTACK(life, command##_killed_leaves_nothing_that_delete_does_not_find) \
	{                                                                       \
		stage_check(&stages[number], killed, ARRAY_SIZE(killed));       \
	}
LIFE(create, 0)
LIFE(start, 1)
LIFE(exec, 2)
LIFE(delete, 3)
