/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/container.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include "runtime/journal.h"
#include "runtime/spawn.h"
#include "runtime/state.h"

#define LOCK_WAIT_MS	10000
#define LOCK_STEP_MS	5
#define SETUP_WAIT_MS	500

static const char *const status_names[] = {
	[CONTAINER_CREATING] = "creating",
	[CONTAINER_CREATED] = "created",
	[CONTAINER_RUNNING] = "running",
	[CONTAINER_PAUSED] = "paused",
	[CONTAINER_STOPPED] = "stopped",
};

const char *container_status_name(enum container_status status)
{
	return status_names[status];
}

int container_error(struct error *err, int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	err->code = code;
	return -1;
}

int container_id_check(const char *id, struct error *err)
{
	size_t length = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789_+.-");

	/* Names with a dot in front are ours (.hostns, .seccomp); security.md I19. */
	if (length > 0 && id[length] == '\0' && length <= NAME_MAX && id[0] != '.')
		return 0;
	container_error(err, EINVAL, "invalid container ID format");
	if (length > NAME_MAX)
		return error_hint(err, "%d letters at most", NAME_MAX);
	return error_hint(err, "letters, digits, \"_\", \"+\", \"-\", and \".\" but in front");
}

/* Parents as mkdir -p makes them; the last one is ours alone. */
static int root_make(const char *path, struct error *err)
{
	char part[4096];
	size_t length = strlen(path);

	if (length >= sizeof(part))
		return error_number(err, ENAMETOOLONG, "make %s", path);
	memcpy(part, path, length + 1);
	for (char *at = part + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return error_errno(err, "make %s", part);
		*at = '/';
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "make %s", path);
	return 0;
}

/* A link may be ours or root's: in /tmp another user's could lead to any directory of ours. */
static int root_find(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 || errno != ENOTDIR || lstat(path, &st) < 0)
		return fd;
	if (S_ISLNK(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()))
		return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	errno = S_ISLNK(st.st_mode) ? EPERM : ENOTDIR;
	return -1;
}

int container_root_open(const char *path, bool create, struct error *err)
{
	_cleanup_fd int fd = root_find(path);
	struct stat st;

	if (path[strspn(path, "/")] == '\0')
		return error_set(err, "Option --root argument should not be set to %s", path);
	if (fd < 0 && errno == ENOENT && create) {
		if (root_make(path, err) < 0)
			return -1;
		fd = root_find(path);
	}
	if (fd < 0)
		return error_errno(err, "open %s", path);
	if (fstat(fd, &st) < 0)
		return error_errno(err, "stat %s", path);
	if (st.st_uid != geteuid())
		return error_set(err, "%s belongs to uid %u: it must be ours", path, st.st_uid);
	if ((st.st_mode & 022) != 0)
		return error_set(err, "%s may be written by others: chmod go-w %s", path, path);
	return fd_take(&fd);
}

bool container_exiting(const struct container *c)
{
	return process_is(c->pid, c->start_time) == 0;
}

/* 1, 0, or -1: without a free fd, for example, nobody may take it for dead. */
static int container_alive(const struct container *c, struct error *err)
{
	struct pollfd ended = { c->pidfd, POLLIN, 0 };
	int alive = 0;

	if (c->pidfd >= 0) {
		alive = poll(&ended, 1, 0);
		alive = alive < 0 ? -1 : alive == 0;
	} else if (c->pid != 0) {
		alive = process_is(c->pid, c->start_time);
	}
	return alive < 0 ? error_errno(err, "look at process %d", (int)c->pid) : alive;
}

int container_pidfd(struct container *c, struct error *err)
{
	_cleanup_fd int pidfd = -EBADF;
	int alive;

	/* In this order: the pidfd can only be of the process whose time is read next. */
	if (c->pidfd < 0 && c->pid != 0) {
		pidfd = sys_pidfd_open(c->pid, 0);
		/* EINVAL, ENOENT: it is the number of a thread by now. */
		if (pidfd < 0 && errno != ESRCH && errno != EINVAL && errno != ENOENT)
			return error_errno(err, "look at process %d", (int)c->pid);
	}
	alive = c->pidfd >= 0 || pidfd >= 0 ? container_alive(c, err) : 0;
	if (alive == 0)
		return container_error(err, ESRCH, "container not running");
	if (alive > 0 && pidfd >= 0)
		c->pidfd = fd_take(&pidfd);
	return alive < 0 ? -1 : c->pidfd;
}

