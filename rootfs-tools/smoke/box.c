/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/box.h"

#include <kist/space.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/process.h"
#include "base/sys.h"
#include "config/subid.h"
#include "rootfs-tools/smoke/place.h"

enum { COULD_NOT_RUN = 2 };

struct box {
	struct smoke *smoke;
	box_function *inside;
	void (*failed)(const struct error *err);
	struct place place;
	int alive[2];		/* a pipe whose writer is the keeper */
};

/* --- pid 1 --------------------------------------------------------------------------- */

static int mount_at(const char *type, const char *path, struct error *err)
{
	_cleanup_fd int fs_fd = sys_fsopen(type, FSOPEN_CLOEXEC);
	_cleanup_fd int fd = -EBADF;

	if (fs_fd < 0 || sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return error_errno(err, "make a %s", type);
	fd = sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (fd < 0 || sys_move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_errno(err, "mount a %s on %s", type, path);
	return 0;
}

/* The runtime's folder, read-only: then the runtime need not make itself safe at each start. */
static int bind_runtime(struct box *box, struct error *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	const char *path = arena_printf(box->smoke->arena, "%s/bin", box->place.inside);
	_cleanup_fd int fd = sys_open_tree(AT_FDCWD, box->place.libexec,
					   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0 || mkdir(path, 0700) < 0 ||
	    sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr) < 0 ||
	    sys_move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_errno(err, "mount %s on %s", box->place.libexec, path);
	box->smoke->kist = arena_printf(box->smoke->arena, "%s/kist", path);
	return 0;
}

static int set_up(struct box *box, struct error *err)
{
	struct mount_attr private = { .propagation = MS_PRIVATE };
	struct pollfd keeper = { .fd = box->alive[0], .events = POLLIN };
	sigset_t none;

	close(box->alive[1]);
	/* The keeper's alone: with it, the run is over. */
	fd_close(&box->place.lock_fd);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return error_errno(err, "ask for the keeper's end");
	/* It may have ended before we asked. */
	if (poll(&keeper, 1, 0) != 0)
		return error_set(err, "the keeper has ended");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private) < 0)
		return error_errno(err, "make the mounts private");
	if (mount_at("proc", "/proc", err) < 0 ||
	    mount_at("tmpfs", box->place.inside, err) < 0)
		return -1;
	return bind_runtime(box, err);
}

static int box_main(void *context)
{
	struct box *box = context;
	struct error err;
	int status = -1;

	if (set_up(box, &err) == 0)
		status = box->inside(box->smoke, &err);
	if (status >= 0)
		return status;
	box->failed(&err);
	return COULD_NOT_RUN;
}

/* --- the keeper ------------------------------------------------------------------------ */

static const struct kist_id_map *maps_of(struct arena *arena, const id_map_list *list)
{
	struct kist_id_map *maps = ARENA_NEWS(arena, list->count + 1, struct kist_id_map);

	for (size_t i = 0; i < list->count; i++)
		maps[i] = (struct kist_id_map){ list->items[i].container, list->items[i].host,
						list->items[i].size };
	return maps;
}

static void map_ids(struct arena *arena, struct kist_options *options)
{
	id_map_list uids = { 0 }, gids = { 0 };

	subid_maps(arena, &uids, &gids);
	options->uid_maps = maps_of(arena, &uids);
	options->uid_map_count = uids.count;
	options->gid_maps = maps_of(arena, &gids);
	options->gid_map_count = gids.count;
}

static int box_start(struct box *box, struct kist_space **ret, struct error *err)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_error why;

	options.flags = CLONE_NEWPID | CLONE_NEWNS;
	options.function = box_main;
	options.context = box;
	if (box->smoke->rootless) {
		options.flags |= CLONE_NEWUSER;
		map_ids(box->smoke->arena, &options);
	}
	if (kist_space_start(&options, ret, &why) == 0)
		return 0;
	/* Without newuidmap or a range in /etc/subuid: our own id alone, as root. */
	options.uid_map_count = options.gid_map_count = 0;
	options.map_zero = 1;
	if (box->smoke->rootless && kist_space_start(&options, ret, &why) == 0)
		return 0;
	return error_set(err, "start the box: %s", why.text);
}

