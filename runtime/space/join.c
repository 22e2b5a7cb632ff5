/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "runtime/space/space.h"

/* Where a target's path is, by type. */
static const size_t paths[NAMESPACE_COUNT] = {
	[NAMESPACE_USER] = offsetof(struct kist_target, user),
	[NAMESPACE_MOUNT] = offsetof(struct kist_target, mount),
	[NAMESPACE_PID] = offsetof(struct kist_target, pid_ns),
	[NAMESPACE_NETWORK] = offsetof(struct kist_target, network),
	[NAMESPACE_IPC] = offsetof(struct kist_target, ipc),
	[NAMESPACE_UTS] = offsetof(struct kist_target, uts),
	[NAMESPACE_CGROUP] = offsetof(struct kist_target, cgroup),
	[NAMESPACE_TIME] = offsetof(struct kist_target, time),
};

/* What setns(2) changes of us: for pid and time, where later children go. */
static const char *own_file(size_t type)
{
	return type == NAMESPACE_PID ? "pid_for_children" :
	       type == NAMESPACE_TIME ? "time_for_children" : namespaces[type].file;
}

/* What a target stands for, open. */
struct joining {
	struct clone_request request;	/* owns join_pidfd and join_fds */
	struct space_root root;
};

static void joining_close(struct joining *j)
{
	fd_close(&j->request.join_pidfd);
	borrow_close(j->request.join_fds);
	space_root_close(&j->root);
}
#define _cleanup_joining _cleanup(joining_close)

/* The process' directory in procfs; pid and pidfd are the same process in the end. */
static int process_open(const struct kist_target *target, struct joining *j, struct error *err)
{
	pid_t pid = target->pid;
	char path[256];
	int proc_fd;

	if (pid > 0)
		j->request.join_pidfd = sys_pidfd_open(pid, 0);
	else
		j->request.join_pidfd = fcntl(target->pidfd, F_DUPFD_CLOEXEC, 3);
	if (j->request.join_pidfd < 0)
		return error_errno(err, "open process %d", pid > 0 ? pid : target->pidfd);
	if (pid <= 0)
		pid = pidfd_pid(target->pidfd);
	if (pid <= 0 && sys_pidfd_send_signal(j->request.join_pidfd, 0) < 0 && errno == ESRCH)
		return error_number(err, ESRCH, "open process by fd %d", target->pidfd);
	if (pid <= 0)
		return error_number(err, EINVAL, "open process by fd %d: no pidfd of a process "
				    "that is visible here", target->pidfd);
	snprintf(path, sizeof(path), "%s/%d", target->proc_dir, pid);
	proc_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc_fd < 0)
		return error_errno(err, "open %s", path);
	/* Had it ended, its number might be another's by now. */
	if (sys_pidfd_send_signal(j->request.join_pidfd, 0) < 0 && errno == ESRCH) {
		close(proc_fd);
		return error_number(err, ESRCH, "open process %d", pid);
	}
	return proc_fd;
}

/* Is it the namespace that we are in?  1, 0, or -1. */
static int is_ours(int proc_fd, const char *proc, size_t type, struct error *err)
{
	struct stat theirs, ours;
	char path[256], own[256];

	snprintf(path, sizeof(path), "ns/%s", namespaces[type].file);
	snprintf(own, sizeof(own), "%s/thread-self/ns/%s", proc, namespaces[type].file);
	if (fstatat(proc_fd, path, &theirs, 0) < 0) {
		int reason = errno;

		/* A kernel built without that type has everybody in the same one. */
		if (reason == ENOENT && access(own, F_OK) < 0 && errno == ENOENT)
			return 1;
		/* One that has ended is in none any more, though its parent has yet to reap it. */
		return error_number(err, reason == ENOENT ? ESRCH : reason,
				    "look at %s namespace of the process", namespaces[type].name);
	}
	if (stat(own, &ours) < 0)
		return error_errno(err, "look at own %s namespace", namespaces[type].name);
	return theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev;
}

static const char *path_of(const struct kist_target *target, size_t type)
{
	const char *path;

	memcpy(&path, (const char *)target + paths[type], sizeof(path));
	return path;
}

/* Which of the process' namespaces: those asked for, or all, that are not ours. */
static int choose(const struct kist_target *target, int proc_fd, struct joining *j,
		  struct error *err)
{
	uint64_t wanted = target->which != 0 ? target->which : NAMESPACES;

