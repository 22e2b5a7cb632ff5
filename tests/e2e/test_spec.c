/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/json.h"
#include "tests/e2e/harness.h"

/* Properties of the spec that other runtimes leave out or get wrong (docs/conformance.md). */

E2E(spec, an_unknown_capability_warns)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct probe seen;

	bundle_set(b, "/process/capabilities",
		   "{'bounding': ['CAP_KILL', 'CAP_OF_TOMORROW'], 'permitted': ['CAP_KILL'],"
		   " 'effective': ['CAP_KILL']}");
	bundle_run(b, &got);
	probe_parse(&seen, &e2e_arena, got.out);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.err, "CAP_OF_TOMORROW") != NULL, "%s", got.err);
	cr_expect_eq(seen.cap_bounding, 1 << 5);
}

/* ... but never one that lets others write: BuildKit calls with 0, and gives none. */
E2E(spec, an_umask_that_is_not_given_is_the_callers)
{
	struct bundle *b = bundle_new();
	mode_t before = umask(0137);
	struct probe seen;

	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.umask, 0137);
	umask(0);
	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.umask, 022);
	bundle_set(b, "/process/user/umask", "0");
	bundle_run_probe(b, &seen);
	umask(before);
	cr_expect_eq(seen.umask, 0);
}

E2E(spec, scheduling_reaches_the_program)
{
	static const struct { const char *policy; int number; } rows[] = {
		{ "SCHED_OTHER", 0 }, { "SCHED_BATCH", 3 }, { "SCHED_IDLE", 5 },
	};
	const bool numa = access("/proc/self/numa_maps", F_OK) == 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bundle *b = bundle_new();
		struct output got;
		struct probe seen;

		bundle_set(b, "/process/scheduler",
			   arena_printf(&e2e_arena, "{'policy': '%s', 'nice': 7}", rows[i].policy));
		bundle_set(b, "/process/ioPriority",
			   "{'class': 'IOPRIO_CLASS_BE', 'priority': 6}");
		if (numa)
			bundle_set(b, "/linux/memoryPolicy", "{'mode': 'MPOL_BIND', 'nodes': '0'}");
		bundle_probe_args(b, "report", "syscall",
				  arena_printf(&e2e_arena, "%d", SYS_ioprio_get), "1", "0", "0",
				  "read", "/proc/self/numa_maps", NULL);
		bundle_run(b, &got);
		probe_parse(&seen, &e2e_arena, got.out);
		cr_expect_eq(got.status, 0, "%s", got.err);
		cr_expect(probe_has(&seen, arena_printf(&e2e_arena, "scheduler=%d",
							rows[i].number)), "%s", got.out);
		cr_expect(strstr(got.out, "=16390") != NULL, "%s", got.out); /* 2 << 13 | 6 */
		cr_expect_eq(strstr(got.out, "bind:0") != NULL, numa, "%s", got.out);
	}
}

/* A detached container; its pid. */
static int start(struct bundle *b)
{
	struct json_source source = { .name = "state" };
	const struct json *state;
	struct output got;
	struct error err;

	bundle_run_sleeper(b);
	bundle_call(b, &got, "state", b->id, NULL);
	source.text = got.out;
	source.size = strlen(got.out);
	state = json_parse(&e2e_arena, &source, &err);
	return (int)strtol(json_member(state, "pid")->text, NULL, 10);
}

static const char *namespaces_of(int pid)
{
	return arena_printf(&e2e_arena,
			    "[{'type': 'mount'}, {'type': 'cgroup'}, "
			    "{'type': 'pid', 'path': '/proc/%d/ns/pid'}, "
			    "{'type': 'network', 'path': '/proc/%d/ns/net'}, "
			    "{'type': 'ipc', 'path': '/proc/%d/ns/ipc'}, "
			    "{'type': 'uts', 'path': '/proc/%d/ns/uts'}]", pid, pid, pid, pid);
}

