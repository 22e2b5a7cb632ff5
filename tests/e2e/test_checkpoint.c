/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "tests/e2e/harness.h"

/* checkpoint and restore: a program that counts in memory and writes down how far it is. */

static const char *in_dir(struct bundle *b, const char *name)
{
	return arena_printf(&e2e_arena, "%s/%s", b->dir, name);
}

/* Of tests/get-criu, or the host's. */
static bool criu_works(const char *directory)
{
	const char *path = arena_printf(&e2e_arena, "%s/criu", directory);
	int status;
	pid_t pid;

	if (access(path, X_OK) < 0)
		return false;
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		dup2(null, 2);
		execl(path, "criu", "check", NULL);
		_exit(1);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static struct bundle *counter_new(const char *init)
{
	static const char script[] =
		"trap 'exit 7' TERM; i=0; while :; do i=$((i+1)); echo $i >/count; "
		"sleep 0.05; done";
	const char *criu = getenv("KIST_CRIU");
	struct bundle *b;

	e2e_need_root();
	e2e_need_program("/bin/busybox");
	if (criu == NULL || *criu == '\0')
		criu = "/usr/sbin";
	if (!criu_works(criu))
		cr_skip_test("needs a criu that works here: KIST_CRIU=$(tests/get-criu DIRECTORY)");
	b = bundle_new();
	bundle_env(b, arena_printf(&e2e_arena, "PATH=%s:/usr/sbin:/usr/bin:/sbin:/bin", criu));
	mkdir(in_dir(b, "bundle/rootfs/bin"), 0755);
	bundle_copy(b, "/bin/busybox", "/bin/sh");
	bundle_copy(b, "/bin/busybox", "/bin/sleep");
	bundle_set(b, "/root/readonly", "false");
	bundle_set(b, "/annotations", arena_printf(&e2e_arena, "{'org.kist.init': '%s'}", init));
	bundle_args(b, "/bin/sh", "-c", script, NULL);
	return b;
}

static uint64_t count_of(struct bundle *b)
{
	struct error err;
	uint64_t count = 0;
	char *text;

	/* It may just be written. */
	for (int i = 0; i < 100 && count == 0; i++, usleep(10000)) {
		if (file_read(AT_FDCWD, in_dir(b, "bundle/rootfs/count"), 64, &e2e_arena, &text,
			      NULL, &err) == 0)
			text_to_u64(arena_strndup(&e2e_arena, text, strcspn(text, "\n")), 1 << 20,
				    &count);
	}
	return count;
}

static uint64_t await_count(struct bundle *b, uint64_t more_than)
{
	uint64_t count = 0;

	for (int i = 0; i < 500 && (count = count_of(b)) <= more_than; i++)
		usleep(10000);
	cr_assert_gt(count, more_than, "it stands still");
	return count;
}

static void call_ok(struct bundle *b, const char *verb, const char *a, const char *c,
		    const char *d)
{
	struct output got;

	if (strcmp(verb, "run") == 0 || strcmp(verb, "restore") == 0)
		bundle_call(b, &got, verb, "--detach", "--bundle", b->path, b->id, a, c, d, NULL);
	else
		bundle_call(b, &got, verb, b->id, a, c, d, NULL);
	cr_assert_eq(got.status, 0, "%s: %s", verb, got.err);
}

static void expect_status(struct bundle *b, const char *status)
{
	struct output got;

	bundle_call(b, &got, "state", b->id, NULL);
	cr_expect_not_null(strstr(got.out, arena_printf(&e2e_arena, "\"status\": \"%s\"", status)),
			   "%s%s", got.out, got.err);
}

static void goes_on(const char *init)
{
	struct bundle *b = counter_new(init);
	const char *image = arena_printf(&e2e_arena, "--image-path=%s", in_dir(b, "image"));
	const char *work = arena_printf(&e2e_arena, "--work-path=%s", in_dir(b, "work"));
	struct output got;
	uint64_t before;

	call_ok(b, "run", NULL, NULL, NULL);
	await_count(b, 5);
	call_ok(b, "checkpoint", image, work, NULL);
	before = count_of(b);
	/* As with runc, what it was is in the image alone. */
	bundle_call(b, &got, "state", b->id, NULL);
	cr_expect_not_null(strstr(got.err, "container does not exist"), "%s", got.err);
	/* The log may have another name, in /etc/criu/runc.conf. */
	cr_expect_eq(access(in_dir(b, "work/stats-dump"), F_OK), 0);
	unlink(in_dir(b, "bundle/rootfs/count"));
	call_ok(b, "restore", image, work, NULL);
	expect_status(b, "running");
	/* Not from 1 again. */
	cr_expect_geq(await_count(b, 0), before);
	await_count(b, before + 3);
	bundle_call(b, &got, "exec", b->id, "/probe", "say", "inside", NULL);
	cr_expect_not_null(strstr(got.out, "inside"), "%s", got.err);
	call_ok(b, "delete", "--force", NULL, NULL);
}

E2E(checkpoint, restored_program_goes_on_under_kists_init)
{
	goes_on("always");
}

E2E(checkpoint, restored_program_goes_on_as_pid_1)
{
	goes_on("never");
}

E2E(checkpoint, leaves_running_what_is_to_run)
{
	struct bundle *b = counter_new("always");
	const char *image = arena_printf(&e2e_arena, "--image-path=%s", in_dir(b, "image"));

	call_ok(b, "run", NULL, NULL, NULL);
	await_count(b, 2);
	call_ok(b, "checkpoint", image, "--leave-running", NULL);
	expect_status(b, "running");
	await_count(b, count_of(b) + 2);
	call_ok(b, "delete", "--force", NULL, NULL);
}

E2E(checkpoint, restore_in_the_foreground_has_the_programs_status)
{
	struct bundle *b = counter_new("never");
	const char *image = arena_printf(&e2e_arena, "--image-path=%s", in_dir(b, "image"));
	struct output got;
	struct call call;

	call_ok(b, "run", NULL, NULL, NULL);
	await_count(b, 2);
	call_ok(b, "checkpoint", image, NULL, NULL);
	unlink(in_dir(b, "bundle/rootfs/count"));
	bundle_begin(b, &call, "restore", image, "-b", b->path, b->id, NULL);
	await_count(b, 0);
	call_ok(b, "kill", "TERM", NULL, NULL);
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 7, "%d: %s", got.status, got.err);
}

