/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/bundle/image_bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/loop.h"
#include "config/id_map.h"
#include "rootfs-tools/bundle/user.h"
#include "rootfs-tools/unpack/id_maps.h"

/* What the root is made of. */
struct root {
	const struct store *store;
	struct image_bundle *bundle;
	word_list lowers;		/* paths, the highest first */
	int *fds;			/* owned, the same ones */
	struct overlay overlay;
	size_t above;			/* layers above the one that says whose "/" is */
	struct error *err;
};

/* --- the file system of the changes -------------------------------------------------------- */

static const struct {
	unsigned long magic;
	const char *name;
} no_upper[] = {
	{ OVERLAYFS_SUPER_MAGIC, "overlayfs" }, { NFS_SUPER_MAGIC, "NFS" },
	{ FUSE_SUPER_MAGIC, "FUSE" },		{ V9FS_MAGIC, "9p" },
	{ MSDOS_SUPER_MAGIC, "FAT" },		{ SMB2_SUPER_MAGIC, "SMB" },
};

int image_bundle_overlay_possible(int fd, const char *path, struct error *err)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return error_errno(err, "check the file system of %s", path);
	for (size_t i = 0; i < ARRAY_SIZE(no_upper); i++)
		if ((unsigned long)fs.f_type == no_upper[i].magic)
			return error_set(err, "%s is on %s, where an overlay cannot keep changes; "
					 "use another directory, or --copy", path,
					 no_upper[i].name);
	return 0;
}

static int path_check(const char *path, struct error *err)
{
	size_t length = strcspn(path, ",:\\");

	if (path[length] == '\0' && strlen(path) < 200)
		return 0;
	if (path[length] == '\0')
		return error_set(err, "%s: too long a path for an overlay; use a shorter one, or "
				 "--copy", path);
	return error_set(err, "%s: overlayfs takes no \"%c\" in a path; use another directory, or "
			 "--copy", path, path[length]);
}

/* --- the root -------------------------------------------------------------------------------- */

static int add_lower(struct root *root, const char *path, int fd)
{
	if (fd < 0 || path_check(path, root->err) < 0)
		return -1;
	root->fds[root->overlay.count++] = fd;
	LIST_ADD(root->store->arena, &root->lowers, path);
	return 0;
}

static bool has_word(const word_list *list, const char *word)
{
	LIST_EACH(known, *list)
		if (strcmp(*known, word) == 0)
			return true;
	return false;
}

/* A layer that comes twice counts where it is highest: overlayfs takes no directory twice. */
static int add_layers(struct root *root, const struct store_layer *layers, size_t count)
{
	const struct store *store = root->store;
	bool has_root = false;

	for (size_t i = count; i > 0; i--) {
		const struct store_layer *layer = &layers[i - 1];

		if (has_word(&root->bundle->layers, layer->name))
			continue;
		LIST_ADD(store->arena, &root->bundle->layers, layer->name);
		if (add_lower(root, arena_printf(store->arena, "%s/l/%s", store->path,
						 layer->name),
			      store_layer_open(store, layer, root->err)) < 0)
			return -1;
		has_root = has_root || layer->has_root;
		root->above += !has_root;
		if (layer->hides_all)
			break;
	}
	if (!has_root)
		root->above = 0;
	return 0;
}

static int find_lowers(struct root *root)
{
	const struct image *image = root->bundle->image;
	struct arena *arena = root->store->arena;
	struct store_layer *layers = ARENA_NEWS(arena, image->layers.count + 1,
						struct store_layer);
	char path[PATH_MAX];

	root->fds = ARENA_NEWS(arena, image->layers.count + 1, int);
	if (image->kind == IMAGE_DIRECTORY) {
		if (realpath(arena_printf(arena, "/proc/self/fd/%d", image->dir_fd), path) == NULL)
			return error_errno(root->err, "find %s", image->reference);
		return add_lower(root, arena_strdup(arena, path),
				 fcntl(image->dir_fd, F_DUPFD_CLOEXEC, 3));
	}
	if (store_add_image(root->store, image, &root->bundle->unpack, layers, root->err) < 0)
		return -1;
	return add_layers(root, layers, image->layers.count);
}

int image_lowers(const struct store *store, const struct image *image,
		 const struct unpack_options *unpack, word_list *ret_paths,
		 word_list *ret_names, struct error *err)
{
	struct image_bundle bundle = { .image = image, .unpack = *unpack };
	struct root root = { .store = store, .bundle = &bundle, .err = err };
	int result = find_lowers(&root);

	while (root.overlay.count > 0)
		fd_close(&root.fds[--root.overlay.count]);
	*ret_paths = root.lowers;
	*ret_names = bundle.layers;
	return result;
}

