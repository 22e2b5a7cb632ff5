/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/process.h"
#include "rootfs-tools/smoke/http.h"
#include "rootfs-tools/smoke/inside.h"
#include "rootfs-tools/smoke/secret.h"
#include "rootfs-tools/smoke/smoke.h"
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
	return http_parse(&arena, NULL, text, strlen(text), &answer, &err);
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
		"",
		"hello",
		"HTTP/1.1 200 OK\r\n",
		"HTTP/1.1 abc\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\nx",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
		"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\nabc",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		cr_expect_eq(parse(texts[i]), -1, "%s", texts[i]);
}

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

/* Up to "^", which is not sent, nothing is complete; what is behind it changes nothing. */
static const struct {
	const char *method, *text;
	size_t body;
} ends[] = {
	{ NULL, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab^c", 2 },
	{ NULL, "HTTP/1.1 200 OK\r\nA: b\r\ncontent-length:0\r\n\r\n^abc", 0 },
	{ "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n^ab", 0 },
	{ "HEAD", CHUNKED "^", 0 },
	{ "HEAD", "HTTP/1.1 404 Not Found\r\n\r\n^", 0 },
	{ NULL, "HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n^ab", 0 },
	{ "POST", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n^", 0 },
	{ NULL,
	  "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 \r\n\r\n"
	  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na^",
	  1 },
	{ NULL, "HTTP/1.0 200 OK\r\nContent-Length: 2 \r\n\r\nab^c", 2 },
	{ NULL, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n^\x81\x05", 0 },
	{ NULL, CHUNKED "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n^HTTP", 6 },
	{ NULL, CHUNKED "3\r\n\r\n0\r\n0\r\nA: b\r\nC: d\r\n\r\n^", 3 },
	{ NULL,
	  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
	  "2\r\nab\r\n0\r\n\r\n^",
	  2 },
};

Test(http, an_answer_ends_where_it_says)
{
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		size_t size = strcspn(ends[i].text, "^");
		const char *text = arena_printf(&arena, "%.*s%s", (int)size, ends[i].text,
						ends[i].text + size + 1);

		for (size_t part = 0; part < size; part++) {
			const char *cut = arena_strndup(&arena, text, part);

			cr_expect_not(http_is_complete(ends[i].method, cut, part), "%zu of %s",
				      part, text);
			cr_expect_eq(http_parse(&arena, ends[i].method, cut, part, &answer, &err),
				     -1, "%zu of %s", part, text);
		}
		for (; size <= strlen(text); size++) {
			cr_expect(http_is_complete(ends[i].method, text, size), "%s", text);
			cr_expect_eq(http_parse(&arena, ends[i].method, text, size, &answer, &err),
				     0, "%s", err.text);
			cr_expect_eq(answer.body_size, ends[i].body, "%zu bytes of %s",
				     answer.body_size, text);
		}
	}
}

Test(http, other_answers_end_with_the_connection)
{
	static const char *const texts[] = {
		"",
		"hello\r\n\r\n",
		"HTTP/1.0 200 OK\r\n\r\nall of it",
		"HTTP/1.1 200 OK\r\nX-Content-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: b\r\n\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nab",
	};
	static const char wrong[] = "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n";

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		cr_expect_not(http_is_complete(NULL, texts[i], strlen(texts[i])), "%s", texts[i]);
		cr_expect_eq(parse(texts[i]), i < 2 ? -1 : 0, "%s", texts[i]);
	}
	cr_expect_eq(answer.body_size, 2, "another coding goes before a length");
	/* Nothing that is waited for mends these. */
	cr_expect(http_is_complete(NULL, CHUNKED "zz\r\n", strlen(CHUNKED "zz\r\n")));
	cr_expect(http_is_complete(NULL, wrong, strlen(wrong)));
}

Test(http, an_answer_that_is_cut_short_says_how_much_came)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello",
		  "the answer was cut short: 5 of 100 bytes of its body came" },
		{ "HTTP/1.0 404 No\r\nContent-Length: 1\r\n\r\n",
		  "the answer was cut short: 0 of 1 bytes of its body came" },
		{ CHUNKED "5\r\nhello\r\n3\r\nab",
		  "the answer was cut short: 7 bytes of its body came, and not the end of its last "
		  "chunk" },
		{ CHUNKED "5\r\nhello\r\n",
		  "the answer was cut short: 5 bytes of its body came, and not the end of its last "
		  "chunk" },
		{ CHUNKED "5\r\nhello\r\n0\r\nA: b\r\n",
		  "the answer was cut short: 5 bytes of its body came, and not the end of its last "
		  "chunk" },
		{ "HTTP/1.1 200 OK\r\nContent-Le", "the answer was cut short, within its headers" },
		{ "HTTP/1.1 100 Continue\r\n\r\n", "the answer was cut short, within its headers" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\na",
		  "the answer's Content-Length is no number" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cr_expect_eq(parse(rows[i].text), -1, "%s", rows[i].text);
		cr_expect_str_eq(err.text, rows[i].error);
	}
}

