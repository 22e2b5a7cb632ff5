/* SPDX-License-Identifier: Apache-2.0 */
#include "bare.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#ifndef HOSTED
int main(int argc, char **argv);
void start(long *stack);

/* The kernel puts argc, argv, NULL, environment, NULL on the stack, and nothing else in order. */
__asm__ (".globl _start\n_start:\n"
#if defined(__x86_64__)
	 "xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call start\n"
#elif defined(__aarch64__)
	 "mov x29, #0\n mov x30, #0\n mov x0, sp\n and sp, x0, #-16\n b start\n"
#else
	 ".option push\n .option norelax\n lla gp, __global_pointer$\n .option pop\n"
	 "mv a0, sp\n andi sp, sp, -16\n tail start\n"
#endif
	);

__attribute__((used, noreturn)) void start(long *stack)
{
	int code = main((int)stack[0], (char **)(stack + 1));

	for (;;)
		sys(__NR_exit_group, code);
}

void *memcpy(void *to, const void *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((char *)to)[i] = ((const char *)from)[i];
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((char *)to)[i] = (char)byte;
	return to;
}

size_t strlen(const char *text)
{
	size_t size = 0;

	while (text[size] != '\0')
		size++;
	return size;
}

long fork_process(void)
{
	return sys(__NR_clone, SIGCHLD, 0, 0, 0, 0);
}
#else
/* The order of clone's arguments is not the same everywhere: libc knows. */
long fork_process(void)
{
	pid_t pid = fork();

	return pid < 0 ? -errno : pid;
}
#endif

int64_t now_ms(void)
{
	struct timespec now;

	sys(__NR_clock_gettime, CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static char upper(char letter)
{
	return letter >= 'a' && letter <= 'z' ? (char)(letter - 'a' + 'A') : letter;
}

_Bool text_begins(const char *text, const char *prefix)
{
	while (*prefix != '\0' && upper(*text) == upper(*prefix))
		text++, prefix++;
	return *prefix == '\0';
}

_Bool text_equal(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b)
		a++, b++;
	return *a == *b;
}

const char *env_find(char *const *env, const char *name)
{
	size_t size = strlen(name);

	for (; *env != NULL; env++) {
		const char *entry = *env;
		size_t same = 0;

		while (same < size && entry[same] == name[same])
			same++;
		if (same == size && entry[size] == '=')
			return entry + size + 1;
	}
	return NULL;
}

static long exec_file(const char *path, char **args, char *const *env)
{
	long error = sys(__NR_execve, path, args, env);

	/* The word before args is our own argv's, and not needed any more. */
	if (error == -ENOEXEC) {
		char *name = args[0];

		args[-1] = (char *)"sh";
		args[0] = (char *)path;
		sys(__NR_execve, "/bin/sh", args - 1, env);
		args[0] = name;
	}
	return error;
}

long exec_path(char **args, char *const *env)
{
	const char *at = env_find(env, "PATH");
	size_t name_size = strlen(args[0]);
	long error = -ENOENT;
	char path[4096];

	for (size_t i = 0; i < name_size; i++)
		if (args[0][i] == '/')
			return exec_file(args[0], args, env);
	if (name_size == 0)
		return error;
	if (at == NULL)
		at = "/usr/local/bin:/bin:/usr/bin";
	for (;; at++) {
		size_t size = 0;
		long result;

		while (at[size] != '\0' && at[size] != ':')
			size++;
		if (size + name_size + 2 <= sizeof(path)) {
			memcpy(path, at, size);
			path[size] = '/';
			/* An empty word of PATH is the current directory. */
			memcpy(path + size + (size > 0), args[0], name_size + 1);
			result = exec_file(path, args, env);
			if (result == -EACCES)
				error = result;
			else if (result != -ENOENT && result != -ENOTDIR)
				return result;
		}
		at += size;
		if (*at == '\0')
			return error;
	}
}
