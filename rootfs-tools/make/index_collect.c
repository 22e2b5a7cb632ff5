/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/make/index_collect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "rootfs-tools/image/layout.h"
#include "rootfs-tools/interrupt.h"
#include "rootfs-tools/tree/tree.h"

enum { DEPTH_MAX = 16, HEX = 64 };

struct collector {
	struct writer *writer;
	struct tree needed;		/* names of blobs: a set; layer 1: it was read */
	struct error *err;
};

static int mark_value(struct collector *c, const struct json *value, unsigned int depth);

static bool is_document(const char *type)
{
	size_t length = type != NULL ? strlen(type) : 0;

	return length > 5 && strcmp(type + length - 5, "+json") == 0;
}

/* What these name must be known; other JSON, as an SBOM, is of any size, and of many kinds. */
static bool is_manifest(const char *type)
{
	return strstr(type, ".manifest.") != NULL || strstr(type, ".index.") != NULL;
}

/*
 * A layout with one platform of several lacks what an index in it names, and that is no reason to
 * stop.  Where what index.json itself names is missing, nobody knows what belonged to it.
 */
static int mark_document(struct collector *c, const char *name, const char *type,
			 unsigned int depth)
{
	struct json_source source = { name, NULL, 0 };
	const struct json *json;
	char *bytes;

	if (depth == DEPTH_MAX)
		return error_set(c->err, "%s: documents lead to documents too often",
				 c->writer->path);
	if (layout_file_read(c->writer->blobs_fd, name, c->writer->arena, &bytes, &source.size,
			     c->err) < 0) {
		bool known = c->err->code == ENOENT ? depth > 0 :
						      c->err->code == EFBIG && !is_manifest(type);

		return known ? 0 : error_wrap(c->err, "%s", c->writer->path);
	}
	source.text = bytes;
	json = json_parse(c->writer->arena, &source, c->err);
	if (json == NULL)
		return is_manifest(type) ? -1 : 0;
	return mark_value(c, json, depth + 1);
}

/* Whatever says "digest" needs it, in members that nobody here knows, too. */
static int mark_digest(struct collector *c, const struct json *object, unsigned int depth)
{
	const char *text = json_text(object, "digest"), *type = json_text(object, "mediaType");
	struct tree_node *node;
	struct error ignored;
	struct digest digest;

	if (text == NULL || digest_parse(text, &digest, &ignored) < 0 ||
	    strncmp(digest.text, "sha256:", 7) != 0)
		return 0;
	node = tree_add_child(&c->needed, c->needed.root, digest_hex(&digest), c->err);
	if (node == NULL)
		return -1;
	/* Who named it first may not have said what it is. */
	if (node->layer != 0 || !is_document(type))
		return 0;
	node->layer = 1;
	return mark_document(c, node->name, type, depth);
}

static int mark_value(struct collector *c, const struct json *value, unsigned int depth)
{
	if (value->type == JSON_OBJECT && mark_digest(c, value, depth) < 0)
		return -1;
	if (value->type == JSON_OBJECT || value->type == JSON_ARRAY)
		JSON_EACH(item, value)
			if (mark_value(c, item, depth) < 0)
				return -1;
	return 0;
}

static int sweep_one(struct collector *c, int fd, const char *name, struct index_collected *ret)
{
	struct stat st;

	if (strlen(name) != HEX || strspn(name, "0123456789abcdef") != HEX ||
	    tree_find_child(c->needed.root, name) != NULL)
		return interrupt_check(c->err);
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || unlinkat(fd, name, 0) < 0)
		return error_errno(c->err, "remove %s/blobs/sha256/%s", c->writer->path, name);
	ret->blobs++;
	ret->bytes += (uint64_t)st.st_size;
	return 0;
}

static int sweep(struct collector *c, struct index_collected *ret)
{
	DIR *stream = dir_list(c->writer->blobs_fd);
	struct dirent *entry;
	int status = 0;

	if (stream == NULL)
		return error_errno(c->err, "read %s/blobs/sha256", c->writer->path);
	while (status == 0 && (entry = dir_next(stream)) != NULL)
		status = sweep_one(c, c->writer->blobs_fd, entry->d_name, ret);
	if (status == 0 && errno != 0)
		status = error_errno(c->err, "read %s/blobs/sha256", c->writer->path);
	closedir(stream);
	return status;
}

int index_collect(struct writer *w, struct index_collected *ret, struct error *err)
{
	struct collector c = { .writer = w, .err = err };

	*ret = (struct index_collected){ 0 };
	tree_init(&c.needed, w->arena);
	if (mark_value(&c, w->index, 0) < 0)
		return -1;
	return sweep(&c, ret);
}
