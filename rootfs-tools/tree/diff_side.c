/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "rootfs-tools/tree/diff.h"
#include "rootfs-tools/tree/layer.h"
#include "rootfs-tools/tree/walk.h"

struct range {
	bool set;
	uint64_t first, last;		/* from 1 */
};

/* "#2" and "#1-3" at the end; *ret_reference is what is in front of it. */
static int split_range(struct arena *arena, const char *text, const char **ret_reference,
		       struct range *ret, struct error *err)
{
	const char *mark = strrchr(text, '#'), *dash;

	*ret = (struct range){ 0 };
	*ret_reference = text;
	if (mark == NULL)
		return 0;
	dash = strchr(mark, '-');
	if (!text_to_u64(dash != NULL ? arena_strndup(arena, mark + 1, (size_t)(dash - mark - 1)) :
					mark + 1, IMAGE_MAX_LAYERS, &ret->first) ||
	    (dash != NULL && !text_to_u64(dash + 1, IMAGE_MAX_LAYERS, &ret->last)))
		return error_set(err, "%s: behind \"#\" stands a layer, or two as in #1-3", text);
	if (dash == NULL)
		ret->last = ret->first;
	if (ret->first == 0 || ret->last < ret->first || (dash != NULL && ret->first != 1))
		return error_set(err, "%s: layers count from 1, and several begin with the first",
				 text);
	ret->set = true;
	*ret_reference = arena_strndup(arena, text, (size_t)(mark - text));
	return 0;
}

static int read_directory(struct diff_side *side, int root_fd, struct error *err)
{
	const struct tree_walk_options options = { .digests = true };

	return tree_walk(&side->tree, root_fd, &options, err);
}

static int read_image(struct diff_side *side, const struct image *image, const struct range *range,
		      struct error *err)
{
	size_t first = 0, count = image->layers.count;
	unsigned int flags = TREE_DIGESTS;

	if (!range->set)
		side->config = image->config.root;
	if (range->set && range->last > count)
		return error_set(err, "%s: has %zu layers", image->reference, count);
	if (range->set) {
		first = range->first - 1;
		count = range->last - first;
	}
	if (first > 0)
		flags |= TREE_PARTIAL;
	return tree_add_layers(&side->tree, image, first, count, flags, err);
}

/* "dir:DIR", and a plain path to a directory that is no OCI layout. */
static int open_directory(const char *reference)
{
	int fd;

	if (strncmp(reference, "dir:", 4) == 0)
		return open(reference + 4, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = open(reference, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && faccessat(fd, "oci-layout", F_OK, 0) == 0)
		fd_close(&fd);
	return fd;
}

int diff_side_read(struct arena *arena, const char *text, const struct image_options *options,
		   struct diff_side *ret, struct error *err)
{
	_cleanup_image struct image image = IMAGE_NONE;
	_cleanup_fd int fd = -EBADF;
	const char *reference;
	struct range range;

	tree_init(&ret->tree, arena);
	ret->config = NULL;
	fd = open_directory(text);
	if (fd >= 0)
		return read_directory(ret, fd, err) < 0 ? error_wrap(err, "%s", text) : 0;
	if (split_range(arena, text, &reference, &range, err) < 0 ||
	    image_open(arena, reference, options, &image, err) < 0)
		return -1;
	if (image.kind == IMAGE_DIRECTORY)
		return read_directory(ret, image.dir_fd, err);
	return read_image(ret, &image, &range, err) < 0 ? error_wrap(err, "%s", reference) : 0;
}
