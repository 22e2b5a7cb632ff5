/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"
#include "base/table.h"
#include "base/text.h"

Test(error, tells_the_chain_from_the_outside_in)
{
	struct error err;

	errno = ENOENT;
	cr_assert_eq(error_errno(&err, "open tree %s", "/srv/data"), -1);
	cr_assert_eq(error_wrap(&err, "mount: /mounts/%d", 3), -1);
	cr_expect_str_eq(err.text,
			 "mount: /mounts/3: open tree /srv/data: no such file or directory");
	cr_expect_eq(err.code, ENOENT);
}

Test(error, is_cut_and_never_overrun)
{
	struct error err;
	char longer[3000];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	error_set(&err, "%s", longer);
	cr_expect_eq(strlen(err.text), sizeof(err.text) - 1);
	error_wrap(&err, "%s", longer);
	error_hint(&err, "do %s", longer);
	cr_expect_eq(strlen(err.text), sizeof(err.text) - 1);
}

Test(arena, hands_out_zeroed_aligned_memory)
{
	struct arena arena = { 0 };
	static const size_t sizes[] = { 1, 15, 4096, 70000, 3, 200000, 64 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned char *memory = arena_alloc(&arena, sizes[i]);

		cr_expect_eq((uintptr_t)memory % _Alignof(max_align_t), 0);
		for (size_t j = 0; j < sizes[i]; j++)
			cr_assert_eq(memory[j], 0);
		memset(memory, 0xff, sizes[i]);
	}
	cr_expect_str_eq(arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
	arena_free(&arena);
	cr_expect_null(arena.block);
}

static const struct {
	const char *text;
	bool valid;
	uint64_t value;
} numbers[] = {
	{ "0", true, 0 }, { "18446744073709551615", true, UINT64_MAX },
	{ "18446744073709551616", false, 0 }, { "", false, 0 }, { " 1", false, 0 },
	{ "1 ", false, 0 }, { "-1", false, 0 }, { "+1", false, 0 }, { "0x10", false, 0 },
	{ "007", true, 7 },
};

Test(text, takes_strict_numbers_only)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint64_t value = 42;

		cr_expect_eq(text_to_u64(numbers[i].text, UINT64_MAX, &value), numbers[i].valid,
			     "\"%s\"", numbers[i].text);
		cr_expect_eq(value, numbers[i].valid ? numbers[i].value : 42, "\"%s\"",
			     numbers[i].text);
	}
}

Test(text, takes_a_list_range_by_range)
{
	static const struct { const char *text; uint64_t first, last; const char *rest; } rows[] = {
		{ "3", 3, 3, "" },	 { "0-3,7", 0, 3, "7" },  { "7,8-9", 7, 7, "8-9" },
		{ "4-4", 4, 4, "" },	 { "2\n", 2, 2, "\n" },	  { "99", 99, 99, "" },
		{ "", 0, 0, NULL },	 { "\n", 0, 0, NULL },	  { "3-1", 0, 0, NULL },
		{ "1-", 0, 0, NULL },	 { "-1", 0, 0, NULL },	  { "1,", 0, 0, NULL },
		{ "1;2", 0, 0, NULL },	 { "100", 0, 0, NULL },	  { "1-100", 0, 0, NULL },
		{ "a", 0, 0, NULL },	 { " 1", 0, 0, NULL },
		{ "18446744073709551616", 0, 0, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *at = rows[i].text, *end = rows[i].rest != NULL ? rows[i].rest : at;
		uint64_t first = 0, last = 0;

		cr_expect_eq(text_take_range(&at, 99, &first, &last), rows[i].rest != NULL, "%s",
			     rows[i].text);
		cr_expect_str_eq(at, end, "%s", rows[i].text);
		cr_expect_eq(first, rows[i].first, "%s", rows[i].text);
		cr_expect_eq(last, rows[i].last, "%s", rows[i].text);
	}
}

Test(text, knows_the_bounds_of_signed_numbers_and_ids)
{
	int64_t number = 0;
	uint32_t id = 7;

	cr_expect(text_to_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &number));
	cr_expect_eq(number, INT64_MIN);
	cr_expect_not(text_to_i64("-9223372036854775809", INT64_MIN, INT64_MAX, &number));
	cr_expect_not(text_to_i64("9223372036854775808", INT64_MIN, INT64_MAX, &number));
	cr_expect_not(text_to_i64("-1001", -1000, 1000, &number));
	cr_expect(text_to_id("4294967294", &id));
	cr_expect_eq(id, 4294967294U);
	cr_expect_not(text_to_id("4294967295", &id));
}

