/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "rootfs-tools/image/layer_read.h"
#include "rootfs-tools/interrupt.h"
#include "rootfs-tools/tree/layer.h"

struct wanted {
	struct tree_inode **inodes;	/* regular files, by layer and entry */
	size_t count, at;
	uint32_t layer;
	struct tree_reader *reader;
};

static int source_order(const void *a, const void *b)
{
	const struct tree_source *x = &(*(struct tree_inode *const *)a)->source;
	const struct tree_source *y = &(*(struct tree_inode *const *)b)->source;

	if (x->layer != y->layer)
		return x->layer < y->layer ? -1 : 1;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* The inode that comes of entry number, if that is the next one; then the one behind it is. */
static struct tree_inode *take(struct wanted *w, uint32_t number)
{
	struct tree_inode *inode = w->at < w->count ? w->inodes[w->at] : NULL;

	if (inode == NULL || inode->source.layer != w->layer || inode->source.entry != number)
		return NULL;
	w->at++;
	return inode;
}

/* Here on the confined side, which has a copy of the list, and so of the place in it. */
static bool is_wanted(void *context, uint32_t number)
{
	return take(context, number) != NULL;
}

static int each_entry(void *context, const struct tar_entry *entry, const char *digest _unused,
		      uint32_t number, struct error *err)
{
	struct wanted *w = context;
	struct tree_inode *inode = take(w, number);

	if (interrupt_check(err) < 0)
		return -1;
	if (inode == NULL)
		return 0;
	if (entry->type != TAR_FILE || entry->size != inode->size)
		return error_set(err, "the image changed while it was read");
	return w->reader->file(w->reader, inode, err);
}

static int each_data(void *context, const void *data, size_t size, struct error *err)
{
	struct wanted *w = context;

	return w->reader->data(w->reader, data, size, err);
}

int tree_read_layers(struct tree *tree, const struct image *image, struct tree_reader *reader,
		     struct error *err)
{
	struct wanted wanted = { .reader = reader };
	struct layer_read read = {
		.image = image, .wanted = is_wanted, .entry = each_entry, .data = each_data,
		.context = &wanted,
	};

	wanted.inodes = ARENA_NEWS(tree->arena, tree->count + 1, struct tree_inode *);
	for (struct tree_node *n = tree->root; n != NULL; n = tree_walk_next(tree->root, n))
		if (n->inode != NULL && n->inode->first == n && S_ISREG(n->inode->mode))
			wanted.inodes[wanted.count++] = n->inode;
	qsort(wanted.inodes, wanted.count, sizeof(struct tree_inode *), source_order);
	while (wanted.at < wanted.count) {
		/* Those of a layer come one after the other; layers without any are not read. */
		wanted.layer = wanted.inodes[wanted.at]->source.layer;
		read.layer = wanted.layer - 1;
		if (layer_read(&read, err) < 0)
			return error_wrap(err, "layer %zu", read.layer + 1);
		if (wanted.at < wanted.count &&
		    wanted.inodes[wanted.at]->source.layer == wanted.layer)
			return error_set(err, "the image changed while it was read");
	}
	return 0;
}
