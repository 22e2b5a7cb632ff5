/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/confine/confine.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/fd.h"
#include "base/process.h"
#include "base/sys.h"
#include "rootfs-tools/blob/digest.h"
#include "rootfs-tools/interrupt.h"

/* --- the child ------------------------------------------------------------------------- */

int confined_send(int out, enum confined_type type, const void *data, size_t size,
		  struct error *err)
{
	struct confined_message message = { .type = type, .size = (uint32_t)size };

	if (size > sizeof(message.data))
		return error_set(err, "send a message: %zu bytes are too much", size);
	if (size > 0)
		memcpy(message.data, data, size);
	if (fd_write_all(out, &message, offsetof(struct confined_message, data) + size) < 0)
		return error_errno(err, "send a message");
	return 0;
}

/* Closes all fds from 3 on but these: a directory of the host among them would be a way out. */
static int fds_close(const struct confined_request *request, int out, struct error *err)
{
	int keep[CONFINED_FDS + 2];
	size_t count = 0;

	if (request->fd_count > CONFINED_FDS)
		return error_set(err, "%zu fds are too many", request->fd_count);
	for (size_t i = 0; i < request->fd_count; i++)
		keep[count++] = request->fds[i];
	keep[count++] = out;
	if (request->root_fd >= 0)
		keep[count++] = request->root_fd;
	return fd_close_others(keep, count) < 0 ? error_errno(err, "close fds") : 0;
}

/* AddressSanitizer's shadow takes terabytes of address space; clang says so in its own way. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED 0
#endif

static int limits_set(struct error *err)
{
	const struct { int which; rlim_t value; } limits[] = {
		{ RLIMIT_CORE, 0 },
#if !SANITIZED
		{ RLIMIT_AS, CONFINE_MEMORY },
#endif
	};

	struct rlimit files;

	/* A layer each, and the directories on the way to the deepest file. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rlimit limit = { limits[i].value, limits[i].value };

		if (setrlimit((__rlimit_resource_t)limits[i].which, &limit) < 0)
			return error_errno(err, "bound memory and core files");
	}
	return 0;
}

static int confine(const struct confined_request *request, int out, int *root_fd,
		   struct error *err)
{
	struct digest warm;

	digest_of("", 0, &warm);	/* libcrypto reads its configuration once */
#ifdef __GLIBC__	/* or each thread takes 64 MiB of the address space that is left */
	mallopt(M_ARENA_MAX, 1);
#endif
	*root_fd = request->root_fd;
	if (fds_close(request, out, err) < 0 || confine_file_system(root_fd, err) < 0 ||
	    limits_set(err) < 0 || confine_privileges(err) < 0 || confine_calls(err) < 0)
		return error_wrap(err, "confine the unpacker");
	return 0;
}

static void send_warning(void *context, const char *text)
{
	struct error ignored;
	size_t size = strnlen(text, CONFINED_ROOM - 1);

	confined_send(*(int *)context, CONFINED_WARNING, text, size, &ignored);
}

static _noreturn void child_main(const struct confined_request *request, int out, pid_t parent)
{
	struct error err = { 0 };
	int root_fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	/* Ctrl-C reaches the whole group; the parent decides, and says why. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_IGN);
	warn_to(send_warning, &out);
	if (confine(request, out, &root_fd, &err) < 0 ||
	    request->work(request->context, root_fd, out, &err) < 0)
		confined_send(out, CONFINED_ERROR, &err, sizeof(err), &err);
	else
		confined_send(out, CONFINED_DONE, NULL, 0, &err);
	_exit(0);
}

/* --- the parent ------------------------------------------------------------------------ */

int confined_start(const struct confined_request *request, struct confined *ret,
		   struct error *err)
{
	_cleanup_fd int in = -EBADF, out = -EBADF;
	pid_t parent = getpid();

	if (fd_pipe(&in, &out, err) < 0)
		return -1;
	ret->pid = fork();
	if (ret->pid < 0)
		return error_errno(err, "start the unpacker");
	if (ret->pid == 0)
		child_main(request, out, parent);
	ret->fd = fd_take(&in);
	ret->pidfd = sys_pidfd_open(ret->pid, 0);
	if (ret->pidfd < 0) {
		error_errno(err, "open the unpacker's pidfd");
		kill(ret->pid, SIGKILL);	/* not reaped yet: the number is its own */
		confined_end(ret);
		return -1;
	}
	return 0;
}

/* 1: all of it, 0: the end before the first byte. */
static int read_exactly(int fd, void *data, size_t size, struct error *err)
{
	size_t done = 0;

	while (done < size) {
		struct pollfd pollfd = { .fd = fd, .events = POLLIN };
		ssize_t n;

		/* A signal just before poll() would be seen only after it: hence the time-out. */
		if (interrupt_check(err) < 0)
			return -1;
		if (poll(&pollfd, 1, 200) <= 0)
			continue;
		n = read(fd, (char *)data + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "read from the unpacker");
		if (n == 0)
			return done == 0 ? 0 : error_set(err, "the unpacker sent half a message");
		done += (size_t)n;
	}
	return 1;
}

/* It went without a word. */
static int died(struct confined *confined, struct error *err)
{
	int status = 0;

	if (process_reap(confined->pid, &status) == 0)
		confined->pid = 0;
	if (WIFSIGNALED(status))
		return error_set(err, "the unpacker was killed by SIG%s",
				 sigabbrev_np(WTERMSIG(status)) ?: "?");
	return error_set(err, "the unpacker ended with status %d", WEXITSTATUS(status));
}

static int message_read(struct confined *confined, struct confined_message *ret,
			struct error *err)
{
	size_t head = offsetof(struct confined_message, data);
	int more = read_exactly(confined->fd, ret, head, err);

	if (more <= 0)
		return more < 0 ? -1 : died(confined, err);
	if (ret->size >= sizeof(ret->data))
		return error_set(err, "the unpacker sent a message that is too long");
	more = read_exactly(confined->fd, ret->data, ret->size, err);
	if (more == 0 && ret->size > 0)
		return died(confined, err);
	ret->data[ret->size] = '\0';
	return more < 0 ? -1 : 0;
}

int confined_receive(struct confined *confined, struct confined_message *ret, struct error *err)
{
	for (;;) {
		if (message_read(confined, ret, err) < 0)
			return -1;
		switch (ret->type) {
		case CONFINED_DATA:
			return 1;
		case CONFINED_DONE:
			return 0;
		case CONFINED_WARNING:
			warn("%s", ret->data);
			break;
		case CONFINED_ERROR:
			if (ret->size != sizeof(*err))
				return error_set(err, "the unpacker sent no proper error");
			memcpy(err, ret->data, sizeof(*err));
			err->text[sizeof(err->text) - 1] = '\0';
			return -1;
		default:
			return error_set(err, "the unpacker sent a message of no known type");
		}
	}
}

void confined_end(struct confined *confined)
{
	if (confined->pidfd >= 0 && confined->pid > 0)
		sys_pidfd_send_signal(confined->pidfd, SIGKILL);
	if (confined->pid > 0)
		process_reap(confined->pid, NULL);
	confined->pid = 0;
	fd_close(&confined->pidfd);
	fd_close(&confined->fd);
}
