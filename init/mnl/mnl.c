/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * What init/ uses of libmnl, for a kist without shared libraries where the
 * distribution has no archive of libmnl (Debian, Ubuntu).  The interface is
 * libmnl's own header.  The tests of one step (tests/kernel) link libmnl, the
 * end-to-end ones meet this: both must find lo up and devices moved.
 *
 * Sources: netlink(7), <linux/netlink.h>, the manual of libmnl.
 */
struct mnl_socket {
	int fd;
};

/* A handful at a time: the runtime has one of the host's and one of the container's. */
static struct mnl_socket sockets[4] = { { -1 }, { -1 }, { -1 }, { -1 } };

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		if (sockets[i].fd >= 0)
			continue;
		sockets[i].fd = socket(AF_NETLINK, SOCK_RAW | flags, bus);
		return sockets[i].fd >= 0 ? &sockets[i] : NULL;
	}
	errno = EMFILE;
	return NULL;
}

int mnl_socket_setsockopt(const struct mnl_socket *socket, int option, void *value, socklen_t size)
{
	return setsockopt(socket->fd, SOL_NETLINK, option, value, size);
}

int mnl_socket_close(struct mnl_socket *socket)
{
	int fd = socket->fd;

	socket->fd = -1;
	return close(fd);
}

ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *request, size_t size)
{
	static const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	return sendto(socket->fd, request, size, 0, (const struct sockaddr *)&kernel,
		      sizeof(kernel));
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *socket, void *buffer, size_t size)
{
	struct iovec iov = { buffer, size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recvmsg(socket->fd, &message, 0);

	if (n >= 0 && (message.msg_flags & MSG_TRUNC)) {
		errno = ENOSPC;
		return -1;
	}
	return n;
}

/* --- messages ------------------------------------------------------------------- */

struct nlmsghdr *mnl_nlmsg_put_header(void *buffer)
{
	struct nlmsghdr *message = buffer;

	memset(message, 0, NLMSG_HDRLEN);
	message->nlmsg_len = NLMSG_HDRLEN;
	return message;
}

void *mnl_nlmsg_put_extra_header(struct nlmsghdr *message, size_t size)
{
	char *at = (char *)message + message->nlmsg_len;

	memset(at, 0, NLMSG_ALIGN(size));
	message->nlmsg_len += (uint32_t)NLMSG_ALIGN(size);
	return at;
}

void *mnl_nlmsg_get_payload(const struct nlmsghdr *message)
{
	return (char *)(uintptr_t)message + NLMSG_HDRLEN;
}

void *mnl_nlmsg_get_payload_offset(const struct nlmsghdr *message, size_t offset)
{
	return (char *)mnl_nlmsg_get_payload(message) + NLMSG_ALIGN(offset);
}

void *mnl_nlmsg_get_payload_tail(const struct nlmsghdr *message)
{
	return (char *)(uintptr_t)message + NLMSG_ALIGN(message->nlmsg_len);
}

/* --- attributes ------------------------------------------------------------------- */

uint16_t mnl_attr_get_type(const struct nlattr *attr)
{
	return attr->nla_type & NLA_TYPE_MASK;
}

uint16_t mnl_attr_get_payload_len(const struct nlattr *attr)
{
	return (uint16_t)(attr->nla_len - NLA_HDRLEN);
}

void *mnl_attr_get_payload(const struct nlattr *attr)
{
	return (char *)(uintptr_t)attr + NLA_HDRLEN;
}

bool mnl_attr_ok(const struct nlattr *attr, int left)
{
	return left >= (int)sizeof(*attr) && attr->nla_len >= sizeof(*attr) &&
	       (int)attr->nla_len <= left;
}

struct nlattr *mnl_attr_next(const struct nlattr *attr)
{
	return (struct nlattr *)((uintptr_t)attr + NLA_ALIGN(attr->nla_len));
}

void mnl_attr_put(struct nlmsghdr *message, uint16_t type, size_t size, const void *data)
{
	struct nlattr *attr = mnl_nlmsg_get_payload_tail(message);
	size_t padded = NLA_ALIGN(size);

	attr->nla_type = type;
	attr->nla_len = (uint16_t)(NLA_HDRLEN + size);
	memcpy(mnl_attr_get_payload(attr), data, size);
	memset((char *)mnl_attr_get_payload(attr) + size, 0, padded - size);
	message->nlmsg_len += (uint32_t)(NLA_HDRLEN + padded);
}

void mnl_attr_put_u32(struct nlmsghdr *message, uint16_t type, uint32_t value)
{
	mnl_attr_put(message, type, sizeof(value), &value);
}

void mnl_attr_put_strz(struct nlmsghdr *message, uint16_t type, const char *text)
{
	mnl_attr_put(message, type, strlen(text) + 1, text);
}

/* --- answers ------------------------------------------------------------------------ */

/* Errors end with -1 and errno, an acknowledgement and the end of a dump with MNL_CB_STOP. */
static int answer_error(const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

	if (message->nlmsg_len < NLMSG_HDRLEN + sizeof(*error)) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	errno = error->error < 0 ? -error->error : error->error;
	return error->error == 0 ? MNL_CB_STOP : MNL_CB_ERROR;
}

int mnl_cb_run(const void *buffer, size_t size, unsigned int sequence, unsigned int port,
	       mnl_cb_t each, void *context)
{
	const struct nlmsghdr *message = buffer;
	int left = (int)size, result = MNL_CB_OK;

	(void)sequence;
	(void)port;
	while (result > MNL_CB_STOP && left >= (int)sizeof(*message) &&
	       message->nlmsg_len >= sizeof(*message) && (int)message->nlmsg_len <= left) {
		uint32_t step = NLMSG_ALIGN(message->nlmsg_len);

		if (message->nlmsg_flags & NLM_F_DUMP_INTR) {
			errno = EINTR;
			return MNL_CB_ERROR;
		}
		if (message->nlmsg_type == NLMSG_ERROR)
			result = answer_error(message);
		else if (message->nlmsg_type == NLMSG_DONE)
			result = MNL_CB_STOP;
		else if (message->nlmsg_type >= NLMSG_MIN_TYPE && each != NULL)
			result = each(message, context);
		left -= (int)step;
		message = (const struct nlmsghdr *)((const char *)message + step);
	}
	return result;
}
