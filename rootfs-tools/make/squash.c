/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/make/squash.h"

#include <sys/stat.h>

#include "rootfs-tools/tree/compare.h"
#include "rootfs-tools/tree/layer.h"

/*
 * The order in the tar: directories and what has no data, by name; files in the order of the old
 * layers, for these can only be read from front to back; then further names of all.
 */
struct squasher {
	struct tree_reader reader;
	struct layer_writer *layer;
	struct arena *arena;
};

static int squash_file(struct tree_reader *reader, struct tree_inode *inode, struct error *err)
{
	struct squasher *s = (struct squasher *)reader;

	return layer_write_node(s->layer, inode->first, NULL, err);
}

static int squash_data(struct tree_reader *reader, const void *data, size_t size, struct error *err)
{
	return tar_write_data(&((struct squasher *)reader)->layer->tar, data, size, err);
}

static bool is_later_name(const struct tree_node *node)
{
	return node->inode != NULL && node->inode->first != node;
}

static bool is_file(const struct tree_node *node)
{
	return node->inode != NULL && S_ISREG(node->inode->mode);
}

static int write_tree(struct squasher *s, struct tree *tree, const struct image *image,
		      struct error *err)
{
	tree_link_names(tree);
	for (struct tree_node *n = tree->root; n != NULL; n = tree_walk_next(tree->root, n))
		if (!is_file(n) && !is_later_name(n) &&
		    layer_write_node(s->layer, n, NULL, err) < 0)
			return -1;
	if (tree_read_layers(tree, image, &s->reader, err) < 0)
		return -1;
	for (struct tree_node *n = tree->root; n != NULL; n = tree_walk_next(tree->root, n))
		if (is_later_name(n) && layer_write_node(s->layer, n, NULL, err) < 0)
			return -1;
	return tar_write_end(&s->layer->tar, err);
}

/* Directories that only files below them named, which upper layers may have taken away. */
static void name_directories(struct tree *tree)
{
	for (struct tree_node *n = tree->root; n != NULL; n = tree_walk_next(tree->root, n))
		if (n != tree->root)
			n->implied = false;
}

/*
 * What the upper layers do to what the lower ones make: not their entries one after the other,
 * whose meaning may lie below (a hard link to a lower file, which the next layer takes away).
 */
static int net_changes(const struct image *image, size_t first, struct tree *ret,
		       struct error *err)
{
	struct tree before, after;

	tree_init(&before, ret->arena);
	tree_init(&after, ret->arena);
	if (tree_add_layers(&before, image, 0, first, 0, err) < 0 ||
	    tree_add_layers(&after, image, 0, image->layers.count, 0, err) < 0)
		return -1;
	return delta_make(&before, &after, ret, err);
}

static int whole_tree(const struct image *image, struct tree *ret, struct error *err)
{
	if (tree_add_layers(ret, image, 0, image->layers.count, 0, err) < 0)
		return -1;
	name_directories(ret);
	return 0;
}

int squash(struct session *session, size_t count, struct error *err)
{
	struct squasher s = { .reader = { squash_file, squash_data },
			      .arena = session->draft.arena };
	const struct image *image = &session->image;
	size_t all = image->layers.count, first;
	_cleanup_layer struct layer_writer *layer = NULL;
	struct layer_result result;
	struct tree tree;

	if (count > all)
		return error_set(err, "--last %zu: the image has %zu layers", count, all);
	first = count > 0 ? all - count : 0;
	tree_init(&tree, s.arena);
	if ((first > 0 ? net_changes(image, first, &tree, err) : whole_tree(image, &tree, err)) < 0)
		return -1;
	if (layer_begin(s.arena, &session->writer, &session->draft.compress, &session->draft.epoch,
			&layer, err) < 0)
		return -1;
	s.layer = layer;
	if (write_tree(&s, &tree, image, err) < 0 || layer_end(layer, &result, err) < 0)
		return -1;
	draft_drop_history(&session->draft, all - first);
	session->draft.layers.count = first;
	draft_add_layer(&session->draft, &result);
	return 0;
}
