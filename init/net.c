/* SPDX-License-Identifier: Apache-2.0 */
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sched.h>

#include "base/sys.h"
#include "init/net_link.h"
#include "init/step.h"

#define LOOPBACK_INDEX	1	/* the kernel makes it first in every network namespace */

/* Its addresses, 127.0.0.1 and ::1, come by themselves when it goes up. */
int step_loopback(const struct plan *plan, struct init *in, struct error *err)
{
	struct mnl_socket *socket;
	int rc;

	(void)in;
	if (!(plan->clone_flags & CLONE_NEWNET))
		return 0;
	socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (socket == NULL)
		return error_errno(err, "open a netlink socket");
	rc = link_up(socket, LOOPBACK_INDEX, "bring lo up", err);
	mnl_socket_close(socket);
	return rc;
}
