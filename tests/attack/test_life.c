/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"
#include "tests/attack/attack.h"
#include "tests/attack/trouble.h"

/*
 * What test_fault.c and test_kill.c do with "run", with the commands that change what is there:
 * each system call fails once, and kist is killed at each.  Where the command says that it was
 * done, it was; and "delete --force" leaves nothing in any case.
 */

enum before { NOTHING, CREATED, RUNNING, PAUSED, ABANDONED, MOUNTED, LOGGED, ENDED };

#define WORDS_MAX 8

/* In words, BUNDLE, ID, LOG and LIST stand for those of the test. */
struct stage {
	const char *name;
	enum before before;
	const char *words[WORDS_MAX]; /* the command */
	const char *ask[WORDS_MAX]; /* another, that has done in its output then; none: itself */
	const char *done; /* NULL: the other fails then */
	unsigned int runs; /* of a sample */
	const char *program; /* NULL: one that sleeps */
};

#define ASK_STATE             \
	{                     \
		"state", "ID" \
	}
#define ASK_MOUNT                                            \
	{                                                    \
		"exec", "ID", "/probe", "statfs", "/mounted" \
	}

static const struct stage stages[] = {
	{ "create",
	  NOTHING,
	  { "create", "--bundle", "BUNDLE", "ID" },
	  ASK_STATE,
	  "\"status\": \"created\"",
	  16 },
	{ "start", CREATED, { "start", "ID" }, ASK_STATE, "\"status\": \"running\"", 16 },
	{ "exec", RUNNING, { "exec", "ID", "/probe", "report" }, { NULL }, "end=1", 16 },
	{ "delete", RUNNING, { "delete", "--force", "ID" }, ASK_STATE, NULL, 16 },
	{ "gc", ABANDONED, { "gc" }, ASK_STATE, NULL, 8 },
	{ "kill", RUNNING, { "kill", "ID", "WINCH" }, ASK_STATE, "\"status\": \"running\"", 4 },
	{ "update",
	  RUNNING,
	  { "update", "--pids-limit", "77", "ID" },
	  ASK_STATE,
	  "\"status\": \"running\"",
	  8 },
	{ "pause", RUNNING, { "pause", "ID" }, ASK_STATE, "\"status\": \"paused\"", 8 },
	{ "resume", PAUSED, { "resume", "ID" }, ASK_STATE, "\"status\": \"running\"", 8 },
	{ "logged",
	  NOTHING,
	  { "run", "--detach", "--log-file", "LOG", "--bundle", "BUNDLE", "ID" },
	  ASK_STATE,
	  "\"status\": \"running\"",
	  16 },
	{ "attach",
	  LOGGED,
	  { "attach", "ID" },
	  { NULL },
	  "read:/dev/stdin=\nend",
	  12,
	  "['/probe', 'read', '/dev/stdin', 'say', 'end']" },
	{ "logs",
	  ENDED,
	  { "logs", "ID" },
	  { NULL },
	  "first\nlast\n",
	  8,
	  "['/probe', 'say', 'first', 'say', 'last']" },
	{ "follow",
	  LOGGED,
	  { "logs", "--follow", "ID" },
	  { NULL },
	  "first\nlast\n",
	  8,
	  "['/probe', 'say', 'first', 'sleep', '300', 'say', 'last']" },
	{ "mounts_add",
	  RUNNING,
	  { "mounts", "add", "ID", "LIST" },
	  ASK_MOUNT,
	  "statfs:/mounted=1021994",
	  8 },
	{ "mounts_remove",
	  MOUNTED,
	  { "mounts", "remove", "ID", "LIST" },
	  ASK_STATE,
	  "\"status\": \"running\"",
	  8 },
};

static const struct stage *stage_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (strcmp(stages[i].name, name) == 0)
			return &stages[i];
	cr_assert_fail("no stage %s", name);
	return NULL;
}

static const char *below(const struct attack *a, const char *name)
{
	return arena_printf(&e2e_arena, "%s/%s", a->bundle->dir, name);
}

/* RUNTIME --root STATE and the words; the argument list of execv(). */
static const char *const *words_fill(const struct attack *a, const char *const words[WORDS_MAX])
{
	const char **filled = ARENA_NEWS(&e2e_arena, WORDS_MAX + 4, const char *);
	const struct {
		const char *name, *value;
	} places[] = {
		{ "BUNDLE", a->bundle->path },
		{ "ID", a->bundle->id },
		{ "LIST", below(a, "list.json") },
		{ "LOG", below(a, "log") },
	};

	for (size_t i = 0; i < WORDS_MAX && words[i] != NULL; i++) {
		filled[i] = words[i];
		for (size_t j = 0; j < ARRAY_SIZE(places); j++)
			if (strcmp(words[i], places[j].name) == 0)
				filled[i] = places[j].value;
	}
	return filled;
}

