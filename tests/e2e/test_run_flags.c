/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/text.h"
#include "tests/e2e/harness.h"

/* "run --rootfs DIR ... -- COMMAND": no config.json, every flag with its effect inside. */

/* One flag, what the probe does, and a line that it tells then. */
static const struct {
	const char *flag, *value, *key, *text;
} flags[] = {
	{ "--hostname", "lighthouse", "hostname", "lighthouse" },
	{ "--env", "GREETING=hello", "env", "GREETING=hello" },
	{ "--user", "1000:1001", "uid", "1000" },
	{ "--user", "1000:1001", "gid", "1001" },
	{ "--cwd", "/proc", "cwd", "/proc" },
	{ "--group-add", "4711", "groups", "4711" },
	{ "--ulimit", "nofile=77:88", "rlimit.NOFILE", "77 88" },
	{ "--ulimit", "core=0", "rlimit.CORE", "0 0" },
	{ "--init", "never", "pid", "1" },
	{ "--init", "always", "ppid", "1" },
};

E2E(run_flags, have_their_effect_inside)
{
	e2e_need_kist();
	e2e_need_root();
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct bundle *b = bundle_new();
		struct output got;
		struct probe seen;
		const char *line = arena_printf(&e2e_arena, "%s=%s", flags[i].key, flags[i].text);

		bundle_call(b, &got, "run", "--rootfs", b->rootfs, flags[i].flag, flags[i].value,
			    b->id, "--", "/probe", "report", NULL);
		cr_assert_eq(got.status, 0, "%s: %s", flags[i].flag, got.err);
		probe_parse(&seen, &e2e_arena, got.out);
		cr_expect(probe_has(&seen, line), "%s %s: no %s", flags[i].flag, flags[i].value,
			  line);
	}
}

E2E(run_flags, mounts_reach_the_program)
{
	struct bundle *b = bundle_new();
	struct probe_mount mount;
	struct output got;
	struct probe seen;

	e2e_need_kist();
	e2e_need_root();
	bundle_call(b, &got, "run", "--rootfs", b->rootfs, "--tmpfs", "/scratch:size=1m",
		    "--mount", arena_printf(&e2e_arena, "%s:/here:ro", b->dir), "--read-only",
		    "--", "/probe", "report", NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	probe_parse(&seen, &e2e_arena, got.out);
	cr_assert(probe_mount_find(&seen, "/scratch", &mount));
	cr_expect_str_eq(mount.type, "tmpfs");
	cr_assert(probe_mount_find(&seen, "/here", &mount));
	cr_expect(probe_option(mount.options, "ro"), "%s", mount.options);
	cr_assert(probe_mount_find(&seen, "/", &mount));
	cr_expect(probe_option(mount.options, "ro"), "%s", mount.options);
}

E2E(run_flags, a_device_comes_with_the_right_that_was_named)
{
	struct bundle *b = bundle_new();
	const char *path = arena_printf(&e2e_arena, "%s/log", b->dir);
	struct output got;

	e2e_need_kist();
	e2e_need_root();
	/* /dev/kmsg: who writes alone needs no capability. */
	cr_assert_eq(mknod(path, S_IFCHR | 0640, makedev(1, 11)), 0);
	cr_assert_eq(chmod(path, 0640), 0);
	bundle_call(b, &got, "run", "--rootfs", b->rootfs, "--device",
		    arena_printf(&e2e_arena, "%s:/dev/log:w", path), "--", "/probe", "stat",
		    "/dev/log", "open", "/dev/log", "w", "open", "/dev/log", "rw", NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	cr_expect_not_null(strstr(got.out, "stat:/dev/log=c 0640 0:0 1:11"), "%s", got.out);
	cr_expect_not_null(strstr(got.out, "open:/dev/log=0\nopen:/dev/log=EPERM\n"), "%s",
			   got.out);
}

E2E(run_flags, a_kernel_parameter_is_that_of_its_namespace)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	e2e_need_root();
	bundle_call(b, &got, "run", "--rootfs", b->rootfs, "--sysctl", "kernel.shmmni=1234", "--",
		    "/probe", "read", "/proc/sys/kernel/shmmni", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_not_null(strstr(got.out, "1234"), "%s", got.out);
}

E2E(run_flags, capabilities_come_and_go)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct probe seen;

	e2e_need_kist();
	e2e_need_root();
	bundle_call(b, &got, "run", "--rootfs", b->rootfs, "--cap-drop", "all", "--cap-add",
		    "NET_RAW", "--", "/probe", "report", NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	probe_parse(&seen, &e2e_arena, got.out);
	cr_expect_eq(seen.cap_bounding, (uint64_t)1 << 13);
	cr_expect_eq(seen.cap_effective, (uint64_t)1 << 13);
}

E2E(run_flags, a_user_holds_the_capabilities_that_were_added)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct probe seen;

	e2e_need_kist();
	e2e_need_root();
	bundle_call(b, &got, "run", "--rootfs", b->rootfs, "--user", "1000", "--cap-add", "NET_RAW",
		    "--", "/probe", "report", NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	probe_parse(&seen, &e2e_arena, got.out);
	cr_expect_eq(seen.cap_effective, (uint64_t)1 << 13);
	cr_expect_eq(seen.cap_ambient, (uint64_t)1 << 13);
}

E2E(run_flags, exit_status_is_the_programs)
{
	static const struct { const char *action, *value; int status; } ends[] = {
		{ "exit", "0", 0 }, { "exit", "7", 7 }, { "exit", "255", 255 },
		{ "die", "9", 128 + 9 }, { "die", "15", 128 + 15 },
	};

	e2e_need_kist();
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		bundle_call(b, &got, "run", "--rootfs", b->rootfs, "--", "/probe", ends[i].action,
			    ends[i].value, NULL);
		cr_expect_eq(got.status, ends[i].status, "%s %s: %d %s", ends[i].action,
			     ends[i].value, got.status, got.err);
	}
}

/* Words of "run" that contradict each other, or would be passed over. */
static const struct { const char *args[5], *says; } contradictions[] = {
	{ { "--bundle", "B", "--memory=5M", "ID" },
	  "--memory=5M: is for --rootfs and images: a bundle says that in its config.json" },
	{ { "--bundle", "B", "--overlay=x", "ID" }, "--overlay=x: is for images alone" },
	{ { "--rootfs", "R", "--copy", "ID" }, "--copy: is for images alone" },
	{ { "--rootfs", "R", "--bundle", "B", "ID" },
	  "--image, --rootfs and --bundle or --config: one of them" },
	{ { "--image", "R", "--config", "B" },
	  "--image, --rootfs and --bundle or --config: one of them" },
	{ { "--rootfs", "R", "/probe" },
	  "unexpected argument /probe: \"--\" stands in front of the command" },
	{ { "B" }, "B is a bundle: \"kist run --bundle B ID\" runs it" },
};

static const char *place(struct bundle *b, const char *word)
{
	if (word == NULL)
		return NULL;
	if (strcmp(word, "B") == 0)
		return b->path;
	return strcmp(word, "R") == 0 ? b->rootfs : strcmp(word, "ID") == 0 ? b->id : word;
}

E2E(run_flags, that_would_say_nothing_are_refused)
{
	e2e_need_kist();
	for (size_t i = 0; i < ARRAY_SIZE(contradictions); i++) {
		const char *const *args = contradictions[i].args, *says = contradictions[i].says;
		struct bundle *b = bundle_new();
		struct output got;

		if (strncmp(says, "B is", 4) == 0)
			says = arena_printf(&e2e_arena, "%s is a bundle: \"kist run --bundle %s ID",
					    b->path, b->path);
		bundle_call(b, &got, "run", place(b, args[0]), place(b, args[1]),
			    place(b, args[2]), place(b, args[3]), place(b, args[4]), NULL);
		cr_expect_eq(got.status, 1, "%s", says);
		cr_expect_not_null(strstr(got.err, says), "%s: %s", says, got.err);
	}
}

/* In a directory without a config.json an id may be the name of what was meant. */
E2E(run_flags, an_id_that_is_a_file_here_is_told)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	b->cwd = b->rootfs;
	bundle_call(b, &got, "run", "probe", NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "run probe: there is no config.json here, but probe: "
					   "\"kist run ./probe\" runs it as an image"),
			   "%s", got.err);
	bundle_call(b, &got, "run", "alpine", NULL);
	cr_expect_not_null(strstr(got.err, ": docker://alpine is one in a registry"), "%s",
			   got.err);
	bundle_call(b, &got, "run", "alpine", "--", "sh", NULL);
	cr_expect_not_null(strstr(got.err, "as docker://NAME"), "%s", got.err);
}

