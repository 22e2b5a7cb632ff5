/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <limits.h>
#include <stdint.h>
#include <time.h>

/* How long things take: a clock that nobody sets, since the machine started. */
static inline int64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t clock_us(void)
{
	return clock_ns() / 1000;
}

static inline int64_t clock_ms(void)
{
	return clock_ns() / 1000000;
}

/* Seconds as poll(2) takes them; more than it can count, 24 days, is for ever. */
static inline int clock_poll_ms(int seconds)
{
	return seconds < INT_MAX / 1000 ? seconds * 1000 : -1;
}
