/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer [-n ROUNDS] [-p COPIES] [-m MOUNTS -d DIR] -- COMMAND... [-- COMMAND...]...
 *
 * Runs the commands ROUNDS times, each time in another order, for what the kernel
 * still takes down of one is paid for by the next, and prints a line for each:
 *	median, lowest and highest tenth in microseconds; peak memory in KiB; median of CPU time
 * or "failed STATUS".  With -p a round starts that many copies at once and waits
 * for all.  "@" in an argument becomes a number that is used once.  With -m so
 * many file systems are mounted below DIR first.
 *
 * A program of its own, and static, because the peak memory of a process
 * begins with that of the one that forked it, and forking Python takes longer
 * than what is measured.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { COMMANDS_MAX = 16, ARGS_MAX = 32, COPIES_MAX = 1024, ROUNDS_MAX = 10000 };

static struct command {
	char **args;
	int count, status;
	long peak;
	uint32_t samples[ROUNDS_MAX], used[ROUNDS_MAX];
} commands[COMMANDS_MAX];

extern char **environ;
static posix_spawn_file_actions_t quiet;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static uint64_t microseconds(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

/* The argument with a number in the place of "@". */
static void fill_in(char *to, size_t size, const char *arg)
{
	static unsigned int number;
	const char *at = strchr(arg, '@');

	if (at)
		snprintf(to, size, "%.*s%d-%u%s", (int)(at - arg), arg, getpid(), number++, at + 1);
	else
		snprintf(to, size, "%s", arg);
}

static pid_t start(const struct command *command)
{
	static char texts[ARGS_MAX][4096];
	char *args[ARGS_MAX + 1] = { NULL };
	pid_t pid;

	for (int i = 0; i < command->count; i++) {
		fill_in(texts[i], sizeof(texts[i]), command->args[i]);
		args[i] = texts[i];
	}
	return posix_spawn(&pid, args[0], &quiet, NULL, args, environ) == 0 ? pid : -1;
}

static void measure(struct command *command, int copies, int round)
{
	uint64_t began = now(), used = 0;
	struct rusage usage;
	int status;

	for (int i = 0; i < copies; i++)
		if (start(command) < 0)
			command->status = 127;
	while (wait4(-1, &status, 0, &usage) > 0) {
		if (status != 0)
			command->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
		if (usage.ru_maxrss > command->peak)
			command->peak = usage.ru_maxrss;
		used += microseconds(&usage.ru_utime) + microseconds(&usage.ru_stime);
	}
	if (round < 0)
		return;
	command->samples[round] = (uint32_t)((now() - began) / 1000);
	command->used[round] = (uint32_t)used;
}

static int compare(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print(struct command *command, int rounds)
{
	if (command->status != 0) {
		printf("failed %d\n", command->status);
		return;
	}
	qsort(command->samples, (size_t)rounds, sizeof(command->samples[0]), compare);
	qsort(command->used, (size_t)rounds, sizeof(command->used[0]), compare);
	printf("%u %u %u %ld %u\n", command->samples[rounds / 2], command->samples[rounds / 10],
	       command->samples[rounds - 1 - rounds / 10], command->peak,
	       command->used[rounds / 2]);
}

static void make_mounts(const char *directory, int count)
{
	char path[4096];

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%d", directory, i);
		if ((mkdir(path, 0755) < 0 && errno != EEXIST) ||
		    mount("bench", path, "tmpfs", 0, "size=4k") < 0) {
			perror(path);
			exit(1);
		}
	}
}

/* The same orders in each run of the program. */
static void shuffle(int *order, int count)
{
	for (int i = count - 1; i > 0; i--) {
		int other = rand() % (i + 1), kept = order[i];

		order[i] = order[other];
		order[other] = kept;
	}
}

static void measure_all(int count, int copies, int rounds)
{
	int order[COMMANDS_MAX];

	for (int i = 0; i < count; i++)
		order[i] = i;
	/* The first rounds fill caches, and are not counted. */
	for (int round = -2; round < rounds; round++) {
		shuffle(order, count);
		for (int i = 0; i < count; i++)
			if (commands[order[i]].status == 0)
				measure(&commands[order[i]], copies, round);
	}
}

static int read_commands(int argc, char **argv)
{
	int count = 0;

	for (int i = optind; i < argc && count < COMMANDS_MAX; i++) {
		if (strcmp(argv[i], "--") == 0 || count == 0)
			commands[count++].args = argv + i + (strcmp(argv[i], "--") == 0);
		if (strcmp(argv[i], "--") != 0)
			commands[count - 1].count++;
	}
	return count;
}

int main(int argc, char **argv)
{
	int option, rounds = 100, copies = 1, mounts = 0, count;
	const char *directory = "/tmp";

	while ((option = getopt(argc, argv, "n:p:m:d:")) > 0) {
		if (option == 'n')
			rounds = atoi(optarg) < ROUNDS_MAX ? atoi(optarg) : ROUNDS_MAX;
		else if (option == 'p')
			copies = atoi(optarg) < COPIES_MAX ? atoi(optarg) : COPIES_MAX;
		else if (option == 'm')
			mounts = atoi(optarg);
		else if (option == 'd')
			directory = optarg;
		else
			return 2;
	}
	count = read_commands(argc, argv);
	make_mounts(directory, mounts);
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	if (!getenv("BENCH_LOUD"))
		posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
	measure_all(count, copies, rounds);
	for (int i = 0; i < count; i++)
		print(&commands[i], rounds);
	return 0;
}
