/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/spawn.h"

#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/sys.h"
#include "init/hook.h"
#include "init/net_device.h"
#include "runtime/cgroup/stats.h"
#include "runtime/clone.h"
#include "runtime/idmap.h"
#include "runtime/loopback.h"
#include "runtime/newcomer.h"
#include "runtime/prepare.h"

/* How long a process that fell silent may take to end, so that its status can be told. */
#define LAST_WORD_MS	1000
#define STILLBIRTH_MS	50

/* What the clone hands over; the child has its own copy. */
struct birth {
	const struct plan *plan;
	const struct process_plan *process;	/* of exec, or NULL */
	struct init *init;
	struct channel *runtime_end;
	int cgroup_fd;				/* of exec, or -EBADF; borrowed */
};

static int child_run(void *context)
{
	struct birth *birth = context;

	/* Else the end of the runtime would never be seen. */
	channel_close(birth->runtime_end);
	/* Of the host's directories, the one that it is born with: for no longer than that. */
	fd_close(&birth->cgroup_fd);
	if (birth->process != NULL)
		init_exec(birth->plan, birth->process, birth->init);
	init_run(birth->plan, birth->init);
}

static int spawn_clone(const struct spawn_request *request, struct prepared *prepared,
		       struct spawn *spawn, struct error *err)
{
	struct birth birth = { request->plan, request->process, &prepared->init,
			       &spawn->channel, -EBADF };
	struct clone_result child;

	/*
	 * CVE-2016-9962: nobody in a namespace that is joined may trace the newcomer.  Where we
	 * make a user namespace without privileges, its maps could not be written then, and
	 * nobody else is in it yet.
	 */
	if ((request->process != NULL || geteuid() == 0 ||
	     !(request->plan->clone_flags & CLONE_NEWUSER)) &&
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_errno(err, "forbid tracing");
	if (request->process != NULL && request->cgroup != NULL)
		birth.cgroup_fd = request->cgroup->fd;
	if (clone_process(&prepared->clone, child_run, &birth, &child, err) < 0)
		return -1;
	spawn->pid = child.pid;
	spawn->pidfd = child.pidfd;
	return 0;
}

static int set_up_ids(const struct spawn_request *request, const struct spawn *spawn,
		      struct error *err)
{
	const struct plan *plan = request->plan;

