/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>

#include "config/decode.h"

/*
 * libFuzzer: any bytes as config.json.  Build with
 *   clang -fsanitize=fuzzer,address,undefined
 * and start with tests/golden as the corpus.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_arena struct arena arena = { NULL };
	struct error err = { .text = "" };
	const struct plan *plan;

	plan = plan_parse(&arena, "/bundle", "config.json", (const char *)data, size, &err);
	/* Refused with a reason, or accepted without one. */
	if ((plan == NULL) != (err.text[0] != '\0'))
		__builtin_trap();
	return 0;
}
