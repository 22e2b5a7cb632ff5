/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/list.h"
#include "base/text.h"
#include "config/id_map.h"
#include "config/mount_option.h"
#include "config/section.h"

/*
 * The option that crun added and Podman sends, a map inside a word:
 * "idmap=uids=0-1-10#10-11-10;gids=@0-100-10".  A triplet is the first id in
 * the file system, what it becomes on the host, and how many; with "@" the
 * second one is an id in the container, by its user namespace's map.
 */

static const char *map_key(bool uids)
{
	return uids ? "uidMappings" : "gidMappings";
}

/* The container's own map, decoded once, for each range may ask for it.  NULL: it is wrong. */
static const id_map_list *container_map(struct decoder *d, bool uids)
{
	const struct json *v = json_member(json_member(d->root, "linux"), map_key(uids));
	id_map_list *list;

	if (d->maps[uids] != NULL)
		return d->maps[uids];
	list = ARENA_NEW(d->arena, id_map_list);
	if (v != NULL && v->type != JSON_NULL && decode_id_maps(d, v, list) < 0)
		return NULL;
	return d->maps[uids] = list;
}

static int find_host_id(struct decoder *d, const struct json *v, bool uids, struct id_map *map)
{
	const id_map_list *list = container_map(d, uids);

	if (list == NULL)
		return -1;
	if (id_map_to_host(list, map->host, &map->host))
		return 0;
	return bad_value(d, v, "maps to id %u of the container, which /linux/%s lacks", map->host,
			 map_key(uids));
}

/* "0-1-10" at *at, which goes behind it. */
static bool triplet_parse(const char **at, struct id_map *map)
{
	uint32_t *const numbers[] = { &map->container, &map->host, &map->size };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint64_t id;

		/* The last id is none: it means "leave it alone". */
		if ((i > 0 && *(*at)++ != '-') || !text_take_u64(at, UINT32_MAX - 1, &id))
			return false;
		*numbers[i] = (uint32_t)id;
	}
	return map->size > 0;
}

static int decode_ranges(struct decoder *d, const struct json *v, const char *at, bool uids,
			 id_map_list *list)
{
	for (;;) {
		bool relative = *at == '@';
		struct id_map *map;
		uint32_t end;

		if (list->count == ID_MAPS_MAX)
			return bad_value(d, v, "has more than %d ranges: the kernel takes no more",
					 ID_MAPS_MAX);
		map = LIST_NEW(d->arena, list);
		at += relative;
		if (!triplet_parse(&at, map) ||
		    __builtin_add_overflow(map->container, map->size, &end))
			break;
		if (relative && find_host_id(d, v, uids, map) < 0)
			return -1;
		if (__builtin_add_overflow(map->host, map->size, &end))
			break;
		if (*at == '\0' || *at == ';')
			return 0;
		if (*at++ != '#')
			break;
	}
	return bad_value(d, v, "must be as \"idmap=uids=0-1-10#10-11-10;gids=0-1-10\", not \"%s\"",
			 v->text);
}

int decode_idmap_option(struct decoder *d, const struct json *v, struct mount_plan *mount)
{
	const char *at = strchr(v->text, '=') + 1;
	int result = 0;

	mount->flags |= MOUNT_IDMAP;
	if (*v->text == 'r')
		mount->flags |= MOUNT_IDMAP_RECURSIVE;
	while (*at != '\0' && result == 0) {
		bool uids = strncmp(at, "uids=", 5) == 0;
		/* Of the mount, in whose options v stands. */
		const struct json *other = json_member(v->parent->parent, map_key(uids));

		if (!uids && strncmp(at, "gids=", 5) != 0)
			return bad_value(d, v,
					 "must have \"uids=\" and \"gids=\" behind \"idmap=\", "
					 "not \"%s\"",
					 at);
		if (other != NULL && other->count > 0)
			return bad_value(d, v, "has a map, and so has %s: one is too many",
					 map_key(uids));
		result = decode_ranges(d, v, at + 5, uids,
				       uids ? &mount->uid_maps : &mount->gid_maps);
		at += strcspn(at, ";");
		at += *at == ';';
	}
	return result;
}
