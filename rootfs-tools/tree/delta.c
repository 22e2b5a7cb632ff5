/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/tree/compare.h"

struct delta {
	struct compare compare;
	const struct tree *to;
	struct tree *tree;		/* what comes out */
};

static int delta_add(struct delta *d, const struct tree_node *node, struct error *err)
{
	struct tree_node *added = tree_add_path(d->tree, node, err);

	if (added == NULL)
		return -1;
	added->implied = false;
	node->inode->wanted = true;
	return 0;
}

static int delta_add_all(struct delta *d, const struct tree_node *top, struct error *err)
{
	for (const struct tree_node *n = top; n != NULL; n = tree_walk_next(top, n))
		if (delta_add(d, n, err) < 0)
			return -1;
	return 0;
}

/* A node without an inode is a whiteout. */
static int delta_remove(struct delta *d, const struct tree_node *node, struct error *err)
{
	const char *dir_path = tree_path(d->tree->arena, node->parent);
	const struct tree_node *like = tree_find(d->to, dir_path);
	struct tree_node *dir = tree_add_path(d->tree, like, err);

	return dir != NULL && tree_add_child(d->tree, dir, node->name, err) != NULL ? 0 : -1;
}

static int delta_report(struct compare *c, const struct tree_node *a, const struct tree_node *b,
			unsigned int what, struct error *err)
{
	struct delta *d = (struct delta *)((char *)c - offsetof(struct delta, compare));

	if (b == NULL)
		return delta_remove(d, a, err);
	return a == NULL || what & COMPARE_TYPE ? delta_add_all(d, b, err) : delta_add(d, b, err);
}

int delta_make(struct tree *from, struct tree *to, struct tree *ret, struct error *err)
{
	struct delta d = {
		.compare = { .arena = ret->arena, .look_at = COMPARE_ALL, .report = delta_report },
		.to = to, .tree = ret,
	};

	ret->root->inode = to->root->inode;
	if (tree_compare(&d.compare, from, to, err) < 0)
		return -1;
	/*
	 * A hard link into a lower layer would be one to nothing where each layer is unpacked
	 * alone: with one name of a file all its names come.
	 */
	for (const struct tree_node *n = to->root; n != NULL; n = tree_walk_next(to->root, n))
		if (n->inode != NULL && n->inode->links > 1 && n->inode->wanted &&
		    delta_add(&d, n, err) < 0)
			return -1;
	return 0;
}