static void signal_set(sigset_t *set)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(set, signals[i]);
}

/* Until the box has ended by itself, or is ended because the keeper is told to. */
static int keep(struct box *box, struct kist_space *space, int signal_fd)
{
	struct pollfd fds[] = {
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = kist_space_pidfd(space), .events = POLLIN },
	};
	int status = 0;

	while (fds[1].revents == 0) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			break;
		if (fds[0].revents != 0) {
			kist_space_kill(space, NULL);
			fds[0].fd = -1;
			fds[0].revents = 0;
		}
	}
	kist_space_wait(space, -1, &status, NULL);
	place_clean(&box->place);
	return status >= 0 ? status : 128 - status;
}

static _noreturn void keeper_main(struct box *box, pid_t parent)
{
	struct kist_space *space;
	struct error err;
	sigset_t set;
	int signal_fd;

	setsid();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent) {
		place_clean(&box->place);
		_exit(COULD_NOT_RUN);
	}
	signal_set(&set);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (signal_fd < 0)
		error_errno(&err, "listen for signals");
	else if (fd_pipe(&box->alive[0], &box->alive[1], &err) == 0 &&
		 box_start(box, &space, &err) == 0) {
		close(box->alive[0]);
		_exit(keep(box, space, signal_fd));
	}
	place_clean(&box->place);
	box->failed(&err);
	_exit(COULD_NOT_RUN);
}

/* --- what the user sees ---------------------------------------------------------------- */

/* Signals that would end us are passed on, and then waited for like everything else. */
static int wait_keeper(pid_t keeper, const sigset_t *set, int *ret_signal, struct error *err)
{
	sigset_t all = *set;
	siginfo_t info;
	int status;
	pid_t pid;

	sigaddset(&all, SIGCHLD);
	while ((pid = waitpid(keeper, &status, WNOHANG)) != keeper) {
		if (pid < 0 && errno != EINTR) {
			error_errno(err, "wait for the keeper");
			kill(keeper, SIGTERM);
			process_reap(keeper, &status);
			return -1;
		}
		if (pid < 0 || sigwaitinfo(&all, &info) < 0 || info.si_signo == SIGCHLD)
			continue;
		*ret_signal = info.si_signo;
		kill(keeper, SIGTERM);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Signals that would end us, and the one that tells of its end, wait from here on. */
static pid_t keeper_start(struct box *box, const sigset_t *set, sigset_t *ret_old,
			  struct error *err)
{
	pid_t parent = getpid(), keeper;
	sigset_t blocked = *set;

	sigaddset(&blocked, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &blocked, ret_old) < 0)
		return error_errno(err, "hold signals back");
	keeper = fork();
	if (keeper < 0)
		return error_errno(err, "start the keeper");
	if (keeper == 0)
		keeper_main(box, parent);
	return keeper;
}

int box_run(struct smoke *smoke, box_function *inside, void failed(const struct error *err),
	    struct error *err)
{
	struct box box = { .smoke = smoke, .inside = inside, .failed = failed };
	sigset_t set, old;
	pid_t keeper;
	int status, signal = 0;

	smoke->rootless = geteuid() != 0;
	if (place_make(smoke->arena, &box.place, err) < 0)
		return -1;
	smoke->state = box.place.state;
	smoke->work = box.place.inside;
	smoke->run_name = box.place.name;
	signal_set(&set);
	keeper = keeper_start(&box, &set, &old, err);
	if (keeper < 0) {
		place_clean(&box.place);
		return -1;
	}
	place_release(&box.place);
	status = wait_keeper(keeper, &set, &signal, err);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (status < 0)
		return -1;
	return signal != 0 ? 128 + signal : status;
}
