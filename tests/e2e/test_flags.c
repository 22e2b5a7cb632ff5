/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tests/e2e/harness.h"

/*
 * Every flag of runc's and crun's columns in docs/contracts.md, in every spelling that
 * callers use.  --help behind it: then all is parsed, and nothing is done.
 */
static const struct flag {
	const char *command;	/* NULL: in front of the command, too */
	const char *name;
	char letter;
	const char *value;	/* NULL: a switch */
} flags[] = {
	{ NULL, "root", 0, "/tmp/x" }, { NULL, "log", 0, "/dev/null" },
	{ NULL, "log-format", 0, "json" }, { NULL, "log-format", 0, "text" },
	{ NULL, "debug", 0, NULL }, { NULL, "log-level", 0, "debug" },
	{ NULL, "log-level", 0, "warning" }, { NULL, "log-level", 0, "error" },
	{ NULL, "systemd-cgroup", 0, NULL }, { NULL, "cgroup-manager", 0, "cgroupfs" },
	{ NULL, "cgroup-manager", 0, "systemd" }, { NULL, "cgroup-manager", 0, "disabled" },
	{ NULL, "rootless", 0, "true" }, { NULL, "rootless", 0, "false" },
	{ NULL, "rootless", 0, "auto" },
	{ "create", "bundle", 'b', "." }, { "create", "console-socket", 0, "/s" },
	{ "create", "pid-file", 0, "/p" }, { "create", "no-pivot", 0, NULL },
	{ "create", "no-new-keyring", 0, NULL }, { "create", "preserve-fds", 0, "3" },
	{ "create", "pidfd-socket", 0, "/s" }, { "create", "config", 'f', "c.json" },
	{ "create", "no-subreaper", 0, NULL },
	{ "run", "bundle", 'b', "." }, { "run", "console-socket", 0, "/s" },
	{ "run", "pid-file", 0, "/p" }, { "run", "no-pivot", 0, NULL },
	{ "run", "no-new-keyring", 0, NULL }, { "run", "preserve-fds", 0, "3" },
	{ "run", "pidfd-socket", 0, "/s" }, { "run", "config", 'f', "c.json" },
	{ "run", "detach", 'd', NULL }, { "run", "keep", 0, NULL },
	{ "run", "no-subreaper", 0, NULL },
	{ "kill", "all", 'a', NULL }, { "kill", "regex", 'r', NULL },
	{ "delete", "force", 'f', NULL }, { "delete", "regex", 'r', NULL },
	{ "exec", "process", 'p', "p.json" }, { "exec", "detach", 'd', NULL },
	{ "exec", "pid-file", 0, "/p" }, { "exec", "console-socket", 0, "/s" },
	{ "exec", "tty", 't', NULL }, { "exec", "preserve-fds", 0, "1" },
	{ "exec", "cwd", 0, "/" }, { "exec", "env", 'e', "A=b,c" },
	{ "exec", "user", 'u', "1:2" }, { "exec", "additional-gids", 'g', "3" },
	{ "exec", "process-label", 0, "l" }, { "exec", "apparmor", 0, "p" },
	{ "exec", "no-new-privs", 0, NULL }, { "exec", "cap", 'c', "CAP_KILL" },
	{ "exec", "cgroup", 0, "/c" }, { "exec", "ignore-paused", 0, NULL },
	{ "exec", "pidfd-socket", 0, "/s" },
	{ "list", "format", 'f', "json" }, { "list", "quiet", 'q', NULL },
	{ "ps", "format", 'f', "json" },
	{ "update", "resources", 'r', "-" }, { "update", "blkio-weight", 0, "10" },
	{ "update", "cpu-period", 0, "1" }, { "update", "cpu-quota", 0, "-1" },
	{ "update", "cpu-burst", 0, "1" }, { "update", "cpu-share", 0, "2" },
	{ "update", "cpu-rt-period", 0, "1" }, { "update", "cpu-rt-runtime", 0, "1" },
	{ "update", "cpu-idle", 0, "1" }, { "update", "cpuset-cpus", 0, "0-3,7" },
	{ "update", "cpuset-mems", 0, "0" }, { "update", "memory", 0, "-1" },
	{ "update", "memory-reservation", 0, "1" }, { "update", "memory-swap", 0, "-1" },
	{ "update", "kernel-memory", 0, "1" }, { "update", "kernel-memory-tcp", 0, "1" },
	{ "update", "pids-limit", 0, "-1" }, { "update", "l3-cache-schema", 0, "L3:0=f" },
	{ "update", "mem-bw-schema", 0, "MB:0=9" },
	{ "events", "stats", 0, NULL }, { "events", "interval", 0, "5s" },
	{ "spec", "bundle", 'b', "." }, { "spec", "rootless", 0, NULL },
	{ "checkpoint", "image-path", 0, "/i" }, { "checkpoint", "work-path", 0, "/w" },
	{ "checkpoint", "parent-path", 0, "../p" }, { "checkpoint", "leave-running", 0, NULL },
	{ "checkpoint", "tcp-established", 0, NULL },
	{ "checkpoint", "tcp-skip-in-flight", 0, NULL }, { "checkpoint", "link-remap", 0, NULL },
	{ "checkpoint", "ext-unix-sk", 0, NULL }, { "checkpoint", "shell-job", 0, NULL },
	{ "checkpoint", "lazy-pages", 0, NULL }, { "checkpoint", "status-fd", 0, "-1" },
	{ "checkpoint", "page-server", 0, "127.0.0.1:9876" },
	{ "checkpoint", "file-locks", 0, NULL }, { "checkpoint", "pre-dump", 0, NULL },
	{ "checkpoint", "manage-cgroups-mode", 0, "soft" },
	{ "checkpoint", "empty-ns", 0, "network" }, { "checkpoint", "auto-dedup", 0, NULL },
	{ "checkpoint", "network-lock", 0, "skip" },
	{ "restore", "bundle", 'b', "." }, { "restore", "console-socket", 0, "/s" },
	{ "restore", "image-path", 0, "/i" }, { "restore", "work-path", 0, "/w" },
	{ "restore", "tcp-established", 0, NULL }, { "restore", "ext-unix-sk", 0, NULL },
	{ "restore", "shell-job", 0, NULL }, { "restore", "file-locks", 0, NULL },
	{ "restore", "manage-cgroups-mode", 0, "full" }, { "restore", "detach", 'd', NULL },
	{ "restore", "pid-file", 0, "/p" }, { "restore", "no-subreaper", 0, NULL },
	{ "restore", "no-pivot", 0, NULL }, { "restore", "empty-ns", 0, "network" },
	{ "restore", "auto-dedup", 0, NULL }, { "restore", "lazy-pages", 0, NULL },
	{ "restore", "lsm-profile", 0, "apparmor:p" },
	{ "restore", "lsm-mount-context", 0, "c" }, { "restore", "tcp-close", 0, NULL },
	{ "restore", "network-lock", 0, "nftables" },
};

