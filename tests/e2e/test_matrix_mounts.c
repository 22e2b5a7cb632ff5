/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/sys.h"
#include "tests/e2e/matrix.h"

/*
 * Every mount option of the spec and its inverse, in mountinfo of the inside.
 * Each is tried on a bind of two file systems of the host, one below the other:
 * a plain one, and a strict one that has every flag already.
 */

#define STRICT	(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | \
		 MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOATIME | NOSYMFOLLOW)
enum { NOSYMFOLLOW = 0x00200000 };	/* MOUNT_ATTR_NOSYMFOLLOW: not in Debian 12's headers */

enum kind {
	FLAG,		/* has the word, on a plain source */
	NO_FLAG,	/* has it no longer, on a strict one */
	TMPFS,		/* has it as an option of a new file system */
	NO_TMPFS,	/* has it no longer, said behind its opposite */
	TAG,		/* has the tag of that propagation */
	UNSEEN,		/* cannot be seen in there, or is seen by a test of its own: see the word */
	RECURSIVE = 16,	/* beside one of them: for what lies below, too */
};

static const struct row {
	const char *option;
	int kind;
	const char *word;	/* in mountinfo, which has no other sign for the opposite */
} rows[] = {
	{ "ro", FLAG, "ro" }, { "rw", NO_FLAG, "ro" },
	{ "rro", FLAG | RECURSIVE, "ro" }, { "rrw", NO_FLAG | RECURSIVE, "ro" },
	{ "nosuid", FLAG, "nosuid" }, { "suid", NO_FLAG, "nosuid" },
	{ "rnosuid", FLAG | RECURSIVE, "nosuid" }, { "rsuid", NO_FLAG | RECURSIVE, "nosuid" },
	{ "nodev", FLAG, "nodev" }, { "dev", NO_FLAG, "nodev" },
	{ "rnodev", FLAG | RECURSIVE, "nodev" }, { "rdev", NO_FLAG | RECURSIVE, "nodev" },
	{ "noexec", FLAG, "noexec" }, { "exec", NO_FLAG, "noexec" },
	{ "rnoexec", FLAG | RECURSIVE, "noexec" }, { "rexec", NO_FLAG | RECURSIVE, "noexec" },
	{ "nodiratime", FLAG, "nodiratime" }, { "diratime", NO_FLAG, "nodiratime" },
	{ "rnodiratime", FLAG | RECURSIVE, "nodiratime" },
	{ "rdiratime", NO_FLAG | RECURSIVE, "nodiratime" },
	{ "noatime", FLAG, "noatime" }, { "atime", NO_FLAG, "noatime" },
	{ "rnoatime", FLAG | RECURSIVE, "noatime" }, { "ratime", NO_FLAG | RECURSIVE, "noatime" },
	{ "nosymfollow", FLAG, "nosymfollow" }, { "symfollow", NO_FLAG, "nosymfollow" },
	{ "rnosymfollow", FLAG | RECURSIVE, "nosymfollow" },
	{ "rsymfollow", NO_FLAG | RECURSIVE, "nosymfollow" },
	/* Of noatime, relatime and strictatime one is on; mountinfo has no word for the last. */
	{ "relatime", NO_FLAG, "noatime" }, { "rrelatime", NO_FLAG | RECURSIVE, "noatime" },
	{ "strictatime", NO_FLAG, "noatime" }, { "rstrictatime", NO_FLAG | RECURSIVE, "noatime" },
	{ "nostrictatime", NO_FLAG, "noatime" },
	{ "rnostrictatime", NO_FLAG | RECURSIVE, "noatime" },
	{ "norelatime", UNSEEN, "relatime is what the kernel does where nothing else is asked" },
	{ "rnorelatime", UNSEEN, "the same" },
	{ "sync", TMPFS, "sync" }, { "async", NO_TMPFS, "sync" },
	{ "rsync", TMPFS, "sync" }, { "rasync", NO_TMPFS, "sync" },
	{ "dirsync", TMPFS, "dirsync" }, { "rdirsync", TMPFS, "dirsync" },
	{ "mand", TMPFS, "mand" }, { "nomand", NO_TMPFS, "mand" },
	{ "rmand", TMPFS, "mand" }, { "rnomand", NO_TMPFS, "mand" },
	{ "lazytime", TMPFS, "lazytime" }, { "nolazytime", NO_TMPFS, "lazytime" },
	{ "iversion", UNSEEN, "no file system shows it" },
	{ "noiversion", UNSEEN, "no file system shows it" },
	{ "silent", UNSEEN, "about the kernel's log" }, { "loud", UNSEEN, "the same" },
	{ "private", TAG, "" }, { "rprivate", TAG | RECURSIVE, "" },
	{ "shared", TAG, "shared:" }, { "rshared", TAG | RECURSIVE, "shared:" },
	{ "slave", TAG, "master:" }, { "rslave", TAG | RECURSIVE, "master:" },
	{ "unbindable", TAG, "unbindable" }, { "runbindable", TAG | RECURSIVE, "unbindable" },
	{ "bind", UNSEEN, "on every row" }, { "rbind", UNSEEN, "on every row" },
	{ "remount", UNSEEN, "remount_changes_what_is_there" },
	{ "tmpcopyup", UNSEEN, "mounts::tmpcopyup_fills_a_tmpfs_with_what_was_there" },
	{ "idmap", UNSEEN, "e2e-matrix-ids" }, { "ridmap", UNSEEN, "e2e-matrix-ids" },
	{ "copy-symlink", UNSEEN, "links_are_copied_bound_or_followed_as_told" },
	{ "src-nofollow", UNSEEN, "links_are_copied_bound_or_followed_as_told" },
	{ "dest-nofollow", UNSEEN, "links_are_copied_bound_or_followed_as_told" },
	{ "defaults", UNSEEN, "means nothing" },
};

