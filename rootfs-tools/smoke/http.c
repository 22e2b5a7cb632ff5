/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/http.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/text.h"
#include "rootfs-tools/smoke/inside.h"
#include "rootfs-tools/smoke/smoke.h"

enum { ANSWER_MAX = 4 << 20, RETRY_MS = 20 };
#define HEX_DIGITS "0123456789abcdefABCDEF"

/* --- the answer ------------------------------------------------------------------------------ */

/* A header's value, blanks in front left out; NULL: there is none. */
static const char *header_of(const char *line, const char *end, const char *name)
{
	size_t length = strlen(name);

	while (line < end) {
		if (strncasecmp(line, name, length) == 0 && line[length] == ':')
			return line + length + 1 + strspn(line + length + 1, " \t");
		line = memchr(line, '\n', (size_t)(end - line));
		line = line != NULL ? line + 1 : end;
	}
	return NULL;
}

/*
 * Where the body begins, or NULL: the head is not there yet, or is none.  *text is moved to that
 * of the answer itself: those with 1xx only announce it.
 */
static const char *head_find(const char **text, const char *end, unsigned int *ret_status)
{
	const char *body;

	for (;;) {
		body = memmem(*text, (size_t)(end - *text), "\r\n\r\n", 4);
		if (body == NULL || sscanf(*text, "HTTP/%*[0-9.] %3u", ret_status) != 1)
			return NULL;
		if (*ret_status / 100 != 1 || *ret_status == 101)
			return body + 4;
		*text = body + 4;
	}
}

/* Whatever its headers say of one.  101: what comes then is no HTTP. */
static bool has_no_body(const char *method, unsigned int status)
{
	return (method != NULL && strcmp(method, "HEAD") == 0) || status == 101 || status == 204 ||
	       status == 304;
}

static bool is_chunked(const char *coding)
{
	return coding != NULL && strncasecmp(coding, "chunked", 7) == 0;
}

/* How many bytes of a body there are to be; false: it is no number, and nobody knows. */
static bool length_parse(const char *value, size_t *ret)
{
	size_t digits = strspn(value, "0123456789");

	*ret = strtoul(value, NULL, 10);
	value += digits;
	value += strspn(value, " \t\r");
	return digits > 0 && digits <= 18 && *value == '\n';
}