static void expect_parsed(struct bundle *b, const struct flag *f, const char *first,
			  const char *second)
{
	const char *command = f->command != NULL ? f->command : "state";
	struct output got;

	bundle_call_plain(b, &got, command, first, second != NULL ? second : "--help", "--help",
			  NULL);
	cr_expect_eq(got.status, 0, "%s %s %s: %s", command, first, second != NULL ? second : "",
		     got.err);
	cr_expect_eq(strncmp(got.out, "kist ", 5), 0, "%s %s: %s", command, first, got.out);
}

static void try_spellings(struct bundle *b, const struct flag *f)
{
	static const char *const dashes[] = { "--", "-" };

	for (size_t i = 0; i < ARRAY_SIZE(dashes); i++) {
		const char *word = arena_printf(&e2e_arena, "%s%s", dashes[i], f->name);

		if (f->value == NULL) {
			expect_parsed(b, f, word, NULL);
			expect_parsed(b, f, arena_printf(&e2e_arena, "%s=true", word), NULL);
			continue;
		}
		expect_parsed(b, f, word, f->value);
		expect_parsed(b, f, arena_printf(&e2e_arena, "%s=%s", word, f->value), NULL);
	}
	if (f->letter == 0)
		return;
	expect_parsed(b, f, arena_printf(&e2e_arena, "-%c", f->letter), f->value);
	if (f->value != NULL)
		expect_parsed(b, f, arena_printf(&e2e_arena, "-%c=%s", f->letter, f->value), NULL);
}

E2E(flags, of_runc_and_crun_are_understood_in_every_spelling)
{
	struct bundle *b = bundle_new();

	e2e_need_kist();
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		try_spellings(b, &flags[i]);
}

E2E(flags, may_stand_behind_the_id)
{
	struct bundle *b = bundle_new();

	e2e_need_kist();
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		const struct flag *f = &flags[i];
		const char *word = arena_printf(&e2e_arena, "--%s%s%s", f->name,
						f->value != NULL ? "=" : "",
						f->value != NULL ? f->value : "");

		/* What stands behind their ids belongs to the program, or to ps. */
		if (f->command == NULL || strcmp(f->command, "exec") == 0 ||
		    strcmp(f->command, "ps") == 0)
			continue;
		expect_parsed(b, f, "some-id", word);
	}
}

E2E(flags, that_are_global_stand_in_front_of_the_command)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	for (size_t i = 0; i < ARRAY_SIZE(flags) && flags[i].command == NULL; i++) {
		const char *word = arena_printf(&e2e_arena, "--%s", flags[i].name);

		if (flags[i].value != NULL)
			bundle_call_plain(b, &got, word, flags[i].value, "state", "--help", NULL);
		else
			bundle_call_plain(b, &got, word, "state", "--help", NULL);
		cr_expect_eq(got.status, 0, "%s: %s", word, got.err);
	}
}
