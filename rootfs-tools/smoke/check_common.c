/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/text.h"
#include "config/names.h"
#include "rootfs-tools/smoke/checks.h"
#include "rootfs-tools/smoke/inside.h"

/* What several kinds of checks use. */

enum { TAIL_LINES = 8, TAIL_BYTES = 2000, SHOWN_MAX = 8192 };

void readiness_of_image(const struct smoke *smoke, struct readiness *ret)
{
	ret->port_count = 0;
	ret->settle = ms_to_ns(smoke->settle);
	LIST_EACH(word, smoke->subject.exposed) {
		const char *at = *word;
		uint64_t port;

		/* "80/tcp"; datagrams have no listener to be seen. */
		if (text_take_u64(&at, 65535, &port) && (*at == '\0' || strcmp(at, "/tcp") == 0) &&
		    ret->port_count < ARRAY_SIZE(ret->ports))
			ret->ports[ret->port_count++] = (uint32_t)port;
	}
}

bool readiness_met(struct run *run, void *context)
{
	const struct readiness *readiness = context;

	if (!run_is_created(run, NULL))
		return false;
	for (size_t i = 0; i < readiness->port_count; i++)
		if (inside_listens(run->inside, readiness->ports[i]))
			return true;
	return readiness->port_count == 0 &&
	       time_now() >= run->trace.created + readiness->settle;
}

void readiness_note(const struct readiness *readiness, struct run *run)
{
	run->trace.ready = readiness->port_count > 0 ? time_now() : run->trace.created;
}

const char *bytes_text(struct arena *arena, const char *bytes, size_t size)
{
	struct text text = { .arena = arena };

	text_add(&text, "");
	while (size > 0) {
		const size_t length = strnlen(bytes, size);

		text_add_bytes(&text, bytes, length);
		if (length < size)
			text_add(&text, "\xef\xbf\xbd");
		bytes += length + (length < size);
		size -= length + (length < size);
	}
	return text.data;
}

const char *output_tail(struct arena *arena, const struct text *text)
{
	size_t start = text->size, end = text->size, lines = 0;

	while (end > 0 && text->data[end - 1] == '\n')
		end--;
	for (start = end; start > 0 && end - start < TAIL_BYTES; start--)
		if (text->data[start - 1] == '\n' && ++lines == TAIL_LINES)
			break;
	return end > 0 ? bytes_text(arena, text->data + start, end - start) : "";
}

const char *signal_text(struct arena *arena, int signal)
{
	const char *name = name_of(signal_names, (uint64_t)signal);

	/* Real-time signals have numbers only. */
	return name != NULL ? name : arena_printf(arena, "signal %d", signal);
}

const char *status_text(struct arena *arena, int status)
{
	const char *name = status > 128 ? name_of(signal_names, (uint64_t)(status - 128)) : NULL;

	if (name != NULL)
		return arena_printf(arena, "ended with status %d, as for %s", status, name);
	return arena_printf(arena, "ended with status %d", status);
}

static const char *shown(struct arena *arena, const struct text *text)
{
	if (text->size == 0)
		return NULL;
	if (text->size <= SHOWN_MAX)
		return bytes_text(arena, text->data, text->size);
	return arena_printf(arena, "%s\n... (%zu bytes more)",
			    bytes_text(arena, text->data, SHOWN_MAX), text->size - SHOWN_MAX);
}

void check_show_output(struct findings *findings, struct check *check, const struct run *run)
{
	check->out = shown(findings->arena, &run->out);
	check->err = shown(findings->arena, &run->err);
}

void mode_text(uint32_t mode, char ret[16])
{
	static const char bits[] = "rwxrwxrwx";
	char *at = ret;

	/* The order of Go's FileMode.String(). */
	if (S_ISDIR(mode))
		*at++ = 'd';
	if (S_ISLNK(mode))
		*at++ = 'L';
	if (S_ISBLK(mode) || S_ISCHR(mode))
		*at++ = 'D';
	if (S_ISFIFO(mode))
		*at++ = 'p';
	if (S_ISSOCK(mode))
		*at++ = 'S';
	if (mode & S_ISUID)
		*at++ = 'u';
	if (mode & S_ISGID)
		*at++ = 'g';
	if (S_ISCHR(mode))
		*at++ = 'c';
	if (mode & S_ISVTX)
		*at++ = 't';
	if (at == ret)
		*at++ = '-';
	for (int i = 0; i < 9; i++)
		*at++ = mode & (0400U >> i) ? bits[i] : '-';
	*at = '\0';
}
