/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"
#include "config/id_map.h"
#include "runtime/clone.h"
#include "runtime/idmap.h"
#include "tests/kernel/child.h"

#define USER	4711
#define NOBODY	65534	/* has a name, which newuidmap wants */

/* What a fact needs, and what it came to; in memory that its fork shares. */
struct attempt {
	struct id_map maps[4];
	size_t count;
	uid_t caller;
	bool hide_helpers, ignore_children;
	const char *ranges;	/* what /etc/subuid and subgid hold */
};

static struct arena arena;

static int linger(void *context)
{
	int *ends = context;
	char byte;

	close(ends[1]);
	return read(ends[0], &byte, 1) == 0 ? 0 : 1;
}

static void hide(const char *path)
{
	int fd = sys_open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd >= 0)
		sys_move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
}

static bool ranges_give(const char *text)
{
	char from[] = "/tmp/kist-subid-XXXXXX";
	_cleanup_fd int fd = mkstemp(from);
	bool given = fd >= 0 && fchmod(fd, 0644) == 0 && fd_write_once(fd, text) == 0;

	for (int i = 0; i < 2 && given; i++) {
		_cleanup_fd int tree =
			sys_open_tree(AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

		given = sys_move_mount(tree, "", AT_FDCWD, i == 0 ? "/etc/subuid" : "/etc/subgid",
				       MOVE_MOUNT_F_EMPTY_PATH) == 0;
	}
	unlink(from);
	return given;
}

/* Prints the map that came out, or the error, to fd 1, which is a pipe. */
static int attempt_run(void *context)
{
	const struct attempt *attempt = context;
	id_map_list list = { (struct id_map *)(uintptr_t)attempt->maps, attempt->count };
	struct clone_request request = CLONE_REQUEST_INIT;
	struct mount_attr private = { .propagation = 1UL << 18 };
	struct clone_result child;
	struct error err = { 0 };
	char path[64], *text = NULL;
	int ends[2], status;

	if (unshare(CLONE_NEWNS) < 0 ||
	    sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private) < 0 || pipe(ends) < 0)
		return 2;
	if (attempt->hide_helpers) {
		hide("/usr/bin/newuidmap");
		hide("/usr/bin/newgidmap");
	}
	if (attempt->ranges != NULL && !ranges_give(attempt->ranges))
		return 2;
	if (attempt->ignore_children)
		signal(SIGCHLD, SIG_IGN);
	if (setresgid(attempt->caller, attempt->caller, attempt->caller) < 0 ||
	    setresuid(attempt->caller, attempt->caller, attempt->caller) < 0 ||
	    prctl(PR_SET_DUMPABLE, 1) < 0)
		return 2;
	request.flags = CLONE_NEWUSER;
	if (clone_process(&request, linger, ends, &child, &err) < 0) {
		puts(err.text);
		return fflush(stdout);
	}
	status = idmap_write(&arena, child.pid, &list, &list, &err);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", child.pid);
	if (status == 0 && file_read(AT_FDCWD, path, 4096, &arena, &text, NULL, &err) == 0)
		for (char *line = strtok_r(text, "\n", &text); line;
		     line = strtok_r(NULL, "\n", &text)) {
			unsigned int a, b, c;

			if (sscanf(line, "%u %u %u", &a, &b, &c) == 3)
				printf("%u %u %u\n", a, b, c);
		}
	else
		puts(err.text);
	clone_kill(&child);
	return fflush(stdout);
}

static const char *outcome(struct attempt attempt)
{
	static char said[2048];
	int ends[2];
	ssize_t size;
	pid_t pid;

	cr_assert_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		_exit(attempt_run(&attempt));
	}
	close(ends[1]);
	cr_expect_eq(child_wait(pid), 0);
	size = read(ends[0], said, sizeof(said) - 1);
	close(ends[0]);
	said[size > 0 ? size : 0] = '\0';
	return said;
}

Test(idmap, of_any_number_of_ranges_is_written_by_root)
{
	child_need_root();
	cr_expect_str_eq(outcome((struct attempt){ .maps = { { 0, 100000, 1000 }, { 1000, 5, 1 },
							     { 1001, 200000, 64000 } },
						   .count = 3 }),
			 "0 100000 1000\n1000 5 1\n1001 200000 64000\n");
}

Test(idmap, of_the_own_id_needs_no_rights)
{
	child_need_root();
	cr_expect_str_eq(outcome((struct attempt){ .maps = { { 0, USER, 1 } }, .count = 1,
						   .caller = USER, .hide_helpers = true }),
			 "0 4711 1\n");
}

Test(idmap, that_overlaps_is_refused_with_the_reason)
{
	const char *said;

	child_need_root();
	said = outcome(
		(struct attempt){ .maps = { { 0, 1000, 10 }, { 5, 2000, 10 } }, .count = 2 });
	cr_expect_str_eq(said, "write gid_map: invalid argument: ranges overlap, or there are too "
			       "many (340 at most)\n");
}

Test(idmap, says_which_line_is_missing)
{
	const char *said;

	child_need_root();
	if (access("/usr/bin/newuidmap", X_OK) < 0)
		cr_skip_test("newuidmap is not installed");
	said = outcome((struct attempt){ .maps = { { 0, USER, 1 }, { 1, 3000000, 65536 } },
					 .count = 2, .caller = USER });
	cr_expect_not_null(strstr(said, "/etc/subgid must give this user gids 3000000 to 3065535: "
					"the line \"4711:3000000:65536\" there does\n"),
			   "%s", said);
}

Test(idmap, is_written_by_the_helper_whoever_takes_its_status)
{
	child_need_root();
	if (access("/usr/bin/newuidmap", X_OK) < 0 || access("/etc/subuid", F_OK) < 0)
		cr_skip_test("newuidmap is not installed");
	for (int ignored = 0; ignored < 2; ignored++) {
		struct attempt attempt = { .maps = { { 0, NOBODY, 1 }, { 1, 3000000, 65536 } },
					   .count = 2,
					   .caller = NOBODY,
					   .ignore_children = ignored,
					   .ranges = "65534:3000000:65536\n" };

		cr_expect_str_eq(outcome(attempt), "0 65534 1\n1 3000000 65536\n");
		attempt.ranges = "65534:3000000:65535\n";
		cr_expect_not_null(strstr(outcome(attempt), "/etc/subgid must give this user"));
	}
}

Test(idmap, says_that_the_helper_is_not_installed)
{
	child_need_root();
	cr_expect_str_eq(
		outcome((struct attempt){ .maps = { { 0, USER, 1 }, { 1, 3000000, 65536 } },
					  .count = 2,
					  .caller = USER,
					  .hide_helpers = true }),
		"write gid_map: newgidmap is not installed (package uidmap), and without it "
		"an ordinary user can only map its own id: operation not permitted\n");
}

Test(idmap, has_the_form_that_the_kernel_takes)
{
	struct id_map maps[] = { { 0, 1000, 1 }, { 1, 100000, 65535 } };
	id_map_list list = { maps, 2 };

	cr_expect_str_eq(id_map_text(&arena, &list), "0 1000 1\n1 100000 65535\n");
}
