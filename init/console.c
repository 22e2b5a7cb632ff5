/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "init/device.h"
#include "init/step.h"
#include "init/tree.h"

/*
 * A pty of the container's own devpts.  The directory is known to be a devpts,
 * and "ptmx" in a devpts with nothing mounted on it is the kernel's, whatever
 * the image has at /dev/ptmx, /dev/pts or /dev/console (CVE-2025-52565).
 */
static int master_open(const struct init *in, struct error *err)
{
	_cleanup_fd int dir_fd = path_open(in->root_fd, "/dev/pts", O_PATH | O_DIRECTORY, err);
	_cleanup_fd int fd = -EBADF;
	struct statfs fs;
	int unlock = 0;

	if (dir_fd < 0)
		return -1;
	if (fstatfs(dir_fd, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return error_set(err, "/dev/pts is not a devpts, and a terminal needs one");
	fd = path_open_strict(dir_fd, "ptmx", O_RDWR | O_NOCTTY, err);
	if (fd < 0 || device_check(fd, S_IFCHR, 5, 2, "/dev/pts/ptmx", err) < 0)
		return -1;
	if (ioctl(fd, TIOCSPTLCK, &unlock) < 0)
		return error_errno(err, "unlock the pty");
	return fd_take(&fd);
}

static int console_size(const struct process_plan *process, int fd, struct error *err)
{
	struct winsize size = {
		.ws_col = (unsigned short)process->console_width.value,
		.ws_row = (unsigned short)process->console_height.value,
	};

	if (!process->console_width.set || !process->console_height.set)
		return 0;
	return ioctl(fd, TIOCSWINSZ, &size) == 0 ? 0 : error_errno(err, "set the terminal's size");
}

static int console_send(const struct init *in, int master_fd, struct error *err)
{
	unsigned int number;
	char name[32];

	if (in->console_socket < 0)
		return error_set(err, "a terminal is wanted, and there is no console socket");
	if (ioctl(master_fd, TIOCGPTN, &number) < 0)
		return error_errno(err, "ask for the pty's number");
	snprintf(name, sizeof(name), "/dev/pts/%u", number);
	if (fd_send(in->console_socket, &master_fd, 1, name, strlen(name), err) < 0)
		return error_wrap(err, "console socket");
	return 0;
}

/* On /dev/console itself: a link there could lead the bind anywhere in the root. */
static int console_bind(const struct init *in, int slave_fd, struct error *err)
{
	char name[256];
	_cleanup_fd int parent_fd = path_make_parent(in->root_fd, "/dev/console", name, err);
	_cleanup_fd int file_fd = -EBADF, target_fd = -EBADF, tree_fd = -EBADF;
	struct stat st;

	if (parent_fd < 0)
		return -1;
	file_fd = openat(parent_fd, name,
			 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
	if (file_fd < 0 && errno != EEXIST)
		return error_errno(err, "make /dev/console");
	target_fd = openat(parent_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target_fd < 0 || fstat(target_fd, &st) < 0)
		return error_errno(err, "open /dev/console");
	if (S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode))
		return error_number(err, EEXIST, "/dev/console is a link or directory");
	tree_fd = tree_clone(slave_fd, "", false, err);
	return tree_fd >= 0 ? tree_attach(tree_fd, target_fd, "/dev/console", err) : -1;
}

static int stdio_replace(int fd, struct error *err)
{
	for (int stream = 0; stream <= STDERR_FILENO; stream++)
		if (dup2(fd, stream) < 0)
			return error_errno(err, "put the terminal on fd %d", stream);
	return 0;
}

/*
 * Out of the caller's session, so that its terminal is out of reach
 * (TIOCSTI, CVE-2017-5226).  Where an init is pid 1, its child makes the
 * session that has the terminal (exec.c).
 */
int step_session(const struct plan *plan, struct init *in, struct error *err)
{
	(void)plan;
	(void)in;
	return setsid() >= 0 ? 0 : error_errno(err, "start a session");
}

static bool is_exec(const struct plan *plan, const struct init *in)
{
	return in->process != &plan->process;
}

int step_console(const struct plan *plan, struct init *in, struct error *err)
{
	_cleanup_fd int master_fd = -EBADF, slave_fd = -EBADF;

	if (!in->process->terminal)
		return 0;
	master_fd = master_open(in, err);
	if (master_fd < 0)
		return -1;
	slave_fd = ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave_fd < 0)
		return error_errno(err, "open the pty's other end");
	if (console_size(in->process, slave_fd, err) < 0 ||
	    console_send(in, master_fd, err) < 0 ||
	    (!is_exec(plan, in) && console_bind(in, slave_fd, err) < 0) ||
	    stdio_replace(slave_fd, err) < 0)
		return -1;
	if (in->init_image < 0 && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
		return error_errno(err, "take the terminal");
	return 0;
}
