/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <libmnl/libmnl.h>

#include "base/error.h"

/* One link, by rtnetlink.  Borrowed sockets; a request and its acknowledgement. */
int link_up(struct mnl_socket *socket, unsigned int index, struct error *err);
/* Sends *message, with the socket's port, and waits for the kernel's answer. */
int link_request(struct mnl_socket *socket, struct nlmsghdr *message, struct error *err);
