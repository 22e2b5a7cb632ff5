/* SPDX-License-Identifier: Apache-2.0 */
#include "init/net_address.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "init/net_link.h"

struct reading {
	unsigned int index; /* of the device */
	struct arena *arena;
	net_address_list list;
};

static void values_take(struct net_address *one, const struct nlmsghdr *message)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, message, sizeof(one->head)) {
		uint16_t type = mnl_attr_get_type(attr), size = mnl_attr_get_payload_len(attr);

		if ((type != IFA_ADDRESS && type != IFA_LOCAL && type != IFA_BROADCAST) ||
		    size > sizeof(one->values[0].bytes) || one->count == ARRAY_SIZE(one->values))
			continue;
		one->values[one->count].type = type;
		one->values[one->count].size = size;
		memcpy(one->values[one->count].bytes, mnl_attr_get_payload(attr), size);
		one->count++;
	}
}

/* What the kernel would lose with the move.  The rest belongs to the old place. */
static int address_take(const struct nlmsghdr *message, void *context)
{
	const struct ifaddrmsg *head = mnl_nlmsg_get_payload(message);
	struct reading *reading = context;
	struct net_address *one;

	if (head->ifa_index != reading->index || head->ifa_scope != RT_SCOPE_UNIVERSE ||
	    !(head->ifa_flags & IFA_F_PERMANENT))
		return MNL_CB_OK;
	one = LIST_NEW(reading->arena, &reading->list);
	one->head = *head;
	values_take(one, message);
	return MNL_CB_OK;
}

int net_addresses_read(struct mnl_socket *socket, unsigned int index, struct arena *arena,
		       net_address_list *ret, struct error *err)
{
	struct reading reading = { .index = index, .arena = arena };

	if (link_dump(socket, RTM_GETADDR, index, "read its addresses", address_take, &reading,
		      err) < 0)
		return -1;
	*ret = reading.list;
	return 0;
}

enum { ADDRESS_TEXT = sizeof("give it the address /128") + INET6_ADDRSTRLEN };

static const char *address_text(const struct net_address *one, char ret[ADDRESS_TEXT])
{
	char address[INET6_ADDRSTRLEN] = "?";

	for (size_t i = 0; i < one->count; i++)
		if (one->values[i].type == IFA_ADDRESS)
			inet_ntop(one->head.ifa_family, one->values[i].bytes, address,
				  sizeof(address));
	snprintf(ret, ADDRESS_TEXT, "give it the address %s/%u", address, one->head.ifa_prefixlen);
	return ret;
}

static int address_set(struct mnl_socket *socket, const struct net_address *one, unsigned int index,
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

int net_addresses_set(struct mnl_socket *socket, const net_address_list *list, unsigned int index,
		      struct error *err)
{
	LIST_EACH(one, *list)
		if (address_set(socket, one, index, err) < 0)
			return -1;
	return 0;
}
