/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User-mode Linux before 6.16 hands ptrace(2) an XSAVE area of at most 2696
 * bytes.  Where the CPU's is larger (AMX), the host's Linux refuses
 * PTRACE_SETREGSET with EFAULT, and the guest's first process dies.  Preloaded
 * into it, this widens the area on the way down and cuts it on the way up.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	XSTATE = 0x202,		/* NT_X86_XSTATE */
	HEADER = 512,		/* where the list of components stands */
	KNOWN = 0x2ff,		/* those that fit: all before AMX */
};

static char area[65536] __attribute__((aligned(64)));
static size_t area_size;

static void keep_known(char *xsave)
{
	*(uint64_t *)(xsave + HEADER) &= KNOWN;
}

static long transfer(long request, long pid, struct iovec *theirs)
{
	struct iovec whole = { area, sizeof(area) };

	if (request == PTRACE_GETREGSET || area_size == 0) {
		if (syscall(SYS_ptrace, PTRACE_GETREGSET, pid, XSTATE, &whole) < 0)
			return -1;
		area_size = whole.iov_len;
	}
	if (area_size <= theirs->iov_len)
		return syscall(SYS_ptrace, request, pid, XSTATE, theirs);
	if (request == PTRACE_GETREGSET) {
		memcpy(theirs->iov_base, area, theirs->iov_len);
		if (theirs->iov_len >= HEADER + 8)
			keep_known(theirs->iov_base);
		return 0;
	}
	memset(area, 0, area_size);
	memcpy(area, theirs->iov_base, theirs->iov_len);
	keep_known(area);
	whole.iov_len = area_size;
	return syscall(SYS_ptrace, PTRACE_SETREGSET, pid, XSTATE, &whole);
}

long ptrace(enum __ptrace_request request, ...)
{
	va_list ap;
	long pid, value;
	void *address, *data;

	va_start(ap, request);
	pid = va_arg(ap, int);
	address = va_arg(ap, void *);
	data = va_arg(ap, void *);
	va_end(ap);
	if ((request == PTRACE_GETREGSET || request == PTRACE_SETREGSET) && (long)address == XSTATE)
		return transfer(request, pid, data);
	if (request != PTRACE_PEEKTEXT && request != PTRACE_PEEKDATA && request != PTRACE_PEEKUSER)
		return syscall(SYS_ptrace, request, pid, address, data);
	/* libc returns what the kernel stores. */
	if (syscall(SYS_ptrace, request, pid, address, &value) < 0)
		return -1;
	errno = 0;
	return value;
}
