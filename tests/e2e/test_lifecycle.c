/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "config/json.h"
#include "tests/e2e/harness.h"

/* create, start, state, kill, delete and what goes with them, as runc does them. */

static void call_ok(struct bundle *b, struct output *got, const char *verb)
{
	bundle_call(b, got, verb, b->id, NULL);
	cr_assert_eq(got->status, 0, "%s: status %d: %s", verb, got->status, got->err);
}

static void create(struct bundle *b)
{
	struct output got;

	bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	cr_assert_eq(got.status, 0, "create: status %d: %s", got.status, got.err);
}

/* A string member of what "state" says; "" without one. */
static const char *state_member(struct bundle *b, const char *key)
{
	struct json_source source = { .name = "state" };
	const struct json *value;
	struct output got;
	struct error err;

	call_ok(b, &got, "state");
	source.text = got.out;
	source.size = strlen(got.out);
	value = json_member(json_parse(&e2e_arena, &source, &err), key);
	return value != NULL && value->text != NULL ? value->text : "";
}

/* The kernel takes its time between the signal and the end. */
static void await_status(struct bundle *b, const char *status)
{
	for (int i = 0; i < 3000 && strcmp(state_member(b, "status"), status) != 0; i++)
		usleep(10000);
	cr_assert_str_eq(state_member(b, "status"), status);
}

E2E(lifecycle, goes_from_created_over_running_to_stopped)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_probe_args(b, "sleep", "100000", NULL);
	create(b);
	cr_expect_str_eq(state_member(b, "status"), "created");
	call_ok(b, &got, "start");
	cr_expect_str_eq(state_member(b, "status"), "running");
	bundle_call(b, &got, "kill", b->id, "KILL", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	await_status(b, "stopped");
	cr_expect_str_eq(state_member(b, "pid"), "0");
	call_ok(b, &got, "delete");
	bundle_call(b, &got, "state", b->id, NULL);
	cr_expect_eq(got.status, 1);
}

E2E(lifecycle, prints_the_state_as_callers_parse_it)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_set(b, "/annotations", "{'z.last': '1', 'a.first': '2'}");
	create(b);
	call_ok(b, &got, "state");
	cr_expect_eq(strncmp(got.out, "{\n  \"ociVersion\": \"", 19), 0, "%s", got.out);
	cr_expect_neq(got.out[strlen(got.out) - 1], '\n');
	cr_expect_not_null(strstr(got.out, "\n  \"annotations\": {\n    \"a.first\": \"2\",\n"
					   "    \"z.last\": \"1\"\n  },\n  \"owner\": \"\"\n}"),
			   "%s", got.out);
	cr_expect_str_eq(state_member(b, "bundle"), b->path);
	cr_expect_str_eq(state_member(b, "rootfs"), b->rootfs);
	bundle_destroy(b);
}

E2E(lifecycle, writes_the_pid_without_a_newline)
{
	struct bundle *b = bundle_new();
	const char *path = arena_printf(&e2e_arena, "%s/pid", b->dir);
	struct output got;
	struct error err;
	uint64_t pid;
	char *text;

	bundle_call(b, &got, "create", "--bundle", b->path, "--pid-file", path, b->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	cr_assert_eq(file_read(AT_FDCWD, path, 100, &e2e_arena, &text, NULL, &err), 0);
	cr_expect(text_to_u64(text, INT32_MAX, &pid), "\"%s\"", text);
	cr_expect_str_eq(text, state_member(b, "pid"));
	bundle_destroy(b);
}

/* What each status does not allow, and the words that clients match. */
static const struct { const char *status, *verb, *more, *says; } refusals[] = {
	{ "created", "delete", NULL, "that is not stopped: created" },
	{ "created", "resume", NULL, "container not paused" },
	{ "running", "start", NULL, "cannot start an already running container" },
	{ "running", "delete", NULL, "that is not stopped: running" },
	{ "running", "resume", NULL, "container not paused" },
	{ "stopped", "start", NULL, "cannot start a container that has stopped" },
	{ "stopped", "pause", NULL, "container not running" },
	{ "stopped", "resume", NULL, "container not paused" },
	{ "stopped", "kill", "TERM", "container not running" },
	{ "stopped", "exec", "/probe", "cannot exec in a stopped container" },
};

static void expect_refusals(struct bundle *b, const char *status)
{
	cr_assert_str_eq(state_member(b, "status"), status);
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct output got;

		if (strcmp(refusals[i].status, status) != 0)
			continue;
		bundle_call(b, &got, refusals[i].verb, b->id, refusals[i].more, NULL);
		cr_expect_eq(got.status, strcmp(refusals[i].verb, "exec") == 0 ? 255 : 1, "%s %s",
			     refusals[i].verb, status);
		cr_expect_not_null(strstr(got.err, refusals[i].says), "%s %s: %s",
				   refusals[i].verb, status, got.err);
	}
}

