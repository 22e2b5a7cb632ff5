/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/mount.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/harness.h"

/* The root file system as the inside sees it: mounts, their options, devices, what is hidden. */

/* A directory on the host with one file in it. */
static const char *host_dir(struct bundle *b, const char *name)
{
	char *path = arena_printf(&e2e_arena, "%s/%s", b->dir, name);

	cr_assert_eq(mkdir(path, 0755), 0);
	cr_assert_eq(symlink("target of the link", arena_printf(&e2e_arena, "%s/link", path)), 0);
	return path;
}

E2E(mounts, are_those_of_the_bundle_and_no_more)
{
	static const char *const expected[] = {
		"/", "/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys",
	};
	struct bundle *b = bundle_new();
	struct probe_mount mount;
	struct probe seen;

	bundle_run_probe(b, &seen);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		cr_expect(probe_mount_find(&seen, expected[i], &mount), "%s", expected[i]);
	/* Those above, those that hide something, and the cgroup file systems. */
	cr_expect_leq(probe_count(&seen, "mount"), 32, "%s", seen.text);
}

static const struct {
	const char *destination, *type, *options, *super_options;
} defaults[] = {
	{ "/proc", "proc", "rw,relatime", "rw" },
	{ "/dev", "tmpfs", "rw,nosuid", "rw,size=65536k,mode=755" },
	{ "/dev/pts", "devpts", "rw,nosuid,noexec,relatime", "rw,gid=5,mode=620,ptmxmode=666" },
	{ "/dev/shm", "tmpfs", "rw,nosuid,nodev,noexec,relatime", "rw,size=65536k" },
	{ "/dev/mqueue", "mqueue", "rw,nosuid,nodev,noexec,relatime", "rw" },
	{ "/sys", "sysfs", "ro,nosuid,nodev,noexec,relatime", "" },
};

E2E(mounts, have_their_type_and_options)
{
	struct bundle *b = bundle_new();
	struct probe_mount mount;
	struct probe seen;

	bundle_run_probe(b, &seen);
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
		cr_assert(probe_mount_find(&seen, defaults[i].destination, &mount));
		cr_expect_str_eq(mount.type, defaults[i].type, "%s", defaults[i].destination);
		cr_expect_str_eq(mount.options, defaults[i].options, "%s", defaults[i].destination);
		cr_expect_eq(strncmp(mount.super_options, defaults[i].super_options,
				     strlen(defaults[i].super_options)), 0, "%s: %s",
			     defaults[i].destination, mount.super_options);
	}
}

static const struct {
	const char *options, *seen;
} bind_options[] = {
	{ "['bind']", "rw" },
	{ "['bind', 'ro']", "ro" },
	{ "['rbind', 'nosuid', 'nodev', 'noexec']", "nosuid,nodev,noexec" },
	{ "['bind', 'noatime']", "noatime" },
	{ "['bind', 'nodiratime', 'ro']", "ro,nodiratime" },
	{ "['bind', 'ro', 'rw']", "rw" },
};

E2E(mounts, of_a_directory_take_the_options_told)
{
	for (size_t i = 0; i < ARRAY_SIZE(bind_options); i++) {
		struct bundle *b = bundle_new();
		const char *source = host_dir(b, "data");
		struct probe_mount mount;
		struct output got;
		struct probe seen;
		char word[32];

		bundle_set(b, "/mounts/-", arena_printf(&e2e_arena,
			   "{'destination': '/deep/down/data', 'type': 'bind', 'source': '%s',"
			   " 'options': %s}", source, bind_options[i].options));
		bundle_probe_args(b, "readlink", "/deep/down/data/link", "report", NULL);
		bundle_run(b, &got);
		cr_assert_eq(got.status, 0, "%s: %s", bind_options[i].options, got.err);
		probe_parse(&seen, &e2e_arena, got.out);
		cr_expect(probe_has(&seen, "readlink:/deep/down/data/link=target of the link"));
		cr_assert(probe_mount_find(&seen, "/deep/down/data", &mount));
		for (const char *p = bind_options[i].seen; p;
		     p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
			snprintf(word, sizeof(word), "%.*s", (int)strcspn(p, ","), p);
			cr_expect(probe_option(mount.options, word), "%s: %s in %s",
				  bind_options[i].options, word, mount.options);
		}
	}
}

E2E(mounts, of_a_file_make_the_file_they_lie_on)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_file(b, "/original", 0644, "what was bound");
	bundle_set(b, "/mounts/-", arena_printf(&e2e_arena,
		   "{'destination': '/etc/new/file', 'type': 'none', 'source': '%s/original',"
		   " 'options': ['bind', 'ro']}", b->rootfs));
	bundle_probe_args(b, "read", "/etc/new/file", "open", "/etc/new/file", "w", NULL);
	bundle_run(b, &got);
	cr_expect_str_eq(got.out, "read:/etc/new/file=what was bound\nopen:/etc/new/file=EROFS\n",
			 "%s", got.err);
}

