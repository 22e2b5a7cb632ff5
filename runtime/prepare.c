/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/prepare.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/namespace.h"
#include "base/sys.h"
#include "init/bind.h"
#include "init/image.h"
#include "init/rootfs.h"
#include "init/tree.h"
#include "runtime/console.h"
#include "runtime/device_node.h"
#include "runtime/hostns.h"
#include "runtime/shared_root.h"

static int *fds_new(struct arena *arena, size_t count)
{
	int *fds = ARENA_NEWS(arena, count + 1, int);

	for (size_t i = 0; i < count; i++)
		fds[i] = -EBADF;
	return fds;
}

/*
 * A process in a user namespace has no capabilities over the host's directories: root's
 * "--volume /home/someone/data" would be closed to it.  Asked without them.
 */
static bool needs_capabilities(const char *path)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct had[_LINUX_CAPABILITY_U32S_3], less[_LINUX_CAPABILITY_U32S_3];
	bool closed = false;

	if (syscall(__NR_capget, &head, had) < 0)
		return false;
	memcpy(less, had, sizeof(less));
	less[0].effective &= ~(1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH);
	if (syscall(__NR_capset, &head, less) == 0) {
		_cleanup_fd int fd = open(path, O_PATH | O_CLOEXEC);

		closed = fd < 0 && errno == EACCES;
	}
	/* What was taken away from the effective set is still permitted. */
	return syscall(__NR_capset, &head, had) == 0 && closed;
}

static bool is_for_child(const struct plan *plan, const struct mount_plan *mount)
{
	if (geteuid() != 0)
		return true;
	return !(mount->flags & MOUNT_IDMAP) &&
	       !((plan->clone_flags & CLONE_NEWUSER) && needs_capabilities(mount->source));
}

/* Cloned, or found for init/bind.h to clone. */
static int open_bind(const struct plan *plan, struct init *in, size_t i, struct error *err)
{
	const struct mount_plan *mount = &plan->mounts.items[i];
	bool late = !in->in_host_copy && bind_is_late(plan, i);

	if (late && in->host_fd == -EBADF)
		in->host_fd = namespace_own_mounts();
	return late && in->host_fd >= 0 ? tree_find_bind(mount, err) :
					  tree_open_bind(plan, mount, err);
}

/*
 * Only here can be opened: all binds; in a copy of the host's mounts those with an id map, and
 * what is closed to the child.  All others are left to it, so that the flags which the host gave
 * these mounts are locked in its user namespace.
 */
static int open_mounts(const struct plan *plan, struct arena *arena, struct init *in,
		       struct error *err)
{
	in->mount_trees = fds_new(arena, plan->mounts.count);
	for (size_t i = 0; i < plan->mounts.count; i++) {
		const struct mount_plan *mount = &plan->mounts.items[i];

		if (!(mount->flags & MOUNT_BIND) || (mount->flags & MOUNT_REMOUNT))
			continue;
		if (in->in_host_copy && is_for_child(plan, mount))
			continue;
		in->mount_trees[i] = open_bind(plan, in, i, err);
		if (in->mount_trees[i] < 0)
			return error_wrap(err, "/mounts/%zu on %s", i, mount->destination);
	}
	return 0;
}

/*
 * In the small mount namespace, when that can be had.  When it cannot, the
 * copy of the host's mounts is only slower, so that is no error.
 */
static int open_trees(const struct spawn_request *request, struct prepared *p, struct error *err)
{
	const struct plan *plan = request->plan;
	struct init *in = &p->init;
	struct error ignored;
	struct stat st;

	if (hostns_usable(plan))
		p->small_fd = hostns_open(&ignored);
	in->in_host_copy = p->small_fd < 0;
	/* Only the initial user namespace makes devices (rootless Podman calls us in another). */
	in->no_mknod = in->new_user_ns || (in->in_host_copy && !namespace_user_is_initial());
	/* Nothing is done to the network before HOOKED then. */
	if (p->small_fd >= 0 && (plan->clone_flags & CLONE_NEWNET) && plan->sysctls.count == 0 &&
	    plan->net_devices.count == 0)
		in->loopback = LOOPBACK_BY_RUNTIME;
	in->shared_mounts = root_is_shared(plan);
	in->cgroup_unified = cgroup_host() == CGROUP_UNIFIED;
	in->cgroup_v2_alone = request->cgroup != NULL && request->cgroup->host == CGROUP_HYBRID &&
			      request->cgroup->v1 == CGROUP_V1_UNUSED;
	if (!in->in_host_copy) {
		in->root_tree = root_tree_open(plan, err);
		if (in->root_tree < 0)
			return error_wrap(err, "root %s", plan->root_path);
		if (fstat(in->root_tree, &st) < 0 || !S_ISDIR(st.st_mode))
			return error_number(err, ENOTDIR, "root %s", plan->root_path);
	}
	if (in->new_user_ns) {
		in->device_trees = fds_new(request->arena, plan->devices.count);
		if (device_nodes_make(plan, in->device_trees, err) < 0)
			return -1;
	}
	return open_mounts(plan, request->arena, in, err);
}

