/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/probe.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

void tell(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

static void put_escaped(const char *text)
{
	for (; *text; text++)
		if (*text == '\n')
			fputs("\\n", stdout);
		else if (*text == '\\')
			fputs("\\\\", stdout);
		else if ((unsigned char)*text < 32 || *text == 127)
			printf("\\x%02x", (unsigned char)*text);
		else
			putchar(*text);
}

void tell_text(char **arg, const char *text)
{
	printf("%s:%s=", arg[0], arg[1]);
	put_escaped(text);
	putchar('\n');
	fflush(stdout);
}

#define NAME(error) { error, #error }
static const struct { int number; const char *name; } errors[] = {
	NAME(EPERM), NAME(ENOENT), NAME(EIO), NAME(ENXIO), NAME(EBADF), NAME(EAGAIN), NAME(ENOMEM),
	NAME(EACCES), NAME(EBUSY), NAME(EEXIST), NAME(EXDEV), NAME(ENODEV), NAME(ENOTDIR),
	NAME(EISDIR), NAME(EINVAL), NAME(ENOTTY), NAME(ETXTBSY), NAME(ENOSPC), NAME(EROFS),
	NAME(ELOOP), NAME(ENOSYS), NAME(ENOTEMPTY), NAME(EOPNOTSUPP), NAME(ESRCH), NAME(EFAULT),
};

void tell_result(char **arg, long result)
{
	int number = errno;

	if (result >= 0) {
		tell("%s:%s=%ld", arg[0], arg[1], result);
		return;
	}
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].number == number) {
			tell("%s:%s=%s", arg[0], arg[1], errors[i].name);
			return;
		}
	tell("%s:%s=errno %d", arg[0], arg[1], number);
}

static void report_ids(void)
{
	gid_t groups[64];
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;
	int count = getgroups(64, groups);
	mode_t mask = umask(0);

	umask(mask);
	getresuid(&uid, &euid, &suid);
	getresgid(&gid, &egid, &sgid);
	tell("pid=%d", getpid());
	tell("ppid=%d", getppid());
	tell("pgid=%d", getpgid(0));
	tell("sid=%d", getsid(0));
	tell("uid=%u\neuid=%u\nsuid=%u", uid, euid, suid);
	tell("gid=%u\negid=%u\nsgid=%u", gid, egid, sgid);
	printf("groups=");
	for (int i = 0; i < count; i++)
		printf("%s%u", i ? " " : "", groups[i]);
	tell("\numask=%04o", mask);
	tell("dumpable=%d", prctl(PR_GET_DUMPABLE));
	tell("securebits=%d", prctl(PR_GET_SECUREBITS));
	tell("personality=%x", (unsigned int)personality(0xffffffff));
}

/* A file line by line, each "prefix=line"; a tab becomes a blank. */
static void report_lines(const char *path, const char *prefix)
{
	static char line[8192];
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		for (char *p = line; *p; p++)
			if (*p == '\t')
				*p = ' ';
		printf("%s=", prefix);
		put_escaped(line);
		tell("%s", "");
	}
	if (file)
		fclose(file);
}

static void report_status(void)
{
	static const char *const wanted[] = {
		"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
		"Seccomp_filters", "SigBlk", "SigIgn", "SigCgt", "THP_enabled",
		"Cpus_allowed_list", "Mems_allowed_list",
	};
	char line[512];
	FILE *file = fopen("/proc/self/status", "re");

	while (file && fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');

		line[strcspn(line, "\n")] = '\0';
		if (!colon)
			continue;
		*colon++ = '\0';
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (strcmp(line, wanted[i]) == 0)
				tell("%s=%s", line, colon + strspn(colon, " \t"));
	}
	if (file)
		fclose(file);
}

#define LIMIT(name) { RLIMIT_##name, #name }
static void report_limits(void)
{
	static const struct { int resource; const char *name; } limits[] = {
		LIMIT(CPU), LIMIT(FSIZE), LIMIT(DATA), LIMIT(STACK), LIMIT(CORE), LIMIT(RSS),
		LIMIT(NPROC), LIMIT(NOFILE), LIMIT(MEMLOCK), LIMIT(AS), LIMIT(LOCKS),
		LIMIT(SIGPENDING), LIMIT(MSGQUEUE), LIMIT(NICE), LIMIT(RTPRIO), LIMIT(RTTIME),
	};
	struct rlimit limit;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (getrlimit(limits[i].resource, &limit) == 0)
			tell("rlimit.%s=%lld %lld", limits[i].name, (long long)limit.rlim_cur,
			     (long long)limit.rlim_max);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		tell("nofile_soft=%lld\nnofile_hard=%lld", (long long)limit.rlim_cur,
		     (long long)limit.rlim_max);
	tell("nice=%d", getpriority(PRIO_PROCESS, 0));
	tell("scheduler=%ld", syscall(SYS_sched_getscheduler, 0));
}

/* "fd.3=/target flags": the exact set, without the one that lists it. */
static void report_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[64], target[4096] = "";

		if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(dir))
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%.10s", entry->d_name);
		if (readlink(path, target, sizeof(target) - 1) > 0)
			tell("fd.%s=%s", entry->d_name, target);
	}
	if (dir)
		closedir(dir);
}

static void report_namespaces(void)
{
	static const char *const names[] = { "cgroup", "ipc",  "mnt",  "net",
					     "pid",    "time", "user", "uts" };
	struct utsname uts;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64], target[64] = "";

		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		if (readlink(path, target, sizeof(target) - 1) > 0)
			tell("ns.%s=%s", names[i], target);
	}
	uname(&uts);
	tell("hostname=%s", uts.nodename);
	tell("domainname=%s", uts.domainname);
}

static void report_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	char line[256], address[64] = "";
	int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	FILE *file = fopen("/proc/net/if_inet6", "re");

	if (ioctl(socket_fd, SIOCGIFFLAGS, &request) == 0)
		tell("lo_up=%d", (request.ifr_flags & IFF_UP) != 0);
	if (ioctl(socket_fd, SIOCGIFADDR, &request) == 0)
		tell("lo_ipv4=%s",
		     inet_ntop(AF_INET, &((struct sockaddr_in *)&request.ifr_addr)->sin_addr,
			       address, sizeof(address)));
	close(socket_fd);
	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, " lo\n"))
			tell("lo_ipv6=%.32s", line);
	if (file)
		fclose(file);
}

static void report_terminal(void)
{
	struct winsize size;

	for (int fd = 0; fd < 3; fd++)
		tell("tty.%d=%d", fd, isatty(fd));
	if (ioctl(0, TIOCGWINSZ, &size) == 0)
		tell("window=%ux%u", size.ws_col, size.ws_row);
}

void report(void)
{
	extern char **environ;
	char cwd[4096];

	report_ids();
	report_status();
	report_limits();
	report_fds();
	report_namespaces();
	report_loopback();
	report_terminal();
	tell("cwd=%s", getcwd(cwd, sizeof(cwd)) ? cwd : "?");
	for (char **env = environ; *env; env++)
		tell("env=%s", *env);
	report_lines("/proc/self/mountinfo", "mount");
	report_lines("/proc/self/cgroup", "cgroup");
	report_lines("/proc/self/uid_map", "uid_map");
	report_lines("/proc/self/gid_map", "gid_map");
	report_lines("/proc/self/timens_offsets", "time_offset");
	report_lines("/proc/self/oom_score_adj", "oom_score_adj");
	report_lines("/proc/1/comm", "pid1");
	tell("end=1");
}
