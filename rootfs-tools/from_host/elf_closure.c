/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/path.h"
#include "base/text.h"
#include "rootfs-tools/from_host/elf.h"

#define CONF_MAX	((size_t)1 << 20)
/* What an image may have us read: each file of configuration may include all others, and itself. */
enum { CONF_DEPTH = 8, CONF_FILES = 1024, INCLUDES_MAX = 64, PLACES_MAX = 256 };

struct closure {
	struct arena *arena;
	int root_fd;
	const char *library_path;
	word_list places;		/* directories that were configured, then built in */
	unsigned int conf_files, includes; /* so far */
	struct elf_closure *result;
	const struct elf *program;
	struct error *err;
};

/* --- where the loader looks -------------------------------------------------------------- */

static void read_conf(struct closure *c, const char *path, unsigned int depth);

/* "include ld.so.conf.d/ *.conf", which is below /etc: in the order of the names. */
static void include(struct closure *c, const char *pattern, unsigned int depth)
{
	const char *path = *pattern == '/' ? pattern : arena_printf(c->arena, "/etc/%s", pattern);
	const char *slash = strrchr(path, '/');
	const char *folder = arena_strndup(c->arena, path, (size_t)(slash - path));
	struct error ignored;
	DIR *directory = dir_take(path_open(c->root_fd, folder, O_RDONLY | O_DIRECTORY, &ignored));
	struct dirent *entry;
	word_list names = { 0 };

	if (directory == NULL)
		return;
	while ((entry = dir_next(directory)) != NULL)
		if (fnmatch(slash + 1, entry->d_name, FNM_PERIOD) == 0)
			LIST_ADD(c->arena, &names,
				 arena_printf(c->arena, "%s/%s", folder, entry->d_name));
	closedir(directory);
	words_sort(names.items, names.count);
	LIST_EACH(name, names)
		read_conf(c, *name, depth + 1);
}

static void conf_line(struct closure *c, char *line, unsigned int depth)
{
	line[strcspn(line, "#")] = '\0';
	line += strspn(line, " \t");
	for (size_t end = strlen(line); end > 0 && strchr(" \t\r", line[end - 1]) != NULL; end--)
		line[end - 1] = '\0';
	if (strncmp(line, "include", 7) == 0 && (line[7] == ' ' || line[7] == '\t') &&
	    c->includes++ < INCLUDES_MAX)
		include(c, line + 7 + strspn(line + 7, " \t"), depth);
	else if (*line == '/' && c->places.count < PLACES_MAX)
		LIST_ADD(c->arena, &c->places, line);
}

/* NULL: there is none that could be read. */
static char *conf_text(struct closure *c, const char *path)
{
	struct error ignored;
	_cleanup_fd int fd = path_open_read(c->root_fd, path, &ignored);
	struct stat st;
	char *text;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    fd_read_all(fd, CONF_MAX, c->arena, &text, NULL, &ignored) < 0)
		return NULL;
	return text;
}

static void read_conf(struct closure *c, const char *path, unsigned int depth)
{
	char *text, *line;

	if (depth > CONF_DEPTH || c->conf_files++ >= CONF_FILES)
		return;
	text = conf_text(c, path);
	while ((line = strsep(&text, "\n")) != NULL)
		conf_line(c, line, depth);
}

/* musl's loader is its own library: "/lib/ld-musl-x86_64.so.1", and reads one file of paths. */
static void musl_places(struct closure *c, const char *interpreter)
{
	const char *name = strrchr(interpreter, '/') + 1;
	size_t length = strcspn(name, ".");
	char *text = conf_text(c, arena_printf(c->arena, "/etc/%.*s.path", (int)length, name));
	const char *place;

	while ((place = strsep(&text, "\n:")) != NULL)
		if (*place == '/' && c->places.count < PLACES_MAX)
			LIST_ADD(c->arena, &c->places, place);
	if (c->places.count > 0)
		return;
	LIST_ADD(c->arena, &c->places, "/lib");
	LIST_ADD(c->arena, &c->places, "/usr/local/lib");
	LIST_ADD(c->arena, &c->places, "/usr/lib");
}

static void find_places(struct closure *c)
{
	const char *interpreter = c->program->interpreter;

	if (interpreter != NULL && strstr(interpreter, "/ld-musl-") != NULL) {
		musl_places(c, interpreter);
		return;
	}
	read_conf(c, "/etc/ld.so.conf", 0);
	if (c->program->wide) {
		LIST_ADD(c->arena, &c->places, "/lib64");
		LIST_ADD(c->arena, &c->places, "/usr/lib64");
	}
	LIST_ADD(c->arena, &c->places, "/lib");
	LIST_ADD(c->arena, &c->places, "/usr/lib");
	/* Debian's loader has its own triplet's directories built in. */
#if defined(__x86_64__)
	LIST_ADD(c->arena, &c->places, "/lib/x86_64-linux-gnu");
	LIST_ADD(c->arena, &c->places, "/usr/lib/x86_64-linux-gnu");
#elif defined(__aarch64__)
	LIST_ADD(c->arena, &c->places, "/lib/aarch64-linux-gnu");
	LIST_ADD(c->arena, &c->places, "/usr/lib/aarch64-linux-gnu");
#endif
}

/* --- one library ---------------------------------------------------------------------------- */