static int open_joins(const struct plan *plan, struct prepared *p, struct error *err)
{
	if (borrow_open(plan, p->join_fds, err) < 0)
		return -1;
	for (size_t i = 0; i < NAMESPACE_COUNT; i++)
		p->clone.join_fds[i] = p->join_fds[i];
	if (p->small_fd >= 0)
		p->clone.join_fds[NAMESPACE_MOUNT] = p->small_fd;
	return 0;
}

static void set_flags(const struct spawn_request *request, struct prepared *p)
{
	const struct plan *plan = request->plan;
	bool offsets = plan->monotonic.set || plan->boottime.set;

	p->init.unshare_flags = plan->clone_flags & CLONE_NEWCGROUP;
	if (offsets)
		p->init.unshare_flags |= plan->clone_flags & CLONE_NEWTIME;
	p->clone.flags = plan->clone_flags & ~p->init.unshare_flags;
	if (request->cgroup != NULL && request->cgroup->born)
		p->clone.cgroup_fd = request->cgroup->fd;
}

/*
 * The fifos of "create".  Opened for both directions: so that the waiting read
 * does not end because no "start" has come yet, and the open not wait for it.
 */
static int open_fifos(int state_fd, struct channel *ret, struct error *err)
{
	static const char *const names[] = { "start", "started" };
	int fds[2] = { -EBADF, -EBADF };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		unlinkat(state_fd, names[i], 0);
		if (mkfifoat(state_fd, names[i], 0600) < 0 ||
		    (fds[i] = openat(state_fd, names[i], O_RDWR | O_NOFOLLOW | O_CLOEXEC)) < 0) {
			error_errno(err, "make fifo \"%s\"", names[i]);
			fd_close(&fds[0]);
			return -1;
		}
	}
	*ret = (struct channel){ fds[0], fds[1] };
	return 0;
}

static int open_task_files(const struct spawn_request *request, struct init *in,
			   struct error *err)
{
	static_assert(STEP_TASK_FILES_MAX == CGROUP_TASK_FILES_MAX, "one array on both sides");

	if (request->cgroup == NULL)
		return 0;
	return cgroup_task_files(request->cgroup, in->task_files, &in->task_file_count, err);
}

static int open_sockets(const struct spawn_request *request, struct init *in, struct error *err)
{
	const struct seccomp_plan *seccomp = request->plan->seccomp;

	if (request->console_socket >= 0) {
		in->console_socket = fcntl(request->console_socket, F_DUPFD_CLOEXEC, 3);
		if (in->console_socket < 0)
			return error_errno(err, "keep the console socket");
	}
	if (seccomp != NULL && seccomp->listener_path != NULL) {
		in->seccomp_listener = socket_connect("seccomp listener", seccomp->listener_path,
						      err);
		if (in->seccomp_listener < 0)
			return -1;
	}
	return 0;
}

/*
 * The state as hooks get it, in two parts: the pid that belongs between them is
 * not known before the clone.
 */
static void set_state(const struct spawn_request *request, const char *status,
		      const char *ret_parts[2])
{
	const char *state = request->hook_state(request->context, status);
	/* Only the version, the id and the status, which cannot hold a quote, come before it. */
	const char *rest = strstr(state, "\"bundle\"");

	assert(rest != NULL);
	ret_parts[0] = arena_printf(request->arena, "%.*s\"pid\":", (int)(rest - state), state);
	ret_parts[1] = arena_printf(request->arena, ",%s", rest);
}

/* It is made only for those who read it. */
static void set_states(const struct spawn_request *request, struct init *in)
{
	const struct plan *plan = request->plan;

	const bool exec = request->process != NULL;

	if (!exec && plan->hooks[HOOK_CREATE_CONTAINER].count > 0)
		set_state(request, "creating", in->create_state);
	if ((!exec && plan->hooks[HOOK_START_CONTAINER].count > 0) || in->seccomp_listener >= 0)
		set_state(request, exec ? "running" : "created", in->start_state);
}

static void set_init(const struct spawn_request *request, struct init *in)
{
	const struct plan *plan = request->plan;

	in->id = request->id;
	in->arena = request->arena;
	in->new_user_ns = (plan->clone_flags & CLONE_NEWUSER) ||
			  plan->namespaces[NAMESPACE_USER].path != NULL;
	in->no_pivot = request->no_pivot;
	in->new_keyring = request->new_keyring;
	in->preserve_fds = request->preserve_fds;
	in->extra_env = request->extra_env;
}

/* Whether path leads to the namespace that we are in: entering it again would be refused. */
static bool is_own(const char *path, const char *own_path)
{
	struct stat st, own;

	return path != NULL && stat(path, &st) == 0 && stat(own_path, &own) == 0 &&
	       st.st_ino == own.st_ino && st.st_dev == own.st_dev;
}

