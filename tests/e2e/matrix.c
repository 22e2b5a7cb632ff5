/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/matrix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/sys.h"

const char *matrix_file(const char *path)
{
	struct error err;
	char *text;
	size_t size;

	if (file_read(AT_FDCWD, path, 1 << 20, &e2e_arena, &text, &size, &err) < 0)
		return "";
	if (size > 0 && text[size - 1] == '\n')
		text[size - 1] = '\0';
	return text;
}

void matrix_write(const char *path, const char *text)
{
	_cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	cr_assert(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0, "write %s: %s", path,
		  strerror(errno));
}

bool matrix_has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = text; at != NULL; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (strncmp(at, line, length) == 0 && (at[length] == '\0' || at[length] == '\n'))
			return true;
	return false;
}

void matrix_tmpfs(const char *path)
{
	_cleanup_fd int fs_fd = sys_fsopen("tmpfs", FSOPEN_CLOEXEC), mount_fd = -EBADF;

	cr_assert_eq(sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0), 0);
	mount_fd = sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, 0);
	cr_assert_eq(sys_move_mount(mount_fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH), 0);
	cr_assert_eq(mkdirat(mount_fd, "below", 0755), 0);
}

void matrix_unmount(const char *path)
{
	cr_expect_eq(sys_umount2(path, 0), 0, "unmount %s: %s", path, strerror(errno));
}

static const struct json *parse(const char *name, const char *text)
{
	struct json_source source = { .name = name, .text = text, .size = strlen(text) };
	const struct json *value;
	struct error err;

	value = json_parse(&e2e_arena, &source, &err);
	cr_assert_not_null(value, "%s: %s", err.text, text);
	return value;
}

pid_t matrix_pid(struct bundle *bundle)
{
	struct output got;

	bundle_call(bundle, &got, "state", bundle->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	return (pid_t)strtol(json_member(parse("state", got.out), "pid")->text, NULL, 10);
}

pid_t matrix_start(struct bundle *bundle)
{
	struct output got;

	bundle_probe_args(bundle, "sleep", "60000", NULL);
	bundle_call(bundle, &got, "run", "--detach", "--bundle", bundle->path, bundle->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	return matrix_pid(bundle);
}

void matrix_stop(struct bundle *bundle)
{
	struct output got;

	bundle_call(bundle, &got, "delete", "--force", bundle->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
}

const struct json *matrix_features(struct bundle *bundle)
{
	struct output got;

	e2e_need_kist();
	bundle_call(bundle, &got, "features", NULL);
	return parse("features", got.out);
}

bool matrix_is_unified(void)
{
	struct statfs st;

	return statfs("/sys/fs/cgroup", &st) == 0 && st.f_type == 0x63677270;
}

static bool has_word(const char *list, const char *word, const char *separators)
{
	char *copy = arena_strdup(&e2e_arena, list), *at = copy;

	for (char *one; (one = strsep(&at, separators)) != NULL;)
		if (strcmp(one, word) == 0)
			return true;
	return false;
}

/* The first line whose controllers have that word: "4:cpu,cpuacct:/path", "0::/path". */
const char *matrix_cgroup(pid_t pid, const char *controller)
{
	const char *text = matrix_file(arena_printf(&e2e_arena, "/proc/%d/cgroup", (int)pid));
	char *copy = arena_strdup(&e2e_arena, text), *at = copy;

	for (char *line; (line = strsep(&at, "\n")) != NULL;) {
		char *names, *path;

		strsep(&line, ":");
		names = strsep(&line, ":");
		path = line;
		if (names == NULL || path == NULL || !has_word(names, controller, ","))
			continue;
		if (*controller != '\0')
			return arena_printf(&e2e_arena, "/sys/fs/cgroup/%s%s", names, path);
		return arena_printf(&e2e_arena, "/sys/fs/cgroup%s%s",
				    matrix_is_unified() ? "" : "/unified", path);
	}
	return NULL;
}

bool matrix_has_v1(const char *controller)
{
	return !matrix_is_unified() && matrix_cgroup(getpid(), controller) != NULL;
}

bool matrix_has_v2(const char *controller)
{
	const char *root = matrix_is_unified() ? "" : "/unified";

	return has_word(matrix_file(arena_printf(&e2e_arena,
						 "/sys/fs/cgroup%s/cgroup.controllers", root)),
			controller, " ");
}
