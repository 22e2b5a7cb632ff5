/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/store/use.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/list.h"
#include "config/json_write.h"

enum { RECORD_MAX = 1 << 20 };

int store_record_layers(const struct store *store, int dir_fd, const char *file,
			const char *bundle, const word_list *names, struct error *err)
{
	struct json_writer w = { .text = { .arena = store->arena }, .indent = "\t" };

	json_write_object(&w, NULL);
	json_write_string(&w, "bundle", bundle);
	json_write_strings(&w, "layers", names->items, names->count);
	json_write_end(&w);
	return file_replace(dir_fd, file, w.text.data, w.text.size, 0600, err);
}

/* Adds the layers of one such file; its bundle, or NULL: it is none.  Unreadable is an error. */
static int read_layers(const struct store *store, int dir_fd, const char *file, word_list *names,
		       const char **ret_bundle, struct error *err)
{
	struct json_source source = { .name = file };
	const struct json *root, *bundle, *layers;
	struct error ignored;
	char *text;

	*ret_bundle = NULL;
	if (file_read(dir_fd, file, RECORD_MAX, store->arena, &text, &source.size, err) < 0)
		return err->code == ENOENT ? 0 : error_wrap(err, "%s/%s", store->path, file);
	source.text = text;
	root = json_parse(store->arena, &source, &ignored);
	bundle = json_member(root, "bundle");
	layers = json_member(root, "layers");
	if (bundle == NULL || bundle->type != JSON_STRING)
		return 0;
	for (const struct json *item = layers != NULL ? layers->first : NULL; item != NULL;
	     item = item->next)
		if (item->type == JSON_STRING)
			LIST_ADD(store->arena, names, item->text);
	*ret_bundle = bundle->text;
	return 0;
}

static const char *bundle_file(struct arena *arena, const char *bundle)
{
	struct digest digest;

	digest_of(bundle, strlen(bundle), &digest);
	return arena_strndup(arena, digest_hex(&digest), 32);
}

int store_use(const struct store *store, const char *bundle, const word_list *names,
	      struct error *err)
{
	_cleanup_fd int fd = store_below(store, "bundles", err);

	if (fd < 0)
		return -1;
	return store_record_layers(store, fd, bundle_file(store->arena, bundle), bundle, names,
				   err);
}

/* Mount points are told by their mark: a bundle's path begins with "/". */
#define MOUNT_MARK	"mount:"

int store_use_mount(const struct store *store, const char *path, const word_list *names,
		    struct error *err)
{
	return store_use(store, arena_printf(store->arena, MOUNT_MARK "%s", path), names, err);
}

static bool is_alive(struct arena *arena, const char *bundle)
{
	struct statfs fs;

	if (strncmp(bundle, MOUNT_MARK, strlen(MOUNT_MARK)) == 0)
		return statfs(bundle + strlen(MOUNT_MARK), &fs) == 0 &&
		       (unsigned long)fs.f_type == OVERLAYFS_SUPER_MAGIC;
	return access(arena_printf(arena, "%s/config.json", bundle), F_OK) == 0 ||
	       (errno != ENOENT && errno != ENOTDIR);
}

static int used_by_bundles(const struct store *store, word_list *names, struct error *err)
{
	_cleanup_fd int fd = store_below(store, "bundles", err);
	word_list files;

	if (fd < 0 || store_names(store->arena, fd, &files, err) < 0)
		return -1;
	LIST_EACH(file, files) {
		word_list of_this = { 0 };
		const char *bundle;

		if (read_layers(store, fd, *file, &of_this, &bundle, err) < 0)
			return -1;
		if (bundle == NULL || !is_alive(store->arena, bundle)) {
			unlinkat(fd, *file, 0);
			continue;
		}
		LIST_EACH(name, of_this)
			LIST_ADD(store->arena, names, *name);
	}
	return 0;
}

static int used_by_runs(const struct store *store, word_list *names, struct error *err)
{
	_cleanup_fd int fd = store_below(store, "run", err);
	word_list runs;

	if (fd < 0 || store_names(store->arena, fd, &runs, err) < 0)
		return -1;
	LIST_EACH(run, runs) {
		_cleanup_fd int run_fd = openat(fd, *run, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
						O_CLOEXEC);
		const char *bundle;

		if (run_fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			return error_errno(err, "open %s/run/%s", store->path, *run);
		if (run_fd >= 0 &&
		    read_layers(store, run_fd, "layers.json", names, &bundle, err) < 0)
			return -1;
	}
	return 0;
}

int store_used(const struct store *store, word_list *ret_names, struct error *err)
{
	*ret_names = (word_list){ 0 };
	return used_by_bundles(store, ret_names, err) < 0 ? -1 :
	       used_by_runs(store, ret_names, err);
}
