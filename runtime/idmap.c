/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/idmap.h"

#include <linux/capability.h>

#include "base/fd.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include "config/id_map.h"

/* What uid and gid maps differ in. */
struct id_kind {
	const char *file, *helper, *ranges, *word;
};
static const struct id_kind uid_kind = { "uid_map", "newuidmap", "/etc/subuid", "uid" };
static const struct id_kind gid_kind = { "gid_map", "newgidmap", "/etc/subgid", "gid" };

#define RANGES_LIMIT	((size_t)1024 * 1024)
#define SAID_LIMIT	512
#define HELPER_MISSING	127

/* Root, or who has root's capabilities in the user namespace it is in. */
static bool may_map_any(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };
	const uint32_t both = 1U << CAP_SETUID | 1U << CAP_SETGID;

	return geteuid() == 0 ||
	       (syscall(SYS_capget, &header, data) == 0 && (data[0].effective & both) == both);
}

static bool maps_self(const id_map_list *maps, uint32_t own)
{
	return maps->count == 1 && maps->items[0].host == own && maps->items[0].size == 1;
}

/* Does "name:first:count" of the ranges file give all of the map to us? */
static bool range_covers(char *line, uint32_t uid, const struct id_map *map)
{
	uint64_t numbers[3];	/* owner, first, count */

	/* Names are not looked up: only a line by number can be judged here. */
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const char *word = strsep(&line, ":");

		if (word == NULL || !text_to_u64(word, UINT32_MAX, &numbers[i]))
			return false;
	}
	return numbers[0] == uid && map->host >= numbers[1] &&
	       (uint64_t)map->host + map->size <= numbers[1] + numbers[2];
}

static bool ranges_cover(struct arena *arena, const struct id_kind *kind,
			 const struct id_map *map)
{
	struct error ignored;
	char *text, *rest, *line;

	if (file_read(AT_FDCWD, kind->ranges, RANGES_LIMIT, arena, &text, NULL, &ignored) < 0)
		return false;
	for (rest = text; (line = strsep(&rest, "\n")) != NULL;)
		if (range_covers(line, getuid(), map))
			return true;
	return false;
}

/* Which line is missing.  The caller's own id needs none. */
static int ranges_explain(struct arena *arena, const struct id_kind *kind,
			  const id_map_list *maps, struct error *err)
{
	uint32_t own = kind == &uid_kind ? getuid() : getgid();

	LIST_EACH(map, *maps) {
		if ((map->host == own && map->size == 1) || ranges_cover(arena, kind, map))
			continue;
		return error_hint(err, "%s must give this user %ss %u to %u: the line "
				  "\"%u:%u:%u\" there does", kind->ranges, kind->word, map->host,
				  map->host + map->size - 1, getuid(), map->host, map->size);
	}
	return -1;
}

/* What the kernel means when it refuses a map that we write ourselves. */
static int write_explain(const struct id_kind *kind, struct error *err)
{
	char path[] = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", value = '0';
	_cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (err->code == EINVAL)
		return error_hint(err, "ranges overlap, or there are too many (340 at most)");
	if (err->code != EPERM)
		return -1;
	if (fd >= 0 && read(fd, &value, 1) == 1 && value == '1' && geteuid() != 0)
		return error_hint(err, "AppArmor forbids user namespaces to ordinary users here: "
				  "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 "
				  "allows them");
	return error_hint(err, "the caller may not map these %ss", kind->word);
}

static int map_write(int proc_fd, const struct id_kind *kind, const char *map, struct error *err)
{
	_cleanup_fd int fd = openat(proc_fd, kind->file, O_WRONLY | O_CLOEXEC);
	size_t size = strlen(map);

	if (fd < 0)
		return error_errno(err, "open %s", kind->file);
	/* The kernel takes the whole map in one write or not at all. */
	if (write(fd, map, size) != (ssize_t)size) {
		error_errno(err, "write %s", kind->file);
		return write_explain(kind, err);
	}
	return 0;
}

static _noreturn void helper_exec(const struct id_kind *kind, char *const *argv, int said_fd)
{
	char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };
	static const char *const folders[] = { "/usr/bin", "/bin", "/usr/local/bin" };
	char path[64];

	if (dup2(said_fd, STDERR_FILENO) < 0)
		_exit(126);
	/* Set-user-id programs: from the system's own folders, never from the caller's PATH. */
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], kind->helper);
		execve(path, argv, env);
	}
	_exit(errno == ENOENT ? HELPER_MISSING : 126);
}

