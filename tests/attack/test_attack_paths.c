/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/sys.h"
#include "tests/attack/attack.h"

/* Destinations and working directories that lead out of the root. */

static const char *const targets[] = {
	"SENTINEL", /* absolute */
	"../../../../../../../../../../SENTINEL",
	"link", /* to itself */
	"/proc/1/root/SENTINEL",
	"/proc/self/cwd",
	"/proc/self/fd/7",
	"..",
};

static const char *const mounts[] = {
	"{'destination': '/link', 'type': 'tmpfs', 'source': 'tmpfs'}",
	/* CVE-2026-39822: behind a slash, O_NOFOLLOW follows. */
	"{'destination': '/link/', 'type': 'tmpfs', 'source': 'tmpfs'}",
	"{'destination': '/link/directory', 'type': 'tmpfs', 'source': 'tmpfs'}",
	"{'destination': '/link/new/deep/er', 'type': 'tmpfs', 'source': 'tmpfs'}",
	"{'destination': '/link', 'type': 'bind', 'source': 'VOLUME', 'options': ['bind']}",
	"{'destination': '/link/made', 'type': 'bind', 'source': 'VOLUME', 'options': ['bind']}",
	"{'destination': '/link/null', 'type': 'bind', 'source': 'FILE', 'options': ['bind']}",
	"{'destination': '/link/made', 'type': 'bind', 'source': 'FILE', 'options': ['bind']}",
	"{'destination': '/link', 'type': 'cgroup', 'source': 'cgroup', 'options': ['ro']}",
};

static const char *replaced(const char *text, const char *word, const char *by)
{
	const char *at = strstr(text, word);

	return at == NULL ? text :
			    arena_printf(&e2e_arena, "%.*s%s%s", (int)(at - text), text, by,
					 at + strlen(word));
}

/* CVE-2015-3627 and those that followed. */
ATTACK(paths, symlinked_destinations_stay_in_the_root)
{
	for (size_t i = 0; i < ARRAY_SIZE(targets) * ARRAY_SIZE(mounts); i += attack_step()) {
		const char *target = targets[i % ARRAY_SIZE(targets)];
		const char *mount = mounts[i / ARRAY_SIZE(targets)];
		struct attack a = attack_new();
		const char *file = arena_printf(&e2e_arena, "%s/file", a.bundle->dir);
		const char *what = arena_printf(&e2e_arena, "/link -> %s, %s", target, mount);
		struct output output;
		struct probe seen;

		close(creat(file, 0644));
		attack_link(&a, "/link", replaced(target, "SENTINEL", a.sentinel));
		bundle_set(a.bundle, "/root/readonly", "false");
		bundle_set(a.bundle, "/mounts/-",
			   replaced(replaced(mount, "VOLUME", a.volume), "FILE", file));
		bundle_probe_args(a.bundle, "write", "/link/new", "x", "report", NULL);
		if (attack_run(&a, what, &output, &seen))
			cr_expect(probe_has(&seen, "end=1"), "%s: %s", what, output.out);
		leak_remove_tree(a.bundle->rootfs);
	}
}

/* The kernel follows forty: one more is ELOOP, and no loop of kist's own. */
ATTACK(paths, forty_one_links_are_too_many)
{
	struct attack a = attack_new();
	struct output output;
	struct probe seen;

	for (int i = 0; i < 41; i++)
		attack_link(&a, arena_printf(&e2e_arena, "/l%d", i),
			    arena_printf(&e2e_arena, "/l%d", i + 1));
	attack_bind(&a, a.volume, "/l0/x");
	cr_expect_not(attack_run(&a, "41 links", &output, &seen), "%s", output.out);
	cr_expect(strcasestr(output.err, "too many levels of symbolic links"), "%s", output.err);
}

/* CVE-2021-30465: what the volume holds belongs to somebody else. */
ATTACK(paths, links_in_a_volume_stay_in_the_root)
{
	struct attack a = attack_new();
	struct output output;
	struct probe seen;

	cr_assert_eq(symlink(a.sentinel, arena_printf(&e2e_arena, "%s/out", a.volume)), 0);
	attack_bind(&a, a.volume, "/vol");
	bundle_set(a.bundle, "/mounts/-",
		   "{'destination': '/vol/out/directory', 'type': 'tmpfs', 'source': 'tmpfs'}");
	attack_bind(&a, a.bundle->path, "/vol/out/1/2/3/4/5/6/7/8/9/10/11/12");
	bundle_probe_args(a.bundle, "write", "/vol/out/directory/file", "x", "report", NULL);
	attack_run(&a, "link in a volume", &output, &seen);
}

static const char *const escapes[] = {
	"/proc/self/fd/%d", "/proc/self/fd/%d/../..",  "/proc/self/fd/%d/../../../..",
	"/proc/1/fd/%d/",   "/proc/thread-self/fd/%d", "/dev/fd/%d",
};

/* The caller leaks directories of the host to kist: 3 to 20 (CVE-2024-21626). */
static void leak_directories(void *context _unused)
{
	for (int fd = 3; fd <= 20; fd++)
		if (fcntl(fd, F_GETFD) < 0) {
			int host = open("/", O_RDONLY | O_DIRECTORY);

			dup2(host, fd);
			if (host != fd)
				close(host);
		}
}

