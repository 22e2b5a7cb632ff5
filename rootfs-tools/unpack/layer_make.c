/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "base/text.h"
#include "rootfs-tools/publish.h"
#include "rootfs-tools/unpack/layer.h"

enum { WRITE_BACK_SIZE = 8 << 20 };

/*
 * Everything is made anew, with O_EXCL or its like: nothing is ever written through a name that
 * was there.  What is in the way goes first.
 */
static int clear_place(struct layer *layer, int *parent_fd, struct error *err)
{
	const struct layer_path *path = &layer->path;

	if (dirs_forget(&layer->dirs, path->text, strlen(path->text), err) < 0)
		return -1;
	*parent_fd = dirs_enter(&layer->dirs, path->text, path->parent, err);
	return *parent_fd >= 0 ? tree_remove(*parent_fd, path->name, err) : -1;
}

/* --- files ----------------------------------------------------------------------------- */

static int write_at(int fd, const unsigned char *data, size_t size, uint64_t offset)
{
	while (size > 0) {
		ssize_t n = pwrite(fd, data, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

/* The disk is to begin before publish_commit() waits for all of it. */
static void write_back(const struct tar_entry *entry, int fd)
{
	if (entry->size >= WRITE_BACK_SIZE)
		sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static int file_fill(struct layer *layer, struct tar *tar, const struct tar_entry *entry, int fd,
		     struct error *err)
{
	const unsigned char *data;
	uint64_t offset;
	ssize_t size;

	while ((size = tar_data(tar, &data, &offset, err)) > 0) {
		if (write_at(fd, data, (size_t)size, offset) < 0)
			return error_errno(err, "write");
		if (layer->tick(layer->context, err) < 0)
			return -1;
	}
	if (size < 0)
		return -1;
	if (entry->is_sparse && ftruncate(fd, (off_t)entry->size) < 0)
		return error_errno(err, "make it %ju bytes long", (uintmax_t)entry->size);
	write_back(entry, fd);
	return 0;
}

static int make_file(struct layer *layer, struct tar *tar, const struct tar_entry *entry,
		     int parent_fd, struct error *err)
{
	const struct timespec times[2] = { entry->atime, entry->mtime };
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	const char *name = layer->path.name;
	_cleanup_fd int fd = openat(parent_fd, name, flags, entry->mode & 0777);

	if (fd < 0 && errno == EEXIST) {
		if (clear_place(layer, &parent_fd, err) < 0)
			return -1;
		fd = openat(parent_fd, name, flags, entry->mode & 0777);
	}
	if (fd < 0)
		return error_errno(err, "make a file");
	if (file_fill(layer, tar, entry, fd, err) < 0 ||
	    owner_apply_fd(layer, entry, fd, true, err) < 0)
		return -1;
	return futimens(fd, times) == 0 ? 0 : error_errno(err, "set its times");
}

static bool is_whiteout(const struct layer *layer, const struct stat *st)
{
	return layer->options->mode == UNPACK_OVERLAY && S_ISCHR(st->st_mode) &&
	       st->st_rdev == makedev(0, 0);
}

/* --- directories ----------------------------------------------------------------------- */

/* What is there already: 1 a directory, which stays; 0 something else, which is gone now. */
static int existing_directory(struct layer *layer, int *parent_fd, bool *ret_opaque,
			      struct error *err)
{
	struct stat st;

	if (fstatat(*parent_fd, layer->path.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(err, "look at what is there");
	if (S_ISDIR(st.st_mode))
		return 1;
	*ret_opaque = is_whiteout(layer, &st);
	return clear_place(layer, parent_fd, err);
}

static int open_directory(int parent_fd, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent_fd, name, flags);

	/* Its owner is locked out by its mode, and may change that. */
	if (fd < 0 && errno == EACCES && fchmodat(parent_fd, name, 0700, 0) == 0)
		fd = openat(parent_fd, name, flags);
	return fd;
}

static int make_directory(struct layer *layer, const struct tar_entry *entry, int parent_fd,
			  struct error *err)
{
	const char *name = layer->path.name;
	_cleanup_fd int fd = -EBADF;
	bool opaque = false;
	int exists = 0;

	if (mkdirat(parent_fd, name, entry->mode) < 0) {
		if (errno != EEXIST)
			return error_errno(err, "make a directory");
		exists = existing_directory(layer, &parent_fd, &opaque, err);
		if (exists < 0)
			return -1;
		if (exists == 0 && mkdirat(parent_fd, name, entry->mode) < 0)
			return error_errno(err, "make a directory");
	}
	fd = open_directory(parent_fd, name);
	if (fd < 0)
		return error_errno(err, "open a directory");
	if (owner_apply_fd(layer, entry, fd, exists == 0, err) < 0 ||
	    (opaque && whiteout_opaque(layer, fd, err) < 0))
		return -1;
	if (dirs_push(&layer->dirs, name, fd_take(&fd), err) < 0)
		return -1;
	dirs_top(&layer->dirs)->times[0] = entry->atime;
	dirs_top(&layer->dirs)->times[1] = entry->mtime;
	return 0;
}

/* --- links ----------------------------------------------------------------------------- */

static int make_symlink(struct layer *layer, const struct tar_entry *entry, int parent_fd,
			struct error *err)
{
	const char *name = layer->path.name;

	if (entry->link[0] == '\0')
		return error_set(err, "is a symlink to nothing");
	if (symlinkat(entry->link, parent_fd, name) < 0) {
		if (errno != EEXIST)
			return error_errno(err, "make a symlink");
		if (clear_place(layer, &parent_fd, err) < 0)
			return -1;
		if (symlinkat(entry->link, parent_fd, name) < 0)
			return error_errno(err, "make a symlink");
	}
	return owner_apply_name(layer, entry, parent_fd, name, err);
}

/* The directory of the link's target; links on the way are followed inside the root. */
static int target_parent(struct layer *layer, struct error *err)
{
	const struct layer_path *link = &layer->link;
	char path[TAR_MAX_PATH];

	snprintf(path, sizeof(path), "%.*s", (int)link->parent, link->text);
	return path_open(layer->dirs.stack[0].fd, link->parent > 0 ? path : "/",
			 O_PATH | O_DIRECTORY, err);
}

static bool is_same_file(int a_fd, const char *a, int b_fd, const char *b)
{
	struct stat x, y;

	return fstatat(a_fd, a, &x, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(b_fd, b, &y, AT_SYMLINK_NOFOLLOW) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static const char *shown(struct layer *layer, const struct tar_entry *entry)
{
	return text_printable(layer->arena, entry->link);
}

static int make_hard_link(struct layer *layer, const struct tar_entry *entry, int parent_fd,
			  struct error *err)
{
	const char *name = layer->path.name;
	_cleanup_fd int fd = -EBADF;
	struct stat st;

	if (layer_path_set(&layer->link, entry->link, err) < 0)
		return error_wrap(err, "its hard link's target %.100s", shown(layer, entry));
	fd = target_parent(layer, err);
	if (fd < 0 || fstatat(fd, layer->link.name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    is_whiteout(layer, &st)) {
		error_set(err, "is a hard link to %.100s, which is not there", shown(layer, entry));
		return layer->options->mode == UNPACK_OVERLAY ?
			       error_hint(err,
					  "the store wants both in one layer; --copy does not") :
			       -1;
	}
	if (S_ISDIR(st.st_mode))
		return error_set(err, "is a hard link to the directory %.100s",
				 shown(layer, entry));
	if (linkat(fd, layer->link.name, parent_fd, name, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return error_errno(err, "make a hard link to %.100s", shown(layer, entry));
	if (is_same_file(fd, layer->link.name, parent_fd, name))
		return 0;
	if (clear_place(layer, &parent_fd, err) < 0)
		return -1;
	if (linkat(fd, layer->link.name, parent_fd, name, 0) < 0)
		return error_errno(err, "make a hard link to %.100s", shown(layer, entry));
	return 0;
}

/* --- devices --------------------------------------------------------------------------- */

static int node_make(const struct tar_entry *entry, int parent_fd, const char *name)
{
	mode_t kind = entry->type == TAR_CHARACTER ? S_IFCHR :
		      entry->type == TAR_BLOCK ? S_IFBLK : S_IFIFO;

	return mknodat(parent_fd, name, kind | entry->mode, makedev(entry->major, entry->minor));
}

static int make_node(struct layer *layer, struct tar *tar, const struct tar_entry *entry,
		     int parent_fd, struct error *err)
{
	const char *name = layer->path.name;
	int code;

	/* As umoci does: who may not make devices gets the name, and an image that unpacks. */
	if (layer->options->rootless && entry->type != TAR_FIFO)
		return make_file(layer, tar, entry, parent_fd, err);
	code = node_make(entry, parent_fd, name);
	if (code < 0 && errno == EEXIST) {
		if (clear_place(layer, &parent_fd, err) < 0)
			return -1;
		code = node_make(entry, parent_fd, name);
	}
	/* The root of a user namespace: a store has no --rootless to be asked for. */
	if (code < 0 && errno == EPERM && layer->options->mode == UNPACK_OVERLAY)
		return make_file(layer, tar, entry, parent_fd, err);
	if (code < 0) {
		bool forbidden = errno == EPERM;

		error_errno(err, "make a device");
		return forbidden ? error_hint(err, "--rootless makes an empty file") : -1;
	}
	return owner_apply_name(layer, entry, parent_fd, name, err);
}

int layer_make(struct layer *layer, struct tar *tar, const struct tar_entry *entry,
	       int parent_fd, struct error *err)
{
	switch (entry->type) {
	case TAR_FILE:
		return make_file(layer, tar, entry, parent_fd, err);
	case TAR_DIRECTORY:
		return make_directory(layer, entry, parent_fd, err);
	case TAR_SYMLINK:
		return make_symlink(layer, entry, parent_fd, err);
	case TAR_HARD_LINK:
		return make_hard_link(layer, entry, parent_fd, err);
	default:
		return make_node(layer, tar, entry, parent_fd, err);
	}
}
