/* SPDX-License-Identifier: Apache-2.0 */
#include "init/net_link.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#define LOOPBACK_INDEX	1	/* the kernel makes it first in every network namespace */

int link_request(struct mnl_socket *socket, struct nlmsghdr *message, const char *what,
		 struct error *err)
{
	_Alignas(struct nlmsghdr) char answer[8192];
	ssize_t n;

	message->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return error_errno(err, "%s: send a netlink request", what);
	n = mnl_socket_recvfrom(socket, answer, sizeof(answer));
	if (n < 0 || mnl_cb_run(answer, (size_t)n, 0, 0, NULL, NULL) < 0)
		return error_errno(err, "%s", what);
	return 0;
}

int link_up(struct mnl_socket *socket, unsigned int index, const char *what, struct error *err)
{
	_Alignas(struct nlmsghdr) char buffer[256];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(message, sizeof(*link));

	message->nlmsg_type = RTM_NEWLINK;
	link->ifi_family = AF_UNSPEC;
	link->ifi_index = (int)index;
	link->ifi_change = IFF_UP;
	link->ifi_flags = IFF_UP;
	return link_request(socket, message, what, err);
}

int loopback_up(struct error *err)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int rc;

	if (socket == NULL)
		return error_errno(err, "open a netlink socket");
	rc = link_up(socket, LOOPBACK_INDEX, "bring lo up", err);
	mnl_socket_close(socket);
	return rc;
}