E2E(lifecycle, refuses_what_the_status_does_not_allow)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_probe_args(b, "sleep", "100000", NULL);
	create(b);
	expect_refusals(b, "created");
	call_ok(b, &got, "start");
	expect_refusals(b, "running");
	bundle_call(b, &got, "kill", b->id, "KILL", NULL);
	await_status(b, "stopped");
	expect_refusals(b, "stopped");
	bundle_destroy(b);
}

E2E(lifecycle, pauses_and_resumes)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_root();
	bundle_probe_args(b, "sleep", "100000", NULL);
	create(b);
	call_ok(b, &got, "start");
	call_ok(b, &got, "pause");
	cr_expect_str_eq(state_member(b, "status"), "paused");
	bundle_call(b, &got, "exec", b->id, "/probe", NULL);
	cr_expect_eq(got.status, 255);
	cr_expect_not_null(strstr(got.err, "cannot exec in a paused container "
					   "(use --ignore-paused to override)"), "%s", got.err);
	call_ok(b, &got, "resume");
	cr_expect_str_eq(state_member(b, "status"), "running");
	bundle_destroy(b);
}

E2E(lifecycle, delete_force_ends_what_is_paused)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_root();
	bundle_probe_args(b, "sleep", "100000", NULL);
	create(b);
	call_ok(b, &got, "start");
	call_ok(b, &got, "pause");
	bundle_destroy(b);
}

E2E(lifecycle, delete_force_of_nothing_succeeds)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_call(b, &got, "delete", "--force", b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "delete", b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "does not exist"), "%s", got.err);
}

E2E(lifecycle, refuses_an_id_that_exists)
{
	struct bundle *b = bundle_new();
	struct output got;

	create(b);
	bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "container with given ID already exists"), "%s",
			   got.err);
	cr_expect_str_eq(state_member(b, "status"), "created");
	bundle_destroy(b);
}

E2E(lifecycle, keeps_the_configuration_of_create)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_probe_args(b, "sleep", "100000", NULL);
	create(b);
	/* "Any updates to config.json after this step MUST NOT affect the container." */
	bundle_set(b, "/process/args", "['/nonexistent']");
	call_ok(b, &got, "start");
	bundle_call(b, &got, "exec", b->id, "/probe", "say", "hello", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_not_null(strstr(got.out, "hello"));
	bundle_destroy(b);
}

E2E(lifecycle, lists_json_as_null_or_an_array)
{
	struct bundle *b = bundle_new();
	struct output got;

	cr_assert_eq(mkdir(b->state, 0700) == 0 || errno == EEXIST, 1);
	bundle_call(b, &got, "list", "--format=json", NULL);
	cr_expect_str_eq(got.out, e2e_is_kist() ? "null\n" : got.out);
	create(b);
	bundle_call(b, &got, "list", "-f", "json", NULL);
	cr_expect_eq(strncmp(got.out, "[{\"ociVersion\":", 15), 0, "%s", got.out);
	cr_expect_not_null(strstr(got.out, "\"status\":\"created\""), "%s", got.out);
	bundle_call(b, &got, "list", "-q", NULL);
	cr_expect_str_eq(got.out, arena_printf(&e2e_arena, "%s\n", b->id));
	bundle_destroy(b);
}

/* The kernel keeps pid 1 until the last of its namespace is reaped, by whoever started it. */
E2E(lifecycle, is_stopped_when_pid_1_is_dead_though_an_exec_is_not_reaped)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct call call;

	e2e_need_root();
	bundle_probe_args(b, "sleep", "100000", NULL);
	create(b);
	call_ok(b, &got, "start");
	bundle_begin(b, &call, "exec", b->id, "/probe", "say", "up", "sleep", "100000", NULL);
	bundle_await(&call, "up");
	kill(call.pid, SIGSTOP);
	bundle_call(b, &got, "kill", b->id, "KILL", NULL);
	await_status(b, "stopped");
	kill(call.pid, SIGCONT);
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 128 + SIGKILL);
	bundle_destroy(b);
}

