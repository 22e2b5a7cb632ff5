/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <libmnl/libmnl.h>

#include "base/error.h"

/*
 * One link, by rtnetlink.  Borrowed sockets; a request and its acknowledgement.
 * what: how an error calls it.
 */
int link_up(struct mnl_socket *socket, unsigned int index, const char *what, struct error *err);
/* lo of the network namespace that we are in.  Its addresses come by themselves with that. */
int loopback_up(struct error *err);
/* Sends *message and waits for the kernel's answer. */
int link_request(struct mnl_socket *socket, struct nlmsghdr *message, const char *what,
		 struct error *err);
