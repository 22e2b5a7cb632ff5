/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/sys.h"
#include "tests/attack/attack.h"
#include "tests/attack/trouble.h"

/*
 * kist's side of "checkpoint" and "restore" under the engine, with a program that stands in for
 * CRIU (criu.c): each system call of kist fails once, and it is killed at each.  Where the command
 * says that it was done, it was; and "delete --force" leaves nothing in any case.
 */

enum stage { CHECKPOINT, RESTORE };

static const char *image(const struct attack *a)
{
	return arena_printf(&e2e_arena, "%s/image", a->bundle->dir);
}

static void run(const struct attack *a, enum stage stage, engine_decide *decide, void *context,
		struct engine_result *ret)
{
	const char *const checkpoint[] = { "checkpoint", "--image-path", image(a), a->bundle->id,
					   NULL };
	const char *const restore[] = { "restore",	"--detach", "--bundle",	   a->bundle->path,
					"--image-path", image(a),   a->bundle->id, NULL };

	attack_engine_call(a, stage == RESTORE ? restore : checkpoint, ENGINE_ALL, decide, context,
			   ret);
}

static bool is_good(const struct engine_result *result)
{
	return WIFEXITED(result->status) && WEXITSTATUS(result->status) == 0;
}

static void get_ready(const struct attack *a, enum stage stage)
{
	struct engine_result result;

	bundle_run_sleeper(a->bundle);
	if (stage == CHECKPOINT)
		return;
	run(a, CHECKPOINT, NULL, NULL, &result);
	cr_assert(is_good(&result), "before: %s", result.output);
}

static void expect_done(const struct attack *a, enum stage stage, const char *what)
{
	struct output got;

	bundle_call(a->bundle, &got, "state", a->bundle->id, NULL);
	if (stage == CHECKPOINT)
		cr_expect_neq(got.status, 0, "%s: still there: %s", what, got.out);
	else
		cr_expect(strstr(got.out, "\"status\": \"running\""), "%s: %s%s", what, got.out,
			  got.err);
}

static void clean_up(const struct attack *a, const char *what)
{
	attack_clean_up(a, what);
	attack_check(a, what);
	leak_remove_tree(image(a));
}

static void trouble_check(struct attack *a, enum stage stage, struct trouble *trouble)
{
	struct engine_result result;
	const char *what;

	attack_begin(a);
	get_ready(a, stage);
	run(a, stage, trouble_at, trouble, &result);
	what = arena_printf(&e2e_arena, "%s, errno %d", result.stopped_at, trouble->number);
	if (trouble->number != 0 && !trouble->vital) {
		cr_expect(WIFEXITED(result.status), "%s: died: %s", what, result.output);
		cr_expect(is_good(&result) || *result.output != '\0', "%s: no word", what);
	}
	if (is_good(&result))
		expect_done(a, stage, what);
	clean_up(a, what);
}

static void stage_check(enum stage stage, const struct trouble_list *list)
{
	struct attack a = attack_new();
	struct engine_result result;
	unsigned int stops, stride;

	if (attack_step() > 1)
		e2e_skip("needs forks that are not emulated");
	/* kist's own init is named in an image that only CRIU writes. */
	bundle_set(a.bundle, "/annotations", "{'org.kist.init': 'never'}");
	setenv("PATH", CRIU_DIRECTORY ":/usr/sbin:/usr/bin:/sbin:/bin", 1);
	attack_begin(&a);
	get_ready(&a, stage);
	run(&a, stage, NULL, NULL, &result);
	cr_assert(is_good(&result), "%s", result.output);
	expect_done(&a, stage, "without trouble");
	clean_up(&a, "without trouble");
	stops = result.stops;
	stride = attack_stride(stops, 16);
	for (unsigned int at = 0; at < stops; at += stride) {
		struct trouble trouble = trouble_of(list, at, stride);

		trouble_check(&a, stage, &trouble);
	}
	cr_log_info("%u stops", stops);
}

