/* SPDX-License-Identifier: Apache-2.0 */
#include "init/net_link.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#define LOOPBACK_INDEX	1	/* the kernel makes it first in every network namespace */
#define BUFFER_SIZE	16384 /* MNL_SOCKET_BUFFER_SIZE is not a constant */

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

static int link_take(const struct nlmsghdr *message, void *context)
{
	struct ifinfomsg *ret = context;

	if (message->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	memcpy(ret, mnl_nlmsg_get_payload(message), sizeof(*ret));
	return MNL_CB_STOP;
}

int link_find(struct mnl_socket *socket, const char *name, const char *what, struct ifinfomsg *ret,
	      struct error *err)
{
	_Alignas(struct nlmsghdr) char buffer[BUFFER_SIZE];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg link = { .ifi_index = 0 };
	ssize_t n;

	message->nlmsg_type = RTM_GETLINK;
	message->nlmsg_flags = NLM_F_REQUEST;
	mnl_nlmsg_put_extra_header(message, sizeof(link));
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return error_errno(err, "%s: send a netlink request", what);
	n = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	if (n < 0 || mnl_cb_run(buffer, (size_t)n, 0, 0, link_take, &link) < 0)
		return error_errno(err, "%s", what);
	if (link.ifi_index <= 0)
		return error_number(err, ENODEV, "%s", what);
	*ret = link;
	return 0;
}

int link_dump(struct mnl_socket *socket, uint16_t type, unsigned int index, const char *what,
	      mnl_cb_t each, void *context, struct error *err)
{
	_Alignas(struct nlmsghdr) char buffer[BUFFER_SIZE];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *head;
	ssize_t n;
	int rc = MNL_CB_OK;

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	/* Family and index stand at the same place in both. */
	head = mnl_nlmsg_put_extra_header(message, type == RTM_GETLINK ? sizeof(struct ifinfomsg) :
									 sizeof(*head));
	head->ifa_family = AF_UNSPEC;
	head->ifa_index = index;
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return error_errno(err, "%s: send a netlink request", what);
	while (rc == MNL_CB_OK) {
		n = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (n < 0)
			return error_errno(err, "%s", what);
		rc = mnl_cb_run(buffer, (size_t)n, 0, 0, each, context);
	}
	return rc < 0 ? error_errno(err, "%s", what) : 0;
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
