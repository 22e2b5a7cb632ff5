/* SPDX-License-Identifier: Apache-2.0 */
#include "config/subid.h"

#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/text.h"
#include "config/passwd.h"

#define SUBID_MAX	((size_t)1 << 20)
#define FIELD_MAX	256

/* "name:first:count"; the name may be the number of the user. */
static bool line_find(const char *line, size_t length, const char *name, const char *number,
		      uint32_t *ret_first, uint32_t *ret_count)
{
	char copy[FIELD_MAX], *first, *count;
	uint64_t size;

	if (length >= sizeof(copy))
		return false;
	memcpy(copy, line, length);
	copy[length] = '\0';
	first = strchr(copy, ':');
	count = first != NULL ? strchr(first + 1, ':') : NULL;
	if (count == NULL)
		return false;
	*first++ = '\0';
	*count++ = '\0';
	if (strcmp(copy, name) != 0 && strcmp(copy, number) != 0)
		return false;
	if (!text_to_id(first, ret_first) ||
	    !text_to_u64(count, UINT32_MAX - (uint64_t)*ret_first, &size) || size == 0)
		return false;
	*ret_count = (uint32_t)size;
	return true;
}

bool subid_find(const char *text, const char *name, uint32_t uid, uint32_t *ret_first,
		uint32_t *ret_count)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", uid);
	for (const char *line = text; *line != '\0';) {
		size_t length = strcspn(line, "\n");

		if (line_find(line, length, name, number, ret_first, ret_count))
			return true;
		line += length + (line[length] == '\n');
	}
	return false;
}

static bool range_of(struct arena *arena, const char *file, struct id_map *ret)
{
	struct error ignored;
	char *text;

	*ret = (struct id_map){ .container = 1 };
	return file_read(AT_FDCWD, file, SUBID_MAX, arena, &text, NULL, &ignored) == 0 &&
	       subid_find(text, passwd_name(arena, getuid()), getuid(), &ret->host, &ret->size);
}

static void add_map(struct arena *arena, id_map_list *list, uint32_t id, const struct id_map *more)
{
	*list = (id_map_list){ 0 };
	*LIST_NEW(arena, list) = (struct id_map){ 0, id, 1 };
	if (more != NULL)
		LIST_ADD(arena, list, *more);
}

static bool have_program(const char *name)
{
	static const char *const folders[] = { "/usr/bin", "/bin", "/usr/sbin", "/usr/local/bin" };
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

void subid_maps(struct arena *arena, id_map_list *ret_uids, id_map_list *ret_gids)
{
	struct id_map uids, gids;
	/* Both or none: a root file system has owners and groups from the same range. */
	bool ranges = have_program("newuidmap") && have_program("newgidmap") &&
		      range_of(arena, "/etc/subuid", &uids) &&
		      range_of(arena, "/etc/subgid", &gids);

	add_map(arena, ret_uids, geteuid(), ranges ? &uids : NULL);
	add_map(arena, ret_gids, getegid(), ranges ? &gids : NULL);
}
