/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "tests/e2e/harness.h"

/*
 * Each misuse that docs/contracts.md lists in 1.4: the exact text, and the exit status.
 * RUNTIME=runc (1.1) says the same, but for the rows that are marked.
 *
 * Not here: "container paused" and "container still running", which runc adds to the error of a
 * checkpoint that failed, and "container's cgroup is not empty" and "unexpectedly frozen"
 * (tests/kernel/test_cgroup.c).
 */
enum { MAX_ARGS = 6 };
struct misuse {
	const char *args[MAX_ARGS];	/* # is the id */
	int status;
	const char *says;
	bool ours;			/* runc 1.1 says something else */
};

static void expect_says(const struct misuse *row, const struct output *got, const char *text)
{
	const char *whole = arena_printf(&e2e_arena, "kist: %s\n", text);

	cr_expect_eq(got->status, row->status, "%s: status %d: %s", row->args[0], got->status,
		     got->err);
	if (e2e_is_kist())
		cr_expect_str_eq(got->err, whole, "%s", row->args[0]);
	else
		cr_expect(strstr(got->err, text) != NULL || row->ours, "%s: %s", row->args[0],
			  got->err);
}

static const char *filled(struct bundle *b, const char *word)
{
	const char *hash = word != NULL ? strchr(word, '#') : NULL;

	return hash == NULL ? word :
	       arena_printf(&e2e_arena, "%.*s%s%s", (int)(hash - word), word, b->id, hash + 1);
}

static void expect_misuses(struct bundle *b, const struct misuse *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct misuse *row = &rows[i];
		const char *args[MAX_ARGS];
		struct output got;

		for (size_t a = 0; a < MAX_ARGS; a++)
			args[a] = filled(b, row->args[a]);
		bundle_call(b, &got, args[0], args[1], args[2], args[3], args[4], args[5], NULL);
		expect_says(row, &got, filled(b, row->says));
	}
}
#define EXPECT_MISUSES(b, rows)	expect_misuses(b, rows, ARRAY_SIZE(rows))

static void call_ok(struct bundle *b, const char *verb, const char *argument)
{
	struct output got;

	if (strcmp(verb, "create") == 0)
		bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	else
		bundle_call(b, &got, verb, b->id, argument, NULL);
	cr_assert_eq(got.status, 0, "%s: %s", verb, got.err);
}

static void expect_state(struct bundle *b, const char *status)
{
	const char *wanted = arena_printf(&e2e_arena, "\"status\": \"%s\"", status);
	struct output got;

	/* It ends a moment after the signal. */
	for (int i = 0; i < 3000; i++) {
		bundle_call(b, &got, "state", b->id, NULL);
		if (strstr(got.out, wanted) != NULL)
			return;
		usleep(20000);
	}
	cr_assert_fail("not %s: %s%s", status, got.out, got.err);
}

static struct bundle *created_new(void)
{
	struct bundle *b = bundle_new();

	e2e_need_root();
	bundle_probe_args(b, "sleep", "100000", NULL);
	call_ok(b, "create", NULL);
	return b;
}

