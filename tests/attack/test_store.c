/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"
#include "tests/attack/attack.h"
#include "tests/attack/trouble.h"

/*
 * The store of unpacked layers under the engine: "bundle" fails, or is killed, at each system
 * call, and so is "gc".  What another bundle needs stays, whole; what is said to be done is done;
 * and the next that comes finds nothing in its way and leaves nothing behind.
 */

enum { RUN_SECONDS = 100, WORDS_MAX = 6 };

struct place {
	const char *dir, *store, *out;
};

static const char *in(const struct place *p, const char *name)
{
	return arena_printf(&e2e_arena, "%s/%s", p->dir, name);
}

/* kist-rootfs --store STORE words... */
static void call(const struct place *p, engine_decide *decide, void *context,
		 const char *const words[WORDS_MAX], struct engine_result *ret)
{
	const char *args[WORDS_MAX + 4] = { ROOTFS_BUILT, "--store", p->store };

	for (size_t i = 0; i < WORDS_MAX && words[i] != NULL; i++)
		args[i + 3] = words[i];
	cr_assert_eq(engine_run(args, ENGINE_ALL | ENGINE_TO_THE_END, RUN_SECONDS, decide, context,
				ret),
		     0, "the engine: %s", strerror(errno));
	cr_expect_neq(ret->status, -1, "%s: still running: %s", ret->stopped_at, ret->output);
}

static bool is_good(const struct engine_result *result)
{
	return WIFEXITED(result->status) && WEXITSTATUS(result->status) == 0;
}

#define MUST(p, ...) must(p, (const char *const[WORDS_MAX]){ __VA_ARGS__ })
static void must(const struct place *p, const char *const words[WORDS_MAX])
{
	struct engine_result result;

	call(p, NULL, NULL, words, &result);
	cr_assert(is_good(&result), "%s: %s", words[0], result.output);
}

