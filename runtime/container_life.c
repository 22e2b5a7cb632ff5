/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "base/sys.h"
#include "config/json.h"
#include "config/load.h"
#include "init/hook.h"
#include "runtime/container.h"
#include "runtime/journal.h"
#include "runtime/shared_root.h"
#include "runtime/state.h"

/* The two ends of a container's directory: how it comes to be, and how it goes. */

/* An id may be as long as a name: two of such take turns at one draft, which is locked. */
#define DRAFT_FORMAT	"~%.254s"
#define CLAIM_TRIES	64
#define DRAFT_WAIT_MS	5
#define KILL_WAIT_MS	10000
#define KILL_STEP_MS	50

#define DIRECTORY_DEPTH	2
#define REMOVE_TRIES	5

static int empty_directory(int dir_fd, int depth);

/* A file, or a directory with what is in it. */
static int remove_entry(int dir_fd, const char *name, int depth)
{
	_cleanup_fd int below = -EBADF;

	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR || depth == 0)
		return -1;
	below = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return below >= 0 && empty_directory(below, depth - 1) == 0 ?
	       unlinkat(dir_fd, name, AT_REMOVEDIR) : -1;
}

/* What is in a directory, and in those directly below it, but for its journal: -1, errno. */
static int empty_directory(int dir_fd, int depth)
{
	DIR *dir = dir_list(dir_fd);
	struct dirent *entry;
	int error;

	if (dir == NULL)
		return -1;
	while ((entry = dir_next(dir)) != NULL)
		if ((depth < DIRECTORY_DEPTH || strcmp(entry->d_name, "journal") != 0) &&
		    remove_entry(dir_fd, entry->d_name, depth) < 0)
			break;
	error = errno;
	closedir(dir);
	errno = error;
	return entry == NULL && error == 0 ? 0 : -1;
}

