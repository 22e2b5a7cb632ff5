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
 * What makes and changes images, under the engine: each system call fails once, and is the last
 * once.  An image is whole or not there; the others of its layout stay; what is said to be done
 * is done; and the next that comes finds nothing in its way.
 */

enum { RUN_SECONDS = 100, WORDS_MAX = 6 };

/* In words, what begins with "@" is below the directory of the test, "oci:@" and the like, too. */
struct stage {
	const char *name;
	const char *words[WORDS_MAX]; /* the command */
	const char *ask[WORDS_MAX], *done; /* another, that has done in its output then */
	const char *made; /* what is made at once or not at all; NULL: a layout is changed */
	unsigned int runs; /* of a sample */
};

static const struct stage stages[] = {
	{ "new_layout",
	  { "pack", "@two", "oci:@work/new:two" },
	  { "cat", "oci:@work/new:two", "/two" },
	  "of two",
	  "@work/new",
	  12 },
	{ "archive",
	  { "pack", "@two", "oci-archive:@work/new:two" },
	  { "cat", "oci-archive:@work/new:two", "/two" },
	  "of two",
	  "@work/new",
	  8 },
	{ "more",
	  { "pack", "@two", "oci:@work/kept:two" },
	  { "cat", "oci:@work/kept:two", "/two" },
	  "of two",
	  NULL,
	  8 },
	{ "changes",
	  { "pack", "--base=oci:@work/kept:one", "@two", "oci:@work/kept:two" },
	  { "cat", "oci:@work/kept:two", "/two" },
	  "of two",
	  NULL,
	  12 },
	{ "insert",
	  { "insert", "oci:@work/kept:spare", "@two/two", "/put" },
	  { "cat", "oci:@work/kept:spare", "/put" },
	  "of two",
	  NULL,
	  8 },
	{ "config",
	  { "config", "--user=4711", "oci:@work/kept:spare" },
	  { "inspect", "oci:@work/kept:spare" },
	  "4711",
	  NULL,
	  6 },
	{ "squash",
	  { "squash", "oci:@work/kept:spare" },
	  { "cat", "oci:@work/kept:spare", "/two" },
	  "of two",
	  NULL,
	  8 },
	{ "tag",
	  { "tag", "oci:@work/kept:one", "more" },
	  { "cat", "oci:@work/kept:more", "/one" },
	  "of one",
	  NULL,
	  4 },
	{ "rm",
	  { "rm", "oci:@work/kept:spare" },
	  { "cat", "oci:@work/kept:spare", "/two" },
	  "spare: ",
	  NULL,
	  4 },
	{ "gc", { "gc", "@work/kept" }, { "gc", "@work/kept" }, "", NULL, 6 },
};

static const char *dir; /* of the test */

static const char *fill(const char *word)
{
	const char *at = strchr(word, '@');

	return at == NULL ?
		       word :
		       arena_printf(&e2e_arena, "%.*s%s/%s", (int)(at - word), word, dir, at + 1);
}

static void call(const char *const words[WORDS_MAX], engine_decide *decide, void *context,
		 struct engine_result *ret)
{
	const char *args[WORDS_MAX + 4] = { ROOTFS_BUILT, "--store", fill("@store") };

	for (size_t i = 0; i < WORDS_MAX && words[i] != NULL; i++)
		args[i + 3] = fill(words[i]);
	cr_assert_eq(engine_run(args, ENGINE_ALL | ENGINE_TO_THE_END, RUN_SECONDS, decide, context,
				ret),
		     0, "the engine: %s", strerror(errno));
	cr_expect_neq(ret->status, -1, "%s: %s: still running: %s", words[0], ret->stopped_at,
		      ret->output);
}

static bool is_good(const struct engine_result *result)
{
	return WIFEXITED(result->status) && WEXITSTATUS(result->status) == 0;
}

#define MUST(what, ...) must(what, (const char *const[WORDS_MAX]){ __VA_ARGS__ })
static void must(const char *what, const char *const words[WORDS_MAX])
{
	struct engine_result result;

	call(words, NULL, NULL, &result);
	cr_expect(is_good(&result), "%s: %s: %s", what, words[0], result.output);
}

