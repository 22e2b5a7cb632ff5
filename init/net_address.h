/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <stdint.h>

#include "base/list.h"
#include "base/error.h"

/* The addresses of a network device, which it loses when it moves. */
struct net_address {
	struct ifaddrmsg head;
	struct {
		uint16_t type, size;
		unsigned char bytes[16];
	} values[3];
	size_t count;
};
typedef LIST(struct net_address) net_address_list;

/* Those that mean the same elsewhere: permanent ones of global scope. */
int net_addresses_read(struct mnl_socket *socket, unsigned int index, struct arena *arena,
		       net_address_list *ret, struct error *err);
int net_addresses_set(struct mnl_socket *socket, const net_address_list *list, unsigned int index,
		      struct error *err);