const char *image_file_system(struct arena *arena, const char *reference, const char **ret_file)
{
	const char *colon = strchr(reference, ':');

	*ret_file = reference;
	if (strncmp(reference, "squashfs:", 9) == 0 || strncmp(reference, "erofs:", 6) == 0) {
		*ret_file = colon + 1;
		return arena_strndup(arena, reference, (size_t)(colon - reference));
	}
	return loop_detect(reference);
}

/* The upper directory's owner and mode are the root's: those of the highest layer that has them. */
static int make_upper(struct root *root, int dir_fd, const char *path)
{
	struct stat st = { .st_mode = 0755 };
	_cleanup_fd int upper_fd = -EBADF;

	if ((mkdirat(dir_fd, "work", 0700) < 0 && errno != EEXIST) ||
	    (mkdirat(dir_fd, "upper", 0755) < 0 && errno != EEXIST))
		return error_errno(root->err, "make %s/upper", path);
	upper_fd = openat(dir_fd, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (upper_fd < 0 || (root->overlay.count > 0 && fstat(root->fds[root->above], &st) < 0) ||
	    (geteuid() == 0 && fchown(upper_fd, st.st_uid, st.st_gid) < 0) ||
	    fchmod(upper_fd, st.st_mode & 07777) < 0)
		return error_errno(root->err, "prepare %s/upper", path);
	return 0;
}

static int open_upper(struct root *root, const char **ret_path)
{
	const char *kept = root->bundle->upper;
	char absolute[PATH_MAX];
	int fd;

	if (kept == NULL) {
		*ret_path = arena_printf(root->store->arena, "%s/overlay", root->bundle->path);
		if (mkdirat(root->bundle->fd, "overlay", 0700) < 0 && errno != EEXIST)
			return error_errno(root->err, "make %s", *ret_path);
		fd = openat(root->bundle->fd, "overlay",
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		return fd >= 0 ? fd : error_errno(root->err, "open %s", *ret_path);
	}
	if (mkdir(kept, 0700) < 0 && errno != EEXIST)
		return error_errno(root->err, "make %s", kept);
	fd = open(kept, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || realpath(kept, absolute) == NULL) {
		error_errno(root->err, "open %s", kept);
		fd_close(&fd);
		return -1;
	}
	*ret_path = arena_strdup(root->store->arena, absolute);
	return fd;
}

static int plan_overlay(struct root *root)
{
	struct arena *arena = root->store->arena;
	struct make_options *make = &root->bundle->make;
	struct text lower = { .arena = arena };
	const char *path;
	_cleanup_fd int fd = open_upper(root, &path);

	if (fd < 0 || path_check(path, root->err) < 0 ||
	    image_bundle_overlay_possible(fd, path, root->err) < 0 ||
	    make_upper(root, fd, path) < 0)
		return -1;
	text_add(&lower, "lowerdir=");
	LIST_EACH(directory, root->lowers)
		text_printf(&lower, "%s%s", directory == root->lowers.items ? "" : ":",
			    *directory);
	make->root_type = make->root_source = "overlay";
	LIST_ADD(arena, &make->root_options, lower.data);
	LIST_ADD(arena, &make->root_options, arena_printf(arena, "upperdir=%s/upper", path));
	LIST_ADD(arena, &make->root_options, arena_printf(arena, "workdir=%s/work", path));
	if (root->store->user_xattr)
		LIST_ADD(arena, &make->root_options, "userxattr");
	if (root->bundle->throw_away && root->bundle->upper == NULL)
		LIST_ADD(arena, &make->root_options, "volatile");
	return 0;
}

static int copy_tree(struct root *root, int rootfs_fd)
{
	const struct image *image = root->bundle->image;

	if (image->kind == IMAGE_DIRECTORY)
		return error_set(root->err, "%s is a directory already: --copy has nothing to "
				 "unpack; copy it, and use \"kist spec\"", image->reference);
	root->fds = ARENA_NEWS(root->store->arena, 1, int);
	root->fds[0] = fcntl(rootfs_fd, F_DUPFD_CLOEXEC, 3);
	if (root->fds[0] < 0)
		return error_errno(root->err, "keep the root");
	root->overlay.count = 1;
	return unpack_layers(image, 0, image->layers.count, rootfs_fd, &root->bundle->unpack, NULL,
			     root->err);
}

/* The runtime mounts the file itself; nothing can be written to it. */
static int plan_file_system(struct root *root)
{
	struct make_options *make = &root->bundle->make;
	struct arena *arena = root->store->arena;
	char path[PATH_MAX];
	const char *file;

	image_file_system(arena, root->bundle->image->reference, &file);
	if (root->bundle->upper != NULL || root->bundle->copy)
		return error_set(root->err,
				 "%s: %s in a file is mounted as it is, read-only: --overlay and "
				 "--copy are for layers",
				 file, root->bundle->file_system);
	if (realpath(file, path) == NULL)
		return error_errno(root->err, "open %s", file);
	if (geteuid() != 0)
		return error_number(root->err, EPERM, "mount %s: only root has loop devices", file);
	make->root_type = root->bundle->file_system;
	make->root_source = arena_strdup(arena, path);
	make->read_only = true;
	LIST_ADD(arena, &make->root_options, "ro");
	return 0;
}

static int make_root(struct root *root)
{
	int bundle_fd = root->bundle->fd;
	_cleanup_fd int rootfs_fd = -EBADF;

	if (mkdirat(bundle_fd, "rootfs", 0755) < 0)
		return error_errno(root->err, "make rootfs in the bundle");
	if (root->bundle->file_system != NULL)
		return plan_file_system(root);
	if (!root->bundle->copy && find_lowers(root) < 0)
		return -1;
	root->overlay.layer_fds = root->fds;
	if (!root->bundle->copy)
		return plan_overlay(root);
	rootfs_fd = openat(bundle_fd, "rootfs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rootfs_fd < 0)
		return error_errno(root->err, "open rootfs in the bundle");
	if (copy_tree(root, rootfs_fd) < 0)
		return -1;
	root->overlay.layer_fds = root->fds;
	return 0;
}

/* --- the configuration ----------------------------------------------------------------------- */

static bool is_mapped(const id_map_list *maps, uint32_t id)
{
	uint32_t ignored;

	return maps->count == 0 || id_map_to_host(maps, id, &ignored);
}

static int set_user(struct root *root, const char *text)
{
	struct make_options *make = &root->bundle->make;
	struct arena *arena = root->store->arena;
	struct image_user user;

	if (image_user_find(&root->overlay, text, &user, root->err) < 0)
		return -1;
	if (!is_mapped(&make->uid_maps, user.uid) || !is_mapped(&make->gid_maps, user.gid))
		return error_set(root->err,
				 "the image runs as %u:%u, which you have no subordinate "
				 "ids for: see newuidmap(1) and /etc/subuid, or say --user 0",
				 user.uid, user.gid);
	make->user = arena_printf(arena, "%u:%u", user.uid, user.gid);
	LIST_EACH(group, user.groups)
		if (is_mapped(&make->gid_maps, *group))
			LIST_ADD(arena, &make->groups, *group);
	return 0;
}

/* With the host's network go the host's names. */
static void add_names(struct root *root)
{
	static const char *const files[] = { "/etc/resolv.conf", "/etc/hosts" };
	struct make_options *make = &root->bundle->make;

	if (make->net != MAKE_NET_HOST && !(make->net == MAKE_NET_DEFAULT && make->rootless))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (access(files[i], R_OK) == 0)
			LIST_ADD(root->store->arena, &make->mounts,
				 arena_printf(root->store->arena, "%s:%s:ro", files[i], files[i]));
}

static int write_config(struct root *root)
{
	const char *text = config_make(root->store->arena, &root->bundle->make, root->err);

	if (text == NULL)
		return -1;
	return file_replace(root->bundle->fd, "config.json", text, strlen(text), 0644, root->err);
}

int image_bundle_make(const struct store *store, struct image_bundle *bundle, struct error *err)
{
	struct root root = {
		.store = store, .bundle = bundle, .err = err,
		.overlay = { .arena = store->arena, .user_xattr = store->user_xattr },
	};
	const char *user;
	int result = -1;

	bundle->unpack.rootless = ids_are_one();
	if (image_config_apply_to(store->arena, bundle->image, bundle->entrypoint, &bundle->make,
				  &user, err) == 0 &&
	    make_root(&root) == 0 && set_user(&root, user) == 0) {
		add_names(&root);
		result = write_config(&root);
	}
	while (root.overlay.count > 0)
		fd_close(&root.fds[--root.overlay.count]);
	return result;
}
