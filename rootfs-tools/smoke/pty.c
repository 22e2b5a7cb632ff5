/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/pty.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "base/fd.h"

int pty_open(int *ret_master, int *ret_slave, struct error *err)
{
	_cleanup_fd int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	const struct winsize size = { .ws_row = 24, .ws_col = 80 };
	int slave;

	if (master < 0 || unlockpt(master) < 0)
		return error_errno(err, "make a terminal");
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return error_errno(err, "open the terminal");
	ioctl(slave, TIOCSWINSZ, &size);
	*ret_master = fd_take(&master);
	*ret_slave = slave;
	return 0;
}
