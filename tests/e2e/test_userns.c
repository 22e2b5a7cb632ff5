/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/harness.h"

/* Devices in user namespaces, and namespaces without maps. */

#define FIRST 100000 /* the host's id of the container's root */

static struct bundle *userns_bundle(void)
{
	const char *map =
		arena_printf(&e2e_arena, "[{'containerID': 0, 'hostID': %d, 'size': 100}]", FIRST);
	struct bundle *b = bundle_new();

	bundle_set(b, "/linux/namespaces/-", "{'type': 'user'}");
	bundle_set(b, "/linux/uidMappings", map);
	bundle_set(b, "/linux/gidMappings", map);
	if (chown(b->rootfs, FIRST, FIRST) < 0)
		e2e_skip("needs root");
	return b;
}

static void expect_line(const struct output *got, const char *line)
{
	cr_expect_eq(got->status, 0, "%s", got->err);
	cr_expect(strstr(got->out, line) != NULL, "no %s in %s", line, got->out);
}

/* One device beside the default ones, looked at from inside. */
static void run_with_device(struct bundle *b, const char *path, const char *device,
			    struct output *ret)
{
	bundle_set(b, "/linux/devices", arena_printf(&e2e_arena, "[%s]", device));
	bundle_probe_args(b, "stat", path, "open", path, "r", NULL);
	bundle_run(b, ret);
}

E2E(userns, devices_have_the_configured_mode_and_owner)
{
	struct bundle *b = userns_bundle();
	struct output got;

	e2e_need_root();
	run_with_device(b, "/dev/null2",
			"{'path': '/dev/null2', 'type': 'c', 'major': 1, "
			"'minor': 3, 'fileMode': 420, 'uid': 10, 'gid': 11}",
			&got);
	expect_line(&got, "stat:/dev/null2=c 0644 10:11 1:3 0");
	expect_line(&got, "open:/dev/null2=0");
	cr_expect_str_eq(got.err, "");
}

E2E(userns, device_modes_are_not_cut_by_a_umask)
{
	struct bundle *b = userns_bundle();
	struct output got;

	e2e_need_root();
	umask(077);
	run_with_device(b, "/dev/zero",
			"{'path': '/dev/zero', 'type': 'c', 'major': 1, "
			"'minor': 5, 'fileMode': 511}",
			&got);
	umask(022);
	expect_line(&got, "stat:/dev/zero=c 0777 0:0 1:5 0");
}

/* What the host has as it is asked for is the host's node: nothing is made for it. */
E2E(userns, a_node_of_the_host_is_bound_where_it_will_do)
{
	struct bundle *b = userns_bundle();
	struct output got;

	e2e_need_root();
	run_with_device(b, "/dev/full",
			"{'path': '/dev/full', 'type': 'c', 'major': 1, "
			"'minor': 7, 'fileMode': 438}",
			&got);
	expect_line(&got, "stat:/dev/full=c 0666 65534:65534 1:7 0");
}

E2E(userns, mounts_of_devices_have_nosuid_and_noexec)
{
	struct bundle *b = userns_bundle();
	struct probe_mount mount;
	struct probe seen;

	e2e_need_root();
	bundle_set(b, "/linux/devices",
		   "[{'path': '/dev/x', 'type': 'c', 'major': 1, "
		   "'minor': 3, 'fileMode': 384}]");
	bundle_run_probe(b, &seen);
	for (size_t i = 0; i < 2; i++) {
		static const char *const paths[] = { "/dev/null", "/dev/x" };

		cr_assert(probe_mount_find(&seen, paths[i], &mount), "%s", seen.text);
		cr_expect(probe_option(mount.options, "nosuid"), "%s", mount.options);
		cr_expect(probe_option(mount.options, "noexec"), "%s", mount.options);
	}
}

E2E(userns, an_owner_without_a_mapping_is_refused)
{
	struct bundle *b = userns_bundle();
	struct output got;

	e2e_need_root();
	run_with_device(b, "/dev/x",
			"{'path': '/dev/x', 'type': 'c', 'major': 1, 'minor': 3, "
			"'uid': 100}",
			&got);
	cr_expect_eq(got.status, 1);
	cr_expect(strstr(got.err, "device /dev/x: its uid 100 is not mapped in the user namespace"),
		  "%s", got.err);
}

/* pid 1 took them at the same time as the program's process, and ended before that one said so. */
E2E(userns, groups_without_a_mapping_are_told)
{
	static const struct {
		const char *user, *says;
	} facts[] = {
		{ "{'uid': 0, 'gid': 0, 'additionalGids': [5, 100]}", "set additional groups: " },
		{ "{'uid': 0, 'gid': 100}", "become group 100: " },
	};

	e2e_need_root();
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		struct bundle *b = userns_bundle();
		struct output got;

		bundle_set(b, "/process/user", facts[i].user);
		bundle_run(b, &got);
		cr_expect_eq(got.status, 1);
		cr_expect(strstr(got.err, facts[i].says), "%s", got.err);
	}
}