ATTACK(checkpoint, fault_in_checkpoint_is_told_and_nothing_stays)
{
	stage_check(CHECKPOINT, &trouble_faults);
}

ATTACK(checkpoint, killed_leaves_nothing_that_delete_does_not_find)
{
	stage_check(CHECKPOINT, &trouble_kills);
}

ATTACK(restore, fault_in_restore_is_told_and_nothing_stays)
{
	stage_check(RESTORE, &trouble_faults);
}

ATTACK(restore, killed_leaves_nothing_that_delete_does_not_find)
{
	stage_check(RESTORE, &trouble_kills);
}

/* CRIU knows a number alone, which may be another process' by the time it looks. */
ATTACK(checkpoint, ends_no_other_process_that_got_the_number)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct call call;
	pid_t pid;

	bundle_set(b, "/annotations", "{'org.kist.init': 'never'}");
	bundle_env(b, "PATH=" CRIU_DIRECTORY);
	bundle_env(b, "CRIU_HANDS_ON=1");
	bundle_run_sleeper(b);
	pid = (pid_t)strtol(bundle_pid(b), NULL, 10);
	bundle_begin(b, &call, "checkpoint", "--image-path",
		     arena_printf(&e2e_arena, "%s/image", b->dir), b->id, NULL);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 1, "%s", got.out);
	cr_expect_not_null(strstr(got.err, "container not running"), "%s", got.err);
	cr_expect_eq(waitpid(pid, NULL, WNOHANG), 0, "it was killed");
	bundle_destroy(b);
	cr_expect_eq(waitpid(pid, NULL, WNOHANG), 0, "it was killed by delete");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, __WALL);
}

/* --- what CRIU is told, for where it is not installed -------------------------- */

struct told {
	const char *flag, *line;
};

/* Fields of struct criu_opts in CRIU's rpc.proto. */
static const struct told of_both[] = {
	{ "--tcp-established", "5=1" },	  { "--ext-unix-sk", "4=1" },
	{ "--shell-job", "7=1" },	  { "--file-locks", "8=1" },
	{ "--lazy-pages", "48=1" },	  { "--auto-dedup", "16=1" },
	{ "--network-lock=skip", "64=3" }, { "--network-lock=nftables", "64=2" },
};
static const struct told of_modes[] = {
	{ "--manage-cgroups-mode=full", "34=4" },
	{ "--manage-cgroups-mode=strict", "34=5" },
	{ "--manage-cgroups-mode=ignore", "34=0" },
	{ "--manage-cgroups-mode=", "34=3" },
};
static const struct told of_checkpoint[] = {
	{ "--tcp-skip-in-flight", "46=1" },
	{ "--link-remap", "18=1" },
	{ "--page-server=127.0.0.1:9876", "11:  127.0.0.1  M" },
	{ "--parent-path=..", "14:..\n15=1" },
	{ "--leave-running", "3=1" },
};
static const struct told of_restore[] = {
	{ "--tcp-close", "52=1" },
	{ "--lsm-profile=apparmor:other", "53:apparmor:other" },
	{ "--lsm-mount-context=context", "63:context" },
};

static const char *hears(const struct bundle *b)
{
	return arena_printf(&e2e_arena, "%s/heard", b->dir);
}

static struct bundle *heard_new(void)
{
	struct bundle *b = bundle_new();

	bundle_set(b, "/annotations", "{'org.kist.init': 'never'}");
	bundle_env(b, "PATH=" CRIU_DIRECTORY);
	bundle_env(b, arena_printf(&e2e_arena, "CRIU_HEARS=%s", hears(b)));
	return b;
}

/* Between newlines, so that a line is a whole one. */
static const char *heard(const struct bundle *b)
{
	return arena_printf(&e2e_arena, "\n%s", e2e_file_text(hears(b)));
}

