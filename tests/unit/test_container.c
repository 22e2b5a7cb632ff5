/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "config/init_option.h"
#include "config/subid.h"
#include "runtime/command/command.h"
#include "runtime/container.h"
#include "runtime/journal.h"
#include "runtime/state.h"

static struct arena arena;
static struct error err;
static char root[40];

static void root_make(void)
{
	strcpy(root, "/tmp/kist-test-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
}

/* Names that the tests make, two levels at most. */
static void root_remove(void)
{
	static const char *const names[] = { "/web/journal", "/~web/journal", "/web", "/~web", "" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[80];

		snprintf(path, sizeof(path), "%s%s", root, names[i]);
		if (unlink(path) < 0)
			rmdir(path);
	}
}

TestSuite(claim, .init = root_make, .fini = root_remove);

static int claim(struct container *c)
{
	int root_fd = container_root_open(root, false, &err);

	cr_assert_geq(root_fd, 0, "%s", err.text);
	return container_claim(c, &arena, root, root_fd, "web", &err);
}

static bool exists(const char *name)
{
	struct stat st;
	char path[80];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return lstat(path, &st) == 0;
}

Test(container, ids_are_one_safe_word)
{
	static const char *const good[] = { "a", "A-1_b+c.d", "-x", "0123456789abcdef" };
	static const char *const bad[] = {
		"", ".", "..", ".x", "a/b", "a b", "a\n", "~a", "\xc3\xa4",
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		cr_expect_eq(container_id_check(good[i], &err), 0, "%s", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cr_expect_eq(container_id_check(bad[i], &err), -1, "%s", bad[i]);
		cr_expect_str_eq(err.text, "invalid container ID format: letters, digits, \"_\", "
					   "\"+\", \"-\", and \".\" but in front");
	}
}

/* A directory of that name is made, also of a cgroup. */
Test(container, an_id_is_as_long_as_a_file_name_can_be)
{
	char id[257];

	memset(id, 'a', 256);
	id[256] = '\0';
	cr_expect_eq(container_id_check(id, &err), -1);
	cr_expect_str_eq(err.text, "invalid container ID format: 255 letters at most");
	id[255] = '\0';
	cr_expect_eq(container_id_check(id, &err), 0);
}

Test(container, a_process_descends_from_its_parents)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(!process_descends_from(getppid()) || process_descends_from(getpid()));
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0);
	cr_expect_not(process_descends_from(pid));
}

Test(container, start_time_tells_a_process_from_its_successor)
{
	uint64_t own, again, none;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_expect_not(process_start_time(pid, &none));
	cr_expect(process_start_time(getpid(), &own));
	cr_expect(process_start_time(getpid(), &again));
	cr_expect_eq(own, again);
	cr_expect_gt(own, 0);
}

Test(claim, gives_the_name_once)
{
	struct container c, other;

	cr_assert_eq(claim(&c), 0, "%s", err.text);
	cr_expect(exists("web/journal"));
	cr_expect_not(exists("~web"));
	c.bundle = c.root_path = c.oci_version = "";
	cr_assert_eq(state_save(&c, &err), 0, "%s", err.text);
	cr_expect_eq(claim(&other), -1);
	cr_expect_str_eq(err.text, "container with given ID already exists");
	cr_expect_not(exists("~web"));
	cr_expect_eq(container_destroy(&c, NULL, &err), 0, "%s", err.text);
	cr_expect_not(exists("web"));
	container_close(&c);
}

Test(claim, takes_over_from_a_killed_one)
{
	struct container c;
	pid_t pid = fork();

	if (pid == 0) {
		if (claim(&c) == 0)
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_assert(exists("web/journal"));
	cr_expect_eq(claim(&c), 0, "%s", err.text);
	container_destroy(&c, NULL, &err);
	container_close(&c);
}

Test(claim, leaves_one_alone_that_is_being_made)
{
	struct container c, other;
	int ready[2], status;
	pid_t pid;
	char byte;

	cr_assert_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (claim(&c) == 0 && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	cr_expect_eq(claim(&other), -1);
	cr_expect_str_eq(err.text, "container with given ID already exists");
	cr_expect(exists("web/journal"));
	kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
}

Test(claim, takes_no_directory_of_another_program_for_its_own)
{
	struct container c;
	char path[80];

	snprintf(path, sizeof(path), "%s/web", root);
	cr_assert_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/web/journal", root);
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_expect_eq(claim(&c), -1);
	cr_expect(exists("web/journal"));
}

Test(claim, wants_a_root_that_nobody_else_can_write)
{
	cr_assert_eq(chmod(root, 0777), 0);
	cr_expect_eq(container_root_open(root, false, &err), -1);
	cr_expect_not_null(strstr(err.text, "may be written by others"), "%s", err.text);
	cr_assert_eq(chmod(root, 0700), 0);
	cr_expect_eq(container_root_open("/nonexistent/root", false, &err), -1);
	cr_expect_eq(err.code, ENOENT);
}

Test(subid, finds_a_range_by_name_or_number)
{
	static const char text[] = "root:1:2\nbob:100000:65536\n1001:200000:65536\nbad:x:1\n";
	uint32_t first, count;

	cr_assert(subid_find(text, "bob", 1000, &first, &count));
	cr_expect_eq(first, 100000);
	cr_expect_eq(count, 65536);
	cr_assert(subid_find(text, "eve", 1001, &first, &count));
	cr_expect_eq(first, 200000);
	cr_expect_not(subid_find(text, "eve", 1002, &first, &count));
	cr_expect_not(subid_find(text, "bad", 7, &first, &count));
	cr_expect_not(subid_find("", "bob", 1000, &first, &count));
}

/* runtime/made.h repeats config/init_option.c's table, for its macros cannot be made from it. */
Test(run, has_a_flag_for_each_option_of_the_init)
{
	const struct command *run = command_find(&kist_commands, "run");
	size_t flags = 0, wanted = 0;

	for (const struct init_option *o = init_options; o->name != NULL; o++, wanted++) {
		const struct option *row = run->options;
		const char *name = arena_printf(&arena, "init-%s", o->name);

		while (row->name != NULL && strcmp(row->name, name) != 0)
			row++;
		cr_assert_not_null(row->name, "--%s", name);
		cr_expect_str_eq(row->help, o->help);
		cr_expect_eq(row->value == NULL, o->argument == NULL, "--%s", name);
	}
	for (const struct option *row = run->options; row->name != NULL; row++)
		flags += strncmp(row->name, "init-", 5) == 0;
	cr_expect_eq(flags, wanted);
}

Test(claim, is_not_abandoned_where_its_lock_cannot_be_looked_at)
{
	struct container c = CONTAINER_NONE;

	c.lock_fd = open("/tmp", O_PATH | O_CLOEXEC);
	cr_expect_eq(container_abandoned(&c, &err), -1);
	cr_expect_eq(container_status(&c), CONTAINER_CREATING);
	container_close(&c);
}
