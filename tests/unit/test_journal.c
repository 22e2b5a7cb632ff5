/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/journal.h"

static struct arena arena;
static struct error err;

static int journal_new(void)
{
	int fd = (int)memfd_create("journal", MFD_CLOEXEC);

	cr_assert_geq(fd, 0);
	cr_assert_eq(fcntl(fd, F_SETFL, O_APPEND), 0);
	return fd;
}

Test(journal, gives_back_what_was_added)
{
	_cleanup_fd int fd = journal_new();
	struct cgroup cgroup = CGROUP_INIT;
	struct journal read;

	cgroup.host = CGROUP_HYBRID;
	cgroup.manager = CGROUP_SYSTEMD;
	cgroup.path = "/a b/c\nd\\e";
	cgroup.scope = "kist-x.scope";
	cr_assert_eq(journal_add_text(fd, &arena, "bundle", "/srv/with blank\nand line", &err), 0);
	cr_assert_eq(journal_add_text(fd, &arena, "foreground", NULL, &err), 0);
	cr_assert_eq(journal_add_cgroup(fd, &arena, &cgroup, &err), 0);
	cr_assert_eq(journal_add_process(fd, 4711, UINT64_MAX, &err), 0);
	cr_assert_eq(journal_read(fd, &arena, &read, &err), 0, "%s", err.text);
	cr_expect_str_eq(read.bundle, "/srv/with blank\nand line");
	cr_expect(read.foreground);
	cr_assert(read.has_cgroup);
	cr_expect_eq(read.cgroup.host, CGROUP_HYBRID);
	cr_expect_eq(read.cgroup.manager, CGROUP_SYSTEMD);
	cr_expect_str_eq(read.cgroup.path, "/a b/c\nd\\e");
	cr_expect_str_eq(read.cgroup.scope, "kist-x.scope");
	cr_expect_eq(read.pid, 4711);
	cr_expect_eq(read.start_time, UINT64_MAX);
}

Test(journal, reads_a_cgroup_that_was_not_made)
{
	_cleanup_fd int fd = journal_new();
	struct cgroup cgroup = CGROUP_INIT;
	struct journal read;

	cr_assert_eq(journal_add_cgroup(fd, &arena, &cgroup, &err), 0);
	cr_assert_eq(journal_read(fd, &arena, &read, &err), 0);
	cr_expect(read.has_cgroup);
	cr_expect_null(read.cgroup.path);
	cr_expect_null(read.cgroup.scope);
}

Test(journal, ignores_a_line_that_a_full_disk_cut)
{
	static const char cut[] = "bundle /b\nprocess 12 34\nprocess 56 7";
	_cleanup_fd int fd = journal_new();
	struct journal read;

	cr_assert_eq(fd_write_all(fd, cut, sizeof(cut) - 1), 0);
	cr_assert_eq(journal_read(fd, &arena, &read, &err), 0);
	cr_expect_str_eq(read.bundle, "/b");
	cr_expect_eq(read.pid, 12);
	cr_expect_eq(read.start_time, 34);
}

/* A child that holds the lock until it is killed; returns when it has it. */
static pid_t holder_start(int fd, enum journal_lock which)
{
	int ready[2];
	char byte;
	pid_t pid;

	cr_assert_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (journal_lock(fd, which, &err) == 0 && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

Test(journal, is_locked_by_one_process_and_free_when_that_is_killed)
{
	_cleanup_fd int fd = journal_new();
	pid_t pid = holder_start(fd, JOURNAL_CHANGE);

	cr_expect_eq(journal_lock(fd, JOURNAL_CHANGE, &err), -1);
	cr_expect_eq(err.code, EAGAIN);
	cr_expect_eq(journal_holder(fd, JOURNAL_CHANGE, &err), pid);
	cr_expect_eq(journal_holder(fd, JOURNAL_WATCH, &err), 0);
	kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_expect_eq(journal_holder(fd, JOURNAL_CHANGE, &err), 0);
	cr_expect_eq(journal_lock(fd, JOURNAL_CHANGE, &err), 0);
}

Test(journal, lock_is_not_inherited)
{
	_cleanup_fd int fd = journal_new();
	int status;
	pid_t pid;

	cr_assert_eq(journal_lock(fd, JOURNAL_CHANGE, &err), 0);
	pid = fork();
	if (pid == 0)
		_exit(journal_holder(fd, JOURNAL_CHANGE, &err) == getppid() ? 0 : 1);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0);
}

Test(journal, is_not_free_where_that_cannot_be_told)
{
	_cleanup_fd int fd = open("/tmp", O_PATH | O_CLOEXEC);

	err.text[0] = '\0';
	cr_expect_eq(journal_holder(fd, JOURNAL_CHANGE, &err), -1);
	cr_expect_str_eq(err.text, "look who has locked the container: bad file descriptor");
}
