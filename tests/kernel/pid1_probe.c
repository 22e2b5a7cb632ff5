/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What kist-init is given to run in test_pid1.c: one word says what it does. */

static void signals_block(void)
{
	const uint64_t all = ~UINT64_C(0);

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
}

/* Prints the next count signals, with the value that sigqueue(3) gave them. */
static int signals_print(int count)
{
	const uint64_t all = ~UINT64_C(0);
	siginfo_t info;

	signals_block();
	puts("ready");
	while (count-- > 0) {
		if (syscall(SYS_rt_sigtimedwait, &all, &info, NULL, sizeof(all)) < 0)
			return 1;
		printf("%d %d\n", info.si_signo,
		       info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
	}
	return 0;
}

/* Leaves count orphans to the init, which all end in the same moment; then stays. */
static int orphans_make(int count)
{
	int hold[2], made[2];
	char byte;

	if (pipe(hold) < 0 || pipe(made) < 0)
		return 1;
	if (fork() == 0) {
		close(hold[1]);
		for (int i = 0; i < count; i++) {
			pid_t pid = fork();

			if (pid < 0)
				_exit(1);
			if (pid == 0)
				_exit((int)read(hold[0], &byte, 1));
		}
		_exit(write(made[1], "", 1) != 1);
	}
	close(hold[0]);
	if (read(made[0], &byte, 1) != 1)
		return 1;
	close(hold[1]);
	puts("ready");
	pause();
	return 0;
}

static int terminal_print(void)
{
	printf("foreground %d group %d session %d\n", tcgetpgrp(STDIN_FILENO) == getpgrp(),
	       getpgrp() == getpid(), getsid(0) == getpid());
	puts("ready");
	pause();
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int number = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;
	const struct rlimit no_core = { 0 };

	setvbuf(stdout, NULL, _IOLBF, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	alarm(240);
	if (strcmp(what, "signals") == 0)
		return signals_print(number);
	if (strcmp(what, "orphans") == 0)
		return orphans_make(number);
	if (strcmp(what, "terminal") == 0)
		return terminal_print();
	if (strcmp(what, "ignore-term") == 0) {
		signal(SIGTERM, SIG_IGN);
		puts("ready");
		sleep(30);
	}
	/* A daemon: leaves a process behind in a session of its own, for number ms. */
	if (strcmp(what, "daemon") == 0) {
		pid_t program = getpid();

		if (fork() == 0) {
			setsid();
			while (getppid() == program)
				usleep(1000);
			puts("orphaned");
			usleep((useconds_t)number * 1000);
			puts("daemon ended");
		}
		return 5;
	}
	if (strcmp(what, "die") == 0)
		kill(getpid(), number);
	return what[0] == 'e' ? number : 99;
}