	for (size_t i = 0; i < NAMESPACE_COUNT; i++) {
		int ours;

		if (!(wanted & (uint64_t)namespaces[i].flag) || path_of(target, i) != NULL)
			continue;
		ours = is_ours(proc_fd, target->proc_dir, i, err);
		if (ours < 0)
			return -1;
		if (!ours)
			j->request.join_flags |= (uint64_t)namespaces[i].flag;
	}
	return 0;
}

static int root_open(int proc_fd, struct space_root *root, struct error *err)
{
	root->root_fd = openat(proc_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	root->work_fd = openat(proc_fd, "cwd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root->root_fd < 0 || root->work_fd < 0)
		return error_errno(err, "open root and working directory of the process");
	return 0;
}

/* What was forgotten, or went wrong before, must not run in the caller's own namespaces. */
static int check_named(const struct kist_target *target, struct error *err)
{
	uint64_t files = 0;

	if (target->which & ~NAMESPACES)
		return error_number(err, EINVAL,
				    "join namespaces: which has other bits than "
				    "CLONE_NEW*");
	if (target->pid < 0)
		return error_number(err, EINVAL, "open process %d: no pid is negative",
				    target->pid);
	if (target->pid > 0 || target->pidfd >= 0)
		return 0;
	if (target->use_root)
		return error_number(err, EINVAL, "enter the root of a process: there is none");
	for (size_t i = 0; i < NAMESPACE_COUNT; i++)
		if (path_of(target, i) != NULL)
			files |= (uint64_t)namespaces[i].flag;
	if ((files == 0 && target->root_dir == NULL) || target->which & ~files)
		return error_number(err, EINVAL,
				    "join namespaces: neither a process nor a file "
				    "says whose");
	return 0;
}

static int joining_open(const struct kist_target *target, struct joining *j, struct error *err)
{
	struct plan plan = { 0 };
	_cleanup_fd int proc_fd = -EBADF;

	*j = (struct joining){ CLONE_REQUEST_INIT, SPACE_ROOT_NONE };
	j->request.stay = true;
	j->root.path = target->root_dir;
	if (check_named(target, err) < 0)
		return -1;
	for (size_t i = 0; i < NAMESPACE_COUNT; i++)
		plan.namespaces[i].path = path_of(target, i);
	if (borrow_open(&plan, j->request.join_fds, err) < 0)
		return -1;
	if (target->pid <= 0 && target->pidfd < 0)
		return 0;
	proc_fd = process_open(target, j, err);
	if (proc_fd < 0 || choose(target, proc_fd, j, err) < 0)
		return -1;
	return target->use_root ? root_open(proc_fd, &j->root, err) : 0;
}

static int target_read(const struct kist_target *from, struct kist_target *ret, struct error *err)
{
	if (sized_copy(ret, sizeof(*ret), from, sizeof(*ret), err) < 0)
		return -1;
	if (ret->proc_dir == NULL)
		ret->proc_dir = "/proc";
	return 0;
}

/*
 * Time and cgroup namespaces are entered by the child itself (runtime/clone.c),
 * which has no right to them any more once it is in a user namespace of its own.
 */
static int check_rest(const struct kist_target *target, uint64_t flags, struct joining *j,
		      struct error *err)
{
	if (!(flags & CLONE_NEWUSER))
		return 0;
	if (target->which & CLONE_CHILD_ENTERS || target->time != NULL || target->cgroup != NULL)
		return error_number(err, EINVAL, "join a time or cgroup namespace: not from a new "
				    "user namespace (CLONE_NEWUSER)");
	j->request.join_flags &= ~CLONE_CHILD_ENTERS;
	return 0;
}

static int inject(const struct kist_target *target, const struct kist_options *options,
		  struct kist_space **ret, struct error *err)
{
	_cleanup_joining struct joining j = { CLONE_REQUEST_INIT, SPACE_ROOT_NONE };
	struct kist_target known;
	struct kist_options wanted;

	if (target_read(target, &known, err) < 0 ||
	    sized_copy(&wanted, sizeof(wanted), options, sizeof(wanted), err) < 0 ||
	    space_check(&wanted, true, err) < 0 || joining_open(&known, &j, err) < 0 ||
	    check_rest(&known, wanted.flags, &j, err) < 0)
		return -1;
	return space_start(&wanted, &j.request, &j.root, ret, err);
}

int kist_space_inject(const struct kist_target *target, const struct kist_options *options,
		      struct kist_space **ret, struct kist_error *err)
{
	struct error error = { 0 };

	return space_result(inject(target, options, ret, &error), &error, err);
}

/* The way back: our own namespaces, root and working directory. */
struct kist_visit {
	int fds[NAMESPACE_COUNT];	/* owned; -EBADF: not left */
	int root_fd, work_fd;		/* owned */
};

static void visit_free(struct kist_visit *visit)
{
	for (size_t i = 0; i < NAMESPACE_COUNT; i++)
		fd_close(&visit->fds[i]);
	fd_close(&visit->root_fd);
	fd_close(&visit->work_fd);
	munmap(visit, sizeof(*visit));
}

static struct kist_visit *visit_new(struct error *err)
{
	struct kist_visit *visit = mmap(NULL, sizeof(*visit), PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (visit == MAP_FAILED) {
		error_errno(err, "enter namespaces");
		return NULL;
	}
	for (size_t i = 0; i < NAMESPACE_COUNT; i++)
		visit->fds[i] = -EBADF;
	visit->root_fd = visit->work_fd = -EBADF;
	return visit;
}

/* Everything that will be needed to come back, before anything changes. */
static int visit_prepare(struct kist_visit *visit, const struct kist_target *target,
			 const struct joining *j, struct error *err)
{
	for (size_t i = 0; i < NAMESPACE_COUNT; i++) {
		char path[256];

		if (j->request.join_fds[i] < 0 &&
		    !(j->request.join_flags & (uint64_t)namespaces[i].flag))
			continue;
		if (i == NAMESPACE_USER)
			return error_number(err, EINVAL, "enter a user namespace: there is no way "
					    "back; kist_space_inject() starts a process there");
		snprintf(path, sizeof(path), "%s/thread-self/ns/%s", target->proc_dir,
			 own_file(i));
		visit->fds[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (visit->fds[i] < 0)
			return error_errno(err, "open own %s namespace", namespaces[i].name);
	}
	if (visit->fds[NAMESPACE_MOUNT] < 0 && j->root.root_fd < 0 && j->root.path == NULL)
		return 0;
	visit->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	visit->work_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (visit->root_fd < 0 || visit->work_fd < 0)
		return error_errno(err, "open own root and working directory");
	return 0;
}

static int visit_go(const struct joining *j, struct error *err)
{
	const struct space_root *root = &j->root;

	if (borrow_enter(&j->request, err) < 0)
		return -1;
	if (clone_enter_rest(&j->request) < 0)
		return error_errno(err, "join time or cgroup namespace");
	if (root->root_fd >= 0 &&
	    (fchdir(root->root_fd) < 0 || chroot(".") < 0 || fchdir(root->work_fd) < 0))
		return error_errno(err, "enter the root directory of the process");
	if (root->path != NULL && (chroot(root->path) < 0 || chdir("/") < 0))
		return error_errno(err, "enter root directory %s", root->path);
	return 0;
}

/* The mount namespace first: then /, which setns makes its root, is what was there before. */
static int visit_return(const struct kist_visit *visit, struct error *err)
{
	for (size_t i = 0; i < NAMESPACE_COUNT; i++)
		if (visit->fds[i] >= 0 && setns(visit->fds[i], namespaces[i].flag) < 0)
			return error_errno(err, "go back to own %s namespace", namespaces[i].name);
	if (visit->root_fd >= 0 && (fchdir(visit->root_fd) < 0 || chroot(".") < 0 ||
				    fchdir(visit->work_fd) < 0))
		return error_errno(err, "go back to own root and working directory");
	return 0;
}

static int enter(const struct kist_target *target, struct kist_visit **ret, struct error *err)
{
	_cleanup_joining struct joining j = { CLONE_REQUEST_INIT, SPACE_ROOT_NONE };
	struct kist_visit *visit = visit_new(err);
	struct kist_target known;
	struct error ignored;

	if (visit == NULL)
		return -1;
	if (target_read(target, &known, err) == 0 && joining_open(&known, &j, err) == 0 &&
	    visit_prepare(visit, &known, &j, err) == 0) {
		if (visit_go(&j, err) == 0) {
			*ret = visit;
			return 0;
		}
		visit_return(visit, &ignored);
	}
	visit_free(visit);
	return -1;
}

int kist_space_enter(const struct kist_target *target, struct kist_visit **ret,
		     struct kist_error *err)
{
	struct error error = { 0 };

	return space_result(enter(target, ret, &error), &error, err);
}

int kist_space_leave(struct kist_visit *visit, struct kist_error *err)
{
	struct error error = { 0 };
	int status = visit_return(visit, &error);

	visit_free(visit);
	return space_result(status, &error, err);
}
