/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/hostns.h"

#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "base/fd.h"
#include "base/namespace.h"
#include "base/process.h"
#include "base/sys.h"

#define RUN_DIRECTORY	"/run/kist"
#define PIN_DIRECTORY	HOSTNS_DIRECTORY
#define PIN_FILE	PIN_DIRECTORY "/mnt"
#define LOCK_FILE	RUN_DIRECTORY "/.hostns.lock"

static bool has_capabilities(unsigned int mask)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	return syscall(__NR_capget, &header, data) == 0 && (data[0].effective & mask) == mask;
}

/*
 * Types whose source and options name no path.  Others look paths up in the
 * mount namespace of who mounts: overlay's directories, a disk, a socket.
 */
static bool is_pathless(const struct mount_plan *mount)
{
	static const char *const types[] = {
		"proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "ramfs",
		"securityfs", "debugfs", "tracefs", "bpf", "binfmt_misc", "hugetlbfs",
	};

	for (size_t i = 0; mount->type != NULL && i < ARRAY_SIZE(types); i++)
		if (strcmp(mount->type, types[i]) == 0)
			return true;
	return (mount->flags & MOUNT_BIND) != 0;
}

bool hostns_usable(const struct plan *plan)
{
	static const enum hook_moment moments[] = {
		HOOK_PRESTART, HOOK_CREATE_RUNTIME, HOOK_CREATE_CONTAINER,
	};
	const unsigned int needed = 1U << CAP_SYS_ADMIN | 1U << CAP_MKNOD | 1U << CAP_SYS_CHROOT;

	if (!(plan->clone_flags & CLONE_NEWNS) || (plan->clone_flags & CLONE_NEWUSER) ||
	    plan->namespaces[NAMESPACE_USER].path != NULL)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(moments); i++)
		if (plan->hooks[moments[i]].count > 0)
			return false;
	LIST_EACH(mount, plan->mounts)
		if (!is_pathless(mount) && mount != plan->root_mount)
			return false;
	return geteuid() == 0 && has_capabilities(needed);
}

/* The pin, or -EBADF when it is not there or not as we make it. */
static int pin_open(void)
{
	_cleanup_fd int fd = -EBADF;
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS,
	};
	_cleanup_fd int dir_fd = sys_openat2(AT_FDCWD, PIN_DIRECTORY, &how);
	_cleanup_fd int user_fd = -EBADF;
	struct statfs fs;
	struct stat st;

	if (dir_fd < 0 || fstat(dir_fd, &st) < 0 || st.st_uid != 0 ||
	    (st.st_mode & 07777) != 0700)
		return -EBADF;
	fd = openat(dir_fd, "mnt", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC ||
	    ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNS)
		return -EBADF;
	/* EPERM below the owner: so ours is the initial one, too. */
	user_fd = ioctl(fd, NS_GET_USERNS);
	if (user_fd < 0 || fstat(user_fd, &st) < 0 || st.st_ino != NAMESPACE_USER_INITIAL_INODE)
		return -EBADF;
	return fd_take(&fd);
}