/* The root that a process changed to, where its mount namespace begins elsewhere. */
static int root_of(int pidfd, struct arena *arena, struct error *err)
{
	const char *path = arena_printf(arena, "/proc/self/fdinfo/%d", pidfd);
	char *text, *pid;
	int fd;

	if (file_read(AT_FDCWD, path, 4096, arena, &text, NULL, err) < 0)
		return -1;
	pid = strstr(text, "Pid:\t");
	if (pid == NULL)
		return error_set(err, "read %s: no process", path);
	pid += strlen("Pid:\t");
	path = arena_printf(arena, "/proc/%.*s/root", (int)strspn(pid, "0123456789"), pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : error_errno(err, "open %s", path);
}

void prepare_join(const struct plan *plan, int pidfd, struct clone_request *ret)
{
	ret->join_pidfd = pidfd;
	for (size_t i = 0; i < NAMESPACE_COUNT; i++)
		if (plan->namespaces[i].listed)
			ret->join_flags |= (uint64_t)namespaces[i].flag;
	if (is_own(plan->namespaces[NAMESPACE_USER].path, "/proc/self/ns/user"))
		ret->join_flags &= ~(uint64_t)CLONE_NEWUSER;
}

/* For "exec". */
static int join_container(const struct spawn_request *request, struct prepared *p,
			  struct error *err)
{
	p->init.tools_fd = request->tools_fd;
	prepare_join(request->plan, request->join_pidfd, &p->clone);
	if (request->join_time)
		p->clone.join_flags |= CLONE_NEWTIME;
	if (request->cgroup != NULL && request->cgroup->born)
		p->clone.cgroup_fd = request->cgroup->fd;
	if (!root_is_shared(request->plan))
		return 0;
	p->init.shared_mounts = true;
	p->init.root_target = root_of(request->join_pidfd, request->arena, err);
	return p->init.root_target < 0 ? -1 : 0;
}

/* For a new container: the files of the host, the namespaces to join, pid 1. */
static int prepare_container(const struct spawn_request *request, struct prepared *p,
			     struct error *err)
{
	if (open_trees(request, p, err) < 0 || open_joins(request->plan, p, err) < 0)
		return -1;
	if (request->wait_for_start && open_fifos(request->state_fd, &p->init.start, err) < 0)
		return -1;
	if (request->plan->init.used && (p->init.init_image = init_image_open(err)) < 0)
		return -1;
	set_flags(request, p);
	return 0;
}

/*
 * What is handed on has to be the caller's.  A number that the caller left free may be ours by now:
 * a directory of the host, and so a way out of the container.  Ours are close-on-exec; what came
 * to us over an exec is not.
 */
static int check_preserved(int count, struct error *err)
{
	for (int i = 0; i < count; i++) {
		int flags = fcntl(3 + i, F_GETFD);

		if (flags < 0 || (flags & FD_CLOEXEC)) {
			error_number(err, EBADF, "hand on %d fds: %d is not open", count, 3 + i);
			return error_hint(err, "--preserve-fds and LISTEN_FDS say how many");
		}
	}
	return 0;
}

int prepare(const struct spawn_request *request, struct prepared *ret, struct error *err)
{
	struct prepared *p = ret;

	*p = PREPARED_NONE;
	if (check_preserved(request->preserve_fds, err) < 0)
		goto fail;
	set_init(request, &p->init);
	if ((request->process != NULL ? join_container : prepare_container)(request, p, err) < 0)
		goto fail;
	if (open_sockets(request, &p->init, err) < 0 ||
	    open_task_files(request, &p->init, err) < 0)
		goto fail;
	set_states(request, &p->init);
	/* What the caller leaked to us: it ends at the program, whatever else forgets it. */
	if (sys_close_range(3U + (unsigned int)request->preserve_fds, ~0U,
			    CLOSE_RANGE_CLOEXEC) < 0) {
		error_errno(err, "mark inherited fds");
		goto fail;
	}
	return 0;
fail:
	prepare_close(p);
	return -1;
}

void prepare_close(struct prepared *p)
{
	struct init *in = &p->init;

	fd_close(&in->root_tree);
	fd_close(&in->root_target);
	fd_close(&in->host_fd);
	for (int *fd = in->mount_trees; fd != NULL && *fd != 0; fd++)
		fd_close(fd);
	for (int *fd = in->device_trees; fd != NULL && *fd != 0; fd++)
		fd_close(fd);
	if (in->start.read_fd != in->channel.read_fd)
		channel_close(&in->start);
	in->start = CHANNEL_NONE;
	channel_close(&in->channel);
	while (in->task_file_count > 0)
		fd_close(&in->task_files[--in->task_file_count]);
	fd_close(&in->console_socket);
	fd_close(&in->init_image);
	fd_close(&in->seccomp_listener);
	fd_close(&p->small_fd);
	borrow_close(p->join_fds);
}
