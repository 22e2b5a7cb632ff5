/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/space/space.h"

#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/process.h"

#define STACK_DEFAULT	((size_t)1024 * 1024)
/* Where another thread does nothing but inject, two of three fail. */
#define START_TRIES	100
#define STACK_LEAST	((size_t)64 * 1024) /* two error records, and what libc's execvpe takes */

static_assert(sizeof(struct kist_error) == sizeof(struct error) &&
	      offsetof(struct kist_error, text) == offsetof(struct error, text),
	      "an error is copied from one to the other");

int space_result(int status, const struct error *from, struct kist_error *err)
{
	if (status < 0 && err != NULL)
		memcpy(err, from, sizeof(*err));
	return status;
}

void space_root_close(struct space_root *root)
{
	fd_close(&root->root_fd);
	fd_close(&root->work_fd);
}

/* One mapping: a guard page and the stack, where there is one, then the struct. */
static struct kist_space *space_new(const struct kist_options *options, struct error *err)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t own = (sizeof(struct kist_space) + page - 1) & ~(page - 1);
	size_t stack = 0, total;
	struct kist_space *space;
	unsigned char *pages;

	if (options->flags & CLONE_VM) {
		stack = options->stack_size != 0 ? options->stack_size : STACK_DEFAULT;
		stack = stack < STACK_LEAST ? STACK_LEAST : stack;
		if (stack > SIZE_MAX / 2) {
			error_number(err, ENOMEM, "make a stack");
			return NULL;
		}
		stack = ((stack + page - 1) & ~(page - 1)) + page;
	}
	total = stack + own;
	pages = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED) {
		error_errno(err, "make a stack of %zu bytes", total);
		return NULL;
	}
	if (stack != 0 && mprotect(pages, page, PROT_NONE) < 0) {
		error_errno(err, "make a stack");
		munmap(pages, total);
		return NULL;
	}
	space = (struct kist_space *)(void *)(pages + stack);
	space->pages = pages;
	space->pages_size = total;
	space->options = *options;
	space->child.pidfd = space->here = space->there = space->lock_fd = -EBADF;
	space->caller_fd = -EBADF;
	space->writer = (struct space_writer){ { 0, -EBADF }, -EBADF };
	space->root = SPACE_ROOT_NONE;
	return space;
}

static void space_drop(struct kist_space *space)
{
	fd_close(&space->here);
	fd_close(&space->there);
	fd_close(&space->lock_fd);
	fd_close(&space->caller_fd);
	space_writer_end(&space->writer);
	space_root_close(&space->root);
}

/* Above 2, where the child puts its stdin, stdout and stderr. */
static int raise_fd(int *fd)
{
	int high = *fd > STDERR_FILENO ? *fd : fcntl(*fd, F_DUPFD_CLOEXEC, 3);

	if (high != *fd)
		fd_close(fd);
	*fd = high;
	return high < 0 ? -1 : 0;
}

static int connect_child(struct kist_space *space, struct error *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_errno(err, "make a socket pair");
	space->here = ends[0];
	space->there = ends[1];
	if (raise_fd(&space->here) < 0 || raise_fd(&space->there) < 0)
		return error_errno(err, "make a socket pair");
	space->child_end = space->there;
	/* Our end is the child's, too, then, and our death no end of file. */
	if (space->mapped && space->options.flags & CLONE_FILES) {
		space->caller_fd = sys_pidfd_open(getpid(), 0);
		if (space->caller_fd < 0)
			return error_errno(err, "open the own pidfd");
	}
	if (space->options.function != NULL)
		return 0;
	space->lock_fd = memfd_create("kist-lock", MFD_CLOEXEC);
	if (space->lock_fd < 0 || raise_fd(&space->lock_fd) < 0)
		return error_errno(err, "make a lock");
	return 0;
}

static void request_fill(struct kist_space *space, struct clone_request *request)
{
	const struct kist_options *o = &space->options;
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	request->flags = o->flags & ~(uint64_t)CLONE_INTO_CGROUP;
	request->exit_signal = o->exit_signal == 0 ? SIGCHLD : o->exit_signal < 0 ? 0 :
			       o->exit_signal;
	request->cgroup_fd = o->flags & CLONE_INTO_CGROUP ? o->cgroup_fd : -EBADF;
	request->tls = o->tls;
	request->parent_tid = o->parent_tid;
	request->child_tid = o->child_tid;
	if (o->flags & CLONE_VM) {
		request->stack = (unsigned char *)space->pages + page;
		request->stack_size = (size_t)((unsigned char *)space -
					       (unsigned char *)request->stack);
	}
	if (!(o->flags & CLONE_THREAD))
		return;
	/* Its end is known by a word that the kernel clears: the caller's, or ours. */
	if (!(o->flags & CLONE_CHILD_CLEARTID)) {
		request->flags = (request->flags & ~(uint64_t)CLONE_CHILD_SETTID) |
				 CLONE_CHILD_CLEARTID;
		request->child_tid = &space->own_tid;
	}
	space->end_word = request->child_tid;
	*space->end_word = 1;
}

