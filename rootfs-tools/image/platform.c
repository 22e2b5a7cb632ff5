/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/image/platform.h"

#include <string.h>
#include <sys/utsname.h>

/* Platforms in the words of Go, as the image spec has them. */
static const struct {
	const char *machine;		/* of uname */
	const char *architecture, *variant;
} machines[] = {
	{ "x86_64", "amd64", "" },
	{ "aarch64", "arm64", "v8" },
	{ "armv7l", "arm", "v7" },
	{ "armv6l", "arm", "v6" },
	{ "armv5tel", "arm", "v5" },
	{ "i686", "386", "" },
	{ "i586", "386", "" },
	{ "ppc64le", "ppc64le", "" },
	{ "ppc64", "ppc64", "" },
	{ "s390x", "s390x", "" },
	{ "riscv64", "riscv64", "" },
	{ "loongarch64", "loong64", "" },
	{ "mips64", "mips64le", "" },
};

int platform_host(struct arena *arena, struct platform *ret, struct error *err)
{
	struct utsname name;

	if (uname(&name) < 0)
		return error_errno(err, "ask what machine this is");
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		if (strcmp(machines[i].machine, name.machine) != 0)
			continue;
		*ret = (struct platform){ "linux", machines[i].architecture, machines[i].variant };
		return 0;
	}
	*ret = (struct platform){ "linux", arena_strdup(arena, name.machine), "" };
	return 0;
}

int platform_parse(struct arena *arena, const char *text, struct platform *ret,
		   struct error *err)
{
	const char *slash, *second;

	if (text == NULL)
		return platform_host(arena, ret, err);
	slash = strchr(text, '/');
	second = slash != NULL ? strchr(slash + 1, '/') : NULL;
	if (slash == NULL || slash == text || slash[1] == '\0' || slash[1] == '/' ||
	    (second != NULL && (second[1] == '\0' || strchr(second + 1, '/') != NULL)))
		return error_set(err, "platform \"%.60s\" is not OS/ARCHITECTURE[/VARIANT], for "
				 "example linux/arm64", text);
	ret->os = arena_strndup(arena, text, (size_t)(slash - text));
	ret->architecture = slash + 1;
	ret->variant = "";
	if (second != NULL) {
		ret->architecture = arena_strndup(arena, slash + 1, (size_t)(second - slash - 1));
		ret->variant = second + 1;
	}
	return 0;
}

static const char *word_of(const struct json *json, const char *key)
{
	const struct json *value = json_member(json, key);

	return value != NULL && value->type == JSON_STRING ? value->text : "";
}

void platform_read(const struct json *json, struct platform *ret)
{
	ret->os = word_of(json, "os");
	ret->architecture = word_of(json, "architecture");
	ret->variant = word_of(json, "variant");
}

const char *platform_text(struct arena *arena, const struct platform *platform)
{
	return arena_printf(arena, "%s/%s%s%s", platform->os, platform->architecture,
			    platform->variant[0] != '\0' ? "/" : "", platform->variant);
}

/* 7 of "v7"; 0 where it is no such word. */
static unsigned int variant_number(const char *text)
{
	return text[0] == 'v' && text[1] >= '1' && text[1] <= '9' ? (unsigned int)(text[1] - '0') :
								    0;
}

/* Every arm runs what older ones run: v7 runs v6 and v5. */
static unsigned int variant_match(const struct platform *wanted, const char *has)
{
	const char *variant = wanted->variant;
	unsigned int number = variant_number(has);

	if (strcmp(variant, has) == 0)
		return 100;
	if (*has == '\0')
		return 90;
	if (*variant == '\0')		/* v8 of arm64, v1 of amd64 before v3 */
		return number > 0 ? 80 - number : 1;
	if (strcmp(wanted->architecture, "arm") == 0 && number > 0 && strcmp(has, variant) < 0)
		return 50 + number;
	return 0;
}

unsigned int platform_match(const struct platform *wanted, const struct platform *has)
{
	if (strcmp(wanted->os, has->os) != 0 ||
	    strcmp(wanted->architecture, has->architecture) != 0)
		return 0;
	return variant_match(wanted, has->variant);
}