/* Without any trouble. */
static void call(const struct attack *a, struct output *ret, const char *const words[WORDS_MAX])
{
	const char *const *w = words_fill(a, words);

	bundle_call(a->bundle, ret, w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], NULL);
}

static void must(const struct attack *a, const char *const words[WORDS_MAX])
{
	struct output got;

	call(a, &got, words);
	cr_assert_eq(got.status, 0, "%s: %s", words[0], got.err);
}

/* "create" is killed, late in it. */
static void abandon(const struct attack *a)
{
	const char *const *create = words_fill(a, stage_find("create")->words);
	struct trouble killed = { .at = UINT32_MAX };
	struct engine_result result;

	attack_engine_call(a, create, ENGINE_ALL, trouble_at, &killed, &result);
	must(a, stage_find("delete")->words);
	killed.at = result.stops * 2 / 3;
	attack_engine_call(a, create, ENGINE_ALL, trouble_at, &killed, &result);
}

static void get_ready(const struct attack *a, enum before before)
{
	if (before == ABANDONED)
		abandon(a);
	if (before == LOGGED || before == ENDED)
		must(a, stage_find("logged")->words);
	if (before == ENDED)
		must(a, (const char *const[WORDS_MAX]){ "wait", "ID" });
	if (before == NOTHING || before == ABANDONED || before >= LOGGED)
		return;
	must(a, stage_find("create")->words);
	if (before == CREATED)
		return;
	must(a, stage_find("start")->words);
	if (before == PAUSED)
		must(a, stage_find("pause")->words);
	if (before == MOUNTED)
		must(a, stage_find("mounts_add")->words);
}

/* Its exit status was 0: then it is so. */
static void expect_done(const struct attack *a, const struct stage *stage,
			const struct engine_result *result, const char *what)
{
	struct output got;

	if (stage->ask[0] == NULL) {
		cr_expect(strstr(result->output, stage->done), "%s: %s", what, result->output);
		return;
	}
	call(a, &got, stage->ask);
	/* What is created waits for its start: a failure of that is not create's to tell. */
	if (stage->before == NOTHING && strstr(result->stopped_at, "its child") != NULL &&
	    strstr(got.out, "\"status\": \"stopped\"") != NULL)
		return;
	if (stage->done == NULL)
		cr_expect_neq(got.status, 0, "%s: still there: %s", what, got.out);
	else
		cr_expect(strstr(got.out, stage->done), "%s: %s%s", what, got.out, got.err);
}

static void clean_up(const struct attack *a, const char *what)
{
	attack_clean_up(a, what);
	attack_check(a, what);
}

static void trouble_check(struct attack *a, const struct stage *stage, struct trouble *trouble)
{
	struct engine_result result;
	const char *what;

	attack_begin(a);
	get_ready(a, stage->before);
	attack_engine_call(a, words_fill(a, stage->words), ENGINE_ALL, trouble_at, trouble,
			   &result);
	what = arena_printf(&e2e_arena, "%s: %s, errno %d", stage->name, result.stopped_at,
			    trouble->number);
	if (trouble->number != 0 && !trouble->vital)
		cr_expect(WIFEXITED(result.status), "%s: died: %s", what, result.output);
	if (WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0)
		expect_done(a, stage, &result, what);
	else
		cr_expect(*result.output != '\0' || trouble->number == 0 || trouble->vital,
			  "%s: no word", what);
	clean_up(a, what);
}

static struct attack stage_bundle(const struct stage *stage)
{
	static const char list[] = "[{\"destination\": \"/mounted\", \"type\": \"tmpfs\","
				   " \"source\": \"tmpfs\"}]";
	struct attack a = attack_new();

