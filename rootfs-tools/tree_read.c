/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "rootfs-tools/interrupt.h"
#include "rootfs-tools/tree_layer.h"

static int read_zeroes(struct tree_reader *reader, uint64_t size, struct error *err)
{
	static const char zeroes[65536];

	for (; size > 0; size -= size < sizeof(zeroes) ? size : sizeof(zeroes))
		if (reader->data(reader, zeroes, size < sizeof(zeroes) ? size : sizeof(zeroes),
				 err) < 0)
			return -1;
	return 0;
}

int tree_read_data(struct tar *tar, uint64_t size, struct tree_reader *reader, struct error *err)
{
	uint64_t done = 0, offset;
	const unsigned char *data;
	ssize_t n;

	while ((n = tar_data(tar, &data, &offset, err)) > 0) {
		if (read_zeroes(reader, offset - done, err) < 0 ||
		    reader->data(reader, data, (size_t)n, err) < 0)
			return -1;
		done = offset + (uint64_t)n;
	}
	return n < 0 ? -1 : read_zeroes(reader, size - done, err);
}

int tree_walk_layer(struct arena *arena, const struct image *image, size_t layer,
		    tree_each_entry *each, void *context, struct error *err)
{
	/* Layer 0 of a node means that no layer has named it. */
	struct tree_source source = { .layer = (uint32_t)layer + 1 };
	_cleanup_stream struct stream *stream = NULL;
	const struct tar_entry *entry;
	struct stream_result result;
	struct tar *tar;
	int more;

	stream = stream_open_layer(arena, image, layer, NULL, err);
	tar = stream != NULL ? tar_open(arena, stream) : NULL;
	if (tar == NULL)
		return -1;
	while ((more = tar_next(tar, &entry, err)) > 0) {
		if (interrupt_check(err) < 0)
			return -1;
		if (each(context, tar, entry, &source, err) < 0)
			return error_wrap(err, "layer %zu", layer + 1);
		source.entry++;
	}
	return more < 0 ? -1 : stream_finish(stream, &result, err);
}

struct wanted {
	struct tree_inode **inodes;	/* regular files with data, by layer and entry */
	size_t count, at;
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

static int each_read(void *context, struct tar *tar, const struct tar_entry *e,
		     const struct tree_source *source, struct error *err)
{
	struct wanted *w = context;
	struct tree_inode *inode = w->at < w->count ? w->inodes[w->at] : NULL;

	if (inode == NULL || inode->source.layer != source->layer ||
	    inode->source.entry != source->entry)
		return 0;
	w->at++;
	if (e->type != TAR_FILE || e->size != inode->size)
		return error_set(err, "the image changed while it was read");
	if (w->reader->file(w->reader, inode, err) < 0)
		return -1;
	return tree_read_data(tar, inode->size, w->reader, err);
}

int tree_read_layers(struct tree *tree, const struct image *image, size_t first, size_t count,
		     struct tree_reader *reader, struct error *err)
{
	struct wanted wanted = { .reader = reader };

	wanted.inodes = ARENA_NEWS(tree->arena, tree->count + 1, struct tree_inode *);
	for (struct tree_node *n = tree->root; n != NULL; n = tree_walk_next(tree->root, n))
		if (n->inode != NULL && n->inode->first == n && S_ISREG(n->inode->mode))
			wanted.inodes[wanted.count++] = n->inode;
	qsort(wanted.inodes, wanted.count, sizeof(*wanted.inodes), source_order);
	for (size_t i = first; i < first + count; i++)
		if (tree_walk_layer(tree->arena, image, i, each_read, &wanted, err) < 0)
			return -1;
	assert(wanted.at == wanted.count);
	return 0;
}