/* newuidmap PID container host size ... */
static char **helper_args(struct arena *arena, const struct id_kind *kind, pid_t pid,
			  const id_map_list *maps)
{
	char **argv = ARENA_NEWS(arena, maps->count * 3 + 3, char *);
	size_t at = 0;

	argv[at++] = arena_strdup(arena, kind->helper);
	argv[at++] = arena_printf(arena, "%d", pid);
	LIST_EACH(map, *maps) {
		argv[at++] = arena_printf(arena, "%u", map->container);
		argv[at++] = arena_printf(arena, "%u", map->host);
		argv[at++] = arena_printf(arena, "%u", map->size);
	}
	return argv;
}

/*
 * Its exit status.  A caller of libkist's that ignores SIGCHLD, or reaps whatever child there is,
 * takes that from us: then the map says whether it was written.
 */
static int helper_reap(const struct id_kind *kind, int proc_fd, pid_t helper)
{
	_cleanup_fd int fd = -EBADF;
	int status;
	char byte;

	if (process_reap(helper, &status) == 0)
		return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
	fd = openat(proc_fd, kind->file, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &byte, 1) == 1 ? 0 : 126;
}

static int helper_run(struct arena *arena, const struct id_kind *kind, int proc_fd, pid_t pid,
		      const id_map_list *maps, struct error *err)
{
	char **argv = helper_args(arena, kind, pid, maps);
	_cleanup_fd int read_fd = -EBADF, write_fd = -EBADF;
	char said[SAID_LIMIT + 1];
	ssize_t size;
	pid_t helper;
	int status;

	if (fd_pipe(&read_fd, &write_fd, err) < 0)
		return -1;
	helper = fork();
	if (helper < 0)
		return error_errno(err, "start %s", kind->helper);
	if (helper == 0)
		helper_exec(kind, argv, write_fd);
	fd_close(&write_fd);
	size = read(read_fd, said, SAID_LIMIT);
	status = helper_reap(kind, proc_fd, helper);
	if (status == 0)
		return 0;
	if (status == HELPER_MISSING)
		return error_number(err, EPERM,
				    "write %s: %s is not installed (package uidmap), and "
				    "without it an ordinary user can only map its own id",
				    kind->file, kind->helper);
	said[size > 0 ? size : 0] = '\0';
	said[strcspn(said, "\n")] = '\0';
	error_number(err, EPERM, "write %s: %s", kind->file,
		     *said != '\0' ? text_printable(arena, said) : kind->helper);
	return ranges_explain(arena, kind, maps, err);
}

static int setgroups_deny(int proc_fd, struct error *err)
{
	/* Since Linux 3.19 (CVE-2014-8989): without it an ordinary user gets no gid map. */
	return file_write(proc_fd, "setgroups", "deny", err);
}

static int gid_write(struct arena *arena, int proc_fd, pid_t pid, const id_map_list *maps,
		     struct error *err)
{
	bool privileged = may_map_any();

	if (!privileged && !maps_self(maps, getegid()))
		return helper_run(arena, &gid_kind, proc_fd, pid, maps, err);
	if (!privileged && setgroups_deny(proc_fd, err) < 0)
		return -1;
	return map_write(proc_fd, &gid_kind, id_map_text(arena, maps), err);
}

int idmap_write_in(struct arena *arena, const char *proc, pid_t pid, const id_map_list *uid_maps,
		   const id_map_list *gid_maps, struct error *err)
{
	const char *path = arena_printf(arena, "%s/%d", proc, pid);
	_cleanup_fd int proc_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (proc_fd < 0)
		return error_errno(err, "open %s", path);
	if (gid_maps->count > 0 && gid_write(arena, proc_fd, pid, gid_maps, err) < 0)
		return -1;
	if (uid_maps->count == 0)
		return 0;
	if (!may_map_any() && !maps_self(uid_maps, geteuid()))
		return helper_run(arena, &uid_kind, proc_fd, pid, uid_maps, err);
	return map_write(proc_fd, &uid_kind, id_map_text(arena, uid_maps), err);
}

int idmap_write(struct arena *arena, pid_t pid, const id_map_list *uid_maps,
		const id_map_list *gid_maps, struct error *err)
{
	return idmap_write_in(arena, "/proc", pid, uid_maps, gid_maps, err);
}
