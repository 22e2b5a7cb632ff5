/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/make/pack.h"

#include "rootfs-tools/tree/compare.h"
#include "rootfs-tools/tree/layer.h"

static int directory_open(struct layer_data *data, const struct tree_node *node, struct error *err)
{
	struct directory_data *directory = (struct directory_data *)data;

	return tree_open_file(directory->arena, directory->root_fd, node, err);
}

struct directory_data directory_data(struct arena *arena, int root_fd)
{
	return (struct directory_data){ { directory_open }, arena, root_fd };
}

int pack_tree(struct session *s, struct tree *tree, struct layer_data *data, struct error *err)
{
	_cleanup_layer struct layer_writer *layer = NULL;
	struct layer_result result;

	if (layer_begin(s->draft.arena, &s->writer, &s->draft.compress, &s->draft.epoch, &layer,
			err) < 0 ||
	    layer_write_tree(layer, tree, data, err) < 0 || layer_end(layer, &result, err) < 0)
		return -1;
	draft_add_layer(&s->draft, &result);
	return 0;
}

int pack_directory(struct session *s, int root_fd, const struct tree_walk_options *options,
		   struct error *err)
{
	struct directory_data data = directory_data(s->draft.arena, root_fd);
	struct tree tree;

	tree_init(&tree, s->draft.arena);
	if (tree_walk(&tree, root_fd, options, err) < 0)
		return -1;
	return pack_tree(s, &tree, &data.data, err);
}

/* What is masked is as it was. */
static void drop_masked(struct tree *tree, const struct tree_walk_options *options)
{
	for (size_t i = 0; i < options->masked_count; i++) {
		struct tree_node *node = tree_find(tree, options->masked[i]);

		if (node != NULL && node->parent != NULL)
			tree_drop(node);
	}
}

static int pack_upper(struct session *s, int root_fd, const struct tree_walk_options *options,
		      bool *ret_empty, struct error *err)
{
	struct directory_data data = directory_data(s->draft.arena, root_fd);
	struct tree tree;

	tree_init(&tree, s->draft.arena);
	if (tree_walk(&tree, root_fd, options, err) < 0)
		return -1;
	*ret_empty = tree.root->children == NULL;
	/* overlayfs shows the upper directory's own owner and mode as those of the root. */
	return *ret_empty ? 0 : pack_tree(s, &tree, &data.data, err);
}

int pack_changes(struct session *s, int root_fd, const struct tree_walk_options *options,
		 bool *ret_empty, struct error *err)
{
	struct directory_data data = directory_data(s->draft.arena, root_fd);
	struct tree_walk_options walk = *options;
	struct tree before, now, delta;

	if (options->upper)
		return pack_upper(s, root_fd, options, ret_empty, err);
	walk.digests = true;
	tree_init(&before, s->draft.arena);
	tree_init(&now, s->draft.arena);
	tree_init(&delta, s->draft.arena);
	if (tree_add_layers(&before, &s->image, 0, s->image.layers.count, TREE_DIGESTS, err) < 0 ||
	    tree_walk(&now, root_fd, &walk, err) < 0)
		return -1;
	drop_masked(&before, options);
	if (delta_make(&before, &now, &delta, err) < 0)
		return -1;
	*ret_empty = delta.root->children == NULL && !delta.root->inode->wanted;
	return *ret_empty ? 0 : pack_tree(s, &delta, &data.data, err);
}
