/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <signal.h>

#include "config/plan.h"
#include "init/channel.h"

/* Who brings lo up. */
enum loopback {
	LOOPBACK_BY_PROCESS,
	LOOPBACK_BY_RUNTIME, /* meanwhile, until HOOKED_LOOPBACK says: by the process */
	LOOPBACK_DONE,
};

/*
 * What crosses the clone, and the steps that run on the other side.
 *
 * runtime/spawn.c fills a struct init, then makes the process with one clone3,
 * and the process calls init_run(), which never returns.  The plan is
 * inherited by copy on write; the fds below are inherited as they are.  All of
 * them are close-on-exec, and owned by struct init on both sides.
 *
 * There are two roads to the mounts.  Where the process is born in the small
 * mount namespace of runtime/hostns.c, nothing of the host can be reached by
 * path, so every tree below comes open.  Where it is born in a copy of the
 * host's (in_host_copy: a user namespace, no privileges, or hooks of the
 * moments prestart, createRuntime and createContainer, which look for the
 * host's files and for the root at its host path), it opens itself, by path,
 * what is -EBADF here.
 */
#define STEP_TASK_FILES_MAX	24	/* more hierarchies than there are controllers */
struct init {
	const char *id;			/* the container's */
	struct channel channel;		/* to the runtime */
	struct channel start;		/* where START comes from and what follows goes to: the same
					 * as channel for "run", two fifos of the state directory
					 * for "create" (opened O_RDWR: the end of file that counts
					 * is the other side's) */

	/*
	 * Detached trees.  mount_trees come from tree_open_bind() (init/tree.h) in the host's
	 * mount namespace.  device_trees may be NULL.
	 */
	int root_tree;
	int *mount_trees;		/* one per plan->mounts, -EBADF where it is no bind; when
					 * attached, those that init/hide.h or step_read_only()
					 * wants stay open */
	int *device_trees;		/* one per plan->devices: bound where mknod is denied */
	int host_fd;			/* the mount namespace of late binds (init/bind.h); -1: none
					 * can be had, -EBADF: none is wanted */
	bool in_host_copy;		/* born in a copy of the host's mount namespace */
	bool shared_mounts;		/* in a mount namespace that others use too: nothing is
					 * changed there but at the root's own place */
	bool cgroup_unified;		/* the host has cgroup2 alone on /sys/fs/cgroup */
	bool cgroup_v2_alone;		/* or the container has a cgroup there alone: those of the
					 * hierarchies of v1 are the caller's */

	/*
	 * "tasks" files of cgroup v1, for the process to write "0" to, first of all:
	 * a process that moves itself waits for no global lock (runtime/cgroup/cgroup.h).
	 */
	int task_files[STEP_TASK_FILES_MAX];
	size_t task_file_count;
	int join_fds[NAMESPACE_COUNT];	/* what the process enters itself; -EBADF: none */
	/*
	 * CLONE_NEW* that the process makes itself, after MAPPED and after the joining above.
	 * CLONE_NEWCGROUP belongs here and never in clone3: the kernel roots a cgroup namespace
	 * at the cgroup of the process that calls, not at the one CLONE_INTO_CGROUP names.
	 * CLONE_NEWTIME belongs here when the plan has offsets: clone3 freezes them.
	 */
	uint64_t unshare_flags;
	bool new_user_ns;		/* it is in a new user namespace, or one joined by path */
	bool no_mknod;			/* there, or the runtime is in one itself: binds devices */
	enum loopback loopback;		/* who brings lo up */
	bool no_pivot;			/* "create --no-pivot": move and chroot instead */
	bool new_keyring;		/* a session keyring of its own, but for --no-new-keyring */
	int console_socket;		/* where the pty's master is sent, or -EBADF */
	int init_image;			/* sealed memfd of the pid-1 program, or -EBADF: no init */
	int seccomp_listener;		/* connected socket of listenerPath, or -EBADF */
	int preserve_fds;		/* how many after 0, 1, 2 the program gets */
	int tools_fd;			/* of "debug": a detached tmpfs, or -EBADF */
	const char *const *extra_env;	/* LISTEN_FDS=..., NULL; or NULL */
	/*
	 * State JSON for hooks in this process and for the seccomp listener, in two parts: what
	 * stands before the number behind "pid", and what stands after it.  Status "creating"
	 * for createContainer, "created" for startContainer and the listener.
	 */
	const char *create_state[2], *start_state[2];
	struct arena *arena;