static int mount_new(const char *type)
{
	_cleanup_fd int fs_fd = sys_fsopen(type, FSOPEN_CLOEXEC);

	if (fs_fd < 0 || sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "mode", "0700", 0) < 0 ||
	    sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", "kist", 0) < 0 ||
	    sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return sys_fsmount(fs_fd, FSMOUNT_CLOEXEC,
			   MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

/* In a process of its own: turns its mount namespace into the small one. */
static const char *small_make(void)
{
	struct mount_attr private = { .propagation = MS_PRIVATE };
	struct mount_attr read_only = { .attr_set = MOUNT_ATTR_RDONLY };
	int fd;

	if (unshare(CLONE_NEWNS) < 0)
		return "make a mount namespace";
	if (sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private) < 0)
		return "make its mounts private";
	fd = mount_new("tmpfs");
	if (fd < 0)
		return "make a tmpfs";
	if (mkdirat(fd, "root", 0700) < 0 ||
	    sys_mount_setattr(fd, "", AT_EMPTY_PATH, &read_only) < 0)
		return "prepare the tmpfs";
	/* On top of the pin's directory, which is known to exist and to be ours. */
	if (sys_move_mount(fd, "", AT_FDCWD, PIN_DIRECTORY, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return "attach the tmpfs";
	if (fchdir(fd) < 0 || sys_pivot_root(".", ".") < 0 || sys_umount2(".", MNT_DETACH) < 0)
		return "pivot to the tmpfs";
	return NULL;
}

/* What the maker tells: that it is done, or what failed. */
struct maker_says {
	const char *failed;	/* a literal of this program, so good on both sides of fork */
	int number;
};

/* cpu: where to run, or -1 for anywhere. */
static _noreturn void maker_main(int socket, int cpu)
{
	struct maker_says says = { 0 };
	cpu_set_t cpus;
	char byte;

	CPU_ZERO(&cpus);
	if (cpu >= 0) {
		CPU_SET(cpu, &cpus);
		/* Not allowed there: then it is one more try anywhere. */
		sched_setaffinity(0, sizeof(cpus), &cpus);
	}
	says.failed = small_make();
	says.number = errno;
	if (write(socket, &says, sizeof(says)) == sizeof(says) && says.failed == NULL)
		/* The namespace lives as long as we do, until it is pinned. */
		(void)!read(socket, &byte, 1);
	_exit(0);
}

/*
 * Unbindable, for the kernel attaches no tree with it in a younger namespace (ELOOP): a recursive
 * bind of / leaves it out.
 */
static int pin_bind(pid_t maker, struct error *err)
{
	struct mount_attr unbindable = { .propagation = MS_UNBINDABLE };
	char path[32];
	_cleanup_fd int ns_fd = -EBADF, tree_fd = -EBADF;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", maker);
	ns_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (ns_fd < 0)
		return error_errno(err, "open %s", path);
	tree_fd = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree_fd < 0 || sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH, &unbindable) < 0 ||
	    sys_move_mount(tree_fd, "", AT_FDCWD, PIN_FILE, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_errno(err, "pin the small mount namespace on %s", PIN_FILE);
	return fd_take(&ns_fd);
}

static int pin_try(int cpu, struct error *err)
{
	struct maker_says says;
	int sockets[2], fd = -1;
	pid_t maker;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_errno(err, "make a socket pair");
	maker = fork();
	if (maker == 0) {
		/* Or it would wait for itself to hang up. */
		close(sockets[0]);
		maker_main(sockets[1], cpu);
	}
	close(sockets[1]);
	if (maker < 0)
		error_errno(err, "make a process");
	else if (read(sockets[0], &says, sizeof(says)) != sizeof(says))
		error_set(err, "make the small mount namespace: its process died");
	else if (says.failed != NULL)
		error_number(err, says.number, "make the small mount namespace: %s", says.failed);
	else
		fd = pin_bind(maker, err);
	close(sockets[0]);
	if (maker > 0)
		process_reap(maker, NULL);
	return fd;
}

/*
 * A mount namespace can only be pinned in an older one, else the kernel says
 * ELOOP, and it tells the age by a number that since Linux 6.18 each CPU takes
 * from a batch of its own.  So a new one may look older, unless it was made on
 * the CPU that the other one comes from, or on one that is ahead of it.
 */
static int pin_make(struct error *err)
{
	int fd = pin_try(-1, err);
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	for (int cpu = 0; fd < 0 && err->code == ELOOP && cpu < cpus && cpu < CPU_SETSIZE; cpu++)
		fd = pin_try(cpu, err);
	return fd;
}

/* Only for speed, so its absence is no error. */
static void programs_prepare(void)
{
	_cleanup_fd int fd = mount_new("bpf");

	if (fd >= 0 && mkdir(HOSTNS_PROGRAMS, 0700) == 0)
		sys_move_mount(fd, "", AT_FDCWD, HOSTNS_PROGRAMS, MOVE_MOUNT_F_EMPTY_PATH);
}

/* The private tmpfs that the pin is on, and the pin's file. */
static int pin_prepare(struct error *err)
{
	struct mount_attr private = { .propagation = MS_PRIVATE };
	_cleanup_fd int tree_fd = -EBADF, file_fd = -EBADF;
	struct stat st;

	if (mkdir(PIN_DIRECTORY, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "make %s", PIN_DIRECTORY);
	if (lstat(PIN_DIRECTORY, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != 0)
		return error_number(err, EPERM, "%s is no directory of root's", PIN_DIRECTORY);
	/* A pin that is not as it should be is covered by a new one on a new tmpfs. */
	sys_umount2(PIN_DIRECTORY, MNT_DETACH | UMOUNT_NOFOLLOW);
	tree_fd = mount_new("tmpfs");
	if (tree_fd < 0)
		return error_errno(err, "make a tmpfs");
	file_fd = openat(tree_fd, "mnt", O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	if (file_fd < 0)
		return error_errno(err, "make %s", PIN_FILE);
	if (sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH, &private) < 0 ||
	    sys_move_mount(tree_fd, "", AT_FDCWD, PIN_DIRECTORY, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_errno(err, "mount %s", PIN_DIRECTORY);
	/* Attached below a shared mount it would be shared with it, and the pin be copied. */
	if (sys_mount_setattr(AT_FDCWD, PIN_DIRECTORY, 0, &private) < 0)
		return error_errno(err, "make %s private", PIN_DIRECTORY);
	programs_prepare();
	return 0;
}

static int lock_open(struct error *err)
{
	_cleanup_fd int fd = -EBADF;
	struct stat st;

	if (mkdir(RUN_DIRECTORY, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "make %s", RUN_DIRECTORY);
	/* Whoever else could write there could exchange what we check. */
	if (lstat(RUN_DIRECTORY, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != 0 ||
	    (st.st_mode & 022) != 0)
		return error_number(err, EPERM, "%s must be a directory that only root can write",
				    RUN_DIRECTORY);
	fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, "open %s", LOCK_FILE);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return error_errno(err, "lock %s", LOCK_FILE);
	return fd_take(&fd);
}

int hostns_open(struct error *err)
{
	_cleanup_fd int lock_fd = -EBADF;
	int fd = pin_open();

	if (fd >= 0)
		return fd;
	/* Elsewhere the kernel (mount_too_revealing) wants a proc in sight to mount one. */
	if (!namespace_user_is_initial())
		return error_number(err, EPERM, "in a user namespace");
	lock_fd = lock_open(err);
	if (lock_fd < 0)
		return -1;
	/* Another kist may have made it while we waited. */
	fd = pin_open();
	if (fd >= 0)
		return fd;
	if (pin_prepare(err) < 0)
		return -1;
	return pin_make(err);
}
