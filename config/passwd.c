/* SPDX-License-Identifier: Apache-2.0 */
#include "config/passwd.h"

#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/text.h"

#define PASSWD_MAX	((size_t)1 << 20)

/* "name:password:uid:..." */
static const char *line_name(char *line, uint32_t uid)
{
	char *name_end = strchr(line, ':');
	char *number = name_end != NULL ? strchr(name_end + 1, ':') : NULL;
	uint32_t here;

	if (number == NULL)
		return NULL;
	number++;
	number[strcspn(number, ":")] = '\0';
	if (!text_to_id(number, &here) || here != uid)
		return NULL;
	*name_end = '\0';
	return line;
}

const char *passwd_name(struct arena *arena, uint32_t uid)
{
	const char *name = NULL;
	struct error ignored;
	char *text, *end;

	/* Nearly always, and then nothing has to be read. */
	if (uid == 0)
		return "root";
	if (file_read(AT_FDCWD, "/etc/passwd", PASSWD_MAX, arena, &text, NULL, &ignored) == 0)
		for (char *line = text; *line != '\0' && name == NULL; line = end) {
			size_t length = strcspn(line, "\n");

			end = line + length + (line[length] == '\n');
			line[length] = '\0';
			name = line_name(line, uid);
		}
	return name != NULL ? name : arena_printf(arena, "#%u", uid);
}
