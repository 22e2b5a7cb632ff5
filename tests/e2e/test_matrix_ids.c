/* SPDX-License-Identifier: Apache-2.0 */
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/e2e/matrix.h"

/* User namespaces, and mounts whose owners are seen as somebody else. */

#define MAPS	"[{'containerID': 0, 'hostID': 100000, 'size': 65536}]"

static void map(struct bundle *b, const char *uids, const char *gids)
{
	bundle_set(b, "/linux/namespaces/-", "{'type': 'user'}");
	bundle_set(b, "/linux/uidMappings", uids);
	bundle_set(b, "/linux/gidMappings", gids);
	/* Places for mounts are made in it. */
	cr_assert_eq(chown(b->rootfs, 100000, 100000), 0);
}

/* A directory of the host, its owner, and a file in it of another one. */
static const char *owned(struct bundle *b, uid_t uid, uid_t file_uid)
{
	const char *path = arena_printf(&e2e_arena, "%s/owned", b->dir);
	const char *file = arena_printf(&e2e_arena, "%s/file", path);

	cr_assert_eq(mkdir(path, 0755), 0);
	matrix_write(file, "text");
	cr_assert(chown(path, uid, uid) == 0 && chown(file, file_uid, file_uid) == 0);
	return path;
}

/* The container's program, as whom it is told, and what it sees of /data. */
static void look(struct bundle *b, const char *source, const char *mount, struct output *ret)
{
	bundle_set(b, "/mounts/-", arena_printf(&e2e_arena, "{'destination': '/data', 'source': "
		   "'%s', %s}", source, mount));
	bundle_probe_args(b, "stat", "/data", "stat", "/data/file", NULL);
	bundle_run(b, ret);
}

static void expect_owners(const struct output *got, const char *directory, const char *file)
{
	const char *of_file = strstr(got->out, "stat:/data/file=");

	cr_assert_eq(got->status, 0, "%s", got->err);
	cr_expect_eq(strncmp(got->out, arena_printf(&e2e_arena, "stat:/data=d 0755 %s ",
						    directory),
			     strlen(directory) + 19), 0, "%s", got->out);
	cr_expect(of_file != NULL &&
		  strncmp(of_file, arena_printf(&e2e_arena, "stat:/data/file=- 0644 %s ", file),
			  strlen(file) + 24) == 0, "%s", got->out);
}

E2E(matrix_ids, a_mount_takes_the_map_of_the_container)
{
	static const char *const options[] = { "'bind', 'idmap'", "'rbind', 'ridmap'" };

	e2e_need_root();
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		map(b, MAPS, MAPS);
		look(b, owned(b, 0, 7), arena_printf(&e2e_arena, "'options': [%s]", options[i]),
		     &got);
		expect_owners(&got, "0:0", "7:7");
	}
}

/* Joined by path, it has one that need not be said again. */
E2E(matrix_ids, a_mount_takes_the_map_of_a_namespace_that_is_joined)
{
	struct bundle *owner = bundle_new(), *b = bundle_new();
	struct output got;

	e2e_need_root();
	e2e_need_kist();
	map(owner, MAPS, MAPS);
	bundle_set(b, "/linux/namespaces/-",
		   arena_printf(&e2e_arena, "{'type': 'user', 'path': '/proc/%d/ns/user'}",
				(int)matrix_start(owner)));
	cr_assert_eq(chown(b->rootfs, 100000, 100000), 0);
	look(b, owned(b, 0, 7), "'options': ['bind', 'idmap']", &got);
	expect_owners(&got, "0:0", "7:7");
	matrix_stop(owner);
}

E2E(matrix_ids, a_mount_has_a_map_of_its_own)
{
	static const char maps[] =
		"'options': ['bind'], 'uidMappings': [{'containerID': 0, 'hostID': 100000, "
		"'size': 5}, {'containerID': 7, 'hostID': 100050, 'size': 1}], 'gidMappings': "
		"[{'containerID': 0, 'hostID': 100000, 'size': 5}, "
		"{'containerID': 7, 'hostID': 100051, 'size': 1}]";
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_root();
	map(b, MAPS, MAPS);
	look(b, owned(b, 0, 7), maps, &got);
	expect_owners(&got, "0:0", "50:51");
}

