/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <linux/filter.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/sys.h"
#include "init/hook.h"
#include "init/passwd.h"
#include "tests/kernel/child.h"
#include "tests/kernel/stage.h"

#define RUN(step)	step(&s->plan, &s->in, &s->err)

static void plan_args(struct stage *s, const char **args, size_t count)
{
	s->plan.process.args.items = args;
	s->plan.process.args.count = count;
}

static const struct {
	const char *name, *says;
} missing[] = {
	{ "nope", "exec: \"nope\": executable file not found in $PATH" },
	{ "/nope", "exec: \"/nope\": no such file or directory" },
	{ "./nope", "exec: \"./nope\": no such file or directory" },
	{ "/plain", "exec: \"/plain\": permission denied" },
	{ "/dir", "exec: \"/dir\": is a directory: permission denied" },
	{ "/proc/self/exe", "exec: \"/proc/self/exe\": too many levels of symbolic links" },
};

STAGE_TEST(exec, a_program_that_cannot_be_run_is_named)
{
	struct mount_plan *m = stage_mounts(s, 1);

	m->destination = "/proc";
	m->type = "proc";
	CHECK(RUN(step_mounts) == 0);
	stage_file(s, "/plain", "text");
	stage_dir(s, "/dir", 0755);
	for (size_t i = 0; i < ARRAY_SIZE(missing); i++) {
		const char *args[] = { missing[i].name };

		plan_args(s, args, 1);
		CHECK(RUN(step_program) < 0);
		CHECK(strcmp(s->err.text, missing[i].says) == 0);
	}
	return 0;
}

STAGE_TEST(exec, a_program_is_looked_for_in_its_own_path)
{
	const char *args[] = { "tool" }, *env[] = { "PATH=/none:/one:/two" };

	stage_file(s, "/one/tool", "not executable");
	stage_file(s, "/two/tool", "executable");
	CHECK(fchmodat(s->in.root_fd, "two/tool", 0755, 0) == 0);
	plan_args(s, args, 1);
	s->plan.process.env.items = env;
	s->plan.process.env.count = 1;
	CHECK(RUN(step_program) == 0);
	CHECK(strcmp(s->in.program, "/two/tool") == 0);
	return 0;
}

STAGE_TEST(exec, a_program_closed_to_the_user_is_refused)
{
	const char *args[] = { "/tool" };

	stage_file(s, "/tool", "executable");
	CHECK(fchmodat(s->in.root_fd, "tool", 0700, 0) == 0);
	plan_args(s, args, 1);
	CHECK(RUN(step_program) == 0);
	/* What the user may is asked of the kernel, by path, as execve will be. */
	CHECK(fchdir(s->in.root_fd) == 0 && chroot(".") == 0);
	s->plan.process.uid = 1000;
	FAILS_WITH(RUN(step_program), "exec: \"/tool\": permission denied");
	return 0;
}

/* Whichever of its two places it has. */
STAGE_TEST(exec, a_filter_that_cannot_be_loaded_starts_nothing)
{
	static struct sock_filter wrong = { .code = 0xffff };
	struct seccomp_plan seccomp = { .filter = { &wrong, 1 } };

	s->plan.seccomp = &seccomp;
	s->in.program = "/tool";
	FAILS_WITH(RUN(step_filter_early), "load the seccomp filter: invalid argument");
	s->plan.process.no_new_privileges = true;
	CHECK(RUN(step_filter_early) == 0);
	FAILS_WITH(RUN(step_exec), "load the seccomp filter: invalid argument");
	return 0;
}

STAGE_TEST(exec, home_comes_from_the_roots_own_passwd)
{
	const char *args[] = { "x" };

	stage_file(s, "/etc/passwd", "root:x:0:0::/root:/bin/sh\nu:x:1000:1000::/home/u:/bin/sh\n");
	plan_args(s, args, 1);
	s->plan.process.uid = 1000;
	CHECK(RUN(step_environment) == 0);
	CHECK(strcmp(s->in.envp[0], "HOME=/home/u") == 0 && s->in.envp[1] == NULL);
	CHECK(strcmp(s->in.argv[0], "x") == 0 && s->in.argv[1] == NULL);
	return 0;
}

static const struct {
	const char *text, *home;
} passwds[] = {
	{ "a:x:5:5::/h:/s\n", "/h" },		{ "a:x:5:5::/h:/s", "/h" },
	{ "a:x:6:5::/h:/s\n", NULL },		{ "a:x:5:5::h:/s\n", NULL },
	{ "a:x:05a:5::/h:/s\n", NULL },		{ "a:x:5:5:/h:/s\n", NULL },
	{ "a:x:5:5::/h:/s:more\n", NULL },	{ "\n:\n::::::\na:x:5:5::/h:\n", "/h" },
	{ "", NULL },				{ "a:x:99999999999999999999:5::/h:/s\n", NULL },
};

