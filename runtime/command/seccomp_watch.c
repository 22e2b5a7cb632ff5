/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/command/seccomp_watch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/process.h"
#include "base/sys.h"
#include "config/seccomp_watch.h"
#include "runtime/command/command.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV	(1UL << 5)
#endif

enum { CALLS_MAX = 4096, LOGGED_MAX = 256 };

/* In the watching process. */
struct watcher {
	struct arena *arena;
	int socket, file_fd;			/* file_fd: of record, or -EBADF */
	const struct seccomp_plan *profile;	/* of log */
	struct seccomp_call calls[CALLS_MAX];
	size_t call_count;
	struct {
		struct seccomp_call call;
		char program[256];
	} logged[LOGGED_MAX];
	size_t logged_count;
};

static void note_call(struct watcher *w, struct seccomp_call call)
{
	for (size_t i = 0; i < w->call_count; i++)
		if (w->calls[i].arch == call.arch && w->calls[i].number == call.number)
			return;
	if (w->call_count < CALLS_MAX)
		w->calls[w->call_count++] = call;
}

/* Its file as it is called inside, or its name where we may not look. */
static void program_of(pid_t pid, char *ret, size_t size)
{
	char path[40];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	length = readlink(path, ret, size - 1);
	if (length < 0) {
		_cleanup_fd int fd = -EBADF;

		snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		length = fd >= 0 ? read(fd, ret, size - 1) : 0;
	}
	ret[length > 0 ? length : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

/* Once for each call of each program; a container can make up as many of both as it likes. */
static void log_denied(struct watcher *w, const struct seccomp_notif *request, int error)
{
	struct seccomp_call call = { request->data.arch, (uint32_t)request->data.nr };
	char program[sizeof(w->logged[0].program)];

	if (w->logged_count == LOGGED_MAX)
		return;
	program_of((pid_t)request->pid, program, sizeof(program));
	for (size_t i = 0; i < w->logged_count; i++)
		if (w->logged[i].call.arch == call.arch &&
		    w->logged[i].call.number == call.number &&
		    strcmp(w->logged[i].program, program) == 0)
			return;
	w->logged[w->logged_count].call = call;
	memcpy(w->logged[w->logged_count++].program, program, sizeof(program));
	warn("seccomp: %s of %s (pid %u) was denied: %s", seccomp_call_name(w->arena, call),
	     text_printable(w->arena, program), request->pid, strerror(error));
	if (w->logged_count == LOGGED_MAX)
		warn("seccomp: these were %d, and no more are named", LOGGED_MAX);
}

static void answer(struct watcher *w, const struct seccomp_notif *request,
		   struct seccomp_notif_resp *ret)
{
	uint32_t action;

	*ret = (struct seccomp_notif_resp){ .id = request->id };
	if (w->profile == NULL) {
		note_call(w, (struct seccomp_call){ request->data.arch,
						    (uint32_t)request->data.nr });
		ret->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		return;
	}
	action = seccomp_answer(w->profile, &request->data);
	ret->error = -(int)(action & SECCOMP_RET_DATA);
	log_denied(w, request, -ret->error);
}

/* Until nobody is left under the filter. */
static int serve(struct watcher *w, int listener_fd, struct error *err)
{
	struct pollfd ready = { .fd = listener_fd, .events = POLLIN };

	for (;;) {
		struct seccomp_notif request = { 0 };
		struct seccomp_notif_resp response;

		if (poll(&ready, 1, -1) < 0 && errno != EINTR)
			return error_errno(err, "wait for system calls");
		if (ready.revents & POLLHUP)
			return 0;
		if (!(ready.revents & POLLIN))
			continue;
		/* ENOENT: it was killed meanwhile. */
		if (ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0) {
			if (errno == ENOENT || errno == EINTR)
				continue;
			return error_errno(err, "take a system call");
		}
		answer(w, &request, &response);
		if (ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &response) < 0 && errno != ENOENT)
			return error_errno(err, "answer a system call");
	}
}

static int listener_take(int socket, struct error *err)
{
	_cleanup_fd int connection = accept4(socket, NULL, NULL, SOCK_CLOEXEC);
	char state[65536];
	size_t count = 1;
	int fd = -EBADF;

	if (connection < 0)
		return error_errno(err, "accept the seccomp listener");
	if (fd_receive(connection, &fd, &count, state, sizeof(state), err) < 0)
		return -1;
	/* The container never came to be: it has an error of its own. */
	return count == 1 ? fd : -1;
}

_noreturn static void watch(struct watcher *w)
{
	/* A key at the terminal is for the program, and this process outlives it. */
	static const int ignored[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGPIPE };
	struct text text = { .arena = w->arena };
	struct error err = { 0 };
	int listener_fd;

	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	listener_fd = listener_take(w->socket, &err);
	if (listener_fd >= 0 && serve(w, listener_fd, &err) == 0 && w->file_fd >= 0) {
		seccomp_profile_print(&text, &(seccomp_call_list){ w->calls, w->call_count });
		if (ftruncate(w->file_fd, 0) < 0 ||
		    fd_write_all(w->file_fd, text.data, text.size) < 0)
			error_errno(&err, "write the profile");
	}
	if (err.text[0] != '\0')
		warn("seccomp: %s", err.text);
	_exit(listener_fd < 0 || err.text[0] != '\0');
}

/* --- the runtime's side ------------------------------------------------------------------ */

/* A signal does not interrupt a call that waits for us: Linux 5.19; EFAULT: flags are known. */
static unsigned int killable_flag(void)
{
	const unsigned int flag = SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;

	sys_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER | flag, NULL);
	return errno == EFAULT ? flag : 0;
}

