/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/harness.h"

/*
 * A RLIMIT_NOFILE as low as runc starts with: what is opened on the way, after the limit is set,
 * takes no more.
 */
#define FEW_FILES	"[{'type': 'RLIMIT_NOFILE', 'soft': 8, 'hard': 9}]"

static void expect_few_files(const struct output *got, const char *how)
{
	static const char name[] = "Max open files";
	const char *at = got->out;

	cr_expect_eq(got->status, 0, "%s: %s", how, got->err);
	for (int i = 0; i < 2; i++) {
		unsigned long soft = 0, hard = 0;

		at = strstr(at, name);
		cr_assert_not_null(at, "%s: %s", how, got->out);
		at += strlen(name);
		sscanf(at, "%lu %lu", &soft, &hard);
		cr_expect(soft == 8 && hard == 9, "%s: %lu %lu", how, soft, hard);
	}
}

static void map_root(struct bundle *b)
{
	static const char map[] = "[{'containerID': 0, 'hostID': 100000, 'size': 100}]";

	bundle_set(b, "/linux/namespaces/-", "{'type': 'user'}");
	bundle_set(b, "/linux/uidMappings", map);
	bundle_set(b, "/linux/gidMappings", map);
	cr_assert_eq(chown(b->rootfs, 100000, 100000), 0);
}

E2E(few_files, are_enough_to_start)
{
	enum { NO_INIT = 1, MAY_GAIN = 2, USER_NS = 4, FILTER = 8, END = 16 };

	e2e_need_root();
	/* With a filter runc needs more than ten. */
	for (int how = 0; how < (e2e_is_kist() ? END : FILTER); how++) {
		struct bundle *b = bundle_new();
		struct output got;

		bundle_set(b, "/process/rlimits", FEW_FILES);
		if (how & NO_INIT)
			bundle_set(b, "/annotations", "{'org.kist.init': 'never'}");
		if (how & USER_NS)
			map_root(b);
		bundle_set(b, "/process/noNewPrivileges", how & MAY_GAIN ? "false" : "true");
		/* It need not allow what sets the limit. */
		if (how & FILTER)
			bundle_set(b, "/linux/seccomp",
				   "{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names':"
				   " ['setrlimit', 'prlimit64'], 'action': 'SCMP_ACT_ERRNO'}]}");
		bundle_probe_args(b, "read", "/proc/self/limits", "read", "/proc/1/limits", NULL);
		bundle_run(b, &got);
		expect_few_files(&got, arena_printf(&e2e_arena, "case %d", how));
	}
}

E2E(few_files, are_enough_for_create_and_exec)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_set(b, "/process/rlimits", FEW_FILES);
	bundle_probe_args(b, "sleep", "100000", NULL);
	bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "start", b->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "exec", b->id, "/probe", "read", "/proc/self/limits", "read",
		    "/proc/1/limits", NULL);
	expect_few_files(&got, "exec");
	bundle_destroy(b);
}

/* ... and is not said to be missing, where nobody could look. */
E2E(few_files, fewer_are_told_of_a_program_in_path)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_set(b, "/process/rlimits", "[{'type': 'RLIMIT_NOFILE', 'soft': 3, 'hard': 3}]");
	bundle_set(b, "/process/env", "['PATH=/bin:/']");
	bundle_args(b, "probe", NULL);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 1, "%s", got.out);
	cr_expect(strstr(got.err, "exec: \"probe\": too many open files"), "%s", got.err);
}

/* The dozen hierarchies of cgroup v1 are not looked at for a freezer that one of them has. */
E2E(few_files, of_the_caller_are_enough_to_pause_and_resume)
{
	static const char *const verbs[] = { "pause", "state", "resume" };
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	e2e_need_root();
	if (access("/sys/fs/cgroup/freezer", F_OK) < 0)
		e2e_skip("no cgroup v1 with a freezer");
	bundle_set(b, "/linux/resources", "{'pids': {'limit': 100}}");
	bundle_run_sleeper(b);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		b->runtime = "/bin/sh";
		bundle_call_plain(b, &got, "-c",
				  arena_printf(&e2e_arena, "ulimit -n 12; exec %s --root %s %s %s",
					       e2e_runtime(), b->state, verbs[i], b->id),
				  NULL);
		cr_expect_eq(got.status, 0, "%s: %s", verbs[i], got.err);
	}
	b->runtime = e2e_runtime();
	bundle_destroy(b);
}