/* Behind the last chunk: lines, and an empty one. */
static bool trailer_is_complete(const char *line, const char *end)
{
	const char *next;

	while (line < end && (next = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		if (next - line <= 1)
			return true;
		line = next + 1;
	}
	return false;
}

enum chunks { CHUNKS_MISSING, CHUNKS_BROKEN, CHUNKS_COMPLETE };

/* "5\r\nhello\r\n0\r\n\r\n"; body: NULL, or what is in them, also where some are missing. */
static enum chunks chunks_read(const char *at, const char *end, struct text *body)
{
	for (;;) {
		size_t digits, size, there;
		const char *line;

		while (at < end && (*at == '\r' || *at == '\n'))
			at++;
		line = memchr(at, '\n', (size_t)(end - at));
		digits = strspn(at, HEX_DIGITS);
		if (line == NULL)
			return CHUNKS_MISSING;
		if (digits == 0 || digits > 7)
			return CHUNKS_BROKEN;
		size = strtoul(at, NULL, 16);
		there = (size_t)(end - line - 1);
		if (size == 0)
			return trailer_is_complete(line + 1, end) ? CHUNKS_COMPLETE :
								    CHUNKS_MISSING;
		if (body != NULL)
			text_add_bytes(body, line + 1, size < there ? size : there);
		if (size > there)
			return CHUNKS_MISSING;
		at = line + 1 + size;
	}
}

/* Where nothing more comes that could mend it, it is complete, too. */
bool http_is_complete(const char *method, const char *text, size_t size)
{
	const char *end, *body, *coding, *value;
	unsigned int status;
	size_t length;

	if (size == 0)
		return false;
	end = text + size;
	body = head_find(&text, end, &status);
	if (body == NULL)
		return false;
	coding = header_of(text, body, "transfer-encoding");
	value = header_of(text, body, "content-length");
	if (has_no_body(method, status))
		return true;
	if (coding != NULL)
		return is_chunked(coding) && chunks_read(body, end, NULL) != CHUNKS_MISSING;
	return value != NULL && (!length_parse(value, &length) || (size_t)(end - body) >= length);
}

static int unchunk(struct arena *arena, struct http_answer *answer, bool is_bounded,
		   struct error *err)
{
	struct text body = { .arena = arena };
	enum chunks chunks = chunks_read(answer->body, answer->body + answer->body_size, &body);

	if (chunks == CHUNKS_BROKEN)
		return error_set(err, "the answer's chunks are broken");
	if (chunks == CHUNKS_MISSING && !is_bounded)
		return error_set(err,
				 "the answer was cut short: %zu bytes of its body came, and "
				 "not the end of its last chunk",
				 body.size);
	answer->body = body.data != NULL ? body.data : "";
	answer->body_size = body.size;
	return 0;
}

/* As long as the headers say; without a word of theirs, until the connection ends. */
static int body_find(struct arena *arena, const char *headers, const char *end, bool is_bounded,
		     struct http_answer *answer, struct error *err)
{
	const char *coding = header_of(headers, answer->body, "transfer-encoding");
	const char *value = header_of(headers, answer->body, "content-length");
	size_t length;

	answer->body_size = (size_t)(end - answer->body);
	if (coding != NULL)
		return is_chunked(coding) ? unchunk(arena, answer, is_bounded, err) : 0;
	if (value == NULL)
		return 0;
	if (!length_parse(value, &length))
		return error_set(err, "the answer's Content-Length is no number");
	if (length > answer->body_size && !is_bounded)
		return error_set(err, "the answer was cut short: %zu of %zu bytes of its body came",
				 answer->body_size, length);
	if (length < answer->body_size)
		answer->body_size = length;
	return 0;
}

int http_parse(struct arena *arena, const char *method, const char *text, size_t size,
	       struct http_answer *ret, struct error *err)
{
	const char *begin = text, *end, *body, *line;

	if (size == 0)
		return error_set(err, "the connection was closed without an answer");
	end = text + size;
	body = head_find(&text, end, &ret->status);
	if (body == NULL && size < ANSWER_MAX &&
	    sscanf(begin, "HTTP/%*[0-9.] %3u", &ret->status) == 1)
		return error_set(err, "the answer was cut short, within its headers");
	if (body == NULL)
		return error_set(err, "the answer is no HTTP");
	line = memchr(text, '\n', (size_t)(end - text));
	ret->headers = arena_strndup(arena, line + 1, (size_t)(body - line - 1));
	ret->body = body;
	ret->body_size = 0;
	if (has_no_body(method, ret->status))
		return 0;
	/* What the server has beyond that was not read. */
	return body_find(arena, text, end, size >= ANSWER_MAX, ret, err);
}

/* --- the request ----------------------------------------------------------------------------- */

static const char *request_text(struct arena *arena, const struct suite_http *request)
{
	struct text text = { .arena = arena };

	text_printf(&text, "%s %s HTTP/1.1\r\n",
		    request->method != NULL ? request->method : "GET",
		    request->path != NULL ? request->path : "/");
	if (request->host != NULL)
		text_printf(&text, "Host: %s\r\n", request->host);
	else
		text_printf(&text, "Host: localhost:%u\r\n", request->port);
	text_add(&text, "User-Agent: kist-smoke\r\nAccept: */*\r\nConnection: close\r\n");
	LIST_EACH(pair, request->headers)
		text_printf(&text, "%s: %s\r\n", pair->key, pair->value);
	if (request->body != NULL)
		text_printf(&text, "Content-Length: %zu\r\n", strlen(request->body));
	text_printf(&text, "\r\n%s", request->body != NULL ? request->body : "");
	return text.data;
}

/* Until there is something to do, or it is too late: 0, or -1 and errno. */
static int wait_for(struct run *run, int fd, short events, uint64_t until)
{
	struct pollfd pollfd = { .fd = fd, .events = events };
	int result;

	do {
		/* It may want to say more than a pipe holds before it answers. */
		run_read(run);
		result = poll(&pollfd, 1, RETRY_MS);
	} while (result < 0 ? errno == EINTR : result == 0 && time_now() < until);
	if (result == 0)
		errno = ETIMEDOUT;
	return result > 0 ? 0 : -1;
}

static int finish_connect(struct run *run, int fd, uint64_t until)
{
	int number = 0;
	socklen_t size = sizeof(number);

	if (errno != EINPROGRESS || wait_for(run, fd, POLLOUT, until) < 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) < 0)
		return -1;
	errno = number;
	return number == 0 ? 0 : -1;
}

