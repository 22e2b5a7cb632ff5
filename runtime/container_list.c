/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <string.h>

#include "base/list.h"
#include "runtime/container.h"

int container_ids(struct arena *arena, int root_fd, word_list *ret, struct error *err)
{
	DIR *dir = dir_list(root_fd);
	struct error ignored;
	word_list ids = { 0 };

	if (dir == NULL)
		return error_errno(err, "read the list of containers");
	for (struct dirent *entry; (entry = dir_next(dir)) != NULL;) {
		if (container_id_check(entry->d_name, &ignored) < 0)
			continue;
		LIST_ADD(arena, &ids, arena_strdup(arena, entry->d_name));
	}
	/* What is not in the list counts as gone. */
	if (errno != 0) {
		error_errno(err, "read the list of containers");
		closedir(dir);
		return -1;
	}
	closedir(dir);
	words_sort(ids.items, ids.count);
	*ret = ids;
	return 0;
}

void container_remove_drafts(int root_fd)
{
	DIR *dir = dir_list(root_fd);
	struct error ignored;

	if (dir == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (entry->d_name[0] == '~' && container_id_check(entry->d_name + 1, &ignored) == 0)
			container_remove_draft(root_fd, entry->d_name + 1);
	closedir(dir);
}
