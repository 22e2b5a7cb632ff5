/* SPDX-License-Identifier: Apache-2.0 */
#include "init/net_device.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/sys.h"
#include "init/net_link.h"

#define ADDRESSES_MAX	1024
#define LINKS_MAX	1024
#define LIST_LINKS	"list the devices of the container"
#define BUFFER_SIZE	16384	/* MNL_SOCKET_BUFFER_SIZE is not a constant */

struct address {
	struct ifaddrmsg head;
	struct { uint16_t type, size; unsigned char bytes[16]; } values[3];
	size_t count;
};

struct addresses {
	unsigned int index;		/* of the device */
	struct address items[ADDRESSES_MAX];
	size_t count;
	bool more;
};

struct links {
	int items[LINKS_MAX];
	size_t count;
};

/*
 * Those that the kernel would lose with the move, and that mean the same over
 * there: permanent ones of global scope.  The rest belongs to the old place.
 */
static int address_add(const struct nlmsghdr *message, void *context)
{
	const struct ifaddrmsg *head = mnl_nlmsg_get_payload(message);
	struct addresses *all = context;
	struct address *one = &all->items[all->count];
	const struct nlattr *attr;

	if (head->ifa_index != all->index || head->ifa_scope != RT_SCOPE_UNIVERSE ||
	    !(head->ifa_flags & IFA_F_PERMANENT))
		return MNL_CB_OK;
	if (all->count == ADDRESSES_MAX) {
		all->more = true;
		return MNL_CB_OK;
	}
	one->head = *head;
	mnl_attr_for_each(attr, message, sizeof(*head)) {
		uint16_t type = mnl_attr_get_type(attr), size = mnl_attr_get_payload_len(attr);

		if ((type != IFA_ADDRESS && type != IFA_LOCAL && type != IFA_BROADCAST) ||
		    size > sizeof(one->values[0].bytes) || one->count == ARRAY_SIZE(one->values))
			continue;
		one->values[one->count].type = type;
		one->values[one->count].size = size;
		memcpy(one->values[one->count].bytes, mnl_attr_get_payload(attr), size);
		one->count++;
	}
	all->count++;
	return MNL_CB_OK;
}

static int link_add(const struct nlmsghdr *message, void *context)
{
	const struct ifinfomsg *head = mnl_nlmsg_get_payload(message);
	struct links *links = context;

	if (links->count < LINKS_MAX)
		links->items[links->count++] = head->ifi_index;
	return MNL_CB_OK;
}

/* index: of the device whose addresses are asked for, or 0. */
static int dump(struct mnl_socket *socket, uint16_t type, unsigned int index, const char *what,
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

enum { ADDRESS_TEXT = sizeof("give it the address /128") + INET6_ADDRSTRLEN };

static const char *address_text(const struct address *one, char ret[ADDRESS_TEXT])
{
	char address[INET6_ADDRSTRLEN] = "?";

	for (size_t i = 0; i < one->count; i++)
		if (one->values[i].type == IFA_ADDRESS)
			inet_ntop(one->head.ifa_family, one->values[i].bytes, address,
				  sizeof(address));
	snprintf(ret, ADDRESS_TEXT, "give it the address %s/%u", address, one->head.ifa_prefixlen);
	return ret;
}

static int address_set(struct mnl_socket *socket, const struct address *one, unsigned int index,
		       struct error *err)
{
	_Alignas(struct nlmsghdr) char buffer[512];
	char what[ADDRESS_TEXT];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));

	message->nlmsg_type = RTM_NEWADDR;
	message->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	*head = one->head;
	head->ifa_index = index;
	for (size_t i = 0; i < one->count; i++)
		mnl_attr_put(message, one->values[i].type, one->values[i].size,
			     one->values[i].bytes);
	return link_request(socket, message, address_text(one, what), err);
}

static int device_send_failed(const char *name, struct error *err)
{
	switch (err->code) {
	case EEXIST:
		return error_hint(err, "\"%s\" is there already: set another \"name\"", name);
	case EPERM:
		return error_hint(err, "needs CAP_NET_ADMIN over both network namespaces");
	case EINVAL:
		return error_hint(err, "lo, bridges and the like stay in their network namespace");
	default:
		return -1;
	}
}