E2E(userns, an_ordinary_user_is_told_of_a_mode_that_cannot_be)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_as_user(b, 1000);
	run_with_device(b, "/dev/full",
			"{'path': '/dev/full', 'type': 'c', 'major': 1, "
			"'minor': 7, 'fileMode': 384}",
			&got);
	expect_line(&got, "stat:/dev/full=c 0666 65534:65534 1:7 0");
	cr_expect(strstr(got.err,
			 "device /dev/full is the host's, with mode 0666 and owner "
			 "65534:65534; mode 0600 and owner 0:0 need root, and id maps "
			 "in config.json"),
		  "%s", got.err);
	run_with_device(b, "/dev/full",
			"{'path': '/dev/full', 'type': 'c', 'major': 1, "
			"'minor': 7, 'fileMode': 438}",
			&got);
	cr_expect_str_eq(got.err, "");
}

/* --- without maps --------------------------------------------------------------------- */

/* Group 5 of devpts would not be mapped. */
static struct bundle *mapless_bundle(void)
{
	struct bundle *b = bundle_new();

	bundle_set(b, "/linux/namespaces/-", "{'type': 'user'}");
	bundle_set(b, "/mounts/2/options", "['nosuid', 'noexec', 'newinstance']");
	return b;
}

E2E(userns, without_maps_its_root_is_the_caller)
{
	struct bundle *b = mapless_bundle();
	struct probe seen;

	e2e_need_root();
	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.uid, 0);
	cr_expect(probe_has(&seen, "uid_map=         0          0          1"), "%s", seen.text);
	cr_expect(probe_has(&seen, "gid_map=         0          0          1"), "%s", seen.text);
	cr_expect_not(probe_has(&seen, "uid_map=         0          0 4294967295"));
}

E2E(userns, without_maps_an_ordinary_users_root_is_that_user)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_as_user(b, 1000);
	bundle_unset(b, "/linux/uidMappings");
	bundle_unset(b, "/linux/gidMappings");
	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.uid, 0);
	cr_expect(probe_has(&seen, "uid_map=         0       1000          1"), "%s", seen.text);
}

E2E(userns, without_maps_check_says_who_root_is)
{
	struct bundle *b = mapless_bundle();
	struct output got;

	e2e_need_root();
	bundle_probe_args(b, "exit", "0", NULL);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	bundle_call_plain(b, &got, "check", b->path, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.out, "has no uidMappings and gidMappings: root in the container is "
				  "the caller, uid 0 and gid 0 of the host"),
		  "%s%s", got.out, got.err);
}

/* Its root is another than the host's, or an ordinary user. */
E2E(userns, a_time_namespace_has_its_offsets)
{
	e2e_need_kist();
	if (access("/proc/self/ns/time", F_OK) < 0)
		e2e_skip("this kernel has no time namespaces");
	for (int user = 0; user < 2; user++) {
		struct bundle *b = user ? bundle_new() : userns_bundle();
		struct probe seen;

		if (user)
			bundle_as_user(b, 1000);
		bundle_set(b, "/linux/namespaces/-", "{'type': 'time'}");
		bundle_set(b, "/linux/timeOffsets", "{'boottime': {'secs': 604800}}");
		bundle_run_probe(b, &seen);
		cr_expect(probe_has(&seen, "time_offset=boottime       604800         0"), "%s",
			  seen.text);
	}
}

/* The kernel gives such a namespace no procfs of its own that could be written to. */
E2E(userns, oom_score_reaches_exec_where_proc_is_read_only)
{
	for (int bound = 0; bound < 2; bound++) {
		struct bundle *b = userns_bundle();
		struct output got;

		e2e_need_root();
		bundle_set(b, "/process/oomScoreAdj", "321");
		if (bound) {
			bundle_unset(b, "/linux/namespaces/0");
			bundle_set(b, "/mounts/0",
				   "{'destination': '/proc', 'type': 'none',"
				   " 'source': '/proc', 'options': ['rbind']}");
			bundle_set(b, "/linux/readonlyPaths", "['/proc']");
		} else {
			bundle_set(b, "/mounts/0/options", "['ro']");
		}
		bundle_run_sleeper(b);
		bundle_call(b, &got, "exec", b->id, "/probe", "read", "/proc/self/oom_score_adj",
			    "open", "/proc/self/oom_score_adj", "w", NULL);
		expect_line(&got, "read:/proc/self/oom_score_adj=321\\n\n");
		expect_line(&got, "open:/proc/self/oom_score_adj=EROFS\n");
		bundle_destroy(b);
	}
}