static void run_with_leaks(struct attack *a, struct output *ret)
{
	attack_run_prepared(a, leak_directories, NULL, ret);
}

ATTACK(cwd, through_a_leaked_fd_is_refused_or_inside)
{
	for (size_t i = 0; i < ARRAY_SIZE(escapes); i++)
		for (int fd = 3; fd <= 20; fd++) {
			struct attack a = attack_new();
			const char *cwd = arena_printf(&e2e_arena, escapes[i], fd);
			struct output output;
			struct probe seen;

			if (!attack_all() && fd > 5 && fd % 4 != (int)i % 4)
				continue;
			bundle_set(a.bundle, "/process/cwd", arena_printf(&e2e_arena, "'%s'", cwd));
			bundle_probe_args(a.bundle, "list", ".", "report", NULL);
			attack_begin(&a);
			run_with_leaks(&a, &output);
			attack_check(&a, cwd);
			probe_parse(&seen, &e2e_arena, output.out);
			if (output.status == 0) {
				cr_expect(*probe_text(&seen, "cwd") == '/', "%s: %s", cwd,
					  output.out);
				cr_expect_not(probe_has(&seen, "list:.=boot"), "%s", cwd);
			} else {
				cr_expect_null(probe_find(&seen, "cwd"), "%s: %s", cwd, output.out);
			}
			leak_remove_tree(a.bundle->dir);
		}
}

ATTACK(fds, of_the_caller_do_not_leak)
{
	struct attack a = attack_new();
	struct output output;
	struct probe seen;

	attack_begin(&a);
	run_with_leaks(&a, &output);
	attack_check(&a, "leaked fds");
	cr_assert_eq(output.status, 0, "%s", output.out);
	probe_parse(&seen, &e2e_arena, output.out);
	for (int fd = 3; fd < 64; fd++)
		cr_expect_null(probe_find(&seen, arena_printf(&e2e_arena, "fd.%d", fd)),
			       "fd %d: %s", fd, output.out);
}

/* LISTEN_FDS says more than the caller has open: the numbers would be kist's own directories. */
static void promise_fds(void *context)
{
	const char *count = context;

	setenv("LISTEN_FDS", count, 1);
	sys_close_range(3, ~0U, 0);
}

ATTACK(fds, that_the_caller_has_not_opened_are_not_handed_on)
{
	for (int count = 1; count <= 12; count++) {
		struct attack a = attack_new();
		struct output output;

		attack_begin(&a);
		attack_run_prepared(&a, promise_fds, arena_printf(&e2e_arena, "%d", count),
				    &output);
		attack_check(&a, "promised fds");
		cr_expect_eq(output.status, 1, "%d: %s", count, output.out);
		cr_expect_not_null(strstr(output.out, "is not open: bad file descriptor"), "%d: %s",
				   count, output.out);
		leak_remove_tree(a.bundle->dir);
	}
}

/* args[0] by a leaked fd: a program of the host's. */
ATTACK(fds, do_not_lead_to_a_program_of_the_host)
{
	static const char *const programs[] = {
		"/proc/self/fd/%d/bin/sh",
		"/proc/self/fd/%d/usr/bin/true",
		"/dev/fd/%d/bin/sh",
	};

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		for (int fd = 3; fd <= 20; fd += attack_all() ? 1 : 4) {
			struct attack a = attack_new();
			struct output output;

			bundle_args(a.bundle, arena_printf(&e2e_arena, programs[i], fd), "-c",
				    "echo out", NULL);
			attack_begin(&a);
			run_with_leaks(&a, &output);
			attack_check(&a, programs[i]);
			cr_expect_neq(output.status, 0, "%s: %s", programs[i], output.out);
			leak_remove_tree(a.bundle->dir);
		}
}

/* The same for who comes in, with the fds that kist has itself. */
ATTACK(cwd, of_exec_through_a_leaked_fd_is_refused_or_inside)
{
	struct attack a = attack_new();
	struct output output;
	struct call call;

	bundle_probe_args(a.bundle, "say", "ready", "sleep", "60000", NULL);
	attack_begin(&a);
	bundle_begin(a.bundle, &call, "run", "--bundle", a.bundle->path, a.bundle->id, NULL);
	bundle_await(&call, "ready");
	for (size_t i = 0; i < ARRAY_SIZE(escapes); i++)
		for (int fd = 3; fd <= 20; fd += attack_all() ? 1 : 3) {
			const char *cwd = arena_printf(&e2e_arena, escapes[i], fd);
			struct probe seen;

			bundle_call(a.bundle, &output, "exec", "--cwd", cwd, a.bundle->id, "/probe",
				    "list", ".", NULL);
			probe_parse(&seen, &e2e_arena, output.out);
			cr_expect_not(probe_has(&seen, "list:.=boot"), "%s: %s", cwd, output.out);
			cr_expect(output.status == 0 || *output.err != '\0', "%s: no word", cwd);
		}
	bundle_call(a.bundle, &output, "kill", a.bundle->id, "KILL", NULL);
	bundle_finish(&call, &output);
	attack_check(&a, "exec --cwd");
}