/* The new name, which may hold "%d", is given with the move: the old one may be taken there. */
static int device_send(struct mnl_socket *socket, unsigned int index, int net_ns_fd,
		       const char *name, struct error *err)
{
	_Alignas(struct nlmsghdr) char buffer[512];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));

	message->nlmsg_type = RTM_NEWLINK;
	head->ifi_family = AF_UNSPEC;
	head->ifi_index = (int)index;
	mnl_attr_put_u32(message, IFLA_NET_NS_FD, (uint32_t)net_ns_fd);
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	if (link_request(socket, message, "move it into the container", err) < 0)
		return device_send_failed(name, err);
	return 0;
}

/* Its number over there: the one that was not there before. */
static int device_find(struct mnl_socket *socket, const struct links *before, struct error *err)
{
	struct links after = { .count = 0 };

	if (dump(socket, RTM_GETLINK, 0, LIST_LINKS, link_add, &after, err) < 0)
		return -1;
	for (size_t i = 0; i < after.count; i++) {
		size_t j = 0;

		while (j < before->count && before->items[j] != after.items[i])
			j++;
		if (j == before->count)
			return after.items[i];
	}
	return error_set(err,
			 "find it in the container: nothing came, or it is one of more than %d",
			 LINKS_MAX);
}

static int device_move(const struct net_device_plan *device, struct mnl_socket *host,
		       struct mnl_socket *inside, int net_ns_fd, struct error *err)
{
	struct addresses addresses = { .index = if_nametoindex(device->host_name) };
	struct links before = { .count = 0 };
	const char *name = device->name != NULL ? device->name : device->host_name;
	int index;

	if (addresses.index == 0)
		return error_errno(err, "find it on the host");
	if (dump(host, RTM_GETADDR, addresses.index, "read its addresses", address_add, &addresses,
		 err) < 0)
		return -1;
	if (addresses.more)
		return error_set(err, "it has more than %d addresses", ADDRESSES_MAX);
	if (dump(inside, RTM_GETLINK, 0, LIST_LINKS, link_add, &before, err) < 0 ||
	    device_send(host, addresses.index, net_ns_fd, name, err) < 0)
		return -1;
	index = device_find(inside, &before, err);
	if (index < 0 ||
	    link_up(inside, (unsigned int)index, "bring it up in the container", err) < 0)
		return -1;
	for (size_t i = 0; i < addresses.count; i++)
		if (address_set(inside, &addresses.items[i], (unsigned int)index, err) < 0)
			return -1;
	return 0;
}

/* A netlink socket stays with the namespace it was made in, whoever uses it. */
static struct mnl_socket *socket_inside(int net_ns_fd, struct error *err)
{
	_cleanup_fd int own_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct mnl_socket *socket;

	if (own_fd < 0 || setns(net_ns_fd, CLONE_NEWNET) < 0) {
		error_errno(err, "enter the network namespace");
		return NULL;
	}
	socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (socket == NULL)
		error_errno(err, "open a netlink socket");
	if (setns(own_fd, CLONE_NEWNET) < 0) {
		error_errno(err, "leave the network namespace");
		if (socket != NULL)
			mnl_socket_close(socket);
		return NULL;
	}
	return socket;
}

/*
 * One that heeds the index in a request for addresses.  Those of all the host are too many for one
 * answer, and where one comes or goes between two, the kernel calls them interrupted.
 */
static struct mnl_socket *socket_strict(struct error *err)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int on = 1;

	if (socket == NULL)
		error_errno(err, "open a netlink socket");
	else
		(void)mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return socket;
}

int net_devices_move(const struct plan *plan, int net_ns_fd, struct error *err)
{
	struct mnl_socket *host, *inside;
	int rc;

	if (plan->net_devices.count == 0)
		return 0;
	inside = socket_inside(net_ns_fd, err);
	if (inside == NULL)
		return -1;
	host = socket_strict(err);
	rc = host != NULL ? 0 : -1;
	for (size_t i = 0; rc == 0 && i < plan->net_devices.count; i++) {
		const struct net_device_plan *device = &plan->net_devices.items[i];

		rc = device_move(device, host, inside, net_ns_fd, err);
		if (rc < 0)
			error_wrap(err, "network device %s", device->host_name);
	}
	if (host != NULL)
		mnl_socket_close(host);
	mnl_socket_close(inside);
	return rc;
}
