/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/*
 * What tests/e2e/probe.c told of the inside: its lines "key=value", and the
 * numbers of them that tests ask for most.  A number that was not told is -1.
 */
struct probe {
	struct arena *arena;
	const char *text;	/* all of its output */
	int64_t pid, ppid, pgid, sid;
	int64_t uid, euid, suid, gid, egid, sgid;
	int64_t umask;
	int64_t nofile_soft, nofile_hard;
	int64_t oom_score_adj, nice;
	int64_t no_new_privs, seccomp, dumpable;
	int64_t lo_up;
	uint64_t cap_inheritable, cap_permitted, cap_effective, cap_bounding, cap_ambient;
};

void probe_parse(struct probe *ret, struct arena *arena, const char *text);
/* The value of the first line with that key, or NULL. */
const char *probe_find(const struct probe *probe, const char *key);
/* The same, but "" for NULL: for comparisons that are to fail, not to crash. */
const char *probe_text(const struct probe *probe, const char *key);
/* Whether there is a line "key=value" exactly. */
bool probe_has(const struct probe *probe, const char *line);
/* How many lines have that key. */
size_t probe_count(const struct probe *probe, const char *key);

/*
 * One line of its mountinfo, taken apart: the mount that is on top at that
 * place.  Strings are on the probe's arena; false when nothing is mounted there.
 */
struct probe_mount {
	const char *root, *options, *tags, *type, *source, *super_options;
};
bool probe_mount_find(const struct probe *probe, const char *destination, struct probe_mount *ret);
/* Whether a comma-separated list has the word. */
bool probe_option(const char *options, const char *word);
