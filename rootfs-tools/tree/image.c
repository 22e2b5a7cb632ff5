/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/tree/image.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "base/path.h"
#include "rootfs-tools/image/layer_read.h"
#include "rootfs-tools/interrupt.h"
#include "rootfs-tools/tree/walk.h"

int image_tree_read(struct arena *arena, const struct image *image, struct tree *ret,
		    struct error *err)
{
	const struct tree_walk_options options = { 0 };
	int result;

	tree_init(ret, arena);
	if (image->kind == IMAGE_DIRECTORY)
		result = tree_walk(ret, image->dir_fd, &options, err);
	else
		result = tree_add_layers(ret, image, 0, image->layers.count, TREE_NO_XATTRS, err);
	if (result == 0)
		tree_link_names(ret);
	return result;
}

struct copy {
	uint32_t entry;
	int fd;
};

static bool copy_wanted(void *context, uint32_t number)
{
	return number == ((struct copy *)context)->entry;
}

static int copy_entry(void *context _unused, const struct tar_entry *entry _unused,
		      const char *digest _unused, uint32_t number _unused, struct error *err)
{
	return interrupt_check(err);
}

static int copy_data(void *context, const void *data, size_t size, struct error *err)
{
	const struct copy *copy = context;

	return fd_write_all(copy->fd, data, size) == 0 ? 0 : error_errno(err, "write");
}

static int copy_file(const struct image *image, const char *path, int to_fd, struct error *err)
{
	_cleanup_fd int fd = path_open_read(image->dir_fd, path, err);
	char buffer[65536];
	ssize_t size;

	if (fd < 0)
		return -1;
	while ((size = read(fd, buffer, sizeof(buffer))) > 0)
		if (fd_write_all(to_fd, buffer, (size_t)size) < 0)
			return error_errno(err, "write");
	return size == 0 ? 0 : error_errno(err, "read %s", path);
}

int image_tree_copy(struct arena *arena, const struct image *image, const struct tree_node *node,
		    int fd, struct error *err)
{
	struct copy copy = { .entry = node->inode->source.entry, .fd = fd };
	const struct layer_read read = {
		.image = image, .layer = node->inode->source.layer - 1, .wanted = copy_wanted,
		.entry = copy_entry, .data = copy_data, .context = &copy,
	};

	if (image->kind == IMAGE_DIRECTORY)
		return copy_file(image, tree_path(arena, node), fd, err);
	return layer_read(&read, err);
}
