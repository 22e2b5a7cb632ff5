/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"
#include "tests/attack/attack.h"
#include "tests/attack/trouble.h"

/*
 * "kist smoke" under the engine.  It says that an image works only where it has seen that; and
 * what a killed one leaves, containers too, goes with the next.
 */

#define PLACES	"/run/kist-smoke"

enum { RUN_SECONDS = 100 };

/* Of this test's own: others check images meanwhile. */
static void places_make(void)
{
	_cleanup_fd int fs_fd = sys_fsopen("tmpfs", FSOPEN_CLOEXEC), mount_fd = -EBADF;

	if (mkdir(PLACES, 0700) < 0)
		cr_assert_eq(errno, EEXIST, "make " PLACES);
	cr_assert_eq(sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "mode", "0700", 0), 0);
	cr_assert_eq(sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0), 0);
	mount_fd = sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, 0);
	cr_assert_eq(sys_move_mount(mount_fd, "", AT_FDCWD, PLACES, MOVE_MOUNT_F_EMPTY_PATH), 0);
}

/* The name of what a run left, which is in the paths of its cgroups, too; NULL: nothing. */
static const char *place_left(void)
{
	const char *found = NULL;
	DIR *dir = opendir(PLACES);

	for (struct dirent *entry; dir != NULL && (entry = dir_next(dir)) != NULL;)
		found = arena_strdup(&e2e_arena, entry->d_name);
	if (dir != NULL)
		closedir(dir);
	return found;
}

static void smoke(const struct attack *a, engine_decide *decide, void *context,
		  struct engine_result *ret)
{
	/* Where it is to work it has time for that, on any machine. */
	const char *const grace = decide == NULL ? "60s" : "1s";
	const char *const args[] = { SMOKE_BUILT, "--only",	  "container",	"-j1",
				     "--settle",  "50ms",	  "--grace",	grace,
				     "--timeout", "5s",		  a->bundle->rootfs, "--",
				     "/probe",	  "sleep",	  "60000",	NULL };

	cr_assert_eq(engine_run(args, ENGINE_ALL | ENGINE_TO_THE_END, RUN_SECONDS, decide, context,
				ret),
		     0, "the engine: %s", strerror(errno));
	cr_expect_neq(ret->status, -1, "%s: still running: %s", ret->stopped_at, ret->output);
}

static bool is_good(const struct engine_result *result)
{
	return WIFEXITED(result->status) && WEXITSTATUS(result->status) == 0;
}

static void outcome_check(struct attack *a, const struct engine_result *result,
			  const struct trouble *trouble)
{
	const char *what = arena_printf(&e2e_arena, "%s, errno %d", result->stopped_at,
					trouble->number);
	const char *name = place_left(), *left;
	struct leak leak = { .arena = &e2e_arena };
	struct engine_result next;

	/* What could not be looked at is told as skipped, with the reason. */
	if (is_good(result))
		cr_expect(strstr(result->output, " ok; ") || strstr(result->output, " skipped; "),
			  "%s: %s", what, result->output);
	if (trouble->number != 0 && !trouble->vital) {
		cr_expect(WIFEXITED(result->status), "%s: died: %s", what, result->output);
		cr_expect(is_good(result) || *result->output != '\0', "%s: no word", what);
	}
	smoke(a, NULL, NULL, &next);
	cr_expect(is_good(&next), "the next one behind %s: %s", what, next.output);
	cr_expect_null(place_left(), "%s: left: %s", what, place_left());
	left = attack_left(a);
	cr_expect_null(left, "%s: left: %s", what, left);
	left = name != NULL ? leak_cgroups(&leak, name) : NULL;
	cr_expect_null(left, "%s: left: %s", what, left);
	attack_check(a, what);
}

static void trouble_all(const struct trouble_list *list)
{
	struct attack a = attack_new();
	struct engine_result result;
	unsigned int stops, stride;

	if (attack_step() > 1)
		e2e_skip("needs forks that are not emulated");
	places_make();
	attack_begin(&a);
	smoke(&a, NULL, NULL, &result);
	cr_assert(is_good(&result), "%s", result.output);
	stops = result.stops;
	stride = attack_stride(stops, 12);
	for (unsigned int at = 0; at < stops; at += stride) {
		struct trouble trouble = trouble_of(list, at, stride);

		smoke(&a, trouble_at, &trouble, &result);
		outcome_check(&a, &result, &trouble);
	}
	sys_umount2(PLACES, MNT_DETACH);
	cr_log_info("%u stops", stops);
}

ATTACK(smoke, with_a_call_that_fails_passes_only_what_it_saw)
{
	trouble_all(&trouble_faults);
}

ATTACK(smoke, that_is_killed_leaves_nothing_that_the_next_does_not_find)
{
	trouble_all(&trouble_kills);
}
