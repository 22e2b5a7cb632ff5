/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/attack/attack.h"

/* The image's own /dev: /dev/null, the console, the terminals, and /dev itself. */

static void no_dev_mounts(struct attack *a)
{
	/* /dev, /dev/pts, /dev/shm, /dev/mqueue are 1 to 4 of the default ones. */
	for (int i = 0; i < 4; i++)
		bundle_unset(a->bundle, "/mounts/1");
	attack_dir(a, "/dev");
}

enum forgery {
	LINK_OUT,
	LINK_IN,
	LINK_PROC,
	A_FILE,
	A_FIFO,
	A_DIRECTORY,
	WRONG_DEVICE,
	ABSENT,
	FORGERY_COUNT
};
static const char *const forgeries[] = {
	"a link to the host",
	"a link to a file",
	"a link to core_pattern",
	"a file",
	"a fifo",
	"a directory",
	"the wrong device",
	"absent",
};

static void forge(const struct attack *a, const char *inside, enum forgery how)
{
	const char *path = attack_path(a, inside);

	leak_remove_tree(path);
	if (how == LINK_OUT)
		attack_link(a, inside, arena_printf(&e2e_arena, "%s/null", a->sentinel));
	else if (how == LINK_IN)
		attack_link(a, inside, "/target");
	else if (how == LINK_PROC)
		attack_link(a, inside, "/proc/sys/kernel/domainname");
	else if (how == A_FILE)
		bundle_file(a->bundle, inside, 0666, "of the image\n");
	else if (how == A_FIFO)
		cr_assert_eq(mkfifo(path, 0666), 0);
	else if (how == A_DIRECTORY)
		attack_dir(a, inside);
	else if (how == WRONG_DEVICE)
		cr_assert_eq(mknod(path, S_IFCHR | 0666, makedev(1, 5)), 0);
}

/* CVE-2025-31133. */
ATTACK(masks, are_not_made_of_what_the_image_calls_null)
{
	for (enum forgery how = 0; how < FORGERY_COUNT; how++) {
		struct attack a = attack_new();
		struct output output;
		struct probe seen;
		struct probe_mount mount;

		no_dev_mounts(&a);
		bundle_file(a.bundle, "/target", 0666, "of the image\n");
		bundle_file(a.bundle, "/hidden", 0644, "must not be seen\n");
		forge(&a, "/dev/null", how);
		bundle_set(a.bundle, "/linux/maskedPaths", "['/hidden', '/proc/keys']");
		bundle_probe_args(a.bundle, "read", "/hidden", "stat", "/hidden", "report", NULL);
		if (!attack_run(&a, forgeries[how], &output, &seen))
			continue;
		cr_expect_str_eq(probe_text(&seen, "read:/hidden"), "", "%s: %s", forgeries[how],
				 output.out);
		cr_expect(strncmp(probe_text(&seen, "stat:/hidden"), "c ", 2) == 0 &&
				  strstr(probe_text(&seen, "stat:/hidden"), " 1:3 "),
			  "%s: %s", forgeries[how], output.out);
		cr_expect(probe_mount_find(&seen, "/proc/keys", &mount), "%s", forgeries[how]);
	}
}

/* CVE-2026-88265: output goes to whom kist was called by, wherever /dev/null leads. */
ATTACK(stdio, is_not_opened_anew_through_the_image)
{
	for (enum forgery how = 0; how < FORGERY_COUNT; how++) {
		struct attack a = attack_new();
		struct output output;
		struct probe seen;
		struct stat st;

		no_dev_mounts(&a);
		bundle_file(a.bundle, "/target", 0666, "of the image\n");
		forge(&a, "/dev/null", how);
		bundle_unset(a.bundle, "/linux/maskedPaths");
		bundle_probe_args(a.bundle, "say", "to the caller", "error", "to the caller too",
				  "report", NULL);
		if (!attack_run(&a, forgeries[how], &output, &seen))
			continue;
		cr_expect(strstr(output.err, "to the caller too"), "%s: %s", forgeries[how],
			  output.err);
		cr_expect(stat(attack_path(&a, "/target"), &st) == 0 && st.st_size == 13, "%s",
			  forgeries[how]);
		cr_expect_str_eq(probe_text(&seen, "fd.0"), "/dev/null");
	}
}

