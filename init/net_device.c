/* SPDX-License-Identifier: Apache-2.0 */
#include "init/net_device.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/sys.h"
#include "init/net_address.h"
#include "init/net_link.h"

/* A network namespace. */
struct side {
	struct mnl_socket *socket;
	int fd;
	const char *find;		/* how an error calls looking a device up in it */
};

struct traveller {
	const char *host_name;
	const char *name;		/* inside */
	struct ifinfomsg host;		/* what it was */
	net_address_list addresses;
	int index;			/* inside; 0: it is not there */
};
typedef LIST(struct traveller) traveller_list;

struct move {
	struct arena *arena;
	struct side host, inside;
	traveller_list devices;
};

typedef LIST(int) index_list;
struct links {
	struct arena *arena;
	index_list list;
};

static bool is_template(const char *name)
{
	return strchr(name, '%') != NULL;
}

static int link_add(const struct nlmsghdr *message, void *context)
{
	const struct ifinfomsg *head = mnl_nlmsg_get_payload(message);
	struct links *links = context;

	LIST_ADD(links->arena, &links->list, head->ifi_index);
	return MNL_CB_OK;
}

static int links_read(const struct side *side, struct arena *arena, index_list *ret,
		      struct error *err)
{
	struct links links = { .arena = arena };

	if (link_dump(side->socket, RTM_GETLINK, 0, "list the devices of the container", link_add,
		      &links, err) < 0)
		return -1;
	*ret = links.list;
	return 0;
}

static int send_failed(const char *name, struct error *err)
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

#define MOVE_IN "move it into the container"

/* The new name, which may hold "%d", is given with the move: the old one may be taken there. */
static int device_send(struct mnl_socket *from, int index, const struct side *to, const char *name,
		       const char *what, struct error *err)
{
	_Alignas(struct nlmsghdr) char buffer[512];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));

	message->nlmsg_type = RTM_NEWLINK;
	head->ifi_family = AF_UNSPEC;
	head->ifi_index = index;
	mnl_attr_put_u32(message, IFLA_NET_NS_FD, (uint32_t)to->fd);
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	return link_request(from, message, what, err);
}

/* Whether the name is taken there, by a device or as another name of one: 1, 0 or -1. */
static int name_taken(const struct side *side, const char *name, struct error *err)
{
	struct ifinfomsg ignored;

	if (link_find(side->socket, name, side->find, &ignored, err) == 0)
		return 1;
	return err->code == ENODEV ? 0 : -1;
}

/*
 * The kernel moves a device first and renames it then: with a name that is taken it would be in
 * the other namespace, under its old name, when the kernel says so.
 */
static int device_look(const struct move *move, struct traveller *device, struct error *err)
{
	const struct side *host = &move->host;
	int taken = 0;

	if (link_find(host->socket, device->host_name, host->find, &device->host, err) < 0 ||
	    net_addresses_read(host->socket, (unsigned int)device->host.ifi_index, move->arena,
			       &device->addresses, err) < 0)
		return -1;
	if (!is_template(device->name))
		taken = name_taken(&move->inside, device->name, err);
	if (taken <= 0)
		return taken;
	error_number(err, EEXIST, MOVE_IN);
	return send_failed(device->name, err);
}

/* Its number over there: a name was free before, and of a template's it is the one that is new. */
static int device_find(const struct move *move, const struct traveller *device,
		       const index_list *before, struct error *err)
{
	index_list after;
	struct ifinfomsg link;

	if (!is_template(device->name)) {
		if (link_find(move->inside.socket, device->name, move->inside.find, &link, err) < 0)
			return -1;
		return link.ifi_index;
	}
	if (links_read(&move->inside, move->arena, &after, err) < 0)
		return -1;
	LIST_EACH(index, after) {
		size_t i = 0;

		while (i < before->count && before->items[i] != *index)
			i++;
		if (i == before->count)
			return *index;
	}
	return error_set(err, "%s: nothing came", move->inside.find);
}

/* It did move, and somebody took its name meanwhile: it is there under its old one. */
static void device_find_moved(const struct move *move, struct traveller *device)
{
	struct ifinfomsg link;
	struct error ignored;

	if (link_find(move->host.socket, device->host_name, "", &link, &ignored) < 0 &&
	    ignored.code == ENODEV &&
	    link_find(move->inside.socket, device->host_name, "", &link, &ignored) == 0)
		device->index = link.ifi_index;
}

