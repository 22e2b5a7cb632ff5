/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include "base/sys.h"
#include "tests/kernel/child.h"
#include "tests/kernel/stage.h"

#define RUN(step)	step(&s->plan, &s->in, &s->err)

static int devpts(struct stage *s, int *ret_socket)
{
	struct mount_plan *m = stage_mounts(s, 1);
	int ends[2];

	m->destination = "/dev/pts";
	m->type = "devpts";
	m->data = "newinstance,ptmxmode=0666,mode=0620";
	CHECK(RUN(step_mounts) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	s->in.console_socket = ends[0];
	s->plan.process.terminal = true;
	*ret_socket = ends[1];
	return 0;
}

STAGE_TEST(console, the_master_and_its_name_are_sent_and_stdio_is_the_terminal)
{
	int socket, master = -1;
	size_t count = 1;
	char name[64] = "", text[8] = "";
	struct winsize size;
	struct stat console, terminal;

	CHECK(devpts(s, &socket) == 0);
	s->plan.process.console_width = (struct opt_u64){ true, 77 };
	s->plan.process.console_height = (struct opt_u64){ true, 33 };
	CHECK(RUN(step_session) == 0 || getpid() == getsid(0));
	CHECK(RUN(step_console) == 0);
	CHECK(fd_receive(socket, &master, &count, name, sizeof(name) - 1, &s->err) > 0);
	CHECK(strcmp(name, "/dev/pts/0") == 0 && count == 1);
	CHECK(ioctl(master, TIOCGWINSZ, &size) == 0 && size.ws_col == 77 && size.ws_row == 33);
	CHECK(isatty(0) && isatty(1) && fstat(0, &terminal) == 0);
	CHECK(fstat(stage_open(s, "/dev/console"), &console) == 0);
	CHECK(console.st_ino == terminal.st_ino && console.st_dev == terminal.st_dev);
	CHECK(write(master, "hi\n", 3) == 3 && read(0, text, 3) == 3);
	CHECK(memcmp(text, "hi\n", 3) == 0);
	CHECK(tcgetsid(0) == getsid(0));
	return 0;
}

STAGE_TEST(console, a_forged_console_is_refused)
{
	int socket;

	CHECK(devpts(s, &socket) == 0);
	stage_file(s, "/victim", "text");
	stage_link(s, "/victim", "/dev/console");
	FAILS_WITH(RUN(step_console), "/dev/console is a link or directory");
	CHECK(unlinkat(s->in.root_fd, "dev/console", 0) == 0);
	CHECK(mkdirat(s->in.root_fd, "dev/console", 0755) == 0);
	FAILS_WITH(RUN(step_console), "/dev/console is a link or directory");
	CHECK(strcmp(stage_read(s, "/victim"), "text") == 0);
	return 0;
}

STAGE_TEST(console, a_forged_pts_is_refused)
{
	s->plan.process.terminal = true;
	FAILS_WITH(RUN(step_console), "/dev/pts");
	stage_dir(s, "/dev/pts", 0755);
	CHECK(mknodat(s->in.root_fd, "dev/pts/ptmx", S_IFCHR | 0666, makedev(5, 2)) == 0);
	FAILS_WITH(RUN(step_console), "/dev/pts is not a devpts");
	return 0;
}

STAGE_TEST(console, without_a_terminal_nothing_is_touched)
{
	struct stat before, after;

	CHECK(fstat(0, &before) == 0);
	CHECK(RUN(step_console) == 0);
	CHECK(fstat(0, &after) == 0 && before.st_ino == after.st_ino);
	return 0;
}