/* Either it works, or the kernel's lack of it is named. */
E2E(checkpoint, memory_is_dumped_before_or_the_kernel_is_blamed)
{
	struct bundle *b = counter_new("always");
	const char *pre = arena_printf(&e2e_arena, "--image-path=%s", in_dir(b, "pre"));
	const char *image = arena_printf(&e2e_arena, "--image-path=%s", in_dir(b, "image"));
	struct output got;

	call_ok(b, "run", NULL, NULL, NULL);
	await_count(b, 2);
	bundle_call(b, &got, "checkpoint", "--pre-dump", pre, b->id, NULL);
	expect_status(b, "running");
	if (got.status == 0) {
		call_ok(b, "checkpoint", image, "--parent-path=../pre", NULL);
		call_ok(b, "restore", image, NULL, NULL);
		await_count(b, count_of(b));
	} else {
		cr_expect_not_null(strstr(got.err, "CONFIG_MEM_SOFT_DIRTY"), "%s", got.err);
	}
	call_ok(b, "delete", "--force", NULL, NULL);
}

/* What CRIU could not restore is not killed for it. */
E2E(checkpoint, terminal_behind_an_init_is_refused)
{
	struct bundle *b = counter_new("always");
	struct output got;
	struct call call;

	bundle_set(b, "/process/terminal", "true");
	bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
	await_count(b, 2);
	bundle_call(b, &got, "checkpoint", "--image-path", in_dir(b, "image"), b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "org.kist.init=never"), "%s", got.err);
	expect_status(b, "running");
	call_ok(b, "kill", "KILL", NULL, NULL);
	bundle_finish(&call, &got);
}

E2E(checkpoint, missing_criu_is_named)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_env(b, "PATH=/nonexistent");
	bundle_probe_args(b, "sleep", "100000", NULL);
	bundle_call(b, &got, "run", "-d", "--bundle", b->path, b->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "checkpoint", b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "criu is not in PATH"), "%s", got.err);
	expect_status(b, "running");
	bundle_call(b, &got, "delete", "-f", b->id, NULL);
}

E2E(checkpoint, only_what_runs_can_be_saved)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	bundle_call(b, &got, "checkpoint", b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "Container cannot be checkpointed in created state"),
			   "%s", got.err);
	bundle_call(b, &got, "delete", "-f", b->id, NULL);
	/* Podman asks so whether a runtime can put pods back together. */
	bundle_call(b, &got, "restore", "--lsm-mount-context", NULL);
	cr_expect_not_null(strstr(got.err, "flag needs an argument"), "%s", got.err);
	bundle_call(b, &got, "restore", "--bundle", b->path, "--image-path", in_dir(b, "none"),
		    b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "--image-path: open "), "%s", got.err);
}
