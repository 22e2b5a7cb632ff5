/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "tests/attack/attack.h"

/*
 * Somebody who shares a volume or the root exchanges a directory for a link to
 * the host's sentinel while kist is at one of its calls, and puts it back at
 * the next one (CVE-2021-30465, CVE-2024-45310).  At every call, each directory.
 */

struct swap {
	const char *path, *evil; /* what is exchanged */
	unsigned int at;
	bool swapped, missed;
};

static void exchange(struct swap *swap)
{
	swap->missed = renameat2(AT_FDCWD, swap->path, AT_FDCWD, swap->evil, RENAME_EXCHANGE) < 0;
	swap->swapped = !swap->swapped;
}

static enum engine_verdict swap_at(void *context, const struct engine_stop *stop,
				   int *ret_errno _unused)
{
	struct swap *swap = context;

	if (stop->index == swap->at || (swap->swapped && stop->index > swap->at))
		exchange(swap);
	return ENGINE_CONTINUE;
}

/* What is exchanged: in the volume (at /vol inside) or in the root; and for what. */
static const struct {
	const char *path;
	const char *target; /* of the link; %s: the sentinel */
} victims[] = {
	{ "volume/a", "%s" },
	{ "volume/a/b", "../../../../../../../../..%s" },
	{ "volume/a/b/c", "%s/directory" },
	{ "bundle/rootfs/vol", "%s" },
	{ "bundle/rootfs/proc", "%s" },
	{ "bundle/rootfs/dev", "%s" },
	{ "bundle/rootfs/sys", "/proc" },
	{ "bundle/rootfs/work", "%s/directory" },
	{ "bundle/rootfs", "../other" }, /* who owns the bundle may: but it is this or that */
	/* What is hidden and read-only is there as well, and is nothing. */
	{ "bundle/rootfs/proc", "/fake" },
	{ "bundle/rootfs/sys", "/fake" },
	{ "bundle/rootfs/data", "/fake" },
};

static const char *below(const struct attack *a, const char *name)
{
	return arena_printf(&e2e_arena, "%s/%s", a->bundle->dir, name);
}

static void forge(const struct attack *a)
{
	bundle_file(a->bundle, "/fake/keys", 0644, "forged");
	bundle_file(a->bundle, "/fake/firmware/forged", 0644, "");
	bundle_file(a->bundle, "/fake/secret", 0644, "forged");
	bundle_file(a->bundle, "/fake/sys/kernel/shmmax", 0644, "forged");
}

static void hostile_mounts(const struct attack *a, const char *proc_options)
{
	struct bundle *b = a->bundle;

	attack_mounts(a, arena_printf(&e2e_arena,
				      "[{'destination': '/proc', 'type': 'proc', 'source': 'proc',"
				      " 'options': [%s]}]",
				      proc_options));
	attack_bind(a, a->volume, "/vol");
	attack_bind(a, below(a, "other"), "/vol/a/b/c/1/2/3/4/5/6/7/8/9/10/11/12");
	attack_bind(a, below(a, "bundle/config.json"), "/vol/a/b/c/file");
	attack_bind(a, below(a, "kept"), "/data");
	bundle_set(b, "/mounts/-",
		   "{'destination': '/vol/a/b/tmpfs', 'type': 'tmpfs', 'source': 'tmpfs'}");
	bundle_set(b, "/mounts/-",
		   "{'destination': '/sys', 'type': 'sysfs', 'source': 'sysfs',"
		   " 'options': ['ro']}");
}

/* A volume, mounts on what is missing in it, devices, masks, a working directory. */
static struct attack shared_volume(const char *proc_options)
{
	static const char *const made[] = {
		"volume/a",	     "volume/a/b",	   "volume/a/b/c",
		"bundle/rootfs/vol", "bundle/rootfs/proc", "bundle/rootfs/dev",
		"bundle/rootfs/sys", "bundle/rootfs/work", "bundle/rootfs/data",
	};
	struct attack a = attack_new();
	struct bundle *b = a.bundle;

