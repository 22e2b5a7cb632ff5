/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "base/error.h"

/*
 * One link, by rtnetlink.  Borrowed sockets; a request and its acknowledgement.
 * what: how an error calls it.
 */
int link_up(struct mnl_socket *socket, unsigned int index, const char *what, struct error *err);
/* lo of the network namespace that we are in.  Its addresses come by themselves with that. */
int loopback_up(struct error *err);
/* The one with that name; err->code is ENODEV where there is none. */
int link_find(struct mnl_socket *socket, const char *name, const char *what, struct ifinfomsg *ret,
	      struct error *err);
/* Sends *message and waits for the kernel's answer. */
int link_request(struct mnl_socket *socket, struct nlmsghdr *message, const char *what,
		 struct error *err);
/* Each link (RTM_GETLINK), or address (RTM_GETADDR) of the device with that index, 0: of all. */
int link_dump(struct mnl_socket *socket, uint16_t type, unsigned int index, const char *what,
	      mnl_cb_t each, void *context, struct error *err);
