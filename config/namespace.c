/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "config/id_map.h"
#include "config/section.h"
#include "config/subid.h"

/*
 * Namespaces, and what belongs to two of them: id maps, clock offsets.
 * Source: OCI runtime spec 1.3, config-linux.md.
 */

/* --- namespaces -------------------------------------------------------------- */

struct entry {
	uint64_t type;
	const char *path;
};

static int decode_type(struct decoder *d, const struct json *v, void *out)
{
	return decode_name(d, v, namespace_names, "a type of namespace", out);
}

/* Go programs may send "" for "none". */
static int decode_namespace_path(struct decoder *d, const struct json *v, void *out)
{
	if (v->type == JSON_STRING && *v->text == '\0')
		return 0;
	return decode_path(d, v, out);
}

static const struct field entry_fields[] = {
	FIELD("type", decode_type, struct entry, type, FIELD_REQUIRED),
	FIELD("path", decode_namespace_path, struct entry, path),
	{ NULL },
};

int decode_namespaces(struct decoder *d, const struct json *v, void *out)
{
	struct namespace_plan *planned = out;
	int result = 0;

	if (want_type(d, v, JSON_ARRAY) < 0)
		return -1;
	for (const struct json *item = v->first; item && (result == 0 || d->collect);
	     item = item->next) {
		struct entry entry = { 0 };

		if (decode_object(d, item, entry_fields, &entry) < 0) {
			result = -1;
			continue;
		}
		if (planned[entry.type].listed)
			result = bad_value(d, json_member(item, "type"), "is there twice: %s",
					   json_member(item, "type")->text);
		planned[entry.type].listed = true;
		planned[entry.type].path = entry.path;
	}
	return result;
}

/* --- id maps ------------------------------------------------------------------- */

static const struct field id_map_fields[] = {
	FIELD_U32("containerID", struct id_map, container, FIELD_REQUIRED),
	FIELD_U32("hostID", struct id_map, host, FIELD_REQUIRED),
	FIELD_U32("size", struct id_map, size, FIELD_REQUIRED),
	{ NULL },
};

static int decode_id_map(struct decoder *d, const struct json *v, void *out)
{
	struct id_map *map = out;
	uint32_t end;

	if (decode_object(d, v, id_map_fields, map) < 0)
		return -1;
	if (map->size == 0)
		return bad_value(d, json_member(v, "size"), "must be above 0");
	if (__builtin_add_overflow(map->container, map->size, &end))
		return bad_value(d, v, "maps ids above 4294967294: containerID + size");
	if (__builtin_add_overflow(map->host, map->size, &end))
		return bad_value(d, v, "maps to ids above 4294967294: hostID + size");
	return 0;
}

static bool overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

/* The kernel refuses the whole map with EINVAL, and does not say which line. */
static int check_overlap(struct decoder *d, const struct json *v, const id_map_list *maps)
{
	const struct json *item = v->first;

	for (size_t i = 0; i < maps->count; i++, item = item->next) {
		const struct id_map *a = &maps->items[i];

		for (size_t j = 0; j < i; j++) {
			const struct id_map *b = &maps->items[j];

			if (overlap(a->container, a->size, b->container, b->size))
				return bad_value(d, item, "maps ids of the container that entry "
						 "%zu maps, too", j);
			if (overlap(a->host, a->size, b->host, b->size))
				return bad_value(d, item, "maps to ids of the host that entry "
						 "%zu maps to, too", j);
		}
	}
	return 0;
}

int decode_id_maps(struct decoder *d, const struct json *v, void *out)
{
	if (v->type == JSON_ARRAY && v->count > ID_MAPS_MAX)
		return bad_value(d, v, "has %u entries, but the kernel takes %d", v->count,
				 ID_MAPS_MAX);
	/* None: then the list may be that of a mount's option. */
	if (decode_list(d, v, decode_id_map, sizeof(struct id_map), out) < 0)
		return -1;
	return v->count > 0 ? check_overlap(d, v, out) : 0;
}

/* The spec asks for no maps, and without any a namespace has no ids: the caller is root there. */
void id_maps_default(struct arena *arena, struct plan *plan)
{
	const struct namespace_plan *user = &plan->namespaces[NAMESPACE_USER];

	if (user->listed && user->path == NULL && plan->uid_maps.count == 0 &&
	    plan->gid_maps.count == 0)
		subid_maps(arena, &plan->uid_maps, &plan->gid_maps);
}

/* --- clock offsets ---------------------------------------------------------------- */

/* Half of what the kernel's clocks can count: above that none may be set. */
static int decode_seconds(struct decoder *d, const struct json *v, void *out)
{
	return decode_i64_between(d, v, -TIME_OFFSET_MAX, TIME_OFFSET_MAX, out);
}

static int decode_nanoseconds(struct decoder *d, const struct json *v, void *out)
{
	return decode_u32_up_to(d, v, 999999999, out);
}

static const struct field offset_fields[] = {
	FIELD("secs", decode_seconds, struct time_offset, secs),
	FIELD("nanosecs", decode_nanoseconds, struct time_offset, nanosecs),
	{ NULL },
};

int decode_time_offsets(struct decoder *d, const struct json *v, void *out)
{
	struct plan *plan = out;
	int result = 0;

	if (want_type(d, v, JSON_OBJECT) < 0)
		return -1;
	for (const struct json *clock = v->first; clock && (result == 0 || d->collect);
	     clock = clock->next) {
		struct time_offset *offset = NULL;

		if (strcmp(clock->key, "monotonic") == 0)
			offset = &plan->monotonic;
		else if (strcmp(clock->key, "boottime") == 0)
			offset = &plan->boottime;
		if (offset == NULL) {
			result = bad_value(d, clock, "is no clock of a time namespace: those are "
					   "\"monotonic\" and \"boottime\"");
		} else {
			offset->set = true;
			if (decode_object(d, clock, offset_fields, offset) < 0)
				result = -1;
		}
	}
	return result;
}