	for (size_t i = 0; i < ARRAY_SIZE(made); i++)
		cr_assert_eq(mkdir(below(&a, made[i]), 0755), 0, "%s", made[i]);
	cr_assert_eq(mkdir(below(&a, "other"), 0755), 0);
	cr_assert_eq(mkdir(below(&a, "kept"), 0755), 0);
	cr_assert_eq(rename(arena_printf(&e2e_arena, "%s/secret", a.sentinel),
			    below(&a, "kept/secret")),
		     0);
	forge(&a);
	hostile_mounts(&a, proc_options);
	bundle_set(b, "/linux/maskedPaths",
		   "['/proc/keys', '/sys/firmware', '/vol/a/b/c/hidden', '/data/secret']");
	bundle_set(b, "/linux/readonlyPaths", "['/proc/sys', '/vol/a/b']");
	bundle_set(b, "/linux/devices",
		   "[{'path': '/vol/a/null', 'type': 'c', 'major': 1, 'minor': 3,"
		   " 'fileMode': 438, 'uid': 1, 'gid': 1}]");
	bundle_set(b, "/process/cwd", "'/work'");
	bundle_probe_args(b, "write", "/vol/a/b/x", "inside", "write", "/proc/sys/kernel/shmmax",
			  "1", "read", "/proc/keys", "list", "/sys/firmware", "read",
			  "/data/secret", "report", NULL);
	return a;
}

/* What a run left in the volume and the root, where it may write, is taken away for the next. */
static void tidy(const struct attack *a)
{
	static const char *const made[] = {
		"volume/a/b/c/1",
		"volume/a/b/c/file",
		"volume/a/b/tmpfs",
		"volume/a/null",
	};

	for (size_t i = 0; i < ARRAY_SIZE(made); i++)
		leak_remove_tree(below(a, made[i]));
}

/* What the program finds; or, while the other directory is there, what that has, or nothing. */
static const struct {
	const char *name, *is;
} closed[] = {
	{ "write:/proc/sys/kernel/shmmax", "EROFS" },
	{ "read:/proc/keys", "" },
	{ "list:/sys/firmware", "" },
	{ "read:/data/secret", "" },
};

static void swap_check(struct attack *a, const struct engine_result *result, const char *what)
{
	int status = WIFEXITED(result->status) ? WEXITSTATUS(result->status) : 128;
	const char *left = attack_left(a);
	struct probe seen;

	cr_expect_lt(status, 128, "%s: killed: %s", what, result->output);
	cr_expect_null(left, "%s: left: %s", what, left);
	attack_check(a, what);
	probe_parse(&seen, &e2e_arena, result->output);
	if (status != 0) {
		cr_expect(*result->output != '\0', "%s: no word", what);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(closed); i++) {
		const char *said = probe_text(&seen, closed[i].name);

		cr_expect(strcmp(said, closed[i].is) == 0 || strcmp(said, "ENOENT") == 0 ||
				  strcmp(said, "forged") == 0,
			  "%s: %s", what, result->output);
	}
	cr_expect_null(strstr(result->output, "/sentinel"), "%s: %s", what, result->output);
}

/* Where the victim is, a link lies beside it. */
static struct swap swap_make(const struct attack *a, size_t i)
{
	struct swap swap = { .path = below(a, victims[i].path) };
	const char *target = victims[i].target;

	swap.evil = arena_printf(&e2e_arena, "%s/evil", a->bundle->dir);
	if (strstr(target, "%s") != NULL)
		target = arena_printf(&e2e_arena, "%.*s%s%s", (int)(strstr(target, "%s") - target),
				      target, a->sentinel, strstr(target, "%s") + 2);
	cr_assert_eq(symlink(target, swap.evil), 0);
	return swap;
}

