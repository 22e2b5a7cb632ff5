/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/arena.h"
#include "base/error.h"
#include "config/json.h"

/* What an image is for: an operating system and a processor, in the words of Go. */
struct platform {
	const char *os, *architecture, *variant;	/* variant: "" for none */
};

/* What the commands that read one image call it; of base/option.h. */
#define PLATFORM_OPTION_ROW(s, m) \
	OPTION_ROW_TEXT("platform", 0, s, m, "OS/ARCH[/VARIANT]", \
			"which of several platforms; the default is the host's")

/* "os/architecture[/variant]"; and the host's own. */
int platform_parse(struct arena *arena, const char *text, struct platform *ret,
		   struct error *err);
int platform_host(struct arena *arena, struct platform *ret, struct error *err);

/* How well an image of platform has runs where wanted is: 0 not at all, more is better. */
unsigned int platform_match(const struct platform *wanted, const struct platform *has);
const char *platform_text(struct arena *arena, const struct platform *platform);
/* From a JSON object with os, architecture and variant; "" for what is not there. */
void platform_read(const struct json *json, struct platform *ret);
