/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/state.h"

static struct arena arena;
static struct error err;

Test(state, writes_times_as_go_does)
{
	static const struct { struct timespec time; const char *text; } times[] = {
		{ { 0, 0 }, "1970-01-01T00:00:00Z" },
		{ { 951827696, 500000000 }, "2000-02-29T12:34:56.5Z" },
		{ { 1795305639, 123456789 }, "2026-11-22T00:00:39.123456789Z" },
		{ { 4107542400, 1 }, "2100-03-01T00:00:00.000000001Z" },
		{ { 4102444799, 120 }, "2099-12-31T23:59:59.00000012Z" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		struct text out = { .arena = &arena };

		state_print_time(&out, &times[i].time);
		cr_expect_str_eq(out.data, times[i].text);
	}
}

/* Against libc, over 400 years, at a step that is no multiple of a day. */
Test(state, knows_the_calendar)
{
	for (time_t at = 0; at < (time_t)400 * 366 * 86400; at += 100003) {
		struct text out = { .arena = &arena };
		struct timespec time = { .tv_sec = at };
		char expected[64];
		struct tm tm;

		gmtime_r(&at, &tm);
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &tm);
		state_print_time(&out, &time);
		cr_assert_str_eq(out.data, expected);
		arena_free(&arena);
		arena = (struct arena){ 0 };
	}
}

static struct container sample(int dir_fd)
{
	static struct annotation annotations[] = { { "a", "1" }, { "b\"\n", "zwei" } };
	struct container c = CONTAINER_NONE;

	c.arena = &arena;
	c.root = "/root-of-all";
	c.id = "web";
	c.dir_fd = dir_fd;
	c.bundle = "/srv/b \"quoted\"";
	c.root_path = "/srv/b/rootfs";
	c.oci_version = "1.2.0";
	c.pid = 4711;
	c.start_time = UINT64_MAX;
	c.created = (struct timespec){ 1795305639, 5 };
	c.owner = 1000;
	c.detached = true;
	c.annotations.items = annotations;
	c.annotations.count = ARRAY_SIZE(annotations);
	c.cgroup.host = CGROUP_HYBRID;
	c.cgroup.manager = CGROUP_SYSTEMD;
	c.cgroup.path = "/a.slice/web";
	c.cgroup.scope = "kist-web.scope";
	return c;
}

/* A directory; with its file it is gone when the test ends, however that comes about. */
static char scratch_path[32];

