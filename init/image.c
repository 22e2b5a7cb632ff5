/* SPDX-License-Identifier: Apache-2.0 */
#include "init/image.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/sys.h"
#include "init/pid1/pid1.h"

/* Linux 6.3 wants to be told that it is a program, and may refuse otherwise (vm.memfd_noexec). */
static int image_memfd(void)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(PID1_NAME, flags | MFD_EXEC);

	return fd < 0 && errno == EINVAL ? memfd_create(PID1_NAME, flags) : fd;
}

int init_image_open(struct error *err)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	_cleanup_fd int fd = image_memfd();

	if (fd < 0) {
		error_errno(err, "make a memfd for the init program");
		return err->code == EACCES ? error_hint(err, "sysctl vm.memfd_noexec forbids it") :
					     -1;
	}
	if (fd_write_all(fd, init_image_start, (size_t)(init_image_end - init_image_start)) < 0)
		return error_errno(err, "write the init program");
	if (fchmod(fd, 0555) < 0)
		return error_errno(err, "chmod the init program");
	/* F_SEAL_EXEC is of Linux 6.3 too; the mode cannot matter to who may not write. */
	if (fcntl(fd, F_ADD_SEALS, seals | F_SEAL_EXEC) < 0 && fcntl(fd, F_ADD_SEALS, seals) < 0)
		return error_errno(err, "seal the init program");
	return fd_take(&fd);
}