static void delete(struct bundle *b)
{
	struct output got;

	bundle_call(b, &got, "delete", "--force", b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
}

#define ID_HINT ": letters, digits, \"_\", \"+\", \"-\", and \".\" but in front"

static const struct misuse of_nobody[] = {
	{ { "state", "#" }, 1, "container does not exist", false },
	{ { "start", "#" }, 1, "container does not exist", false },
	{ { "kill", "#", "9" }, 1, "container does not exist", false },
	{ { "delete", "#" }, 1, "container does not exist", false },
	{ { "pause", "#" }, 1, "container does not exist", false },
	{ { "resume", "#" }, 1, "container does not exist", false },
	{ { "ps", "#" }, 1, "container does not exist", false },
	{ { "events", "#" }, 1, "container does not exist", false },
	{ { "update", "#" }, 1, "container does not exist", false },
	{ { "checkpoint", "#" }, 1, "container does not exist", false },
	{ { "exec", "#", "true" }, 255, "exec failed: container does not exist", false },
	{ { "state", "a/b" }, 1, "invalid container ID format" ID_HINT, true },
	{ { "create", "--bundle", "/", ".." }, 1,
	  "create ..: invalid container ID format" ID_HINT, true },
};

E2E(misuse, of_an_unknown_id)
{
	struct bundle *b = bundle_new();

	e2e_need_root();
	EXPECT_MISUSES(b, of_nobody);
	delete(b);
}

static const struct misuse of_created[] = {
	{ { "create", "#" }, 1, "create #: container with given ID already exists", true },
	{ { "resume", "#" }, 1, "container not paused", true },
	{ { "checkpoint", "#" }, 1, "Container cannot be checkpointed in created state", false },
	{ { "kill", "#", "NOSUCH" }, 1,
	  "unknown signal \"NOSUCH\": must be a name as TERM or a number", true },
	{ { "update", "--memory=abc", "#" }, 1,
	  "update #: invalid value for memory: invalid size: 'abc'", true },
	{ { "update", "--pids-limit=5}", "#" }, 1,
	  "update #: invalid value for pids-limit: invalid number: '5}'", true },
	{ { "ps", "--format=xml", "#" }, 1, "invalid format option", false },
	{ { "update", "--resources=config.json", "#" }, 1,
	  "update #: config.json: has no property of linux.resources, as memory, cpu and pids: of "
	  "a config.json it is what stands in /linux/resources", true },
};

static void in_bundle(struct bundle *b)
{
	b->cwd = b->path;
}

E2E(misuse, of_a_created_container)
{
	struct bundle *b = created_new();

	in_bundle(b);
	EXPECT_MISUSES(b, of_created);
	delete(b);
}

static const struct misuse of_running[] = {
	{ { "start", "#" }, 1, "cannot start an already running container", false },
	{ { "resume", "#" }, 1, "container not paused", false },
	{ { "delete", "#" }, 1, "cannot delete container # that is not stopped: running", false },
	{ { "create", "#" }, 1, "create #: container with given ID already exists", true },
	{ { "exec", "-d", "-t", "#", "/probe" }, 255,
	  "exec failed: cannot allocate tty if runc will detach without setting console socket",
	  false },
	{ { "exec", "--console-socket=/nosuch", "#", "/probe" }, 255,
	  "exec failed: cannot use console socket if runc will not detach or allocate tty", false },
	{ { "exec", "#", "nosuch" }, 255,
	  "exec failed: unable to start container process: exec: \"nosuch\": executable file not "
	  "found in $PATH", true },
	{ { "exec", "--cwd=tmp", "#", "/probe" }, 255,
	  "exec failed: Cwd must be an absolute path", true },
	{ { "kill", "#", "99" }, 1,
	  "unknown signal \"99\": must be a name as TERM or a number", true },
	{ { "exec" }, 1,
	  "\"exec\" requires a minimum of 1 argument: kist exec ID [--] COMMAND...", true },
};

E2E(misuse, of_a_running_container)
{
	struct bundle *b = created_new();

	call_ok(b, "start", NULL);
	in_bundle(b);
	EXPECT_MISUSES(b, of_running);
	delete(b);
}

static const struct misuse of_paused[] = {
	{ { "start", "#" }, 1, "cannot start a container in the paused state", false },
	{ { "pause", "#" }, 1, "container not running", false },
	{ { "delete", "#" }, 1, "cannot delete container # that is not stopped: paused", false },
	{ { "exec", "#", "/probe" }, 255,
	  "exec failed: cannot exec in a paused container (use --ignore-paused to override)",
	  false },
};

E2E(misuse, of_a_paused_container)
{
	struct bundle *b = created_new();

	call_ok(b, "start", NULL);
	call_ok(b, "pause", NULL);
	expect_state(b, "paused");
	EXPECT_MISUSES(b, of_paused);
	call_ok(b, "resume", NULL);
	expect_state(b, "running");
	delete(b);
}

/* It could not hear "start", which would wait for it. */
E2E(misuse, of_a_container_paused_before_its_start)
{
	struct bundle *b = created_new();

	call_ok(b, "pause", NULL);
	expect_state(b, "paused");
	EXPECT_MISUSES(b, of_paused);
	call_ok(b, "resume", NULL);
	expect_state(b, "created");
	call_ok(b, "start", NULL);
	expect_state(b, "running");
	delete(b);
}

static const struct misuse of_stopped[] = {
	{ { "start", "#" }, 1, "cannot start a container that has stopped", false },
	{ { "kill", "#", "TERM" }, 1, "container not running", false },
	{ { "pause", "#" }, 1, "container not running", false },
	{ { "resume", "#" }, 1, "container not paused", false },
	{ { "update", "--pids-limit=5", "#" }, 1, "container not running", false },
	{ { "exec", "#", "/probe" },
	  255,
	  "exec failed: cannot exec in a stopped container",
	  false },
	{ { "events", "--stats", "#" }, 1, "container with id # is not running", false },
	{ { "checkpoint", "#" }, 1, "Container cannot be checkpointed in stopped state", false },
	{ { "create", "#" }, 1, "create #: container with given ID already exists", true },
};

E2E(misuse, of_a_stopped_container)
{
	struct bundle *b = created_new();

	call_ok(b, "kill", "KILL");
	expect_state(b, "stopped");
	in_bundle(b);
	EXPECT_MISUSES(b, of_stopped);
	/* Podman and CRI-O kill what may have ended. */
	call_ok(b, "kill", "--all");
	call_ok(b, "delete", NULL);
}

#define NOSUCH(verb)                                                                             \
	"runc " verb " failed: unable to start container process: error during container init: " \
	"exec: \"nosuch\": executable file not found in $PATH"

static const struct misuse of_create[] = {
	{ { "create", "#" }, 1, NOSUCH("create"), true },
	{ { "run", "#" }, 1, NOSUCH("run"), true },
	{ { "run", "--bundle=/nonexistent", "#" },
	  1,
	  "runc run failed: open bundle /nonexistent: no such file or directory",
	  true },
	{ { "create", ".." }, 1, "runc create failed: invalid container ID format" ID_HINT, false },
	{ { "start", "#" }, 1, "container does not exist", false },
};

/* Called by that name, kist has runc's words also where nobody matches them. */
E2E(misuse, of_create_in_the_words_of_the_name)
{
	const char *link = arena_printf(&e2e_arena, "%s/runc", bundle_new()->dir);
	struct bundle *b = bundle_new();

	e2e_need_kist();
	e2e_need_root();
	cr_assert_eq(symlink(e2e_runtime(), link), 0);
	b->runtime = link;
	in_bundle(b);
	bundle_set(b, "/process/args", "['nosuch']");
	for (size_t i = 0; i < ARRAY_SIZE(of_create); i++) {
		struct output got;

		bundle_call(b, &got, of_create[i].args[0], filled(b, of_create[i].args[1]),
			    filled(b, of_create[i].args[2]), NULL);
		cr_expect_eq(got.status, of_create[i].status);
		cr_expect_str_eq(got.err,
				 arena_printf(&e2e_arena, "runc: %s\n", of_create[i].says));
	}
}

E2E(misuse, memory_limit_too_low_for_the_init_is_named)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	e2e_need_root();
	bundle_set(b, "/linux/resources", "{'memory': {'limit': 4096}}");
	bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	if (strstr(got.err, "enable cgroup controller memory"))
		e2e_skip("cgroup v2 has no memory controller here");
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "container init was OOM-killed (memory limit too low?)"),
			   "%s", got.err);
}

E2E(misuse, who_is_killed_by_another_is_not_said_to_have_had_too_little_memory)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	e2e_need_root();
	bundle_set(b, "/linux/resources", "{'memory': {'limit': 268435456}}");
	bundle_set(b, "/hooks/createRuntime",
		   "[{'path': '/bin/sh', 'args': ['sh', '-c', "
		   "'kill -9 $(grep -o pid[^,]* | tr -dc 0-9)']}]");
	bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	if (strstr(got.err, "enable cgroup controller memory"))
		e2e_skip("cgroup v2 has no memory controller here");
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "was killed by signal 9"), "%s", got.err);
}