static int device_move(const struct move *move, struct traveller *device, struct error *err)
{
	index_list before = { NULL, 0 };
	int old_taken = name_taken(&move->inside, device->host_name, err);

	if (old_taken < 0 ||
	    (is_template(device->name) && links_read(&move->inside, move->arena, &before, err) < 0))
		return -1;
	if (device_send(move->host.socket, device->host.ifi_index, &move->inside, device->name,
			MOVE_IN, err) < 0) {
		if (old_taken == 0)
			device_find_moved(move, device);
		return send_failed(device->name, err);
	}
	device->index = device_find(move, device, &before, err);
	if (device->index < 0 || link_up(move->inside.socket, (unsigned int)device->index,
					 "bring it up in the container", err) < 0)
		return -1;
	return net_addresses_set(move->inside.socket, &device->addresses,
				 (unsigned int)device->index, err);
}

static int device_return(const struct move *move, const struct traveller *device, struct error *err)
{
	struct ifinfomsg link;

	if (device_send(move->inside.socket, device->index, &move->host, device->host_name,
			"move it back", err) < 0 ||
	    link_find(move->host.socket, device->host_name, move->host.find, &link, err) < 0)
		return -1;
	if ((device->host.ifi_flags & IFF_UP) &&
	    link_up(move->host.socket, (unsigned int)link.ifi_index, "bring it up again", err) < 0)
		return -1;
	return net_addresses_set(move->host.socket, &device->addresses,
				 (unsigned int)link.ifi_index, err);
}

/* The last one first: its name may be that of an earlier one. */
static void devices_return(const struct move *move, struct error *err)
{
	struct error why;

	for (size_t i = move->devices.count; i-- > 0;) {
		const struct traveller *device = &move->devices.items[i];

		if (device->index > 0 && device_return(move, device, &why) < 0)
			error_hint(err, "%s is not as it was on the host: %s", device->host_name,
				   why.text);
	}
}

static int devices_move(struct move *move, const struct plan *plan, struct error *err)
{
	LIST_EACH(one, plan->net_devices) {
		struct traveller *device = LIST_NEW(move->arena, &move->devices);

		device->host_name = one->host_name;
		device->name = one->name != NULL ? one->name : one->host_name;
		if (device_look(move, device, err) < 0)
			return error_wrap(err, "network device %s", device->host_name);
	}
	LIST_EACH(device, move->devices)
		if (device_move(move, device, err) < 0) {
			error_wrap(err, "network device %s", device->host_name);
			devices_return(move, err);
			return -1;
		}
	return 0;
}

/* A netlink socket stays with the namespace it was made in, whoever uses it. */
static struct mnl_socket *socket_inside(int own_fd, int net_ns_fd, struct error *err)
{
	struct mnl_socket *socket;

	if (setns(net_ns_fd, CLONE_NEWNET) < 0) {
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

/* Nothing can move within one: it would but be renamed. */
static int sides_check(int own_fd, int net_ns_fd, struct error *err)
{
	struct stat own, other;

	if (fstat(own_fd, &own) < 0 || fstat(net_ns_fd, &other) < 0)
		return error_errno(err, "look at the network namespaces");
	if (own.st_dev == other.st_dev && own.st_ino == other.st_ino)
		return error_number(err, EINVAL,
				    "network devices: the container is in the network namespace "
				    "that they are in");
	return 0;
}

int net_devices_move(const struct plan *plan, int net_ns_fd, struct error *err)
{
	_cleanup_arena struct arena arena = { 0 };
	_cleanup_fd int own_fd = -EBADF;
	struct move move = {
		.arena = &arena,
		.host.find = "find it on the host",
		.inside = { .fd = net_ns_fd, .find = "find it in the container" },
	};
	int rc;

	if (plan->net_devices.count == 0)
		return 0;
	own_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own_fd < 0)
		return error_errno(err, "open /proc/self/ns/net");
	if (sides_check(own_fd, net_ns_fd, err) < 0)
		return -1;
	move.host.fd = own_fd;
	move.inside.socket = socket_inside(own_fd, net_ns_fd, err);
	if (move.inside.socket == NULL)
		return -1;
	move.host.socket = socket_strict(err);
	rc = move.host.socket != NULL ? devices_move(&move, plan, err) : -1;
	if (move.host.socket != NULL)
		mnl_socket_close(move.host.socket);
	mnl_socket_close(move.inside.socket);
	return rc;
}
