/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/process.h"
#include "base/text.h"
#include "rootfs-tools/publish.h"
#include "rootfs-tools/store/use.h"

enum { TEXT_MAX = 4096 };

/* When the process was started; 0: there is none. */
static uint64_t start_time(pid_t pid)
{
	uint64_t start;

	return process_start_time(pid, &start) ? start : 0;
}

/* Pids mean something in one pid namespace alone. */
static uint64_t pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 ? (uint64_t)st.st_ino : 0;
}

int store_run_begin(const struct store *store, pid_t owner, const char *container,
		    struct store_run *ret, struct error *err)
{
	_cleanup_fd int run_fd = store_below(store, "run", err);
	const uint64_t start = start_time(owner);
	uint32_t random = 0;

	if (run_fd < 0)
		return -1;
	/* Ctrl-C: there is nobody any more who would use or remove it. */
	if (start == 0)
		return error_number(err, ESRCH, "make a bundle for process %d", (int)owner);
	(void)!getrandom(&random, sizeof(random), 0);
	ret->name = arena_printf(store->arena, "%" PRIx64 "-%d-%" PRIu64 "-%08x", pid_namespace(),
				 (int)owner, start, random);
	ret->path = arena_printf(store->arena, "%s/run/%s", store->path, ret->name);
	if (mkdirat(run_fd, ret->name, 0700) < 0)
		return error_errno(err, "make %s", ret->path);
	ret->fd = openat(run_fd, ret->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (ret->fd < 0)
		return error_errno(err, "open %s", ret->path);
	return file_replace(ret->fd, "container", container, strlen(container), 0600, err);
}

int store_run_use(const struct store *store, const struct store_run *run,
		  const word_list *names, struct error *err)
{
	return store_record_layers(store, run->fd, "layers.json", run->path, names, err);
}

int store_run_end(const struct store *store, const char *name, struct error *err)
{
	_cleanup_fd int run_fd = store_below(store, "run", err);

	if (run_fd < 0)
		return -1;
	if (*name == '\0' || *name == '.' || strchr(name, '/') != NULL)
		return error_set(err, "%s: no directory of %s/run", name, store->path);
	return tree_remove(run_fd, name, err);
}

/* In doubt it is. */
static bool run_in_use(const struct store *store, int run_fd, const char *name)
{
	_cleanup_fd int fd = openat(run_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct error ignored;
	uint64_t namespace, start;
	char *container;
	int pid;

	if (fd < 0 || sscanf(name, "%" SCNx64 "-%d-%" SCNu64, &namespace, &pid, &start) != 3 ||
	    namespace != pid_namespace() || (start != 0 && start_time(pid) == start))
		return true;
	return file_read(fd, "container", TEXT_MAX, store->arena, &container, NULL,
			 &ignored) == 0 && access(container, F_OK) == 0;
}

int store_run_sweep(const struct store *store, unsigned int *ret_count, struct error *err)
{
	_cleanup_fd int run_fd = store_below(store, "run", err);
	word_list names;

	*ret_count = 0;
	if (run_fd < 0 || store_names(store->arena, run_fd, &names, err) < 0)
		return -1;
	LIST_EACH(name, names) {
		if (run_in_use(store, run_fd, *name))
			continue;
		if (tree_remove(run_fd, *name, err) < 0)
			return error_wrap(err, "remove %s/run/%s", store->path, *name);
		(*ret_count)++;
	}
	return 0;
}