/* Without a name in the file system; *ret_path_fd: what leads to it. */
static int socket_make(const struct creation_request *request, int *ret_path_fd,
		       struct error *err)
{
	_cleanup_fd int root_fd = container_root_open(request->root, true, err), fd = -EBADF;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *name = arena_printf(request->arena, ".seccomp-%d", (int)getpid());

	if (root_fd < 0)
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", root_fd, name);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 1) < 0)
		return error_errno(err, "make a socket in %s", request->root);
	*ret_path_fd = openat(root_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	unlinkat(root_fd, name, 0);
	return *ret_path_fd >= 0 ? fd_take(&fd) : error_errno(err, "open a socket");
}

static int plan_replace(struct arena *arena, struct bundle *bundle, const char *record,
			int path_fd, struct error *err)
{
	const struct seccomp_plan *profile = bundle->plan->seccomp, *watched;
	struct plan *plan = ARENA_NEW(arena, struct plan);

	if (record == NULL && (profile == NULL || profile->filter.count == 0))
		return error_set(err, "--seccomp-log: the configuration has no seccomp profile");
	if (record == NULL && profile->listener_path != NULL)
		return error_set(err, "--seccomp-log: the profile has a listener already");
	watched = record != NULL ? seccomp_watch_all(arena) :
				   seccomp_watch_errors(arena, profile);
	if (watched == NULL)
		return error_set(err, "--seccomp-log: the profile is too long");
	*plan = *bundle->plan;
	plan->seccomp = ARENA_NEW(arena, struct seccomp_plan);
	*plan->seccomp = *watched;
	plan->seccomp->flags |= killable_flag();
	plan->seccomp->listener_path = arena_printf(arena, "/proc/self/fd/%d", path_fd);
	bundle->plan = plan;
	return 0;
}

/* What is in it stays until there is a new one; what was not there goes again. */
static int profile_open(struct seccomp_watch *watch, const char *path, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd >= 0)
		watch->made = path;
	else if (errno == EEXIST)
		fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 ? fd : error_errno(err, "make the profile %s", path);
}

int seccomp_watch_begin(struct seccomp_watch *watch_ret, const struct creation_request *request,
			struct bundle *bundle, const char *record, struct error *err)
{
	struct arena *arena = request->arena;
	struct watcher *w = ARENA_NEW(arena, struct watcher);
	_cleanup_fd int socket = -EBADF, path_fd = -EBADF, file_fd = -EBADF;
	pid_t pid;

	if (record != NULL && (file_fd = profile_open(watch_ret, record, err)) < 0)
		return -1;
	*w = (struct watcher){ .arena = arena, .file_fd = file_fd,
			       .profile = record == NULL ? bundle->plan->seccomp : NULL };
	socket = socket_make(request, &path_fd, err);
	if (socket < 0 || plan_replace(arena, bundle, record, path_fd, err) < 0)
		return -1;
	w->socket = socket;
	pid = fork();
	if (pid < 0)
		return error_errno(err, "start the process that watches system calls");
	if (pid == 0)
		watch(w);
	watch_ret->pid = pid;
	watch_ret->socket = fd_take(&path_fd);
	return 0;
}

int seccomp_watch_end(struct seccomp_watch *watch, bool ran, struct error *err)
{
	int status = 0;

	fd_close(&watch->socket);
	if (watch->pid != 0) {
		/* It may be waiting for a container that never came to be. */
		if (!ran)
			kill(watch->pid, SIGKILL);
		process_reap(watch->pid, &status);
		watch->pid = 0;
	}
	if (watch->made != NULL && (!ran || status != 0))
		unlink(watch->made);
	return ran && status != 0 ? error_set(err, "the system calls were not watched to the end") :
				    0;
}