/* A pause container and two members, who see each other and its name, as Kubernetes has it. */
E2E(spec, a_pod_shares_its_namespaces)
{
	struct bundle *pause = bundle_new(), *first = bundle_new(), *second = bundle_new();
	struct output got;
	struct probe seen;
	int pid;

	bundle_set(pause, "/hostname", "'pod'");
	pid = start(pause);
	bundle_set(first, "/linux/namespaces", namespaces_of(pid));
	bundle_unset(first, "/hostname");
	start(first);
	bundle_set(second, "/linux/namespaces", namespaces_of(pid));
	bundle_unset(second, "/hostname");
	bundle_probe_args(second, "report", "list", "/proc", NULL);
	bundle_run(second, &got);
	probe_parse(&seen, &e2e_arena, got.out);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_str_eq(probe_text(&seen, "hostname"), "pod", "%s", got.out);
	cr_expect_gt(seen.pid, 2, "it has the pids of the others before it");
	bundle_destroy(first);
	/* Ours as its parent has ended; until it is reaped its pid namespace cannot end. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	/* The pause container lives on, and takes another member. */
	bundle_run(second, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	bundle_destroy(pause);
}

E2E(spec, exec_has_the_affinity_of_its_process)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct probe seen;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		e2e_skip("one CPU alone");
	bundle_set(b, "/process/execCPUAffinity", "{'initial': '0', 'final': '1'}");
	start(b);
	bundle_call(b, &got, "exec", b->id, "/probe", "report", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	probe_parse(&seen, &e2e_arena, got.out);
	cr_expect_str_eq(probe_text(&seen, "Cpus_allowed_list"), "1", "%s", got.out);
	bundle_call(b, &got, "delete", "--force", b->id, NULL);
}

static struct probe_mount mount_seen(const struct probe *seen, const char *path)
{
	struct probe_mount mount = { 0 };

	cr_assert(probe_mount_find(seen, path, &mount), "nothing on %s", path);
	return mount;
}

static void mount_add(struct bundle *b, const char *path, const char *type, const char *options)
{
	bundle_set(b, "/mounts/-",
		   arena_printf(&e2e_arena,
				"{'destination': '%s', 'type': '%s', "
				"'source': 'x', 'options': [%s]}",
				path, type, options));
}

/* It becomes read-only late, when all is in it: but not where somebody has said "rw" meanwhile. */
E2E(spec, a_read_only_tmpfs_is_writable_behind_a_remount_that_says_so)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	e2e_need_root();
	e2e_need_kist();
	mount_add(b, "/one", "tmpfs", "'ro'");
	mount_add(b, "/two", "tmpfs", "'ro'");
	mount_add(b, "/three", "tmpfs", "'ro'");
	mount_add(b, "/one", "tmpfs", "'remount', 'rw'");
	mount_add(b, "/two/../one", "tmpfs", "'remount', 'bind', 'nosuid'");
	mount_add(b, "/two", "tmpfs", "'remount', 'bind', 'rw'");
	mount_add(b, "/two", "tmpfs", "'remount', 'bind', 'ro'");
	bundle_run_probe(b, &seen);
	cr_expect(probe_option(mount_seen(&seen, "/one").options, "rw"));
	cr_expect(probe_option(mount_seen(&seen, "/one").options, "nosuid"));
	cr_expect(probe_option(mount_seen(&seen, "/two").options, "ro"));
	cr_expect(probe_option(mount_seen(&seen, "/three").options, "ro"));
}

/* Of the tmpfs alone: nothing was below it when it was mounted. */
E2E(spec, a_tmpfs_with_rro_is_filled_first)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	e2e_need_root();
	e2e_need_kist();
	bundle_set(b, "/mounts/1/options/-", "'rro'");
	mount_add(b, "/both", "tmpfs", "'ro', 'rrw'");
	bundle_run_probe(b, &seen);
	cr_expect(probe_option(mount_seen(&seen, "/dev").options, "ro"));
	cr_expect(probe_option(mount_seen(&seen, "/dev/shm").options, "rw"));
	cr_expect(probe_option(mount_seen(&seen, "/both").options, "rw"));
}

/* With the hierarchies below it, where there are some; without a cgroup namespace too. */
E2E(spec, a_cgroup_mount_takes_recursive_options_and_propagation)
{
	static const char *const types[] = { "cgroup", "cgroup2" };
	static const char *const namespaces[] = {
		"[{'type': 'mount'}, {'type': 'pid'}, {'type': 'uts'}, {'type': 'ipc'},"
		" {'type': 'network'}]",
		"[{'type': 'mount'}, {'type': 'pid'}, {'type': 'uts'}, {'type': 'ipc'},"
		" {'type': 'network'}, {'type': 'cgroup'}]",
	};

	e2e_need_root();
	e2e_need_kist();
	for (size_t i = 0; i < 2 * ARRAY_SIZE(types); i++) {
		struct bundle *b = bundle_new();
		struct probe_mount mount;
		struct output got;
		struct probe seen;

		bundle_set(b, "/linux/namespaces", namespaces[i % 2]);
		mount_add(b, "/groups", types[i / 2], "'rro', 'rnosuid', 'rshared'");
		bundle_probe_args(b, "report", "mkdir", "/groups/unified/new", "mkdir",
				  "/groups/pids/new", "mkdir", "/groups/new", NULL);
		bundle_run(b, &got);
		cr_assert_eq(got.status, 0, "%s", got.err);
		probe_parse(&seen, &e2e_arena, got.out);
		mount = mount_seen(&seen, "/groups");
		cr_expect(probe_option(mount.options, "ro") &&
				  probe_option(mount.options, "nosuid"),
			  "%s", mount.options);
		cr_expect(strstr(mount.tags, "shared:") != NULL, "%s", mount.tags);
		cr_expect(strstr(got.out, "/new=0\n") == NULL, "%s", got.out);
	}
}
