/* SPDX-License-Identifier: Apache-2.0 */
#include "config/id_map.h"

#include "base/text.h"

const char *id_map_text(struct arena *arena, const id_map_list *maps)
{
	struct text text = { .arena = arena };

	LIST_EACH(map, *maps)
		text_printf(&text, "%u %u %u\n", map->container, map->host, map->size);
	return text.size > 0 ? text.data : "";
}

bool id_map_to_host(const id_map_list *maps, uint32_t id, uint32_t *ret)
{
	LIST_EACH(map, *maps)
		if (id >= map->container && id - map->container < map->size) {
			*ret = map->host + (id - map->container);
			return true;
		}
	return false;
}
