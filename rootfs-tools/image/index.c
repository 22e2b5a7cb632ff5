/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/image/index.h"

#include "base/fd.h"
#include "base/list.h"
#include "rootfs-tools/image/layout.h"

/* The tag of a descriptor in index.json, or NULL. */
static const char *index_tag(const struct json *descriptor)
{
	return json_text(json_member(descriptor, "annotations"), IMAGE_REF_NAME);
}

static void set_tag(struct arena *arena, struct json *descriptor, const char *tag)
{
	json_set_string(arena, json_demand(arena, descriptor, "annotations", JSON_OBJECT),
			IMAGE_REF_NAME, tag);
}

static struct json *index_begin(struct writer *w)
{
	struct json *index;

	if (w->index != NULL) {
		index = json_copy(w->arena, w->index);
	} else {
		index = json_new(w->arena, JSON_OBJECT);
		json_set(w->arena, index, "schemaVersion", json_new_u64(w->arena, 2));
		json_set_string(w->arena, index, "mediaType", IMAGE_TYPE_INDEX);
	}
	json_demand(w->arena, index, "manifests", JSON_ARRAY);
	return index;
}

static int index_end(struct writer *w, const struct json *index, struct error *err)
{
	struct text text = { .arena = w->arena };

	json_print(&text, index);
	return writer_commit(w, text.data, text.size, err);
}

/* An array with the members of the old one, but for those of the tag; one of them may return. */
static struct json *without_tag(struct writer *w, const struct json *list, const char *tag,
				struct json *instead, bool *ret_found)
{
	struct json *kept = json_new(w->arena, JSON_ARRAY);

	*ret_found = false;
	JSON_EACH(item, list) {
		const char *name = index_tag(item);

		if (name == NULL || strcmp(name, tag) != 0) {
			json_push(kept, json_copy(w->arena, item));
			continue;
		}
		if (!*ret_found && instead != NULL)
			json_push(kept, instead);
		*ret_found = true;
	}
	return kept;
}

/* --- indexes in indexes --------------------------------------------------------------- */

static bool is_index(const struct json *descriptor)
{
	const char *type = json_text(descriptor, "mediaType");

	return type != NULL && media_type_is_index(type);
}

/* NULL and no error where it is no sha256 blob of this layout. */
static struct json *read_index(struct writer *w, const struct json *descriptor, struct error *err)
{
	const char *text = json_text(descriptor, "digest");
	struct json_source source = { text, NULL, 0 };
	struct digest wanted, found;
	const struct json *json;
	char *bytes;

	if (text == NULL || digest_parse(text, &wanted, err) < 0 ||
	    layout_file_read(w->blobs_fd, digest_hex(&wanted), w->arena, &bytes, &source.size,
			     err) < 0) {
		error_wrap(err, "%s: index %s", w->path, text != NULL ? text : "");
		return NULL;
	}
	digest_of(bytes, source.size, &found);
	source.text = bytes;
	json = digest_equal(&wanted, &found) ? json_parse(w->arena, &source, err) : NULL;
	if (json == NULL)
		error_set(err, "%s: index %s is not what its digest says", w->path, text);
	return json != NULL ? json_copy(w->arena, json) : NULL;
}

