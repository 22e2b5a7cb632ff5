/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/attack/trouble.h"

#include <errno.h>
#include <sys/syscall.h>

#include "base/compiler.h"

static const int errnos[] = { EIO, ENOMEM, EINTR, EMFILE, ENOSPC, EPERM, ENOSYS };
static const int killed[] = { 0 };

const struct trouble_list trouble_faults = { errnos, ARRAY_SIZE(errnos) };
const struct trouble_list trouble_kills = { killed, ARRAY_SIZE(killed) };

/*
 * What cannot fail, or not without having done it, or by which threads wait for ever.  brk gives
 * the old end of the heap where it fails, and no errno: libc takes that for an address.
 */
static const int infallible[] = {
	__NR_close,	 __NR_munmap,  __NR_set_tid_address, __NR_getpid,
	__NR_gettid,	 __NR_getppid, __NR_getuid,	     __NR_geteuid,
	__NR_getgid,	 __NR_getegid, __NR_umask,	     __NR_rt_sigreturn,
	__NR_futex,	 __NR_brk,
#ifdef __NR_arch_prctl
	__NR_arch_prctl,
#endif
};

/* Without these the dynamic loader and libc crash, before main() or behind it, or in a thread. */
static const int vital[] = { __NR_mmap, __NR_mprotect, __NR_rseq };

static bool is_one_of(const int *calls, size_t count, int call)
{
	for (size_t i = 0; i < count; i++)
		if (calls[i] == call)
			return true;
	return false;
}

struct trouble trouble_of(const struct trouble_list *list, unsigned int at, unsigned int stride)
{
	return (struct trouble){ .at = at, .number = list->numbers[at / stride % list->count] };
}

enum engine_verdict trouble_at(void *context, const struct engine_stop *stop, int *ret_errno)
{
	struct trouble *trouble = context;

	if (stop->index != trouble->at)
		return ENGINE_CONTINUE;
	if (trouble->number == 0)
		return ENGINE_KILL;
	trouble->infallible = is_one_of(infallible, ARRAY_SIZE(infallible), stop->call);
	trouble->vital = is_one_of(vital, ARRAY_SIZE(vital), stop->call);
	*ret_errno = trouble->number;
	return trouble->infallible ? ENGINE_CONTINUE : ENGINE_FAIL;
}

enum engine_verdict trouble_at_call(void *context, const struct engine_stop *stop, int *ret_errno)
{
	struct trouble_call *trouble = context;

	if (stop->call != trouble->call || trouble->seen++ != trouble->at)
		return ENGINE_CONTINUE;
	trouble->done = true;
	*ret_errno = EIO;
	return ENGINE_FAIL;
}
