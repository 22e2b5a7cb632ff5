/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <criterion/criterion.h>
#include <string.h>

#include "config/load.h"

/*
 * Configurations for tests, written with ' for ", and with what a test is
 * about in one place: at the top level, in linux or in process.  Everything
 * lives on one arena until the test program ends.
 */
static struct arena arena;
static struct error err;

static inline const char *json(const char *text)
{
	char *copy = arena_strdup(&arena, text);

	for (char *at = copy; *at != '\0'; at++)
		if (*at == '\'')
			*at = '"';
	return copy;
}

static inline const struct plan *parse(const char *text)
{
	const char *copy = json(text);

	err = (struct error){ 0 };
	return plan_parse(&arena, "/b", "config.json", copy, strlen(copy), &err);
}

#define NAMESPACES "{'type': 'mount'}, {'type': 'pid'}, {'type': 'uts'}, {'type': 'ipc'}, " \
		   "{'type': 'network'}, {'type': 'cgroup'}"

static inline const struct plan *parse_parts(const char *top, const char *process,
					     const char *linux_part)
{
	return parse(arena_printf(&arena,
		"{'ociVersion': '1.3.0', 'root': {'path': 'rootfs'},\n"
		"'process': {'cwd': '/', 'args': ['sh']%s%s},\n"
		"'linux': {%s%s'namespaces': [" NAMESPACES "]}%s\n%s}",
		*process != '\0' ? ", " : "", process, linux_part,
		*linux_part != '\0' ? ", " : "", *top != '\0' ? "," : "", top));
}

static inline const struct plan *parse_top(const char *part)
{
	return parse_parts(part, "", "");
}

static inline const struct plan *parse_process(const char *part)
{
	return parse_parts("", part, "");
}

static inline const struct plan *parse_linux(const char *part)
{
	return parse_parts("", "", part);
}

/* The same, and fails the test when it is refused. */
#define ACCEPT(call)	({ const struct plan *_plan = (call); \
			   cr_assert_not_null(_plan, "%s", err.text); _plan; })
