/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/unpack/id_maps.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

bool ids_are_one(void)
{
	_cleanup_fd int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	char text[128];
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (geteuid() != 0 || n <= 0)
		return geteuid() != 0;
	text[n] = '\0';
	/* "0 1000 1": one line, for one id. */
	return strchr(text, '\n') == text + n - 1 && n > 2 && text[n - 2] == '1' &&
	       text[n - 3] == ' ';
}

static int map_parse(const char *text, struct id_map *ret, struct error *err)
{
	uint64_t numbers[3] = { 0, 0, 1 };
	const char *at = text;
	size_t count = 0;

	while (count < 3 && text_take_u64(&at, UINT32_MAX, &numbers[count])) {
		count++;
		if (*at != ':')
			break;
		at++;
	}
	if (count < 2 || *at != '\0' || at[-1] == ':' || numbers[2] == 0 ||
	    numbers[0] + numbers[2] > UINT32_MAX || numbers[1] + numbers[2] > UINT32_MAX)
		return error_set(err, "id map \"%s\": must be CONTAINER:HOST[:SIZE]", text);
	*ret = (struct id_map){ (uint32_t)numbers[0], (uint32_t)numbers[1], (uint32_t)numbers[2] };
	return 0;
}

int id_maps_parse(struct arena *arena, const word_list *texts, id_map_list *ret, struct error *err)
{
	struct id_map *maps = ARENA_NEWS(arena, texts->count + 1, struct id_map);

	for (size_t i = 0; i < texts->count; i++) {
		if (map_parse(texts->items[i], &maps[i], err) < 0)
			return -1;
		for (size_t j = 0; j < i; j++)
			if (maps[i].container < maps[j].container + maps[j].size &&
			    maps[j].container < maps[i].container + maps[i].size)
				return error_set(err, "id map \"%s\": overlaps \"%s\"",
						 texts->items[i], texts->items[j]);
	}
	ret->items = maps;
	ret->count = texts->count;
	return 0;
}