/* What says where the bytes are, from one descriptor to the other; platform and all else stay. */
static void point_to(struct arena *arena, struct json *descriptor, const struct json *to)
{
	static const char *const keys[] = { "mediaType", "digest", "size" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		json_set(arena, descriptor, keys[i], json_copy(arena, json_member(to, keys[i])));
}

static int write_index(struct writer *w, struct json *descriptor, const struct json *index,
		       struct error *err)
{
	struct text text = { .arena = w->arena };
	struct stored stored;

	json_print(&text, index);
	if (writer_blob(w, text.data, text.size, &stored, err) < 0)
		return -1;
	json_set_string(w->arena, descriptor, "digest", stored.digest.text);
	json_set(w->arena, descriptor, "size", json_new_u64(w->arena, stored.size));
	return 0;
}

struct exchange {
	struct writer *w;
	const char *old;
	const struct json *to;
	word_list dead;			/* digests of indexes that do not lead to old */
};

static bool is_dead(const struct exchange *x, const char *digest)
{
	LIST_EACH(dead, x->dead)
		if (digest != NULL && strcmp(*dead, digest) == 0)
			return true;
	return false;
}

/* 1: the descriptor leads to old, and now to the new manifest; 0: it does not. */
static int exchange(struct exchange *x, struct json *descriptor, unsigned int depth,
		    struct error *err)
{
	const char *digest = json_text(descriptor, "digest");
	struct writer *w = x->w;
	struct json *index;
	int changed = 0;

	if (digest != NULL && strcmp(digest, x->old) == 0) {
		point_to(w->arena, descriptor, x->to);
		return 1;
	}
	if (!is_index(descriptor) || is_dead(x, digest))
		return 0;
	if (depth == IMAGE_MAX_INDEX_DEPTH)
		return error_set(err, "%s: more than %d indexes in each other", w->path,
				 IMAGE_MAX_INDEX_DEPTH);
	index = read_index(w, descriptor, err);
	if (index == NULL)
		return -1;
	JSON_EACH(item, json_demand(w->arena, index, "manifests", JSON_ARRAY)) {
		changed = exchange(x, (struct json *)(uintptr_t)item, depth + 1, err);
		if (changed != 0)
			break;
	}
	if (changed == 0)
		LIST_ADD(w->arena, &x->dead, digest);
	if (changed <= 0)
		return changed;
	return write_index(w, descriptor, index, err) < 0 ? -1 : 1;
}

/* --- changes -------------------------------------------------------------------------- */

int index_commit(struct writer *w, const struct digest *old, struct json *descriptor,
		 struct error *err)
{
	struct json *index = index_begin(w), *list = json_member_edit(index, "manifests");
	struct exchange x = { .w = w, .old = old != NULL ? old->text : NULL, .to = descriptor };
	const char *tag = w->tag != NULL ? w->tag : "latest";
	bool found;

	JSON_EACH(item, list) {
		struct json *entry = (struct json *)(uintptr_t)item;
		const char *name = index_tag(entry);
		int changed;

		/* A layout with one image needs no tag: without one given, that is meant. */
		if (w->tag == NULL && list->count == 1)
			name = tag;
		if (name == NULL || strcmp(name, tag) != 0)
			continue;
		changed = old != NULL ? exchange(&x, entry, 0, err) : 0;
		if (changed < 0)
			return -1;
		if (changed > 0)
			return index_end(w, index, err);
	}
	set_tag(w->arena, descriptor, tag);
	list = without_tag(w, list, tag, descriptor, &found);
	if (!found)
		json_push(list, descriptor);
	json_set(w->arena, index, "manifests", list);
	return index_end(w, index, err);
}

static int no_such_tag(const struct writer *w, const struct json *list, const char *tag,
		       struct error *err)
{
	struct text names = { .arena = w->arena };

	JSON_EACH(item, list)
		if (index_tag(item) != NULL)
			text_printf(&names, "%s%s", names.size > 0 ? ", " : "", index_tag(item));
	return error_set(err, "%s: no image is called %s; there %s", w->path, tag,
			 names.size > 0 ? arena_printf(w->arena, "are: %s", names.data) :
					  "is none with a name");
}

int index_tag_commit(struct writer *w, const char *tag, const char *to, struct error *err)
{
	struct json *index = index_begin(w), *list = json_member_edit(index, "manifests");
	struct json *copy = NULL;
	bool found;

	JSON_EACH(item, list) {
		const char *name = index_tag(item);

		if (tag == NULL ? list->count == 1 : name != NULL && strcmp(name, tag) == 0)
			copy = json_copy(w->arena, item);
	}
	if (copy == NULL && tag == NULL)
		return error_set(err, "%s: has %u images; say which, by its tag", w->path,
				 list->count);
	if (copy == NULL)
		return no_such_tag(w, list, tag, err);
	set_tag(w->arena, copy, to);
	list = without_tag(w, list, to, copy, &found);
	if (!found)
		json_push(list, copy);
	json_set(w->arena, index, "manifests", list);
	return index_end(w, index, err);
}

int index_remove_commit(struct writer *w, const char *const *tags, size_t count, struct error *err)
{
	struct json *index = index_begin(w), *list = json_member_edit(index, "manifests");
	bool found;

	for (size_t i = 0; i < count; i++) {
		struct json *kept = without_tag(w, list, tags[i], NULL, &found);

		if (!found)
			return no_such_tag(w, list, tags[i], err);
		list = kept;
	}
	json_set(w->arena, index, "manifests", list);
	return index_end(w, index, err);
}
