/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/inside.h"

#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"

#define FILE_MAX	((size_t)4 << 20)
#define TCP_LISTEN	"0A"
/* How long what is done in there may take. */
#define VISIT_MS	5000
/* How long pid 1 may be held up by others before it can reap. */
#define HELD_UP_MS	10000

static char *proc_file(struct arena *arena, pid_t pid, const char *name)
{
	struct error ignored;
	char *text;

	return file_read(AT_FDCWD, arena_printf(arena, "/proc/%d/%s", pid, name), FILE_MAX, arena,
			 &text, NULL, &ignored) == 0 ? text : NULL;
}

/* --- ports ----------------------------------------------------------------------------- */

/*
 * The next that somebody listens on; 0: no more.  "  0: 0100007F:1F90 00000000:0000 0A ...":
 * address:port, peer, state; all in hexadecimal.
 */
static uint32_t next_port(const char **text)
{
	while (*text != NULL && **text != '\0') {
		const size_t length = strcspn(*text, "\n");
		char line[128], state[3] = "";
		uint32_t port;

		/* sscanf() looks for the end of all that it is given. */
		snprintf(line, sizeof(line), "%.*s", (int)length, *text);
		*text += length + ((*text)[length] == '\n');
		if (sscanf(line, " %*[0-9]: %*[0-9A-F]:%x %*[0-9A-F]:%*x %2s", &port, state) == 2 &&
		    strcmp(state, TCP_LISTEN) == 0)
			return port;
	}
	return 0;
}

/* In its place among the lowest; where there is no room left, the highest gives way. */
static size_t add_port(uint32_t *ports, size_t count, size_t room, uint32_t port)
{
	size_t at = 0;

	while (at < count && ports[at] < port)
		at++;
	if (at == room || (at < count && ports[at] == port))
		return count;
	count += count < room;
	memmove(ports + at + 1, ports + at, (count - at - 1) * sizeof(*ports));
	ports[at] = port;
	return count;
}

static const char *const port_files[] = { "net/tcp", "net/tcp6" };

size_t inside_ports(pid_t pid, uint32_t *ret_ports, size_t room)
{
	_cleanup_arena struct arena arena = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(port_files); i++) {
		const char *text = proc_file(&arena, pid, port_files[i]);
		uint32_t port;

		while ((port = next_port(&text)) != 0)
			count = add_port(ret_ports, count, room, port);
	}
	return count;
}

bool inside_listens(pid_t pid, uint32_t port)
{
	_cleanup_arena struct arena arena = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(port_files); i++) {
		const char *text = proc_file(&arena, pid, port_files[i]);
		uint32_t other;

		while ((other = next_port(&text)) != 0)
			if (other == port)
				return true;
	}
	return false;
}

/* --- going there ------------------------------------------------------------------------- */

static int namespace_of(pid_t pid, const char *name, struct error *err)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : error_errno(err, "open %s", path);
}

/* What a child that went inside found: an fd for its parent, or errno. */
static _noreturn void child_tell(int socket, int fd)
{
	struct error ignored;
	int number = fd < 0 ? errno : 0;

	_exit(fd_send(socket, &fd, fd >= 0 ? 1 : 0, &number, sizeof(number), &ignored) < 0);
}

/* What is inside may stop who comes in, for ever. */
static bool comes_soon(int fd)
{
	struct pollfd ready = { fd, POLLIN, 0 };

	return poll(&ready, 1, VISIT_MS) > 0;
}

static void child_end(pid_t child)
{
	_cleanup_fd int ended = sys_pidfd_open(child, 0);

	if (!comes_soon(ended))
		kill(child, SIGKILL);
	process_reap(child, NULL);
}

static int child_heard(int socket, pid_t child, const char *what, struct error *err)
{
	int fd = -EBADF, number = ETIMEDOUT;
	size_t count = 1;
	ssize_t size = sizeof(number);

	if (comes_soon(socket)) {
		number = ECHILD;
		size = fd_receive(socket, &fd, &count, &number, sizeof(number), err);
	}
	/* It has a child of its own to end by then. */
	child_end(child);
	if (size == sizeof(number) && number == 0 && count == 1)
		return fd;
	return error_number(err, number, "%s", what);
}

/* What a child does with that namespace; it ends by child_tell(). */
typedef void visit(int ns_fd, int socket_fd, int argument);

