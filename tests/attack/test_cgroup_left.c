/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/sys.h"
#include "tests/attack/attack.h"
#include "tests/attack/trouble.h"

/*
 * No cgroup outlives the state that names it.  A container with cgroups in every hierarchy, below
 * parents that kist makes: each call that makes, looks for or removes them fails once, and
 * kist is killed at each.  What a command leaves then, the next "delete --force" finds.
 */

static const int calls[] = {
	__NR_mkdirat, __NR_fsetxattr, __NR_fgetxattr, __NR_openat, __NR_openat2,
	__NR_fstatfs, __NR_unlinkat,  __NR_write,     __NR_read,   __NR_getdents64,
};

/* The at-th of such a call. */
struct hit {
	int call, number; /* of errno; 0: kist is killed there */
	unsigned int at, seen;
	bool done;
};

static enum engine_verdict hit(void *context, const struct engine_stop *stop, int *ret_errno)
{
	struct hit *hit = context;

	if (stop->call != hit->call || hit->seen++ != hit->at)
		return ENGINE_CONTINUE;
	hit->done = true;
	*ret_errno = hit->number;
	return hit->number == 0 ? ENGINE_KILL : ENGINE_FAIL;
}

static struct attack in_every_hierarchy(void)
{
	struct attack a = attack_new();

	bundle_set(a.bundle, "/linux/cgroupsPath",
		   arena_printf(&e2e_arena, "'/%s/above/more/own'", a.bundle->id));
	/* A private cgroup2 mount of a hybrid host has no controller, and one hierarchy. */
	if (access("/sys/fs/cgroup/pids", F_OK) == 0)
		bundle_set(a.bundle, "/linux/resources/pids", "{'limit': 99}");
	bundle_probe_args(a.bundle, "sleep", "60000", NULL);
	return a;
}

static void create(const struct attack *a)
{
	struct output got;

	bundle_call(a->bundle, &got, "create", "--bundle", a->bundle->path, a->bundle->id, NULL);
	cr_assert_eq(got.status, 0, "create: %s", got.err);
}

/* The command at its number-th such call; whether it made that many. */
static bool hit_once(const struct attack *a, bool created, const char *const words[],
		     const struct hit *wanted)
{
	struct engine_result result;
	struct hit tried = *wanted;

	if (created)
		create(a);
	attack_engine_call(a, words, ENGINE_ALL, hit, &tried, &result);
	attack_clean_up(a, arena_printf(&e2e_arena, "%s: call %d, the %uth, errno %d: %s", words[0],
					tried.call, tried.at, tried.number, result.output));
	return tried.done;
}

/* A sample of them: the step is prime to what is done in each hierarchy again. */
static void hit_all(bool created, int number, unsigned int step)
{
	struct attack a = in_every_hierarchy();
	const char *const make[] = { "create", "--bundle", a.bundle->path, a.bundle->id, NULL };
	const char *const remove[] = { "delete", "--force", a.bundle->id, NULL };

	attack_begin(&a);
	step = attack_all() ? 1 : step * attack_step();
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		struct hit wanted = { .call = calls[i], .number = number, .at = i % step };

		while (hit_once(&a, created, created ? remove : make, &wanted))
			wanted.at += step;
	}
}

ATTACK(cgroup_left, by_create_that_is_killed_goes_with_delete)
{
	hit_all(false, 0, 7);
}

ATTACK(cgroup_left, by_create_with_a_fault_goes_with_delete)
{
	hit_all(false, EMFILE, 7);
}

ATTACK(cgroup_left, by_delete_that_is_killed_goes_with_the_next)
{
	hit_all(true, 0, 4);
}

ATTACK(cgroup_left, by_delete_with_a_fault_goes_with_the_next)
{
	hit_all(true, EMFILE, 4);
}

/* Every process of it is below its id in every hierarchy. */
static void expect_whole(const struct attack *a, const char *what)
{
	struct output got;
	char *end;

	bundle_call(a->bundle, &got, "ps", "--format", "json", a->bundle->id, NULL);
	cr_assert_eq(got.status, 0, "%s: %s", what, got.err);
	for (const char *at = got.out; (at = strpbrk(at, "123456789")) != NULL; at = end) {
		const char *text = e2e_file_text(
			arena_printf(&e2e_arena, "/proc/%ld/cgroup", strtol(at, &end, 10)));
		size_t lines = 0, own = 0;

		for (const char *line = text; (line = strchr(line, '\n')) != NULL; line++)
			lines++;
		for (const char *line = text; (line = strstr(line, a->bundle->id)); line++)
			own++;
		cr_expect(lines > 1 && own == lines, "%s: %s", what, text);
	}
}

/* On a hybrid host an update brings a container into v1: the next one goes on where it ended. */
static bool update_once(const struct attack *a, const struct hit *wanted)
{
	const char *const words[] = { "update", "--pids-limit", "99", a->bundle->id, NULL };
	const char *what = arena_printf(&e2e_arena, "call %d, the %uth, errno %d", wanted->call,
					wanted->at, wanted->number);
	struct engine_result result;
	struct hit tried = *wanted;
	struct output got;

	create(a);
	bundle_call(a->bundle, &got, "start", a->bundle->id, NULL);
	cr_assert_eq(got.status, 0, "start: %s", got.err);
	attack_engine_call(a, words, ENGINE_ALL, hit, &tried, &result);
	bundle_call(a->bundle, &got, "update", "--pids-limit", "77", a->bundle->id, NULL);
	cr_expect_eq(got.status, 0, "%s: %s", what, got.err);
	expect_whole(a, what);
	attack_clean_up(a, what);
	return tried.done;
}

ATTACK(cgroup_left, by_update_that_ends_in_the_middle_is_made_whole_by_the_next)
{
	static const int changing[] = { __NR_mkdirat, __NR_fsetxattr, __NR_write };
	struct attack a = attack_new();

	if (access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) != 0 ||
	    access("/sys/fs/cgroup/pids", F_OK) != 0)
		e2e_skip("not a hybrid host");
	bundle_set(a.bundle, "/linux/resources", "{}");
	bundle_probe_args(a.bundle, "sleep", "60000", NULL);
	attack_begin(&a);
	for (size_t i = 0; i < ARRAY_SIZE(changing); i++)
		for (int number = 0; number <= EMFILE; number += EMFILE) {
			unsigned int step = attack_all() ? 1 : 3 * attack_step();
			struct hit wanted = { .call = changing[i], .number = number };

			while (update_once(&a, &wanted))
				wanted.at += step;
		}
}
