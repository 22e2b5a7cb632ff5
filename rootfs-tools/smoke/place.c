/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/namespace.h"
#include "base/process.h"
#include "base/text.h"
#include "rootfs-tools/publish.h"

#define PREFIX	"kist-smoke-"

/* As kist's own: root of a user namespace need not be who may write to /run. */
static const char *parent_path(struct arena *arena)
{
	const char *run = secure_getenv("XDG_RUNTIME_DIR");

	if (run != NULL && *run == '/' && (geteuid() != 0 || !namespace_user_is_initial()))
		return arena_printf(arena, "%s/kist-smoke", run);
	if (geteuid() == 0)
		return "/run/kist-smoke";
	return arena_printf(arena, "/tmp/kist-smoke-%u", geteuid());
}

/* Nobody else may have made it, for we start programs from below it. */
static int parent_open(const char *path, struct error *err)
{
	_cleanup_fd int fd = -EBADF;
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "make directory %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "open %s", path);
	if (st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		return error_set(err, "%s: belongs to somebody else; remove it", path);
	return fd_take(&fd);
}

/* --- taking away ----------------------------------------------------------------------- */

static void call_kist(const char *libexec, const char *state, const char *word, const char *option,
		      const char *id)
{
	_cleanup_arena struct arena arena = { 0 };
	const char *args[] = { "kist", "--root", state, word, option, id, NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&pid, arena_printf(&arena, "%s/kist", libexec), &actions, NULL,
			(char *const *)args, environ) == 0)
		process_reap(pid, NULL);
	posix_spawn_file_actions_destroy(&actions);
}

/* kist itself knows best what a container consists of.  Whether there were none. */
static bool delete_containers(const char *libexec, const char *state)
{
	DIR *directory = opendir(state);
	struct dirent *entry;
	size_t count = 0;
	bool whole;

	if (directory == NULL)
		return errno == ENOENT;
	while ((entry = dir_next(directory)) != NULL) {
		if (entry->d_name[0] == '.' || entry->d_type != DT_DIR)
			continue;
		if (count++ == 0)
			call_kist(libexec, state, "gc", NULL, NULL);
		call_kist(libexec, state, "delete", "--force", entry->d_name);
	}
	whole = errno == 0;
	closedir(directory);
	return whole && count == 0;
}

void place_clean(const struct place *place)
{
	struct error ignored;

	/* What is still there then is better known to the next run than to nobody. */
	if (delete_containers(place->libexec, place->state) ||
	    delete_containers(place->libexec, place->state))
		tree_remove(AT_FDCWD, place->path, &ignored);
}

/* Until its runtimes are gone, at most five seconds. */
static void wait_for_runtimes(const char *state)
{
	_cleanup_fd int fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct timespec moment = { 0, 10 * 1000 * 1000 };

	for (unsigned int i = 0; i < 500 && fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0; i++)
		nanosleep(&moment, NULL);
}

/* The directory of a run without a keeper, locked; -1: it has one, or is none. */
static int dead_open(int parent_fd, const char *name)
{
	_cleanup_fd int fd = -EBADF;
	int result;

	/* A run holds this one from its mkdir() until it has its own: place_make(). */
	if (flock(parent_fd, LOCK_EX) < 0)
		return -1;
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	result = fd >= 0 ? flock(fd, LOCK_EX | LOCK_NB) : -1;
	flock(parent_fd, LOCK_UN);
	return result == 0 ? fd_take(&fd) : -1;
}

/* Runs that were killed, keeper and all. */
static void collect(struct arena *arena, int parent_fd, const char *parent, const char *libexec)
{
	DIR *directory = dir_list(parent_fd);
	struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		_cleanup_fd int fd = -EBADF;
		struct place dead;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		fd = dead_open(parent_fd, entry->d_name);
		if (fd < 0)
			continue;
		dead.path = arena_printf(arena, "%s/%s", parent, entry->d_name);
		dead.state = arena_printf(arena, "%s/state", dead.path);
		dead.libexec = libexec;
		wait_for_runtimes(dead.state);
		place_clean(&dead);
	}
	if (directory != NULL)
		closedir(directory);
}

/* --- making ------------------------------------------------------------------------------ */

/* The folder that this program is in has the runtime, too. */
static int libexec_find(struct arena *arena, const char **ret, struct error *err)
{
	char path[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (size < 0)
		return error_errno(err, "read /proc/self/exe");
	path[size] = '\0';
	slash = strrchr(path, '/');
	*slash = '\0';
	*ret = arena_strdup(arena, path);
	if (access(arena_printf(arena, "%s/kist", path), X_OK) < 0)
		return error_errno(err, "find the runtime: %s/kist", path);
	return 0;
}

static int locks_take(struct place *place)
{
	place->lock_fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place->lock_fd < 0 || flock(place->lock_fd, LOCK_EX | LOCK_NB) < 0 ||
	    mkdir(place->state, 0700) < 0)
		return -1;
	/* Without O_CLOEXEC: runtimes inherit it. */
	place->state_fd = open(place->state, O_RDONLY | O_DIRECTORY);
	return place->state_fd < 0 ? -1 : flock(place->state_fd, LOCK_EX | LOCK_NB);
}

int place_make(struct arena *arena, struct place *ret, struct error *err)
{
	const char *parent = parent_path(arena);
	_cleanup_fd int parent_fd = parent_open(parent, err);
	uint64_t random = 0;

	if (parent_fd < 0 || libexec_find(arena, &ret->libexec, err) < 0)
		return -1;
	collect(arena, parent_fd, parent, ret->libexec);
	(void)!getrandom(&random, sizeof(random), 0);
	ret->name = arena_printf(arena, PREFIX "%016llx", (unsigned long long)random);
	ret->path = arena_printf(arena, "%s/%s", parent, ret->name);
	ret->state = arena_printf(arena, "%s/state", ret->path);
	ret->inside = arena_printf(arena, "%s/box", ret->path);
	if (flock(parent_fd, LOCK_EX) < 0 || mkdir(ret->path, 0700) < 0)
		return error_errno(err, "make directory %s", ret->path);
	if (locks_take(ret) < 0 || mkdir(ret->inside, 0700) < 0) {
		struct error ignored;

		error_errno(err, "make directory %s", ret->path);
		tree_remove(AT_FDCWD, ret->path, &ignored);
		return -1;
	}
	return 0;
}

void place_release(struct place *place)
{
	fd_close(&place->lock_fd);
	fd_close(&place->state_fd);
}