pid_t pidfd_pid(int pidfd)
{
	char path[64], text[512], *line;
	_cleanup_fd int fd = -EBADF;
	ssize_t n;
	long pid;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (n < 0)
		return -1;
	text[n] = '\0';
	line = strstr(text, "Pid:");
	pid = line != NULL ? strtol(line + strlen("Pid:"), NULL, 10) : 0;
	return pid > 0 ? (pid_t)pid : 0;
}

/* The first process is gone; the one that stays is init's.  It waits for our word. */
static int adopt_daemon(struct kist_space *space, int pidfd, struct error *err)
{
	if (pidfd < 0)
		return error_number(err, EMFILE, "take the daemon's pidfd");
	process_reap(space->child.pid, NULL);
	fd_close(&space->child.pidfd);
	space->child = (struct clone_result){ pidfd_pid(pidfd), pidfd };
	space->daemon = true;
	if (space->child.pid < 0)
		return error_errno(err, "look at the daemon's pidfd");
	if (send(space->here, "", 1, MSG_NOSIGNAL) < 0)
		return error_errno(err, "start the daemon");
	return 0;
}

/* The next record, or why there is none. */
static int hear(struct kist_space *space, struct report *ret, struct error *err)
{
	bool leaves = space->options.daemonize && !(space->options.flags & CLONE_NEWPID) &&
		      !space->daemon;
	struct pollfd fds[] = { { space->here, POLLIN, 0 },
				{ leaves ? -1 : space->child.pidfd, POLLIN, 0 } };
	int pidfd = -EBADF;
	size_t count = 1;
	ssize_t n;

	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			return error_errno(err, "wait for the process");
	if (fds[0].revents == 0) {
		/* What it said last may have come between the two looks. */
		fds[1].fd = -1;
		if (poll(fds, 1, 0) != 1)
			return error_set(err, "start the process: it ended during set-up");
	}
	n = fd_receive(space->here, &pidfd, &count, ret, sizeof(*ret), err);
	if (n < 0)
		return -1;
	if (n != sizeof(*ret))
		return error_set(err, "start the process: it ended during set-up");
	return ret->kind == REPORT_DAEMON ? adopt_daemon(space, pidfd, err) : 0;
}

/* execve has succeeded when the lock has fallen and no error came. */
static int hear_execve(struct kist_space *space, struct error *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct report record;

	while (fcntl(space->lock_fd, F_SETLKW, &lock) < 0)
		if (errno != EINTR)
			return error_errno(err, "wait for execve");
	if (recv(space->here, &record, sizeof(record), MSG_DONTWAIT) == sizeof(record) &&
	    record.kind == REPORT_ERROR) {
		*err = record.error;
		return -1;
	}
	return 0;
}

static int converse(struct kist_space *space, const struct space_maps *maps,
		    const struct clone_request *base, struct error *err)
{
	struct report record;

	/* A copy of the child's end in our table would hide its death from us. */
	if (!(space->options.flags & CLONE_FILES))
		fd_close(&space->there);
	space_writer_end(&space->writer);
	if (space->mapped && !(space->options.flags & CLONE_VFORK)) {
		if (space_maps_write(&space->options, maps, base, space->child.pid, err) < 0)
			return error_wrap(err, SPACE_NO_IDS);
		if (send(space->here, "", 1, MSG_NOSIGNAL) < 0)
			return error_errno(err, "start the process: it ended during set-up");
	}
	do {
		if (hear(space, &record, err) < 0)
			return -1;
	} while (record.kind == REPORT_DAEMON);
	switch (record.kind) {
	case REPORT_UP:
		return 0;
	case REPORT_EXEC:
		return hear_execve(space, err);
	default:
		*err = record.error;
		return -1;
	}
}

/* Nothing of it stays. */
static void space_undo(struct kist_space *space)
{
	if (space->options.flags & CLONE_THREAD)
		kist_space_wait(space, -1, NULL, NULL);
	else if (space->daemon)
		sys_pidfd_send_signal(space->child.pidfd, SIGKILL);
	else
		clone_kill(&space->child);
	space_drop(space);
	space->ended = true;
	kist_space_free(space);
}

