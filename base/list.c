/* SPDX-License-Identifier: Apache-2.0 */
#include "base/list.h"

#include <stdlib.h>
#include <string.h>

void *list_add(struct arena *arena, void *out, size_t item_size)
{
	struct list *list = out;
	size_t count = list->count;

	if ((count & (count - 1)) == 0) {
		char *items = arena_array(arena, count == 0 ? 1 : count * 2, item_size);

		if (count > 0)
			memcpy(items, list->items, count * item_size);
		list->items = items;
	}
	list->count++;
	return (char *)list->items + count * item_size;
}

void list_reserve(struct arena *arena, void *out, size_t count, size_t item_size)
{
	struct list *list = out;
	size_t room = 1;

	while (room < count)
		room *= 2;
	list->items = arena_array(arena, room, item_size);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void words_sort(const char **words, size_t count)
{
	if (count > 0)
		qsort(words, count, sizeof(*words), by_name);
}