Test(text, escapes_what_a_terminal_would_obey)
{
	struct arena arena = { 0 };
	struct text out = { .arena = &arena };

	cr_expect_str_eq(text_printable(&arena, "a\033[31mb\n"), "a\\x1b[31mb\\x0a");
	/* In UTF-8 the same as one character; beside it, letters that begin or end as it does. */
	cr_expect_str_eq(text_printable(&arena, "a\xc2\x9b" "31m\xc2\xa0\xc3\x9f"),
			 "a\\xc2\\x9b31m\xc2\xa0\xc3\x9f");
	/* The same as one byte, for a terminal of another encoding; what is no UTF-8; cut off. */
	cr_expect_str_eq(text_printable(&arena, "\x9b[2J\xc0\xaf\xed\xa0\x80\xe2\x82"),
			 "\\x9b[2J\\xc0\\xaf\\xed\\xa0\\x80\\xe2\\x82");
	/* What follows is shown before it; the same bytes in characters that do no such thing. */
	cr_expect_str_eq(text_printable(&arena, "\xe2\x80\xaex\xe2\x81\xa6 \xe2\x82\xac"),
			 "\\xe2\\x80\\xaex\\xe2\\x81\\xa6 \xe2\x82\xac");
	text_add_json(&out, "a\"b\\c\nd\001\xc2\x9b\xc2\xa0\xe2\x80\xae\xe2\x80\xaf");
	cr_expect_str_eq(out.data, "\"a\\\"b\\\\c\\nd\\u0001\\u009b\xc2\xa0\\u202e\xe2\x80\xaf\"");
	arena_free(&arena);
}

/* Each of them knows a length at which it has to take more room. */
Test(text, prints_whatever_the_length)
{
	struct arena arena = { 0 };
	char x[601];

	memset(x, 'x', sizeof(x));
	for (int length = 0; length <= 600; length++) {
		struct text out = { .arena = &arena };
		const char *whole = arena_printf(&arena, "%.*s", length, x);

		for (int rest = length; rest > 0; rest -= 97)
			text_printf(&out, "%.*s", rest < 97 ? rest : 97, x);
		text_printf(&out, "%s", "");
		cr_assert_eq(strlen(whole), (size_t)length);
		cr_assert_str_eq(out.data, whole, "%d", length);
		cr_assert_eq(out.size, (size_t)length);
	}
	arena_free(&arena);
}

/* A bundle's path made lines of its own in "kist list". */
Test(table, has_a_line_for_each_row)
{
	struct arena arena = { 0 };
	struct table table = { .arena = &arena, .narrow = true };
	struct text out = { .arena = &arena };

	table_row(&table, (const char *[]){ "a\nb", "c\033[2J", NULL });
	table_row(&table, (const char *[]){ "1", "2", NULL });
	table_print(&table, &out);
	cr_expect_str_eq(out.data, "a\\x0ab  c\\x1b[2J\n1       2\n");
	arena_free(&arena);
}

Test(text, measures_how_far_two_words_are_apart)
{
	cr_expect_eq(text_distance("readonly", "readonly", 3), 0);
	cr_expect_eq(text_distance("readOnly", "readonly", 3), 1);
	cr_expect_eq(text_distance("hostnam", "hostname", 3), 1);
	cr_expect_eq(text_distance("rnu", "run", 3), 1);
	cr_expect_eq(text_distance("ca", "abc", 3), 3);
	cr_expect_eq(text_distance("kitten", "sitting", 3), 3);
	cr_expect_eq(text_distance("abcdef", "uvwxyz", 3), 4);
}

Test(fd, closes_on_scope_exit_and_keeps_errno)
{
	int number;
	{
		_cleanup_fd int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		number = fd;
		errno = EXDEV;
	}
	cr_expect_eq(errno, EXDEV);
	cr_expect_eq(fcntl(number, F_GETFD), -1);
}

Test(fd, passes_descriptors_over_a_socket)
{
	struct error err;
	int sockets[2], got[2] = { -1, -1 };
	size_t count = 2;
	char data[8] = { 0 };

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	cr_assert_eq(fd_send(sockets[0], sockets, 2, "hello", 5, &err), 0, "%s", err.text);
	cr_assert_eq(fd_receive(sockets[1], got, &count, data, sizeof(data), &err), 5);
	cr_expect_eq(count, 2);
	cr_expect_eq(fcntl(got[0], F_GETFD), FD_CLOEXEC);
	cr_expect_str_eq(data, "hello");
}

