/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/root.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/sys.h"
#include "base/text.h"
#include "rootfs-tools/publish.h"

/*
 * mount(2) takes a page of options, and a path may have colons in it: each directory gets a
 * short name in the box, which overlayfs follows when it mounts, and the shortest path to that is
 * by an fd.  A page has room for 170 of them, and Docker's images have 127 layers at most.
 */
static int add_lower(struct text *options, const struct smoke *smoke, int *ret_fd,
		     struct error *err)
{
	const char *links = arena_printf(options->arena, "%s/l", smoke->work);
	_cleanup_fd int fd = -EBADF;
	size_t number = 0;

	if (mkdir(links, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "make directory %s", links);
	fd = open(links, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "open %s", links);
	text_add(options, "lowerdir=");
	LIST_EACH(directory, smoke->subject.directories) {
		const char *link = arena_printf(options->arena, "%zu", number);

		if (symlinkat(*directory, fd, link) < 0 && errno != EEXIST)
			return error_errno(err, "make link %s/%s", links, link);
		text_printf(options, "%s/proc/self/fd/%d/%s", number++ > 0 ? ":" : "", fd, link);
	}
	*ret_fd = fd_take(&fd);
	return 0;
}

static int overlay_mount(const char *path, const char *options, struct error *err)
{
	if (strlen(options) >= 4096)
		return error_set(err, "mount the image's layers: there are too many; \"kist rootfs "
				      "squash\" makes one of several");
	if (syscall(__NR_mount, "kist-smoke", path, "overlay", 0, options) < 0)
		return error_errno(err, "mount an overlay of the image on %s", path);
	return 0;
}

int root_make(struct arena *arena, const struct smoke *smoke, const char *name, struct root *ret,
	      struct error *err)
{
	const char *base = arena_printf(arena, "%s/%s", smoke->work, name);
	const char *work = arena_printf(arena, "%s/work", base);
	struct text options = { .arena = arena };
	_cleanup_fd int links_fd = -EBADF;
	struct stat st;

	ret->path = arena_printf(arena, "%s/root", base);
	ret->upper = arena_printf(arena, "%s/upper", base);
	if ((mkdir(base, 0711) < 0 && errno != EEXIST) || mkdir(ret->path, 0755) < 0 ||
	    mkdir(ret->upper, 0755) < 0 || mkdir(work, 0700) < 0)
		return error_errno(err, "make directory %s", base);
	/* The upper directory's mode and owner are those of the root that is seen. */
	if (stat(smoke->subject.directories.items[0], &st) == 0) {
		(void)!chown(ret->upper, st.st_uid, st.st_gid);
		chmod(ret->upper, st.st_mode & 07777);
	}
	if (add_lower(&options, smoke, &links_fd, err) < 0)
		return -1;
	text_printf(&options, ",upperdir=%s,workdir=%s%s", ret->upper, work,
		    smoke->rootless ? ",userxattr" : "");
	return overlay_mount(ret->path, options.data, err);
}

void root_drop(const struct root *root)
{
	struct error ignored;

	if (root->upper != NULL)
		tree_remove(AT_FDCWD, root->upper, &ignored);
}

int root_view(struct arena *arena, const struct smoke *smoke, const char **ret_path,
	      struct error *err)
{
	const char *path = arena_printf(arena, "%s/view", smoke->work);
	struct text options = { .arena = arena };
	_cleanup_fd int links_fd = -EBADF;

	*ret_path = smoke->subject.directories.items[0];
	if (smoke->subject.directories.count == 1)
		return 0;
	*ret_path = path;
	if (mkdir(path, 0700) < 0)
		return error_errno(err, "make directory %s", path);
	if (add_lower(&options, smoke, &links_fd, err) < 0)
		return -1;
	if (smoke->rootless)
		text_add(&options, ",userxattr");
	return overlay_mount(path, options.data, err);
}

/* --- what was written ---------------------------------------------------------------------- */

struct walk {
	struct arena *arena;
	struct written *written;
	size_t max;
};

static void add_file(struct walk *walk, const char *path, const char *mark)
{
	walk->written->count++;
	if (walk->written->files.count < walk->max)
		LIST_ADD(walk->arena, &walk->written->files,
			 arena_printf(walk->arena, "%s%s", path, mark));
}

static void walk_upper(struct walk *walk, int parent_fd, const char *name, const char *path,
		       unsigned int depth)
{
	DIR *directory =
		dir_take(openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	struct dirent *entry;

	if (directory == NULL)
		return;
	while ((entry = dir_next(directory)) != NULL) {
		const char *below;
		struct stat st;

		if (fstatat(dirfd(directory), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		below = arena_printf(walk->arena, "%s/%s", path, entry->d_name);
		if (S_ISDIR(st.st_mode) && depth < 100)
			walk_upper(walk, dirfd(directory), entry->d_name, below, depth + 1);
		else if (S_ISCHR(st.st_mode) && st.st_rdev == 0)
			add_file(walk, below, " (removed)");
		else if (!S_ISDIR(st.st_mode))
			add_file(walk, below, "");
		if (S_ISREG(st.st_mode))
			walk->written->bytes += (uint64_t)st.st_size;
	}
	closedir(directory);
}

void root_written(struct arena *arena, const struct root *root, size_t max, struct written *ret)
{
	struct walk walk = { .arena = arena, .written = ret, .max = max };

	*ret = (struct written){ 0 };
	walk_upper(&walk, AT_FDCWD, root->upper, "", 0);
}
