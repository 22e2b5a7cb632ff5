/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/sys.h"
#include "tests/attack/attack.h"

/* Each guard is what holds (attack_guard): those of paths, mounts, devices, calls. */

static const char *run(struct attack *a, struct probe *seen)
{
	struct output output;

	attack_begin(a);
	bundle_run(a->bundle, &output);
	probe_parse(seen, &e2e_arena, output.out);
	return arena_printf(&e2e_arena, "status %d: %s%s", output.status, output.out, output.err);
}

/* CVE-2015-3627 f.: a bind on what a link of the image's leads to makes a directory there. */
static bool link_out(struct attack *a, const char **said)
{
	struct probe seen;
	const char *made = arena_printf(&e2e_arena, "%s/made", a->sentinel);

	attack_link(a, "/link", a->sentinel);
	attack_bind(a, a->volume, "/link/made");
	/* With a hook, the host's paths are still there (runtime/hostns.h). */
	bundle_set(a->bundle, "/hooks", "{'createContainer': [{'path': '/bin/true'}]}");
	*said = run(a, &seen);
	return access(made, F_OK) == 0;
}

ATTACK(guard, resolver_keeps_links_in_the_root)
{
	attack_guard("", "resolver", link_out);
}

/* CVE-2025-31133. */
static bool mask_of_the_image(struct attack *a, const char **said)
{
	struct probe seen;

	for (int i = 0; i < 4; i++)
		bundle_unset(a->bundle, "/mounts/1");
	attack_dir(a, "/dev");
	cr_assert_eq(mknod(attack_path(a, "/dev/null"), S_IFCHR | 0666, makedev(1, 5)), 0);
	bundle_file(a->bundle, "/hidden", 0644, "secret");
	/* No device is made: all of /dev is the image's. */
	attack_dir(a, "/forged");
	cr_assert_eq(mknod(attack_path(a, "/forged/null"), S_IFREG | 0666, 0), 0);
	attack_bind(a, attack_path(a, "/forged"), "/dev");
	bundle_set(a->bundle, "/linux/maskedPaths", "['/hidden']");
	bundle_probe_args(a->bundle, "stat", "/hidden", NULL);
	*said = run(a, &seen);
	return probe_find(&seen, "stat:/hidden") != NULL &&
	       strncmp(probe_text(&seen, "stat:/hidden"), "c ", 2) != 0;
}

ATTACK(guard, device_check_keeps_the_images_null_away)
{
	attack_guard("", "device", mask_of_the_image);
}

/* CVE-2019-19921 f. */
static bool tmpfs_as_proc(struct attack *a, const char **said)
{
	struct probe seen;

	attack_dir(a, "/proc");
	attack_mounts(a, "[{'destination': '/proc', 'type': 'tmpfs', 'source': 'tmpfs'}]");
	bundle_unset(a->bundle, "/linux/maskedPaths");
	bundle_unset(a->bundle, "/linux/readonlyPaths");
	bundle_probe_args(a->bundle, "statfs", "/proc", NULL);
	*said = run(a, &seen);
	return strncmp(probe_text(&seen, "statfs:/proc"), "1021994", 7) == 0;
}

ATTACK(guard, procfs_check_wants_a_procfs)
{
	attack_guard("", "procfs", tmpfs_as_proc);
}

static bool unfiltered(struct attack *a, const char **said)
{
	struct probe seen;

	bundle_set(
		a->bundle, "/linux/seccomp",
		"{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['mkdirat', 'mkdir'],"
		" 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 38}]}");
	bundle_probe_args(a->bundle, "mkdir", "/dev/shm/x", NULL);
	*said = run(a, &seen);
	return probe_has(&seen, "mkdir:/dev/shm/x=0");
}

ATTACK(guard, filter_is_there)
{
	attack_guard("", "filter", unfiltered);
}

static bool device_of_the_host(struct attack *a, const char **said)
{
	struct probe seen;

	cr_assert_eq(mknod(attack_path(a, "/port"), S_IFCHR | 0666, makedev(1, 11)), 0);
	bundle_probe_args(a->bundle, "open", "/port", "w", NULL);
	*said = run(a, &seen);
	return probe_has(&seen, "open:/port=0");
}

ATTACK(guard, device_rules_shut_the_hosts_devices)
{
	attack_guard("", "devices", device_of_the_host);
}

/* Somebody who shares the root has put a directory in /proc's place while paths are hidden. */
struct away {
	const char *proc, *fake;
	pid_t runtime;
	bool swapped;
};

static void exchange(struct away *away)
{
	cr_assert_eq(renameat2(AT_FDCWD, away->proc, AT_FDCWD, away->fake, RENAME_EXCHANGE), 0);
	away->swapped = !away->swapped;
}

/* From the process' chroot, behind all mounts, to its new ids. */
static enum engine_verdict away_while_hiding(void *context, const struct engine_stop *stop,
					     int *ret_errno _unused)
{
	struct away *away = context;

	if (stop->index == 0)
		away->runtime = stop->pid;
	if (stop->pid != away->runtime &&
	    stop->call == (away->swapped ? __NR_setresuid : __NR_chroot))
		exchange(away);
	return ENGINE_CONTINUE;
}

static bool unmasked(struct attack *a, const char **said)
{
	struct engine_result *result = ARENA_NEW(&e2e_arena, struct engine_result);
	struct probe seen;
	struct away away = { .proc = attack_path(a, "/proc"), .fake = attack_path(a, "/fake") };

	attack_dir(a, "/proc");
	/* One that can be written is held in any case (init/procfs.h). */
	bundle_set(a->bundle, "/mounts/0/options", "['ro']");
	bundle_file(a->bundle, "/fake/version", 0644, "forged");
	bundle_set(a->bundle, "/linux/maskedPaths", "['/proc/version']");
	bundle_unset(a->bundle, "/linux/readonlyPaths");
	bundle_probe_args(a->bundle, "read", "/proc/version", NULL);
	attack_begin(a);
	attack_engine(a, ENGINE_ALL, away_while_hiding, &away, result);
	if (away.swapped)
		exchange(&away);
	probe_parse(&seen, &e2e_arena, result->output);
	*said = result->output;
	return strncmp(probe_text(&seen, "read:/proc/version"), "Linux", 5) == 0;
}

ATTACK(guard, mounts_are_held_while_paths_are_hidden)
{
	attack_guard("", "held", unmasked);
}
