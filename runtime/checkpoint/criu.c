/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/checkpoint/criu.h"

#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "base/process.h"
#include "base/sys.h"
#include "init/tree.h"
#include "runtime/checkpoint/protobuf.h"

#define CRIU_SOCKET_FD	3
#define MESSAGE_MAX	65536

/* The fields of struct criu_req, and the one type that only answers have. */
enum { REQUEST_TYPE = 1, REQUEST_OPTIONS = 2, REQUEST_NOTIFY_SUCCESS = 3, REQUEST_FEATURES = 5 };
enum { TYPE_NOTIFY = 6 };

void criu_add_pair(struct text *options, enum criu_option option, const char *key,
		   const char *value)
{
	struct text pair = { .arena = options->arena };

	protobuf_add_text(&pair, 1, key);
	protobuf_add_text(&pair, 2, value);
	protobuf_add_message(options, option, &pair);
}

void criu_add_fd(struct text *options, const char *key, int fd)
{
	struct text pair = { .arena = options->arena };

	protobuf_add_text(&pair, 1, key);
	protobuf_add_number(&pair, 2, (uint64_t)fd);
	protobuf_add_message(options, CRIU_INHERIT_FD, &pair);
}

/* --- its process ---------------------------------------------------------------- */

const char *criu_find(struct arena *arena, struct error *err)
{
	const char *path = secure_getenv("PATH");

	if (path == NULL)
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	while (*path != '\0') {
		size_t length = strcspn(path, ":");
		const char *file = arena_printf(arena, "%.*s/criu", (int)length, path);

		if (*file == '/' && access(file, X_OK) == 0)
			return file;
		path += length + (path[length] == ':');
	}
	error_set(err, "criu is not in PATH: install it (Debian: \"apt install criu\")");
	return NULL;
}

/* In CRIU's process, and gone with it. */
static int root_mount(const struct criu_start *start, struct error *err)
{
	struct mount_attr slave = { .propagation = MS_SLAVE };
	_cleanup_fd int tree = -EBADF, target = -EBADF;

	if (start->root_path == NULL)
		return 0;
	if (unshare(CLONE_NEWNS) < 0)
		return error_errno(err, "make a mount namespace for criu");
	if (sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &slave) < 0)
		return error_errno(err, "part the mounts of criu from the host's");
	tree = tree_clone(AT_FDCWD, start->root_path, true, err);
	if (tree < 0 || tree_flags(tree, 0, 0, MS_PRIVATE, true, err) < 0)
		return error_wrap(err, "root %s", start->root_path);
	target = open(start->root_target, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0)
		return error_errno(err, "open %s", start->root_target);
	return tree_attach(tree, target, start->root_target, err);
}

/* Each to its number; high ones first, for one may stand where another is to go. */
static int fds_place(const struct criu_start *start, int socket, struct error *err)
{
	int high[CRIU_FDS_MAX + 1];

	for (size_t i = 0; i <= start->fd_count; i++) {
		high[i] = fcntl(i == 0 ? socket : start->fds[i - 1], F_DUPFD_CLOEXEC, 100);
		if (high[i] < 0)
			return error_errno(err, "keep fds for criu");
	}
	for (size_t i = 0; i <= start->fd_count; i++)
		if (dup2(high[i], CRIU_SOCKET_FD + (int)i) < 0)
			return error_errno(err, "give fds to criu");
	if (sys_close_range(CRIU_FIRST_FD + (unsigned int)start->fd_count, ~0U,
			    CLOSE_RANGE_CLOEXEC) < 0)
		return error_errno(err, "mark inherited fds");
	return 0;
}

/* The answer to the start: the directories, as CRIU sees them. */
static int dirs_send(const struct criu_start *start, int socket, struct error *err)
{
	int fds[CRIU_DIRS];
	size_t count = 0;

	for (; count < CRIU_DIRS && start->dirs[count] != NULL; count++) {
		fds[count] = open(start->dirs[count], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fds[count] < 0)
			return error_errno(err, "open %s", start->dirs[count]);
	}
	return fd_send(socket, fds, count, "", 1, err);
}

