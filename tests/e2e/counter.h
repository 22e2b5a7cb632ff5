/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "tests/e2e/harness.h"

/*
 * A container whose program counts, in memory, and writes down how far it is, to /count: what the
 * tests of checkpoint and restore look at.
 */

/* Skips the test where no criu works; init: of org.kist.init. */
struct bundle *counter_new(const char *init);
/* Another program: that, in the shell's words, before it counts. */
void counter_script(struct bundle *b, const char *before);
/* The directory that criu is in. */
const char *counter_criu(void);
/* How far it is, and waits until it is further than that. */
uint64_t counter_value(struct bundle *b);
uint64_t counter_await(struct bundle *b, uint64_t more_than);
/* VERB ID A B C, with --detach and the bundle where it makes something; must succeed. */
void counter_call(struct bundle *b, const char *verb, const char *a, const char *c, const char *d);
void counter_expect_status(struct bundle *b, const char *status);
/* A path in the test's directory, and "--option=" such a path. */
const char *counter_path(struct bundle *b, const char *name);
const char *counter_option(struct bundle *b, const char *option, const char *name);
