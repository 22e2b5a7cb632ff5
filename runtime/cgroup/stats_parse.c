/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>

#include "base/fd.h"
#include "base/list.h"
#include "runtime/cgroup/internal.h"
#include "runtime/cgroup/stats.h"

#define TEXT_LIMIT	(4U << 20)

const char *stats_text(int dir_fd, const char *file, struct arena *arena)
{
	struct error ignored;
	char *text;

	return file_read(dir_fd, file, TEXT_LIMIT, arena, &text, NULL, &ignored) < 0 ? NULL : text;
}

uint64_t stats_number(int dir_fd, const char *file)
{
	char text[64];
	uint64_t number = 0;

	if (cgroup_file_read(dir_fd, file, text, sizeof(text)) < 0)
		return 0;
	if (strcmp(text, "max") == 0)
		return UINT64_MAX;
	text_to_u64(text, UINT64_MAX, &number);
	return number;
}

static const char *line_next(const char *line)
{
	line += strcspn(line, "\n");
	return *line == '\n' ? line + 1 : line;
}

bool stats_find(const char *text, const char *key, uint64_t *ret)
{
	size_t length = strlen(key);

	for (; text != NULL && *text != '\0'; text = line_next(text)) {
		if (strncmp(text, key, length) != 0 || text[length] != ' ')
			continue;
		*ret = strtoull(text + length + 1, NULL, 10);
		return true;
	}
	return false;
}

void stats_parse_list(struct arena *arena, const char *text, cgroup_number_list *ret)
{
	cgroup_number_list list = { NULL, 0 };
	uint64_t first, last;

	/* More than the kernel can have would be nonsense of ours. */
	while (text != NULL && text_take_range(&text, 65535, &first, &last))
		for (; first <= last; first++)
			LIST_ADD(arena, &list, first);
	*ret = list;
}

void stats_parse_numbers(struct arena *arena, const char *text, cgroup_number_list *ret)
{
	cgroup_number_list list = { NULL, 0 };
	char *end;

	for (; text != NULL; text = end) {
		uint64_t number = strtoull(text, &end, 10);

		if (end == text)
			break;
		LIST_ADD(arena, &list, number);
	}
	*ret = list;
}

void stats_parse_raw(struct arena *arena, const char *text, struct cgroup_stats *stats)
{
	size_t lines = 0, count = 0;

	for (const char *at = text; at != NULL && *at != '\0'; at = line_next(at))
		lines++;
	stats->memory_raw.items = ARENA_NEWS(arena, lines + 1, struct cgroup_named_number);
	for (; text != NULL && *text != '\0'; text = line_next(text)) {
		size_t length = strcspn(text, " \n");

		if (text[length] != ' ')
			continue;
		stats->memory_raw.items[count++] = (struct cgroup_named_number){
			arena_strndup(arena, text, length),
			strtoull(text + length + 1, NULL, 10),
		};
	}
	stats->memory_raw.count = count;
}

/* "1.25" is 125. */
static uint32_t hundredths(const char *line, const char *key)
{
	const char *at = strstr(line, key);
	unsigned long whole, part;
	char *end;

	if (at == NULL)
		return 0;
	whole = strtoul(at + strlen(key), &end, 10);
	part = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	return (uint32_t)(whole * 100 + part);
}

static void pressure_parse(const char *line, struct cgroup_pressure *ret)
{
	const char *total = strstr(line, "total=");

	ret->avg10 = hundredths(line, "avg10=");
	ret->avg60 = hundredths(line, "avg60=");
	ret->avg300 = hundredths(line, "avg300=");
	ret->total = total != NULL ? strtoull(total + 6, NULL, 10) : 0;
}

void stats_parse_psi(const char *text, struct cgroup_psi *ret)
{
	*ret = (struct cgroup_psi){ .set = false };
	for (; text != NULL && *text != '\0'; text = line_next(text)) {
		if (strncmp(text, "some ", 5) == 0)
			pressure_parse(text, &ret->some);
		else if (strncmp(text, "full ", 5) == 0)
			pressure_parse(text, &ret->full);
		else
			continue;
		ret->set = true;
	}
}

/* "8:0 " and what follows it; NULL: another kind of line ("Total 7"). */
static const char *device_parse(const char *line, struct cgroup_io *io)
{
	char *end;

	io->major = strtoull(line, &end, 10);
	if (end == line || *end != ':')
		return NULL;
	line = end + 1;
	io->minor = strtoull(line, &end, 10);
	return end == line || *end != ' ' ? NULL : end + 1;
}

void stats_parse_blkio(struct arena *arena, const char *text, cgroup_io_list *ret)
{
	cgroup_io_list list = { NULL, 0 };

	for (; text != NULL && *text != '\0'; text = line_next(text)) {
		struct cgroup_io io = { .op = "" };
		const char *rest = device_parse(text, &io);
		size_t length;

		if (rest == NULL)
			continue;
		length = strspn(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
		if (length > 0)
			io.op = arena_strndup(arena, rest, length);
		io.value = strtoull(rest + length, NULL, 10);
		LIST_ADD(arena, &list, io);
	}
	*ret = list;
}

void stats_parse_io(struct arena *arena, const char *text, struct cgroup_stats *stats)
{
	static const struct { const char *key, *op; bool bytes; } rows[] = {
		{ "rbytes=", "Read", true },	{ "wbytes=", "Write", true },
		{ "dbytes=", "Discard", true },	{ "rios=", "Read", false },
		{ "wios=", "Write", false },	{ "dios=", "Discard", false },
	};

	for (; text != NULL && *text != '\0'; text = line_next(text)) {
		struct cgroup_io io;
		const char *at = device_parse(text, &io);

		while (at != NULL && *at != '\n' && *at != '\0') {
			for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
				size_t length = strlen(rows[i].key);

				if (strncmp(at, rows[i].key, length) != 0)
					continue;
				io.op = rows[i].op;
				io.value = strtoull(at + length, NULL, 10);
				LIST_ADD(arena,
					 rows[i].bytes ? &stats->io_bytes : &stats->io_count, io);
			}
			at += strcspn(at, " \n");
			at += strspn(at, " ");
		}
	}
}

void stats_huge_pages(int dir_fd, struct arena *arena, const char *suffix,
		      struct cgroup_stats *stats)
{
	DIR *dir = dir_list(dir_fd);
	struct dirent *entry;

	/* On a hybrid host v1's stand in the place of cgroup2's. */
	stats->huge_pages.items = NULL;
	stats->huge_pages.count = 0;
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		size_t length = strlen(entry->d_name), tail = strlen(suffix);

		if (strncmp(entry->d_name, "hugetlb.", 8) != 0 || length <= 8 + tail ||
		    strcmp(entry->d_name + length - tail, suffix) != 0 ||
		    memchr(entry->d_name + 8, '.', length - 8 - tail) != NULL)
			continue;
		LIST_NEW(arena, &stats->huge_pages)->size =
			arena_strndup(arena, entry->d_name + 8, length - 8 - tail);
	}
	if (dir != NULL)
		closedir(dir);
}
