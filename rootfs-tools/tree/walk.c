/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/tree/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "rootfs-tools/blob/digest.h"
#include "rootfs-tools/interrupt.h"
#include "rootfs-tools/tree/xattr.h"

struct walker {
	struct tree *tree;
	const struct tree_walk_options *options;
	int root_fd;
	dev_t device;			/* of the root: no other is entered */
	struct tree links;		/* inodes with more than one name, by "device:inode" */
	struct xattr_reader xattrs;
	char data[1 << 16];
	struct error *err;
};

bool tree_is_masked(const char *const *masked, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++) {
		const char *mask = masked[i] + strspn(masked[i], "/");
		size_t length = strlen(mask);

		while (length > 0 && mask[length - 1] == '/')
			length--;
		if (length > 0 && strncmp(path, mask, length) == 0 &&
		    (path[length] == '\0' || path[length] == '/'))
			return true;
	}
	return false;
}

/* --- owners --------------------------------------------------------------------------- */

static int map_id(const struct walker *w, const id_map_list *maps, const char *what, uint32_t *id)
{
	if (maps->count == 0)
		return 0;
	LIST_EACH(map, *maps) {
		if (*id >= map->host && *id - map->host < map->size) {
			*id = map->container + (*id - map->host);
			return 0;
		}
	}
	return error_set(w->err, "the %s %u is in no mapping", what, *id);
}

static int set_owner(const struct walker *w, struct tree_inode *inode)
{
	if (w->options->rootless) {
		xattr_share_capability(inode);
		/* Files without one were made by the user, who was root inside. */
		if (!xattr_take_owner(inode))
			inode->uid = inode->gid = 0;
		return 0;
	}
	return map_id(w, &w->options->uid_maps, "uid", &inode->uid) < 0 ?
		       -1 : map_id(w, &w->options->gid_maps, "gid", &inode->gid);
}

/* --- one file ------------------------------------------------------------------------- */

static int hash_file(struct walker *w, const struct tree_node *node)
{
	_cleanup_fd int fd = tree_open_file(w->tree->arena, w->root_fd, node, w->err);
	struct digest_state state;
	struct digest digest;
	ssize_t n;

	if (fd < 0)
		return -1;
	digest_begin(&state, NULL);
	while ((n = read(fd, w->data, sizeof(w->data))) > 0)
		digest_update(&state, w->data, (size_t)n);
	digest_end(&state, &digest);
	if (n < 0)
		return error_errno(w->err, "read");
	node->inode->digest = arena_strdup(w->tree->arena, digest_hex(&digest));
	return interrupt_check(w->err);
}

static int read_target(struct walker *w, int dir_fd, const char *name, struct tree_inode *inode)
{
	char target[4097];
	ssize_t n = readlinkat(dir_fd, name, target, sizeof(target));

	if (n < 0)
		return error_errno(w->err, "read link");
	inode->target = arena_strndup(w->tree->arena, target, (size_t)n);
	return 0;
}

static int fill_inode(struct walker *w, int dir_fd, const char *name, const struct stat *st,
		      struct tree_node *node)
{
	struct tree_inode *inode = node->inode;

	*inode = (struct tree_inode){
		.mode = st->st_mode, .uid = st->st_uid, .gid = st->st_gid,
		.mtime = st->st_mtim.tv_sec, .mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
		.source = { .device = st->st_dev, .inode = st->st_ino },
	};
	if (S_ISREG(st->st_mode))
		inode->size = (uint64_t)st->st_size;
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		inode->device = st->st_rdev;
	if (S_ISLNK(st->st_mode) && read_target(w, dir_fd, name, inode) < 0)
		return -1;
	if (xattr_read(&w->xattrs, dir_fd, name, inode, w->err) < 0 || set_owner(w, inode) < 0)
		return -1;
	return w->options->digests && S_ISREG(st->st_mode) ? hash_file(w, node) : 0;
}

/* The inode that an earlier name of the same file has, or a new one that is not filled yet. */
static int find_inode(struct walker *w, const struct stat *st, struct tree_node *node,
		      bool *ret_new)
{
	struct tree_node *link = NULL;
	char key[48];

	*ret_new = true;
	node->inode = NULL;
	if (st->st_nlink > 1 && !S_ISDIR(st->st_mode)) {
		snprintf(key, sizeof(key), "%jx:%jx", (uintmax_t)st->st_dev, (uintmax_t)st->st_ino);
		link = tree_add_child(&w->links, w->links.root, key, w->err);
		if (link == NULL)
			return -1;
		node->inode = link->inode;
		*ret_new = link->inode == NULL;
	}
	if (node->inode == NULL)
		node->inode = ARENA_NEW(w->tree->arena, struct tree_inode);
	if (link != NULL)
		link->inode = node->inode;
	return 0;
}

/* overlayfs: a character device 0/0, or since Linux 6.7 an empty file that is marked so. */
static bool is_whiteout(struct walker *w, int dir_fd, const char *name, const struct stat *st)
{
	if (S_ISCHR(st->st_mode))
		return st->st_rdev == 0;
	return S_ISREG(st->st_mode) && st->st_size == 0 &&
	       xattr_overlay(&w->xattrs, dir_fd, name, "whiteout") != '\0';
}

