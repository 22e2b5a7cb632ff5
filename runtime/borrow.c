/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "base/fd.h"
#include "base/sys.h"
#include "runtime/clone.h"

static int namespace_open(enum namespace_type type, const char *path, struct error *err)
{
	_cleanup_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct statfs fs;
	struct stat own, st;
	char own_path[64];
	int found;

	if (fd < 0)
		return error_errno(err, "open %s namespace %s", namespaces[type].name, path);
	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "look at %s namespace %s", namespaces[type].name, path);
	if (fs.f_type != NSFS_MAGIC)
		return error_number(err, EINVAL, "open %s namespace %s: not a namespace file",
				    namespaces[type].name, path);
	found = ioctl(fd, NS_GET_NSTYPE);
	if (found != namespaces[type].flag)
		return error_number(err, EINVAL, "open %s namespace %s: it is a %s namespace",
				    namespaces[type].name, path, namespace_name(found));
	/* Our own needs no joining, and for a user namespace the kernel refuses it. */
	snprintf(own_path, sizeof(own_path), "/proc/self/ns/%s", namespaces[type].file);
	if (stat(own_path, &own) == 0 && own.st_ino == st.st_ino &&
	    own.st_dev == st.st_dev && type != NAMESPACE_MOUNT)
		return -EBADF;
	return fd_take(&fd);
}

int borrow_open(const struct plan *plan, int ret_fds[NAMESPACE_COUNT], struct error *err)
{
	for (size_t i = 0; i < NAMESPACE_COUNT; i++)
		ret_fds[i] = -EBADF;
	for (size_t i = 0; i < NAMESPACE_COUNT; i++) {
		if (plan->namespaces[i].path == NULL)
			continue;
		ret_fds[i] = namespace_open(i, plan->namespaces[i].path, err);
		if (ret_fds[i] == -1) {
			borrow_close(ret_fds);
			return -1;
		}
	}
	return 0;
}

void borrow_close(int fds[NAMESPACE_COUNT])
{
	for (size_t i = 0; i < NAMESPACE_COUNT; i++)
		fd_close(&fds[i]);
}

/*
 * Root enters a user namespace last: what the others belong to is then still
 * below its own.  An ordinary user has no right to the others before it is in
 * the user namespace that owns them.  So: what is refused is tried again after it.
 */
int borrow_enter(const struct clone_request *request, struct error *err)
{
	uint64_t flags = request->join_flags & ~CLONE_CHILD_ENTERS;
	bool done[NAMESPACE_COUNT] = { [NAMESPACE_TIME] = true, [NAMESPACE_CGROUP] = true };

	/* All at once, or none: the kernel checks and orders them itself. */
	if (request->join_pidfd >= 0 && flags != 0 && setns(request->join_pidfd, (int)flags) < 0)
		return error_errno(err, "join the namespaces of the process");
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < NAMESPACE_COUNT; i++) {
			if (i == NAMESPACE_USER || done[i] || request->join_fds[i] < 0)
				continue;
			done[i] = setns(request->join_fds[i], namespaces[i].flag) == 0;
			if (!done[i] &&
			    (errno != EPERM || pass > 0 || request->join_fds[NAMESPACE_USER] < 0))
				return error_errno(err, "join %s namespace", namespaces[i].name);
		}
		if (pass == 0 && request->join_fds[NAMESPACE_USER] >= 0 &&
		    setns(request->join_fds[NAMESPACE_USER], CLONE_NEWUSER) < 0)
			return error_errno(err, "join user namespace");
	}
	return 0;
}
