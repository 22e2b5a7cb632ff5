/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/tree/compare.h"

#include <sys/stat.h>

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_xattrs(const struct tree_inode *a, const struct tree_inode *b)
{
	if (a->xattr_count != b->xattr_count)
		return false;
	for (size_t i = 0; i < a->xattr_count; i++)
		if (strcmp(a->xattrs[i].name, b->xattrs[i].name) != 0 ||
		    a->xattrs[i].size != b->xattrs[i].size ||
		    memcmp(a->xattrs[i].value, b->xattrs[i].value, a->xattrs[i].size) != 0)
			return false;
	return true;
}

static bool same_links(struct arena *arena, const struct tree_inode *a, const struct tree_inode *b)
{
	if (a->links == 1 && b->links == 1)
		return true;
	return a->links == b->links &&
	       strcmp(tree_path(arena, a->first), tree_path(arena, b->first)) == 0;
}

/* Without digests data is known to be the same only where it comes from the same place. */
static bool same_data(const struct tree_inode *a, const struct tree_inode *b)
{
	if (a->digest != NULL || b->digest != NULL || !S_ISREG(a->mode))
		return same_text(a->digest, b->digest);
	return a->source.layer == b->source.layer && a->source.entry == b->source.entry &&
	       a->source.device == b->source.device && a->source.inode == b->source.inode;
}

static unsigned int inode_changes(struct arena *arena, const struct tree_inode *a,
				  const struct tree_inode *b)
{
	unsigned int what = 0;

	if (a->mode != b->mode)
		what |= COMPARE_MODE;
	if (a->uid != b->uid || a->gid != b->gid)
		what |= COMPARE_OWNER;
	if (a->size != b->size)
		what |= COMPARE_SIZE | COMPARE_CONTENT;
	else if (!same_data(a, b))
		what |= COMPARE_CONTENT;
	if (!same_text(a->target, b->target))
		what |= COMPARE_TARGET;
	if (a->device != b->device)
		what |= COMPARE_DEVICE;
	if (!same_xattrs(a, b))
		what |= COMPARE_XATTRS;
	if (a->mtime != b->mtime || a->mtime_ns != b->mtime_ns)
		what |= COMPARE_TIME;
	if (!S_ISDIR(a->mode) && !same_links(arena, a, b))
		what |= COMPARE_LINKS;
	return what;
}

static bool is_named(const struct tree_node *node)
{
	return !node->implied && node->inode->source.layer != 0;
}

static unsigned int node_changes(const struct compare *c, const struct tree_node *a,
				 const struct tree_node *b)
{
	unsigned int what = 0;

	if ((a->inode == NULL) != (b->inode == NULL))
		return COMPARE_TYPE;
	if (a->inode != NULL && (a->inode->mode & S_IFMT) != (b->inode->mode & S_IFMT))
		return COMPARE_TYPE;
	if (a->opaque != b->opaque)
		what |= COMPARE_HIDES;
	if (a->inode == NULL || a->inode == b->inode)
		return what & c->look_at;
	what |= inode_changes(c->arena, a->inode, b->inode);
	/* Of a directory that no entry of a layer named, nobody knows the time. */
	if ((a->implied && !is_named(b)) || (b->implied && !is_named(a)))
		what &= ~(unsigned int)COMPARE_TIME;
	return what & c->look_at;
}

static int compare_dirs(struct compare *c, const struct tree_node *a, const struct tree_node *b,
			struct error *err);

static int compare_nodes(struct compare *c, const struct tree_node *a, const struct tree_node *b,
			 struct error *err)
{
	unsigned int what = node_changes(c, a, b);

	if (what != 0 && c->report(c, a, b, what, err) < 0)
		return -1;
	return what & COMPARE_TYPE ? 0 : compare_dirs(c, a, b, err);
}

/* Both in order, as a zip closes: the name that comes first is missing in the other. */
static int compare_dirs(struct compare *c, const struct tree_node *a, const struct tree_node *b,
			struct error *err)
{
	const struct tree_node *x = tree_first(a), *y = tree_first(b);
	int status = 0;

	while (status == 0 && (x != NULL || y != NULL)) {
		int order = x == NULL ? 1 : y == NULL ? -1 : strcmp(x->name, y->name);

		if (order == 0)
			status = compare_nodes(c, x, y, err);
		else
			status = c->report(c, order < 0 ? x : NULL, order < 0 ? NULL : y, 0, err);
		if (order <= 0)
			x = tree_next(a, x);
		if (order >= 0)
			y = tree_next(b, y);
	}
	return status;
}

int tree_compare(struct compare *c, struct tree *a, struct tree *b, struct error *err)
{
	tree_link_names(a);
	tree_link_names(b);
	return compare_nodes(c, a->root, b->root, err);
}