/* An fd, or -1 and *err, with ECONNREFUSED where nobody listens yet. */
static int connect_to(struct run *run, uint32_t port, int family, uint64_t until, struct error *err)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port),
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	_cleanup_fd int fd = inside_socket(run->inside, family, err);
	int result;

	if (fd < 0)
		return -1;
	result = family == AF_INET ? connect(fd, (struct sockaddr *)&v4, sizeof(v4)) :
				     connect(fd, (struct sockaddr *)&v6, sizeof(v6));
	if (result < 0 && finish_connect(run, fd, until) < 0)
		return error_errno(err, "connect to port %u", port);
	return fd_take(&fd);
}

static int send_all(struct run *run, int fd, const char *text, size_t size, uint64_t until)
{
	while (size > 0) {
		ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (sent > 0) {
			text += sent;
			size -= (size_t)sent;
		} else if (wait_for(run, fd, POLLOUT, until) < 0) {
			return -1;
		}
	}
	return 0;
}

/* Until all is there: servers may keep the connection open though they are asked not to. */
static int receive_all(struct run *run, int fd, const char *method, struct text *answer,
		       uint64_t until)
{
	char buffer[16384];

	while (answer->size < ANSWER_MAX && !http_is_complete(method, answer->data, answer->size)) {
		ssize_t size = recv(fd, buffer, sizeof(buffer), 0);

		if (size == 0)
			return 0;
		if (size > 0)
			text_add_bytes(answer, buffer, (size_t)size);
		else if (errno != EAGAIN && errno != EINTR)
			return -1;
		else if (wait_for(run, fd, POLLIN, until) < 0)
			return -1;
	}
	return 0;
}

/* errno is why; how far it came is told as well. */
static int receive_error(struct arena *arena, const struct suite_http *request,
			 const struct text *answer, struct error *err)
{
	struct http_answer ignored;
	int number = errno;
	struct error cut;

	if (answer->size > 0 &&
	    http_parse(arena, request->method, answer->data, answer->size, &ignored, &cut) < 0)
		return error_number(err, number, "read the answer of port %u: %s", request->port,
				    cut.text);
	return error_number(err, number, "read the answer of port %u", request->port);
}

int http_request(struct arena *arena, struct run *run, const struct suite_http *request,
		 uint64_t until, struct http_answer *ret, struct error *err)
{
	const char *text = request_text(arena, request);
	struct text answer = { .arena = arena };
	_cleanup_fd int fd = -EBADF;
	struct error ignored;

	for (;;) {
		fd = connect_to(run, request->port, AF_INET, until, err);
		/* Where there is no IPv6 it fails for that, and says nothing about a server. */
		if (fd < 0 && err->code == ECONNREFUSED)
			fd = connect_to(run, request->port, AF_INET6, until, &ignored);
		if (fd >= 0)
			break;
		if (err->code != ECONNREFUSED || time_now() >= until)
			return -1;
		run_read(run);
		poll(NULL, 0, RETRY_MS);
	}
	if (send_all(run, fd, text, strlen(text), until) < 0)
		return error_errno(err, "send the request to port %u", request->port);
	if (receive_all(run, fd, request->method, &answer, until) < 0)
		return receive_error(arena, request, &answer, err);
	return http_parse(arena, request->method, answer.data, answer.size, ret, err);
}
