/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "rootfs-tools/tree/compare.h"
#include "rootfs-tools/tree/tree.h"
#include "rootfs-tools/tree/walk.h"
#include "rootfs-tools/tree/xattr.h"

static struct arena arena;
static struct error err;

static struct tree_node *put(struct tree *tree, const char *path, mode_t mode)
{
	struct tree_node *dir = tree->root;
	char name[256];

	for (;;) {
		size_t length = strcspn(path, "/");

		memcpy(name, path, length);
		name[length] = '\0';
		dir = tree_add_child(tree, dir, name, &err);
		cr_assert_not_null(dir);
		path += length;
		if (*path == '\0')
			break;
		path++;
		if (dir->inode == NULL) {
			dir->inode = ARENA_NEW(&arena, struct tree_inode);
			dir->inode->mode = S_IFDIR | 0755;
		}
	}
	dir->inode = ARENA_NEW(&arena, struct tree_inode);
	dir->inode->mode = mode;
	return dir;
}

static const char *listing(const struct tree *tree)
{
	struct text out = { .arena = &arena };

	text_add(&out, "");
	for (const struct tree_node *n = tree->root; n != NULL; n = tree_walk_next(tree->root, n))
		text_printf(&out, "%s%s ", tree_path(&arena, n), n->inode == NULL ? "!" : "");
	return out.data;
}

Test(tree, walks_by_name_whatever_the_order_of_adding)
{
	static const char *const names[] = { "b", "a/z", "c", "a/b/c", "a-", "a/B", "ab" };

	for (size_t from = 0; from < ARRAY_SIZE(names); from++) {
		struct tree tree;

		tree_init(&tree, &arena);
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			put(&tree, names[(from + i) % ARRAY_SIZE(names)], S_IFREG | 0644);
		cr_expect_str_eq(listing(&tree), " a a/B a/b a/b/c a/z a- ab b c ");
	}
}

Test(tree, holds_many_names_and_loses_them)
{
	struct tree tree;
	char name[16];
	size_t left = 0;

	tree_init(&tree, &arena);
	for (unsigned int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "%05u", i * 7919 % 20000);
		put(&tree, name, S_IFREG | 0644);
	}
	for (unsigned int i = 0; i < 20000; i += 2) {
		snprintf(name, sizeof(name), "%05u", i);
		tree_drop(tree_find_child(tree.root, name));
	}
	for (const struct tree_node *n = tree_first(tree.root), *last = NULL; n != NULL;
	     last = n, n = tree_next(tree.root, n), left++)
		cr_assert(last == NULL || strcmp(last->name, n->name) < 0);
	cr_expect_eq(left, 10000);
}

Test(tree, resolves_symlinks_inside_the_root)
{
	struct tree tree;
	struct tree_node *node;
	const char *rest;

	tree_init(&tree, &arena);
	put(&tree, "usr/lib/file", S_IFREG | 0644);
	put(&tree, "lib", S_IFLNK | 0777)->inode->target = "usr/lib";
	put(&tree, "out", S_IFLNK | 0777)->inode->target = "../../../usr";
	put(&tree, "usr/up", S_IFLNK | 0777)->inode->target = "/lib";
	put(&tree, "loop", S_IFLNK | 0777)->inode->target = "loop";
	cr_assert_eq(tree_resolve(&tree, "/lib/file", &node, &rest, &err), 0);
	cr_expect_str_eq(tree_path(&arena, node), "usr/lib/file");
	cr_assert_eq(tree_resolve(&tree, "out/up/new/name", &node, &rest, &err), 0);
	cr_expect_str_eq(tree_path(&arena, node), "usr/lib");
	cr_expect_str_eq(rest, "new/name");
	cr_assert_eq(tree_resolve(&tree, "../../usr/../..", &node, &rest, &err), 0);
	cr_expect_eq(node, tree.root);
	cr_expect_eq(tree_resolve(&tree, "loop/x", &node, &rest, &err), -1);
	cr_expect_eq(tree_resolve(&tree, "usr/lib/file/x", &node, &rest, &err), -1);
}

