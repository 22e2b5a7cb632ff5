/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor ROOT PROGRAM: the least that makes a container.  One clone3 with the
 * namespaces of runc's default bundle, a bind of the root, /proc, pivot_root,
 * execve, wait; nothing else is done, checked or cleaned up.  A runtime's time
 * is given as a multiple of this program's.
 *
 * floor --bundle ROOT PROGRAM: besides, what that bundle asks of the kernel, and
 * loopback, a cgroup and a pid 1 that waits for the program.  Everything is known
 * beforehand: no config.json, no state, no device rules, no step looked at again,
 * and nothing keeps the container from reaching this program's own file.  What lies
 * between this one and a runtime is the runtime's; what lies between it and the
 * floor is the bundle's.
 */
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* <linux/sched.h> is not there for musl-gcc. */
struct clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal;
	uint64_t stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

static int fail(const char *what)
{
	perror(what);
	_exit(1);
}

static void must(int result, const char *what)
{
	if (result < 0)
		fail(what);
}

/* --- what the bundle adds -------------------------------------------------------------- */

static const struct {
	const char *type, *path, *data;
	unsigned long flags;
} mounts[] = {
	{ "tmpfs", "dev", "mode=755,size=65536k", MS_NOSUID | MS_STRICTATIME },
	{ "devpts", "dev/pts", "newinstance,ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC },
	{ "tmpfs", "dev/shm", "mode=1777,size=65536k", MS_NOSUID | MS_NOEXEC | MS_NODEV },
	{ "mqueue", "dev/mqueue", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV },
	{ "sysfs", "sys", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY },
	{ "cgroup2", "sys/fs/cgroup", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY },
};

static const struct {
	const char *path;
	unsigned int major, minor;
} devices[] = {
	{ "dev/null", 1, 3 },	{ "dev/zero", 1, 5 },	 { "dev/full", 1, 7 },
	{ "dev/random", 1, 8 }, { "dev/urandom", 1, 9 }, { "dev/tty", 5, 0 },
};

static const char *const links[][2] = {
	{ "/proc/self/fd", "dev/fd" },	     { "/proc/self/fd/0", "dev/stdin" },
	{ "/proc/self/fd/1", "dev/stdout" }, { "/proc/self/fd/2", "dev/stderr" },
	{ "/proc/kcore", "dev/core" },	     { "pts/ptmx", "dev/ptmx" },
};

static const char *const masked_files[] = {
	"/proc/asound",	    "/proc/kcore",	 "/proc/keys",	      "/proc/latency_stats",
	"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
};
static const char *const masked_directories[] = { "/proc/acpi", "/sys/firmware", "/proc/scsi" };
static const char *const read_only[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

/* CAP_KILL, CAP_NET_BIND_SERVICE, CAP_AUDIT_WRITE. */
#define CAPABILITIES (1U << 5 | 1U << 10 | 1U << 29)

static void set_up_network(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	request.ifr_flags = IFF_UP | IFF_RUNNING;
	must(ioctl(fd, SIOCSIFFLAGS, &request), "lo");
	close(fd);
}

/* In the root, which is the working directory; /proc is there. */
static void fill_root(void)
{
	for (size_t i = 0; i < COUNT(mounts); i++) {
		if (strncmp(mounts[i].path, "dev/", 4) == 0)
			must(mkdir(mounts[i].path, 0755), mounts[i].path);
		must(mount(mounts[i].type, mounts[i].path, mounts[i].type, mounts[i].flags,
			   mounts[i].data),
		     mounts[i].path);
	}
	for (size_t i = 0; i < COUNT(devices); i++)
		must(mknod(devices[i].path, S_IFCHR | 0666,
			   makedev(devices[i].major, devices[i].minor)),
		     devices[i].path);
	for (size_t i = 0; i < COUNT(links); i++)
		must(symlink(links[i][0], links[i][1]), links[i][1]);
}

/* What this kernel does not have needs no cover. */
static void hide(void)
{
	for (size_t i = 0; i < COUNT(read_only); i++) {
		const char *path = read_only[i];

		if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) == 0)
			must(mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), path);
	}
	for (size_t i = 0; i < COUNT(masked_files); i++)
		mount("/dev/null", masked_files[i], NULL, MS_BIND, NULL);
	for (size_t i = 0; i < COUNT(masked_directories); i++)
		mount("tmpfs", masked_directories[i], "tmpfs", MS_RDONLY,
		      "nr_blocks=1,nr_inodes=1");
	must(mount(NULL, "/", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), "read-only root");
}

static void take_less(void)
{
	const struct rlimit limit = { 1024, 1024 };
	struct {
		uint32_t version;
		int pid;
	} header = { 0x20080522, 0 };
	uint32_t sets[2][3] = { { CAPABILITIES, CAPABILITIES, 0 } };

	must(setrlimit(RLIMIT_NOFILE, &limit), "RLIMIT_NOFILE");
	for (int i = 0; i < 64 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		if (i >= 32 || !(CAPABILITIES >> i & 1))
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	must((int)syscall(SYS_capset, &header, sets), "capabilities");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
}

/* Returns in the program's process; the other one is pid 1. */
static void split(void)
{
	int status = 0;
	pid_t pid = fork();

	must(pid, "fork");
	if (pid == 0)
		return;
	waitpid(pid, &status, 0);
	_exit(WEXITSTATUS(status));
}

/* --- the floor --------------------------------------------------------------------------- */

static void inside(const char *root, char *program, int bundle)
{
	char *args[] = { program, NULL }, *env[] = { NULL };

	if (bundle) {
		set_up_network();
		/* Into the new cgroup, which is its root then. */
		must(unshare(CLONE_NEWCGROUP), "cgroup namespace");
		must(sethostname("bench", 5), "host name");
		umask(0);
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		fail("make / slave");
	if (mount(root, root, NULL, MS_BIND | MS_REC, NULL) < 0 || chdir(root) < 0)
		fail(root);
	if (mount("proc", "proc", "proc", 0, NULL) < 0)
		fail("mount proc");
	if (bundle)
		fill_root();
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		fail("pivot_root");
	if (bundle) {
		hide();
		split();
		take_less();
	}
	execve(program, args, env);
	fail(program);
}

static void cgroup_make(struct clone_args *clone, char path[64])
{
	int fd;

	snprintf(path, 64, "/sys/fs/cgroup/kist-bench-%d", getpid());
	must(mkdir(path, 0755), path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(fd, path);
	clone->cgroup = (uint64_t)fd;
	clone->flags &= ~(uint64_t)CLONE_NEWCGROUP;
	clone->flags |= CLONE_INTO_CGROUP;
}

int main(int argc, char **argv)
{
	const int bundle = argc > 1 && strcmp(argv[1], "--bundle") == 0;
	struct clone_args clone;
	char cgroup[64];
	int status;
	pid_t pid;

	if (argc != 3 + bundle)
		return 2;
	argv += bundle;
	memset(&clone, 0, sizeof(clone));
	clone.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET |
		      CLONE_NEWCGROUP;
	clone.exit_signal = SIGCHLD;
	if (bundle)
		cgroup_make(&clone, cgroup);
	pid = (pid_t)syscall(SYS_clone3, &clone, sizeof(clone));
	if (pid == 0)
		inside(argv[1], argv[2], bundle);
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		perror("clone3");
		status = 1 << 8;
	}
	if (bundle)
		must(rmdir(cgroup), cgroup);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
