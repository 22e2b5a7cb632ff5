/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "config/make.h"
#include "runtime/command/command.h"

struct spec_options {
	const char *bundle, *file;
	bool rootless;
};

static const struct option options[] = {
	OPTION_ROW_TEXT("bundle", 'b', struct spec_options, bundle, "DIR",
			"where to write it; the default is \".\""),
	OPTION_ROW_TEXT("config", 'f', struct spec_options, file, "FILE",
			"the name to write, or \"-\" for stdout; the default is config.json"),
	OPTION_ROW_FLAG("rootless", 0, struct spec_options, rootless,
			"for a caller without privileges"),
	{ 0 },
};

static int spec_write(const char *directory, const char *file, const char *text,
		      struct error *err)
{
	_cleanup_fd int dir_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_fd int fd = -EBADF;

	if (dir_fd < 0)
		return error_errno(err, "open %s", directory);
	fd = openat(dir_fd, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return error_set(err, "File %s exists. Remove it first", file);
	if (fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0)
		return 0;
	error_errno(err, "write %s", file);
	/* Half of it would be in the way of the next one. */
	if (fd >= 0)
		unlinkat(dir_fd, file, 0);
	return -1;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct spec_options *spec = values;
	struct make_options make = MAKE_OPTIONS_SPEC;
	const char *text;

	make.rootless = spec->rootless;
	text = config_make(cli->arena, &make, err);
	if (text == NULL)
		return -1;
	if (spec->file != NULL && strcmp(spec->file, "-") == 0) {
		text_add(&cli->out, text);
		return 0;
	}
	return spec_write(spec->bundle != NULL ? spec->bundle : ".",
			  spec->file != NULL ? spec->file : "config.json", text, err);
}

const struct command command_spec = {
	.name = "spec", .arguments = "", .summary = "write a config.json to start from",
	.options = options, .size = sizeof(struct spec_options),
	.min = 0, .max = 0, .stop_after = -1, .run = run,
};
