/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps PROGRAM COMMAND...
 *
 * Runs the command one instruction at a time, with all that it starts, and prints
 * which addresses of the executable file PROGRAM were executed, in hex, one a line,
 * counted from where the file begins in memory.  What the command leaves running is
 * killed at its end.
 * tests/bench/order.py asks which functions a start needs.
 */
#include <inttypes.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES_MAX = 256, SPAN_MAX = 64 << 20 };

/* Where PROGRAM is in a process's memory; begin is 0 while it executes another one. */
static struct process {
	pid_t pid;
	uint64_t begin, end;
} processes[PROCESSES_MAX];
static unsigned char seen[SPAN_MAX];
static struct stat program;

/* <sys/ptrace.h> and <linux/ptrace.h> do not go together; only the latter has all of it. */
static long trace(long request, pid_t pid, unsigned long address, void *data)
{
	return syscall(SYS_ptrace, request, (long)pid, address, data);
}

/* By the inode: as the root of a mount of its own it is "/" there. */
static void process_find(struct process *process)
{
	char path[64], line[4096 + 128];
	FILE *file;

	process->begin = process->end = 0;
	snprintf(path, sizeof(path), "/proc/%d/maps", process->pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file)) {
		uint64_t begin, end, inode;
		unsigned int major, minor;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %x:%x %" SCNu64, &begin, &end,
			   &major, &minor, &inode) != 5 ||
		    inode != program.st_ino || makedev(major, minor) != program.st_dev)
			continue;
		if (process->begin == 0)
			process->begin = begin;
		process->end = end;
	}
	if (file)
		fclose(file);
}

static struct process *process_of(pid_t pid)
{
	for (size_t i = 0; i < PROCESSES_MAX; i++) {
		if (processes[i].pid == pid)
			return &processes[i];
		if (processes[i].pid != 0)
			continue;
		processes[i].pid = pid;
		process_find(&processes[i]);
		return &processes[i];
	}
	fprintf(stderr, "steps: more than %d processes\n", PROCESSES_MAX);
	exit(1);
}

static void step_note(const struct process *process)
{
	struct ptrace_syscall_info info;

	if (process->begin == 0 ||
	    trace(PTRACE_GET_SYSCALL_INFO, process->pid, sizeof(info), &info) <= 0)
		return;
	if (info.instruction_pointer >= process->begin && info.instruction_pointer < process->end &&
	    info.instruction_pointer - process->begin < SPAN_MAX)
		seen[info.instruction_pointer - process->begin] = 1;
}

/* One stop of one process; it goes on by one instruction. */
static void stop_handle(pid_t pid, int status)
{
	struct process *process = process_of(pid);
	int sig = WSTOPSIG(status), event = status >> 16;

	if (event == PTRACE_EVENT_EXEC)
		process_find(process);
	else if (event == 0 && sig == SIGTRAP)
		step_note(process);
	if (event != 0 || sig == SIGTRAP || sig == SIGSTOP)
		sig = 0;
	trace(PTRACE_SINGLESTEP, pid, 0, (void *)(long)sig);
}

static pid_t begin(char **command)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		trace(PTRACE_TRACEME, 0, 0, NULL);
		raise(SIGSTOP);
		execv(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid ||
	    trace(PTRACE_SETOPTIONS, pid, 0,
		  (void *)(PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
			   PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC)) < 0) {
		perror("steps: trace");
		exit(1);
	}
	trace(PTRACE_SINGLESTEP, pid, 0, NULL);
	return pid;
}

int main(int argc, char **argv)
{
	int status, result = 1;
	pid_t first, pid;

	if (argc < 3)
		return 2;
	if (stat(argv[1], &program) < 0) {
		perror(argv[1]);
		return 1;
	}
	first = begin(argv + 2);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status)) {
			stop_handle(pid, status);
		} else if (pid == first) {
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
			break;
		}
	}
	for (size_t i = 0; i < SPAN_MAX; i++)
		if (seen[i])
			printf("%zx\n", i);
	return result;
}
