/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "config/lint.h"
#include "config/load.h"
#include "config/program.h"
#include "rootfs-tools/from_host/elf.h"
#include "rootfs-tools/smoke/checks.h"
#include "rootfs-tools/smoke/user.h"

/* What can be known of an image without running it: its configuration, and what it names. */

static const char *string_of(const struct smoke *smoke, const char *pointer, const char *otherwise)
{
	const struct json *value = json_find(smoke->subject.config, pointer);

	return value != NULL && value->type == JSON_STRING ? value->text : otherwise;
}

/* A bundle's own configuration; that of an image was made from what had been verified. */
static void judge_valid(const struct smoke *smoke, struct findings *f)
{
	struct check *check = check_new(f, "is valid");
	struct diagnosis found = { 0 };
	const struct plan *plan;
	struct error err;

	if (smoke->subject.kind == SUBJECT_DIRECTORY) {
		check_fact(f, check, "a directory, without a configuration");
		return;
	}
	if (smoke->subject.kind == SUBJECT_IMAGE) {
		check_fact(f, check, "%zu layer%s, digests and sizes", smoke->subject.layers.count,
			   smoke->subject.layers.count == 1 ? "" : "s");
		return;
	}
	if (plan_diagnose(f->arena, smoke->subject.bundle, NULL, &found, &plan, &err) < 0) {
		check_fail(f, check, "%s", err.text);
		return;
	}
	LIST_EACH(finding, found.findings) {
		if (finding->severity == SEVERITY_ERROR)
			check_fail(f, check, "%s", finding->text);
		else if (finding->severity == SEVERITY_WARNING)
			check_note(f, check, "%s", finding->text);
	}
	check->ended = time_now();
}

static void judge_libraries(const struct smoke *smoke, struct findings *f, const char *path)
{
	struct check *check = check_new(f, "libraries are there");
	struct elf_closure closure;
	struct error err;

	if (elf_closure(f->arena, smoke->root_fd, path,
			subject_env(&smoke->subject, "LD_LIBRARY_PATH"), &closure, &err) < 0) {
		check_fail(f, check, "%s", err.text);
		return;
	}
	LIST_EACH(missing, closure.missing)
		check_fail(f, check, "%s, which %s needs, is not in the image", missing->name,
			   missing->wanted_by);
	if (closure.missing.count == 0 && closure.files.count == 1)
		check_fact(f, check, "needs none");
	else if (closure.missing.count == 0)
		check_fact(f, check, "%zu files", closure.files.count - 1);
	check->ended = time_now();
}

static void judge_entrypoint(const struct smoke *smoke, struct findings *f)
{
	const struct json *args = json_find(smoke->subject.config, "/process/args");
	const struct json *first = args != NULL && args->type == JSON_ARRAY ? args->first : NULL;
	struct check *check = check_new(f, "its program can be executed");
	char path[PATH_MAX];
	struct error err;
	int fd;

	if (first == NULL || first->type != JSON_STRING) {
		check_fail(f, check, "it has neither an entrypoint nor a command; say what to run "
			   "behind \"--\"");
		return;
	}
	fd = program_find(smoke->root_fd, first->text, string_of(smoke, "/process/cwd", "/"),
			  subject_env(&smoke->subject, "PATH"), path, &err);
	if (fd < 0 || program_check(smoke->root_fd, path, &err) < 0) {
		fd_close(&fd);
		check_fail(f, check, "%s", err.text);
		return;
	}
	fd_close(&fd);
	check_fact(f, check, "%s", path);
	judge_libraries(smoke, f, arena_strdup(f->arena, path));
}

static void judge_user(const struct smoke *smoke, struct findings *f)
{
	const struct json *uid = json_find(smoke->subject.config, "/process/user/uid");
	const char *number = uid != NULL && uid->type == JSON_NUMBER ? uid->text : "0";
	const char *name = smoke->subject.user;
	struct check *check = check_new(f, "its user is known");
	struct user user;
	struct error err;

	if (name == NULL || *name == '\0')
		name = number;
	if (user_resolve(f->arena, smoke->view, name, &user, &err) < 0) {
		check_fail(f, check, "%s", err.text);
		return;
	}
	if (user.named || user.ids.uid == 0)
		check_fact(f, check, "%s", strcmp(name, arena_printf(f->arena, "%u",
			   user.ids.uid)) == 0 ? name : arena_printf(f->arena, "%s, uid %u", name,
								     user.ids.uid));
	else
		check_note(f, check, "user %u has no line in the image's /etc/passwd: programs "
			   "that ask for their name or home get none", user.ids.uid);
}

static void judge_workdir(const struct smoke *smoke, struct findings *f)
{
	const char *cwd = string_of(smoke, "/process/cwd", "/");
	struct check *check = check_new(f, "its working directory is there");
	_cleanup_fd int fd = -EBADF;
	struct error err;
	struct stat st;

	fd = path_open(smoke->root_fd, cwd, O_PATH, &err);
	if (fd < 0 && err.code == ENOENT)
		check_note(f, check, "%s is not in the image; it is made when a container starts",
			   cwd);
	else if (fd < 0)
		check_fail(f, check, "%s", err.text);
	else if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		check_fail(f, check, "%s is no directory", cwd);
	else
		check_fact(f, check, "%s", cwd);
}

void check_image(const struct smoke *smoke, const struct job *job _unused, struct findings *f)
{
	judge_valid(smoke, f);
	judge_entrypoint(smoke, f);
	judge_user(smoke, f);
	judge_workdir(smoke, f);
}
