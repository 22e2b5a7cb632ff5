/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup/dbus.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/fd.h"

#define SYSTEM_BUS	"/run/dbus/system_bus_socket"
/* systemd answers at once, unless it is reloading. */
#define ANSWER_MS	60000
#define LINE_SIZE	512
/* Of all that comes: some ten thousand units' signals. */
#define RECEIVED_MAX	((size_t)16 << 20)

static int address_connect(const char *path, bool abstract, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_fd int fd = -EBADF;
	size_t length = strlen(path);

	if (length + 2 > sizeof(address.sun_path))
		return error_number(err, ENAMETOOLONG, "connect to D-Bus at %s", path);
	/* An abstract name begins with NUL, a path ends with it. */
	memcpy(address.sun_path + abstract, path, length);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_errno(err, "make socket");
	if (connect(fd, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1)) < 0)
		return error_errno(err, "connect to D-Bus at %s", path);
	return fd_take(&fd);
}

static int bus_connect(struct arena *arena, bool user, struct error *err)
{
	const char *address =
		secure_getenv(user ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS");
	const char *path = SYSTEM_BUS, *directory = secure_getenv("XDG_RUNTIME_DIR");
	bool abstract = false;
	int fd;

	if (user)
		path = directory != NULL ?
			       arena_printf(arena, "%s/bus", directory) :
			       arena_printf(arena, "/run/user/%u/bus", (unsigned int)geteuid());
	if (address != NULL)
		dbus_address_path(arena, address, &path, &abstract);
	fd = address_connect(path, abstract, err);
	if (fd >= 0)
		return fd;
	if (user)
		return error_hint(err, "is a user manager of systemd running? XDG_RUNTIME_DIR or "
				  "DBUS_SESSION_BUS_ADDRESS lead to it");
	return error_hint(err, "the systemd cgroup driver needs it, cgroupfs does not");
}

static int wait_readable(const struct dbus *bus, struct error *err)
{
	struct pollfd poll_fd = { .fd = bus->fd, .events = POLLIN };
	int n;

	do {
		int64_t left = bus->until - clock_ms();

		n = poll(&poll_fd, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_errno(err, "wait for D-Bus");
	return n > 0 ? 0 : error_number(err, ETIMEDOUT, "wait %d s for D-Bus", ANSWER_MS / 1000);
}

static int read_exactly(const struct dbus *bus, char *data, size_t size, struct error *err)
{
	while (size > 0) {
		ssize_t n;

		if (wait_readable(bus, err) < 0)
			return -1;
		n = recv(bus->fd, data, size, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "read from D-Bus");
		if (n == 0)
			return error_set(err, "D-Bus closed the connection");
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

static int send_all(int fd, const char *data, size_t size, struct error *err)
{
	while (size > 0) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "write to D-Bus");
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

/* A line of the authentication, which ends with "\r\n"; what follows it is left in the socket. */
static int line_read(const struct dbus *bus, char line[LINE_SIZE], struct error *err)
{
	size_t size = 0;

	do {
		if (size == LINE_SIZE - 1)
			return error_set(err, "D-Bus: authentication line is too long");
		if (read_exactly(bus, line + size, 1, err) < 0)
			return -1;
	} while (line[size++] != '\n');
	line[size] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	return 0;
}

/*
 * EXTERNAL with no identity: the bus takes that of the socket, which is right in a user namespace
 * too, where our own idea of our uid is not the bus'.
 */
static int authenticate(const struct dbus *bus, struct error *err)
{
	static const char hello[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
	char line[LINE_SIZE];

	if (send_all(bus->fd, hello, sizeof(hello) - 1, err) < 0 || line_read(bus, line, err) < 0)
		return -1;
	if (strncmp(line, "DATA", 4) == 0 && line_read(bus, line, err) < 0)
		return -1;
	if (strncmp(line, "OK ", 3) != 0)
		return error_number(err, EACCES, "authenticate to D-Bus: \"%.200s\"", line);
	return 0;
}

int dbus_open(struct dbus *bus, struct arena *arena, bool user, struct error *err)
{
	static const struct dbus_call hello = {
		"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello",
		NULL,
	};
	struct dbus opened = {
		.arena = arena,
		.out = { .arena = arena },
		.until = clock_ms() + ANSWER_MS,
	};

	opened.fd = bus_connect(arena, user, err);
	if (opened.fd < 0)
		return -1;
	if (authenticate(&opened, err) < 0) {
		dbus_close(&opened);
		return -1;
	}
	/* Nobody waits for the answer: a bus that refuses it refuses what follows. */
	dbus_send(&opened, &hello, NULL);
	*bus = opened;
	return 0;
}

void dbus_close(struct dbus *bus)
{
	fd_close(&bus->fd);
}

uint32_t dbus_send(struct dbus *bus, const struct dbus_call *call, const struct text *body)
{
	bus->until = clock_ms() + ANSWER_MS;
	dbus_message_add(&bus->out, call, ++bus->serial, body);
	return bus->serial;
}

int dbus_receive(struct dbus *bus, struct dbus_message *ret, struct error *err)
{
	char head[16], *data;
	size_t size;

	if (bus->out.size > 0 && send_all(bus->fd, bus->out.data, bus->out.size, err) < 0)
		return -1;
	bus->out.size = 0;
	if (read_exactly(bus, head, sizeof(head), err) < 0)
		return -1;
	size = dbus_message_size(head);
	if (size < sizeof(head))
		return error_set(err, "D-Bus: a message too long, or of another byte order");
	bus->received += size;
	if (bus->received > RECEIVED_MAX)
		return error_set(err, "D-Bus: more than %zu MiB came beside an answer",
				 RECEIVED_MAX >> 20);
	data = arena_alloc(bus->arena, size);
	memcpy(data, head, sizeof(head));
	if (read_exactly(bus, data + sizeof(head), size - sizeof(head), err) < 0)
		return -1;
	return dbus_message_parse(data, size, ret, err);
}

static int error_code(const char *name)
{
	static const struct { const char *name; int code; } codes[] = {
		{ "org.freedesktop.systemd1.NoSuchUnit", ENOENT },
		{ "org.freedesktop.systemd1.UnitExists", EEXIST },
		{ "org.freedesktop.DBus.Error.AccessDenied", EACCES },
		{ "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", EACCES },
		{ "org.freedesktop.DBus.Error.PropertyReadOnly", EINVAL },
		{ "org.freedesktop.DBus.Error.UnknownProperty", EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (strcmp(name, codes[i].name) == 0)
			return codes[i].code;
	return 0;
}

int dbus_is_reply(const struct dbus_message *message, uint32_t serial, struct error *err)
{
	struct dbus_reader body = message->body;
	const char *text;

	if (message->reply_serial != serial ||
	    (message->type != DBUS_REPLY && message->type != DBUS_ERROR))
		return 0;
	if (message->type == DBUS_REPLY)
		return 1;
	text = message->signature[0] == 's' ? dbus_get_string(&body) : "";
	if (*text != '\0')
		error_set(err, "%s (%s)", text, message->error_name);
	else
		error_set(err, "%s", message->error_name);
	err->code = error_code(message->error_name);
	return -1;
}

int dbus_call(struct dbus *bus, const struct dbus_call *call, const struct text *body,
	      struct dbus_message *ret, struct error *err)
{
	uint32_t serial = dbus_send(bus, call, body);
	int result = 0;

	while (result == 0) {
		if (dbus_receive(bus, ret, err) < 0)
			return error_wrap(err, "%s", call->member);
		result = dbus_is_reply(ret, serial, err);
	}
	return result < 0 ? -1 : 0;
}
