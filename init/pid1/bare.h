/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

/*
 * What kist-init has in the place of a libc.  Start-up code, thread-local
 * errno and locks of even a small libc are three pages in every container
 * (40 KiB against 24), and glibc's costs half a millisecond of CPUID traps;
 * five calls of a libc would be used.  Where the machine is none of those
 * below, the same program is built with the libc there is (HOSTED).
 *
 * Every call returns what the kernel returns: -errno where it failed.
 */
#if !defined(HOSTED) && !defined(__x86_64__) && !defined(__aarch64__) && \
	!(defined(__riscv) && __riscv_xlen == 64)
#define HOSTED
#endif

#if defined(HOSTED)
#include <errno.h>

static inline long sys5(long number, long a, long b, long c, long d, long e)
{
	long result = syscall(number, a, b, c, d, e);

	return result < 0 ? -errno : result;
}
#elif defined(__x86_64__)
static inline long sys5(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long result;

	__asm__ volatile ("syscall"
			  : "=a"(result)
			  : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			  : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
static inline long sys5(long number, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;

	__asm__ volatile ("svc #0"
			  : "+r"(x0)
			  : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			  : "memory");
	return x0;
}
#else
static inline long sys5(long number, long a, long b, long c, long d, long e)
{
	register long a7 __asm__("a7") = number;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;

	__asm__ volatile ("ecall"
			  : "+r"(a0)
			  : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4)
			  : "memory");
	return a0;
}
#endif

/* sys(__NR_name, up to five arguments), numbers or pointers. */
#define sys(...)			sys_pick(__VA_ARGS__, 0, 0, 0, 0, 0)
#define sys_pick(number, a, b, c, d, e, ...) \
	sys5((number), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

/* bare.c; the names are C's, since the compiler calls some of them by itself. */
void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
size_t strlen(const char *text);

/* True where text begins with prefix, whatever the case of its letters. */
_Bool text_begins(const char *text, const char *prefix);
_Bool text_equal(const char *a, const char *b);
/* The value of NAME= in env, or NULL. */
const char *env_find(char *const *env, const char *name);
/* As execvp(3), of glibc: searches PATH, and gives a script without "#!" to sh.  Returns -errno. */
long exec_path(char **args, char *const *env);
long fork_process(void);
int64_t now_ms(void);	/* CLOCK_MONOTONIC */