E2E(run_flags, wrong_values_name_the_flag)
{
	static const struct {
		const char *flag, *value, *says;
	} wrong[] = {
		{ "--memory", "lots", "--memory" },
		{ "--cpus", "-2", "--cpus" },
		{ "--cap-add", "FLY", "--cap-add" },
		{ "--user", "somebody", "--user" },
		{ "--net", "bridge", "--net" },
		{ "--init", "perhaps", "--init" },
		{ "--init-grace", "soon", "--init-grace" },
		{ "--mount", "nothing", "--mount" },
		{ "--device", "/dev/none", "--device" },
		{ "--sysctl", "nothing", "--sysctl" },
		{ "--ulimit", "files=1", "--ulimit" },
		{ "--group-add", "wheel", "--group-add" },
	};

	e2e_need_kist();
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		bundle_call(b, &got, "run", "--rootfs", b->rootfs,
			    arena_printf(&e2e_arena, "%s=%s", wrong[i].flag, wrong[i].value),
			    b->id, "--", "/probe", NULL);
		cr_expect_eq(got.status, 1, "%s", wrong[i].flag);
		cr_expect_not_null(strstr(got.err, wrong[i].says), "%s: %s", wrong[i].flag,
				   got.err);
	}
}

E2E(run_flags, strict_refuses_an_unknown_property)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_set(b, "/process/argz", "[]");
	bundle_run(b, &got);
	cr_expect_eq(got.status, 0, "the spec: unknown properties are ignored: %s", got.err);
	bundle_call(b, &got, "run", "--strict", "--bundle", b->path, b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "args"), "%s", got.err);
	bundle_call(b, &got, "check", b->path, NULL);
	cr_expect_not_null(strstr(got.out, "argz"), "%s", got.out);
}

E2E(run_flags, detached_returns_and_keeps_running)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_run_sleeper(b);
	bundle_call(b, &got, "state", b->id, NULL);
	cr_expect_not_null(strstr(got.out, "\"running\""), "%s", got.out);
	bundle_call(b, &got, "delete", "-f", b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
}

E2E(run_flags, keep_leaves_a_stopped_container)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_call(b, &got, "run", "--keep", "--bundle", b->path, b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "state", b->id, NULL);
	cr_expect_not_null(strstr(got.out, "\"stopped\""), "%s", got.out);
	if (e2e_is_kist())
		bundle_call(b, &got, "gc", NULL);
	bundle_call(b, &got, "delete", b->id, NULL);
	cr_expect_eq(got.status, 0, "gc took what --keep kept: %s", got.err);
}