	if (request->process != NULL || !(plan->clone_flags & CLONE_NEWUSER))
		return 0;
	return idmap_write(request->arena, spawn->pid, &plan->uid_maps, &plan->gid_maps, err);
}

static int set_up_net(const struct plan *plan, const struct spawn *spawn, struct error *err)
{
	char path[32];
	_cleanup_fd int fd = -EBADF;

	if (plan->net_devices.count == 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", spawn->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "open %s", path);
	return net_devices_move(plan, fd, err);
}

/* The state is asked for only where somebody reads it; the pid is in it since born(). */
static int run_hooks(const struct spawn_request *request, struct error *err)
{
	/* Of old prestart hooks ran after "create"; the public suites still want that status. */
	static const struct { enum hook_moment moment; const char *status; } moments[] = {
		{ HOOK_PRESTART, "created" }, { HOOK_CREATE_RUNTIME, "creating" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(moments); i++)
		if (request->plan->hooks[moments[i].moment].count > 0 &&
		    hooks_run(request->plan, moments[i].moment,
			      request->hook_state(request->context, moments[i].status), err) < 0)
			return -1;
	return 0;
}

/* Between MOUNTED and HOOKED. */
static bool needs_runtime(const struct plan *plan)
{
	return plan->net_devices.count > 0 || plan->hooks[HOOK_PRESTART].count > 0 ||
	       plan->hooks[HOOK_CREATE_RUNTIME].count > 0;
}

/* Where the process has failed by now, nobody takes it, and what it said comes next. */
static int tell(const struct channel *channel, enum message message, uint32_t value,
		struct error *err)
{
	return channel_send_value(channel, message, value, err) < 0 && err->code != EPIPE &&
	       err->code != ECONNRESET ? -1 : 0;
}

/*
 * Whether the process waits till it is announced: one that goes where others are, and one whose
 * /proc/PID may be hidden from us once it has other ids (hidepid).  Any other need not: left
 * alone, it ends at the next message.
 */
static bool waits_to_be_announced(const struct spawn_request *request)
{
	return request->process != NULL || request->plan->clone_flags & CLONE_NEWUSER;
}

/* What is done to the process before it goes on. */
static int settle(const struct spawn_request *request, const struct spawn *spawn,
		  struct error *err)
{
	const bool waits = waits_to_be_announced(request);

	if (waits && request->born(request->context, spawn->pid, spawn->pidfd, err) < 0)
		return -1;
	if (set_up_ids(request, spawn, err) < 0 ||
	    cgroup_adopt(request->cgroup, spawn->pid, err) < 0 ||
	    rdt_join(request->rdt, spawn->pid, err) < 0 ||
	    tell(&spawn->channel, MESSAGE_MAPPED, (uint32_t)spawn->pid, err) < 0)
		return -1;
	return waits ? 0 : request->born(request->context, spawn->pid, spawn->pidfd, err);
}

/*
 * HOOKED ahead of MOUNTED, where nothing is to be done in between: the container need not wait
 * for it.
 */
static int hook_ahead(const struct prepared *prepared, struct spawn *spawn, struct error *err)
{
	enum hooked left = HOOKED_NOTHING;

	if (prepared->init.loopback == LOOPBACK_BY_RUNTIME) {
		int up = loopback_up_beside(spawn->pidfd, spawn->channel.read_fd, &spawn->astray,
					    err);

		if (up < 0)
			return error_wrap(err, "bring up the network");
		left = up == 0 ? HOOKED_LOOPBACK : HOOKED_NOTHING;
	}
	return tell(&spawn->channel, MESSAGE_HOOKED, left, err);
}

static int converse(const struct spawn_request *request, struct prepared *prepared,
		    struct spawn *spawn, struct error *err)
{
	bool waits;

	/* After MAPPED, so that the container does not wait for it. */
	prepare_close(prepared);
	if (request->process != NULL)
		return channel_expect(&spawn->channel, MESSAGE_READY, err);
	if (cgroup_set_devices(request->cgroup, request->plan, err) < 0)
		return -1;
	waits = needs_runtime(request->plan);
	if (!waits && hook_ahead(prepared, spawn, err) < 0)
		return -1;
	if (!waits && request->ahead != NULL) {
		if (request->ahead(request->context, err) < 0 ||
		    tell(&spawn->channel, MESSAGE_START, 0, err) < 0)
			return -1;
		spawn->started = true;
		channel_sleep(&spawn->channel);
	}
	if (channel_expect(&spawn->channel, MESSAGE_MOUNTED, err) < 0)
		return -1;
	spawn->heard = true;
	if (waits && (set_up_net(request->plan, spawn, err) < 0 || run_hooks(request, err) < 0 ||
		      channel_send(&spawn->channel, MESSAGE_HOOKED, err) < 0))
		return -1;
	return channel_expect(&spawn->channel, MESSAGE_READY, err);
}

/* Where the kernel does not count those, nobody else is taken to kill it that early. */
static bool is_out_of_memory(const struct spawn_request *request)
{
	struct cgroup_stats stats;
	struct error ignored;

	if (request->cgroup == NULL ||
	    cgroup_stats_read(request->cgroup, request->arena, &stats, &ignored) < 0)
		return false;
	/* A limit may have come by "update". */
	if (stats.oom_kills.set)
		return stats.oom_kills.value > 0;
	return request->plan->resources.memory_limit.set;
}

/* The process ended, or is about to, without an error record: what did it die of? */
static void explain_death(const struct spawn_request *request, const struct spawn *spawn,
			  struct error *err)
{
	struct pollfd end = { spawn->pidfd, POLLIN, 0 };
	siginfo_t info = { 0 };
	struct error before = *err;

	if (poll(&end, 1, LAST_WORD_MS) != 1 ||
	    waitid(P_PIDFD, (id_t)spawn->pidfd, &info, WEXITED | WNOWAIT) < 0)
		return;
	if (info.si_code == CLD_EXITED) {
		error_set(err, "the container's process ended with status %d", info.si_status);
	} else if (info.si_status == SIGKILL && is_out_of_memory(request)) {
		/* runc's words. */
		error_set(err, "container init was OOM-killed (memory limit too low?)");
		return;
	} else {
		error_set(err, "the container's process was killed by signal %d (%s)",
			  info.si_status, strsignal(info.si_status));
	}
	error_hint(err, "%s", before.text);
}

/*
 * To a process that has ended nothing can be done any more: "open gid_map:
 * permission denied".  What it said then, or died of, is the reason.
 */
static void explain_stillbirth(const struct spawn_request *request, const struct spawn *spawn,
			       struct error *err)
{
	struct pollfd end = { spawn->pidfd, POLLIN, 0 };
	struct error said;

	if (poll(&end, 1, STILLBIRTH_MS) != 1)
		return;
	if (channel_expect(&spawn->channel, MESSAGE_MOUNTED, &said) < 0 && said.code != EPIPE)
		*err = said;
	else
		explain_death(request, spawn, err);
}

static void spawn_undo(struct spawn *spawn)
{
	struct clone_result child = { spawn->pid, spawn->pidfd };

	sys_pidfd_send_signal(spawn->pidfd, SIGKILL);
	if (newcomer_ended(spawn->pidfd))
		clone_kill(&child);
	fd_close(&child.pidfd);
	channel_close(&spawn->channel);
	*spawn = SPAWN_NONE;
}

/*
 * Kernels up to 6.18 at least kill, when it is born, what is born in a cgroup that was written
 * cgroup.kill less or more often than the one that clone3 was called from.  Ours may have been:
 * a service that a supervisor killed whole and started again.
 */
static bool killed_at_birth(const struct spawn_request *request, const struct spawn *spawn,
			    const struct error *err)
{
	struct pollfd end = { spawn->pidfd, POLLIN, 0 };
	siginfo_t info = { 0 };

	if (request->cgroup == NULL || !request->cgroup->born || spawn->pidfd < 0 ||
	    spawn->heard || (err->code != EPIPE && err->code != ECONNRESET &&
			     err->code != ESRCH && err->code != ENOENT))
		return false;
	return poll(&end, 1, LAST_WORD_MS) == 1 &&
	       waitid(P_PIDFD, (id_t)spawn->pidfd, &info, WEXITED | WNOWAIT) == 0 &&
	       info.si_code == CLD_KILLED && info.si_status == SIGKILL;
}

/* A system call filter hides clone3, as some do that cannot look into its arguments. */
static bool cannot_be_born(const struct spawn_request *request, const struct spawn *spawn,
			   const struct error *err)
{
	return request->cgroup != NULL && request->cgroup->born && spawn->pidfd < 0 &&
	       err->code == ENOSYS;
}

/* 0; -1; or 1: once more, and not born in the cgroup. */
static int spawn_once(const struct spawn_request *request, struct spawn *ret, struct error *err)
{
	struct prepared prepared;
	struct spawn spawn = SPAWN_NONE;
	bool settled = false;
	int status;

	if (prepare(request, &prepared, err) < 0)
		return -1;
	status = channel_pair(&spawn.channel, &prepared.init.channel, err);
	if (status == 0 && !request->wait_for_start)
		prepared.init.start = prepared.init.channel;
	if (status == 0)
		status = spawn_clone(request, &prepared, &spawn, err);
	if (status == 0)
		status = settle(request, &spawn, err);
	settled = status == 0;
	if (settled)
		status = converse(request, &prepared, &spawn, err);
	prepare_close(&prepared);
	if (status == 0) {
		*ret = spawn;
		return 0;
	}
	ret->astray = spawn.astray;
	if (cannot_be_born(request, &spawn, err) || killed_at_birth(request, &spawn, err))
		status = 1;
	else if (spawn.pidfd >= 0 && !settled)
		explain_stillbirth(request, &spawn, err);
	else if (spawn.pidfd >= 0 && (err->code == EPIPE || err->code == ECONNRESET))
		explain_death(request, &spawn, err);
	spawn_undo(&spawn);
	return status;
}

int spawn_create(const struct spawn_request *request, struct spawn *ret, struct error *err)
{
	struct spawn_request again = *request;
	struct cgroup cgroup;
	int status;

	*ret = SPAWN_NONE;
	status = spawn_once(request, ret, err);
	if (status <= 0)
		return status;
	cgroup = *request->cgroup;
	cgroup.born = false;
	cgroup.ruled = true;
	again.cgroup = &cgroup;
	return spawn_once(&again, ret, err);
}

int spawn_start(struct spawn *spawn, struct error *err)
{
	if ((spawn->started || channel_send(&spawn->channel, MESSAGE_START, err) == 0) &&
	    channel_expect_end(&spawn->channel, err) == 0) {
		channel_close(&spawn->channel);
		return 0;
	}
	spawn_undo(spawn);
	return -1;
}

/* The fifo that START goes into; errno is ENXIO when nobody reads there. */
static int start_open(int state_fd)
{
	return openat(state_fd, "start", O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
}

bool spawn_waits_for_start(int state_fd)
{
	_cleanup_fd int fd = start_open(state_fd);

	return fd >= 0;
}

int spawn_start_created(int state_fd, struct error *err)
{
	_cleanup_channel struct channel channel = CHANNEL_NONE;

	/* First: the end of file that is waited for is that of the last writer but us. */
	channel.read_fd = openat(state_fd, "started",
				 O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (channel.read_fd < 0)
		return error_errno(err, "open fifo \"started\"");
	channel.write_fd = start_open(state_fd);
	if (channel.write_fd < 0)
		return error_errno(err, "open fifo \"start\"");
	if (fcntl(channel.read_fd, F_SETFL, 0) < 0)
		return error_errno(err, "wait on fifo \"started\"");
	if (channel_send(&channel, MESSAGE_START, err) < 0 ||
	    channel_expect_end(&channel, err) < 0)
		return -1;
	unlinkat(state_fd, "start", 0);
	unlinkat(state_fd, "started", 0);
	return 0;
}

void spawn_close(struct spawn *spawn)
{
	fd_close(&spawn->pidfd);
	channel_close(&spawn->channel);
}
