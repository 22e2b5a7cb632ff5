/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program that the tests run inside: static, needs nothing of the root it
 * is in, and tells what it sees as lines "key=value" on stdout.  Its arguments
 * are actions, done in order: probe read /etc/hostname report exit 3
 * Each action's key is its name and first argument, "read:/etc/hostname".
 * tests/e2e/seen.h reads the lines.
 */
#include "tests/e2e/probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void read_file(char **arg)
{
	static char text[65536];
	int fd = open(arg[1], O_RDONLY);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (got < 0) {
		tell_result(arg, -1);
		return;
	}
	/* environ and cmdline are lists of strings. */
	for (ssize_t i = 0; i < got; i++)
		if (text[i] == '\0')
			text[i] = '\n';
	text[got] = '\0';
	close(fd);
	tell_text(arg, text);
}

static void write_file(char **arg)
{
	int fd = open(arg[1], O_WRONLY | O_CREAT, 0644);

	tell_result(arg, fd < 0 ? -1 : write(fd, arg[2], strlen(arg[2])) < 0 ? -1 : 0);
	if (fd >= 0)
		close(fd);
}

static void open_file(char **arg)
{
	int mode = strchr(arg[2], 'w') ? strchr(arg[2], 'r') ? O_RDWR : O_WRONLY : O_RDONLY;
	int fd = open(arg[1], mode | O_NONBLOCK | O_NOCTTY);

	tell_result(arg, fd < 0 ? -1 : 0);
	/* "k" keeps it open, for what is listed later. */
	if (fd >= 0 && !strchr(arg[2], 'k'))
		close(fd);
}

static void stat_file(char **arg)
{
	static const char types[] = "?pc?d?b?-?l?s???";
	struct stat st;

	if (lstat(arg[1], &st) < 0)
		tell_result(arg, -1);
	else
		tell("stat:%s=%c %04o %u:%u %u:%u %lld", arg[1], types[st.st_mode >> 12],
		     st.st_mode & 07777, st.st_uid, st.st_gid, major(st.st_rdev),
		     minor(st.st_rdev), (long long)st.st_size);
}

static void stat_fs(char **arg)
{
	struct statfs st;

	if (statfs(arg[1], &st) < 0)
		tell_result(arg, -1);
	else
		tell("statfs:%s=%lx %s %llu", arg[1], (unsigned long)st.f_type,
		     st.f_flags & ST_RDONLY ? "ro" : "rw",
		     (unsigned long long)st.f_blocks * (unsigned long long)st.f_bsize);
}

static void list(char **arg)
{
	DIR *dir = opendir(arg[1]);
	struct dirent *entry;

	if (!dir) {
		tell_result(arg, -1);
		return;
	}
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			tell("list:%s=%s", arg[1], entry->d_name);
	closedir(dir);
}

static void make_dir(char **arg) { tell_result(arg, mkdir(arg[1], 0755)); }
static void remove_file(char **arg) { tell_result(arg, remove(arg[1])); }
static void change_dir(char **arg) { tell_result(arg, chdir(arg[1])); }
static void unmount(char **arg) { tell_result(arg, umount2(arg[1], MNT_DETACH)); }
static void link_to(char **arg) { tell_result(arg, symlink(arg[2], arg[1])); }

static void read_link(char **arg)
{
	char target[PATH_MAX] = "";

	if (readlink(arg[1], target, sizeof(target) - 1) < 0)
		tell_result(arg, -1);
	else
		tell_text(arg, target);
}

/* mknod PATH c|b MAJOR:MINOR */
static void make_node(char **arg)
{
	unsigned int major = 0, minor = 0;

	sscanf(arg[3], "%u:%u", &major, &minor);
	tell_result(arg, mknod(arg[1], (*arg[2] == 'b' ? S_IFBLK : S_IFCHR) | 0600,
			       makedev(major, minor)));
}

/* mount TARGET TYPE SOURCE */
static void mount_fs(char **arg)
{
	tell_result(arg, strcmp(arg[2], "bind") == 0 ?
			 mount(arg[3], arg[1], NULL, MS_BIND, NULL) :
			 mount(arg[3], arg[1], arg[2], 0, NULL));
}

static void send_signal(char **arg) { tell_result(arg, kill(atoi(arg[1]), atoi(arg[2]))); }
static void leave(char **arg) { exit(atoi(arg[1])); }
static void say(char **arg) { tell("%s", arg[1]); }

/* sd_notify(3), without the library. */
static void notify(char **arg)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path ? path : "");
	tell_result(arg, sendto(fd, arg[1], strlen(arg[1]), 0, (struct sockaddr *)&to,
				sizeof(to)) < 0 ? -1 : 0);
	close(fd);
}

static void say_error(char **arg) { fprintf(stderr, "%s\n", arg[1]); }

static void die_by(char **arg)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t one;

	sigaction(atoi(arg[1]), &plain, NULL);
	sigemptyset(&one);
	sigaddset(&one, atoi(arg[1]));
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	raise(atoi(arg[1]));
}

static void rest(char **arg)
{
	long ms = atol(arg[1]);
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&time, &time) < 0)
		;
}

/* syscall NUMBER A B C: each a number; no more than three are needed here. */
static void system_call(char **arg)
{
	tell_result(arg, syscall(atol(arg[1]), strtol(arg[2], NULL, 0), strtol(arg[3], NULL, 0),
				 strtol(arg[4], NULL, 0)));
}

