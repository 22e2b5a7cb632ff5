/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/e2e/harness.h"

/* What crun has beside runc, and kist beside both: mounts, --regex, debug, exec --timeout. */

static struct bundle *running(void)
{
	struct bundle *b = bundle_new();

	bundle_set(b, "/root/readonly", "false");
	bundle_run_sleeper(b);
	return b;
}

static const char *file(struct bundle *b, const char *name, const char *text)
{
	const char *path = arena_printf(&e2e_arena, "%s/%s", b->dir, name);
	_cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	cr_assert(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0, "%s", path);
	return path;
}

/* "mounts add" of that list, and the words of its error. */
static void mounts_refused(struct bundle *b, const char *list, const char *text)
{
	struct output got;

	bundle_call(b, &got, "mounts", "add", b->id, file(b, "a", edit_quotes(&e2e_arena, list)),
		    NULL);
	cr_expect_eq(got.status, 1, "%s was passed over", list);
	cr_expect_not_null(strstr(got.err, text), "%s", got.err);
}

E2E(mounts, come_into_a_running_container_and_go)
{
	struct bundle *b = running();
	const char *source, *list;
	struct output got;

	e2e_need_root();
	source = file(b, "source", "from the host");
	list = file(b, "mounts.json", edit_quotes(&e2e_arena, arena_printf(&e2e_arena,
		"[{'destination': '/new/file', 'source': '%s', 'options': ['bind', 'ro']},"
		" {'destination': '/tmpfs', 'type': 'tmpfs', 'source': 'tmpfs'}]", source)));
	bundle_call(b, &got, "mounts", "add", b->id, list, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "exec", b->id, "/probe", "read", "/new/file", "write", "/new/file",
		    "x", "statfs", "/tmpfs", NULL);
	cr_expect_not_null(strstr(got.out, "read:/new/file=from the host"), "%s", got.out);
	cr_expect_not_null(strstr(got.out, "write:/new/file=EROFS"), "%s", got.out);
	cr_expect_not_null(strstr(got.out, "statfs:/tmpfs=1021994"), "%s", got.out);
	bundle_call(b, &got, "mounts", "remove", b->id, list, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "exec", b->id, "/probe", "read", "/new/file", NULL);
	cr_expect_null(strstr(got.out, "from the host"), "%s", got.out);
	bundle_call(b, &got, "mounts", "remove", b->id, list, NULL);
	cr_expect_eq(got.status, 1);
	bundle_destroy(b);
}

E2E(mounts, that_are_wrong_are_named_by_index_and_destination)
{
	struct bundle *b = running();
	struct output got;

	e2e_need_kist();
	mounts_refused(b, "[{'destination': '/d', 'source': '/nonexistent', 'options': ['bind']}]",
		       "/0 on /d: open tree /nonexistent");
	mounts_refused(b, "{}", "must be an array");
	mounts_refused(b, "[{'destination': '/', 'type': 'tmpfs'}]",
		       "/0 on /: what runs keeps its root");
	bundle_call(b, &got, "mounts", "swap", b->id, "/dev/null", NULL);
	cr_expect_not_null(strstr(got.err, "unknown command swap"), "%s", got.err);
	bundle_destroy(b);
}

/* What hides something may be reached under another name: see cmd_mounts.c. */
E2E(mounts, of_what_runs_are_not_changed)
{
	struct bundle *b = running();

	e2e_need_kist();
	mounts_refused(b,
		       "[{'destination': '/proc/sys', 'source': '/proc/sys',"
		       " 'options': ['remount', 'bind', 'rw']}]",
		       "/0 on /proc/sys: what runs is not remounted");
	bundle_destroy(b);
}

/* A procfs of the host's, with all of its processes, came into the container. */
E2E(mounts, of_kernel_file_systems_are_those_of_the_containers_namespaces)
{
	struct bundle *b = running();
	const char *list, *own, *added;
	struct output got;

	e2e_need_root();
	list = file(b, "mounts.json",
		    edit_quotes(&e2e_arena,
				"[{'destination': '/new', 'type': 'proc', 'source': 'proc'},"
				" {'destination': '/queue', 'type': 'mqueue', 'source': 'mqueue'},"
				" {'destination': '/sysfs', 'type': 'sysfs', 'source': 'sysfs'}]"));
	bundle_call(b, &got, "mounts", "add", b->id, list, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "exec", b->id, "/probe", "readlink", "/proc/1/ns/pid", "readlink",
		    "/new/1/ns/pid", NULL);
	own = strstr(got.out, "readlink:/proc/1/ns/pid=pid:[");
	added = strstr(got.out, "readlink:/new/1/ns/pid=pid:[");
	cr_assert(own != NULL && added != NULL, "%s%s", got.out, got.err);
	cr_expect_eq(strtoul(strchr(own, '[') + 1, NULL, 10),
		     strtoul(strchr(added, '[') + 1, NULL, 10), "%s", got.out);
	bundle_destroy(b);
}

