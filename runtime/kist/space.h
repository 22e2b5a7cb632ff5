/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KIST_SPACE_H
#define KIST_SPACE_H
/*
 * libkist: processes in namespaces.
 *
 * Starts a function or a program in new namespaces, or in those of another
 * process, and looks after it: the same primitive that starts kist's
 * containers.  C99 and C++17.  Nothing here prints, exits or keeps a global;
 * every failure is a value that the caller owns.  Functions return 0, or -1
 * and *err (which may be NULL).  Each may be called from any thread; one
 * struct kist_space is used by one thread at a time.
 *
 * What runs in a child that was made by a program with several threads may
 * only call what is async-signal-safe, as after fork(2).
 *
 * Sources: clone(2), setns(2), user_namespaces(7), pidfd_open(2).
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KIST_API __attribute__((visibility("default")))

/* What went wrong: an errno value, or 0 where none fits, and one line of text. */
struct kist_error {
	int code;
	char text[1020];
};

/* The ids inside to inside + count - 1 are outside to outside + count - 1 for the caller. */
struct kist_id_map {
	uint32_t inside, outside, count;
};

/* The moments at which hooks run, in this order. */
enum kist_moment {
	KIST_PRE_UP,		/* maps are written, nothing else is set up */
	KIST_EXCEPT_UP,		/* set-up failed; err says why */
	KIST_POST_UP,		/* after set-up, failed or not */
	KIST_PRE_EXEC,		/* before the function or program */
	KIST_EXCEPT_EXEC,	/* the program could not be executed; err says why */
	KIST_POST_EXEC,		/* after the function, or the program could not be executed */
	KIST_MOMENT_COUNT
};

/* Runs in the child.  0: go on; 1 to 255 ends the child with it, any other value with 255. */
typedef int kist_hook(void *context, enum kist_moment moment, const struct kist_error *err);
/* What runs in the child; its result is the exit code (0 to 255). */
typedef int kist_function(void *context);

/* The CLONE_NEW* bits of all eight: time, mount, cgroup, uts, ipc, user, pid, network. */
#define KIST_ALL_NAMESPACES \
	(UINT64_C(0x00000080) | UINT64_C(0x00020000) | UINT64_C(0x02000000) | \
	 UINT64_C(0x04000000) | UINT64_C(0x08000000) | UINT64_C(0x10000000) | \
	 UINT64_C(0x20000000) | UINT64_C(0x40000000))

/* For stdin_fd, stdout_fd and stderr_fd. */
#define KIST_FD_ZERO	(-1)	/* the caller's fd 0, for 0 means "as it is" */
#define KIST_FD_NULL	(-2)	/* /dev/null */

/*
 * What to start, and where.  Begin with KIST_OPTIONS_INIT, or zero it and set
 * size, which tells the version of this struct that the caller was built with:
 * fields are added at the end only.  Pointers are borrowed until the call
 * returns, but function, context and hooks until the child has ended.
 */
struct kist_options {
	size_t size;			/* sizeof(struct kist_options) */

	/*
	 * CLONE_*, namespaces and all else that clone3(2) knows.  CLONE_DETACHED has no effect,
	 * as in the kernel since 2.6.2; the bit of CLONE_PID, which left in 2.5.16, is now
	 * CLONE_PIDFD, and that is always on.
	 */
	uint64_t flags;
	uint64_t on, off;		/* CLONE_NEW* added to flags, then taken away again */

	/* The program (args[0] is looked up in the caller's PATH), or a function; not both. */
	const char *const *args;	/* NULL-terminated */
	const char *const *env;		/* NULL-terminated; NULL: the caller's */
	kist_function *function;
	void *context;			/* for function and hooks */
	kist_hook *hooks[KIST_MOMENT_COUNT];

	/*
	 * Id maps, either as text (see kist_id_map_parse()) or as an array.  A caller without
	 * rights who maps more than its own id needs newuidmap(1) and newgidmap(1).
	 */
	const char *uid_map, *gid_map;
	const struct kist_id_map *uid_maps, *gid_maps;
	size_t uid_map_count, gid_map_count;
	int map_zero;			/* where no map is given: the caller's own id is 0 inside */

	const char *root_dir;		/* chroot there, then work_dir, or "/" */
	const char *work_dir;		/* chdir there, inside the root */
	const char *stdin_path, *stdout_path, *stderr_path;	/* opened before root_dir */
	int stdin_fd, stdout_fd, stderr_fd;	/* without a path: 0 as it is, an fd, KIST_FD_* */
	/*
	 * umask 0, setsid, and a second fork, so that it is init's child.  With CLONE_NEWPID
	 * there is no second fork: the first process is pid 1, and all end with it.
	 */
	int daemonize;
	int exit_signal;		/* what the caller gets at the end; 0: SIGCHLD; -1: none */
	size_t stack_size;		/* bytes, for CLONE_VM; 0: 1 MiB */
	int cgroup_fd;			/* of CLONE_INTO_CGROUP: directory of a cgroup2 */
	const char *proc_dir;		/* where procfs is; NULL: "/proc" */

	/* Of CLONE_SETTLS (a thread area as libc wants it), CLONE_PARENT_SETTID, CLONE_CHILD_*. */
	void *tls;
	int *parent_tid, *child_tid;
};
#ifdef __cplusplus
#define KIST_OPTIONS_INIT { sizeof(struct kist_options) }
#else
#define KIST_OPTIONS_INIT { .size = sizeof(struct kist_options) }
#endif

/* A child.  Opaque; made by kist_space_start() and given back by kist_space_free(). */
struct kist_space;