E2E(matrix_ids, without_a_user_namespace_a_mount_can_have_a_map_too)
{
	static const char maps[] =
		"'options': ['bind'], 'uidMappings': [{'containerID': 0, 'hostID': 3, 'size': 1}, "
		"{'containerID': 7, 'hostID': 4, 'size': 1}], 'gidMappings': "
		"[{'containerID': 0, 'hostID': 3, 'size': 1}, "
		"{'containerID': 7, 'hostID': 4, 'size': 1}]";
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_root();
	look(b, owned(b, 0, 7), maps, &got);
	expect_owners(&got, "3:3", "4:4");
}

/* crun's: "@" stands for ids of the container. */
E2E(matrix_ids, a_map_inside_the_option_is_understood)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_root();
	e2e_need_kist();
	map(b, MAPS, MAPS);
	look(b, owned(b, 0, 7), "'options': ['bind', 'idmap=uids=@0-11-1#@7-12-1;gids=@0-13-8']",
	     &got);
	expect_owners(&got, "11:13", "12:20");
}

E2E(matrix_ids, idmap_without_a_map_is_an_error)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_root();
	look(b, owned(b, 0, 7), "'options': ['bind', 'idmap']", &got);
	cr_expect_eq(got.status, 1, "%s", got.err);
	cr_expect(strstr(got.err, "idmap"), "%s", got.err);
}

/* What lies below has the map with ridmap alone. */
E2E(matrix_ids, what_lies_below_is_mapped_by_ridmap_alone)
{
	static const struct { const char *options, *below; } cases[] = {
		{ "'rbind', 'idmap'", "stat:/data/inner=d 1777 65534:65534 " },
		{ "'rbind', 'ridmap'", "stat:/data/inner=d 1777 0:0 " },
	};
	int major = 0, minor = 0;
	struct utsname kernel;

	e2e_need_root();
	if (uname(&kernel) == 0 && sscanf(kernel.release, "%d.%d", &major, &minor) == 2 &&
	    major * 100 + minor < 603)
		e2e_skip("no id maps for a tmpfs before Linux 6.3");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bundle *b = bundle_new();
		const char *source = owned(b, 0, 0);
		const char *inner = arena_printf(&e2e_arena, "%s/inner", source);
		struct output got;

		cr_assert_eq(mkdir(inner, 0755), 0);
		matrix_tmpfs(inner);
		map(b, MAPS, MAPS);
		bundle_set(b, "/mounts/-", arena_printf(&e2e_arena, "{'destination': '/data', "
			   "'source': '%s', 'options': [%s]}", source, cases[i].options));
		bundle_probe_args(b, "stat", "/data/inner", NULL);
		bundle_run(b, &got);
		cr_expect_eq(strncmp(got.out, cases[i].below, strlen(cases[i].below)), 0,
			     "%s: %s%s", cases[i].options, got.out, got.err);
		matrix_unmount(inner);
	}
}

E2E(matrix_ids, a_map_without_0_runs_who_is_in_it)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct probe seen;

	e2e_need_root();
	map(b, "[{'containerID': 1000, 'hostID': 101000, 'size': 10}]",
	    "[{'containerID': 2000, 'hostID': 102000, 'size': 10}]");
	bundle_set(b, "/process/user", "{'uid': 1000, 'gid': 2000, 'additionalGids': [2005]}");
	/* There is no root in there to own them. */
	bundle_set(b, "/mounts/2/options", "['nosuid', 'noexec', 'newinstance', "
		   "'ptmxmode=0666', 'mode=0620']");
	cr_assert_eq(chown(b->rootfs, 101000, 102000), 0);
	bundle_run(b, &got);
	cr_assert_eq(got.status, 0, "%s", got.err);
	probe_parse(&seen, &e2e_arena, got.out);
	cr_expect_eq(seen.uid, 1000);
	cr_expect_eq(seen.gid, 2000);
	cr_expect_str_eq(probe_text(&seen, "groups"), "2005");
	cr_expect(probe_has(&seen, "uid_map=      1000     101000         10"), "%s", seen.text);
}

E2E(matrix_ids, who_is_in_no_map_is_named)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_root();
	map(b, "[{'containerID': 0, 'hostID': 100000, 'size': 10}]",
	    "[{'containerID': 0, 'hostID': 100000, 'size': 10}]");
	bundle_set(b, "/mounts/2/options", "['newinstance', 'ptmxmode=0666', 'mode=0620']");
	bundle_set(b, "/process/user", "{'uid': 1000, 'gid': 0}");
	bundle_run(b, &got);
	cr_expect_eq(got.status, 1);
	cr_expect(strstr(got.err, "1000"), "%s", got.err);
}

