/* SPDX-License-Identifier: Apache-2.0 */
#include "base/document.h"
#include "rootfs-tools/command/cli.h"

/* In the order of --help. */
#define COMMANDS(row) \
	row(unpack) row(bundle) row(make) row(pack) row(diff) row(squash) row(insert) \
	row(config) row(tag) row(rm) row(ls) row(cat) row(inspect) row(validate) \
	row(mount) row(umount) row(store) row(gc) row(run_bundle) row(run_end) \
	row(completion) row(help_page) row(man)

#define DECLARE(name)	extern const struct command command_##name;
#define POINT(name)	&command_##name,
COMMANDS(DECLARE)

static const struct command *const commands[] = { COMMANDS(POINT) NULL };

static const struct option global_options[] = {
	OPTION_ROW_TEXT("store", 0, struct global_options, store, "DIR",
			"where unpacked layers are kept"),
	OPTION_ROW_FLAG("help", 'h', struct global_options, help, "show help"),
	OPTION_ROW_FLAG("version", 'v', struct global_options, version, "show the version"),
	OPTION_ROW_FLAG("version", 'V', struct global_options, version, NULL),
	{ 0 },
};

const struct command_set rootfs_commands = {
	.program = "kist rootfs",
	.summary = "images to root file systems and back",
	.commands = commands,
	.options = global_options,
	.help_note =
		"IMAGE is DIR[:TAG], an OCI layout, or a FILE: what docker save and podman save\n"
		"write, the tar of a root file system; dir:DIR, a root itself; docker://NAME, by\n"
		"skopeo.\n\n",
	.man_description =
		"kist rootfs turns OCI and Docker images into root file systems and bundles, and "
		"directories into images, without a daemon.\n"
		"IMAGE is an OCI layout (oci:DIR, oci-archive:FILE), what \"docker save\" or "
		"\"podman save\" wrote (docker-archive:FILE), the tar of a root file system "
		"(tar:FILE, tar:\\- for stdin), a directory (dir:DIR), or a plain path to one of "
		"these, with :TAG or @DIGEST behind it where there are several.  docker://NAME "
		"and the like are fetched by skopeo, where that is installed.\n",
	.man_tail =
		".SH EXIT STATUS\n0, or 1 for an error;\n.B diff\n"
		"has 1 for a difference and 2 for an error.\n"
		".SH ENVIRONMENT\n.TP\n.B XDG_DATA_HOME\n"
		"Where an ordinary user's store is, in kist/; the default is ~/.local/share.\n"
		".TP\n.B TMPDIR\nWhere what is fetched or unpacked on the way is; the default is "
		"/var/tmp.\n"
		".TP\n.B SOURCE_DATE_EPOCH\nThe time of what is made, for reproducible images.\n"
		".SH FILES\n.TP\n.I /var/lib/kist\nThe store of root.\n"
		".SH SEE ALSO\n.BR kist (1),\n.BR kist-smoke (1)\n",
};