static void root_make(const char *name)
{
	const char *root = fill(arena_printf(&e2e_arena, "@%s", name));
	const char *text = arena_printf(&e2e_arena, "of %s\n", name);

	cr_assert_eq(mkdir(root, 0755), 0);
	_cleanup_fd int fd = open(arena_printf(&e2e_arena, "%s/%s", root, name),
				  O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	cr_assert_eq(fd_write_all(fd, text, strlen(text)), 0);
}

static void begin(void)
{
	if (attack_step() > 1)
		e2e_skip("needs forks that are not emulated");
	dir = bundle_new()->dir;
	root_make("one");
	root_make("two");
}

/* A layout with two images, one of two layers, and blobs that no image needs. */
static void get_ready(void)
{
	leak_remove_tree(fill("@work"));
	cr_assert_eq(mkdir(fill("@work"), 0755), 0);
	MUST("before", "pack", "@one", "oci:@work/kept:one");
	MUST("before", "pack", "--base=oci:@work/kept:one", "@two", "oci:@work/kept:spare");
	MUST("before", "pack", "--compress=none", "@two", "oci:@work/kept:gone");
	MUST("before", "rm", "oci:@work/kept:gone");
}

/* A name that only what is being made has. */
static const char *left_in(const char *path)
{
	DIR *list = opendir(path);
	const char *found = NULL;

	for (struct dirent *entry; list != NULL && (entry = dir_next(list)) != NULL;)
		if (strncmp(entry->d_name, ".kist-", 6) == 0)
			found = arena_strdup(&e2e_arena, entry->d_name);
	if (list != NULL)
		closedir(list);
	return found;
}

static void expect_done(const struct stage *stage, const char *what)
{
	struct engine_result result;

	call(stage->ask, NULL, NULL, &result);
	cr_expect(strstr(result.output, stage->done), "%s: it is not: %s", what, result.output);
}

/* Whatever has happened: the layout is good, and what was to be done can be done. */
static void expect_whole(const struct stage *stage, const char *what)
{
	static const char *const places[] = { "@work/kept", "@work/kept/blobs/sha256" };
	struct engine_result result;

	MUST(what, "validate", "oci:@work/kept");
	MUST(what, "cat", "oci:@work/kept:one", "/one");
	call(stage->words, NULL, NULL, &result);
	if (is_good(&result))
		expect_done(stage, what);
	else
		cr_expect(strstr(result.output, "exists") || strstr(result.output, "called spare"),
			  "%s: the next: %s", what, result.output);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		cr_expect_null(left_in(fill(places[i])), "%s: left: %s", what,
			       left_in(fill(places[i])));
}

static void trouble_check(const struct stage *stage, struct trouble *trouble)
{
	struct engine_result result;
	const char *what;

	get_ready();
	call(stage->words, trouble_at, trouble, &result);
	what = arena_printf(&e2e_arena, "%s: %s, errno %d", stage->name, result.stopped_at,
			    trouble->number);
	if (trouble->number != 0 && !trouble->vital) {
		cr_expect(WIFEXITED(result.status), "%s: died: %s", what, result.output);
		cr_expect(is_good(&result) || *result.output != '\0', "%s: no word", what);
		cr_expect(left_in(fill("@work")) == NULL || strstr(result.output, "remove "),
			  "%s: left: %s", what, left_in(fill("@work")));
	}
	if (is_good(&result))
		expect_done(stage, what);
	else if (stage->made != NULL && access(fill(stage->made), F_OK) == 0)
		expect_done(stage, arena_printf(&e2e_arena, "%s: made, but", what));
	expect_whole(stage, what);
}

static void stage_check(const char *name, const struct trouble_list *list)
{
	const struct stage *stage = stages;
	struct engine_result result;
	unsigned int stops, stride;

	while (strcmp(stage->name, name) != 0)
		stage++;
	begin();
	get_ready();
	call(stage->words, NULL, NULL, &result);
	cr_assert(is_good(&result), "%s: %s", name, result.output);
	expect_done(stage, name);
	stops = result.stops;
	stride = attack_stride(stops, stage->runs);
	for (unsigned int at = 0; at < stops; at += stride) {
		struct trouble trouble = trouble_of(list, at, stride);

		trouble_check(stage, &trouble);
	}
	cr_log_info("%s: %u stops", name, stops);
}

#define PACK(command)                                      \
	ATTACK(pack, fault_in_##command##_spoils_no_image) \
	{                                                  \
		stage_check(#command, &trouble_faults);    \
	}                                                  \
	ATTACK(pack, command##_killed_spoils_no_image)     \
	{                                                  \
		stage_check(#command, &trouble_kills);     \
	}
PACK(new_layout)
PACK(archive)
PACK(more)
PACK(changes)
PACK(insert)
PACK(config)
PACK(squash)
PACK(tag)
PACK(rm)
PACK(gc)