/* CVE-2026-41579, CVE-2026-47766. */
ATTACK(dev, as_a_link_to_the_host_makes_nothing_there)
{
	static const char *const targets[] = { "%s", "../../../../../../..%s", "%s/directory" };

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		struct attack a = attack_new();
		const char *target = strstr(targets[i], "%s");
		struct output output;
		struct probe seen;

		no_dev_mounts(&a);
		target = arena_printf(&e2e_arena, "%.*s%s%s", (int)(target - targets[i]),
				      targets[i], a.sentinel, target + 2);
		attack_link(&a, "/dev", target);
		bundle_set(a.bundle, "/root/readonly", "false");
		attack_run(&a, target, &output, &seen);
	}
}

static const char *const device_paths[] = {
	"/dev/../../../../SENTINEL/made",
	"/link/made",
	"/dev/link/made",
	"/dev/file",
	"/dev/..",
	"/link/null",
	"/dev/out",
	"/dev/self",
};

ATTACK(devices, with_dots_and_links_stay_in_the_root)
{
	for (size_t i = 0; i < ARRAY_SIZE(device_paths); i++) {
		struct attack a = attack_new();
		const char *path = device_paths[i], *word = strstr(path, "SENTINEL");
		struct output output;
		struct probe seen;

		no_dev_mounts(&a);
		if (word != NULL)
			path = arena_printf(&e2e_arena, "%.*s%s%s", (int)(word - path), path,
					    a.sentinel, word + 8);
		attack_link(&a, "/link", a.sentinel);
		attack_link(&a, "/dev/link", a.sentinel);
		attack_link(&a, "/dev/out", arena_printf(&e2e_arena, "%s/secret", a.sentinel));
		attack_link(&a, "/dev/self", "self");
		bundle_file(a.bundle, "/dev/file", 0644, "of the image\n");
		bundle_set(
			a.bundle, "/linux/devices",
			arena_printf(
				&e2e_arena,
				"[{'path': '%s',"
				" 'type': 'c', 'major': 1, 'minor': 3, 'fileMode': 511, 'uid': 7}]",
				path));
		attack_run(&a, device_paths[i], &output, &seen);
	}
}

/* Nothing but the standard devices, whatever the program makes itself. */
ATTACK(devices, of_the_host_may_not_be_made_or_opened)
{
	static const char *const caps[] = { "bounding", "effective", "permitted" };
	static const char *const closed[] = {
		"/mem", "/disk", "/dev/disk", "/dev/mem", "/dev/kmsg", "/dev/any",
	};
	struct attack a = attack_new();
	struct output output;
	struct probe seen;

	for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
		bundle_set(a.bundle,
			   arena_printf(&e2e_arena, "/process/capabilities/%s/-", caps[i]),
			   "'CAP_MKNOD'");
	cr_assert_eq(mknod(attack_path(&a, "/mem"), S_IFCHR | 0666, makedev(1, 1)), 0);
	cr_assert_eq(mknod(attack_path(&a, "/disk"), S_IFBLK | 0666, makedev(254, 0)), 0);
	bundle_unset(a.bundle, "/mounts/1/options");
	bundle_probe_args(a.bundle, "mknod", "/dev/disk", "b", "254:0", "mknod", "/dev/mem", "c",
			  "1:1", "mknod", "/dev/kmsg", "c", "1:11", "mknod", "/dev/any", "c",
			  "200:200", "open", "/mem", "r", "open", "/disk", "w", "open", "/dev/disk",
			  "r", "open", "/dev/mem", "rw", "open", "/dev/kmsg", "r", "open",
			  "/dev/any", "r", "open", "/dev/null", "rw", NULL);
	cr_assert(attack_run(&a, "mknod", &output, &seen), "%s", output.err);
	/* A node may be made, as with runc; the device cgroup keeps it shut. */
	for (size_t i = 0; i < ARRAY_SIZE(closed); i++)
		cr_expect(probe_has(&seen, arena_printf(&e2e_arena, "open:%s=EPERM", closed[i])),
			  "%s: %s", closed[i], output.out);
	cr_expect(probe_has(&seen, "open:/dev/null=0"), "%s", output.out);
}

