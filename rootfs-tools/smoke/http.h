/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/smoke/run.h"

/*
 * One HTTP/1.1 request to a port of a container's network, 127.0.0.1 or ::1 there, and the answer:
 * no redirects, no TLS.  What the server sends is not trusted; beyond 4 MiB it is cut.
 */
struct http_answer {
	unsigned int status;
	const char *headers;		/* lines, without the first */
	const char *body;
	size_t body_size;
};
/* Tries until somebody answers, or time_now() is until; meanwhile hears what the container says. */
int http_request(struct arena *arena, struct run *run, const struct suite_http *request,
		 uint64_t until, struct http_answer *ret, struct error *err);
/*
 * For the tests: the bytes of an answer, and whether that is all of it, as HTTP/1.1 says (RFC 9112,
 * 6.3).  method: of the request; NULL: GET.  There is a NUL behind the bytes.
 */
int http_parse(struct arena *arena, const char *method, const char *text, size_t size,
	       struct http_answer *ret, struct error *err);
bool http_is_complete(const char *method, const char *text, size_t size);