/* A file of the program's machine and class there, read; false: go on looking. */
static bool try_file(struct closure *c, const char *path, struct elf *ret)
{
	struct error ignored;
	_cleanup_fd int fd = path_open_read(c->root_fd, path, &ignored);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       elf_read(c->arena, fd, ret, &ignored) == 1 &&
	       ret->machine == c->program->machine && ret->wide == c->program->wide;
}

/* $ORIGIN and ${ORIGIN}: the directory of who says so; $LIB is "lib" or "lib64". */
static const char *expand(struct closure *c, const char *directory, size_t length,
			  const char *origin)
{
	static const char *const words[] = { "$ORIGIN", "${ORIGIN}", "$LIB", "${LIB}" };
	struct text out = { .arena = c->arena };

	text_add(&out, "");
	for (size_t i = 0; i < length; i++) {
		size_t word = 0;

		while (word < ARRAY_SIZE(words) &&
		       strncmp(directory + i, words[word], strlen(words[word])) != 0)
			word++;
		if (word == ARRAY_SIZE(words)) {
			text_add_bytes(&out, directory + i, 1);
			continue;
		}
		text_add(&out, word < 2 ? origin : c->program->wide ? "lib64" : "lib");
		i += strlen(words[word]) - 1;
	}
	return out.data != NULL ? out.data : "";
}

static const char *look_in(struct closure *c, const char *list, const char *name,
			   const char *origin, struct elf *ret)
{
	const char *at = list;

	for (unsigned int i = 0; i < PLACES_MAX && at != NULL && *at != '\0'; i++) {
		size_t length = strcspn(at, ":;");
		const char *path = arena_printf(c->arena, "%s/%s", expand(c, at, length, origin),
						name);

		if (length > 0 && try_file(c, path, ret))
			return path;
		at += length + (at[length] != '\0');
	}
	return NULL;
}

static const char *find(struct closure *c, const char *name, const struct elf *by,
			const char *by_path, struct elf *ret)
{
	const char *slash = strrchr(by_path, '/');
	const char *origin = arena_strndup(c->arena, by_path, (size_t)(slash - by_path));
	const char *path = NULL;

	if (strchr(name, '/') != NULL)
		return try_file(c, name, ret) ? name : NULL;
	if (by->runpath == NULL) {
		path = look_in(c, by->rpath, name, origin, ret);
		if (path == NULL && by != c->program && c->program->runpath == NULL)
			path = look_in(c, c->program->rpath, name, origin, ret);
	}
	if (path == NULL)
		path = look_in(c, c->library_path, name, origin, ret);
	if (path == NULL)
		path = look_in(c, by->runpath, name, origin, ret);
	for (size_t i = 0; path == NULL && i < c->places.count; i++) {
		path = arena_printf(c->arena, "%s/%s", c->places.items[i], name);
		if (!try_file(c, path, ret))
			path = NULL;
	}
	return path;
}

/* --- all of them ------------------------------------------------------------------------------ */

/* By its last component: a library that was loaded once satisfies every need of that name. */
static bool is_there(const struct closure *c, const char *name)
{
	const char *slash = strrchr(name, '/');

	if (slash != NULL)
		name = slash + 1;
	LIST_EACH(file, c->result->files)
		if (strcmp(strrchr(*file, '/') + 1, name) == 0)
			return true;
	LIST_EACH(missing, c->result->missing)
		if (strcmp(missing->name, name) == 0)
			return true;
	return false;
}

static void add_missing(struct closure *c, const char *name, const char *by)
{
	struct elf_missing *missing = LIST_NEW(c->arena, &c->result->missing);

	*missing = (struct elf_missing){ name, by };
}

static int walk(struct closure *c, const struct elf *elf, const char *path)
{
	for (size_t i = 0; i < elf->needed.count; i++) {
		const char *name = elf->needed.items[i], *found;
		struct elf *library;

		if (is_there(c, name))
			continue;
		if (c->result->files.count + c->result->missing.count >= ELF_MAX_CLOSURE)
			return error_set(c->err, "%s: needs more than %d files", path,
					 ELF_MAX_CLOSURE);
		library = ARENA_NEW(c->arena, struct elf);
		found = find(c, name, elf, path, library);
		if (found == NULL) {
			add_missing(c, name, path);
			continue;
		}
		LIST_ADD(c->arena, &c->result->files, found);
		if (walk(c, library, found) < 0)
			return -1;
	}
	return 0;
}

int elf_closure(struct arena *arena, int root_fd, const char *path, const char *library_path,
		struct elf_closure *ret, struct error *err)
{
	struct closure c = { .arena = arena, .root_fd = root_fd, .library_path = library_path,
			     .result = ret, .err = err };
	_cleanup_fd int fd = path_open_read(root_fd, path, err);
	struct elf *program = ARENA_NEW(arena, struct elf), ignored;
	int result;

	*ret = (struct elf_closure){ 0 };
	if (fd < 0)
		return -1;
	result = elf_read(arena, fd, program, err);
	if (result < 0)
		return error_wrap(err, "read %s", path);
	LIST_ADD(arena, &ret->files, *path == '/' ? path : arena_printf(arena, "/%s", path));
	/* A script, or another machine's. */
	if (result == 0)
		return 0;
	c.program = program;
	if (program->interpreter != NULL && strchr(program->interpreter, '/') != NULL) {
		if (try_file(&c, program->interpreter, &ignored))
			LIST_ADD(arena, &ret->files, program->interpreter);
		else
			add_missing(&c, program->interpreter, path);
	}
	find_places(&c);
	return walk(&c, program, ret->files.items[0]);
}
