/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/from_host/from_host.h"
#include "rootfs-tools/publish.h"
#include "rootfs-tools/size_text.h"

/* kist rootfs make. */
struct options {
	word_list files;
	bool from_host, names, users, certificates;
};

static const struct option options[] = {
	OPTION_ROW_FLAG("from-host", 0, struct options, from_host,
			"of programs of this host: the default"),
	OPTION_ROW_FLAG("nsswitch", 0, struct options, names,
			"/etc/nsswitch.conf, and the libraries that it names"),
	OPTION_ROW_FLAG("passwd", 0, struct options, users,
			"/etc/passwd and /etc/group with root and nobody"),
	OPTION_ROW_FLAG("certificates", 0, struct options, certificates,
			"those of the certificate authorities"),
	OPTION_ROW_LIST("file", 0, struct options, files, "PATH",
			"this file or directory of the host, too; may come again"),
	{ 0 },
};

static int fill(struct cli *cli, const struct options *o, struct from_host *made)
{
	if (from_host_begin(made) < 0)
		return -1;
	for (size_t i = 1; i < cli->arguments.count; i++)
		if (from_host_program(made, cli->arguments.items[i]) < 0)
			return -1;
	LIST_EACH(file, o->files)
		if (from_host_file(made, *file) < 0)
			return error_wrap(made->err, "--file");
	if ((o->names && from_host_names(made) < 0) || (o->users && from_host_users(made) < 0) ||
	    (o->certificates && from_host_certificates(made) < 0))
		return -1;
	return from_host_end(made);
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const char *target = cli->arguments.items[0];
	_cleanup_publish struct publish publish = PUBLISH_NONE;
	_cleanup_fd int host_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct from_host made = { .arena = cli->arena, .host_fd = host_fd, .err = err };

	if (host_fd < 0)
		return error_errno(err, "open /");
	if (publish_begin_path(target, &publish, err) < 0)
		return -1;
	made.root_fd = publish.root_fd;
	if (fill(cli, values, &made) < 0)
		return error_wrap(err, "make %s", target);
	if (publish_commit(&publish, err) < 0)
		return -1;
	text_printf(&cli->out, "%s: %u files, %s\n", target, made.files,
		    size_text(cli->arena, made.bytes));
	return 0;
}

const struct command command_make = {
	.name = "make",
	.arguments = "DIR --from-host PROGRAM...",
	.summary = "the smallest root around programs of this host",
	.description =
		"Programs come with their interpreter and libraries, which are read from the "
		"files: nothing is\nexecuted.  What a program opens later (plugins, locales) is "
		"given with --file.",
	.options = options,
	.size = sizeof(struct options),
	.min = 2,
	.max = -1,
	.stop_after = -1,
	.run = run,
};