/* --- after kill -9 ---------------------------------------------------------------- */

/* create in the background, killed so many microseconds after it was begun. */
static void create_killed(struct bundle *b, useconds_t after)
{
	struct output got;
	struct call call;

	bundle_begin(b, &call, "create", "--bundle", b->path, b->id, NULL);
	usleep(after);
	kill(call.pid, SIGKILL);
	bundle_finish(&call, &got);
}

E2E(killed, leaves_nothing_that_delete_force_does_not_take)
{
	struct bundle *b = bundle_new();

	e2e_need_kist();
	for (useconds_t after = 0; after < 12000; after += 400) {
		create_killed(b, after);
		bundle_destroy(b);
	}
}

E2E(killed, leaves_an_id_that_can_be_used_again)
{
	struct bundle *b = bundle_new();

	e2e_need_kist();
	for (useconds_t after = 0; after < 8000; after += 700) {
		struct output got;

		create_killed(b, after);
		bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
		/* It came to its end before it was killed. */
		if (got.status != 0)
			cr_expect_not_null(strstr(got.err, "already exists"), "%s", got.err);
		cr_expect_str_eq(state_member(b, "status"), "created");
		bundle_destroy(b);
	}
}

E2E(killed, is_found_by_gc)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	for (useconds_t after = 500; after < 8000; after += 1500) {
		create_killed(b, after);
		bundle_call(b, &got, "gc", NULL);
		cr_expect_eq(got.status, 0, "%s", got.err);
		bundle_call(b, &got, "list", "-f", "json", NULL);
		cr_expect(strcmp(got.out, "null\n") == 0 || strstr(got.out, "created"), "%s",
			  got.out);
		bundle_destroy(b);
	}
}

E2E(killed, foreground_run_is_cleaned_up_when_its_program_has_ended)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct call call;

	e2e_need_kist();
	bundle_probe_args(b, "say", "up", "sleep", "100000", NULL);
	bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
	bundle_await(&call, "up");
	kill(call.pid, SIGKILL);
	cr_assert_eq(waitpid(call.pid, NULL, 0), call.pid);
	cr_expect_str_eq(state_member(b, "status"), "running");
	bundle_call(b, &got, "gc", NULL);
	cr_expect_str_eq(got.out, "", "a container that runs is no garbage: %s", got.out);
	bundle_call(b, &got, "kill", b->id, "KILL", NULL);
	await_status(b, "stopped");
	bundle_call(b, &got, "gc", NULL);
	cr_expect_str_eq(got.out, arena_printf(&e2e_arena, "%s\n", b->id));
	fd_close(&call.out_fd);
	fd_close(&call.err_fd);
	fd_close(&call.pidfd);
}

E2E(damaged, state_is_named_and_can_be_deleted)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct error err;
	const char *said;
	int dir_fd;

	e2e_need_kist();
	bundle_probe_args(b, "sleep", "100000", NULL);
	create(b);
	dir_fd = open(arena_printf(&e2e_arena, "%s/%s", b->state, b->id), O_PATH | O_CLOEXEC);
	cr_assert_eq(file_replace(dir_fd, "state.json", "{\"id\":", 6, 0600, &err), 0);
	close(dir_fd);
	bundle_call(b, &got, "state", b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "is damaged"), "%s", got.err);
	cr_expect_not_null(strstr(got.err, ": \"delete --force\" removes"), "%s", got.err);
	bundle_call(b, &got, "delete", "--force", b->id, NULL);
	cr_expect_eq(got.status, 0);
	said = strstr(got.err, "is damaged");
	cr_assert_not_null(said, "%s", got.err);
	cr_expect_null(strstr(said + 1, "is damaged"), "told twice: %s", got.err);
}

/* On a hybrid host it begins in cgroup2 alone; the harness looks for what is left. */
E2E(lifecycle, run_takes_away_what_an_update_has_made)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct call call;

	e2e_need_root();
	e2e_need_kist();
	bundle_probe_args(b, "say", "ready", "sleep", "60000", NULL);
	bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
	bundle_await(&call, "ready");
	bundle_call(b, &got, "update", "--cpu-share", "512", b->id, NULL);
	/* There may be no controller here to do it. */
	cr_expect(got.status == 0 || strstr(got.err, "cpu") != NULL, "%s", got.err);
	bundle_call(b, &got, "kill", b->id, "KILL", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 128 + SIGKILL, "%s", got.err);
}
