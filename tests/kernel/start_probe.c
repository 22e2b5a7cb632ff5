/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start_probe WORD: says what libc's start has left, in lines that do not depend on where
 * the program lies in memory.  test_libc_start.c runs it twice: linked with libc's own start, and
 * with runtime/libc_start.c.  "overrun" writes over the end of a buffer,
 * "nothing" ends at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/rseq.h>
#include <sys/single_threaded.h>
#include <unistd.h>

enum { COPY_MAX = 4 << 20, STATUS = 42 };

static int constructed;
static _Thread_local int number = 7;
static _Thread_local char aligned[64] __attribute__((aligned(64))) = "of each thread";

__attribute__((constructor)) static void construct(int argc, char **argv, char **env)
{
	constructed = argc > 0 && argv[argc] == NULL && env == environ ? argc : -1;
}

__attribute__((destructor)) static void destroy(void)
{
	printf("destructor, %s\n", stdout == NULL ? "no stdout" : "stdout");
}

static void at_exit(void)
{
	printf("atexit\n");
}

static void *thread(void *unused)
{
	(void)unused;
	printf("thread: %d, %s, %d, errno %d\n", number, aligned, (uintptr_t)aligned % 64 == 0,
	       errno);
	errno = ENOENT;
	return aligned;
}

static void threads(void)
{
	pthread_t id;
	void *where;

	number = 8;
	errno = 0;
	printf("threads: single %d\n", __libc_single_threaded);
	if (pthread_create(&id, NULL, thread, NULL) != 0 || pthread_join(id, &where) != 0)
		abort();
	printf("main: %d, errno %d, %s\n", number, errno, where != aligned ? "apart" : "the same");
}

/* How many bytes come out wrong; to has room for size and eight more. */
static size_t copy(unsigned char *to, const unsigned char *from, size_t size)
{
	size_t wrong = 0;

	memset(to, 0xee, size + 8);
	memcpy(to + 3, from + 1, size);
	for (size_t i = 0; i < size; i++)
		wrong += to[i + 3] != from[i + 1];
	wrong += (to[2] != 0xee) + (to[size + 3] != 0xee);
	memmove(to + 5, to + 3, size);
	for (size_t i = 0; i < size; i++)
		wrong += to[i + 5] != from[i + 1];
	memset(to + 1, 'x', size);
	to[size + 1] = '\0';
	return wrong + (strlen((char *)to + 1) != size);
}

/* Of all sizes at which copies are made in another way. */
static void copies(void)
{
	unsigned char *from = malloc(COPY_MAX + 8), *to = malloc(COPY_MAX + 8);
	size_t wrong = 0, count = 0;

	for (size_t i = 0; i < COPY_MAX + 8; i++)
		from[i] = (unsigned char)(i * 2654435761U >> 13);
	for (size_t size = 0; size < COPY_MAX; size += 1 + size / 16, count++)
		wrong += copy(to, from, size);
	printf("copies: %zu, %zu wrong\n", count, wrong);
	free(from);
	free(to);
}

/* That of a signal's stack is each start's own guess where the kernel does not tell. */
static void sizes(void)
{
	bool told = getauxval(AT_MINSIGSTKSZ) != 0;
	long least = sysconf(_SC_MINSIGSTKSZ), usual = sysconf(_SC_SIGSTKSZ);

	printf("sysconf: %ld %ld %ld %d\n", told ? least : least >= 2048,
	       told ? usual : usual >= 8192, sysconf(_SC_PAGESIZE), getpagesize());
}

static void jump(void)
{
	jmp_buf place;
	volatile int times = 0;

	if (setjmp(place) < 3) {
		times++;
		longjmp(place, times + 1);
	}
	printf("jumps: %d\n", times);
}

static void guards(void)
{
	uintptr_t canary, pointer;

	__asm__("mov %%fs:0x28, %0" : "=r"(canary));
	__asm__("mov %%fs:0x30, %0" : "=r"(pointer));
	printf("guards: %d %d %d\n", canary != 0, (canary & 0xff) == 0,
	       pointer != 0 && pointer != canary);
}

__attribute__((noinline)) static void overrun(volatile char *buffer, size_t size)
{
	for (size_t i = 0; i < size; i++)
		buffer[i] = 'x';
}

int main(int argc, char **argv)
{
	char buffer[16] = "";
	volatile unsigned char *byte = malloc(1);

	if (argc > 1 && strcmp(argv[1], "overrun") == 0)
		overrun(buffer, sizeof(buffer) * 4);
	if (argc < 3)
		return 0;
	/* GLIBC_TUNABLES' perturb fills what malloc gives. */
	printf("malloc: %d\n", byte ? *byte : -1);
	free((void *)(uintptr_t)byte);
	atexit(at_exit);
	printf("%s:", program_invocation_short_name);
	for (int i = 0; i < argc; i++)
		printf(" %s", argv[i] + (i == 0 ? (int)(strrchr(argv[0], '/') - argv[0]) : 0));
	for (char **env = environ; *env; env++)
		printf(" %s", *env);
	printf("\nconstructed %d, page %lu, secure %lu, stdin %d, random %d\n", constructed,
	       getauxval(AT_PAGESZ), getauxval(AT_SECURE), fcntl(0, F_GETFD) >= 0,
	       getauxval(AT_RANDOM) != 0);
	printf("rseq: size %u, flags %u, here %d\n", __rseq_size, __rseq_flags, __rseq_offset != 0);
	sizes();
	guards();
	jump();
	threads();
	copies();
	printf("%.3f %.6Lf %.4f %s", 0.5, 1.25L, pow(argc, 0.5), buffer);
	return STATUS;
}
