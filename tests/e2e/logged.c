/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/logged.h"

#include <sys/stat.h>

const char *in_dir(struct bundle *b, const char *name)
{
	return arena_printf(&e2e_arena, "%s/%s", b->dir, name);
}

void run_logged(struct bundle *b, const char *more, const char *value)
{
	struct output got;

	e2e_need_kist();
	bundle_call(b, &got, "run", "--detach", "--log-file", in_dir(b, "log"), "--bundle", b->path,
		    b->id, more, value, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	cr_expect_str_eq(got.out, "");
}

struct bundle *script_new(const char *script)
{
	struct bundle *b = bundle_new();

	e2e_need_program("/bin/busybox");
	mkdir(arena_printf(&e2e_arena, "%s/bin", b->rootfs), 0755);
	bundle_copy(b, "/bin/busybox", "/bin/sh");
	bundle_copy(b, "/bin/busybox", "/bin/sleep");
	bundle_args(b, "/bin/sh", "-c", script, NULL);
	return b;
}
