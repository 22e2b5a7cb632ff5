/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/attack/attack.h"

/* /proc and /sys that the image forges, and writes to them that it wants elsewhere. */

static const struct {
	const char *what, *place, *target;
} forged[] = {
	{ "a fake", "/proc", "/fake" },
	{ "a volume", "/proc", "/vol" },
	{ "relative, out", "/proc", "../../../../../../../../../.." },
	{ "itself", "/proc", "proc" },
	{ "dangling", "/proc", "/missing/deep/er" },
	{ "sys as proc", "/proc", "/sys" },
	{ "proc as sys", "/sys", "/proc" },
	{ "a fake", "/sys", "/fake" },
	{ "its own part", "/sys", "/proc/self/attr" },
	{ "a volume", "/sys", "/vol" },
};

/* CVE-2019-19921, CVE-2023-27561, CVE-2023-28642. */
ATTACK(proc, or_sys_as_a_link_is_refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(forged); i++) {
		struct attack a = attack_new();
		const char *what = arena_printf(&e2e_arena, "%s -> %s (%s)", forged[i].place,
						forged[i].target, forged[i].what);
		struct output output;
		struct probe seen;

		attack_dir(&a, "/fake");
		attack_link(&a, forged[i].place, forged[i].target);
		bundle_set(a.bundle, "/mounts/0",
			   arena_printf(&e2e_arena,
					"{'destination': '/vol',"
					" 'type': 'bind', 'source': '%s', 'options': ['rbind']}",
					a.volume));
		bundle_set(a.bundle, "/mounts/-",
			   "{'destination': '/proc', 'type': 'proc', 'source': 'proc'}");
		cr_expect_not(attack_run(&a, what, &output, &seen), "%s: %s", what, output.out);
	}
}

ATTACK(proc, as_a_file_is_refused)
{
	struct attack a = attack_new();
	struct output output;
	struct probe seen;

	bundle_file(a.bundle, "/proc", 0644, "not a directory\n");
	cr_expect_not(attack_run(&a, "/proc is a file", &output, &seen), "%s", output.out);
}

/* A cover over any of these would tell lies to the next runtime that comes in. */
static const char *const covered[] = {
	"/proc/self",
	"/proc/self/attr",
	"/proc/self/attr/exec",
	"/proc/1/attr",
	"/proc/thread-self",
	"/proc/sys",
	"/proc/sys/kernel",
	"/proc/sys/kernel/domainname",
	"/proc/self/setgroups",
	"/proc/./sys",
	"/proc//self/attr",
	"/proc/self/../sys",
	"/link/sys",
	"/link",
};

static void expect_refused(struct attack *a, const char *mount, const char *what)
{
	struct output output;
	struct probe seen;

	bundle_set(a->bundle, "/mounts/-", mount);
	cr_expect_not(attack_run(a, what, &output, &seen), "%s: %s", what, output.out);
}

/* CVE-2019-16884, CVE-2025-52881. */
ATTACK(proc, is_not_covered_by_a_tmpfs_or_a_bind)
{
	for (size_t i = 0; i < ARRAY_SIZE(covered); i++) {
		struct attack a = attack_new(), b = attack_new();

		attack_link(&a, "/link", "/proc");
		attack_link(&b, "/link", "/proc");
		expect_refused(&a,
			       arena_printf(&e2e_arena,
					    "{'destination': '%s', 'type': 'tmpfs',"
					    " 'source': 'tmpfs'}",
					    covered[i]),
			       covered[i]);
		expect_refused(&b,
			       arena_printf(&e2e_arena,
					    "{'destination': '%s', 'type': 'bind',"
					    " 'source': '%s/%s', 'options': ['bind']}",
					    covered[i], b.sentinel,
					    strstr(covered[i], "exec") ||
							    strstr(covered[i], "domainname") ||
							    strstr(covered[i], "setgroups") ?
						    "secret" :
						    "directory"),
			       covered[i]);
	}
}

/* /proc is a procfs, or nothing: under whatever name it is given. */
static const char *const names_of_proc[] = {
	"/proc", "/proc/", "//proc", "/proc/.", "/./proc", "/dev/../proc", "/link",
};

ATTACK(proc, is_a_procfs_or_nothing)
{
	for (size_t i = 0; i < ARRAY_SIZE(names_of_proc); i++) {
		struct attack a = attack_new();
		const char *what = arena_printf(&e2e_arena, "tmpfs on %s", names_of_proc[i]);
		struct output output;
		struct probe seen;
		struct probe_mount mount;

		attack_dir(&a, "/proc");
		attack_link(&a, "/link", "/proc");
		bundle_set(a.bundle, "/mounts/0",
			   arena_printf(&e2e_arena,
					"{'destination': '%s',"
					" 'type': 'tmpfs', 'source': 'tmpfs'}",
					names_of_proc[i]));
		bundle_probe_args(a.bundle, "statfs", "/proc", "report", NULL);
		if (attack_run(&a, what, &output, &seen))
			cr_expect(strncmp(probe_text(&seen, "statfs:/proc"), "1021994", 7) != 0 &&
					  !probe_mount_find(&seen, "/proc", &mount),
				  "%s: %s", what, output.out);
	}
}

/* Nor does a cgroup mount cover it, or what is in it. */
ATTACK(proc, is_not_covered_by_cgroups)
{
	static const char *const more[] = { "/proc/sys", "/proc/self", "/link/self/attr" };

	for (size_t i = 0; i < ARRAY_SIZE(names_of_proc) + ARRAY_SIZE(more); i++) {
		const char *path =
			i < ARRAY_SIZE(more) ? more[i] : names_of_proc[i - ARRAY_SIZE(more)];
		struct attack a = attack_new();

		attack_link(&a, "/link", "/proc");
		expect_refused(&a,
			       arena_printf(&e2e_arena,
					    "{'destination': '%s', 'type': 'cgroup',"
					    " 'source': 'cgroup'}",
					    path),
			       path);
	}
}

