/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/notify.h"

#include <linux/mount.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define NOTIFY_DIR	"notify"
#define NOTIFY_SOCKET	NOTIFY_DIR "/notify.sock"
#define NOTIFY_INSIDE	"/run/notify"
#define MESSAGE_MAX	4096

/* An abstract one is written with an "@" in front. */
static const char *host_path(void)
{
	const char *path = secure_getenv("NOTIFY_SOCKET");

	return path != NULL && (*path == '/' || *path == '@') ? path : NULL;
}

bool notify_wanted(void)
{
	return host_path() != NULL;
}

const struct plan *notify_plan(struct arena *arena, const struct plan *plan, const char *state,
			       int state_fd, const char **ret_env, struct error *err)
{
	struct plan *changed = ARENA_NEW(arena, struct plan);
	size_t count = plan->mounts.count;
	struct mount_plan *mounts = ARENA_NEWS(arena, count + 1, struct mount_plan);

	/* Whatever the umask; there is no container yet that could exchange it. */
	if (mkdirat(state_fd, NOTIFY_DIR, 0755) < 0 ||
	    fchmodat(state_fd, NOTIFY_DIR, 0755, 0) < 0) {
		error_errno(err, "make the directory of the notify socket");
		return NULL;
	}
	if (count > 0)
		memcpy(mounts, plan->mounts.items, count * sizeof(*mounts));
	mounts[count] = (struct mount_plan){
		.destination = NOTIFY_INSIDE,
		.source = arena_printf(arena, "%s/" NOTIFY_DIR, state),
		.flags = MOUNT_BIND,
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			    MOUNT_ATTR_NOEXEC,
	};
	*changed = *plan;
	changed->mounts.items = mounts;
	changed->mounts.count = count + 1;
	*ret_env = "NOTIFY_SOCKET=" NOTIFY_INSIDE "/notify.sock";
	return changed;
}

static int host_connect(struct error *err)
{
	const char *path = host_path();
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(path);
	_cleanup_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (length >= sizeof(address.sun_path))
		return error_number(err, ENAMETOOLONG, "NOTIFY_SOCKET %s", path);
	memcpy(address.sun_path, path, length);
	if (*path == '@')
		address.sun_path[0] = '\0';
	if (fd < 0 || connect(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		return error_errno(err, "connect to NOTIFY_SOCKET %s", path);
	return fd_take(&fd);
}

int notify_open(struct notify *notify, int state_fd, pid_t pid, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int bound = -1;
	mode_t mask;

	*notify = NOTIFY_NONE;
	/* "create" may have been called without the variable. */
	if (!notify_wanted() || faccessat(state_fd, NOTIFY_DIR, F_OK, 0) < 0)
		return 0;
	notify->host = host_connect(err);
	if (notify->host < 0)
		return -1;
	notify->pid = pid;
	unlinkat(state_fd, NOTIFY_SOCKET, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" NOTIFY_SOCKET,
		 state_fd);
	notify->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/*
	 * Any user of the container's may speak.  By umask: a mode by name, afterwards, would
	 * follow a link that a container which can write to the directory has put there.
	 */
	mask = umask(0);
	if (notify->socket >= 0)
		bound = bind(notify->socket, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (bound < 0) {
		error_errno(err, "make the notify socket");
		notify_close(notify);
		return -1;
	}
	return 0;
}

/*
 * What a service may say of itself.  Not MAINPID, which would name another process outside, not
 * what goes with fds, which are not passed on, and not who else may speak (NOTIFYACCESS).
 */
static const char *const passed[] = {
	"READY", "RELOADING", "STOPPING", "MONOTONIC_USEC", "STATUS", "ERRNO", "BUSERROR",
	"VARLINKERROR", "EXIT_STATUS", "WATCHDOG", "WATCHDOG_USEC", "EXTEND_TIMEOUT_USEC",
};

static bool is_passed(const char *line)
{
	size_t length = strcspn(line, "=\n");

	for (size_t i = 0; i < ARRAY_SIZE(passed) && line[length] == '='; i++)
		if (strlen(passed[i]) == length && strncmp(line, passed[i], length) == 0)
			return true;
	return false;
}

static size_t lines_keep(const char *message, char kept[MESSAGE_MAX], bool *ret_ready)
{
	size_t used = 0;

	*ret_ready = false;
	while (*message != '\0') {
		size_t length = strcspn(message, "\n");

		if (strncmp(message, "READY=1", length) == 0 && length == 7)
			*ret_ready = true;
		if (is_passed(message)) {
			memcpy(kept + used, message, length);
			used += length;
			kept[used++] = '\n';
		}
		message += length + (message[length] == '\n');
	}
	return used;
}

bool notify_pass(const struct notify *notify)
{
	char message[MESSAGE_MAX], kept[MESSAGE_MAX + 32];
	ssize_t size = recv(notify->socket, message, sizeof(message) - 1, MSG_DONTWAIT);
	bool ready;
	size_t used;

	if (size <= 0)
		return false;
	message[size] = '\0';
	used = lines_keep(message, kept, &ready);
	if (ready)
		used += (size_t)snprintf(kept + used, sizeof(kept) - used, "MAINPID=%d\n",
					 (int)notify->pid);
	if (used > 0)
		(void)!send(notify->host, kept, used, MSG_NOSIGNAL);
	return ready;
}

void notify_wait(const struct notify *notify, int pidfd)
{
	struct pollfd fds[] = { { notify->socket, POLLIN, 0 }, { pidfd, POLLIN, 0 } };

	if (notify->socket < 0)
		return;
	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return;
		if ((fds[0].revents != 0 && notify_pass(notify)) || fds[1].revents != 0)
			return;
	}
}

void notify_close(struct notify *notify)
{
	fd_close(&notify->socket);
	fd_close(&notify->host);
}
