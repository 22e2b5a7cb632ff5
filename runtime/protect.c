/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/protect.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/fd.h"
#include "base/sys.h"

#define SELF		"/proc/self/exe"
#define SEALS		(F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

/*
 * The launcher executes us by name from the folder that it has open, follows no link, and leaves
 * the folder open where that is read-only: the kernel tells which fd that is ("/dev/fd/4/kist").
 * A look into /proc/self would tell as well, and cost a start 1 %.
 */
static bool started_from_read_only(void)
{
	static const char before[] = "/dev/fd/", behind[] = "/kist";
	const char *path = (const char *)(uintptr_t)getauxval(AT_EXECFN);
	_cleanup_fd int folder_fd = -EBADF;
	struct statvfs fs;
	char *end;
	long fd;

	if (path == NULL || strncmp(path, before, strlen(before)) != 0)
		return false;
	fd = strtol(path + strlen(before), &end, 10);
	if (strcmp(end, behind) != 0 || fd <= STDERR_FILENO || fd > INT_MAX ||
	    fstatvfs((int)fd, &fs) < 0)
		return false;
	folder_fd = (int)fd;
	return fs.f_flag & ST_RDONLY;
}

static bool is_protected(int exe_fd)
{
	struct statvfs fs;
	struct stat st;
	int seals = fcntl(exe_fd, F_GET_SEALS);

	if (fstatvfs(exe_fd, &fs) == 0 && (fs.f_flag & ST_RDONLY))
		return true;
	if (seals >= 0 && (seals & F_SEAL_WRITE))
		return true;
	/* An ordinary user's container has at most that user's rights over the host's files. */
	return geteuid() != 0 && fstat(exe_fd, &st) == 0 && st.st_uid != geteuid() &&
	       faccessat(AT_FDCWD, SELF, W_OK, AT_EACCESS) < 0;
}

/* From a read-only clone of its mount, as the launcher does it. */
static void start_from_tree(int exe_fd, char *const *argv)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };
	_cleanup_fd int fd = sys_open_tree(exe_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
					   AT_EMPTY_PATH);

	if (fd >= 0 && sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr) == 0)
		sys_execveat(fd, "", argv, environ, AT_EMPTY_PATH);
}

static int copy_sealed(int exe_fd, struct error *err)
{
	_cleanup_fd int fd = memfd_create("kist", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	struct stat st;
	off_t at = 0;

	/* Linux before 6.3 does not know MFD_EXEC, and makes them executable anyway. */
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("kist", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || fstat(exe_fd, &st) < 0)
		return error_errno(err, "copy the runtime to memory");
	while (at < st.st_size)
		if (sendfile(fd, exe_fd, &at, (size_t)(st.st_size - at)) <= 0)
			return error_errno(err, "copy the runtime to memory");
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return error_errno(err, "seal the runtime's copy");
	return fd_take(&fd);
}

int protect_self(char *const *argv, struct error *err)
{
	_cleanup_fd int exe_fd = -EBADF, copy_fd = -EBADF;

	if (started_from_read_only())
		return 0;
	exe_fd = open(SELF, O_RDONLY | O_CLOEXEC);
	if (exe_fd < 0)
		return error_errno(err, "open %s", SELF);
	if (is_protected(exe_fd))
		return 0;
	if (geteuid() == 0)
		start_from_tree(exe_fd, argv);
	copy_fd = copy_sealed(exe_fd, err);
	if (copy_fd < 0)
		return -1;
	sys_execveat(copy_fd, "", argv, environ, AT_EMPTY_PATH);
	return error_errno(err, "start the runtime from its copy");
}
