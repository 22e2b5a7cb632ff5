/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * System calls that the oldest libc we build with lacks, one thin inline each,
 * named sys_ and the call's name, arguments and result as in section 2 of the
 * manual.  <sys/mount.h> collides with <linux/mount.h> in glibc 2.36, so the
 * kernel's header is the one used everywhere.
 */

#ifndef MNT_DETACH
#define MNT_DETACH		2
#endif
#ifndef UMOUNT_NOFOLLOW
#define UMOUNT_NOFOLLOW		8
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME		0x00000080
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND	0x100000000ULL
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP	0x200000000ULL
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL		0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC		0x0010U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC		0x0020
#endif
#ifndef PIDFD_GET_MNT_NAMESPACE
#define PIDFD_GET_MNT_NAMESPACE	_IO(0xFF, 3)
#endif
#ifndef __NR_fchmodat2
#define __NR_fchmodat2		452
#endif
#ifndef __NR_statmount
#define __NR_statmount		457
#endif
#ifndef __NR_listmount
#define __NR_listmount		458
#endif

static inline long sys_clone3(struct clone_args *args)
{
	return syscall(__NR_clone3, args, sizeof(*args));
}

/* As fork(2), with flags of 32 bits: by clone(2) where a system call filter hides clone3. */
static inline pid_t sys_fork(uint64_t flags, int exit_signal)
{
	struct clone_args args = { .flags = flags, .exit_signal = (uint64_t)exit_signal };
	long pid = sys_clone3(&args);

	if (pid >= 0 || errno != ENOSYS)
		return (pid_t)pid;
#if defined(__s390__)
	return (pid_t)syscall(__NR_clone, 0, flags | args.exit_signal, 0, 0, 0);
#else
	return (pid_t)syscall(__NR_clone, flags | args.exit_signal, 0, 0, 0, 0);
#endif
}

static inline int sys_openat2(int dir_fd, const char *path, const struct open_how *how)
{
	return (int)syscall(__NR_openat2, dir_fd, path, how, sizeof(*how));
}

static inline int sys_open_tree(int dir_fd, const char *path, unsigned int flags)
{
	return (int)syscall(__NR_open_tree, dir_fd, path, flags);
}

static inline int sys_move_mount(int from_fd, const char *from, int to_fd, const char *to,
				 unsigned int flags)
{
	return (int)syscall(__NR_move_mount, from_fd, from, to_fd, to, flags);
}

static inline int sys_fsopen(const char *type, unsigned int flags)
{
	return (int)syscall(__NR_fsopen, type, flags);
}

static inline int sys_fsconfig(int fs_fd, unsigned int command, const char *key,
			       const void *value, int aux)
{
	return (int)syscall(__NR_fsconfig, fs_fd, command, key, value, aux);
}

static inline int sys_fsmount(int fs_fd, unsigned int flags, unsigned int attributes)
{
	return (int)syscall(__NR_fsmount, fs_fd, flags, attributes);
}

static inline int sys_fspick(int dir_fd, const char *path, unsigned int flags)
{
	return (int)syscall(__NR_fspick, dir_fd, path, flags);
}

static inline int sys_mount_setattr(int dir_fd, const char *path, unsigned int flags,
				    struct mount_attr *attr)
{
	return (int)syscall(__NR_mount_setattr, dir_fd, path, flags, attr, sizeof(*attr));
}

static inline int sys_umount2(const char *path, int flags)
{
	return (int)syscall(__NR_umount2, path, flags);
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(__NR_pivot_root, new_root, put_old);
}

static inline int sys_pidfd_open(pid_t pid, unsigned int flags)
{
	return (int)syscall(__NR_pidfd_open, pid, flags);
}

static inline int sys_pidfd_send_signal(int pidfd, int signal)
{
	return (int)syscall(__NR_pidfd_send_signal, pidfd, signal, NULL, 0);
}

static inline int sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	return (int)syscall(__NR_close_range, first, last, flags);
}

static inline int sys_execveat(int dir_fd, const char *path, char *const args[],
			       char *const env[], int flags)
{
	return (int)syscall(__NR_execveat, dir_fd, path, args, env, flags);
}

static inline int sys_bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(__NR_bpf, command, attr, sizeof(*attr));
}

static inline int sys_seccomp(unsigned int operation, unsigned int flags, void *args)
{
	return (int)syscall(__NR_seccomp, operation, flags, args);
}

/* struct sched_attr has no libc declaration; callers pass their own and its size in it. */
static inline int sys_sched_setattr(pid_t pid, void *attr, unsigned int flags)
{
	return (int)syscall(__NR_sched_setattr, pid, attr, flags);
}

static inline int sys_ioprio_set(int which, int who, int priority)
{
	return (int)syscall(__NR_ioprio_set, which, who, priority);
}

static inline int sys_set_mempolicy(int mode, const unsigned long *nodes, unsigned long max_node)
{
	return (int)syscall(__NR_set_mempolicy, mode, nodes, max_node);
}

static inline long sys_keyctl(int operation, unsigned long a2, unsigned long a3, unsigned long a4)
{
	return syscall(__NR_keyctl, operation, a2, a3, a4, 0);
}