/* Returns the fd that the child told; what it is to do is for the error. */
static int namespace_visit(pid_t pid, const char *name, visit *work, int argument,
			   const char *what, struct error *err)
{
	_cleanup_fd int ns_fd = namespace_of(pid, name, err);
	_cleanup_fd int mine = -EBADF, its = -EBADF;
	int sockets[2];
	pid_t child;

	if (ns_fd < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_errno(err, "make a socket pair");
	mine = sockets[0];
	its = sockets[1];
	child = fork();
	if (child < 0)
		return error_errno(err, "start a process");
	if (child == 0) {
		work(ns_fd, its, argument);
		_exit(0);
	}
	fd_close(&its);
	return child_heard(mine, child, what, err);
}

static void make_socket(int ns_fd, int socket_fd, int family)
{
	if (setns(ns_fd, CLONE_NEWNET) < 0)
		child_tell(socket_fd, -1);
	child_tell(socket_fd, socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

int inside_socket(pid_t pid, int family, struct error *err)
{
	return namespace_visit(pid, "net", make_socket, family,
			       "make a socket in the container's network", err);
}

/* --- orphans ----------------------------------------------------------------------------- */

/* The orphan: ends when its parent has. */
static _noreturn void orphan_main(int gate)
{
	char byte;

	(void)!read(gate, &byte, 1);
	_exit(0);
}

/* In the namespace: has a child, tells its pidfd to those outside, and leaves it alone. */
static _noreturn void parent_main(int socket)
{
	struct clone_args args = { .flags = CLONE_PIDFD, .exit_signal = SIGCHLD };
	int pidfd = -EBADF, gate[2];
	long child;

	args.pidfd = (uint64_t)(uintptr_t)&pidfd;
	if (pipe2(gate, O_CLOEXEC) < 0)
		child_tell(socket, -1);
	child = sys_clone3(&args);
	if (child == 0) {
		close(gate[1]);
		orphan_main(gate[0]);
	}
	child_tell(socket, child < 0 ? -1 : pidfd);
}

/* Outside: joins the pid namespace, in which only children are born. */
static void leave_orphan(int ns_fd, int socket, int argument _unused)
{
	pid_t child;

	/* CVE-2016-9962: who is in there may not look into what comes. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setns(ns_fd, CLONE_NEWPID) < 0)
		child_tell(socket, -1);
	child = fork();
	if (child < 0)
		child_tell(socket, -1);
	if (child == 0)
		parent_main(socket);
	child_end(child);
}

/* Who reaps is woken by a child's end: then it runs, or waits for a CPU, but sleeps no more. */
static bool sleeps_beside(pid_t pid, int ended_fd)
{
	_cleanup_arena struct arena arena = { 0 };
	struct pollfd ended = { ended_fd, POLLIN, 0 };
	const char *text = poll(&ended, 1, 0) > 0 ? proc_file(&arena, pid, "stat") : NULL;
	const char *name_end = text != NULL ? strrchr(text, ')') : NULL;

	return name_end != NULL && strncmp(name_end, ") S", 3) == 0;
}

int inside_orphan(pid_t pid, unsigned int wait_ms, struct error *err)
{
	unsigned int asleep = 0;
	_cleanup_fd int orphan = namespace_visit(pid, "pid", leave_orphan, 0,
						 "leave an orphan in the container", err);

	if (orphan < 0)
		return -1;
	/* A zombie can still be signalled; once it was reaped there is nothing there. */
	for (unsigned int waited = 0; waited <= wait_ms || waited <= HELD_UP_MS; waited += 5) {
		if (sys_pidfd_send_signal(orphan, 0) < 0)
			return errno == ESRCH ? 1 : error_errno(err, "ask for the orphan");
		/* Twice, for it may just be on its way to be woken. */
		asleep = sleeps_beside(pid, orphan) ? asleep + 1 : 0;
		if (waited >= wait_ms && asleep > 1)
			break;
		poll(NULL, 0, 5);
	}
	return 0;
}

/* --- processes ----------------------------------------------------------------------------- */

bool inside_catches(pid_t pid, int signal)
{
	_cleanup_arena struct arena arena = { 0 };
	const char *text = proc_file(&arena, pid, "status");
	const char *line = text != NULL ? strstr(text, "\nSigCgt:") : NULL;
	unsigned long long mask;

	return line != NULL && sscanf(line, "\nSigCgt: %llx", &mask) == 1 &&
	       (mask >> (signal - 1) & 1);
}

size_t inside_processes(pid_t pid)
{
	char path[64];
	struct stat wanted, st;
	struct dirent *entry;
	size_t count = 0;
	DIR *proc;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	proc = stat(path, &wanted) == 0 ? opendir("/proc") : NULL;
	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/ns/pid", entry->d_name);
		if (stat(path, &st) == 0 && st.st_ino == wanted.st_ino)
			count++;
	}
	if (proc != NULL)
		closedir(proc);
	return count;
}