E2E(mounts, of_an_ordinary_users_container_change)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	e2e_need_root();
	bundle_as_user(b, 1000);
	bundle_set(b, "/root/readonly", "false");
	bundle_run_sleeper(b);
	bundle_call(b, &got, "mounts", "add", b->id,
		    file(b, "a", "[{\"destination\": \"/new\", \"type\": \"tmpfs\"}]"), NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "exec", b->id, "/probe", "statfs", "/new", NULL);
	cr_expect_not_null(strstr(got.out, "statfs:/new=1021994"), "%s", got.out);
	bundle_destroy(b);
}

/* It was mounted on the host's directory of that name. */
E2E(mounts, do_not_come_into_namespaces_of_others)
{
	struct bundle *b = bundle_new();

	e2e_need_kist();
	e2e_need_root();
	bundle_set(b, "/linux/namespaces", "[{'type': 'pid'}, {'type': 'mount'}]");
	bundle_unset(b, "/hostname");
	bundle_unset(b, "/mounts/6");
	bundle_unset(b, "/mounts/5");
	bundle_unset(b, "/mounts/4");
	bundle_run_sleeper(b);
	mounts_refused(b, "[{'destination': '/new', 'type': 'cgroup'}]", "has no cgroup namespace");
	bundle_destroy(b);
	bundle_set(b, "/linux/namespaces", "[{'type': 'pid'}]");
	bundle_set(b, "/mounts", "[]");
	bundle_unset(b, "/linux/maskedPaths");
	bundle_unset(b, "/linux/readonlyPaths");
	bundle_run_sleeper(b);
	mounts_refused(b, "[{'destination': '/mnt', 'type': 'tmpfs'}]",
		       "its mount namespace is not its own");
	bundle_destroy(b);
}

E2E(regex, kills_and_deletes_what_matches)
{
	struct bundle *b = running();
	const char *all = arena_printf(&e2e_arena, "^%s(-two)?$", b->id);
	const char *two = arena_printf(&e2e_arena, "%s-two", b->id);
	struct output got;

	bundle_call(b, &got, "create", "--bundle", b->path, two, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "delete", "--regex", all, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "that is not stopped"), "%s", got.err);
	bundle_call(b, &got, "kill", "-r", all, "KILL", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "delete", "--force", "--regex", all, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "list", "-q", NULL);
	cr_expect_str_eq(got.out, "");
	bundle_call(b, &got, "kill", "--regex", "(", "9", NULL);
	cr_expect_eq(got.status, 1);
}

E2E(debug, brings_tools_and_leaves_nothing)
{
	struct bundle *b = running();
	struct output got;

	e2e_need_kist();
	e2e_need_root();
	e2e_need_program("/bin/busybox");
	bundle_call(b, &got, "debug", b->id, "--", "sh", "-c",
		    "ls / | tr '\\n' ' '; ls /proc/1/exe; echo $$; which ls", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_not_null(strstr(got.out, "probe"), "the container's own root: %s", got.out);
	cr_expect_not_null(strstr(got.out, "/.kist/bin/ls\n"), "%s", got.out);
	cr_expect_eq(access(arena_printf(&e2e_arena, "%s/.kist", b->rootfs), F_OK), -1);
	bundle_call(b, &got, "exec", b->id, "/probe", "stat", "/.kist", NULL);
	cr_expect_not_null(strstr(got.out, "ENOENT"), "%s", got.out);
	bundle_destroy(b);
}

/* The image's ENV is a file that a shell executes: here with CAP_SYS_PTRACE. */
E2E(debug, takes_no_environment_of_the_image)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	e2e_need_root();
	e2e_need_program("/bin/busybox");
	bundle_set(b, "/process/env/-", "'ENV=/of-the-image'");
	bundle_run_sleeper(b);
	/* Nor is it kept out by what the container calls as its own directory is called. */
	cr_assert_eq(mkdir(arena_printf(&e2e_arena, "%s/.kist", b->rootfs), 0755), 0);
	bundle_call(b, &got, "debug", b->id, "--", "env", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_null(strstr(got.out, "/of-the-image"), "%s", got.out);
	cr_expect_not_null(strstr(got.out, "HOME=/.kist\n"), "%s", got.out);
	cr_expect_not_null(strstr(got.out, "PATH=/.kist/bin:"), "%s", got.out);
	bundle_destroy(b);
}

E2E(debug, tool_that_is_not_static_is_refused_with_the_reason)
{
	struct bundle *b = running();
	struct output got;

	e2e_need_kist();
	bundle_call(b, &got, "debug", "--tools", "/etc/passwd", b->id, "--", "ls", NULL);
	cr_expect_not_null(strstr(got.err, "execute /etc/passwd: permission denied"), "%s",
			   got.err);
	bundle_call(b, &got, "debug", "--tools", "/bin/ls", b->id, "--", "ls", NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "its ELF interpreter"), "%s", got.err);
	bundle_destroy(b);
}

E2E(exec, is_killed_when_its_time_is_over)
{
	struct bundle *b = running();
	struct output got;

	e2e_need_kist();
	bundle_call(b, &got, "exec", "--timeout=1", b->id, "/probe", "sleep", "100000", NULL);
	cr_expect_eq(got.status, 128 + 9, "%d %s", got.status, got.err);
	bundle_call(b, &got, "exec", "--timeout", "30", b->id, "/probe", "exit", "3", NULL);
	cr_expect_eq(got.status, 3);
	bundle_destroy(b);
}
