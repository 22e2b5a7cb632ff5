/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/make/layer_write.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/fd.h"

static int buffer_flush(struct layer_writer *l, struct error *err)
{
	size_t size = l->filled;

	l->filled = 0;
	digest_update(&l->diff, l->buffer, size);
	return compress_write(l->compressor, l->buffer, size, err);
}

/* Headers are small and many, and each call of a library costs. */
static int buffer_write(struct sink *sink, const void *data, size_t size, struct error *err)
{
	struct layer_writer *l =
		(struct layer_writer *)((char *)sink - offsetof(struct layer_writer, sink));
	const unsigned char *at = data;

	while (size > 0) {
		size_t room = sizeof(l->buffer) - l->filled, fits = size < room ? size : room;

		memcpy(l->buffer + l->filled, at, fits);
		l->filled += fits;
		at += fits;
		size -= fits;
		if (l->filled == sizeof(l->buffer) && buffer_flush(l, err) < 0)
			return -1;
	}
	return 0;
}

int layer_begin(struct arena *arena, struct writer *writer, const struct compress_choice *choice,
		const struct epoch *epoch, struct layer_writer **ret, struct error *err)
{
	_cleanup_layer struct layer_writer *l = ARENA_NEW(arena, struct layer_writer);
	struct sink *blob;

	l->arena = arena;
	l->writer = writer;
	l->epoch = *epoch;
	l->sink.write = buffer_write;
	l->tar = (struct tar_writer){ .out = &l->sink, .pax.arena = arena, .name.arena = arena };
	l->media_type = compress_media_type(choice->kind);
	digest_begin(&l->diff, NULL);
	if (writer_blob_begin(writer, &blob, err) < 0)
		return -1;
	l->compressor = compress_open(arena, choice, blob, err);
	if (l->compressor == NULL)
		return -1;
	*ret = l;
	l = NULL;
	return 0;
}

int layer_end(struct layer_writer *l, struct layer_result *ret, struct error *err)
{
	struct layer_result result = { .media_type = l->media_type };

	if (buffer_flush(l, err) < 0 || compress_finish(l->compressor, err) < 0)
		return -1;
	compress_close(&l->compressor);
	digest_end(&l->diff, &result.diff_id);
	if (writer_blob_end(l->writer, &result.blob, err) < 0)
		return -1;
	*ret = result;
	return 0;
}

void layer_close(struct layer_writer **layer)
{
	struct layer_writer *l = *layer;

	if (l == NULL)
		return;
	compress_close(&l->compressor);
	digest_drop(&l->diff);
	*layer = NULL;
}

/* --- trees ---------------------------------------------------------------------------- */

static int write_marker(struct layer_writer *l, const char *dir, const char *name,
			struct error *err)
{
	const char *path = arena_printf(l->arena, "%s%s.wh.%s", dir, *dir != '\0' ? "/" : "", name);

	return tar_write_file(&l->tar, path, NULL, 0, err);
}

static int write_opaque(struct layer_writer *l, const struct tree_node *node, struct error *err)
{
	return write_marker(l, tree_path(l->arena, node), ".wh..opq", err);
}

static int write_data(struct layer_writer *l, const struct tree_node *node,
		      struct layer_data *data, struct error *err)
{
	_cleanup_fd int fd = data->open(data, node, err);
	uint64_t left = node->inode->size;
	unsigned char bytes[1 << 15];

	if (fd < 0)
		return -1;
	while (left > 0) {
		ssize_t n = read(fd, bytes, left < sizeof(bytes) ? left : sizeof(bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "read %s", tree_path(l->arena, node));
		if (n == 0)
			return error_set(err, "%s: became shorter while it was read",
					 tree_path(l->arena, node));
		if (tar_write_data(&l->tar, bytes, (size_t)n, err) < 0)
			return -1;
		left -= (uint64_t)n;
	}
	return 0;
}

int layer_write_node(struct layer_writer *l, const struct tree_node *node, struct layer_data *data,
		     struct error *err)
{
	struct tar_member member;

	if (node->inode == NULL)
		return write_marker(l, tree_path(l->arena, node->parent), node->name, err);
	if (strncmp(node->name, ".wh.", 4) == 0)
		return error_set(err,
				 "%s: in a layer such a name takes another file away; leave "
				 "it out with --mask-path",
				 tree_path(l->arena, node));
	/* Nobody knows what such a directory has below the layer; whoever unpacks makes it. */
	if (node->implied)
		return node->opaque ? write_opaque(l, node, err) : 0;
	tree_member(l->arena, node, &member);
	if (l->epoch.set && member.mtime >= l->epoch.seconds) {
		member.mtime = l->epoch.seconds;
		member.mtime_ns = 0;
	}
	if (tar_write_member(&l->tar, &member, err) < 0)
		return -1;
	if (node->opaque && write_opaque(l, node, err) < 0)
		return -1;
	if (!S_ISREG(member.mode) || member.hard_link || member.size == 0 || data == NULL)
		return 0;
	return write_data(l, node, data, err);
}

int layer_write_tree(struct layer_writer *l, struct tree *tree, struct layer_data *data,
		     struct error *err)
{
	tree_link_names(tree);
	for (struct tree_node *n = tree->root; n != NULL; n = tree_walk_next(tree->root, n))
		if (layer_write_node(l, n, data, err) < 0)
			return -1;
	return tar_write_end(&l->tar, err);
}