static const struct row *row_find(const char *option)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].option, option) == 0)
			return &rows[i];
	return NULL;
}

/* An option that is in kist's table alone has no row here, and fails this. */
E2E(matrix_mounts, each_option_of_features_is_tried_here)
{
	struct bundle *b = bundle_new();
	const struct json *list = json_find(matrix_features(b), "/mountOptions");
	size_t count = 0;

	JSON_EACH(item, list) {
		cr_expect_not_null(row_find(item->text), "%s", item->text);
		count++;
	}
	cr_expect_eq(count, ARRAY_SIZE(rows), "%zu options, %zu rows", count, ARRAY_SIZE(rows));
}

/* A file system with another below it. */
static const char *pair(struct bundle *b, const char *name, unsigned int attributes,
			unsigned long propagation)
{
	const char *path = arena_printf(&e2e_arena, "%s/%s", b->dir, name);
	struct mount_attr shape = {
		.attr_set = attributes,
		.attr_clr = attributes & MOUNT_ATTR__ATIME ? MOUNT_ATTR__ATIME : 0,
		.propagation = propagation,
	};

	cr_assert_eq(mkdir(path, 0755), 0);
	matrix_tmpfs(path);
	matrix_tmpfs(arena_printf(&e2e_arena, "%s/below", path));
	cr_assert_eq(sys_mount_setattr(AT_FDCWD, path, AT_RECURSIVE, &shape), 0, "%s",
		     strerror(errno));
	return path;
}

static void pair_end(const char *path)
{
	matrix_unmount(arena_printf(&e2e_arena, "%s/below", path));
	matrix_unmount(path);
}

/* One more mount, on /data and its number. */
static void add(struct bundle *b, size_t number, const char *source, const char *options)
{
	bundle_set(b, "/mounts/-",
		   arena_printf(&e2e_arena, "{'destination': '/data%zu', 'type': '%s', 'source': "
				"'%s', 'options': [%s]}", number, source ? "none" : "tmpfs",
				source ? source : "tmpfs", options));
}

static void see(const struct probe *seen, size_t number, struct probe_mount *ret,
		struct probe_mount *ret_below)
{
	const char *path = arena_printf(&e2e_arena, "/data%zu", number);

	cr_assert(probe_mount_find(seen, path, ret), "%s: %s", path, seen->text);
	if (ret_below != NULL)
		cr_assert(probe_mount_find(seen, arena_printf(&e2e_arena, "%s/below", path),
					   ret_below), "%s: %s", path, seen->text);
}

static bool is_flag(const struct row *row)
{
	return (row->kind & ~RECURSIVE) == FLAG || (row->kind & ~RECURSIVE) == NO_FLAG;
}

E2E(matrix_mounts, flags_are_set_and_taken_off_here_and_below)
{
	struct bundle *b = bundle_new();
	const char *plain, *strict;
	struct probe seen;

	e2e_need_root();
	plain = pair(b, "plain", 0, MS_PRIVATE);
	strict = pair(b, "strict", STRICT, MS_PRIVATE);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (is_flag(&rows[i]))
			add(b, i, (rows[i].kind & ~RECURSIVE) == FLAG ? plain : strict,
			    arena_printf(&e2e_arena, "'rbind', '%s'", rows[i].option));
	bundle_run_probe(b, &seen);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		bool has = (row->kind & ~RECURSIVE) == FLAG;
		struct probe_mount at, below;

		if (!is_flag(row))
			continue;
		see(&seen, i, &at, &below);
		cr_expect_eq(probe_option(at.options, row->word), has, "%s: %s", row->option,
			     at.options);
		cr_expect_eq(probe_option(below.options, row->word),
			     row->kind & RECURSIVE ? has : !has, "%s, below: %s", row->option,
			     below.options);
	}
	pair_end(plain);
	pair_end(strict);
}

