/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/cgroup/dbus.h"
#include "runtime/cgroup/internal.h"

/* What comes from D-Bus, where a process of the test's own is the bus and systemd. */

#define UNIT	"kist-x.scope"
#define JOB	"/org/freedesktop/systemd1/job/7"
#define MANAGER ":1.1"
#define BUS	"org.freedesktop.DBus"

static struct arena arena;
static struct error err;
static char directory[64];
static pid_t bus;

static void field_begin(struct text *out, uint8_t field, const char *type)
{
	dbus_align(out, 8);
	dbus_add_byte(out, field);
	dbus_add_signature(out, type);
}

static void field_add(struct text *out, uint8_t field, const char *type, const char *value)
{
	field_begin(out, field, type);
	if (*type == 'g')
		dbus_add_signature(out, value);
	else
		dbus_add_string(out, value);
}

static void message_write(int fd, enum dbus_type type, uint32_t reply_to, const char *sender,
			  const char *signature, const struct text *body)
{
	static uint32_t serial;
	struct text out = { .arena = &arena };
	size_t fields;

	dbus_add_byte(&out, __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 'l' : 'B');
	dbus_add_byte(&out, (uint8_t)type);
	dbus_add_byte(&out, 1);
	dbus_add_byte(&out, 1);
	dbus_add_u32(&out, (uint32_t)body->size);
	dbus_add_u32(&out, ++serial);
	fields = dbus_array_begin(&out, 8);
	if (type == DBUS_SIGNAL) {
		field_add(&out, 1, "o", "/org/freedesktop/systemd1");
		field_add(&out, 2, "s", "org.freedesktop.systemd1.Manager");
		field_add(&out, 3, "s", "JobRemoved");
	} else {
		field_begin(&out, 5, "u");
		dbus_add_u32(&out, reply_to);
	}
	field_add(&out, 7, "s", sender);
	if (body->size > 0)
		field_add(&out, 8, "g", signature);
	dbus_array_end(&out, fields, 8);
	dbus_align(&out, 8);
	if (body->size > 0)
		text_add_bytes(&out, body->data, body->size);
	if (fd_write_all(fd, out.data, out.size) < 0)
		_exit(0);
}

static void reply(int fd, uint32_t reply_to, const char *sender, const char *job)
{
	struct text body = { .arena = &arena };

	if (job != NULL)
		dbus_add_string(&body, job);
	message_write(fd, DBUS_REPLY, reply_to, sender, "o", &body);
}

static void job_removed(int fd, const char *sender, const char *result)
{
	struct text body = { .arena = &arena };

	dbus_add_u32(&body, 7);
	dbus_add_string(&body, JOB);
	dbus_add_string(&body, UNIT);
	dbus_add_string(&body, result);
	message_write(fd, DBUS_SIGNAL, 0, sender, "uoss", &body);
}

static void bytes_read(int fd, char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = read(fd, data, size);

		if (n <= 0)
			_exit(0);
		data += n;
		size -= (size_t)n;
	}
}

/* The member of the next call, and its serial. */
static const char *call_read(int fd, uint32_t *serial)
{
	char *data = arena_alloc(&arena, 1 << 16);
	struct dbus_message message;
	size_t size;

	bytes_read(fd, data, 16);
	size = dbus_message_size(data);
	if (size < 16 || size > 1 << 16)
		_exit(1);
	bytes_read(fd, data + 16, size - 16);
	if (dbus_message_parse(data, size, &message, &err) < 0)
		_exit(1);
	*serial = message.serial;
	return message.member;
}

/* What comes when systemd was asked for something that it has a job for. */
typedef void story(int fd, uint32_t serial);

static void bus_serve(int fd, story *told)
{
	static const char hello[] = "DATA\r\nOK 0\r\n";
	char byte = 0, last[7] = { 0 };

	while (memcmp(last, "BEGIN\r\n", sizeof(last)) != 0) {
		bytes_read(fd, &byte, 1);
		memmove(last, last + 1, sizeof(last) - 1);
		last[sizeof(last) - 1] = byte;
	}
	fd_write_all(fd, hello, sizeof(hello) - 1);
	for (;;) {
		uint32_t serial;
		const char *member = call_read(fd, &serial);

		if (strcmp(member, "Hello") == 0 || strcmp(member, "AddMatch") == 0)
			reply(fd, serial, BUS, NULL);
		else if (strcmp(member, "Subscribe") == 0)
			reply(fd, serial, MANAGER, NULL);
		else
			told(fd, serial);
	}
}

