/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include "config/load.h"

/*
 * libFuzzer: any bytes as config.json, for "run" and for "check".  Build with
 *   clang -fsanitize=fuzzer,address,undefined
 * or start tests/fuzz/run.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct plan *diagnose(struct arena *arena, const uint8_t *data, size_t size,
				   struct diagnosis *ret, struct error *err)
{
	static int fd = -1;
	const struct plan *plan = NULL;

	if (fd < 0)
		fd = memfd_create("config", MFD_CLOEXEC);
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		__builtin_trap();
	plan_diagnose(arena, "/", arena_printf(arena, "/proc/self/fd/%d", fd), ret, &plan, err);
	return plan;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_arena struct arena arena = { NULL };
	struct error err = { .text = "" };
	struct diagnosis diagnosis = { 0 };
	const struct plan *plan;

	plan = plan_parse(&arena, "/", "config.json", (const char *)data, size, &err);
	/* Refused with a reason, or accepted without one. */
	if ((plan == NULL) != (err.text[0] != '\0'))
		__builtin_trap();
	/* "check" refuses what "run" refuses. */
	if ((diagnose(&arena, data, size, &diagnosis, &err) == NULL) != (plan == NULL))
		__builtin_trap();
	return 0;
}