	/* Made by the steps themselves; zero or -EBADF before (INIT_NONE). */
	const struct process_plan *process;	/* plan->process, or what exec starts */
	uint32_t host_pid;		/* its pid as the runtime sees it: comes with MAPPED */
	mode_t umask;			/* the caller's */
	int root_target;		/* O_PATH on what the root is attached to, in a host copy */
	int root_fd;			/* O_PATH on the root once it is mounted */
	int proc_fd;			/* a procfs of our pid namespace, by procfs() alone; it may
					 * be one of mount_trees */
	const struct step *step;	/* what comes next; the program's process goes on there */
	int init_end;			/* the read end of a pipe, in the program's process: at its
					 * end pid 1 is the init, by name and credentials, too */
	int null_fd;			/* a verified /dev/null in our mount namespace, for masks */
	const char *program;		/* the path inside the container of what was looked up */
	char *const *argv, *const *envp;	/* as execve takes them */
};
#define INIT_NONE ((struct init){				\
	.channel = CHANNEL_NONE, .start = CHANNEL_NONE,		\
	.root_tree = -EBADF, .host_fd = -EBADF,			\
	.join_fds = { [0 ... NAMESPACE_COUNT - 1] = -EBADF },	\
	.console_socket = -EBADF, .init_image = -EBADF,		\
	.seccomp_listener = -EBADF, .tools_fd = -EBADF,		\
	.root_fd = -EBADF,					\
	.proc_fd = -EBADF, .null_fd = -EBADF,			\
	.root_target = -EBADF, .init_end = -EBADF })

/* In the child of the clone: runs the steps, then the program.  Never returns. */
_noreturn void init_run(const struct plan *plan, struct init *in);
/* The shorter table, for "exec" in a running container: process is what to start. */
_noreturn void init_exec(const struct plan *plan, const struct process_plan *process,
			 struct init *in);

/* init.c: runs in->step and those behind it.  Never returns. */
_noreturn void steps_run(const struct plan *plan, struct init *in);

/* A step: 0, or -1 and *err, which the loop wraps with the step's name. */
typedef int init_step(const struct plan *plan, struct init *in, struct error *err);

/* execve wants plain char *; it does not write to them. */
static inline char *plain(const char *text)
{
	return (char *)(uintptr_t)text;
}
/* exec.c: what execve hands on, signals and fds, is as the program expects it. */
int execve_prepare(const struct plan *plan, struct init *in, struct error *err);

init_step step_cgroup;		/* cgroup.c: the first of all */
init_step step_oom_score;	/* limit.c */
init_step step_shield;		/* cred.c: no ptrace, no core, from here on */
init_step step_sources;		/* rootfs.c: opens by host path, in a copy of the host's mounts */
init_step step_mapped;		/* init.c: waits for MAPPED */
init_step step_join;		/* join.c */
init_step step_keyring; /* label.c */
init_step step_loopback; /* net.c: before sysctls, or what HOOKED leaves of it */
init_step step_names;		/* sysctl.c: host and domain name */
init_step step_sysctls;		/* sysctl.c */
init_step step_root;		/* rootfs.c: attaches the root */
init_step step_mounts;		/* mount.c */
init_step step_devices;		/* device.c */
init_step step_read_only;	/* mount.c: of what was to be filled first */
init_step step_session;		/* console.c: a session without a terminal */
init_step step_console;		/* console.c */
init_step step_mounted;		/* init.c: says MOUNTED, waits for HOOKED */
init_step step_create_hooks;	/* init.c: createContainer */
init_step step_pivot;		/* rootfs.c */
init_step step_hide;		/* hide.c: masked and read-only paths */
init_step step_root_flags;	/* rootfs.c: read-only root, its propagation */
init_step step_tools;		/* tools.c: of "debug" */
init_step step_exec_root;	/* rootfs.c: the root as "exec" finds it */
init_step step_limits;		/* limit.c */
init_step step_environment;	/* environment.c: argv, envp, HOME */
init_step step_directory;	/* exec.c: the working directory */
init_step step_program;		/* program.c: looks it up */
init_step step_landlock;	/* landlock.c: the program's domain */
init_step step_label; /* label.c: AppArmor, SELinux for the program */
init_step step_filter_early;	/* exec.c: where there is no no_new_privs */
init_step step_bounding;	/* cred.c: capabilities that nobody is to get any more */
init_step step_init_early;	/* leave.c: here, or there, pid 1 becomes the init */
init_step step_init;
init_step step_credentials;	/* cred.c */
init_step step_ready;		/* init.c: says READY, may wait for START */
init_step step_start_hooks;	/* init.c: startContainer */
init_step step_exec;		/* exec.c: fds, filter, program; never returns 0 */