/* What the image has under /proc's name is nothing to what kist writes. */
ATTACK(sysctl, lands_in_the_right_file)
{
	struct attack a = attack_new();
	struct output output;
	struct probe seen;

	bundle_file(a.bundle, "/fake/sys/kernel/domainname", 0666, "fake\n");
	bundle_set(a.bundle, "/linux/sysctl", "{'kernel.domainname': 'canary'}");
	bundle_probe_args(a.bundle, "read", "/fake/sys/kernel/domainname", "report", NULL);
	cr_assert(attack_run(&a, "domainname", &output, &seen), "%s", output.err);
	cr_expect_str_eq(probe_text(&seen, "domainname"), "canary");
	cr_expect_str_eq(probe_text(&seen, "read:/fake/sys/kernel/domainname"), "fake\\n");
}

/* Canaries: what a namespace of the container's own has, so that a hole changes no host. */
static const char *const climbing[] = {
	"net/../kernel/domainname",
	"net/./../kernel/domainname",
	"../self/timerslack_ns",
	"net.//.kernel.domainname",
	"net.//",
	"net/..",
	"fs/mqueue/../../kernel/domainname",
	"kernel/../kernel/domainname",
	"kernel...domainname",
	"/kernel/domainname",
	"net//ipv4/ip_forward",
	"net/./ipv4/ip_forward",
	"net.ipv4.ip_forward.",
	"net.",
	"",
	"/",
	"..",
};

ATTACK(sysctl, that_climbs_is_refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(climbing); i++) {
		struct attack a = attack_new();
		struct output output;
		struct probe seen;

		bundle_set(a.bundle, "/linux/sysctl",
			   arena_printf(&e2e_arena, "{'%s': '1'}", climbing[i]));
		cr_expect_not(attack_run(&a, climbing[i], &output, &seen), "%s: %s", climbing[i],
			      output.out);
	}
}

/* No label is better than one that went into a file of the image's. */
ATTACK(label, is_not_written_to_a_forged_proc)
{
	static const char *const pointers[] = {
		"/process/apparmorProfile",
		"/process/selinuxLabel",
	};

	for (size_t i = 0; i < ARRAY_SIZE(pointers); i++) {
		struct attack a = attack_new();
		const char *inside = attack_path(&a, "/proc/self/attr/exec");
		struct output output;
		struct probe seen;
		struct stat st;

		bundle_file(a.bundle, "/proc/self/attr/exec", 0666, "");
		bundle_file(a.bundle, "/proc/self/attr/apparmor/exec", 0666, "");
		/* No /proc is mounted: the image's stays in sight. */
		bundle_unset(a.bundle, "/mounts/0");
		bundle_unset(a.bundle, "/linux/maskedPaths");
		bundle_unset(a.bundle, "/linux/readonlyPaths");
		bundle_set(a.bundle, pointers[i], "'attacked_t'");
		attack_run(&a, pointers[i], &output, &seen);
		cr_expect(stat(inside, &st) == 0 && st.st_size == 0, "%s", pointers[i]);
		cr_expect_neq(output.status, 0, "%s: %s", pointers[i], output.out);
	}
}

/* Masks and read-only paths that are links of the image's lead nowhere outside. */
ATTACK(masks, through_links_stay_in_the_root)
{
	struct attack a = attack_new();
	struct output output;
	struct probe seen;

	attack_link(&a, "/a", arena_printf(&e2e_arena, "%s/secret", a.sentinel));
	attack_link(&a, "/b", "../../../../../../../proc/sys");
	attack_link(&a, "/c", "/proc/1/root");
	bundle_set(a.bundle, "/linux/maskedPaths", "['/a', '/b', '/proc/keys']");
	bundle_set(a.bundle, "/linux/readonlyPaths", "['/a', '/proc/sys', '/c/../b']");
	bundle_probe_args(a.bundle, "list", "/proc/sys", "read", "/proc/keys", "report", NULL);
	if (!attack_run(&a, "links as masks", &output, &seen))
		return;
	cr_expect_null(probe_find(&seen, "list:/proc/sys"), "%s", output.out);
	cr_expect_str_eq(probe_text(&seen, "read:/proc/keys"), "");
}

/* A volume of the image's on a link of the image's: what is hidden behind it is not copied. */
ATTACK(masks, are_not_looked_behind_by_a_copy)
{
	static const char *const places[] = { "/sys", "/sys/firmware", "/sys/kernel/..", "/proc" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct attack a = attack_new();
		struct output output;
		struct probe seen;

		attack_link(&a, "/data", places[i]);
		bundle_set(a.bundle, "/mounts/-",
			   "{'destination': '/data', 'type': 'tmpfs', 'source': 'tmpfs',"
			   " 'options': ['tmpcopyup']}");
		bundle_probe_args(a.bundle, "list", "/data", "report", NULL);
		cr_expect_not(attack_run(&a, places[i], &output, &seen), "%s", output.out);
		cr_expect_not_null(strstr(output.err, "/mounts/"), "%s", output.err);
		cr_expect(strstr(output.err, "leads to a sysfs") != NULL ||
				  strstr(output.err, "not a procfs") != NULL,
			  "%s", output.err);
		leak_remove_tree(a.bundle->rootfs);
	}
}