Test(fd, refuses_what_is_larger_than_the_limit)
{
	struct arena arena = { 0 };
	struct error err;
	char *text;
	size_t size;

	cr_expect_eq(file_read(AT_FDCWD, "/proc/self/maps", 16, &arena, &text, &size, &err), -1);
	cr_expect_eq(err.code, EFBIG);
	cr_expect_eq(file_read(AT_FDCWD, "/proc/self/maps", 1 << 20, &arena, &text, &size, &err),
		     0);
	cr_expect_eq(strlen(text), size);
	arena_free(&arena);
}

Test(fd, reads_as_much_as_the_limit_says)
{
	static char bytes[10000];
	struct arena arena = { 0 };

	memset(bytes, 'x', sizeof(bytes));
	for (size_t limit = sizeof(bytes) - 1; limit <= sizeof(bytes); limit++) {
		int read_fd, write_fd;
		struct error err;
		size_t size = 0;
		char *text;

		cr_assert_eq(fd_pipe(&read_fd, &write_fd, &err), 0);
		cr_assert_eq(fd_write_all(write_fd, bytes, sizeof(bytes)), 0);
		close(write_fd);
		cr_expect_eq(fd_read_all(read_fd, limit, &arena, &text, &size, &err),
			     limit < sizeof(bytes) ? -1 : 0);
		cr_expect_eq(size, limit < sizeof(bytes) ? 0 : sizeof(bytes));
		close(read_fd);
	}
	arena_free(&arena);
}

Test(fd, says_what_could_not_be_written)
{
	struct error err;

	cr_expect_eq(file_write(AT_FDCWD, "/dev/null", "5", &err), 0);
	cr_expect_eq(file_write(AT_FDCWD, "/dev/full", "5", &err), -1);
	cr_expect_str_eq(err.text, "write \"5\" to /dev/full: no space left on device");
}

/* Of the fds that are asked about, in a process of its own: bit N, the Nth is open. */
static int open_after(void (*act)(void), const int *fds, size_t count)
{
	pid_t pid = fork();
	int status, open = 0;

	if (pid == 0) {
		act();
		for (size_t i = 0; i < count; i++)
			open |= (fcntl(fds[i], F_GETFD) >= 0) << i;
		_exit(open);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void close_some(void)
{
	static const int keep[] = { 700, 1, 50, 52, -1 };

	for (int fd = 40; fd < 60; fd++)
		dup2(STDERR_FILENO, fd);
	dup2(STDERR_FILENO, 700);
	dup2(STDERR_FILENO, 701);
	if (fd_close_others(keep, ARRAY_SIZE(keep)) < 0)
		_exit(0);
}

Test(fd, closes_all_others_but_the_standard_ones)
{
	static const int fds[] = { 2, 49, 50, 51, 52, 53, 700, 701 };

	cr_expect_eq(open_after(close_some, fds, ARRAY_SIZE(fds)), 0x55);
}

static void close_standard(void)
{
	struct error err;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		close(fd);
	if (fd_fill_stdio(&err) < 0)
		_exit(0);
}

Test(fd, fills_the_standard_ones)
{
	static const int fds[] = { 0, 1, 2 };

	cr_expect_eq(open_after(close_standard, fds, ARRAY_SIZE(fds)), 7);
}

Test(fd, replaces_a_file_whole)
{
	char path[] = "/tmp/kist-unit-XXXXXX", longest[NAME_MAX + 1] = "";
	struct arena arena = { 0 };
	struct error err;
	char *text;
	int dir;

	cr_assert_not_null(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_expect_eq(file_replace(dir, "state", "one", 3, 0600, &err), 0, "%s", err.text);
	cr_expect_eq(file_replace(dir, "state", "two", 3, 0600, &err), 0, "%s", err.text);
	cr_expect_eq(file_read(dir, "state", 10, &arena, &text, NULL, &err), 0);
	cr_expect_str_eq(text, "two");
	unlinkat(dir, "state", 0);
	memset(longest, 'n', NAME_MAX);
	cr_expect_eq(file_replace(dir, longest, "one", 3, 0600, &err), 0, "%s", err.text);
	cr_expect_eq(unlinkat(dir, longest, 0), 0);
	close(dir);
	cr_expect_eq(rmdir(path), 0, "a temporary file stayed");
	arena_free(&arena);
}
