/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/loopback.h"

#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "init/net_link.h"

int loopback_up_beside(int pidfd, int socket_fd, bool *astray, struct error *err)
{
	/* Half as dear as /proc/self/ns/net. */
	_cleanup_fd int own_fd = ioctl(socket_fd, SIOCGSKNS);
	int status;

	/* Needs the namespace set of a pidfd: Linux 5.8. */
	if (own_fd < 0 || setns(pidfd, CLONE_NEWNET) < 0)
		return 0;
	status = loopback_up(err);
	*astray = setns(own_fd, CLONE_NEWNET) < 0;
	if (*astray)
		return error_errno(err, "return to the own network namespace");
	return status < 0 ? -1 : 1;
}