static int dirs_take(struct criu *criu, struct error *err)
{
	size_t count = CRIU_DIRS;
	char nothing;
	ssize_t size = fd_receive(criu->socket, criu->dir_fds, &count, &nothing, 1, err);

	if (size < 0)
		return -1;
	return size > 0 ? 0 : error_set(err, "criu's process ended");
}

static _noreturn void child_run(const struct criu_start *start, const char *program, int socket,
				int error_fd)
{
	char *const argv[] = { (char *)(uintptr_t)"criu", (char *)(uintptr_t)"swrk",
			       (char *)(uintptr_t)"3", NULL };
	sigset_t none;
	struct error err;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	error_fd = fcntl(error_fd, F_DUPFD_CLOEXEC, 100);
	if (root_mount(start, &err) == 0 && dirs_send(start, socket, &err) == 0 &&
	    fds_place(start, socket, &err) == 0) {
		execv(program, argv);
		error_errno(&err, "execute %s", program);
	}
	(void)!fd_write_all(error_fd, &err, sizeof(err));
	_exit(127);
}

int criu_start(const struct criu_start *start, struct arena *arena, struct criu *ret,
	       struct error *err)
{
	const char *program = criu_find(arena, err);
	int sockets[2], pipe_fds[2];
	struct criu criu = CRIU_NONE;
	bool failed;

	*ret = CRIU_NONE;
	criu.arena = arena;
	if (program == NULL)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_errno(err, "make a socket pair for criu");
	_cleanup_fd int theirs = sockets[1];

	criu.socket = sockets[0];
	if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
		fd_close(&criu.socket);
		return error_errno(err, "make a pipe");
	}
	_cleanup_fd int error_in = pipe_fds[0], error_out = pipe_fds[1];

	criu.pid = fork();
	if (criu.pid == 0)
		child_run(start, program, theirs, error_out);
	if (criu.pid < 0)
		error_errno(err, "start criu");
	fd_close(&error_out);
	fd_close(&theirs);
	/* Its end is its execve. */
	failed = criu.pid < 0 || read(error_in, err, sizeof(*err)) == (ssize_t)sizeof(*err) ||
		 dirs_take(&criu, err) < 0;
	if (failed) {
		criu_end(&criu);
		return -1;
	}
	*ret = criu;
	return 0;
}

void criu_end(struct criu *criu)
{
	if (criu->pid > 0 && !criu->asked)
		kill(criu->pid, SIGKILL);
	/* It ends when nobody talks to it any more. */
	fd_close(&criu->socket);
	fd_close(&criu->dir_fds[CRIU_IMAGES]);
	fd_close(&criu->dir_fds[CRIU_WORK]);
	if (criu->pid > 0)
		process_reap(criu->pid, NULL);
	criu->pid = 0;
}

/* --- the conversation ----------------------------------------------------------- */

struct response {
	uint64_t type;
	bool success;
	int number;			/* errno */
	const char *script;
	pid_t pid;
	bool mem_track, lazy_pages;
};

static const char *field_text(struct arena *arena, const struct protobuf_field *field)
{
	return field->data != NULL ? arena_strndup(arena, field->data, field->size) : "";
}

/* Of criu_notify, criu_restore_resp and criu_features, whose fields differ in number or kind. */
static bool part_read(struct arena *arena, const struct protobuf_field *part,
		      struct response *response)
{
	struct protobuf_reader reader = { part->data, part->data + part->size, false };
	struct protobuf_field field;

	if (part->data == NULL)
		return false;
	while (protobuf_next(&reader, &field)) {
		if (part->number == 4 && field.number == 1)
			response->pid = (pid_t)field.value;
		else if (part->number == 5 && field.number == 1)
			response->script = field_text(arena, &field);
		else if (part->number == 5 && field.number == 2)
			response->pid = (pid_t)field.value;
		else if (part->number == 8 && field.number == 1)
			response->mem_track = field.value != 0;
		else if (part->number == 8 && field.number == 2)
			response->lazy_pages = field.value != 0;
	}
	return !reader.damaged;
}

