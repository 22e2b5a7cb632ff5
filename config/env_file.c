/* SPDX-License-Identifier: Apache-2.0 */
#include "config/env_file.h"

#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/list.h"

#define ENV_FILE_MAX	((size_t)1 << 20)

bool env_word_add(struct arena *arena, const char *word, word_list *ret)
{
	const char *value;

	if (*word == '=' || *word == '\0')
		return false;
	if (strchr(word, '=') != NULL)
		LIST_ADD(arena, ret, word);
	else if ((value = getenv(word)) != NULL)
		LIST_ADD(arena, ret, arena_printf(arena, "%s=%s", word, value));
	return true;
}

int env_file_read(struct arena *arena, const char *path, word_list *ret, struct error *err)
{
	char *text;

	if (file_read(AT_FDCWD, path, ENV_FILE_MAX, arena, &text, NULL, err) < 0)
		return -1;
	for (unsigned int number = 1; *text != '\0'; number++) {
		char *line = text + strspn(text, " \t");

		text += strcspn(text, "\n");
		if (*text == '\n')
			*text++ = '\0';
		line[strcspn(line, "\r")] = '\0';
		if (*line == '#' || *line == '\0')
			continue;
		if (!env_word_add(arena, line, ret))
			return error_set(err, "%s:%u: must be NAME=VALUE or NAME", path, number);
	}
	return 0;
}