static bool same_directory(int root_fd, const char *name, int dir_fd)
{
	struct stat here, there;

	return fstat(dir_fd, &here) == 0 &&
	       fstatat(root_fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

/*
 * The journal goes last, so that a kill between two of these calls leaves
 * something that says what it is; and an empty directory is no container.
 * plain: a foreground "run" knows that its own has no more than three files.
 */
static int directory_remove(int root_fd, int dir_fd, const char *name, bool plain,
			    struct error *err)
{
	unlinkat(dir_fd, "state.json", 0);
	unlinkat(dir_fd, "config.json", 0);
	if (!plain && empty_directory(dir_fd, DIRECTORY_DEPTH) < 0)
		return error_errno(err, "empty directory %s", name);
	unlinkat(dir_fd, "journal", 0);
	/* Who keeps the log of what just ended puts its status there meanwhile. */
	for (int tries = 0; tries < REMOVE_TRIES; tries++) {
		if (unlinkat(root_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		/* Empty it is nobody's: the next of the name may have come in its place. */
		if (errno == ENOTEMPTY && !same_directory(root_fd, name, dir_fd))
			return 0;
		if (empty_directory(dir_fd, DIRECTORY_DEPTH) < 0)
			break;
	}
	return error_errno(err, "remove directory %s", name);
}

/*
 * A draft holds its journal and no more.  As soon as that is gone it is free for the next "create",
 * which puts its own there, and all else: nothing of that may be taken away.
 */
static void draft_remove(int root_fd, int dir_fd, const char *draft)
{
	unlinkat(dir_fd, "journal", 0);
	unlinkat(root_fd, draft, AT_REMOVEDIR);
}

/* 1 ours, 0 try again: another kist was in the way, and goes; -1 error. */
static int draft_make(struct container *c, const char *draft, struct error *err)
{
	fd_close(&c->lock_fd);
	fd_close(&c->dir_fd);
	if (mkdirat(c->root_fd, draft, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "make %s/%s", c->root, c->id);
	c->dir_fd = openat(c->root_fd, draft, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c->dir_fd < 0)
		return errno == ENOENT ? 0 : error_errno(err, "open %s/%s", c->root, draft);
	c->lock_fd = openat(c->dir_fd, "journal",
			    O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (c->lock_fd < 0 && errno == ENOENT)
		return 0;
	if (c->lock_fd < 0) {
		error_errno(err, "make the journal of %s/%s", c->root, c->id);
		/* Empty it is nobody's: another kist that has just made it tries again. */
		unlinkat(c->root_fd, draft, AT_REMOVEDIR);
		return -1;
	}
	if (journal_lock(c->lock_fd, JOURNAL_CHANGE, err) < 0) {
		if (err->code != EAGAIN)
			return -1;
		/* It has its name in an instant; or it goes: "delete" and "gc" lock it, too. */
		poll(NULL, 0, DRAFT_WAIT_MS);
		return 0;
	}
	/* Its maker may have given it its name, and even have ended, since the open. */
	if (!same_directory(c->root_fd, draft, c->dir_fd))
		return 0;
	return 1;
}

/* What has the id: destroyed when a dead kist left it, else an error. */
static int claim_existing(struct container *c, struct error *err)
{
	_cleanup_container struct container old = CONTAINER_NONE;
	int abandoned;

	if (container_open_damaged(&old, c->arena, c->root, c->root_fd, c->id, err) < 0)
		return err->code == ENOENT ? 0 : -1;
	abandoned = container_abandoned(&old, err);
	if (abandoned < 0)
		return err->code == ENOENT ? 0 : -1;
	if (abandoned == 0)
		return container_error(err, EEXIST, "container with given ID already exists");
	if (container_lock(&old, err) < 0)
		return err->code == ENOENT ? 0 : -1;
	if (container_destroy(&old, NULL, err) < 0)
		return error_wrap(err, "clean up what a killed kist left");
	return 0;
}

static int claim_publish(struct container *c, const char *draft, struct error *err)
{
	for (int i = 0; i < CLAIM_TRIES; i++) {
		/* Onto an empty directory, which is the rest of a removal, this works too. */
		if (renameat(c->root_fd, draft, c->root_fd, c->id) == 0)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY)
			return error_errno(err, "make %s/%s", c->root, c->id);
		if (claim_existing(c, err) < 0)
			return -1;
	}
	return container_error(err, EEXIST, "container with given ID already exists");
}

int container_claim(struct container *ret, struct arena *arena, const char *root, int root_fd,
		    const char *id, struct error *err)
{
	const char *draft = arena_printf(arena, DRAFT_FORMAT, id);
	int made = 0;

	*ret = CONTAINER_NONE;
	ret->arena = arena;
	ret->root = root;
	ret->root_fd = root_fd;
	ret->id = id;
	ret->owner = geteuid();
	clock_gettime(CLOCK_REALTIME, &ret->created);
	if (container_id_check(id, err) == 0) {
		for (int i = 0; i < CLAIM_TRIES && made == 0; i++)
			made = draft_make(ret, draft, err);
		if (made == 0)
			container_error(err, EBUSY, "claim %s: others make or remove it now", id);
		if (made > 0 && claim_publish(ret, draft, err) == 0)
			return 0;
		if (made > 0)
			draft_remove(ret->root_fd, ret->dir_fd, draft);
	}
	container_close(ret);
	return -1;
}

int container_keep_config(struct container *c, const char *text, size_t size, struct error *err)
{
	_cleanup_fd int fd = openat(c->dir_fd, "config.json",
				    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || fd_write_all(fd, text, size) < 0)
		return error_errno(err, "keep a copy of config.json in %s/%s", c->root, c->id);
	return 0;
}

int container_born(struct container *c, pid_t pid, struct error *err)
{
	if (!process_start_time(pid, &c->start_time))
		return error_errno(err, "read the start time of process %d", (int)pid);
	c->pid = pid;
	return journal_add_process(c->lock_fd, pid, c->start_time, err);
}

const struct plan *container_plan(struct container *c, struct error *err)
{
	char *text;
	size_t size;

	if (file_read(c->dir_fd, "config.json", JSON_MAX_SIZE, c->arena, &text, &size, err) < 0) {
		error_wrap(err, "read the configuration of %s", c->id);
		return NULL;
	}
	return plan_parse(c->arena, c->bundle, "config.json", text, size, err);
}

void container_remove_draft(int root_fd, const char *id)
{
	_cleanup_arena struct arena arena = { 0 };
	const char *draft = arena_printf(&arena, DRAFT_FORMAT, id);
	_cleanup_fd int dir_fd = openat(root_fd, draft,
					O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_fd int lock_fd = dir_fd < 0 ? -EBADF :
		openat(dir_fd, "journal", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct error ignored;

	if (lock_fd >= 0 && journal_lock(lock_fd, JOURNAL_CHANGE, &ignored) == 0 &&
	    same_directory(root_fd, draft, dir_fd))
		draft_remove(root_fd, dir_fd, draft);
}

/* Reaps it, too, where it is a child of ours. */
static int container_kill(struct container *c, struct error *err)
{
	struct pollfd ended = { .events = POLLIN };
	struct error ignored;
	int pidfd = container_pidfd(c, err);

	if (pidfd < 0)
		return err->code == ESRCH ? 0 : -1;
	if (sys_pidfd_send_signal(pidfd, SIGKILL) < 0 && errno != ESRCH)
		return error_errno(err, "kill process %d", (int)c->pid);
	/* A frozen cgroup v1 keeps even SIGKILL waiting. */
	if (c->cgroup.path != NULL && cgroup_open(&c->cgroup, &ignored) == 0) {
		cgroup_freeze(&c->cgroup, false, &ignored);
		cgroup_thaw_killed(&c->cgroup, &ignored);
	}
	ended.fd = pidfd;
	for (int waited = 0; poll(&ended, 1, KILL_STEP_MS) == 0; waited += KILL_STEP_MS) {
		if (container_exiting(c))
			break;
		if (waited >= KILL_WAIT_MS)
			return container_error(err, EBUSY,
					       "process %d does not end after SIGKILL",
					       (int)c->pid);
	}
	waitpid(c->pid, NULL, WNOHANG);
	return 0;
}

static int cgroup_end(struct container *c, struct error *err)
{
	struct error ignored;

	if (!cgroup_is_used(&c->cgroup))
		return 0;
	if (c->cgroup.fd < 0)
		cgroup_open(&c->cgroup, &ignored);
	if (cgroup_destroy(&c->cgroup, &ignored) == 0)
		return 0;
	/* Without a pid namespace of its own, others of the container can outlive its first. */
	if (cgroup_kill(&c->cgroup, err) < 0)
		return -1;
	return cgroup_destroy(&c->cgroup, err);
}

/* All of them, whatever one says: the container is gone, and nothing can be undone. */
static void run_poststop(struct container *c, const struct plan *plan)
{
	struct text state = { .arena = c->arena };
	struct error err;

	c->pid = 0;
	state_print_hook(&state, c, "stopped");
	LIST_EACH(hook, plan->hooks[HOOK_POSTSTOP])
		if (hook_run(hook, plan->bundle, state.data, &err) < 0)
			warn("poststop hook: %s", err.text);
}

int container_destroy(struct container *c, const struct plan *plan, struct error *err)
{
	if (container_kill(c, err) < 0 || cgroup_end(c, err) < 0 || rdt_remove(&c->rdt, err) < 0)
		return -1;
	/* The journal knows; without a plan only it. */
	if ((plan == NULL || root_is_shared(plan)) && c->lock_fd >= 0 &&
	    shared_root_remove(c->lock_fd, c->arena, err) < 0)
		return -1;
	if (plan != NULL && plan->hooks[HOOK_POSTSTOP].count > 0)
		run_poststop(c, plan);
	return directory_remove(c->root_fd, c->dir_fd, c->id, c->foreground, err);
}

void container_undo(struct container *c, const struct plan *plan)
{
	struct error err;
	int locked = container_relock(c, &err);

	if (locked < 0 && err.code == ENOENT)
		return;
	if (locked < 0 || container_destroy(c, plan, &err) < 0)
		warn("clean up %s: %s", c->id, err.text);
}

void container_await_hooks(struct container *c, const struct plan *plan)
{
	struct error ignored;

	if (plan->hooks[HOOK_START_CONTAINER].count > 0)
		journal_lock(c->lock_fd, JOURNAL_HOOKS, &ignored);
}

int container_started(struct container *c, const struct plan *plan, struct error *err)
{
	struct text state = { .arena = c->arena };

	if (plan->hooks[HOOK_START_CONTAINER].count > 0)
		journal_unlock(c->lock_fd, JOURNAL_HOOKS);
	if (plan->hooks[HOOK_POSTSTART].count == 0)
		return 0;
	state_print_hook(&state, c, "running");
	container_unlock(c);
	return hooks_run(plan, HOOK_POSTSTART, state.data, err);
}