/* Who makes what is missing has room for a name, and a symlink may have a longer one. */
Test(tree, refuses_long_names_behind_what_is_there)
{
	char target[512] = "x/", name[256] = "x/";
	struct tree tree;
	struct tree_node *node;
	const char *rest;

	tree_init(&tree, &arena);
	memset(target + 2, 'y', 300);
	memset(name + 2, 'y', 253);
	put(&tree, "long", S_IFLNK | 0777)->inode->target = target;
	put(&tree, "fits", S_IFLNK | 0777)->inode->target = name;
	cr_expect_eq(tree_resolve(&tree, "long/file", &node, &rest, &err), -1);
	cr_expect_eq(err.code, ENAMETOOLONG);
	cr_expect_eq(tree_resolve(&tree, target, &node, &rest, &err), -1);
	cr_assert_eq(tree_resolve(&tree, "fits/file", &node, &rest, &err), 0);
	cr_expect_eq(strlen(rest), strlen(name) + strlen("/file"));
}

Test(tree, keeps_nothing_of_links_that_it_follows)
{
	char targets[39][4000], name[8];
	struct arena own = { 0 };
	const struct arena_block *block;
	struct tree_node *node;
	struct tree tree;
	const char *rest;

	tree_init(&tree, &own);
	put(&tree, "l39/file", S_IFREG | 0644);
	for (int i = 0; i < 39; i++) {
		memset(targets[i], '/', sizeof(targets[i]));
		snprintf(targets[i] + 3900, 100, "l%d", i + 1);
		snprintf(name, sizeof(name), "l%d", i);
		put(&tree, name, S_IFLNK | 0777)->inode->target = targets[i];
	}
	block = own.block;
	for (int i = 0; i < 100; i++)
		cr_assert_eq(tree_resolve(&tree, "l0/file", &node, &rest, &err), 0);
	cr_expect_str_eq(tree_path(&own, node), "l39/file");
	cr_expect_str_eq(rest, "");
	cr_expect_eq(own.block, block);
}

Test(tree, knows_masked_paths)
{
	static const char *const masks[] = { "/etc/", "var/log" };

	cr_expect(tree_is_masked(masks, 2, "etc"));
	cr_expect(tree_is_masked(masks, 2, "etc/passwd"));
	cr_expect(tree_is_masked(masks, 2, "var/log/a/b"));
	cr_expect_not(tree_is_masked(masks, 2, "etc2"));
	cr_expect_not(tree_is_masked(masks, 2, "var"));
	cr_expect_not(tree_is_masked(masks, 2, ""));
}

/* --- comparing --- */

static struct tree before, after, delta;

static void two_trees(void)
{
	tree_init(&before, &arena);
	tree_init(&after, &arena);
	tree_init(&delta, &arena);
	after.root->implied = before.root->implied = false;
}

Test(delta, is_empty_between_equals, .init = two_trees)
{
	put(&before, "a/b", S_IFREG | 0644);
	put(&after, "a/b", S_IFREG | 0644);
	cr_assert_eq(delta_make(&before, &after, &delta, &err), 0);
	cr_expect_str_eq(listing(&delta), " ");
}

Test(delta, has_what_changed_with_its_parents, .init = two_trees)
{
	put(&before, "same/file", S_IFREG | 0644);
	put(&after, "same/file", S_IFREG | 0644);
	put(&before, "a/b/mode", S_IFREG | 0644);
	put(&after, "a/b/mode", S_IFREG | 0600);
	put(&after, "new/dir/file", S_IFREG | 0600);
	put(&before, "gone/dir/file", S_IFREG | 0600);
	cr_assert_eq(delta_make(&before, &after, &delta, &err), 0);
	cr_expect_str_eq(listing(&delta), " a a/b a/b/mode gone! new new/dir new/dir/file ");
}

