/* SPDX-License-Identifier: Apache-2.0 */
#include <seccomp.h>
#include <string.h>

#include "config/plan.h"
#include "runtime/command/command.h"

/* A packager's or CI's -DKIST_COMMIT; a release's tag is its commit's name. */
#ifndef KIST_COMMIT
#define KIST_COMMIT	"v" KIST_VERSION
#endif

/*
 * go-runc wants the first line to begin with "<name> version ", dockerd any
 * line with "version", both "commit: " and "spec: ".  Called by another
 * runtime's name, the number is that of the one kist behaves like, because
 * some callers compare it; the build part says who it is.
 */
static const struct {
	const char *name, *version;
} likes[] = {
	{ "runc", "1.5.0+kist." },
	{ "crun", "1.28+kist." },
	{ "kist", "" },
};

void program_version(struct text *out, const char *program)
{
	const char *like = "";

	for (size_t i = 0; i < ARRAY_SIZE(likes); i++)
		if (strcmp(program, likes[i].name) == 0)
			like = likes[i].version;
	text_printf(out, "%s version %s%s\ncommit: %s\nspec: " SPEC_VERSION "\n", program, like,
		    KIST_VERSION, KIST_COMMIT);
	text_printf(out, "libseccomp: %d.%d.%d\n", SCMP_VER_MAJOR, SCMP_VER_MINOR, SCMP_VER_MICRO);
	if (strcmp(program, "crun") == 0)
		text_add(out, "+SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP +EBPF +YAJL\n");
}