static int journal_open(struct container *c, struct error *err)
{
	if (c->lock_fd >= 0)
		return 0;
	c->lock_fd = openat(c->dir_fd, "journal", O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (c->lock_fd < 0 && errno == ENOENT)
		return container_error(err, ENOENT, "container does not exist");
	if (c->lock_fd < 0)
		return error_errno(err, "open the journal of %s", c->id);
	return 0;
}

/* What stands in for state.json while the container is made, or where it is damaged. */
static int journal_load(struct container *c, struct error *err)
{
	struct journal journal;
	struct stat st;

	if (journal_open(c, err) < 0 || journal_read(c->lock_fd, c->arena, &journal, err) < 0)
		return -1;
	if (fstat(c->lock_fd, &st) == 0)
		c->created = st.st_ctim;
	c->bundle = journal.bundle;
	c->root_path = journal.root_path;
	c->foreground = journal.foreground;
	c->pid = journal.pid;
	c->start_time = journal.start_time;
	if (journal.has_cgroup)
		c->cgroup = journal.cgroup;
	c->rdt = journal.rdt;
	return 0;
}

static int container_load(struct container *c, bool damaged, struct error *err)
{
	fd_close(&c->pidfd);
	c->complete = true;
	if (state_load(c, err) == 0)
		return 0;
	if (err->code != ENOENT && !damaged)
		return -1;
	if (err->code != ENOENT && c->lock_fd < 0)
		warn("%s", err->text);
	c->complete = err->code != ENOENT;
	return journal_load(c, err);
}

static int open_any(struct container *ret, struct arena *arena, const char *root, int root_fd,
		    const char *id, bool damaged, struct error *err)
{
	*ret = CONTAINER_NONE;
	ret->arena = arena;
	ret->root = root;
	ret->id = id;
	if (container_id_check(id, err) < 0)
		return -1;
	ret->root_fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
	ret->dir_fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (ret->dir_fd < 0 && errno == ENOENT)
		container_error(err, ENOENT, "container does not exist");
	else if (ret->root_fd < 0 || ret->dir_fd < 0)
		error_errno(err, "open %s/%s", root, id);
	else if (container_load(ret, damaged, err) == 0)
		return 0;
	container_close(ret);
	return -1;
}

int container_open(struct container *ret, struct arena *arena, const char *root, int root_fd,
		   const char *id, struct error *err)
{
	return open_any(ret, arena, root, root_fd, id, false, err);
}

int container_open_damaged(struct container *ret, struct arena *arena, const char *root,
			   int root_fd, const char *id, struct error *err)
{
	return open_any(ret, arena, root, root_fd, id, true, err);
}

/* A hook in the container's namespaces, where the holder of the lock has no number. */
static bool are_inside(const struct container *c)
{
	return process_is(c->pid, c->start_time) == 1 && process_descends_from(c->pid);
}

/* Whether a hook calls us that the holder of the lock waits for. */
static bool is_called_by_hook(struct container *c, pid_t holder)
{
	struct error ignored;

	/* The holder may have started what calls us, and lets go in a moment, unless it says so. */
	if (c->complete && container_alive(c, &ignored) != 0)
		return holder > 0 && are_inside(c) &&
		       journal_holder(c->lock_fd, JOURNAL_HOOKS, &ignored) == holder;
	return process_descends_from(holder) || (!c->complete && are_inside(c));
}

bool container_waits_for_us(struct container *c)
{
	struct error ignored;
	pid_t holder = -1;

	if (journal_open(c, &ignored) == 0)
		holder = journal_holder(c->lock_fd, JOURNAL_CHANGE, &ignored);
	return holder > 0 && is_called_by_hook(c, holder);
}

static int busy_error(const struct container *c, pid_t holder, int code, struct error *err)
{
	const char *who = arena_printf(c->arena, "process %d", (int)holder);

	if (holder == JOURNAL_UNSEEN)
		who = "a process of another pid namespace";
	return container_error(err, code, "container %s is being changed by %s%s", c->id, who,
			       code == EDEADLK ? ", which waits for this hook" : "");
}

int container_relock(struct container *c, struct error *err)
{
	struct stat st;

	if (journal_open(c, err) < 0)
		return -1;
	for (int waited = 0; journal_lock(c->lock_fd, JOURNAL_CHANGE, err) < 0;
	     waited += LOCK_STEP_MS) {
		pid_t holder;

		if (err->code != EAGAIN)
			return -1;
		holder = journal_holder(c->lock_fd, JOURNAL_CHANGE, err);
		if (holder < 0)
			return -1;
		if (is_called_by_hook(c, holder))
			return busy_error(c, holder, EDEADLK, err);
		if (waited >= LOCK_WAIT_MS)
			return busy_error(c, holder, EBUSY, err);
		poll(NULL, 0, LOCK_STEP_MS);
	}
	if (fstat(c->dir_fd, &st) < 0)
		return error_errno(err, "look at the state of %s", c->id);
	if (st.st_nlink == 0)
		return container_error(err, ENOENT, "container does not exist");
	return 0;
}

int container_lock(struct container *c, struct error *err)
{
	return container_relock(c, err) < 0 ? -1 : container_load(c, true, err);
}

void container_unlock(struct container *c)
{
	if (c->lock_fd >= 0)
		journal_unlock(c->lock_fd, JOURNAL_CHANGE);
}

void container_close_state(struct container *c)
{
	fd_close(&c->lock_fd);
	fd_close(&c->dir_fd);
	fd_close(&c->root_fd);
}

void container_close(struct container *c)
{
	cgroup_close(&c->cgroup);
	fd_close(&c->pidfd);
	container_close_state(c);
}

static bool is_frozen(struct container *c)
{
	struct error ignored;

	if (c->cgroup.path != NULL && c->cgroup.fd < 0)
		cgroup_open(&c->cgroup, &ignored);
	return c->cgroup.path != NULL && cgroup_is_frozen(&c->cgroup, &ignored) == 1;
}

/* The program of "run" may run, and may have said so, before its runtime knows it. */
static bool is_set_up(struct container *c)
{
	struct error ignored;
	pid_t holder;

	if (c->detached || journal_open(c, &ignored) < 0)
		return true;
	for (int waited = 0; waited <= SETUP_WAIT_MS; waited++) {
		holder = journal_holder(c->lock_fd, JOURNAL_SETUP, &ignored);
		if (holder <= 0)
			return holder == 0;
		poll(NULL, 0, 1);
	}
	return false;
}

enum container_status container_status(struct container *c)
{
	struct error ignored;

	if (!c->complete) {
		if (journal_open(c, &ignored) == 0 &&
		    journal_holder(c->lock_fd, JOURNAL_CHANGE, &ignored) != 0)
			return CONTAINER_CREATING;
		return CONTAINER_STOPPED;
	}
	if (!is_set_up(c))
		return CONTAINER_CREATING;
	if (container_alive(c, &ignored) == 0)
		return CONTAINER_STOPPED;
	/* What is only created may be paused, too, and could not hear START. */
	if (is_frozen(c))
		return CONTAINER_PAUSED;
	return spawn_waits_for_start(c->dir_fd) ? CONTAINER_CREATED : CONTAINER_RUNNING;
}

int container_abandoned(struct container *c, struct error *err)
{
	struct journal journal;
	pid_t holder;
	int alive;

	if (journal_open(c, err) < 0)
		return -1;
	holder = journal_holder(c->lock_fd, JOURNAL_CHANGE, err);
	if (holder != 0)
		return holder < 0 ? -1 : 0;
	if (!c->complete)
		return 1;
	if (journal_read(c->lock_fd, c->arena, &journal, err) < 0)
		return -1;
	if (!journal.foreground)
		return 0;
	holder = journal_holder(c->lock_fd, JOURNAL_WATCH, err);
	if (holder != 0)
		return holder < 0 ? -1 : 0;
	alive = container_alive(c, err);
	return alive < 0 ? -1 : alive == 0;
}