static void image_make(const struct place *p, const char *name)
{
	const char *root = in(p, arena_printf(&e2e_arena, "root-%s", name));

	cr_assert_eq(mkdir(root, 0755), 0);
	_cleanup_fd int fd = open(arena_printf(&e2e_arena, "%s/%s", root, name),
				  O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	cr_assert_eq(fd_write_all(fd, name, strlen(name)), 0);
	MUST(p, "pack", root, arena_printf(&e2e_arena, "oci:%s", in(p, name)));
}

static const char *image(const struct place *p, const char *name)
{
	return arena_printf(&e2e_arena, "oci:%s", in(p, name));
}

/* Two images; a bundle of the second one needs its layer in the store. */
static struct place place_new(void)
{
	struct place p = { .dir = bundle_new()->dir };
	struct stat st;

	if (attack_step() > 1)
		e2e_skip("needs forks that are not emulated");
	p.store = in(&p, "store");
	p.out = in(&p, "out");
	image_make(&p, "one");
	image_make(&p, "two");
	MUST(&p, "bundle", image(&p, "two"), in(&p, "needs-two"), "--", "/two");
	/* CVE-2024-25621: set-user-id programs of images are in it. */
	cr_assert(stat(p.store, &st) == 0 && (st.st_mode & 0077) == 0, "mode %o", st.st_mode);
	return p;
}

static size_t count_in(const char *path)
{
	DIR *dir = opendir(path);
	size_t count = 0;

	while (dir != NULL && dir_next(dir) != NULL)
		count++;
	if (dir != NULL)
		closedir(dir);
	return count;
}

/* Without trouble again: all is there and whole, and only what is needed remains. */
static void expect_whole(const struct place *p, const char *what)
{
	struct engine_result result;

	call(p, NULL, NULL, (const char *const[WORDS_MAX]){ "store", "ls" }, &result);
	cr_expect(strstr(result.output, " yes "), "%s: the layer of the other bundle is gone: %s",
		  what, result.output);
	MUST(p, "store", "verify");
	leak_remove_tree(p->out);
	MUST(p, "bundle", image(p, "one"), p->out, "--", "/one");
	MUST(p, "store", "verify");
	leak_remove_tree(p->out);
	MUST(p, "gc");
	cr_expect_eq(count_in(arena_printf(&e2e_arena, "%s/l", p->store)), 1, "%s: left over",
		     what);
	cr_expect_eq(count_in(arena_printf(&e2e_arena, "%s/layers", p->store)), 1,
		     "%s: records left over", what);
}

struct stage {
	bool is_gc; /* else: bundle */
	unsigned int runs;
};

static void stage_call(const struct place *p, const struct stage *stage, engine_decide *decide,
		       void *context, struct engine_result *ret)
{
	if (stage->is_gc) {
		MUST(p, "bundle", image(p, "one"), p->out, "--", "/one");
		leak_remove_tree(p->out);
	}
	if (stage->is_gc)
		call(p, decide, context, (const char *const[WORDS_MAX]){ "gc" }, ret);
	else
		call(p, decide, context,
		     (const char *const[WORDS_MAX]){ "bundle", image(p, "one"), p->out, "--",
						     "/one" },
		     ret);
}

static void outcome_check(const struct place *p, const struct stage *stage,
			  const struct engine_result *result, const struct trouble *trouble)
{
	const char *what = arena_printf(&e2e_arena, "%s, errno %d", result->stopped_at,
					trouble->number);
	bool there = access(arena_printf(&e2e_arena, "%s/config.json", p->out), F_OK) == 0;

	if (trouble->number != 0 && !trouble->vital) {
		cr_expect(WIFEXITED(result->status), "%s: died: %s", what, result->output);
		cr_expect(is_good(result) || *result->output != '\0', "%s: no word", what);
		cr_expect(stage->is_gc || is_good(result) == there, "%s: status %d: %s", what,
			  result->status, result->output);
	}
	expect_whole(p, what);
}

static void stage_check(const struct stage *stage, const struct trouble_list *list)
{
	const struct place p = place_new();
	struct engine_result result;
	unsigned int stops, stride;

	stage_call(&p, stage, NULL, NULL, &result);
	cr_assert(is_good(&result), "%s", result.output);
	expect_whole(&p, "without trouble");
	stops = result.stops;
	stride = attack_stride(stops, stage->runs);
	for (unsigned int at = 0; at < stops; at += stride) {
		struct trouble trouble = trouble_of(list, at, stride);

		stage_call(&p, stage, trouble_at, &trouble, &result);
		outcome_check(&p, stage, &result, &trouble);
	}
	cr_log_info("%u stops", stops);
}

static const struct stage bundle = { false, 16 }, gc = { true, 16 };

ATTACK(store, fault_in_bundle_is_told_and_spoils_nothing)
{
	stage_check(&bundle, &trouble_faults);
}

ATTACK(store, bundle_killed_spoils_nothing)
{
	stage_check(&bundle, &trouble_kills);
}

ATTACK(store, fault_in_gc_is_told_and_spoils_nothing)
{
	stage_check(&gc, &trouble_faults);
}

ATTACK(store, gc_killed_spoils_nothing)
{
	stage_check(&gc, &trouble_kills);
}

/* Each of these calls fails once. */
static void gc_check(int number, bool is_told)
{
	const struct place p = place_new();

	for (unsigned int at = 0;; at++) {
		struct trouble_call fault = { .call = number, .at = at };
		struct trouble trouble = { .number = EIO };
		struct engine_result result;

		stage_call(&p, &gc, trouble_at_call, &fault, &result);
		if (!fault.done)
			break;
		cr_expect(!is_told || !is_good(&result), "call %u: %s", at, result.output);
		outcome_check(&p, &gc, &result, &trouble);
	}
}

/* A list that cannot be read to its end is not a short one: what is not in it is removed. */
ATTACK(store, gc_that_cannot_read_a_directory_removes_nothing_that_is_needed)
{
	gc_check(__NR_getdents64, true);
}

ATTACK(store, gc_that_cannot_look_at_a_layer_does_not_take_it_for_gone)
{
	gc_check(__NR_newfstatat, false);
}
