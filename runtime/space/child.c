/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "runtime/space/space.h"

/*
 * The child's side.  It may run in the copy of one thread of a program that
 * had many, whose locks nobody will ever give back: so no stdio, no
 * allocation, no setxid of libc, no translated message.
 */

/* What an id that has no mapping looks like: kernel.overflowuid, which nobody changes. */
#define NOBODY	65534

/* At the end of text, as far as it fits; how long it is then. */
static size_t append(struct error *err, size_t at, const char *more)
{
	size_t length = strnlen(more, sizeof(err->text) - 1 - at);

	memcpy(err->text + at, more, length);
	err->text[at + length] = '\0';
	return at + length;
}

/* "verb object: what errno means" */
static int child_fail(struct error *err, const char *verb, const char *object)
{
	const int code = errno;
#ifdef __GLIBC__
	const char *meaning = strerrordesc_np(code);
#else
	const char *meaning = strerror(code);
#endif
	size_t at = append(err, 0, verb), start;

	if (object != NULL)
		at = append(err, append(err, at, " "), object);
	start = append(err, at, ": ");
	append(err, start, meaning != NULL ? meaning : "unknown error");
	/* In lower case, as error_errno() has it. */
	if (err->text[start] >= 'A' && err->text[start] <= 'Z' && err->text[start + 1] >= 'a')
		err->text[start] = (char)(err->text[start] - 'A' + 'a');
	err->code = code;
	return -1;
}

