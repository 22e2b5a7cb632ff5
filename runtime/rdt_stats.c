/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/path.h"
#include "runtime/cgroup/stats.h"
#include "runtime/rdt.h"

/* The names and the order are runc's; what the hardware has not is left out, as there. */

struct object {
	struct text *out;
	bool begun;
};

static void add_key(struct object *object, const char *key)
{
	text_printf(object->out, "%s\"%s\":", object->begun ? "," : "", key);
	object->begun = true;
}

static void add_string(struct object *object, const char *key, const char *value)
{
	add_key(object, key);
	text_add_json(object->out, value);
}

/* A line without its end and the blanks in front, which resctrl aligns the names with. */
static const char *line_take(struct arena *arena, const char **at)
{
	size_t size = strcspn(*at, "\n");
	const char *line = *at + strspn(*at, " ");
	const char *ret = arena_strndup(arena, line, (size_t)(*at + size - line));

	*at += size + ((*at)[size] == '\n');
	return ret;
}

/* The last line that begins with the name, as L3 or L3CODE; NULL where there is none. */
static const char *schema_line(struct arena *arena, const char *schemata, const char *name)
{
	const char *found = NULL;

	while (schemata != NULL && *schemata != '\0') {
		const char *line = line_take(arena, &schemata);

		if (strncmp(line, name, strlen(name)) == 0)
			found = line;
	}
	return found;
}

static const struct {
	const char *directory, *key, *root_key, *schema_key, *name;
	const char *text;	/* a file that is no number */
	const char *numbers[5];
} kinds[] = {
	{ "info/L3", "l3_cache_info", "l3_cache_schema_root", "l3_cache_schema", "L3",
	  "cbm_mask", { "min_cbm_bits", "num_closids" } },
	{ "info/MB", "mem_bw_info", "mem_bw_schema_root", "mem_bw_schema", "MB", NULL,
	  { "bandwidth_gran", "delay_linear", "min_bandwidth", "num_closids" } },
};

static void add_kind(struct object *object, struct arena *arena, int root_fd, size_t kind,
		     const char *root_schemata, const char *schemata)
{
	struct object info = { object->out, false };
	struct error ignored;
	_cleanup_fd int dir_fd = path_open_strict(root_fd, kinds[kind].directory,
						  O_PATH | O_DIRECTORY, &ignored);
	const char *text, *line;

	if (dir_fd < 0)
		return;
	add_key(object, kinds[kind].key);
	text_add(object->out, "{");
	text = kinds[kind].text != NULL ? stats_text(dir_fd, kinds[kind].text, arena) : NULL;
	if (text != NULL)
		add_string(&info, kinds[kind].text, line_take(arena, &text));
	for (const char *const *file = kinds[kind].numbers; *file != NULL; file++) {
		add_key(&info, *file);
		text_printf(object->out, "%" PRIu64, stats_number(dir_fd, *file));
	}
	text_add(object->out, "}");
	line = schema_line(arena, root_schemata, kinds[kind].name);
	if (line != NULL)
		add_string(object, kinds[kind].root_key, line);
	line = schema_line(arena, schemata, kinds[kind].name);
	if (line != NULL)
		add_string(object, kinds[kind].schema_key, line);
}

static void add_schemata(struct object *object, struct arena *arena, const char *schemata)
{
	const char *comma = "";

	if (schemata == NULL || *schemata == '\0')
		return;
	add_key(object, "schemata");
	text_add(object->out, "[");
	while (*schemata != '\0') {
		text_add(object->out, comma);
		text_add_json(object->out, line_take(arena, &schemata));
		comma = ",";
	}
	text_add(object->out, "]");
}

/* "mon_L3_00" and the like, one for each cache, in their order: a reader counts them. */
static void caches_list(struct arena *arena, DIR *dir, word_list *ret)
{
	word_list list = { NULL, 0 };

	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (entry->d_name[0] != '.')
			LIST_ADD(arena, &list, arena_strdup(arena, entry->d_name));
	words_sort(list.items, list.count);
	*ret = list;
}

static void add_monitors(struct object *object, int group_fd, const char *key,
			 const char *const *files)
{
	struct arena *arena = object->out->arena;
	DIR *dir = dir_take(openat(group_fd, "mon_data", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const char *comma = "";
	word_list caches;

	if (dir == NULL)
		return;
	add_key(object, key);
	text_add(object->out, "[");
	caches_list(arena, dir, &caches);
	LIST_EACH(cache, caches) {
		struct object node = { object->out, false };
		_cleanup_fd int node_fd =
			openat(dirfd(dir), *cache, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (node_fd < 0)
			continue;
		text_printf(object->out, "%s{", comma);
		comma = ",";
		for (const char *const *file = files; *file != NULL; file++) {
			add_key(&node, *file);
			text_printf(object->out, "%" PRIu64, stats_number(node_fd, *file));
		}
		text_add(object->out, "}");
	}
	text_add(object->out, "]");
	closedir(dir);
}

static int directory_open(const char *path, struct error *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : error_errno(err, "open intelRdt group %s", path);
}

static int print_group(struct object *object, struct arena *arena, const struct rdt *rdt,
		       struct error *err)
{
	static const char *const bandwidth[] = { "mbm_total_bytes", "mbm_local_bytes", NULL };
	static const char *const cache[] = { "llc_occupancy", NULL };
	const char *root = rdt_root(arena, err);
	const char *monitor = rdt->monitor != NULL ? rdt->monitor : rdt->group;
	_cleanup_fd int root_fd = root != NULL ? directory_open(root, err) : -EBADF;
	_cleanup_fd int group_fd = root_fd >= 0 ? directory_open(rdt->group, err) : -EBADF;
	_cleanup_fd int monitor_fd = group_fd >= 0 ? directory_open(monitor, err) : -EBADF;
	const char *features;

	if (monitor_fd < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		add_kind(object, arena, root_fd, i, stats_text(root_fd, "schemata", arena),
			 stats_text(group_fd, "schemata", arena));
	add_schemata(object, arena, stats_text(group_fd, "schemata", arena));
	features = stats_text(root_fd, "info/L3_MON/mon_features", arena);
	if (features != NULL && strstr(features, "mbm_") != NULL)
		add_monitors(object, monitor_fd, "mbm_stats", bandwidth);
	if (features != NULL && strstr(features, "llc_occupancy") != NULL)
		add_monitors(object, monitor_fd, "cmt_stats", cache);
	return 0;
}

int rdt_print_stats(struct text *out, const struct rdt *rdt, struct error *err)
{
	struct object object = { out, false };

	text_add(out, "{");
	if (rdt->group != NULL && print_group(&object, out->arena, rdt, err) < 0)
		return -1;
	text_add(out, "}");
	return 0;
}
