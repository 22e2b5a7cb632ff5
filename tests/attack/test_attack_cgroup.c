/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "tests/attack/attack.h"
#include "tests/attack/trouble.h"

/* Paths that lead to the cgroups of others, and writing to those from the inside. */

static const char *const climbing[] = {
	"../../kist-attack",
	"/../../kist-attack",
	"/kist-x/../../../kist-attack",
	"..",
	"/..",
	"/kist-x/..",
	"kist-x/../../kist-attack",
	"./../kist-attack",
};

static bool exists_anywhere(const char *name)
{
	static const char *const tops[] = {
		"/sys/fs/cgroup",
		"/sys/fs/cgroup/unified",
		"/sys/fs/cgroup/pids",
		"/sys/fs/cgroup/memory",
		"/sys/fs",
		"/sys/fs/cgroup/systemd",
	};

	for (size_t i = 0; i < ARRAY_SIZE(tops); i++)
		if (access(arena_printf(&e2e_arena, "%s/%s", tops[i], name), F_OK) == 0)
			return true;
	return false;
}

ATTACK(cgroup, path_with_dots_stays_below_the_root)
{
	for (size_t i = 0; i < ARRAY_SIZE(climbing); i++) {
		struct attack a = attack_new();
		struct output output;
		struct probe seen;

		bundle_set(a.bundle, "/linux/cgroupsPath",
			   arena_printf(&e2e_arena, "'%s'", climbing[i]));
		attack_run(&a, climbing[i], &output, &seen);
		cr_expect_not(exists_anywhere("kist-attack"), "%s", climbing[i]);
	}
}

ATTACK(cgroup, path_that_no_cgroup_can_have_is_refused)
{
	char *longest = arena_alloc(&e2e_arena, 5001), *deepest = arena_alloc(&e2e_arena, 3001);
	const char *paths[] = { NULL, "/kist-attack\\u0000/x", "/kist-attack\\n/x", NULL };

	memset(longest, 'k', 5000);
	longest[0] = '/';
	paths[0] = longest;
	for (int i = 0; i < 3000; i++)
		deepest[i] = i % 2 == 0 ? '/' : 'k';
	paths[3] = deepest;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct attack a = attack_new();
		struct output output;
		struct probe seen;

		bundle_set(a.bundle, "/linux/cgroupsPath",
			   arena_printf(&e2e_arena, "'%s'", paths[i]));
		cr_expect_not(attack_run(&a, "an impossible path", &output, &seen), "%.40s: %s",
			      paths[i], output.out);
	}
}