static const char *const console_places[] = { "/dev/console", "/dev/ptmx", "/dev/pts",
					      "/dev/pts/ptmx" };

/* CVE-2025-52565, CVE-2026-88264: "run" makes the terminal itself. */
ATTACK(console, forged_by_the_image_is_refused_or_replaced)
{
	for (size_t i = 0; i < ARRAY_SIZE(console_places) * FORGERY_COUNT; i += attack_step()) {
		const char *place = console_places[i / FORGERY_COUNT];
		enum forgery how = (enum forgery)(i % FORGERY_COUNT);
		const char *what = arena_printf(&e2e_arena, "%s is %s", place, forgeries[how]);
		struct attack a = attack_new();
		struct output output;
		struct probe seen;
		struct stat st;

		no_dev_mounts(&a);
		attack_dir(&a, "/dev/pts");
		bundle_file(a.bundle, "/target", 0666, "of the image\n");
		forge(&a, place, how);
		if (strncmp(place, "/dev/pts", 8) != 0)
			bundle_set(
				a.bundle, "/mounts/-",
				"{'destination': '/dev/pts', 'type': 'devpts',"
				" 'source': 'devpts',"
				" 'options': ['newinstance', 'ptmxmode=0666']}");
		bundle_set(a.bundle, "/process/terminal", "true");
		bundle_probe_args(a.bundle, "stat", "/dev/console", "report", NULL);
		if (attack_run(&a, what, &output, &seen) && output.status == 0)
			cr_expect(strncmp(probe_text(&seen, "fd.0"), "/dev/pts/", 9) == 0 &&
					  strstr(probe_text(&seen, "stat:/dev/console"), " 136:"),
				  "%s: %s", what, output.out);
		cr_expect(stat(attack_path(&a, "/target"), &st) == 0 && st.st_size == 13, "%s",
			  what);
	}
}

ATTACK(devices, stay_shut_when_limits_change)
{
	struct attack a = attack_new();
	struct bundle *b = a.bundle;
	struct output output;
	struct probe seen;

	cr_assert_eq(mknod(attack_path(&a, "/kmsg"), S_IFCHR | 0666, makedev(1, 11)), 0);
	bundle_probe_args(b, "sleep", "60000", NULL);
	bundle_call(b, &output, "create", "--bundle", b->path, b->id, NULL);
	cr_assert_eq(output.status, 0, "%s", output.err);
	bundle_call(b, &output, "start", b->id, NULL);
	/* A controller may be missing here: the rules are to hold all the more. */
	bundle_call(b, &output, "update", "--pids-limit", "100", b->id, NULL);
	cr_expect(output.status == 0 || strstr(output.err, "pids"), "%s", output.err);
	bundle_call(b, &output, "exec", b->id, "/probe", "open", "/kmsg", "r", "open", "/dev/null",
		    "rw", NULL);
	probe_parse(&seen, &e2e_arena, output.out);
	cr_expect(probe_has(&seen, "open:/kmsg=EPERM") && probe_has(&seen, "open:/dev/null=0"),
		  "%s%s", output.out, output.err);
	bundle_call(b, &output, "delete", "--force", b->id, NULL);
	cr_expect_eq(output.status, 0, "%s", output.err);
}
