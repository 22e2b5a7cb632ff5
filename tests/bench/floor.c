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
 * between it and the floor is the bundle's.
 *
 * floor --duties ROOT PROGRAM INIT STATE: besides, what is expected of any runtime.  It starts
 * itself again from a read-only mount of its file, which a container may then reach; INIT, a
 * static program that adopts the one with the number that --child= gives, is pid 1; a device
 * program is loaded and attached; three files in a new directory below STATE say what runs.
 * What lies between this one and a runtime is the runtime's.
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

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 1
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* <linux/sched.h> and <linux/bpf.h> are not there for musl-gcc. */
struct clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal;
	uint64_t stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
enum { BPF_PROG_LOAD = 5, BPF_PROG_ATTACH = 8 };
enum { BPF_PROG_TYPE_CGROUP_DEVICE = 15, BPF_CGROUP_DEVICE = 6, BPF_F_ALLOW_MULTI = 2 };
struct bpf_load {
	uint32_t type, count;
	uint64_t instructions, license, more[5];
};
struct bpf_attach {
	uint32_t target_fd, program_fd, type, flags;
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

/* Returns in the program's process; the other one is pid 1: itself, or what init_fd is open to. */
static void split(int init_fd)
{
	int status = 0;
	pid_t pid = fork();
	char child[32];
	char *args[] = { "init", "-s", child, "--", NULL }, *env[] = { NULL };

	must(pid, "fork");
	if (pid == 0)
		return;
	if (init_fd >= 0) {
		snprintf(child, sizeof(child), "--child=%d", pid);
		syscall(SYS_execveat, init_fd, "", args, env, AT_EMPTY_PATH);
		fail("init");
	}
	waitpid(pid, &status, 0);
	_exit(WEXITSTATUS(status));
}

/* --- what is expected of any runtime ------------------------------------------------------ */

static void start_from_read_only(char **argv)
{
	struct {
		uint64_t set, clear, propagation, namespace;
	} attributes = { .set = MOUNT_ATTR_RDONLY };
	char *env[] = { NULL };
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, "/proc/self/exe",
			      OPEN_TREE_CLONE | O_CLOEXEC);

	must(fd, "/proc/self/exe");
	must((int)syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attributes,
			  sizeof(attributes)),
	     "read-only");
	argv[1] = "--again";
	syscall(SYS_execveat, fd, "", argv, env, AT_EMPTY_PATH);
	fail(argv[0]);
}

/* Allows everything: what it says is not what it costs. */
static void attach_device_program(int cgroup_fd)
{
	/* r0 = 1; exit */
	static const uint64_t program[] = { 0x00000001000000b7, 0x0000000000000095 };
	struct bpf_load load = {
		.type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.count = COUNT(program),
		.instructions = (uintptr_t)program,
		.license = (uintptr_t) "",
	};
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
	struct bpf_attach attach = {
		.target_fd = (uint32_t)cgroup_fd,
		.program_fd = (uint32_t)fd,
		.type = BPF_CGROUP_DEVICE,
		.flags = BPF_F_ALLOW_MULTI,
	};

	must(fd, "device program");
	must((int)syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)), "device program");
	close(fd);
}

static const char *const state_files[] = { "lock", "config.json", "state.json" };

static int state_make(const char *directory)
{
	static const char text[3000];
	char path[64];
	int dir_fd;

	snprintf(path, sizeof(path), "%s/bench-%d", directory, getpid());
	must(mkdir(path, 0700), path);
	dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(dir_fd, path);
	for (size_t i = 0; i < COUNT(state_files); i++) {
		int fd = openat(dir_fd, state_files[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

		must((int)write(fd, text, i == 0 ? 100 : sizeof(text) / i), state_files[i]);
		close(fd);
	}
	return dir_fd;
}

static void state_remove(int dir_fd, const char *directory)
{
	char path[64];

	for (size_t i = 0; i < COUNT(state_files); i++)
		must(unlinkat(dir_fd, state_files[i], 0), state_files[i]);
	snprintf(path, sizeof(path), "%s/bench-%d", directory, getpid());
	must(rmdir(path), path);
}

/* --- the floor --------------------------------------------------------------------------- */

static void inside(const char *root, char *program, int bundle, int init_fd)
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
		split(init_fd);
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
	const int again = argc == 6 && strcmp(argv[1], "--again") == 0;
	const int duties = again || (argc == 6 && strcmp(argv[1], "--duties") == 0);
	const int bundle = duties || (argc == 4 && strcmp(argv[1], "--bundle") == 0);
	int status, init_fd = -1, state_fd = -1;
	struct clone_args clone;
	char cgroup[64];
	pid_t pid;

	if (argc != 3 + bundle + 2 * duties)
		return 2;
	if (duties && !again)
		start_from_read_only(argv);
	argv += bundle;
	if (duties) {
		init_fd = open(argv[3], O_RDONLY | O_CLOEXEC);
		must(init_fd, argv[3]);
		state_fd = state_make(argv[4]);
	}
	memset(&clone, 0, sizeof(clone));
	clone.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET |
		      CLONE_NEWCGROUP;
	clone.exit_signal = SIGCHLD;
	if (bundle)
		cgroup_make(&clone, cgroup);
	pid = (pid_t)syscall(SYS_clone3, &clone, sizeof(clone));
	if (pid == 0)
		inside(argv[1], argv[2], bundle, init_fd);
	if (duties && pid > 0)
		attach_device_program((int)clone.cgroup);
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		perror("clone3");
		status = 1 << 8;
	}
	if (bundle)
		must(rmdir(cgroup), cgroup);
	if (duties)
		state_remove(state_fd, argv[4]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
