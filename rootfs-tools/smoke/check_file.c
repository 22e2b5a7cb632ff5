/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "rootfs-tools/smoke/checks.h"
#include "rootfs-tools/smoke/expand.h"

/* fileExistenceTests, fileContentTests, licenseTests: read from the tree, nothing is run. */

#define CONTENT_MAX	((size_t)64 << 20)
#define DOC		"/usr/share/doc"

/* --- existence -------------------------------------------------------------------------- */

static void judge_executable(struct findings *f, struct check *check, const char *who,
			     mode_t mode, const char *text)
{
	static const struct { const char *who; mode_t bits; } rows[] = {
		{ "owner", 0100 }, { "group", 0010 }, { "other", 0001 }, { "any", 0111 },
	};

	for (size_t i = 0; who != NULL && i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].who, who) == 0 && (mode & rows[i].bits) == 0)
			check_fail(f, check, "must be executable by %s, and is %s", who, text);
}

static void judge_file(struct findings *f, struct check *check, const struct suite_existence *test,
		       const struct stat *st)
{
	char mode[16];

	mode_text(st->st_mode, mode);
	if (test->permissions != NULL && strcmp(test->permissions, mode) != 0)
		check_fail(f, check, "permissions must be %s, and are %s", test->permissions, mode);
	judge_executable(f, check, test->executable_by, st->st_mode, mode);
	if (test->uid.set && test->uid.value != st->st_uid)
		check_fail(f, check, "must belong to user %ju, and belongs to %u",
			   (uintmax_t)test->uid.value, st->st_uid);
	if (test->gid.set && test->gid.value != st->st_gid)
		check_fail(f, check, "must belong to group %ju, and belongs to %u",
			   (uintmax_t)test->gid.value, st->st_gid);
}

void check_existence(const struct smoke *smoke, const struct job *job, struct findings *f)
{
	const struct suite_existence *test = job->what;
	const char *path = expand_variables(f->arena, smoke, NULL, test->path);
	struct check *check = check_new(f, test->name);
	_cleanup_fd int fd = -EBADF;
	struct error err;
	struct stat st;

	/* Links are looked at themselves, as container-structure-test does. */
	fd = path_open(smoke->root_fd, path, O_PATH | O_NOFOLLOW, &err);
	if (fd < 0 && err.code != ENOENT && err.code != ENOTDIR)
		check_fail(f, check, "%s", err.text);
	else if (fd < 0 && test->should_exist)
		check_fail(f, check, "%s must exist, and does not", path);
	else if (fd >= 0 && !test->should_exist)
		check_fail(f, check, "%s must not exist, and does", path);
	else if (fd >= 0 && fstat(fd, &st) == 0)
		judge_file(f, check, test, &st);
	check->ended = time_now();
}

/* --- content ---------------------------------------------------------------------------------- */

static int content_read(const struct smoke *smoke, struct arena *arena, const char *path,
			char **ret_text, size_t *ret_size, struct error *err)
{
	_cleanup_fd int fd = path_open_read(smoke->root_fd, path, err);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return error_set(err, "%s is no file", path);
	if (fd_read_all(fd, CONTENT_MAX, arena, ret_text, ret_size, err) < 0)
		return error_wrap(err, "read %s", path);
	return 0;
}

void check_content(const struct smoke *smoke, const struct job *job, struct findings *f)
{
	const struct suite_content *test = job->what;
	struct check *check = check_new(f, test->name);
	_cleanup_arena struct arena arena = { 0 };
	struct error err;
	size_t size;
	char *text;

	if (content_read(smoke, &arena, test->path, &text, &size, &err) < 0) {
		check_fail(f, check, "%s", err.text);
		return;
	}
	check_patterns(f, check, test->path, &test->expected, &test->excluded, text, size);
	check->ended = time_now();
}

/* --- licences -------------------------------------------------------------------------------- */

/* Packages and licences as container-structure-test has them. */
static const char *const excused[] = { "libgnutls30" };
static const char *const refused[] = { "AGPL", "WTFPL" };

static void judge_license(const struct smoke *smoke, struct findings *f, struct check *check,
			  const char *path)
{
	/* An image may have a thousand of them, of 64 MiB each. */
	_cleanup_arena struct arena arena = { 0 };
	struct error err;
	size_t size;
	char *text;

	if (content_read(smoke, &arena, path, &text, &size, &err) < 0) {
		check_fail(f, check, "%s", err.text);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (strcasestr(text, refused[i]) != NULL)
			check_fail(f, check, "%s names the licence %s", path, refused[i]);
}

static bool is_excused(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(excused); i++)
		if (strcmp(excused[i], name) == 0)
			return true;
	return name[0] == '.';
}

static void judge_debian(const struct smoke *smoke, struct findings *f, struct check *check)
{
	struct error err;
	int fd = path_open(smoke->root_fd, DOC, O_RDONLY | O_DIRECTORY, &err);
	DIR *directory = dir_take(fd);
	struct dirent *entry;
	struct stat st;

	if (directory == NULL) {
		check_fail(f, check, "%s", err.text);
		return;
	}
	while ((entry = readdir(directory)) != NULL)
		if (!is_excused(entry->d_name) &&
		    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISDIR(st.st_mode))
			judge_license(smoke, f, check,
				      arena_printf(f->arena, DOC "/%s/copyright", entry->d_name));
	closedir(directory);
}

void check_license(const struct smoke *smoke, const struct job *job, struct findings *f)
{
	const struct suite_license *test = job->what;
	struct check *check = check_new(f, "licences");

	if (test->debian)
		judge_debian(smoke, f, check);
	LIST_EACH(file, test->files)
		judge_license(smoke, f, check, *file);
	check->ended = time_now();
}