/* Of 4 MiB and more, what was read is judged: the rest was left there. */
Test(http, what_was_not_read_is_not_missing)
{
	static const char *const heads[] = {
		CHUNKED "3\r\nabc\r\nfffffff\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n",
	};
	static char text[(4 << 20) + 1];

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		memset(text, 'x', sizeof(text) - 1);
		memcpy(text, heads[i], strlen(heads[i]));
		cr_expect_eq(parse(text), 0, "%s", err.text);
		cr_expect_gt(answer.body_size, (4 << 20) - 100);
		text[sizeof(text) - 2] = '\0';
		cr_expect_eq(parse(text), -1);
	}
}

/* A network of its own without IPv6, and on its port 80, a while later, a server. */
enum end { CLOSES, KEEPS, RESETS };

static _noreturn void serve(int ready, const char *text, enum end how)
{
	static const struct linger hard = { .l_onoff = 1 };
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(80),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	_cleanup_fd int fd = -EBADF, v6 = -EBADF, client = -EBADF;
	char request[512];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET) < 0)
		_exit(1);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	v6 = open("/proc/sys/net/ipv6/conf/lo/disable_ipv6", O_WRONLY);
	if (ioctl(fd, SIOCSIFFLAGS, &lo) < 0 || (v6 >= 0 && write(v6, "1", 1) != 1) ||
	    write(ready, "", 1) != 1)
		_exit(2);
	poll(NULL, 0, 200);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
		_exit(3);
	client = accept(fd, NULL, NULL);
	/* What is not read by the end makes it a reset. */
	if (read(client, request, sizeof(request)) <= 0 ||
	    fd_write_all(client, text, strlen(text)) < 0)
		_exit(4);
	while (how == KEEPS)
		pause();
	if (how == RESETS)
		setsockopt(client, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	_exit(0);
}

static int ask(const char *method, const char *text, enum end how)
{
	const struct suite_http request = { .port = 80, .method = method };
	struct run run = RUN_NONE;
	int ready[2], result;
	pid_t server;
	char byte;

	if (geteuid() != 0)
		cr_skip_test("needs root");
	cr_assert_eq(pipe2(ready, O_CLOEXEC), 0);
	server = fork();
	if (server == 0)
		serve(ready[1], text, how);
	close(ready[1]);
	cr_expect_eq(read(ready[0], &byte, 1), 1);
	run.inside = server;
	result = http_request(&arena, &run, &request, time_now() + ms_to_ns(60000), &answer, &err);
	kill(server, SIGKILL);
	process_reap(server, NULL);
	close(ready[0]);
	return result;
}

static void expect_status(const char *method, const char *text, enum end how, unsigned int status)
{
	cr_expect_eq(ask(method, text, how), 0, "%s", err.text);
	cr_expect_eq(answer.status, status);
}

