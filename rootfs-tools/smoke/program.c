/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/program.h"

#include <string.h>

#include "base/document.h"
#include "rootfs-tools/smoke/options.h"

static const char about[] =
	"Does this image work?  Runs it, in containers that are gone afterwards, and says what\n"
	"works, what does not, and what it needs.  With --suite it checks what the suites say\n"
	"instead.  IMAGE may be a bundle or a directory, too; COMMAND is run in the place of its\n"
	"own program.\n";

static const struct command *const none[] = { NULL };

static const struct command_set smoke_set = {
	.program = "kist smoke",
	.summary = "does this image work?",
	.arguments = "IMAGE|BUNDLE|DIR [-- COMMAND...]",
	.commands = none,
	.options = smoke_options,
	.man_description =
		"Runs an image, a bundle or a directory in containers that are gone afterwards, "
		"and says what works, what does not, and what it needs.  No daemon, no shell in "
		"the image.  IMAGE is as kist-rootfs(1) has it.\n"
		".PP\nWithout a suite: its configuration is valid; its program exists, is of this "
		"architecture, and has its interpreter and libraries; it starts; orphans are "
		"reaped; it stops on its signal; whether it needs a writable root, to be root, "
		"capabilities, an init, a network; what it took, and wrote; setuid and "
		"world-writable files, broken links, and what looks like a secret.\n"
		".PP\nA suite is a file of container-structure-test's schema 2.0.0, in YAML or "
		"JSON, with serviceTests and more: see docs/smoke.md.\n",
	.man_tail =
		".SH EXIT STATUS\n.TP\n.B 0\nEverything is as it should be.\n"
		".TP\n.B 1\nA check failed.\n"
		".TP\n.B 2\nIt could not be run: no such image, an error in a suite.\n"
		".TP\n.B 128+N\nSignal N ended the run.\n"
		".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nNo colours on a terminal.\n"
		".SH SEE ALSO\nkist(1), kist-rootfs(1)\n",
};

static void help(struct text *out)
{
	text_printf(out, "%s - %s\n\nUsage: %s [OPTIONS] %s\n\n%s\nOptions:\n", smoke_set.program,
		    smoke_set.summary, smoke_set.program, smoke_set.arguments, about);
	option_help(out, smoke_options);
}

int program_document(struct text *out, const struct smoke_options *options,
		     const struct arguments *words, struct error *err)
{
	const char *first = words->count > 0 ? words->items[0] : "";

	if (options->help) {
		help(out);
		return 1;
	}
	if (options->version) {
		text_add(out, "kist-smoke version " KIST_VERSION "\n");
		return 1;
	}
	if (words->count == 1 && strcmp(first, "man") == 0) {
		document_man(out, &smoke_set);
		return 1;
	}
	if (words->count == 2 && strcmp(first, "completion") == 0)
		return document_completion(out, &smoke_set, words->items[1], err) < 0 ? -1 : 1;
	return 0;
}