E2E(matrix_mounts, the_last_of_contradicting_options_counts)
{
	static const struct { const char *options, *has, *lacks; } cases[] = {
		{ "'ro', 'rw'", "rw", "ro" }, { "'rw', 'ro'", "ro", "rw" },
		{ "'nosuid', 'suid'", "rw", "nosuid" }, { "'suid', 'nosuid'", "nosuid", "suid" },
		{ "'noatime', 'strictatime'", "rw", "relatime" },
		{ "'strictatime', 'relatime'", "relatime", "noatime" },
		{ "'strictatime', 'nostrictatime'", "relatime", "noatime" },
		{ "'noatime', 'atime'", "relatime", "noatime" },
		{ "'noexec', 'exec', 'noexec'", "noexec", "exec" },
	};
	struct bundle *b = bundle_new();
	struct probe_mount at;
	struct probe seen;

	e2e_need_root();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		add(b, i, NULL, cases[i].options);
	bundle_run_probe(b, &seen);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		see(&seen, i, &at, NULL);
		cr_expect(probe_option(at.options, cases[i].has), "%s: %s", cases[i].options,
			  at.options);
		cr_expect_not(probe_option(at.options, cases[i].lacks), "%s: %s", cases[i].options,
			      at.options);
	}
}

/* The word that it undoes, for those of the superblock. */
static const char *undone_by(const struct row *row)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].kind == TMPFS && strcmp(rows[i].word, row->word) == 0)
			return rows[i].option;
	return "defaults";
}

E2E(matrix_mounts, options_of_the_file_system_reach_it)
{
	struct bundle *b = bundle_new();
	struct probe_mount at;
	struct probe seen;

	e2e_need_root();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].kind == TMPFS)
			add(b, i, NULL, arena_printf(&e2e_arena, "'%s'", rows[i].option));
		else if (rows[i].kind == NO_TMPFS)
			add(b, i, NULL, arena_printf(&e2e_arena, "'%s', '%s'",
						     undone_by(&rows[i]), rows[i].option));
	bundle_run_probe(b, &seen);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];

		if (row->kind != TMPFS && row->kind != NO_TMPFS)
			continue;
		see(&seen, i, &at, NULL);
		cr_expect_eq(probe_option(at.super_options, row->word), row->kind == TMPFS,
			     "%s: %s", row->option, at.super_options);
	}
}

static void expect_tag(const char *option, const char *tags, const char *word)
{
	cr_expect_eq(strncmp(tags, word, strlen(word)), 0, "%s: %s", option, tags);
	cr_expect_eq(*word == '\0', *tags == '\0', "%s: %s", option, tags);
}

E2E(matrix_mounts, propagation_is_as_told_here_and_below)
{
	struct bundle *b = bundle_new();
	struct probe_mount at, below;
	struct probe seen;
	const char *shared;

	e2e_need_root();
	shared = pair(b, "shared", 0, MS_SHARED);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if ((rows[i].kind & ~RECURSIVE) == TAG)
			add(b, i, shared, arena_printf(&e2e_arena, "'rbind', '%s'",
						       rows[i].option));
	bundle_run_probe(b, &seen);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];

		if ((row->kind & ~RECURSIVE) != TAG)
			continue;
		see(&seen, i, &at, &below);
		expect_tag(row->option, at.tags, row->word);
		/* Where it is not told, what the root has: a slave. */
		expect_tag(row->option, below.tags, row->kind & RECURSIVE ? row->word : "master:");
	}
	pair_end(shared);
}

E2E(matrix_mounts, remount_changes_what_is_there)
{
	struct bundle *b = bundle_new();
	struct probe_mount at;
	struct output got;
	struct probe seen;

	e2e_need_root();
	bundle_set(b, "/mounts/-", "{'destination': '/data', 'type': 'tmpfs', 'source': 'x'}");
	bundle_set(b, "/mounts/-", "{'destination': '/data', 'type': 'tmpfs', 'source': 'x',"
		   " 'options': ['remount', 'ro', 'nosuid', 'size=4096k']}");
	bundle_run(b, &got);
	cr_assert_eq(got.status, 0, "%s", got.err);
	probe_parse(&seen, &e2e_arena, got.out);
	cr_assert(probe_mount_find(&seen, "/data", &at));
	cr_expect(probe_option(at.options, "ro") && probe_option(at.options, "nosuid"), "%s",
		  at.options);
	cr_expect(probe_option(at.super_options, "size=4096k"), "%s", at.super_options);
}

