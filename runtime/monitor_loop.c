/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/process.h"
#include "runtime/console.h"
#include "runtime/monitor.h"
#include "runtime/wait.h"

/* How long output may still come when the first process has ended: from children that live on. */
#define LAST_OUTPUT_MS	500
/* How long the container's output waits for a client that does not read. */
#define CLIENT_MS	1000

/* What is polled. */
enum {
	WAIT_END,
	WAIT_OUT,
	WAIT_ERR,
	WAIT_IN,
	WAIT_NOTIFY,
	WAIT_LISTENER,
	WAIT_CLIENTS,
	WAIT_COUNT = WAIT_CLIENTS + MONITOR_CLIENTS
};

/* --- from the container --------------------------------------------------------- */

/* One has room for some packets alone; "attach" always reads, but may not get the CPU. */
static bool packet_send(int client, const char *packet, size_t size)
{
	int64_t end = clock_ms() + CLIENT_MS;

	for (;;) {
		struct pollfd room = { client, POLLOUT, 0 };
		int64_t left;

		if (send(client, packet, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return true;
		left = end - clock_ms();
		if ((errno != EAGAIN && errno != EINTR) || left <= 0)
			return false;
		poll(&room, 1, (int)left);
	}
}

/* Who does not read is let go: the container must not wait for a client. */
static void broadcast(struct monitor *m, const char *packet, size_t size)
{
	for (size_t i = 0; i < MONITOR_CLIENTS; i++)
		if (m->clients[i] >= 0 && !packet_send(m->clients[i], packet, size))
			fd_close(&m->clients[i]);
}

static void output_take(struct monitor *m, int *fd, enum output_stream stream, bool ended)
{
	char packet[1 + MONITOR_DATA_MAX];
	ssize_t size = read(*fd, packet + 1, MONITOR_DATA_MAX);

	/* What a pty says whose other side nobody has open: who closed it may open it again. */
	m->hung = size < 0 && errno == EIO && *fd == m->master && !ended;
	if (m->hung || (size < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	if (size <= 0) {
		*fd = -EBADF;
		return;
	}
	m->owed -= m->owed < (size_t)size ? m->owed : (size_t)size;
	packet[0] = (char)stream;
	output_log_write(m->log, stream, packet + 1, (size_t)size);
	broadcast(m, packet, (size_t)size + 1);
}

/* --- to the container ----------------------------------------------------------- */

static void input_flush(struct monitor *m)
{
	size_t size = m->pending_end - m->pending_start;
	ssize_t done = size > 0 && m->in >= 0 ? write(m->in, m->pending + m->pending_start, size) :
						0;

	if (done > 0)
		m->pending_start += (size_t)done;
	else if (m->in < 0 || (done < 0 && errno != EAGAIN && errno != EINTR))
		m->pending_start = m->pending_end;
	if (m->pending_start == m->pending_end && m->input_ended && m->master < 0)
		fd_close(&m->in);
}

/* On a terminal the end of what is typed is a byte. */
static void input_end(struct monitor *m)
{
	struct termios settings;

	if (m->master < 0) {
		m->input_ended = true;
	} else {
		m->pending[0] = tcgetattr(m->master, &settings) == 0 ?
				(char)settings.c_cc[VEOF] : 4;
		m->pending_start = 0;
		m->pending_end = 1;
	}
	input_flush(m);
}

static void client_take(struct monitor *m, int *client)
{
	char packet[1 + MONITOR_DATA_MAX];
	ssize_t size = recv(*client, packet, sizeof(packet), MSG_DONTWAIT);
	struct winsize window;

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0) {
		fd_close(client);
		return;
	}
	if (packet[0] == MONITOR_INPUT && size > 1) {
		memcpy(m->pending, packet + 1, (size_t)size - 1);
		m->pending_start = 0;
		m->pending_end = (size_t)size - 1;
		input_flush(m);
	} else if (packet[0] == MONITOR_INPUT_END) {
		input_end(m);
	} else if (packet[0] == MONITOR_WINDOW && size == 1 + (ssize_t)sizeof(window) &&
		   m->master >= 0) {
		memcpy(&window, packet + 1, sizeof(window));
		ioctl(m->master, TIOCSWINSZ, &window);
	}
}

static void client_accept(struct monitor *m)
{
	_cleanup_fd int fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC);

	for (size_t i = 0; fd >= 0 && i < MONITOR_CLIENTS; i++)
		if (m->clients[i] < 0)
			m->clients[i] = fd_take(&fd);
}

/* --- the end -------------------------------------------------------------------- */

static void finish(struct monitor *m)
{
	char text[16], packet[2] = { MONITOR_EXITED, 0 };
	struct error ignored;
	int status = 0, size;

	process_reap(m->container.pid, &status);
	output_log_close(m->log);
	status = wait_exit_status(status);
	size = snprintf(text, sizeof(text), "%d\n", status);
	/* Where it was deleted, nobody asks. */
	file_replace(m->container.dir_fd, MONITOR_EXIT, text, (size_t)size, 0600, &ignored);
	packet[1] = (char)status;
	broadcast(m, packet, sizeof(packet));
}

static void polls_fill(const struct monitor *m, struct pollfd fds[WAIT_COUNT], bool ended)
{
	bool pending = m->pending_start != m->pending_end;

	fds[WAIT_END] = (struct pollfd){ ended ? -1 : m->container.pidfd, POLLIN, 0 };
	/* A pty that hung up would not let us sleep. */
	fds[WAIT_OUT] = (struct pollfd){ m->hung && !ended ? -1 : m->out, POLLIN, 0 };
	fds[WAIT_ERR] = (struct pollfd){ m->err, POLLIN, 0 };
	fds[WAIT_IN] = (struct pollfd){ pending ? m->in : -1, POLLOUT, 0 };
	fds[WAIT_NOTIFY] = (struct pollfd){ m->container.notify.socket, POLLIN, 0 };
	fds[WAIT_LISTENER] = (struct pollfd){ m->listener, POLLIN, 0 };
	/* One at a time: nothing is taken that has no place. */
	for (size_t i = 0; i < MONITOR_CLIENTS; i++)
		fds[WAIT_CLIENTS + i] = (struct pollfd){ pending ? -1 : m->clients[i], POLLIN, 0 };
}

static void polls_serve(struct monitor *m, const struct pollfd fds[WAIT_COUNT], bool ended)
{
	if (fds[WAIT_OUT].revents != 0 || m->hung)
		output_take(m, &m->out, OUTPUT_STDOUT, ended);
	if (fds[WAIT_ERR].revents != 0)
		output_take(m, &m->err, OUTPUT_STDERR, ended);
	if (fds[WAIT_IN].revents != 0)
		input_flush(m);
	if (fds[WAIT_NOTIFY].revents != 0 && notify_pass(&m->container.notify))
		monitor_tell_started(m);
	if (fds[WAIT_LISTENER].revents != 0)
		client_accept(m);
	for (size_t i = 0; i < MONITOR_CLIENTS; i++)
		if (fds[WAIT_CLIENTS + i].revents != 0 && m->clients[i] >= 0 &&
		    m->pending_start == m->pending_end)
			client_take(m, &m->clients[i]);
}

static size_t unread(int fd)
{
	int size;

	return fd >= 0 && ioctl(fd, FIONREAD, &size) == 0 && size > 0 ? (size_t)size : 0;
}

void monitor_loop(struct monitor *m)
{
	struct pollfd fds[WAIT_COUNT];
	int64_t end = -1;

	for (;;) {
		int64_t left = end >= 0 ? end - clock_ms() : m->hung ? CONSOLE_HUNG_MS : -1;
		int ready;

		/* Others may print for ever, and somebody waits for the status. */
		if (end >= 0 && ((left <= 0 && m->owed == 0) || (m->out < 0 && m->err < 0)))
			break;
		polls_fill(m, fds, end >= 0);
		ready = poll(fds, WAIT_COUNT, end >= 0 && left < 0 ? 0 : (int)left);
		if ((ready < 0 && errno != EINTR) || (ready == 0 && end >= 0))
			break;
		if (ready > 0 && fds[WAIT_END].revents != 0) {
			monitor_tell_started(m);
			end = clock_ms() + LAST_OUTPUT_MS;
			m->owed = unread(m->out) + unread(m->err);
		}
		if (ready >= 0)
			polls_serve(m, fds, end >= 0);
	}
	finish(m);
}