static bool is_heard(const struct bundle *b, const char *line)
{
	return strstr(heard(b), arena_printf(&e2e_arena, "\n%s\n", line)) != NULL;
}

static void call(struct bundle *b, const char *command, const char *flag)
{
	const char *path = arena_printf(&e2e_arena, "--image-path=%s/image", b->dir);
	struct output got;

	if (strcmp(command, "restore") == 0)
		bundle_call(b, &got, command, "--detach", path, "--bundle", b->path, flag, b->id,
			    NULL);
	else
		bundle_call(b, &got, command, path, flag, b->id, NULL);
	cr_assert_eq(got.status, 0, "%s %s: %s", command, flag, got.err);
}

static void expect_told(struct bundle *b, const char *command, const struct told *told,
			size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bundle_run_sleeper(b);
		call(b, "checkpoint",
		     strcmp(command, "checkpoint") == 0 ? told[i].flag : "--file-locks");
		if (strcmp(command, "restore") == 0)
			call(b, "restore", told[i].flag);
		cr_expect(is_heard(b, told[i].line), "%s %s: %s", command, told[i].flag, heard(b));
		bundle_destroy(b);
	}
}

static void expect_not_told(struct bundle *b, const struct told *told, size_t count)
{
	for (size_t i = 0; i < count; i++)
		cr_expect(!is_heard(b, told[i].line), "%s: %s", told[i].flag, heard(b));
}

/* Processes, root and log; scripts, and no network of its own; terminals. */
static const char *const always[] = { "12=1", "50=1", "38=1073741824", "9=4",
				      "51:/etc/criu/runc.conf" };

ATTACK(checkpoint, each_flag_is_what_criu_is_told)
{
	struct bundle *b = heard_new();

	expect_told(b, "checkpoint", of_both, ARRAY_SIZE(of_both));
	expect_told(b, "checkpoint", of_modes, ARRAY_SIZE(of_modes));
	expect_told(b, "checkpoint", of_checkpoint, ARRAY_SIZE(of_checkpoint));
	bundle_run_sleeper(b);
	call(b, "checkpoint", "--pre-dump");
	cr_expect(is_heard(b, "10:dump.log"), "%s", heard(b));
	call(b, "checkpoint", "--manage-cgroups-mode=soft");
	expect_not_told(b, of_both, ARRAY_SIZE(of_both));
	expect_not_told(b, of_checkpoint, ARRAY_SIZE(of_checkpoint));
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		cr_expect(is_heard(b, always[i]), "%s: %s", always[i], heard(b));
	cr_expect(is_heard(b, "34=3"), "%s", heard(b));
	cr_expect(is_heard(b, arena_printf(&e2e_arena, "13:%s", b->rootfs)), "%s", heard(b));
}

ATTACK(restore, each_flag_is_what_criu_is_told)
{
	struct bundle *b = heard_new();

	expect_told(b, "restore", of_both, ARRAY_SIZE(of_both));
	expect_told(b, "restore", of_restore, ARRAY_SIZE(of_restore));
	bundle_run_sleeper(b);
	call(b, "checkpoint", "--tcp-established");
	call(b, "restore", "--manage-cgroups-mode=soft");
	expect_not_told(b, of_both, ARRAY_SIZE(of_both));
	expect_not_told(b, of_restore, ARRAY_SIZE(of_restore));
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		cr_expect(is_heard(b, always[i]), "%s: %s", always[i], heard(b));
	/* A child of ours, whose root is a place of its own, and whose masks are made anew. */
	cr_expect(is_heard(b, "26=1") && is_heard(b, "6=1") && is_heard(b, "10:restore.log"), "%s",
		  heard(b));
	cr_expect_not_null(strstr(heard(b), "/root\n"), "%s", heard(b));
	cr_expect_not_null(strstr(heard(b), "/proc/kcore  /dev/null\n"), "%s", heard(b));
	bundle_destroy(b);
}
