/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/process.h"
#include "base/sys.h"
#include "runtime/cgroup/internal.h"

/*
 * systemd starts no scope without a process, and forgets it with the last one.  The container's
 * process is to be born in the finished cgroup, so until then another sits there, with nothing
 * open but the socket that ends it.
 */
static _noreturn void keep(int fd)
{
	char byte;

	setsid();
	prctl(PR_SET_NAME, "kist-keeper");
	if (fd > 0)
		sys_close_range(0, (unsigned int)fd - 1, 0);
	sys_close_range((unsigned int)fd + 1, ~0U, 0);
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

int cgroup_keeper_start(struct cgroup *cgroup, struct error *err)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_errno(err, "make socket pair");
	/* Without a signal at its end: "run" waits for SIGCHLD of the container alone. */
	pid = sys_fork(0, 0);
	if (pid == 0)
		keep(ends[0]);
	close(ends[0]);
	cgroup->keeper_fd = ends[1];
	if (pid < 0)
		return error_errno(err, "start the scope's first process");
	cgroup->keeper = pid;
	return 0;
}

void cgroup_keeper_end(const struct cgroup *cgroup)
{
	/* When it is gone already, so is its pid. */
	if (cgroup->keeper <= 0 || send(cgroup->keeper_fd, "", 1, MSG_NOSIGNAL) < 0)
		return;
	process_reap(cgroup->keeper, NULL);
}
