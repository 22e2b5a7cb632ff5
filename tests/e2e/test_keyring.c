/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/e2e/harness.h"

/* linux/keyctl.h */
#define GET_KEYRING_ID	0
#define SESSION_KEYRING (-3)

static struct bundle *keyring_bundle(void)
{
	struct bundle *b = bundle_new();

	if (syscall(SYS_keyctl, GET_KEYRING_ID, SESSION_KEYRING, 0) < 0 && errno == ENOSYS)
		e2e_skip("this kernel has no keys");
	bundle_probe_args(b, "keyring", NULL);
	return b;
}

/* The number behind "keyring="; 0 where the probe told of an error. */
static long keyring_id(const struct output *got)
{
	const char *at = strstr(got->out, "keyring=");

	return at != NULL ? strtol(at + strlen("keyring="), NULL, 10) : 0;
}

static void expect_text(const struct output *got, const char *text)
{
	cr_expect_eq(got->status, 0, "%s", got->err);
	cr_expect(strstr(got->out, text) != NULL, "no %s in %s", text, got->out);
}

E2E(keyring, is_the_containers_own_and_has_its_name)
{
	struct bundle *b = keyring_bundle();
	struct output got;

	bundle_run(b, &got);
	expect_text(&got, arena_printf(&e2e_arena, "_ses.%s\n", b->id));
	cr_expect_neq(keyring_id(&got), syscall(SYS_keyctl, GET_KEYRING_ID, SESSION_KEYRING, 0));
	/* Search for the owner is what exec needs; nothing for group and others. */
	expect_text(&got, ";3f1b0000;");
}

E2E(keyring, is_shared_with_exec_alone)
{
	struct bundle *b = keyring_bundle(), *other = keyring_bundle();
	struct output first, second, elsewhere, ignored;
	struct call run;

	bundle_probe_args(b, "keyring", "sleep", "60000", NULL);
	bundle_begin(b, &run, "run", "--bundle", b->path, b->id, NULL);
	bundle_await(&run, "_ses.");
	bundle_call(b, &second, "exec", "--user", "1000:1000", b->id, "/probe", "keyring", NULL);
	bundle_run(other, &elsewhere);
	bundle_call(b, &ignored, "kill", b->id, "KILL", NULL);
	bundle_finish(&run, &first);
	cr_expect_gt(keyring_id(&first), 0, "%s%s", first.out, first.err);
	cr_expect_eq(keyring_id(&first), keyring_id(&second), "%s%s", first.out, second.out);
	cr_expect_neq(keyring_id(&first), keyring_id(&elsewhere));
}

E2E(keyring, belongs_to_the_root_of_a_user_namespace)
{
	struct bundle *b = keyring_bundle();
	struct output got;

	e2e_need_root();
	cr_assert_eq(chown(b->rootfs, 1000, 1000), 0);
	bundle_set(b, "/linux/namespaces/-", "{'type': 'user'}");
	bundle_set(b, "/linux/uidMappings", "[{'containerID': 0, 'hostID': 1000, 'size': 10}]");
	bundle_set(b, "/linux/gidMappings", "[{'containerID': 0, 'hostID': 1000, 'size': 10}]");
	bundle_run(b, &got);
	expect_text(&got, arena_printf(&e2e_arena, "keyring;0;0;3f1b0000;_ses.%s\n", b->id));
}

E2E(keyring, of_the_caller_stays_with_no_new_keyring)
{
	struct bundle *b = keyring_bundle();
	struct output got;

	bundle_call(b, &got, "run", "--no-new-keyring", "--bundle", b->path, b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.out, "_ses.") == NULL || strstr(got.out, b->id) == NULL, "%s",
		  got.out);
	cr_expect_gt(keyring_id(&got), 0, "%s", got.out);
}

/* Two that begin alike share nothing. */
E2E(keyring, is_told_apart_by_a_long_id)
{
	struct bundle *b = keyring_bundle();
	struct output got;

	b->id = arena_printf(&e2e_arena, "%s-%0*d", b->id, 100, 7);
	bundle_run(b, &got);
	expect_text(&got, arena_printf(&e2e_arena, "_ses.%s\n", b->id));
}