E2E(matrix_mounts, links_are_copied_bound_or_followed_as_told)
{
	struct bundle *b = bundle_new();
	const char *source = arena_printf(&e2e_arena, "%s/link", b->dir);
	struct output got;

	e2e_need_root();
	bundle_set(b, "/root/readonly", "false");
	bundle_file(b, "/real", 0644, "real");
	bundle_file(b, "/inner", 0644, "inner");
	cr_assert_eq(symlink("bundle/rootfs/real", source), 0);
	cr_assert_eq(symlink("inner", arena_printf(&e2e_arena, "%s/at-link", b->rootfs)), 0);
	bundle_set(b, "/mounts/-", arena_printf(&e2e_arena, "{'destination': '/copy', 'source': "
		   "'%s', 'options': ['bind', 'copy-symlink']}", source));
	bundle_set(b, "/mounts/-", arena_printf(&e2e_arena, "{'destination': '/followed', "
		   "'source': '%s', 'options': ['bind']}", source));
	bundle_set(b, "/mounts/-", arena_printf(&e2e_arena, "{'destination': '/at-link', "
		   "'source': '%s', 'options': ['bind', 'src-nofollow', 'dest-nofollow']}",
		   source));
	bundle_probe_args(b, "readlink", "/copy", "read", "/followed", "readlink", "/at-link",
			  "read", "/inner", NULL);
	bundle_run(b, &got);
	cr_expect_str_eq(got.out, "readlink:/copy=bundle/rootfs/real\nread:/followed=real\n"
			 "readlink:/at-link=bundle/rootfs/real\nread:/inner=inner\n", "%s",
			 got.err);
}

E2E(matrix_mounts, symlinks_are_not_followed_where_told)
{
	struct bundle *b = bundle_new();
	const char *plain;
	struct output got;

	e2e_need_root();
	plain = pair(b, "plain", 0, MS_PRIVATE);
	cr_assert_eq(symlink("below", arena_printf(&e2e_arena, "%s/link", plain)), 0);
	bundle_set(b, "/mounts/-", arena_printf(&e2e_arena, "{'destination': '/data', 'source': "
		   "'%s', 'options': ['rbind', 'nosymfollow']}", plain));
	bundle_probe_args(b, "open", "/data/link", "r", "open", "/data/below", "r", NULL);
	bundle_run(b, &got);
	cr_expect_str_eq(got.out, "open:/data/link=ELOOP\nopen:/data/below=0\n", "%s", got.err);
	pair_end(plain);
}

/*
 * Where mountinfo is sorted by the ids of mounts (Linux 6.8), a bind has its own only where a
 * process finds the way back from the host's mounts (6.11: init/bind.h).
 */
static bool order_is_to_be_had(void)
{
	int major = 0, minor = 0;
	struct utsname kernel;

	return uname(&kernel) == 0 && sscanf(kernel.release, "%d.%d", &major, &minor) == 2 &&
	       !(major == 6 && minor >= 8 && minor < 11);
}

E2E(matrix_mounts, stand_in_the_order_of_the_bundle)
{
	static const char *const order[] = {
		"/dev/shm", "/sys", "/1", "/1/below", "/2", "/3", "/3/below", "/4", "/4/below",
		"/5", "/6", "/6/below",
	};
	struct bundle *b = bundle_new();
	const char *plain, *before = NULL;
	struct probe_mount found;
	struct probe seen;

	e2e_need_root();
	if (!order_is_to_be_had())
		e2e_skip("mountinfo of this kernel is in another order");
	plain = pair(b, "plain", 0, MS_PRIVATE);
	for (char at = '1'; at <= '6'; at++)
		bundle_set(b, "/mounts/-", at == '2' || at == '5' ?
			   arena_printf(&e2e_arena, "{'destination': '/%c', 'type': 'tmpfs',"
					" 'source': 'x'}", at) :
			   arena_printf(&e2e_arena, "{'destination': '/%c', 'source': '%s',"
					" 'options': ['rbind', 'rro']}", at, plain));
	bundle_run_probe(b, &seen);
	pair_end(plain);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		const char *at = strstr(seen.text, arena_printf(&e2e_arena, " %s r", order[i]));

		cr_assert(probe_mount_find(&seen, order[i], &found), "%s", order[i]);
		cr_expect(at > before, "%s is too early:\n%s", order[i], seen.text);
		cr_expect(strchr("1346", order[i][1]) == NULL || probe_option(found.options, "ro"),
			  "%s: %s", order[i], found.options);
		before = at;
	}
}
