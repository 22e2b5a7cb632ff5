/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/smoke/result.h"
#include "rootfs-tools/smoke/smoke.h"

/*
 * $NAME and ${NAME} as suites may have them in commands, arguments, values and paths: the image's
 * variables, and the suite's global ones (suite may be NULL).  What neither has stays as it is
 * written, so that a shell's own variables come through.
 */
const char *expand_variables(struct arena *arena, const struct smoke *smoke,
			     const struct suite *suite, const char *text);

/* Every expected pattern must be in the text, no excluded one may; what: "standard output". */
void check_patterns(struct findings *f, struct check *check, const char *what,
		    const suite_patterns *expected, const suite_patterns *excluded,
		    const char *text, size_t size);