/* A hierarchy that every host has, one way or another. */
static const char *hierarchy(void)
{
	static const char *const tops[] = { "/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < ARRAY_SIZE(tops); i++)
		if (access(tops[i], F_OK) == 0)
			return tops[i];
	return "/sys/fs/cgroup";
}

/* Somebody else's process, in a cgroup of its own. */
static pid_t bystander(const char *cgroup)
{
	const char *file = arena_printf(&e2e_arena, "%s/cgroup.procs", cgroup);
	struct error err;
	pid_t pid;

	cr_assert_eq(mkdir(cgroup, 0755), 0, "make %s: %s", cgroup, strerror(errno));
	pid = fork();
	if (pid == 0) {
		alarm(600);
		pause();
		_exit(0);
	}
	cr_assert_eq(file_write(AT_FDCWD, file, arena_printf(&e2e_arena, "%d", pid), &err), 0, "%s",
		     err.text);
	return pid;
}

/* A cgroup with processes of others may be joined, as runc does, but nothing in it is touched. */
ATTACK(cgroup, of_others_keeps_its_processes)
{
	struct attack a = attack_new();
	const char *name = arena_printf(&e2e_arena, "kist-attack-%s", a.bundle->id);
	const char *cgroup = arena_printf(&e2e_arena, "%s/%s", hierarchy(), name);
	pid_t pid = bystander(cgroup);
	struct output output;
	struct probe seen;
	int status;

	bundle_set(a.bundle, "/linux/cgroupsPath", arena_printf(&e2e_arena, "'/%s'", name));
	attack_run(&a, "a foreign cgroup", &output, &seen);
	bundle_call(a.bundle, &output, "kill", "--all", a.bundle->id, "KILL", NULL);
	bundle_call(a.bundle, &output, "delete", "--force", a.bundle->id, NULL);
	bundle_call(a.bundle, &output, "gc", NULL);
	cr_expect_eq(waitpid(pid, &status, WNOHANG), 0, "the bystander was killed");
	cr_expect_eq(access(cgroup, F_OK), 0, "the bystander's cgroup is gone");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	for (int tries = 0; tries < 3000 && rmdir(cgroup) < 0 && errno == EBUSY; tries++)
		usleep(20000);
}

/* Below another --root the same id has the same cgroup: it is refused, and what runs goes on. */
ATTACK(cgroup, of_another_container_keeps_its_processes)
{
	struct attack a = attack_new();
	const char *own = a.bundle->state;
	struct output output;

	bundle_run_sleeper(a.bundle);
	a.bundle->state = arena_printf(&e2e_arena, "%s/other", a.bundle->dir);
	bundle_call(a.bundle, &output, "create", "--bundle", a.bundle->path, a.bundle->id, NULL);
	cr_expect_neq(output.status, 0);
	cr_expect(strstr(output.err, "is not empty") != NULL, "%s", output.err);
	bundle_call(a.bundle, &output, "delete", "--force", a.bundle->id, NULL);
	a.bundle->state = own;
	bundle_call(a.bundle, &output, "state", a.bundle->id, NULL);
	cr_expect(strstr(output.out, "\"status\": \"running\"") != NULL, "%s%s", output.out,
		  output.err);
	bundle_destroy(a.bundle);
}

/* One that has ended may have left its path to another, which gets no signal for it. */
ATTACK(cgroup, of_who_came_after_it_gets_no_signal_for_it)
{
	struct attack a = attack_new();
	const char *own = a.bundle->state;
	struct output output;

	bundle_run_sleeper(a.bundle);
	bundle_call(a.bundle, &output, "kill", a.bundle->id, "KILL", NULL);
	for (int tries = 0; tries < 3000 && strstr(output.out, "\"stopped\"") == NULL; tries++) {
		bundle_call(a.bundle, &output, "state", a.bundle->id, NULL);
		usleep(10000);
	}
	a.bundle->state = arena_printf(&e2e_arena, "%s/other", a.bundle->dir);
	bundle_run_sleeper(a.bundle);
	a.bundle->state = own;
	bundle_call(a.bundle, &output, "kill", "--all", a.bundle->id, "TERM", NULL);
	cr_expect_eq(output.status, 1);
	cr_expect(strstr(output.err, "container not running") != NULL, "%s", output.err);
	bundle_destroy(a.bundle);
	a.bundle->state = arena_printf(&e2e_arena, "%s/other", a.bundle->dir);
	bundle_call(a.bundle, &output, "exec", a.bundle->id, "/probe", "say", "alive", NULL);
	cr_expect_str_eq(output.out, "alive\n", "%s", output.err);
	bundle_destroy(a.bundle);
}

static const char *const files[] = {
	"/sys/fs/cgroup/cgroup.procs",
	"/sys/fs/cgroup/cgroup.kill",
	"/sys/fs/cgroup/pids/cgroup.procs",
	"/sys/fs/cgroup/pids/tasks",
	"/sys/fs/cgroup/devices/devices.allow",
	"/sys/fs/cgroup/memory/release_agent",
	"/sys/fs/cgroup/memory/notify_on_release",
	"/sys/fs/cgroup/unified/cgroup.procs",
	"/sys/fs/cgroup/unified/cgroup.kill",
	"/sys/fs/cgroup/systemd/release_agent",
	"/sys/fs/cgroup/cgroup.subtree_control",
};

static void expect_shut(struct attack *a, const char *what)
{
	struct output output;
	struct probe seen;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const char *result;

		bundle_probe_args(a->bundle, "open", files[i], "w", NULL);
		if (!attack_run(a, what, &output, &seen))
			return;
		result = probe_text(&seen, arena_printf(&e2e_arena, "open:%s", files[i]));
		cr_expect(strcmp(result, "EROFS") == 0 || strcmp(result, "EACCES") == 0 ||
				  strcmp(result, "ENOENT") == 0,
			  "%s: %s: %s", what, files[i], output.out);
	}
}

/* CVE-2023-25809. */
ATTACK(cgroup, files_are_read_only_without_a_namespace)
{
	struct attack a = attack_new(), user = attack_new(), bound = attack_new();

	bundle_unset(a.bundle, "/linux/namespaces/5");
	expect_shut(&a, "no cgroup namespace");
	bundle_set(bound.bundle, "/mounts/5",
		   "{'destination': '/sys', 'type': 'none',"
		   " 'source': '/sys', 'options': ['rbind', 'ro']}");
	bundle_unset(bound.bundle, "/linux/namespaces/5");
	expect_shut(&bound, "no cgroup namespace, /sys bound");
	bundle_as_user(user.bundle, 1000);
	bundle_unset(user.bundle, "/linux/namespaces/4");
	expect_shut(&user, "an ordinary user");
}

/* Without limits it has a cgroup in cgroup2 alone; those of v1 were the caller's. */
ATTACK(cgroup, of_another_container_is_not_in_its_mount)
{
	struct attack victim = attack_new(), a = attack_new();
	static const char top[] = "/sys/fs/cgroup/";
	const char *const places[] = { "pids/", "freezer/", "unified/", "" };
	struct output output;
	struct probe seen;

	/* On a hybrid host that gives it cgroups in v1. */
	if (access("/sys/fs/cgroup/pids", F_OK) == 0)
		bundle_set(victim.bundle, "/linux/resources/pids", "{'limit': 50}");
	bundle_run_sleeper(victim.bundle);
	bundle_unset(a.bundle, "/linux/resources");
	bundle_set(a.bundle, "/mounts/6/options", "['rw', 'nosuid']");
	for (int own = 0; own < 2; own++) {
		for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
			const char *file = arena_printf(&e2e_arena, "%s%s%s/cgroup.procs", top,
							places[i], victim.bundle->id);
			const char *opened = arena_printf(&e2e_arena, "open:%s", file);

			bundle_probe_args(a.bundle, "open", file, "w", NULL);
			if (attack_run(&a, file, &output, &seen))
				cr_expect_str_eq(probe_text(&seen, opened), "ENOENT", "%s",
						 output.out);
		}
		if (own == 0)
			bundle_unset(a.bundle, "/linux/namespaces/5");
	}
	bundle_destroy(victim.bundle);
}