static void bus_start(story *told)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *name;

	snprintf(directory, sizeof(directory), "/tmp/kist-bus-XXXXXX");
	cr_assert_not_null(mkdtemp(directory));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/bus", directory);
	name = arena_printf(&arena, "unix:path=%s", address.sun_path);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", name, 1);
	setenv("DBUS_SESSION_BUS_ADDRESS", name, 1);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(fd, 1), 0);
	bus = fork();
	if (bus == 0) {
		signal(SIGPIPE, SIG_IGN);
		bus_serve(accept(fd, NULL, NULL), told);
	}
	close(fd);
}

static void bus_stop(void)
{
	kill(bus, SIGKILL);
	waitpid(bus, NULL, 0);
	unlink(arena_printf(&arena, "%s/bus", directory));
	rmdir(directory);
}

TestSuite(systemd, .fini = bus_stop, .timeout = 20);

static const struct cgroup scope = { .host = CGROUP_UNIFIED, .scope = UNIT, .fd = -EBADF };

static void others_say_failed(int fd, uint32_t serial)
{
	job_removed(fd, ":1.66", "failed");
	reply(fd, serial, MANAGER, JOB);
	job_removed(fd, ":1.66", "failed");
	job_removed(fd, MANAGER, "done");
}

Test(systemd, alone_is_believed_about_its_jobs)
{
	bus_start(others_say_failed);
	cr_expect_eq(cgroup_systemd_stop(&scope, &err), 0, "%s", err.text);
}

static void systemd_says_failed(int fd, uint32_t serial)
{
	/* It may overtake the answer. */
	job_removed(fd, MANAGER, "failed");
	job_removed(fd, ":1.66", "done");
	reply(fd, serial, MANAGER, JOB);
}

Test(systemd, is_believed_when_it_says_failed)
{
	bus_start(systemd_says_failed);
	cr_expect_eq(cgroup_systemd_stop(&scope, &err), -1);
	cr_expect_not_null(strstr(err.text, "systemd's job for " UNIT ": failed"), "%s", err.text);
}

static void others_say_a_lot(int fd, uint32_t serial)
{
	char *word = arena_alloc(&arena, 1 << 20);

	memset(word, 'x', (1 << 20) - 100);
	word[(1 << 20) - 100] = '\0';
	reply(fd, serial, MANAGER, JOB);
	for (int i = 0; i < 64; i++)
		job_removed(fd, ":1.66", word);
}

Test(systemd, is_not_waited_for_whatever_others_send)
{
	bus_start(others_say_a_lot);
	cr_expect_eq(cgroup_systemd_stop(&scope, &err), -1);
	cr_expect_not_null(strstr(err.text, "more than 16 MiB came beside an answer"), "%s",
			   err.text);
}

static void systemd_says_done(int fd, uint32_t serial)
{
	reply(fd, serial, MANAGER, JOB);
	job_removed(fd, MANAGER, "done");
}

/* The cgroup that its first process is in then is somebody else's. */
Test(systemd, that_made_no_cgroup_leaves_none_to_destroy)
{
	struct plan plan = { .clone_flags = 0 };
	struct cgroup cgroup = scope;

	cgroup.keeper_fd = -EBADF;
	cgroup.slice = "system.slice";
	cgroup.path = "/system.slice/" UNIT;
	bus_start(systemd_says_done);
	cr_expect_eq(cgroup_systemd_start(&cgroup, &arena, &plan, &err), -1);
	cr_expect_not_null(strstr(err.text, "systemd did not put a process into"), "%s", err.text);
	cr_expect_null(cgroup.path);
	cr_expect_eq(cgroup.keeper_fd, -EBADF);
}
