/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/counter.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

const char *counter_path(struct bundle *b, const char *name)
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

const char *counter_criu(void)
{
	const char *criu = getenv("KIST_CRIU");

	return criu == NULL || *criu == '\0' ? "/usr/sbin" : criu;
}

void counter_script(struct bundle *b, const char *before)
{
	bundle_args(b, "/bin/sh", "-c",
		    arena_printf(&e2e_arena,
				 "%s; i=0; while :; do i=$((i+1)); echo $i >/count; "
				 "sleep 0.05; done",
				 before),
		    NULL);
}

struct bundle *counter_new(const char *init)
{
	const char *criu = counter_criu();
	struct bundle *b;

	e2e_need_root();
	e2e_need_program("/bin/busybox");
	if (!criu_works(criu))
		e2e_skip("needs a criu that works here: KIST_CRIU=$(tests/get-criu DIRECTORY)");
	b = bundle_new();
	bundle_env(b, arena_printf(&e2e_arena, "PATH=%s:/usr/sbin:/usr/bin:/sbin:/bin", criu));
	mkdir(counter_path(b, "bundle/rootfs/bin"), 0755);
	bundle_copy(b, "/bin/busybox", "/bin/sh");
	bundle_copy(b, "/bin/busybox", "/bin/sleep");
	bundle_set(b, "/root/readonly", "false");
	bundle_set(b, "/annotations", arena_printf(&e2e_arena, "{'org.kist.init': '%s'}", init));
	counter_script(b, "trap 'exit 7' TERM");
	return b;
}

uint64_t counter_value(struct bundle *b)
{
	const char *path = counter_path(b, "bundle/rootfs/count");
	struct error err;
	uint64_t count = 0;
	char *text;

	/* It may just be written. */
	for (int i = 0; i < 100 && count == 0; i++, usleep(10000)) {
		if (file_read(AT_FDCWD, path, 64, &e2e_arena, &text, NULL, &err) == 0)
			text_to_u64(arena_strndup(&e2e_arena, text, strcspn(text, "\n")), 1 << 20,
				    &count);
	}
	return count;
}

uint64_t counter_await(struct bundle *b, uint64_t more_than)
{
	uint64_t count = 0;

	for (int i = 0; i < 6000 && (count = counter_value(b)) <= more_than; i++)
		usleep(10000);
	cr_assert_gt(count, more_than, "it stands still");
	return count;
}

void counter_call(struct bundle *b, const char *verb, const char *a, const char *c,
		    const char *d)
{
	struct output got;

	if (strcmp(verb, "run") == 0 || strcmp(verb, "restore") == 0)
		bundle_call(b, &got, verb, "--detach", "--bundle", b->path, b->id, a, c, d, NULL);
	else
		bundle_call(b, &got, verb, b->id, a, c, d, NULL);
	cr_assert_eq(got.status, 0, "%s: %s", verb, got.err);
}

void counter_expect_status(struct bundle *b, const char *status)
{
	struct output got;

	bundle_call(b, &got, "state", b->id, NULL);
	cr_expect_not_null(strstr(got.out, arena_printf(&e2e_arena, "\"status\": \"%s\"", status)),
			   "%s%s", got.out, got.err);
}

const char *counter_option(struct bundle *b, const char *option, const char *name)
{
	return arena_printf(&e2e_arena, "--%s=%s", option, counter_path(b, name));
}