/* -1: the caller does not hear of us any more, and knows that. */
static int report(const struct kist_space *space, enum report_kind kind, const struct error *err)
{
	struct report record;
	ssize_t n;

	memset(&record, 0, sizeof(record));
	record.kind = kind;
	if (err != NULL)
		record.error = *err;
	do {
		n = send(space->child_end, &record, sizeof(record), MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	/* Where the fd table is shared there is no end of file for it when we end. */
	if (n < 0)
		shutdown(space->child_end, SHUT_RDWR);
	return n < 0 ? -1 : 0;
}

/*
 * The value that a hook ends the child with, or 0.  What is no status, as the -1 that functions
 * fail with, is 255, and never taken for a failure of ours that has an error to tell.
 */
static int hook(const struct kist_space *space, enum kist_moment moment, const struct error *err)
{
	kist_hook *function = space->options.hooks[moment];
	struct kist_error given = { 0 };
	int value;

	if (function == NULL)
		return 0;
	if (err != NULL) {
		given.code = err->code;
		memcpy(given.text, err->text, sizeof(given.text));
	}
	value = function(space->options.context, moment, err != NULL ? &given : NULL);
	return value >= 0 && value <= 255 ? value : 255;
}

/* Until the caller says so. */
static int wait_for_caller(const struct kist_space *space, const char *what, struct error *err)
{
	struct pollfd fds[] = { { space->child_end, POLLIN, 0 }, { space->caller_fd, POLLIN, 0 } };
	ssize_t n;
	char go;

	while (space->caller_fd >= 0 && poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	while ((n = recv(space->child_end, &go, 1, fds[1].revents != 0 ? MSG_DONTWAIT : 0)) < 0 &&
	       errno == EINTR)
		;
	if (n == 1)
		return 0;
	errno = ECANCELED;
	return child_fail(err, "wait for", what);
}

/* Until the id maps are written; then who is nobody here becomes root, where there is one. */
static int take_ids(const struct kist_space *space, struct error *err)
{
	if (space->mapped && space->writer.fd >= 0) {
		if (space_writer_ask(&space->writer, err) < 0)
			return -1;
		if (!(space->options.flags & CLONE_FILES))
			close(space->writer.fd);
	} else if (space->mapped && wait_for_caller(space, "id maps", err) < 0) {
		return -1;
	}
	if (!space->foreign_ids || !space->root_caller)
		return 0;
	/*
	 * By the kernel's own calls: libc's tell threads of which there are none here.  EINVAL:
	 * there is no root inside.  Supplementary groups stay where setgroups is denied.
	 */
	if (getgid() == NOBODY && syscall(SYS_setresgid, 0, 0, 0) == 0)
		syscall(SYS_setgroups, 0, NULL);
	if (getuid() == NOBODY && syscall(SYS_setresuid, 0, 0, 0) < 0 && errno != EINVAL)
		return child_fail(err, "become root inside", NULL);
	return 0;
}

/*
 * A user namespace that is joined may know neither root nor nobody: a process of a container's can
 * make one, and who enters it would still be the host's root to files that are the host's root's.
 */
static int check_ids(const struct kist_space *space, struct error *err)
{
	if (!space->exposed || space->mapped || !space->root_caller)
		return 0;
	if ((getgid() == NOBODY && syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) < 0) ||
	    (getuid() == NOBODY && syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY) < 0))
		return child_fail(err, "become a user of the user namespace, which has no root",
				  NULL);
	return 0;
}

static int become_daemon(struct kist_space *space, struct error *err)
{
	struct report record;
	int pidfd;
	pid_t pid;

	umask(0);
	if (setsid() < 0)
		return child_fail(err, "make a session", NULL);
	if (space->options.flags & CLONE_NEWPID)
		return 0;
	/* No handlers of fork(3): their locks may be taken. */
	pid = _Fork();
	if (pid < 0)
		return child_fail(err, "make the daemon", NULL);
	if (pid > 0)
		_exit(0);
	pidfd = sys_pidfd_open(getpid(), 0);
	if (pidfd < 0)
		return child_fail(err, "open the daemon's pidfd", NULL);
	memset(&record, 0, sizeof(record));
	record.kind = REPORT_DAEMON;
	if (fd_send(space->child_end, &pidfd, 1, &record, sizeof(record), err) < 0)
		return -1;
	close(pidfd);
	/* Not before it has what ends us, if need be. */
	return wait_for_caller(space, "the caller", err);
}

/* One of 0, 1, 2: opened, or an fd of the caller's, or as it is (ret -1). */
static int stdio_open(int number, const char *path, int given, int *ret, struct error *err)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	int from = given == KIST_FD_ZERO ? STDIN_FILENO : given;

	*ret = -1;
	if (path == NULL && given == 0)
		return 0;
	if (path == NULL && given == KIST_FD_NULL)
		path = "/dev/null";
	if (path != NULL) {
		from = open(path, number == 0 ? O_RDONLY | O_CLOEXEC :
			    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
		if (from < 0)
			return child_fail(err, "open", path);
	}
	/* Above 2, so that what is put in place first does not cover it. */
	*ret = fcntl(from, F_DUPFD_CLOEXEC, 3);
	if (*ret < 0)
		return child_fail(err, "take as", names[number]);
	if (path != NULL)
		close(from);
	return 0;
}

static int change_root(const struct kist_space *space, struct error *err)
{
	const struct space_root *root = &space->root;
	const char *paths[] = { root->path, space->options.root_dir };

	if (root->root_fd >= 0 && (fchdir(root->root_fd) < 0 || chroot(".") < 0))
		return child_fail(err, "enter the root directory of the process", NULL);
	if (root->work_fd >= 0 && fchdir(root->work_fd) < 0)
		return child_fail(err, "enter the working directory of the process", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (paths[i] != NULL && (chroot(paths[i]) < 0 || chdir("/") < 0))
			return child_fail(err, "enter root directory", paths[i]);
	if (space->options.work_dir != NULL && chdir(space->options.work_dir) < 0)
		return child_fail(err, "enter working directory", space->options.work_dir);
	return 0;
}

static int set_up(struct kist_space *space, struct error *err)
{
	const struct kist_options *o = &space->options;
	int stdio[3];

	if (o->daemonize && become_daemon(space, err) < 0)
		return -1;
	if (stdio_open(0, o->stdin_path, o->stdin_fd, &stdio[0], err) < 0 ||
	    stdio_open(1, o->stdout_path, o->stdout_fd, &stdio[1], err) < 0 ||
	    stdio_open(2, o->stderr_path, o->stderr_fd, &stdio[2], err) < 0 ||
	    change_root(space, err) < 0)
		return -1;
	if (!(o->flags & CLONE_FILES))
		space_root_close(&space->root);
	for (int i = 0; i < 3; i++) {
		if (stdio[i] < 0)
			continue;
		if (dup2(stdio[i], i) < 0)
			return child_fail(err, "put in place stdin, stdout or stderr", NULL);
		close(stdio[i]);
	}
	return 0;
}

/* A lock of this process falls when execve closes it, whoever else has the file open. */
static int lock_take(const struct kist_space *space, struct error *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	/* execve gives us a table of our own anyway; the caller closes what is in its own. */
	if (space->options.flags & CLONE_FILES && unshare(CLONE_FILES) < 0)
		return child_fail(err, "leave the caller's fd table", NULL);
	if (fcntl(space->lock_fd, F_SETLK, &lock) < 0)
		return child_fail(err, "take a lock", NULL);
	return 0;
}

static int run_program(struct kist_space *space)
{
	const struct kist_options *o = &space->options;
	char *const *args = (char *const *)(uintptr_t)o->args;
	char *const *env = o->env != NULL ? (char *const *)(uintptr_t)o->env : environ;
	struct error err;

	if (lock_take(space, &err) == 0) {
		if (report(space, REPORT_EXEC, NULL) < 0)
			return 127;
		execvpe(args[0], args, env);
		child_fail(&err, "execute", args[0]);
	}
	hook(space, KIST_EXCEPT_EXEC, &err);
	hook(space, KIST_POST_EXEC, &err);
	report(space, REPORT_ERROR, &err);
	return 127;
}

static int run_function(struct kist_space *space)
{
	const bool shares_fds = space->options.flags & CLONE_FILES;
	/* The struct may be gone once the caller has heard of us, but for one that is in use. */
	const struct kist_options options = space->options;
	kist_hook *after = options.hooks[KIST_POST_EXEC];
	int status, hooked;

	if (report(space, REPORT_UP, NULL) < 0)
		return 126;
	if (!shares_fds)
		close(space->child_end);
	status = options.function(options.context);
	hooked = after != NULL ? after(options.context, KIST_POST_EXEC, NULL) : 0;
	return hooked != 0 ? hooked : status;
}

/* Up to the function or program; the status that a hook ends it with, or 0, or -1 and *err. */
static int come_up(struct kist_space *space, struct error *err)
{
	int status, hooked;

	if (take_ids(space, err) < 0)
		return -1;
	status = hook(space, KIST_PRE_UP, NULL);
	if (status != 0)
		return status;
	status = set_up(space, err);
	if (status < 0)
		hook(space, KIST_EXCEPT_UP, err);
	hooked = hook(space, KIST_POST_UP, status < 0 ? err : NULL);
	if (status < 0 || hooked != 0)
		return status < 0 ? -1 : hooked;
	hooked = hook(space, KIST_PRE_EXEC, NULL);
	return hooked != 0 ? hooked : check_ids(space, err);
}

int space_child(void *context)
{
	struct kist_space *space = context;
	struct error err;
	int status;

	/* Another thread may have let itself be traced again while we were born. */
	if (space->exposed)
		prctl(PR_SET_DUMPABLE, 0);
	/*
	 * Ours alone where the fd table is not shared: so that its end shows us the caller's.  And
	 * what brought us here: a function has no execve that would close it.
	 */
	if (!(space->options.flags & CLONE_FILES)) {
		close(space->here);
		borrow_close(space->join_fds);
		fd_close(&space->join_pidfd);
	}
	/* The kernel takes one word for both; the one to clear is ours. */
	if (space->end_word == &space->own_tid && space->options.flags & CLONE_CHILD_SETTID)
		*space->options.child_tid = (int)syscall(SYS_gettid);
	status = come_up(space, &err);
	if (status < 0) {
		report(space, REPORT_ERROR, &err);
		status = 126;
	} else if (status > 0) {
		report(space, REPORT_UP, NULL);
	} else {
		status = space->options.function != NULL ? run_function(space) : run_program(space);
	}
	if (space->options.flags & CLONE_THREAD)
		space->exit_code = status & 0xff;
	return status & 0xff;
}