/* scheduler: policy, flags, nice, priority, runtime, deadline, period */
static void scheduler(char **arg)
{
	struct probe_scheduler now = { 0 };

	if (syscall(SYS_sched_getattr, 0, &now, sizeof(now), 0) < 0)
		tell_result(arg, -1);
	else
		tell("scheduler=%u %llu %d %u %llu %llu %llu", now.policy,
		     (unsigned long long)now.flags, now.nice, now.priority,
		     (unsigned long long)now.runtime, (unsigned long long)now.deadline,
		     (unsigned long long)now.period);
}

/* keyring: number and description of the session's, as "type;uid;gid;rights;name". */
static void keyring(char **arg)
{
	char text[2048] = "";
	long id = syscall(SYS_keyctl, 0 /* GET_KEYRING_ID */, -3 /* SESSION */, 0);

	if (id < 0 || syscall(SYS_keyctl, 6 /* DESCRIBE */, id, text, sizeof(text)) < 0)
		tell_result(arg, -1);
	else
		tell("keyring=%ld %s", id, text);
}

/* ioctl FD REQUEST TEXT */
static void io_control(char **arg)
{
	tell_result(arg, ioctl(atoi(arg[1]), strtoul(arg[2], NULL, 0), arg[3]));
}

static void new_namespaces(char **arg)
{
	tell_result(arg, unshare((int)strtol(arg[1], NULL, 0)));
}

/* orphans N: that many processes whose parent is gone, each of which ends soon. */
static void orphans(char **arg)
{
	int made = 0, status;

	for (int i = 0; i < atoi(arg[1]); i++) {
		pid_t pid = fork();

		if (pid == 0) {
			if (fork() == 0)
				_exit(0);
			_exit(0);
		}
		if (pid > 0 && waitpid(pid, &status, 0) == pid)
			made++;
	}
	tell("orphans=%d", made);
}

/* linger MS: a process that outlives this one. */
static void linger(char **arg)
{
	pid_t pid = fork();

	if (pid == 0) {
		rest(arg);
		_exit(0);
	}
	tell("linger=%d", pid);
}

/* How many processes of /proc are in state Z, and how many there are. */
static int zombies_count(int *ret_all)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int dead = 0, all = 0;

	while (proc && (entry = readdir(proc))) {
		char path[300], state = '?';
		FILE *stat;

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		stat = fopen(path, "r");
		if (stat && fscanf(stat, "%*d (%*[^)]) %c", &state) == 1) {
			all++;
			dead += state == 'Z';
		}
		if (stat)
			fclose(stat);
	}
	if (proc)
		closedir(proc);
	*ret_all = all;
	return dead;
}

/* Once only pid 1 and this process are left, or a minute has gone. */
static void zombies(char **arg)
{
	int dead = 0, all = 0;

	(void)arg;
	for (int tries = 0; tries < 6000 && (tries == 0 || dead > 0 || all > 2); tries++) {
		if (tries > 0)
			usleep(10000);
		dead = zombies_count(&all);
	}
	tell("zombies=%d", dead);
	tell("processes=%d", all);
}

/*
 * signals N: blocks all that can be, says "ready", and tells the number of each
 * of the next N that arrive.
 */
static void signals(char **arg)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	tell("ready=1");
	for (int i = 0; i < atoi(arg[1]); i++)
		tell("signal=%d", sigwaitinfo(&all, NULL));
}

/* foreground N: tells when it has the terminal, again behind each of N - 1 SIGCONT. */
static void foreground(char **arg)
{
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, SIGCONT);
	sigprocmask(SIG_BLOCK, &one, NULL);
	for (int i = 1; i <= atoi(arg[1]); i++) {
		if (i > 1)
			sigwaitinfo(&one, NULL);
		while (tcgetpgrp(0) != getpgrp())
			usleep(1000);
		tell("foreground=%d", i);
	}
}

static void report_action(char **arg)
{
	(void)arg;
	report();
}

static const struct action {
	const char *name;
	int arguments;
	void (*run)(char **arg);
} actions[] = {
	{ "report", 0, report_action },
	{ "read", 1, read_file },
	{ "write", 2, write_file },
	{ "open", 2, open_file },
	{ "stat", 1, stat_file },
	{ "statfs", 1, stat_fs },
	{ "list", 1, list },
	{ "mkdir", 1, make_dir },
	{ "remove", 1, remove_file },
	{ "chdir", 1, change_dir },
	{ "readlink", 1, read_link },
	{ "symlink", 2, link_to },
	{ "mknod", 3, make_node },
	{ "mount", 3, mount_fs },
	{ "umount", 1, unmount },
	{ "kill", 2, send_signal },
	{ "exit", 1, leave },
	{ "die", 1, die_by },
	{ "say", 1, say },
	{ "error", 1, say_error },
	{ "notify", 1, notify },
	{ "sleep", 1, rest },
	{ "syscall", 4, system_call },
	{ "scheduler", 0, scheduler },
	{ "keyring", 0, keyring },
	{ "ioctl", 3, io_control },
	{ "unshare", 1, new_namespaces },
	{ "orphans", 1, orphans },
	{ "linger", 1, linger },
	{ "zombies", 0, zombies },
	{ "signals", 1, signals },
	{ "foreground", 1, foreground },
};

int main(int argc, char **argv)
{
	const size_t count = sizeof(actions) / sizeof(actions[0]);
	size_t i;

	for (char **arg = argv + 1; *arg; arg += actions[i].arguments + 1) {
		for (i = 0; i < count && strcmp(actions[i].name, *arg) != 0; i++)
			;
		if (i == count || arg + actions[i].arguments >= argv + argc) {
			fprintf(stderr, "probe: %s: unknown, or too few arguments\n", *arg);
			return 99;
		}
		actions[i].run(arg);
	}
	return 0;
}