Test(delta, takes_a_file_for_a_directory_and_back, .init = two_trees)
{
	put(&before, "x/below", S_IFREG | 0644);
	put(&after, "x", S_IFREG | 0644);
	put(&before, "y", S_IFREG | 0644);
	put(&after, "y/below", S_IFREG | 0644);
	cr_assert_eq(delta_make(&before, &after, &delta, &err), 0);
	cr_expect_str_eq(listing(&delta), " x y y/below ");
}

Test(delta, has_all_names_of_a_file_or_none, .init = two_trees)
{
	put(&before, "a", S_IFREG | 0644);
	put(&before, "z", S_IFREG | 0644)->inode = tree_find(&before, "a")->inode;
	put(&after, "a", S_IFREG | 0644);
	put(&after, "z", S_IFREG | 0644)->inode = tree_find(&after, "a")->inode;
	put(&after, "m", S_IFREG | 0644)->inode = tree_find(&after, "a")->inode;
	put(&before, "other", S_IFREG | 0644);
	put(&after, "other", S_IFREG | 0644);
	cr_assert_eq(delta_make(&before, &after, &delta, &err), 0);
	cr_expect_str_eq(listing(&delta), " a m z ");
}

/* --- what a difference is --- */

static unsigned int seen;

static int see(struct compare *c _unused, const struct tree_node *a, const struct tree_node *b,
	       unsigned int what, struct error *e _unused)
{
	cr_assert(a != NULL && b != NULL);
	seen |= what;
	return 0;
}

Test(compare, names_what_differs, .init = two_trees)
{
	static const struct tar_xattr one = { "user.a", "1", 1 }, two = { "user.a", "2", 1 };
	struct tree_inode a = { .mode = S_IFREG | 0644, .size = 3, .digest = "aa" }, b;
	struct compare compare = { .arena = &arena, .look_at = COMPARE_ALL, .report = see };
	struct { struct tree_inode b; unsigned int what; } cases[] = {
		{ .b = a, .what = 0 },
		{ .b = a, .what = COMPARE_MODE },
		{ .b = a, .what = COMPARE_OWNER },
		{ .b = a, .what = COMPARE_CONTENT },
		{ .b = a, .what = COMPARE_SIZE | COMPARE_CONTENT },
		{ .b = a, .what = COMPARE_TIME },
		{ .b = a, .what = COMPARE_TYPE },
		{ .b = a, .what = COMPARE_XATTRS },
	};

	cases[1].b.mode = S_IFREG | 04644;
	cases[2].b.gid = 1;
	cases[3].b.digest = "bb";
	cases[4].b.size = 4;
	cases[5].b.mtime_ns = 1;
	cases[6].b.mode = S_IFIFO | 0644;
	a.xattrs = &one;
	a.xattr_count = 1;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		b = cases[i].b;
		b.xattrs = i == 7 ? &two : &one;
		b.xattr_count = 1;
		put(&before, "f", 0)->inode = &a;
		put(&after, "f", 0)->inode = &b;
		seen = 0;
		cr_assert_eq(tree_compare(&compare, &before, &after, &err), 0);
		cr_expect_eq(seen, cases[i].what, "case %zu: %x", i, seen);
	}
}

Test(xattr, of_the_machine_are_not_the_files)
{
	static const struct {
		const char *name;
		bool foreign, overlay;
	} rows[] = {
		{ "user.a", false, false },
		{ "security.capability", false, false },
		{ "system.posix_acl_access", false, false },
		{ "user.overlays", false, false },
		{ "security.selinux", true, false },
		{ "security.selinux2", false, false },
		{ "security.SMACK64EXEC", true, false },
		{ "security.ima", true, false },
		{ "system.nfs4_dacl", true, false },
		{ "com.apple.quarantine", true, false },
		{ "trusted.overlay.opaque", false, true },
		{ "user.overlay.redirect", false, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cr_expect_eq(xattr_is_foreign(rows[i].name), rows[i].foreign, "%s", rows[i].name);
		cr_expect_eq(xattr_is_overlay(rows[i].name), rows[i].overlay, "%s", rows[i].name);
	}
}
