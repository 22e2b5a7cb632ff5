/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/magic.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/clock.h"
#include "base/sys.h"
#include "base/text.h"
#include "runtime/cgroup/internal.h"

/* A freeze needs every task to come to a stop; one in an uninterruptible sleep may never do. */
#define FREEZE_WAIT_MS	10000
#define FREEZE_STEP_MS	100

/*
 * There is one cgroup2 hierarchy on a machine, wherever it is mounted: a
 * container made where it covers /sys/fs/cgroup (in another mount namespace)
 * is found, and cleaned up, where it is on "unified", and the other way round.
 */
int cgroup_v2_root(enum cgroup_host host, struct error *err)
{
	static const char *const places[] = { CGROUP_MOUNT, CGROUP_MOUNT "/unified" };
	size_t first = host == CGROUP_HYBRID;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_fd int fd = open(places[first ^ i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct statfs fs;

		if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
			return fd_take(&fd);
	}
	return error_set(err, "%s is not a cgroup2 file system any more", places[first]);
}

int cgroup_v2_open(const struct cgroup *cgroup, struct error *err)
{
	_cleanup_fd int root_fd = -EBADF;

	if (cgroup->fd >= 0) {
		int fd = fcntl(cgroup->fd, F_DUPFD_CLOEXEC, 3);

		return fd >= 0 ? fd : error_errno(err, "keep a cgroup directory open");
	}
	root_fd = cgroup_v2_root(cgroup->host, err);
	return root_fd < 0 ? -1 : cgroup_dir_open(root_fd, cgroup->path, err);
}

/* What is to be turned on in each cgroup above the container's. */
struct enabling {
	const cgroup_write_list *writes;
	bool all, hybrid;
};

static int enable_error(struct error *err, const char *controller, int code)
{
	error_number(err, code, "enable cgroup controller %s", controller);
	if (code == EBUSY)
		return error_hint(err, "the cgroup above has processes of its own: move them to "
				  "a cgroup beside the container's, or give another cgroupsPath");
	if (code == ENOENT)
		return error_hint(err, "it is not available there: turn it on in the cgroups "
				  "above, or delegate it (systemd: Delegate=%s)", controller);
	if (code == EOPNOTSUPP)
		return error_hint(err, "a threaded cgroup cannot have it");
	if (code == EINVAL && strcmp(controller, "cpu") == 0)
		return error_hint(err, "real-time processes outside of the root cgroup forbid it");
	return -1;
}

/* One controller in one directory, unless it is on already. */
static int controller_enable(int dir_fd, const char *available, const char *enabled,
			     const char *controller, struct error *err)
{
	char text[72];

	if (cgroup_list_has(enabled, controller))
		return 0;
	if (!cgroup_list_has(available, controller))
		return enable_error(err, controller, ENOENT);
	snprintf(text, sizeof(text), "+%s", controller);
	if (cgroup_file_write(dir_fd, "cgroup.subtree_control", text) < 0)
		return enable_error(err, controller, errno);
	return 0;
}

/* Everything there is, each for itself: one that is refused must not cost the others. */
static void all_enable(int dir_fd, const char *available, const char *enabled)
{
	struct error ignored;

	while (*available != '\0') {
		size_t length = strcspn(available, " ");
		char name[64];

		if (length > 0 && length < sizeof(name)) {
			memcpy(name, available, length);
			name[length] = '\0';
			controller_enable(dir_fd, name, enabled, name, &ignored);
		}
		available += length;
		available += strspn(available, " ");
	}
}

static int needed_enable(const struct enabling *enabling, int dir_fd, const char *available,
			 const char *enabled, struct error *err)
{
	LIST_EACH(write, *enabling->writes) {
		if (write->controller == NULL || write->optional)
			continue;
		/* On a hybrid host the others are with v1. */
		if (enabling->hybrid && !cgroup_list_has(available, write->controller))
			continue;
		if (controller_enable(dir_fd, available, enabled, write->controller, err) < 0)
			return -1;
	}
	return 0;
}

static int controllers_enable(void *context, int dir_fd, unsigned int depth, struct error *err)
{
	const struct enabling *enabling = context;
	char available[512], enabled[512];

	(void)depth;
	if (!enabling->all && (enabling->writes == NULL || enabling->writes->count == 0))
		return 0;
	if (cgroup_file_read(dir_fd, "cgroup.controllers", available, sizeof(available)) < 0)
		return error_errno(err, "read cgroup.controllers");
	if (cgroup_file_read(dir_fd, "cgroup.subtree_control", enabled, sizeof(enabled)) < 0)
		return error_errno(err, "read cgroup.subtree_control");
	if (enabling->writes != NULL && needed_enable(enabling, dir_fd, available, enabled,
						      err) < 0)
		return -1;
	if (enabling->all)
		all_enable(dir_fd, available, enabled);
	return 0;
}

/* One that was there before may be somebody's: it must be empty, and able to run processes. */
static int existing_check(int dir_fd, const char *path, struct error *err)
{
	char text[64] = "";

	if (cgroup_dir_check_empty(dir_fd, err) < 0)
		return -1;
	if (cgroup_file_read(dir_fd, "cgroup.freeze", text, sizeof(text)) == 0 && text[0] == '1')
		return error_set(err, "container's cgroup unexpectedly frozen");
	if (cgroup_file_read(dir_fd, "cgroup.type", text, sizeof(text)) == 0 &&
	    strncmp(text, "domain", 6) == 0 && strcmp(text, "domain invalid") != 0)
		return 0;
	return error_set(err, "cgroup %s is of type \"%s\": a container needs a domain", path,
			 text);
}

int cgroup_v2_make(struct cgroup *cgroup, const cgroup_write_list *writes, bool all,
		   struct error *err)
{
	struct enabling enabling = { writes, all, cgroup->host == CGROUP_HYBRID };
	_cleanup_fd int root_fd = cgroup_v2_root(cgroup->host, err);
	_cleanup_fd int fd = -EBADF;
	bool made;

	if (root_fd < 0)
		return -1;
	fd = cgroup_dir_make(root_fd, cgroup->path, controllers_enable, &enabling, &made, err);
	if (fd < 0)
		return error_wrap(err, "make cgroup %s", cgroup->path);
	if (!made && cgroup->keeper_fd < 0 && existing_check(fd, cgroup->path, err) < 0)
		return -1;
	/* One that a stopped container has left has its device rules, too. */
	cgroup->ruled = !made && cgroup->keeper_fd < 0;
	cgroup_dir_mark(fd, CGROUP_MARK_CONTAINER, cgroup->owner);
	/*
	 * Many kernels (6.18 too) compare the kill count of the new cgroup with that of the
	 * caller's own and SIGKILL what is born into one that differs, so nothing is born into
	 * a cgroup that may have been written cgroup.kill.  systemd writes it on stop only, and
	 * then the cgroup is gone.
	 */
	cgroup->born = (made || cgroup->keeper_fd >= 0) &&
		       cgroup_may_be_born(root_fd, cgroup->path);
	cgroup->fd = fd_take(&fd);
	return 0;
}

int cgroup_v2_enable(const struct cgroup *cgroup, const cgroup_write_list *writes,
		     struct error *err)
{
	struct enabling enabling = { writes, false, cgroup->host == CGROUP_HYBRID };
	_cleanup_fd int root_fd = -EBADF, fd = -EBADF;
	bool made;

	if (writes->count == 0)
		return 0;
	root_fd = cgroup_v2_root(cgroup->host, err);
	fd = root_fd < 0 ? -1 : cgroup_dir_make(root_fd, cgroup->path, controllers_enable,
						&enabling, &made, err);
	return fd < 0 ? -1 : 0;
}

static int v2_dir(void *context, const struct cgroup_write *write, struct error *err)
{
	const struct cgroup *cgroup = context;
	char text[512];

	(void)err;
	if (cgroup->host != CGROUP_HYBRID || write->controller == NULL)
		return cgroup->fd;
	/* What is with v1 is written there. */
	if (cgroup_file_read(cgroup->fd, "cgroup.controllers", text, sizeof(text)) == 0 &&
	    cgroup_list_has(text, write->controller))
		return cgroup->fd;
	return CGROUP_SKIP;
}

int cgroup_v2_write(struct cgroup *cgroup, const cgroup_write_list *writes, struct error *err)
{
	return cgroup_list_write(writes, cgroup->path, v2_dir, cgroup, err);
}

static int frozen_read(int fd, struct error *err)
{
	char text[256];
	const char *at;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return error_errno(err, "read cgroup.events");
	text[n] = '\0';
	at = strstr(text, "frozen ");
	return at != NULL && at[7] == '1';
}

static bool is_told(int dir_fd, bool frozen)
{
	char text[16];

	return cgroup_file_read(dir_fd, "cgroup.freeze", text, sizeof(text)) == 0 &&
	       text[0] == (frozen ? '1' : '0');
}

/* It is as good as frozen when it is told to be: with a process that enters it, it is not yet. */
int cgroup_v2_is_frozen(int dir_fd, struct error *err)
{
	_cleanup_fd int fd = openat(dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_errno(err, "open cgroup.events");
	return is_told(dir_fd, true) ? 1 : frozen_read(fd, err);
}

int cgroup_v2_freeze(int dir_fd, bool frozen, struct error *err)
{
	_cleanup_fd int fd = openat(dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	struct pollfd poll_fd = { .fd = fd, .events = POLLPRI };
	int64_t end = clock_ms() + FREEZE_WAIT_MS;
	int now;

	if (fd < 0)
		return error_errno(err, "open cgroup.events");
	if (cgroup_file_write(dir_fd, "cgroup.freeze", frozen ? "1" : "0") < 0)
		return error_errno(err, "write cgroup.freeze");
	while (clock_ms() < end) {
		now = frozen_read(fd, err);
		if (now < 0 || now == frozen)
			return now < 0 ? -1 : 0;
		/* "kill" thaws, for one. */
		if (!is_told(dir_fd, frozen))
			return error_number(err, EBUSY, "%s cgroup: another process undid it",
					    frozen ? "freeze" : "thaw");
		if (poll(&poll_fd, 1, FREEZE_STEP_MS) < 0 && errno != EINTR)
			return error_errno(err, "wait for cgroup.events");
	}
	/* A half-frozen container would be neither paused nor running. */
	if (frozen)
		cgroup_file_write(dir_fd, "cgroup.freeze", "0");
	return error_number(err, ETIMEDOUT, "%s cgroup", frozen ? "freeze" : "thaw");
}

int cgroup_v2_delegate(int dir_fd, uid_t uid, gid_t gid, struct error *err)
{
	_cleanup_arena struct arena arena = { 0 };
	char *names = NULL, *name;
	struct error ignored;

	/* Without a sysfs: what every kernel names. */
	if (file_read(AT_FDCWD, "/sys/kernel/cgroup/delegate", 4096, &arena, &names, NULL,
		      &ignored) < 0)
		names = arena_strdup(&arena, "cgroup.procs\ncgroup.threads\n"
				     "cgroup.subtree_control\n");
	if (fchown(dir_fd, uid, gid) < 0)
		return error_errno(err, "give the cgroup to the container's root");
	while ((name = strsep(&names, "\n")) != NULL)
		/* Files of controllers that are off are missing; the last name is empty. */
		if (strchr(name, '/') == NULL &&
		    fchownat(dir_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return error_errno(err, "give %s to the container's root", name);
	return 0;
}
