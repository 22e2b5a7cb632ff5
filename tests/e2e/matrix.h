/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/json.h"
#include "tests/e2e/harness.h"

/*
 * What the tests share that hold docs/spec.md row by row against a real kernel:
 * a container that stays while its cgroups and processes are looked at.
 */

/* Starts it detached, with the probe asleep; its pid. */
pid_t matrix_start(struct bundle *bundle);
void matrix_stop(struct bundle *bundle);
/* Of the one that runs. */
pid_t matrix_pid(struct bundle *bundle);

/* "" where there is no such file, its text without the last line feed where there is. */
const char *matrix_file(const char *path);
/* Makes the file, or what was in it, that text. */
void matrix_write(const char *path, const char *text);
/* Whether one of its lines is that one. */
bool matrix_has_line(const char *text, const char *line);
/* A new tmpfs there, with a directory "below" in it, and away with it. */
void matrix_tmpfs(const char *path);
void matrix_unmount(const char *path);
/* The directory of that process' cgroup, by a v1 controller or "" for v2; NULL: none. */
const char *matrix_cgroup(pid_t pid, const char *controller);
/* Whether the host has it, in that version. */
bool matrix_has_v1(const char *controller);
bool matrix_has_v2(const char *controller);
bool matrix_is_unified(void);

/* What "features" says. */
const struct json *matrix_features(struct bundle *bundle);