E2E(mounts, relative_source_is_below_the_bundle)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_file(b, "/original", 0644, "from the bundle");
	bundle_set(b, "/mounts/-", "{'destination': '/copy', 'source': 'rootfs/original',"
		   " 'options': ['bind']}");
	bundle_probe_args(b, "read", "/copy", NULL);
	bundle_run(b, &got);
	cr_expect_str_eq(got.out, "read:/copy=from the bundle\n", "%s", got.err);
}

/* Deprecated by the spec, and still to be understood. */
E2E(mounts, relative_destination_is_below_the_root)
{
	struct bundle *b = bundle_new();
	struct probe_mount mount;
	struct probe seen;

	bundle_set(b, "/mounts/-", "{'destination': 'data/./deep', 'type': 'tmpfs',"
		   " 'source': 'tmpfs'}");
	bundle_run_probe(b, &seen);
	cr_expect(probe_mount_find(&seen, "/data/deep", &mount), "%s", seen.text);
}

E2E(mounts, rbind_brings_what_lies_below_and_rro_makes_all_of_it_read_only)
{
	struct bundle *b = bundle_new();
	const char *source = host_dir(b, "data");
	struct output got;

	/* The probe's own /dev/shm inside would do, but a mount on the host's side is the point. */
	cr_assert_eq(mkdir(arena_printf(&e2e_arena, "%s/sub", source), 0755), 0);
	bundle_set(b, "/mounts/-",
		   arena_printf(
			   &e2e_arena,
			   "{'destination': '/data', 'source': '%s', 'options': ['rbind', 'rro']}",
			   source));
	bundle_set(b, "/mounts/-", "{'destination': '/data/sub', 'type': 'tmpfs', 'source': 'x'}");
	bundle_probe_args(b, "mkdir", "/data/x", "mkdir", "/data/sub/x", NULL);
	bundle_run(b, &got);
	cr_expect_str_eq(got.out, "mkdir:/data/x=EROFS\nmkdir:/data/sub/x=0\n", "%s", got.err);
}

E2E(mounts, tmpfs_takes_its_data)
{
	struct bundle *b = bundle_new();
	struct probe_mount mount;
	struct output got;
	struct probe seen;

	bundle_set(b, "/mounts/-", "{'destination': '/scratch', 'type': 'tmpfs', 'source': 'tmpfs',"
		   " 'options': ['nosuid', 'mode=1770', 'size=123k', 'nr_inodes=77', 'uid=7']}");
	bundle_probe_args(b, "report", "stat", "/scratch", NULL);
	bundle_run(b, &got);
	cr_assert_eq(got.status, 0, "%s", got.err);
	probe_parse(&seen, &e2e_arena, got.out);
	cr_assert(probe_mount_find(&seen, "/scratch", &mount));
	cr_expect(probe_option(mount.super_options, "size=124k"), "%s", mount.super_options);
	cr_expect(probe_option(mount.super_options, "nr_inodes=77"), "%s", mount.super_options);
	cr_expect_eq(strncmp(probe_text(&seen, "stat:/scratch"), "d 1770 7:0 ", 11), 0);
}

E2E(mounts, tmpcopyup_fills_a_tmpfs_with_what_was_there)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_file(b, "/etc/a", 0600, "A");
	bundle_file(b, "/etc/sub/b", 0644, "B");
	bundle_set(b, "/mounts/-", "{'destination': '/etc', 'type': 'tmpfs', 'source': 'tmpfs',"
		   " 'options': ['tmpcopyup']}");
	bundle_probe_args(b, "read", "/etc/a", "read", "/etc/sub/b", "write", "/etc/a", "new",
			  "stat", "/etc/a", NULL);
	bundle_run(b, &got);
	cr_expect_eq(strncmp(got.out, "read:/etc/a=A\nread:/etc/sub/b=B\nwrite:/etc/a=0\n"
			     "stat:/etc/a=- 0600 0:0 ", 70), 0, "%s%s", got.out, got.err);
}

E2E(mounts, destination_through_a_link_stays_in_the_root)
{
	struct bundle *b = bundle_new();
	struct output got;

	cr_assert_eq(symlink("../../../../real", arena_printf(&e2e_arena, "%s/link", b->rootfs)),
		     0);
	bundle_set(b, "/mounts/-", "{'destination': '/link/data', 'type': 'tmpfs', 'source': 'x'}");
	bundle_probe_args(b, "stat", "/real/data", "mkdir", "/real/data/x", NULL);
	bundle_run(b, &got);
	cr_expect(strstr(got.out, "stat:/real/data=d "), "%s%s", got.out, got.err);
	cr_expect(strstr(got.out, "mkdir:/real/data/x=0"), "%s%s", got.out, got.err);
}

E2E(root, is_read_only_when_told)
{
	for (int read_only = 0; read_only < 2; read_only++) {
		struct bundle *b = bundle_new();
		struct output got;

		bundle_set(b, "/root/readonly", read_only ? "true" : "false");
		bundle_probe_args(b, "mkdir", "/new", NULL);
		bundle_run(b, &got);
		cr_expect_str_eq(got.out, read_only ? "mkdir:/new=EROFS\n" : "mkdir:/new=0\n", "%s",
				 got.err);
	}
}