static void swap_all(size_t victim, const char *proc_options)
{
	struct attack a = shared_volume(proc_options);
	struct swap swap = swap_make(&a, victim);
	struct engine_result result;
	unsigned int stops, stride;

	attack_engine(&a, ENGINE_PATHS, NULL, NULL, &result);
	cr_assert(WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0, "%s", result.output);
	stops = result.stops;
	stride = attack_stride(stops, 10);
	for (unsigned int at = (unsigned int)victim % stride; at < stops; at += stride) {
		const char *what = arena_printf(&e2e_arena, "%s swapped at %u of %u",
						victims[victim].path, at, stops);

		tidy(&a);
		swap.at = at;
		attack_begin(&a);
		attack_engine(&a, ENGINE_PATHS, swap_at, &swap, &result);
		if (swap.swapped)
			exchange(&swap);
		cr_assert_not(swap.missed, "%s: the exchange itself: %s", what, strerror(errno));
		swap_check(&a, &result, what);
	}
	cr_log_info("%s: %u stops", victims[victim].path, stops);
	leak_remove_tree(a.bundle->dir);
}

/* A test each, so that the whole of one, KIST_ATTACK_ALL=1, can be run by itself. */
#define SWAP(fact, victim, proc_options)        \
	ATTACK(swap, fact)                      \
	{                                       \
		swap_all(victim, proc_options); \
	}
SWAP(of_a_volumes_directory_reaches_nothing_outside, 0, "")
SWAP(of_a_directory_below_that_reaches_nothing_outside, 1, "")
SWAP(of_a_directory_with_mounts_in_it_reaches_nothing_outside, 2, "")
SWAP(of_what_a_volume_is_mounted_on_reaches_nothing_outside, 3, "")
SWAP(of_proc_reaches_nothing_outside, 4, "")
SWAP(of_dev_reaches_nothing_outside, 5, "")
SWAP(of_sys_for_proc_hides_the_same, 6, "")
SWAP(of_the_working_directory_reaches_nothing_outside, 7, "")
SWAP(of_the_root_leaves_one_of_both, 8, "")
SWAP(of_proc_for_a_fake_hides_the_same, 9, "")
SWAP(of_a_read_only_proc_for_a_fake_hides_the_same, 9, "'ro'")
SWAP(of_sys_for_a_fake_hides_the_same, 10, "")
SWAP(of_a_bind_for_a_fake_hides_the_same, 11, "")

/* The last open of the file, which is the one to read it: a look comes before it. */
static enum engine_verdict swap_at_open(void *context, const struct engine_stop *stop,
					int *ret_errno _unused)
{
	struct swap *swap = context;
	char name[8] = "";
	struct iovec here = { name, sizeof(name) - 1 };
	struct iovec there = { (void *)(uintptr_t)stop->args[1], sizeof(name) - 1 };

	if (stop->call == __NR_openat && !swap->swapped &&
	    process_vm_readv(stop->pid, &here, 1, &there, 1, 0) > 0 && strcmp(name, "victim") == 0)
		exchange(swap);
	return ENGINE_CONTINUE;
}

/* tmpcopyup reads what is in the root: a fifo would hold kist for ever, a disk be the host's. */
ATTACK(swap, of_a_file_that_is_copied_up_for_a_fifo_or_a_device_reads_neither)
{
	static const mode_t types[] = { S_IFIFO, S_IFBLK };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct attack a = attack_new();
		struct swap swap = { .path = below(&a, "bundle/rootfs/etc/victim"),
				     .evil = below(&a, "evil") };
		struct engine_result result;

		bundle_file(a.bundle, "/etc/victim", 0644, "plain");
		cr_assert_eq(mknod(swap.evil, types[i] | 0600, makedev(7, 250)), 0);
		bundle_set(a.bundle, "/mounts/-",
			   "{'destination': '/etc', 'type': 'tmpfs', 'source': 'tmpfs',"
			   " 'options': ['tmpcopyup']}");
		bundle_probe_args(a.bundle, "stat", "/etc/victim", NULL);
		attack_begin(&a);
		attack_engine(&a, ENGINE_PATHS, swap_at_open, &swap, &result);
		cr_expect(swap.swapped && !swap.missed, "never opened: %s", result.output);
		cr_expect(WIFEXITED(result.status) && WEXITSTATUS(result.status) == 1, "%s",
			  result.output);
		cr_expect(strstr(result.output, "copy victim: "), "%s", result.output);
		cr_expect_null(attack_left(&a));
		attack_check(&a, "exchanged");
		leak_remove_tree(a.bundle->dir);
	}
}