/* The runtime in a user namespace itself, whose container has another one in it. */
E2E(matrix_ids, a_user_namespace_in_another_has_its_map)
{
	struct bundle *b = bundle_new();
	const char *kist;
	struct output got;

	e2e_need_root();
	e2e_need_kist();
	e2e_need_program("/usr/bin/unshare");
	bundle_as_user(b, 65534);
	kist = b->runtime;
	bundle_set(b, "/linux/uidMappings", "[{'containerID': 5, 'hostID': 0, 'size': 1}]");
	bundle_set(b, "/linux/gidMappings", "[{'containerID': 6, 'hostID': 0, 'size': 1}]");
	bundle_set(b, "/process/user", "{'uid': 5, 'gid': 6}");
	bundle_probe_args(b, "report", NULL);
	b->runtime = "/usr/bin/unshare";
	bundle_call_plain(b, &got, "--user", "--map-root-user", kist, "--root", b->state, "run",
			  "--bundle", b->path, b->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.out, "\nuid=5\n") && strstr(got.out, "\ngid=6\n"), "%s", got.out);
	cr_expect(strstr(got.out, "uid_map=         5          0          1"), "%s", got.out);
}

E2E(matrix_ids, additional_groups_are_all_there)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	e2e_need_root();
	bundle_set(b, "/process/user", "{'uid': 7, 'gid': 8, 'additionalGids': [30, 9, 4711, 10],"
		   " 'umask': 7}");
	bundle_run_probe(b, &seen);
	cr_expect_str_eq(probe_text(&seen, "groups"), "9 10 30 4711");
	cr_expect_str_eq(probe_text(&seen, "umask"), "0007");
	cr_expect_eq(seen.uid, 7);
	cr_expect_eq(seen.gid, 8);
}

/* A program that nobody but root and this group may execute. */
static struct bundle *grouped_new(const char *user)
{
	struct bundle *b = bundle_new();
	const char *probe = arena_printf(&e2e_arena, "%s/probe", b->rootfs);

	bundle_set(b, "/process/user", user);
	cr_assert(chown(probe, 0, 4711) == 0 && chmod(probe, 0750) == 0);
	return b;
}

E2E(matrix_ids, additional_group_may_be_what_lets_the_program_start)
{
	const gid_t gid = 4711;
	struct bundle *b = grouped_new("{'uid': 7, 'gid': 8, 'additionalGids': [9, 4711]}");
	struct output got;
	struct probe seen;

	e2e_need_root();
	bundle_run_probe(b, &seen);
	cr_expect(probe_has(&seen, "uid=7"), "%s", seen.text);
	/* The caller's own do not count. */
	cr_assert_eq(setgroups(1, &gid), 0);
	b = grouped_new("{'uid': 7, 'gid': 8}");
	bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "permission denied"), "%s", got.err);
}

/* "PATH=/root/bin:/bin", and both have it. */
E2E(matrix_ids, program_is_one_that_the_user_can_reach)
{
	struct bundle *b = bundle_new();
	const char *closed = arena_printf(&e2e_arena, "%s/closed", b->rootfs);
	struct output got;

	e2e_need_root();
	bundle_set(b, "/process/user", "{'uid': 7, 'gid': 8}");
	bundle_set(b, "/process/env", "['PATH=/closed:/']");
	cr_assert_eq(mkdir(closed, 0700), 0);
	bundle_copy(b, arena_printf(&e2e_arena, "%s/probe", b->rootfs), "/closed/probe");
	bundle_args(b, "probe", "say", "here", NULL);
	bundle_run(b, &got);
	cr_expect_str_eq(got.out, "here\n", "%s", got.err);
	/* Said at once, and not at the start. */
	bundle_args(b, "/closed/probe", "say", "here", NULL);
	bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "permission denied"), "%s", got.err);
	/* A capability may be what lets it. */
	bundle_set(b, "/process/capabilities",
		   "{'bounding': ['CAP_DAC_OVERRIDE'], 'permitted': ['CAP_DAC_OVERRIDE'],"
		   " 'inheritable': ['CAP_DAC_OVERRIDE'], 'effective': ['CAP_DAC_OVERRIDE'],"
		   " 'ambient': ['CAP_DAC_OVERRIDE']}");
	bundle_run(b, &got);
	cr_expect_str_eq(got.out, "here\n", "%s", got.err);
}