/*
 * Starts it.  The child waits until its id maps are written; where that, or anything up to the
 * program's execve, fails, it is killed and reaped, and *err says why.  On success the program
 * runs, or the function was reached.  With CLONE_VFORK the caller sleeps until the child has
 * called execve or has ended.
 *
 * Combinations of flags that the kernel forbids are refused before the call, with the reason
 * and EINVAL.  EAGAIN, ENOMEM, ENOSPC, EPERM and EUSERS of clone(2) come back explained.
 */
KIST_API int kist_space_start(const struct kist_options *options, struct kist_space **ret,
			      struct kist_error *err);

/* In the caller's pid namespace; with daemonize the daemon's. */
KIST_API pid_t kist_space_pid(const struct kist_space *space);
/* Borrowed, close-on-exec; -1 for a thread (CLONE_THREAD). */
KIST_API int kist_space_pidfd(const struct kist_space *space);
/* 1 it runs, 0 it has ended (reaped or not). */
KIST_API int kist_space_is_alive(struct kist_space *space);
/*
 * An exit code that only another process learns: of a daemon, or with CLONE_PARENT.  Since Linux
 * 6.15 the kernel tells it, once that process has asked for it; half a second is waited for that.
 */
#define KIST_STATUS_UNKNOWN	(-1000)
/*
 * Waits at most timeout_ms milliseconds (-1: for ever, 0: look only), whatever signals come.
 * 1: it has ended, and *ret_status is its exit code, or minus the signal that killed it, or
 * KIST_STATUS_UNKNOWN; again and again.  0: it still runs.
 */
KIST_API int kist_space_wait(struct kist_space *space, int timeout_ms, int *ret_status,
			     struct kist_error *err);
/* Sends a signal by pidfd, never to another process with its number.  ESRCH once it has ended. */
KIST_API int kist_space_signal(struct kist_space *space, int signal, struct kist_error *err);
/* SIGTERM; SIGKILL.  A thread can't be killed alone: EINVAL. */
KIST_API int kist_space_terminate(struct kist_space *space, struct kist_error *err);
KIST_API int kist_space_kill(struct kist_space *space, struct kist_error *err);
/*
 * Lets go of it; a child that still runs goes on running, and one that was not waited for stays
 * the caller's to reap.  A function that shares the caller's memory (CLONE_VM) and still runs
 * keeps its stack: that memory is never given back.  NULL is fine.
 */
KIST_API void kist_space_free(struct kist_space *space);

/*
 * Another process' namespaces.  which: CLONE_NEW* bits; 0: all that differ from the caller's.
 * paths: an nsfs file for a type each, in the place of the process'; NULL where not given.
 * EINVAL where neither they nor root_dir say where, and for a negative pid; ESRCH where the
 * process has ended.
 */
struct kist_target {
	size_t size;			/* sizeof(struct kist_target) */
	pid_t pid;			/* or 0: pidfd says it */
	int pidfd;			/* or -1: no process, paths only */
	uint64_t which;
	const char *user, *mount, *pid_ns, *network, *ipc, *uts, *cgroup, *time;
	int use_root;			/* the process' root and working directory too */
	const char *root_dir;		/* or chroot there, inside the namespaces */
	const char *proc_dir;		/* NULL: "/proc" */
};
#ifdef __cplusplus
#define KIST_TARGET_INIT { sizeof(struct kist_target), 0, -1 }
#else
#define KIST_TARGET_INIT { .size = sizeof(struct kist_target), .pidfd = -1 }
#endif

/*
 * Starts a function or program inside them; options as for kist_space_start().  The caller's own
 * namespaces never change, not even for an instant.  CLONE_VM and what needs it, CLONE_FS,
 * CLONE_SYSVSEM, CLONE_IO and CLONE_PARENT are refused: who makes the child is not the caller.
 * With CLONE_NEWUSER time and cgroup are not joined; asked for by name, that is EINVAL.
 * Id maps count in the ids of the user namespace that is joined.
 *
 * In a pid or user namespace the child may not be traced by who is there (PR_SET_DUMPABLE) until
 * its execve, a function for good; the caller itself not for the instant of the clone.  Root in
 * one becomes its root; where it has neither that nor 65534, a KIST_PRE_EXEC hook has to take
 * another of its ids, or it is refused.
 */
KIST_API int kist_space_inject(const struct kist_target *target,
			       const struct kist_options *options, struct kist_space **ret,
			       struct kist_error *err);

/*
 * The calling thread enters them, and comes back with kist_space_leave(): network, ipc, uts and
 * cgroup; mount and a root directory where no other thread shares them (EINVAL of setns(2));
 * pid concerns later children only.  A user namespace can't be left again, and so is refused
 * (EINVAL); time wants a program of one thread.  All or nothing.
 */
struct kist_visit;
KIST_API int kist_space_enter(const struct kist_target *target, struct kist_visit **ret,
			      struct kist_error *err);
/* By the same thread.  On an error the visit is over too, and the thread is half-way. */
KIST_API int kist_space_leave(struct kist_visit *visit, struct kist_error *err);

/*
 * Text to id maps.  "0 1000 1" lines of inside, outside and count, joined by commas or newlines;
 * "1000,1001": the i-th is the id i inside; "1000": "0 1000 1"; "self": "0 SELF 1".
 * At most room of them; ENOSPC beyond, EINVAL for a text that is none of these.
 */
KIST_API int kist_id_map_parse(const char *text, uint32_t self, struct kist_id_map *ret,
			       size_t room, size_t *ret_count, struct kist_error *err);
/* The version of the library: "0.1.0". */
KIST_API const char *kist_version(void);

#ifdef __cplusplus
}
#endif
#endif
