/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/harness.h"

/* Everything that an ordinary user can have, with one id mapped: nobody's to root. */

enum { NOBODY = 65534 };

E2E(rootless, user_is_root_inside)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_as_user(b, NOBODY);
	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.uid, 0);
	cr_expect_eq(seen.gid, 0);
	cr_expect(probe_has(&seen, "uid_map=         0      65534          1"), "%s", seen.text);
	cr_expect(probe_has(&seen, "gid_map=         0      65534          1"), "%s", seen.text);
	cr_expect_str_eq(probe_text(&seen, "hostname"), "e2e");
}

E2E(rootless, status_and_output_come_through)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_as_user(b, NOBODY);
	bundle_probe_args(b, "say", "out", "error", "err", "exit", "9", NULL);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 9, "%s", got.err);
	cr_expect_str_eq(got.out, "out\n");
	cr_expect_str_eq(got.err, "err\n");
}

E2E(rootless, processes_are_found_without_a_cgroup)
{
	struct bundle *b = bundle_new();
	const char *comma;
	struct output got;

	e2e_need_kist();
	bundle_as_user(b, NOBODY);
	bundle_run_sleeper(b);
	/* kist-init and the program: "[123,124]" */
	bundle_call(b, &got, "ps", "--format", "json", b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	comma = strchr(got.out, ',');
	cr_expect(comma != NULL && strchr(comma + 1, ',') == NULL, "%s", got.out);
	bundle_call(b, &got, "top", "--once", b->id, NULL);
	cr_expect_not_null(strstr(got.out, "/probe sleep"), "%s%s", got.out, got.err);
	bundle_destroy(b);
}

/* Rootless containerd sends it of each; "container not running" was to mean that it is gone. */
E2E(rootless, kill_all_reaches_it_without_a_cgroup)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_as_user(b, NOBODY);
	bundle_run_sleeper(b);
	bundle_call(b, &got, "kill", "--all", b->id, "KILL", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	for (int tries = 0; tries < 3000 && strstr(got.out, "\"stopped\"") == NULL; tries++) {
		bundle_call(b, &got, "state", b->id, NULL);
		usleep(10000);
	}
	cr_expect_not_null(strstr(got.out, "\"stopped\""), "%s", got.out);
	bundle_call(b, &got, "kill", "--all", b->id, "KILL", NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "container not running"), "%s", got.err);
	bundle_destroy(b);
}

E2E(rootless, exec_takes_the_oom_score_though_it_may_not_be_traced)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_as_user(b, NOBODY);
	bundle_set(b, "/process/oomScoreAdj", "500");
	bundle_run_sleeper(b);
	bundle_call(b, &got, "exec", b->id, "/probe", "read", "/proc/self/oom_score_adj", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_not_null(strstr(got.out, "500"), "%s", got.out);
	bundle_destroy(b);
}

E2E(rootless, loopback_of_a_new_network_is_up)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_as_user(b, NOBODY);
	bundle_set(b, "/linux/namespaces/-", "{'type': 'network'}");
	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.lo_up, 1);
}

E2E(rootless, devices_are_those_of_the_host)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_as_user(b, NOBODY);
	bundle_probe_args(b, "open", "/dev/null", "rw", "open", "/dev/zero", "r", "write",
			  "/dev/null", "gone", "stat", "/dev/urandom", NULL);
	bundle_run(b, &got);
	cr_expect(strstr(got.out, "open:/dev/null=0\nopen:/dev/zero=0\nwrite:/dev/null=0\n"
			 "stat:/dev/urandom=c 0666 "), "%s%s", got.out, got.err);
}

E2E(rootless, a_device_is_bound_where_it_was_asked_for)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_as_user(b, NOBODY);
	bundle_call(b, &got, "run", "--rootfs", b->rootfs, "--device", "/dev/zero:/dev/nil", "--",
		    "/probe", "stat", "/dev/nil", "open", "/dev/nil", "rw", NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	cr_expect_not_null(strstr(got.out, "stat:/dev/nil=c 0666 65534:65534 1:5 "), "%s", got.out);
	cr_expect_not_null(strstr(got.out, "open:/dev/nil=0\n"), "%s", got.out);
}

E2E(rootless, root_can_be_written_where_allowed)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct stat st;

	bundle_as_user(b, NOBODY);
	bundle_set(b, "/root/readonly", "false");
	bundle_probe_args(b, "write", "/new", "text", "stat", "/new", NULL);
	bundle_run(b, &got);
	cr_expect(strstr(got.out, "stat:/new=- 0644 0:0 "), "%s%s", got.out, got.err);
	cr_assert_eq(stat(arena_printf(&e2e_arena, "%s/new", b->rootfs), &st), 0);
	cr_expect_eq(st.st_uid, NOBODY);
}

E2E(rootless, no_file_of_the_host_gets_writable)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_as_user(b, NOBODY);
	bundle_set(b, "/mounts/-", "{'destination': '/host-etc', 'type': 'bind', 'source': '/etc',"
		   " 'options': ['rbind']}");
	bundle_probe_args(b, "open", "/host-etc/passwd", "w", "mkdir", "/host-etc/new", NULL);
	bundle_run(b, &got);
	cr_expect_str_eq(got.out, "open:/host-etc/passwd=EACCES\nmkdir:/host-etc/new=EACCES\n",
			 "%s", got.err);
}

E2E(rootless, locked_flags_of_a_mount_stay)
{
	struct bundle *b = bundle_new();
	struct probe seen;
	struct probe_mount mount;

	bundle_as_user(b, NOBODY);
	bundle_run_probe(b, &seen);
	cr_assert(probe_mount_find(&seen, "/sys", &mount), "%s", seen.text);
	cr_expect(probe_option(mount.options, "ro"), "%s", mount.options);
	cr_expect(probe_option(mount.options, "nosuid"), "%s", mount.options);
}

/* What a user's container may not have, and the words that say so. */
static void denied(const char *pointer, const char *value, const char *text)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	e2e_need_root();
	bundle_as_user(b, 1000);
	bundle_set(b, pointer, value);
	bundle_probe_args(b, "say", "ran", NULL);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, text), "%s", got.err);
}

E2E(rootless, id_that_is_not_mapped_is_named_with_the_way_out)
{
	denied("/process/user", "{'uid': 5, 'gid': 5}",
	       "set ids 5:5: invalid argument: the user namespace has no such id");
}

E2E(rootless, limit_above_the_callers_is_named)
{
	denied("/process/rlimits",
	       "[{'type': 'RLIMIT_NOFILE', 'soft': 1000000000, 'hard': 1000000000}]",
	       "set RLIMIT_NOFILE to 1000000000, 1000000000: operation not permitted");
}

E2E(rootless, mapping_of_somebody_else_is_refused)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_as_user(b, NOBODY);
	bundle_set(b, "/linux/uidMappings/0/hostID", "1000");
	bundle_run(b, &got);
	cr_expect_eq(got.status, 1, "%s", got.err);
	cr_expect_str_eq(got.out, "");
}