/* What it nests deeper than anybody has fds for could not be removed, or killed on v1. */
ATTACK(cgroup, nested_without_end_is_listed_and_removed)
{
	struct attack a = attack_new();
	struct output output;

	e2e_need_program("/bin/busybox");
	mkdir(arena_printf(&e2e_arena, "%s/bin", a.bundle->rootfs), 0755);
	bundle_copy(a.bundle, "/bin/busybox", "/bin/sh");
	bundle_copy(a.bundle, "/bin/busybox", "/bin/mkdir");
	bundle_copy(a.bundle, "/bin/busybox", "/bin/sleep");
	bundle_copy(a.bundle, "/bin/busybox", "/bin/cat");
	/* For a path that was chosen v1 is used on a hybrid host. */
	bundle_set(a.bundle, "/linux/cgroupsPath", arena_printf(&e2e_arena, "'/%s'", a.bundle->id));
	bundle_set(a.bundle, "/mounts/6/options", "['rw', 'nosuid']");
	bundle_args(a.bundle, "/bin/sh", "-c",
		    "cd /sys/fs/cgroup/pids || cd /sys/fs/cgroup; cat cgroup.procs || exit 1; "
		    "i=0; while [ $i -lt 600 ]; do mkdir d e && cd d || exit 1; i=$((i+1)); "
		    "done; sleep $((999+1))", NULL);
	bundle_call(a.bundle, &output, "run", "-d", "--bundle", a.bundle->path, a.bundle->id, NULL);
	cr_assert_eq(output.status, 0, "%s", output.err);
	for (int i = 0; i < 1000 && strstr(output.out, "sleep 1000") == NULL; i++) {
		poll(NULL, 0, 100);
		bundle_call(a.bundle, &output, "top", "--once", a.bundle->id, NULL);
		cr_assert_eq(output.status, 0, "%s", output.err);
	}
	cr_expect_not_null(strstr(output.out, "sleep 1000"), "%s", output.out);
	bundle_call(a.bundle, &output, "kill", "--all", a.bundle->id, "KILL", NULL);
	cr_expect_eq(output.status, 0, "%s", output.err);
	bundle_call(a.bundle, &output, "delete", "--force", a.bundle->id, NULL);
	cr_expect_eq(output.status, 0, "%s", output.err);
}

ATTACK(cgroup, of_exec_is_one_of_the_container)
{
	struct attack a = attack_new();
	struct output output;
	struct call call;

	bundle_probe_args(a.bundle, "say", "ready", "sleep", "60000", NULL);
	bundle_begin(a.bundle, &call, "run", "--bundle", a.bundle->path, a.bundle->id, NULL);
	bundle_await(&call, "ready");
	for (size_t i = 0; i < ARRAY_SIZE(climbing); i++) {
		bundle_call(a.bundle, &output, "exec", "--cgroup", climbing[i], a.bundle->id,
			    "/probe", "say", "in", NULL);
		cr_expect_neq(output.status, 0, "%s: %s", climbing[i], output.out);
		cr_expect_not(exists_anywhere("kist-attack"), "%s", climbing[i]);
	}
	bundle_call(a.bundle, &output, "kill", a.bundle->id, "KILL", NULL);
	bundle_finish(&call, &output);
}

/* Where a cgroup below is overlooked, so are the processes in it. */
ATTACK(cgroup, list_that_cannot_be_read_is_not_taken_for_the_whole)
{
	struct attack a = attack_new();
	const char *const words[] = { "ps", "--format", "json", a.bundle->id, NULL };
	struct trouble_call fault = { .call = __NR_getdents64 };
	struct engine_result result;

	bundle_run_sleeper(a.bundle);
	for (;; fault.at++) {
		fault.seen = 0;
		fault.done = false;
		attack_engine_call(&a, words, ENGINE_ALL, trouble_at_call, &fault, &result);
		if (!fault.done)
			break;
		cr_expect(WIFEXITED(result.status) && WEXITSTATUS(result.status) == 1, "%u: %s",
			  fault.at, result.output);
		cr_expect(strstr(result.output, "read the list of cgroups below: input/output"),
			  "%u: %s", fault.at, result.output);
	}
	cr_expect_gt(fault.at, 0, "no list was read: %s", result.output);
	cr_expect_eq(result.status, 0, "%s", result.output);
	bundle_destroy(a.bundle);
}