static bool response_read(struct arena *arena, const char *data, size_t size,
			  struct response *ret)
{
	struct protobuf_reader reader = { data, data + size, false };
	struct protobuf_field field;

	*ret = (struct response){ 0 };
	while (protobuf_next(&reader, &field)) {
		switch (field.number) {
		case 1:
			ret->type = field.value;
			break;
		case 2:
			ret->success = field.value != 0;
			break;
		case 4:
		case 5:
		case 8:
			if (!part_read(arena, &field, ret))
				return false;
			break;
		case 7:
			ret->number = (int)field.value;
			break;
		}
	}
	return !reader.damaged;
}

static int message_send(const struct criu *criu, const struct text *message, struct error *err)
{
	if (fd_send(criu->socket, NULL, 0, message->data, message->size, err) < 0)
		return error_wrap(err, "ask criu");
	return 0;
}

static int response_take(struct criu *criu, struct response *ret, int *ret_fd, struct error *err)
{
	char *data = arena_alloc(criu->arena, MESSAGE_MAX);
	size_t count = 1;
	ssize_t size;

	*ret_fd = -EBADF;
	size = fd_receive(criu->socket, ret_fd, &count, data, MESSAGE_MAX, err);
	if (size < 0)
		return error_wrap(err, "listen to criu");
	if (count == 0)
		*ret_fd = -EBADF;
	if (size == 0)
		return error_set(err, "criu ended without an answer");
	if (!response_read(criu->arena, data, (size_t)size, ret))
		return error_set(err, "criu gave an answer that is not understood");
	if (ret->success)
		return 0;
	error_set(err, "criu failed");
	return ret->number != 0 ? error_hint(err, "%s", strerror(ret->number)) : -1;
}

static int notification(struct criu *criu, const struct response *response, int fd,
			criu_notify *notify, void *context, struct error *err)
{
	const char *script = response->script != NULL ? response->script : "";
	struct text answer = { .arena = criu->arena };
	int rc = notify != NULL ? notify(context, script, response->pid, fd, err) : 0;
	struct error ignored;

	protobuf_add_number(&answer, REQUEST_TYPE, TYPE_NOTIFY);
	protobuf_add_number(&answer, REQUEST_NOTIFY_SUCCESS, rc == 0);
	/* Its own answer to a "no" is a failure that says less than ours. */
	return message_send(criu, &answer, rc == 0 ? err : &ignored) < 0 ? -1 : rc;
}

int criu_ask(struct criu *criu, enum criu_request request, const struct text *options,
	     criu_notify *notify, void *context, struct criu_answer *ret, struct error *err)
{
	struct text message = { .arena = criu->arena };
	struct response response = { 0 };

	protobuf_add_number(&message, REQUEST_TYPE, request);
	if (request == CRIU_FEATURES) {
		struct text wanted = { .arena = criu->arena };

		protobuf_add_number(&wanted, 1, 1);
		protobuf_add_number(&wanted, 2, 1);
		protobuf_add_message(&message, REQUEST_FEATURES, &wanted);
	} else {
		protobuf_add_message(&message, REQUEST_OPTIONS, options);
	}
	criu->asked = true;
	if (message_send(criu, &message, err) < 0)
		return -1;
	for (;;) {
		int fd, rc;

		if (response_take(criu, &response, &fd, err) < 0)
			return -1;
		if (response.type != TYPE_NOTIFY) {
			fd_close(&fd);
			break;
		}
		rc = notification(criu, &response, fd, notify, context, err);
		fd_close(&fd);
		if (rc < 0)
			return -1;
	}
	*ret = (struct criu_answer){ response.pid, response.mem_track, response.lazy_pages };
	return 0;
}
