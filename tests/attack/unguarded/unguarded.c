/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/attack/unguarded/unguarded.h"

#include <linux/capability.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"

static const char *guards;

/* At the start: what kist runs later has another environment. */
__attribute__((constructor)) static void guards_read(void)
{
	guards = getenv("KIST_WITHOUT_GUARD");
}

bool without(const char *guard)
{
	size_t length = strlen(guard);

	for (const char *at = guards; at != NULL && *at != '\0';) {
		size_t word = strcspn(at, ",");

		if (word == length && strncmp(at, guard, word) == 0)
			return true;
		at += word + (at[word] == ',');
	}
	return false;
}

long REAL(syscall)(long number, long a, long b, long c, long d, long e, long f);
long WRAPPED(syscall)(long number, ...);

/* As runtimes did it once: the path behind the root's, and the kernel follows what is there. */
static long openat2_naive(long dir_fd, const char *path, const struct open_how *asked, long size)
{
	struct open_how how = *asked;

	how.resolve = 0;
	path += strspn(path, "/");
	return REAL(syscall)(__NR_openat2, dir_fd, (long)(*path != '\0' ? path : "."), (long)&how,
			     size, 0, 0);
}

static struct __user_cap_data_struct set[_LINUX_CAPABILITY_U32S_3];
static bool was_set;

/* Inheritable is what the caller had; reading back shows what was asked for. */
static long capset_naive(long header, struct __user_cap_data_struct *data)
{
	struct __user_cap_data_struct had[_LINUX_CAPABILITY_U32S_3];

	if (without("inheritable") &&
	    REAL(syscall)(__NR_capget, header, (long)had, 0, 0, 0, 0) == 0)
		for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
			data[i].inheritable |= had[i].inheritable & data[i].permitted;
	memcpy(set, data, sizeof(set));
	was_set = true;
	return REAL(syscall)(__NR_capset, header, (long)data, 0, 0, 0, 0);
}

long WRAPPED(syscall)(long number, ...)
{
	long arg[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		arg[i] = va_arg(list, long);
	va_end(list);
	if (number == __NR_openat2 && without("resolver"))
		return openat2_naive(arg[0], (const char *)arg[1], (const struct open_how *)arg[2],
				     arg[3]);
	if (number == __NR_close_range && without("fds"))
		return 0;
	if (number == __NR_seccomp && without("filter"))
		return 0;
	if (number == __NR_getcwd && without("cwd")) {
		memcpy((char *)arg[0], "/", 2);
		return 2;
	}
	if (number == __NR_capset)
		return capset_naive(arg[0], (struct __user_cap_data_struct *)arg[1]);
	if (number == __NR_capget && was_set && without("readback")) {
		memcpy((struct __user_cap_data_struct *)arg[1], set, sizeof(set));
		return 0;
	}
	return REAL(syscall)(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}
