/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "tests/e2e/harness.h"

/* Hooks that call kist for the container whose hooks they are. */

static const char *contents(struct bundle *b, const char *name)
{
	struct error err;
	char *text;

	return file_read(AT_FDCWD, arena_printf(&e2e_arena, "%s/%s", b->dir, name), 1 << 20,
			 &e2e_arena, &text, NULL, &err) == 0 ?
		       text :
		       "";
}

/* A hook of the host's shell; %1$s: kist --root STATE, %2$s: the id. */
static void hook_set(struct bundle *b, const char *moment, const char *format)
{
	const char *kist = arena_printf(&e2e_arena, "%s --root %s", b->runtime, b->state);

	bundle_set(b, arena_printf(&e2e_arena, "/hooks/%s", moment),
		   arena_printf(&e2e_arena, "[{'path': '/bin/sh', 'args': ['sh', '-c', '%s']}]",
				arena_printf(&e2e_arena, format, kist, b->id)));
}

/* Who makes a container holds its lock, and other commands wait 10 seconds for that. */
E2E(hook_calls, of_create_and_delete_are_answered_at_once)
{
	static const char *const moments[] = { "prestart", "createRuntime", "createContainer",
					       "poststop" };

	e2e_need_kist();
	e2e_need_root();
	for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		b->timeout = 8;
		hook_set(b, moments[i],
			 "exec >../said 2>&1; %1$s pause %2$s; %1$s delete --force %2$s; "
			 "%1$s update %2$s && echo updated; "
			 "%1$s exec %2$s /probe; true");
		bundle_run(b, &got);
		cr_expect_eq(got.status, 0, "%s: %s", moments[i], got.err);
		cr_expect_not_null(strstr(contents(b, "said"), "which waits for this hook"), "%s",
				   contents(b, "said"));
		cr_expect_not_null(
			strstr(contents(b, "said"),
			       strcmp(moments[i], "poststop") ?
				       "updated\nkist: exec failed: cannot exec in a container "
				       "that is still being created" :
				       "kist: container not running\nkist: exec failed: cannot "
				       "exec in a stopped container"),
			"%s: %s", moments[i], contents(b, "said"));
	}
}

/* Where the container has the host's pids, and its files; elsewhere kist knows no container. */
E2E(hook_calls, of_start_container_are_answered_at_once)
{
	static const char *const moments[] = { "run", "create" };
	static const char *const sets[] = { "bounding", "effective", "permitted" };

	e2e_need_kist();
	e2e_need_root();
	e2e_need_program("/bin/busybox");
	for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		b->timeout = 8;
		bundle_set(b, "/linux/namespaces", "[{'type': 'mount'}, {'type': 'uts'}]");
		for (size_t j = 0; j < ARRAY_SIZE(sets); j++)
			bundle_set(b, arena_printf(&e2e_arena, "/process/capabilities/%s", sets[j]),
				   "['CAP_SYS_CHROOT', 'CAP_SYS_ADMIN']");
		bundle_set(b, "/mounts/-",
			   "{'destination': '/host', 'source': '/', 'options': "
			   "['rbind']}");
		bundle_set(b, "/hooks/startContainer",
			   arena_printf(&e2e_arena,
					"[{'path': '/host/bin/busybox', 'args': ['chroot', "
					"'/host', '/bin/sh', '-c', 'exec >%1$s/said 2>&1; "
					"%2$s pause %3$s; %2$s start %3$s; %2$s update %3$s && "
					"echo updated']}]",
					b->dir,
					arena_printf(&e2e_arena, "%s --root %s", b->runtime,
						     b->state),
					b->id));
		bundle_call(b, &got, moments[i], "--bundle", b->path, b->id, NULL);
		cr_expect_eq(got.status, 0, "%s", got.err);
		if (i == 1)
			bundle_call(b, &got, "start", b->id, NULL);
		cr_expect_eq(got.status, 0, "%s", got.err);
		cr_expect_not_null(strstr(contents(b, "said"), "which waits for this hook\n"), "%s",
				   contents(b, "said"));
		cr_expect_not_null(strstr(contents(b, "said"), "hook\nupdated\n"), "%s",
				   contents(b, "said"));
		bundle_destroy(b);
	}
}

E2E(hook_calls, of_poststart_may_change_their_container)
{
	static const char *const says[] = { "updated\n", "" };

	/* runc 1.1 calls them at "create". */
	e2e_need_kist();
	e2e_need_root();
	for (size_t i = 0; i < ARRAY_SIZE(says); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		b->timeout = 8;
		bundle_probe_args(b, "sleep", "60000", NULL);
		hook_set(b, "poststart",
			 i == 0 ? "exec >../said 2>&1; %1$s pause %2$s && %1$s resume %2$s && "
				  "%1$s update %2$s && echo updated" :
				  "%1$s delete --force %2$s; exit 1");
		hook_set(b, "poststop", "echo over >>../over");
		bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
		cr_assert_eq(got.status, 0, "%s", got.err);
		bundle_call(b, &got, "start", b->id, NULL);
		cr_expect_eq(got.status, (int)i, "%s", got.err);
		cr_expect_str_eq(contents(b, "said"), says[i]);
		bundle_destroy(b);
		cr_expect_str_eq(contents(b, "over"), "over\n");
	}
}

/* A shell cannot even trap what it is born ignoring. */
E2E(hook_calls, ignore_no_signal_that_the_caller_ignores)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_set(b, "/hooks/createRuntime",
		   arena_printf(&e2e_arena, "[{'path': '/bin/grep', 'args': ['grep', '-q', "
					    "'SigIgn:.0000000000000000', '/proc/self/status']}]"));
	b->runtime = "/bin/sh";
	bundle_call_plain(b, &got, "-c",
			  arena_printf(&e2e_arena,
				       "trap '' HUP INT QUIT PIPE TERM; "
				       "exec %s --root %s run --bundle %s %s",
				       e2e_runtime(), b->state, b->path, b->id),
			  NULL);
	b->runtime = e2e_runtime();
	cr_expect_eq(got.status, 0, "%s", got.err);
}