static int scratch(void)
{
	int fd;

	strcpy(scratch_path, "/tmp/kist-test-XXXXXX");
	cr_assert_not_null(mkdtemp(scratch_path));
	fd = open(scratch_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	return fd;
}

static void scratch_remove(void)
{
	char file[64];

	snprintf(file, sizeof(file), "%s/state.json", scratch_path);
	unlink(file);
	rmdir(scratch_path);
}

TestSuite(state_file, .fini = scratch_remove);

/* Saved, and loaded as another command does. */
static void read_back(struct container *c, struct container *ret)
{
	cr_assert_eq(state_save(c, &err), 0, "%s", err.text);
	ret->arena = &arena;
	ret->id = "web";
	ret->dir_fd = c->dir_fd;
	cr_assert_eq(state_load(ret, &err), 0, "%s", err.text);
}

Test(state_file, comes_back_as_it_was_saved)
{
	_cleanup_fd int dir_fd = scratch();
	struct container c = sample(dir_fd), back = CONTAINER_NONE;

	read_back(&c, &back);
	cr_expect_str_eq(back.bundle, c.bundle);
	cr_expect_str_eq(back.root_path, c.root_path);
	cr_expect_str_eq(back.oci_version, c.oci_version);
	cr_expect_eq(back.pid, c.pid);
	cr_expect_eq(back.start_time, c.start_time);
	cr_expect_eq(back.created.tv_sec, c.created.tv_sec);
	cr_expect_eq(back.created.tv_nsec, c.created.tv_nsec);
	cr_expect_eq(back.owner, c.owner);
	cr_expect(back.detached);
	cr_assert_eq(back.annotations.count, 2);
	cr_expect_str_eq(back.annotations.items[1].key, "b\"\n");
	cr_expect_eq(back.cgroup.host, CGROUP_HYBRID);
	cr_expect_eq(back.cgroup.manager, CGROUP_SYSTEMD);
	cr_expect_str_eq(back.cgroup.path, "/a.slice/web");
	cr_expect_str_eq(back.cgroup.scope, "kist-web.scope");
}

/* systemd escapes what stands in the names of units. */
Test(state_file, comes_back_whatever_is_in_the_cgroups_name)
{
	_cleanup_fd int dir_fd = scratch();
	struct container c = sample(dir_fd), back = CONTAINER_NONE;

	c.cgroup.host = CGROUP_UNIFIED;
	c.cgroup.path = "/my\\x2dteam.slice/\"web\"\n";
	read_back(&c, &back);
	cr_expect_str_eq(back.cgroup.path, c.cgroup.path);
}

Test(state_file, comes_back_with_long_annotations_or_is_not_saved)
{
	_cleanup_fd int dir_fd = scratch();
	struct container c = sample(dir_fd), back = CONTAINER_NONE;
	char *value = arena_alloc(&arena, (16 << 20) + 1);
	struct annotation annotation = { "a", value };

	c.annotations.items = &annotation;
	c.annotations.count = 1;
	back.arena = &arena;
	back.id = "web";
	back.dir_fd = dir_fd;
	memset(value, 'x', 15 << 20);
	cr_assert_eq(state_save(&c, &err), 0, "%s", err.text);
	cr_assert_eq(state_load(&back, &err), 0, "%s", err.text);
	cr_expect_str_eq(back.annotations.items[0].value, value);
	memset(value, 'x', 16 << 20);
	cr_expect_eq(state_save(&c, &err), -1);
	cr_expect_not_null(strstr(err.text, "its annotations are too long"), "%s", err.text);
	cr_expect_eq(state_load(&back, &err), 0, "%s", err.text);
}

Test(state_file, comes_back_with_paths_of_any_bytes)
{
	_cleanup_fd int dir_fd = scratch();
	struct container c = sample(dir_fd), back = CONTAINER_NONE;
	struct text out = { .arena = &arena };

	c.bundle = "/srv/\xff\x01\xc3\xa9";
	c.root_path = "/srv/\xff\x01\xc3\xa9/rootfs";
	read_back(&c, &back);
	cr_expect_str_eq(back.bundle, c.bundle);
	cr_expect_str_eq(back.root_path, c.root_path);
	/* What others read is JSON. */
	state_print_hook(&out, &back, "created");
	cr_expect_not_null(strstr(out.data, "/srv/\xef\xbf\xbd\\u0001\xc3\xa9\""), "%s", out.data);
}

Test(state_file, says_that_it_is_damaged)
{
	static const char *const files[] = {
		"", "{", "[]", "{}", "{\"init_process_pid\":-1}", "{\"id\":\"web\"}",
	};
	_cleanup_fd int dir_fd = scratch();

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct container back = CONTAINER_NONE;

		back.arena = &arena;
		back.id = "web";
		back.root = "/run/kist";
		back.dir_fd = dir_fd;
		cr_assert_eq(file_replace(dir_fd, "state.json", files[i], strlen(files[i]), 0600,
					  &err), 0);
		cr_expect_eq(state_load(&back, &err), -1, "%s", files[i]);
		cr_expect_not_null(strstr(err.text, "state of web is damaged"), "%s: %s", files[i],
				   err.text);
	}
}

Test(state, prints_what_runc_prints)
{
	struct container c = sample(-EBADF);
	struct text out = { .arena = &arena };

	c.annotations.count = 1;
	c.bundle = "/srv/b";
	state_print(&out, &c, CONTAINER_RUNNING, true, "");
	cr_expect_str_eq(out.data,
			 "{\n  \"ociVersion\": \"1.3.0\",\n  \"id\": \"web\",\n  \"pid\": 4711,\n"
			 "  \"status\": \"running\",\n  \"bundle\": \"/srv/b\",\n"
			 "  \"rootfs\": \"/srv/b/rootfs\",\n"
			 "  \"created\": \"2026-11-22T00:00:39.000000005Z\",\n"
			 "  \"annotations\": {\n    \"a\": \"1\"\n  },\n  \"owner\": \"\"\n}");
	out = (struct text){ .arena = &arena };
	c.annotations.count = 0;
	state_print(&out, &c, CONTAINER_STOPPED, false, "root");
	cr_expect_str_eq(
		out.data,
		"{\"ociVersion\":\"1.3.0\",\"id\":\"web\",\"pid\":0,\"status\":\"stopped\","
		"\"bundle\":\"/srv/b\",\"rootfs\":\"/srv/b/rootfs\","
		"\"created\":\"2026-11-22T00:00:39.000000005Z\",\"owner\":\"root\"}");
}