	if (stage->before == MOUNTED || strcmp(stage->name, "mounts_add") == 0)
		bundle_set(a.bundle, "/root/readonly", "false");
	bundle_probe_args(a.bundle, "sleep", "60000", NULL);
	if (stage->program != NULL)
		bundle_set(a.bundle, "/process/args", stage->program);
	_cleanup_fd int fd = open(below(&a, "list.json"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	cr_assert_eq(fd_write_all(fd, list, strlen(list)), 0);
	return a;
}

static void stage_check(const char *name, const struct trouble_list *list)
{
	const struct stage *stage = stage_find(name);
	struct attack a = stage_bundle(stage);
	struct engine_result result;
	unsigned int stops, stride;

	if (stage->runs < 16 && attack_step() > 1)
		e2e_skip("needs forks that are not emulated");
	attack_begin(&a);
	get_ready(&a, stage->before);
	attack_engine_call(&a, words_fill(&a, stage->words), ENGINE_ALL, NULL, NULL, &result);
	/* A host need not have it: then there is nothing to change. */
	if (strstr(result.output, "controller") != NULL) {
		clean_up(&a, name);
		return;
	}
	cr_assert(WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0, "%s: %s", name,
		  result.output);
	expect_done(&a, stage, &result, name);
	clean_up(&a, name);
	stops = result.stops;
	stride = attack_stride(stops, stage->runs);
	for (unsigned int at = 0; at < stops; at += stride) {
		struct trouble trouble = trouble_of(list, at, stride);

		trouble_check(&a, stage, &trouble);
	}
	cr_log_info("%s: %u stops", name, stops);
}

/* The process that keeps the log puts the exit status there when "delete" is nearly done. */
static enum engine_verdict write_exit(void *context, const struct engine_stop *stop,
				      int *ret_errno _unused)
{
	const char **path = context;

	if (*path == NULL || stop->call != __NR_unlinkat || stop->args[2] != AT_REMOVEDIR)
		return ENGINE_CONTINUE;
	/* Not of a cgroup: of the container's own directory, whose journal went before. */
	if (access(arena_printf(&e2e_arena, "%.*s/journal", (int)(strlen(*path) - 5), *path),
		   F_OK) < 0) {
		close(open(*path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		*path = NULL;
	}
	return ENGINE_CONTINUE;
}

#define LIFE(command)                                                           \
	ATTACK(life, fault_in_##command##_is_told_and_nothing_stays)            \
	{                                                                       \
		stage_check(#command, &trouble_faults);                         \
	}                                                                       \
	ATTACK(life, command##_killed_leaves_nothing_that_delete_does_not_find) \
	{                                                                       \
		stage_check(#command, &trouble_kills);                          \
	}
LIFE(create)
LIFE(start)
LIFE(exec)
LIFE(delete)
LIFE(gc)
LIFE(kill)
LIFE(update)
LIFE(pause)
LIFE(resume)
LIFE(logged)
LIFE(attach)
LIFE(logs)
LIFE(follow)
LIFE(mounts_add)
LIFE(mounts_remove)

/* No call that fails makes a command take what runs for dead. */
static void spared_check(struct attack *a, const char *const words[WORDS_MAX])
{
	struct trouble trouble = { .at = UINT32_MAX };
	struct engine_result result;
	unsigned int stops, stride;
	struct output got;

	attack_engine_call(a, words_fill(a, words), ENGINE_ALL, trouble_at, &trouble, &result);
	stops = result.stops;
	stride = attack_stride(stops, 100);
	for (trouble.at = 0; trouble.at < stops; trouble.at += stride) {
		trouble.number = trouble_faults.numbers[trouble.at / stride % trouble_faults.count];
		attack_engine_call(a, words_fill(a, words), ENGINE_ALL, trouble_at, &trouble,
				   &result);
		call(a, &got, stage_find("start")->ask);
		cr_assert(strstr(got.out, "\"status\": \"running\""), "%s: %s, errno %d: %s%s%s",
			  words[0], result.stopped_at, trouble.number, result.output, got.out,
			  got.err);
	}
}

ATTACK(life, what_runs_is_not_deleted_without_force)
{
	struct attack a = stage_bundle(stage_find("delete"));

	attack_begin(&a);
	get_ready(&a, RUNNING);
	spared_check(&a, (const char *const[WORDS_MAX]){ "delete", "ID" });
	clean_up(&a, "refused");
}

ATTACK(life, what_runs_in_the_foreground_is_not_collected)
{
	struct attack a = attack_new();
	struct output got;
	struct call run;

	bundle_probe_args(a.bundle, "say", "ready", "sleep", "60000", NULL);
	attack_begin(&a);
	bundle_begin(a.bundle, &run, "run", "--bundle", a.bundle->path, a.bundle->id, NULL);
	bundle_await(&run, "ready");
	spared_check(&a, stage_find("gc")->words);
	call(&a, &got, stage_find("delete")->words);
	bundle_finish(&run, &got);
	clean_up(&a, "spared");
}

ATTACK(life, deleted_while_its_exit_status_comes_is_gone)
{
	const struct stage *stage = stage_find("delete");
	struct attack a = stage_bundle(stage);
	const char *path = below(&a, arena_printf(&e2e_arena, "state/%s/exit", a.bundle->id));
	struct engine_result result;

	attack_begin(&a);
	get_ready(&a, stage->before);
	attack_engine_call(&a, words_fill(&a, stage->words), ENGINE_ALL, write_exit, &path,
			   &result);
	cr_expect_null(path, "it did not come");
	cr_expect_eq(result.status, 0, "%s", result.output);
	expect_done(&a, stage, &result, "an exit status that comes late");
	clean_up(&a, "an exit status that comes late");
}
