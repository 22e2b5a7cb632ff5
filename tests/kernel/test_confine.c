/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rootfs-tools/confine/confine.h"
#include "tests/kernel/child.h"

/* What the filter of who unpacks leaves, asked from inside. */

static void *told(void *argument)
{
	*(bool *)argument = true;
	return NULL;
}

static int filtered(void *context _unused)
{
	static const struct { const char *name; int number; } calls[] = {
#define CALL(name) { #name, SYS_##name }
		CALL(mount), CALL(umount2), CALL(pivot_root), CALL(chroot), CALL(open_tree),
		CALL(move_mount), CALL(fsopen), CALL(mount_setattr), CALL(unshare), CALL(setns),
		CALL(execve), CALL(execveat), CALL(ptrace), CALL(process_vm_writev), CALL(kill),
		CALL(pidfd_getfd), CALL(socket), CALL(bpf), CALL(keyctl), CALL(init_module),
		CALL(open_by_handle_at), CALL(io_uring_setup), CALL(userfaultfd), CALL(setuid),
		CALL(capset), CALL(ioctl), CALL(prctl), CALL(personality), CALL(perf_event_open),
	};
	static const unsigned long flags[] = {
		CLONE_NEWNS | CLONE_FS | SIGCHLD,
		CLONE_VM | CLONE_NEWNS | CLONE_FS | SIGCHLD,
		CLONE_VM | CLONE_THREAD | CLONE_NEWUSER,
	};
	struct error err;
	pthread_t thread;
	bool ran = false;

	CHECK_WITH(err, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && confine_calls(&err) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		error_set(&err, "%s", calls[i].name);
		CHECK_WITH(err, syscall(calls[i].number, 0, 0, 0, 0, 0, 0) < 0 && errno == EPERM);
	}
	/* The kernel says EINVAL of each of these, should it come to that. */
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		error_set(&err, "clone with %#lx", flags[i]);
		CHECK_WITH(err, syscall(SYS_clone, flags[i], 0, 0, 0, 0) < 0 && errno == EPERM);
	}
	/* Where it would be another error, the C library would make no thread. */
	CHECK_WITH(err, syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS);
	error_set(&err, "threads");
	CHECK_WITH(err, pthread_create(&thread, NULL, told, &ran) == 0);
	CHECK_WITH(err, pthread_join(thread, NULL) == 0 && ran);
	return 0;
}

Test(confine, has_threads_and_files_and_nothing_else)
{
	cr_expect_eq(child_status(filtered, NULL), 0);
}