E2E(root, has_the_propagation_told)
{
	static const struct { const char *word, *tag; } propagations[] = {
		{ "'private'", "" }, { "'shared'", "shared:" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(propagations); i++) {
		struct bundle *b = bundle_new();
		struct probe_mount mount;
		struct probe seen;

		bundle_set(b, "/linux/rootfsPropagation", propagations[i].word);
		bundle_run_probe(b, &seen);
		cr_assert(probe_mount_find(&seen, "/", &mount));
		cr_expect_eq(strncmp(mount.tags, propagations[i].tag,
				     strlen(propagations[i].tag)), 0, "%s: %s",
			     propagations[i].word, mount.tags);
	}
}

static const struct { const char *path, *says; } devices[] = {
	{ "/dev/null", "c 0666 0:0 1:3" }, { "/dev/zero", "c 0666 0:0 1:5" },
	{ "/dev/full", "c 0666 0:0 1:7" }, { "/dev/random", "c 0666 0:0 1:8" },
	{ "/dev/urandom", "c 0666 0:0 1:9" }, { "/dev/tty", "c 0666 0:0 5:0" },
};
static const struct { const char *path, *target; } device_links[] = {
	{ "/dev/fd", "/proc/self/fd" }, { "/dev/stdin", "/proc/self/fd/0" },
	{ "/dev/stdout", "/proc/self/fd/1" }, { "/dev/stderr", "/proc/self/fd/2" },
	{ "/dev/ptmx", "pts/ptmx" },
};

E2E(devices, are_the_standard_ones)
{
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		bundle_probe_args(b, "stat", devices[i].path, "open", devices[i].path, "r", NULL);
		bundle_run(b, &got);
		cr_expect(strstr(got.out, devices[i].says), "%s: %s%s", devices[i].path, got.out,
			  got.err);
	}
	for (size_t i = 0; i < ARRAY_SIZE(device_links); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		bundle_probe_args(b, "readlink", device_links[i].path, NULL);
		bundle_run(b, &got);
		cr_expect_str_eq(got.out, arena_printf(&e2e_arena, "readlink:%s=%s\n",
				 device_links[i].path, device_links[i].target), "%s", got.err);
	}
}

E2E(devices, of_the_bundle_are_made_and_others_may_not_be_opened)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_root();
	bundle_set(
		b, "/linux/devices",
		"[{'path': '/dev/mine', 'type': 'c', 'major': 1, 'minor': 3,"
		" 'fileMode': 416, 'uid': 7, 'gid': 8}, {'path': '/dev/dir/pipe', 'type': 'p'}]");
	bundle_set(b, "/process/capabilities/bounding/-", "'CAP_MKNOD'");
	bundle_set(b, "/process/capabilities/permitted/-", "'CAP_MKNOD'");
	bundle_set(b, "/process/capabilities/effective/-", "'CAP_MKNOD'");
	/* 1:1 is /dev/mem: making the node may be allowed, opening it may not. */
	bundle_probe_args(b, "stat", "/dev/mine", "stat", "/dev/dir/pipe", "mknod", "/dev/mem", "c",
			  "1:1", "open", "/dev/mem", "r", NULL);
	bundle_run(b, &got);
	cr_expect(strstr(got.out, "stat:/dev/mine=c 0640 7:8 1:3"), "%s%s", got.out, got.err);
	cr_expect(strstr(got.out, "stat:/dev/dir/pipe=p "), "%s%s", got.out, got.err);
	cr_expect_null(strstr(got.out, "open:/dev/mem=0"), "%s", got.out);
}

E2E(hidden, paths_show_nothing)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_file(b, "/secret/inside", 0644, "treasure");
	bundle_file(b, "/secret-file", 0644, "treasure");
	bundle_set(b, "/linux/maskedPaths",
		   "['/secret', '/secret-file', '/not-there', '/proc/keys']");
	bundle_probe_args(b, "list", "/secret", "read", "/secret-file", "mkdir", "/secret/x",
			  "read", "/proc/keys", "stat", "/not-there", NULL);
	bundle_run(b, &got);
	cr_expect_str_eq(got.out, "read:/secret-file=\nmkdir:/secret/x=EROFS\nread:/proc/keys=\n"
			 "stat:/not-there=ENOENT\n", "%s", got.err);
}

E2E(hidden, read_only_paths_can_be_read_alone)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_set(b, "/root/readonly", "false");
	bundle_file(b, "/fixed/file", 0644, "text");
	bundle_set(b, "/linux/readonlyPaths", "['/fixed', '/proc/sys', '/not-there']");
	bundle_probe_args(b, "read", "/fixed/file", "write", "/fixed/file", "x", "write",
			  "/proc/sys/kernel/domainname", "x", NULL);
	bundle_run(b, &got);
	cr_expect_str_eq(got.out, "read:/fixed/file=text\nwrite:/fixed/file=EROFS\n"
			 "write:/proc/sys/kernel/domainname=EROFS\n", "%s", got.err);
}
