/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/namespace.h"
#include "base/text.h"
#include "rootfs-tools/interrupt.h"

enum { RECORD_MAX = 4096 };

/* --- where, and who else ---------------------------------------------------------------- */

static bool host_root(void)
{
	return geteuid() == 0 && namespace_user_is_initial();
}

static const char *default_path(struct arena *arena, struct error *err)
{
	const char *data = secure_getenv("XDG_DATA_HOME"), *home = secure_getenv("HOME");

	if (host_root())
		return "/var/lib/kist";
	if (data != NULL && data[0] == '/')
		return arena_printf(arena, "%s/kist", data);
	if (home != NULL && home[0] == '/')
		return arena_printf(arena, "%s/.local/share/kist", home);
	error_set(err, "no place for the store: HOME is not set; give one with --store DIR");
	return NULL;
}

/* No store, and not empty: /tmp, or somebody's home. */
static bool is_foreign(int fd)
{
	DIR *dir = dir_list(fd);
	bool foreign = dir == NULL || dir_next(dir) != NULL;

	if (dir != NULL)
		closedir(dir);
	return foreign && faccessat(fd, "layers", F_OK, AT_SYMLINK_NOFOLLOW) < 0;
}

/* 0700 and ours: else what is found there is anybody's. */
static int directory_check(int fd, const char *path, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_errno(err, "check the store %s", path);
	if (st.st_uid != geteuid())
		return error_number(err, EPERM, "the store %s belongs to user %u, not to us", path,
				    st.st_uid);
	if ((st.st_mode & 0077) != 0 && is_foreign(fd))
		return error_set(err,
				 "the store %s: holds other things, and is open to others; "
				 "\"chmod 0700\" makes it private, or choose another with --store",
				 path);
	if ((st.st_mode & 0077) != 0 && fchmod(fd, 0700) < 0)
		return error_errno(err, "make the store %s private", path);
	return 0;
}