/* What overlayfs keeps about a directory or file that a layer can't say is refused. */
static int check_upper(struct walker *w, int dir_fd, const char *name, struct tree_node *node)
{
	static const char *const refused[] = { "redirect", "metacopy" };

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (xattr_overlay(&w->xattrs, dir_fd, name, refused[i]) != '\0')
			return error_set(w->err, "the overlay was mounted with %s, whose changes "
					 "cannot be read from its upper directory alone; mount it, "
					 "and give the mounted directory",
					 i == 0 ? "redirect_dir" : "metacopy");
	node->opaque = xattr_overlay(&w->xattrs, dir_fd, name, "opaque") == 'y';
	return 0;
}

static int add_file(struct walker *w, int dir_fd, const char *name, struct tree_node *dir)
{
	struct tree_node *node;
	struct stat st;
	bool fresh;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(w->err, "stat");
	if (S_ISSOCK(st.st_mode))
		return 0;
	node = tree_add_child(w->tree, dir, name, w->err);
	if (node == NULL)
		return -1;
	if (w->options->masked_count > 0 &&
	    tree_is_masked(w->options->masked, w->options->masked_count,
			   tree_path(w->tree->arena, node))) {
		tree_drop(node);
		return 0;
	}
	if (w->options->upper && is_whiteout(w, dir_fd, name, &st))
		return 0;
	if (find_inode(w, &st, node, &fresh) < 0 ||
	    (fresh && fill_inode(w, dir_fd, name, &st, node) < 0))
		return -1;
	return w->options->upper ? check_upper(w, dir_fd, name, node) : 0;
}

/* --- all of them ---------------------------------------------------------------------- */

static int add_names(struct walker *w, int fd, struct tree_node *dir)
{
	DIR *stream = dir_take(fcntl(fd, F_DUPFD_CLOEXEC, 3));
	struct dirent *entry;
	int status = 0;

	if (stream == NULL)
		return error_errno(w->err, "read directory");
	while (status == 0 && (entry = dir_next(stream)) != NULL) {
		const char *name = entry->d_name;

		status = add_file(w, fd, name, dir);
		if (status < 0)
			error_wrap(w->err, "%s", text_printable(w->tree->arena, name));
	}
	if (status == 0 && errno != 0)
		status = error_errno(w->err, "read directory");
	closedir(stream);
	return status;
}

/* A directory on another file system stays, empty: what is mounted there is not of this root. */
static int walk_dir(struct walker *w, struct tree_node *dir)
{
	const char *path = tree_path(w->tree->arena, dir);
	_cleanup_fd int fd = -EBADF;

	if (dir->inode->source.device != w->device) {
		warn("%s: another file system is mounted there, and left out",
		     text_printable(w->tree->arena, path));
		return 0;
	}
	fd = path_open_strict(w->root_fd, *path != '\0' ? path : ".",
			      O_RDONLY | O_DIRECTORY | O_NOFOLLOW, w->err);
	if (fd < 0)
		return -1;
	if (add_names(w, fd, dir) < 0)
		return *path != '\0' ?
			       error_wrap(w->err, "%s", text_printable(w->tree->arena, path)) :
			       -1;
	return interrupt_check(w->err);
}

static struct walker *walk_begin(struct tree *tree, int root_fd,
				 const struct tree_walk_options *options, struct error *err)
{
	struct walker *w = ARENA_NEW(tree->arena, struct walker);

	*w = (struct walker){ .tree = tree, .options = options, .root_fd = root_fd, .err = err,
			      .xattrs.arena = tree->arena };
	tree_init(&w->links, tree->arena);
	return w;
}

int tree_walk(struct tree *tree, int root_fd, const struct tree_walk_options *options,
	      struct error *err)
{
	struct walker *w = walk_begin(tree, root_fd, options, err);
	struct stat st;

	if (fstat(root_fd, &st) < 0)
		return error_errno(err, "stat");
	w->device = st.st_dev;
	if (fill_inode(w, root_fd, ".", &st, tree->root) < 0)
		return -1;
	tree->root->implied = false;
	for (struct tree_node *n = tree->root; n != NULL; n = tree_walk_next(tree->root, n))
		if (tree_is_dir(n) && walk_dir(w, n) < 0)
			return -1;
	return 0;
}

int tree_walk_file(struct tree *tree, int dir_fd, const char *name,
		   const struct tree_walk_options *options, const struct tree_node **ret,
		   struct error *err)
{
	if (add_file(walk_begin(tree, dir_fd, options, err), dir_fd, name, tree->root) < 0)
		return error_wrap(err, "%s", name);
	*ret = tree_first(tree->root);
	return *ret != NULL ? 0 : error_set(err, "%s: a layer can't hold such a file", name);
}

int tree_open_file(struct arena *arena, int root_fd, const struct tree_node *node,
		   struct error *err)
{
	return tree_open_path(arena, root_fd, tree_path(arena, node), node->inode, err);
}

int tree_open_path(struct arena *arena, int root_fd, const char *path,
		   const struct tree_inode *inode, struct error *err)
{
	_cleanup_fd int fd = path_open_strict(root_fd, path,
					      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, err);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return error_errno(err, "stat %s", text_printable(arena, path));
	if (!S_ISREG(st.st_mode) || st.st_dev != inode->source.device ||
	    st.st_ino != inode->source.inode || (uint64_t)st.st_size != inode->size)
		return error_set(err, "%s: changed while it was read", text_printable(arena, path));
	return fd_take(&fd);
}
