/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"

#define FD_PASS_MAX	8

/* errno survives, so that "return error_errno()" may follow a scope's end. */
void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -EBADF;
	errno = saved;
}

int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -EBADF;
	return taken;
}

int fd_read_all(int fd, size_t limit, struct arena *arena, char **ret_text, size_t *ret_size,
		struct error *err)
{
	struct stat st;
	size_t size = 0, room = 4096;
	char *text;

	/* procfs says 0 for every size; for the rest one read more than the size finds the end. */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    (uintmax_t)st.st_size <= limit)
		room = (size_t)st.st_size + 2;
	text = arena_alloc(arena, room);
	for (;;) {
		ssize_t n = read(fd, text + size, room - size - 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "read");
		size += (size_t)n;
		if (size > limit)
			return error_number(err, EFBIG, "read: larger than %zu bytes", limit);
		if (n == 0)
			break;
		if (room - size < 2) {
			char *more = arena_alloc(arena, room * 2);

			memcpy(more, text, size);
			text = more;
			room *= 2;
		}
	}
	text[size] = '\0';
	*ret_text = text;
	if (ret_size != NULL)
		*ret_size = size;
	return 0;
}

void fd_broken_pipe_forget(void)
{
	const struct timespec now = { 0 };
	sigset_t broken;

	sigemptyset(&broken);
	sigaddset(&broken, SIGPIPE);
	while (sigtimedwait(&broken, NULL, &now) < 0 && errno == EINTR)
		;
}

int fd_write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int fd_write_once(int fd, const char *text)
{
	ssize_t n;

	do {
		n = write(fd, text, strlen(text));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

int file_read_flags(int dir_fd, const char *path, int flags, size_t limit, struct arena *arena,
		    char **ret_text, size_t *ret_size, struct error *err)
{
	_cleanup_fd int fd = openat(dir_fd, path, flags | O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_errno(err, "open %s", path);
	if (fd_read_all(fd, limit, arena, ret_text, ret_size, err) < 0)
		return error_wrap(err, "%s", path);
	return 0;
}

int file_read(int dir_fd, const char *path, size_t limit, struct arena *arena, char **ret_text,
	      size_t *ret_size, struct error *err)
{
	return file_read_flags(dir_fd, path, 0, limit, arena, ret_text, ret_size, err);
}

int file_write(int dir_fd, const char *path, const char *text, struct error *err)
{
	_cleanup_fd int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return error_errno(err, "open %s", path);
	if (fd_write_once(fd, text) < 0)
		return error_errno(err, "write \"%s\" to %s", text, path);
	return 0;
}

int file_replace(int dir_fd, const char *name, const char *text, size_t size, mode_t mode,
		 struct error *err)
{
	char temporary[NAME_MAX + 1];
	_cleanup_fd int fd = -EBADF;

	/* Cut where the name leaves no room for the number. */
	snprintf(temporary, sizeof(temporary), ".%.*s.%d", NAME_MAX - 16, name, (int)getpid());
	/* Only a process of our own pid can have left this name, and that one is dead. */
	unlinkat(dir_fd, temporary, 0);
	fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return error_errno(err, "create %s", name);
	if (fd_write_all(fd, text, size) < 0 ||
	    renameat(dir_fd, temporary, dir_fd, name) < 0) {
		error_errno(err, "write %s", name);
		unlinkat(dir_fd, temporary, 0);
		return -1;
	}
	return 0;
}

int fd_send(int socket, const int *fds, size_t count, const void *data, size_t size,
	    struct error *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)data, size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	assert(count <= FD_PASS_MAX);
	if (count > 0) {
		struct cmsghdr *head;

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(head), fds, sizeof(int) * count);
	}
	do {
		n = sendmsg(socket, &message, FD_SEND_FLAGS);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_errno(err, "send");
	return 0;
}

ssize_t fd_receive(int socket, int *fds, size_t *ret_count, void *data, size_t size,
		   struct error *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
	} control;
	struct iovec iov = { data, size };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	size_t room = *ret_count, count = 0;
	ssize_t n;

	do {
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_errno(err, "receive");
	for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head != NULL;
	     head = CMSG_NXTHDR(&message, head)) {
		size_t here = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < here; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(int));
			if (count < room)
				fds[count++] = fd;
			else
				close(fd);
		}
	}
	*ret_count = count;
	return n;
}

DIR *dir_take(int fd)
{
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL)
		fd_close(&fd);
	return dir;
}

DIR *dir_list(int dir_fd)
{
	return dir_take(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

struct dirent *dir_next(DIR *dir)
{
	struct dirent *entry;

	do {
		errno = 0;
		entry = readdir(dir);
	} while (entry != NULL &&
		 (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	return entry;
}

int fd_pipe(int *ret_read_fd, int *ret_write_fd, struct error *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_errno(err, "make a pipe");
	*ret_read_fd = fds[0];
	*ret_write_fd = fds[1];
	return 0;
}

int fd_close_others(const int *keep, size_t count)
{
	unsigned int from = STDERR_FILENO + 1, next;

	do {
		next = ~0U;
		for (size_t i = 0; i < count; i++)
			if (keep[i] >= (int)from && (unsigned int)keep[i] < next)
				next = (unsigned int)keep[i];
		if (next > from && sys_close_range(from, next == ~0U ? next : next - 1, 0) < 0)
			return -1;
		from = next + 1;
	} while (next != ~0U);
	return 0;
}

int fd_fill_stdio(struct error *err)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		/* The lowest free number is what open() returns.  Children inherit it. */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			return error_errno(err, "open /dev/null");
	return 0;
}
