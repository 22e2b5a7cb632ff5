/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "rootfs-tools/smoke/http.h"
#include "rootfs-tools/smoke/secret.h"
#include "rootfs-tools/smoke/suite_value.h"

static struct arena arena;
static struct http_answer answer;
static struct error err;

static void finish(void)
{
	arena_free(&arena);
}
TestSuite(http, .fini = finish);

static int parse(const char *text)
{
	return http_parse(&arena, text, strlen(text), &answer, &err);
}

Test(http, status_headers_and_body)
{
	cr_assert_eq(parse("HTTP/1.1 404 Not Found\r\nA: b\r\nContent-Length: 2\r\n\r\nhello"), 0);
	cr_expect_eq(answer.status, 404);
	cr_expect_not_null(strstr(answer.headers, "A: b"));
	cr_expect_eq(answer.body_size, 2);
	cr_assert_eq(parse("HTTP/1.0 200 OK\r\n\r\nall of it"), 0);
	cr_expect_eq(answer.body_size, 9);
}

Test(http, chunks_are_joined)
{
	cr_assert_eq(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			   "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n"), 0);
	cr_expect_eq(answer.body_size, 6);
	cr_expect_eq(memcmp(answer.body, "hello!", 6), 0);
}

Test(http, what_is_no_answer_is_an_error)
{
	static const char *const texts[] = {
		"", "hello", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 abc\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\nx",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		cr_expect_eq(parse(texts[i]), -1, "%s", texts[i]);
}

Test(http, durations)
{
	static const struct { const char *text; uint64_t ms; } rows[] = {
		{ "5", 5000 }, { "5s", 5000 }, { "300ms", 300 }, { "1.5s", 1500 }, { "2m", 120000 },
		{ "1h", 3600000 }, { "0.05", 50 }, { "0", 0 },
	};
	static const char *const wrong[] = { "", "s", "-1", "1d", "1..5", "x1", "1 s",
					   "9999999999999" };
	uint64_t ms;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cr_expect(duration_parse(rows[i].text, &ms), "%s", rows[i].text);
		cr_expect_eq(ms, rows[i].ms, "%s", rows[i].text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		cr_expect_not(duration_parse(wrong[i], &ms), "%s", wrong[i]);
}

Test(http, variables_that_are_called_like_secrets)
{
	cr_expect(secret_variable("DB_PASSWORD", "x"));
	cr_expect(secret_variable("GithubToken", "x"));
	cr_expect_not(secret_variable("DB_PASSWORD", ""));
	cr_expect_not(secret_variable("DB_PASSWORD_FILE", "/run/secrets/x"));
	cr_expect_not(secret_variable("PATH", "/bin"));
}
