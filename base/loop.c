/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

enum { TRIES = 16, EROFS_OFFSET = 1024 };

int loop_open(const char *file, char ret_path[32], struct error *err)
{
	_cleanup_fd int file_fd = open(file, O_RDONLY | O_CLOEXEC);
	_cleanup_fd int control_fd = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

	if (file_fd < 0)
		return error_errno(err, "open %s", file);
	if (control_fd < 0)
		return error_errno(err, "open /dev/loop-control, to mount %s", file);
	/* Between the number and the device others may take it. */
	for (int i = 0; i < TRIES; i++) {
		struct loop_config config = {
			.fd = (uint32_t)file_fd,
			.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR,
		};
		int number = ioctl(control_fd, LOOP_CTL_GET_FREE);
		_cleanup_fd int fd = -EBADF;

		if (number < 0)
			return error_errno(err, "find a free loop device");
		snprintf(ret_path, 32, "/dev/loop%d", number);
		fd = open(ret_path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return error_errno(err, "open %s", ret_path);
		if (ioctl(fd, LOOP_CONFIGURE, &config) == 0)
			return fd_take(&fd);
		if (errno != EBUSY)
			return error_errno(err, "make %s of %s", ret_path, file);
	}
	return error_number(err, EBUSY, "find a free loop device");
}

const char *loop_detect(const char *file)
{
	_cleanup_fd int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	unsigned char magic[4];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	if (pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && memcmp(magic, "hsqs", 4) == 0)
		return "squashfs";
	if (pread(fd, magic, sizeof(magic), EROFS_OFFSET) == sizeof(magic) &&
	    memcmp(magic, "\xe2\xe1\xf5\xe0", 4) == 0)
		return "erofs";
	return NULL;
}