Test(passwd, takes_only_lines_that_are_well_formed)
{
	struct arena arena = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(passwds); i++) {
		const char *home = passwd_home_parse(passwds[i].text, 5, &arena);

		if (passwds[i].home == NULL)
			cr_expect_null(home, "%s", passwds[i].text);
		else
			cr_expect_str_eq(home, passwds[i].home, "%s", passwds[i].text);
	}
	arena_free(&arena);
}

STAGE_TEST(exec, home_of_a_hostile_passwd_is_the_root)
{
	CHECK(mkdirat(s->in.root_fd, "etc", 0755) == 0);
	CHECK(mknodat(s->in.root_fd, "etc/passwd", S_IFIFO | 0666, 0) == 0);
	CHECK(strcmp(passwd_home(s->in.root_fd, 0, &s->arena), "/") == 0);
	return 0;
}

STAGE_TEST(exec, the_working_directory_is_made_and_is_inside)
{
	char where[64];

	CHECK(RUN(step_pivot) == 0);
	s->plan.process.cwd = "/a/b";
	CHECK(RUN(step_directory) == 0);
	CHECK(getcwd(where, sizeof(where)) != NULL && strcmp(where, "/a/b") == 0);
	stage_link(s, "../../../..", "/up");
	s->plan.process.cwd = "/up/up";
	CHECK(RUN(step_directory) == 0);
	CHECK(getcwd(where, sizeof(where)) != NULL && strcmp(where, "/") == 0);
	return 0;
}

STAGE_TEST(exec, a_leaked_directory_is_no_working_directory)
{
	struct mount_plan *m = stage_mounts(s, 1);
	int leaked = open("/etc", O_RDONLY | O_DIRECTORY);

	m->destination = "/proc";
	m->type = "proc";
	CHECK(RUN(step_mounts) == 0 && RUN(step_pivot) == 0);
	for (int up = 0; up < 3; up++) {
		s->plan.process.cwd = arena_printf(&s->arena, "/proc/self/fd/%d%s", leaked,
						   up == 2 ? "/../.." : up == 1 ? "/.." : "");
		FAILS_WITH(RUN(step_directory), "chdir");
	}
	return 0;
}

/* --- hooks ---------------------------------------------------------------------------- */

static const struct {
	const char *script;
	uint64_t timeout;
	const char *says;	/* NULL: it succeeds */
} hooks[] = {
	{ "exit 0", 0, NULL },
	{ "read line; test \"$line\" = '{\"id\":1}'", 60, NULL },
	{ "exit 7", 0, "hook /bin/sh: exit status 7 after " },
	{ "echo why; echo because >&2; exit 1", 0, "us: why because" },
	{ "kill -9 $$", 0, "killed by signal 9" },
	{ "exec sleep 60", 1, "no end after 1 seconds" },
	{ "echo stuck; exec sleep 60", 1, "no end after 1 seconds: stuck" },
	{ "test -z \"$HOOK_LEAK\"", 0, NULL },
	{ "test \"$(ls /proc/self/fd | wc -l)\" -le 4", 0, NULL },
};

STAGE_TEST(hook, is_given_the_state_and_its_failure_is_told)
{
	const char *env[] = { "PATH=/usr/bin:/bin" };

	setenv("HOOK_LEAK", "1", 1);
	if (open("/etc/passwd", O_RDONLY) < 0)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		const char *args[] = { "sh", "-c", hooks[i].script };
		struct hook_plan hook = {
			.path = "/bin/sh",
			.args = { args, 3 },
			.env = { env, 1 },
			.timeout = { hooks[i].timeout != 0, hooks[i].timeout },
		};
		int rc = hook_run(&hook, "/", "{\"id\":1}", &s->err);

		/* On a loaded machine it may be too late with what it says, too. */
		for (int tries = 0; tries < 10 && rc < 0 && hooks[i].timeout == 1 &&
				    strstr(s->err.text, hooks[i].says) == NULL;
		     tries++)
			rc = hook_run(&hook, "/", "{\"id\":1}", &s->err);

		CHECK((rc == 0) == (hooks[i].says == NULL));
		CHECK(rc == 0 || strstr(s->err.text, hooks[i].says) != NULL);
	}
	return 0;
}

/* A pipe holds 64 KiB: to write more of the state must not wait for who does not read it. */
STAGE_TEST(hook, that_reads_nothing_of_a_long_state_ends_in_time)
{
	const char *args[] = { "sleep", "60" };
	struct hook_plan hook = { .path = "/bin/sleep",
				  .args = { .items = args, .count = 2 },
				  .timeout = { true, 1 } };
	char *state = arena_alloc(&s->arena, 1 << 20);
	const int64_t began = clock_ms();

	memset(state, ' ', (1 << 20) - 1);
	state[(1 << 20) - 1] = '\0';
	FAILS_WITH(hook_run(&hook, "/", state, &s->err), "no end after 1 seconds");
	CHECK(clock_ms() - began < 50000);
	return 0;
}

STAGE_TEST(hook, that_is_not_there_is_named)
{
	struct hook_plan hook = { .path = "/no/such/hook" };

	FAILS_WITH(hook_run(&hook, NULL, "{}", &s->err),
		   "hook /no/such/hook: exec: no such file or directory");
	return 0;
}