int store_below(const struct store *store, const char *name, struct error *err)
{
	int fd;

	if (mkdirat(store->fd, name, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "make %s in the store", name);
	fd = openat(store->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? fd : error_errno(err, "open %s in the store", name);
}

/* Others are waited for in steps, so that Ctrl-C ends it. */
static int lock(int fd, int how, struct error *err)
{
	static const struct timespec pause = { .tv_nsec = 20000000 };

	while (flock(fd, how | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_errno(err, "lock the store");
		if (interrupt_check(err) < 0)
			return -1;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* Its own parents, as "mkdir -p" has it: of ~/.local/share nothing may be there. */
static int make_parents(struct arena *arena, const char *path, struct error *err)
{
	char *copy = arena_strdup(arena, path);

	for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return error_errno(err, "make %s for the store", copy);
		*slash = '/';
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "make the store %s", path);
	return 0;
}

static int path_check(const char *path, struct error *err)
{
	size_t length = strcspn(path, ",:\\");

	if (path[length] == '\0')
		return 0;
	return error_set(err, "the store %s: overlayfs takes no \"%c\" in a path; choose another "
			 "with --store", path, path[length]);
}

int store_open(struct arena *arena, const char *path, enum store_access access,
	       struct store *ret, struct error *err)
{
	char absolute[PATH_MAX];

	*ret = (struct store)STORE_NONE;
	ret->arena = arena;
	ret->user_xattr = !host_root();
	if (path == NULL)
		path = default_path(arena, err);
	if (path == NULL || make_parents(arena, path, err) < 0)
		return -1;
	if (realpath(path, absolute) == NULL)
		return error_errno(err, "open the store %s", path);
	ret->path = arena_strdup(arena, absolute);
	ret->fd = open(absolute, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->fd < 0)
		return error_errno(err, "open the store %s", path);
	if (path_check(ret->path, err) < 0 || directory_check(ret->fd, ret->path, err) < 0 ||
	    (ret->data_fd = store_below(ret, "l", err)) < 0 ||
	    (ret->layers_fd = store_below(ret, "layers", err)) < 0) {
		store_close(ret);
		return -1;
	}
	ret->lock_fd = openat(ret->fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (ret->lock_fd < 0)
		error_errno(err, "open the lock of the store");
	else if (lock(ret->lock_fd, access == STORE_REMOVE ? LOCK_EX : LOCK_SH, err) == 0)
		return 0;
	store_close(ret);
	return -1;
}

void store_close(struct store *store)
{
	fd_close(&store->lock_fd);
	fd_close(&store->layers_fd);
	fd_close(&store->data_fd);
	fd_close(&store->fd);
}

/* --- what is there ------------------------------------------------------------------------ */

static bool record_u64(const struct json *root, const char *key, uint64_t *ret)
{
	const struct json *v = json_member(root, key);

	return v != NULL && v->type == JSON_NUMBER && text_to_u64(v->text, INT64_MAX, ret);
}

static bool record_text(const struct json *root, const char *key, const char **ret)
{
	const struct json *v = json_member(root, key);

	if (v == NULL || v->type != JSON_STRING)
		return false;
	*ret = v->text;
	return true;
}

static bool record_bool(const struct json *root, const char *key)
{
	const struct json *v = json_member(root, key);

	return v != NULL && v->type == JSON_BOOL && v->truth;
}

static bool name_is_plain(const char *name)
{
	return *name != '\0' && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789")] == '\0';
}

static bool record_read(const struct store *store, const struct json *root,
			struct store_layer *ret)
{
	const char *marks = NULL;
	uint64_t made = 0;

	if (root == NULL || !record_text(root, "directory", &ret->name) ||
	    !name_is_plain(ret->name) || !record_text(root, "fingerprint", &ret->fingerprint) ||
	    !record_u64(root, "entries", &ret->entries) ||
	    !record_u64(root, "bytes", &ret->bytes) || !record_u64(root, "made", &made) ||
	    !record_text(root, "marks", &marks))
		return false;
	ret->made = (int64_t)made;
	ret->has_root = record_bool(root, "root");
	ret->hides_all = record_bool(root, "hides");
	ret->other_marks = strcmp(marks, store->user_xattr ? "user" : "trusted") != 0;
	return !ret->other_marks;
}

int store_find(const struct store *store, const char *key, struct store_layer *ret,
	       struct error *err)
{
	struct json_source source = { .name = key };
	bool found = false;
	struct stat st;
	char *text;

	*ret = (struct store_layer){ .key = arena_strdup(store->arena, key) };
	if (file_read(store->layers_fd, key, RECORD_MAX, store->arena, &text, &source.size,
		      err) < 0) {
		if (err->code == ENOENT)
			return 0;
		return error_wrap(err, "store %s", store->path);
	}
	source.text = text;
	if (record_read(store, json_parse(store->arena, &source, err), ret)) {
		if (fstatat(store->data_fd, ret->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			found = S_ISDIR(st.st_mode);
		else if (errno != ENOENT)
			return error_errno(err, "look at the store's layer %s", key);
	}
	if (found)
		return 1;
	warn("the store's entry %s is damaged: taken as not there", key);
	return 0;
}

int store_layer_open(const struct store *store, const struct store_layer *layer,
		     struct error *err)
{
	int fd = openat(store->data_fd, layer->name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 ? fd : error_errno(err, "open the store's layer %s", layer->key);
}

int store_names(struct arena *arena, int dir_fd, word_list *ret, struct error *err)
{
	DIR *dir = dir_list(dir_fd);

	*ret = (word_list){ 0 };
	if (dir == NULL)
		return error_errno(err, "read a directory of the store");
	for (struct dirent *entry; (entry = dir_next(dir)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		LIST_ADD(arena, ret, arena_strdup(arena, entry->d_name));
	}
	/* What is not in the list is removed as nobody's. */
	if (errno != 0) {
		error_errno(err, "read a directory of the store");
		closedir(dir);
		return -1;
	}
	closedir(dir);
	return 0;
}

int store_list(const struct store *store, store_layer_list *ret, struct error *err)
{
	word_list keys;

	if (store_names(store->arena, store->layers_fd, &keys, err) < 0)
		return -1;
	*ret = (store_layer_list){ ARENA_NEWS(store->arena, keys.count + 1, struct store_layer),
				   0 };
	LIST_EACH(key, keys) {
		int found = store_find(store, *key, &ret->items[ret->count], err);

		if (found < 0)
			return -1;
		ret->count += (size_t)found;
	}
	return 0;
}