/*
 * CVE-2016-9962: whoever is in a user or pid namespace that is joined may not trace the newcomer,
 * which has the caller's ids, files and memory.  It is born so, and we are so for that instant.  In
 * a new user namespace of an ordinary user's its maps could not be written then.
 */
static bool is_exposed(const struct clone_request *base)
{
	const uint64_t flags = CLONE_NEWUSER | CLONE_NEWPID;

	return (base->join_fds[NAMESPACE_USER] >= 0 || base->join_fds[NAMESPACE_PID] >= 0 ||
		base->join_flags & flags) &&
	       (geteuid() == 0 || !(base->flags & CLONE_NEWUSER));
}

int space_clone_hidden(const struct clone_request *request, clone_function *function, void *context,
		       struct clone_result *ret, struct error *err)
{
	const bool change = prctl(PR_GET_DUMPABLE) == 1;
	int result;

	if (change && prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_errno(err, "forbid tracing");
	result = clone_process(request, function, context, ret, err);
	if (change)
		prctl(PR_SET_DUMPABLE, 1);
	return result;
}

/*
 * What an ordinary user's thread starts while another forbids tracing is born so: its files in
 * /proc are root's, and we may not write its maps.  It has done nothing before it has them.
 */
static bool is_born_untraceable(const struct kist_space *space, const struct error *err)
{
	char path[256];
	struct stat st;

	if (space->root_caller || strncmp(err->text, SPACE_NO_IDS, strlen(SPACE_NO_IDS)) != 0)
		return false;
	snprintf(path, sizeof(path), "%s/%d", space->options.proc_dir, (int)space->child.pid);
	/* With CLONE_VM it shares our state, with CLONE_VFORK it has ended. */
	return err->code == EACCES || (stat(path, &st) == 0 && st.st_uid != geteuid());
}

/* *ret_again: it may be tried once more, root as it was. */
static int start_once(const struct kist_options *options, const struct space_maps *maps,
		      struct clone_request *base, struct space_root *root, struct kist_space **ret,
		      bool *ret_again, struct error *err)
{
	struct kist_space *space = space_new(options, err);

	*ret_again = false;
	if (space == NULL)
		return -1;
	space->mapped = maps->uid_count + maps->gid_count > 0;
	space->root_caller = geteuid() == 0;
	space->foreign_ids = space->mapped || base->join_fds[NAMESPACE_USER] >= 0 ||
			     base->join_flags & CLONE_NEWUSER;
	space->root = *root;
	*root = SPACE_ROOT_NONE;
	memcpy(space->join_fds, base->join_fds, sizeof(space->join_fds));
	space->join_pidfd = base->join_pidfd;
	request_fill(space, base);
	space->exposed = is_exposed(base);
	if (connect_child(space, err) < 0 ||
	    (space->mapped && options->flags & CLONE_VFORK &&
	     space_writer_start(options, maps, &space->writer, err) < 0) ||
	    (space->exposed ? space_clone_hidden : clone_process)(base, space_child, space,
								  &space->child, err) < 0) {
		space_drop(space);
		space->ended = true;
		kist_space_free(space);
		return -1;
	}
	if (converse(space, maps, base, err) < 0) {
		*ret_again = is_born_untraceable(space, err);
		if (*ret_again) {
			*root = space->root;
			space->root = SPACE_ROOT_NONE;
		}
		space_undo(space);
		return -1;
	}
	space_drop(space);
	*ret = space;
	return 0;
}

int space_start(const struct kist_options *options, struct clone_request *base,
		struct space_root *root, struct kist_space **ret, struct error *err)
{
	struct space_maps maps;
	bool again = true;
	int status = -1;

	if (space_maps_read(options, &maps, err) < 0)
		return -1;
	for (int i = 0; i < START_TRIES && again; i++) {
		/* Else it would be as that thread is again: both wait for the same locks. */
		if (i > 0)
			poll(NULL, 0, 1);
		status = start_once(options, &maps, base, root, ret, &again, err);
	}
	return status;
}

int kist_space_start(const struct kist_options *options, struct kist_space **ret,
		     struct kist_error *err)
{
	struct clone_request request = CLONE_REQUEST_INIT;
	struct space_root root = SPACE_ROOT_NONE;
	struct kist_options known;
	struct error error = { 0 };
	int status = -1;

	if (sized_copy(&known, sizeof(known), options, sizeof(known), &error) == 0 &&
	    space_check(&known, false, &error) == 0)
		status = space_start(&known, &request, &root, ret, &error);
	return space_result(status, &error, err);
}