Test(http, a_server_is_waited_for_where_there_is_no_ipv6, .timeout = 120)
{
	expect_status(NULL, "HTTP/1.0 200 OK\r\n\r\nhello", CLOSES, 200);
}

Test(http, an_answer_is_heard_though_the_server_keeps_the_connection_open, .timeout = 240)
{
	expect_status("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", KEEPS, 200);
	expect_status(NULL, "HTTP/1.1 204 No Content\r\n\r\n", KEEPS, 204);
	expect_status(NULL, CHUNKED "1\r\na\r\n0\r\n\r\n", KEEPS, 200);
}

Test(http, a_connection_that_ends_early_is_a_failure, .timeout = 240)
{
	static const char whole[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
	static const char cut[] = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello";

	cr_expect_eq(ask(NULL, cut, CLOSES), -1);
	cr_expect_str_eq(err.text, "the answer was cut short: 5 of 9 bytes of its body came");
	cr_expect_eq(ask(NULL, cut, RESETS), -1);
	cr_expect_str_eq(err.text, "read the answer of port 80: the answer was cut short: 5 of 9 "
				   "bytes of its body came: connection reset by peer");
	cr_expect_eq(ask(NULL, "HTTP/1.0 200 OK\r\n\r\nhello", RESETS), -1);
	cr_expect_str_eq(err.text, "read the answer of port 80: connection reset by peer");
	expect_status(NULL, whole, RESETS, 200);
}

/* Pid 1 of a namespace. */
static _noreturn void reap_all(void)
{
	for (;;)
		if (waitpid(-1, NULL, 0) < 0)
			poll(NULL, 0, 1);
}

Test(inside, who_is_held_up_by_others_reaps_later, .timeout = 60)
{
	pid_t pid, waker;

	if (geteuid() != 0)
		cr_skip_test("needs root");
	pid = (pid_t)syscall(SYS_clone, SIGCHLD | CLONE_NEWPID, 0, 0, 0, 0);
	if (pid == 0)
		reap_all();
	/* As if it had no CPU. */
	cr_assert(pid > 0 && kill(pid, SIGSTOP) == 0 && waitpid(pid, NULL, WUNTRACED) == pid);
	waker = fork();
	if (waker == 0) {
		poll(NULL, 0, 500);
		_exit(kill(pid, SIGCONT));
	}
	cr_expect_eq(inside_orphan(pid, 100, &err), 1, "%s", err.text);
	process_reap(waker, NULL);
	kill(pid, SIGKILL);
	process_reap(pid, NULL);
}

Test(http, all_listeners_are_seen_and_the_lowest_are_listed)
{
	static uint32_t ports[65536], lowest[8];
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	size_t count;

	for (int i = 0; i < 300; i++) {
		socklen_t size = sizeof(address);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		address.sin_port = 0;
		cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0);
		cr_assert_eq(listen(fd, 1), 0);
		cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
		cr_expect(inside_listens(getpid(), ntohs(address.sin_port)), "socket %d", i);
	}
	count = inside_ports(getpid(), ports, ARRAY_SIZE(ports));
	cr_expect_geq(count, 300);
	cr_expect_eq(inside_ports(getpid(), lowest, ARRAY_SIZE(lowest)), ARRAY_SIZE(lowest));
	cr_expect_eq(memcmp(ports, lowest, sizeof(lowest)), 0);
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
	/* 292 years are as many nanoseconds as there are. */
	cr_expect(duration_parse("2562047h", &ms));
	cr_expect_not(duration_parse("2562048h", &ms));
}

Test(http, variables_that_are_called_like_secrets)
{
	cr_expect(secret_variable("DB_PASSWORD", "x"));
	cr_expect(secret_variable("GithubToken", "x"));
	cr_expect_not(secret_variable("DB_PASSWORD", ""));
	cr_expect_not(secret_variable("DB_PASSWORD_FILE", "/run/secrets/x"));
	cr_expect_not(secret_variable("PATH", "/bin"));
}
