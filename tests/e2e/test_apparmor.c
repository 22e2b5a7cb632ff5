/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/e2e/harness.h"

/* A profile of the tests' own, loaded into the kernel: in a guest started with AppArmor. */

static const char parser[] = "/sbin/apparmor_parser";

static bool has_apparmor(void)
{
	char answer = 'N';
	_cleanup_fd int fd = open("/sys/module/apparmor/parameters/enabled",
				  O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, &answer, 1) == 1 && answer == 'Y';
}

/* how: "-r" loads, "-R" removes. */
static void profile_change(const char *name, const char *how)
{
	const char *path = arena_printf(&e2e_arena, "/tmp/%s.profile", name);
	const char *text = arena_printf(&e2e_arena,
					"profile %s flags=(attach_disconnected) {\n"
					"  file, capability, signal, mount, umount, ptrace,\n"
					"  deny /secret rw,\n}\n",
					name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), status;
	pid_t pid;

	cr_assert(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0);
	close(fd);
	pid = fork();
	if (pid == 0) {
		execl(parser, parser, how, "--skip-cache", path, NULL);
		_exit(127);
	}
	cr_assert(waitpid(pid, &status, 0) == pid && status == 0, "%s %s: %d", parser, how,
		  status);
	unlink(path);
}

static const char *profile_load(void)
{
	const char *name = arena_printf(&e2e_arena, "kist-test-%d", getpid());

	if (!has_apparmor())
		e2e_skip("AppArmor is off in this kernel");
	e2e_need_root();
	e2e_need_program(parser);
	profile_change(name, "-r");
	return name;
}

static struct bundle *confined(const char *name)
{
	struct bundle *b = bundle_new();

	bundle_file(b, "/secret", 0644, "secret");
	bundle_set(b, "/process/apparmorProfile", arena_printf(&e2e_arena, "'%s'", name));
	bundle_probe_args(b, "read", "/proc/self/attr/apparmor/current", "read", "/secret", "read",
			  "/proc/1/attr/apparmor/current", NULL);
	return b;
}

static void expect_confined(const struct output *got, const char *name)
{
	const char *label = arena_printf(&e2e_arena, "current=%s (enforce)", name);

	cr_assert_eq(got->status, 0, "%s%s", got->out, got->err);
	cr_expect(strstr(got->out, label), "%s", got->out);
	cr_expect(strstr(got->out, "read:/secret=EACCES"), "%s", got->out);
}

E2E(apparmor, profile_confines_the_program)
{
	const char *name = profile_load();
	struct bundle *b = confined(name);
	struct output got;

	bundle_run(b, &got);
	expect_confined(&got, name);
	bundle_set(b, "/process/noNewPrivileges", "false");
	bundle_run(b, &got);
	expect_confined(&got, name);
	profile_change(name, "-R");
}

E2E(apparmor, profile_is_that_of_exec_or_of_its_flag)
{
	const char *name = profile_load();
	struct bundle *b = confined(name);
	struct call run;
	struct output got;

	bundle_probe_args(b, "say", "here", "sleep", "20000", NULL);
	bundle_begin(b, &run, "run", "--bundle", b->path, b->id, NULL);
	bundle_await(&run, "here");
	bundle_call(b, &got, "exec", b->id, "/probe", "read", "/proc/self/attr/apparmor/current",
		    "read", "/secret", NULL);
	expect_confined(&got, name);
	bundle_call(b, &got, "exec", "--apparmor", "unconfined", b->id, "/probe", "read",
		    "/proc/self/attr/apparmor/current", NULL);
	cr_expect(strstr(got.out, "=unconfined"), "%s%s", got.out, got.err);
	bundle_call(b, &got, "kill", b->id, "KILL", NULL);
	bundle_finish(&run, &got);
	profile_change(name, "-R");
}

E2E(apparmor, profile_that_is_not_loaded_is_named)
{
	struct bundle *b = confined("no-such-profile");
	struct output got;

	e2e_need_root();
	bundle_run(b, &got);
	cr_expect_eq(got.status, 1);
	cr_expect(strstr(got.err, "AppArmor profile no-such-profile"), "%s", got.err);
	if (e2e_is_kist())
		cr_expect(strstr(got.err, has_apparmor() ? "apparmor_parser" : "this kernel"),
			  "%s", got.err);
}

E2E(selinux, label_without_selinux_is_an_error)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_root();
	if (access("/sys/fs/selinux/enforce", F_OK) == 0)
		e2e_skip("SELinux is on");
	bundle_set(b, "/process/selinuxLabel", "'system_u:system_r:container_t:s0'");
	bundle_run(b, &got);
	cr_expect_eq(got.status, 1);
	cr_expect(strstr(got.err, "SELinux label system_u:system_r:container_t:s0"), "%s", got.err);
	bundle_unset(b, "/process/selinuxLabel");
	bundle_set(b, "/linux/mountLabel", "'system_u:object_r:container_file_t:s0'");
	bundle_run(b, &got);
	cr_expect_eq(got.status, 1, "%s", got.err);
	cr_expect(strstr(got.err, "label"), "%s", got.err);
}
