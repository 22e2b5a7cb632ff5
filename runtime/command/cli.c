/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <regex.h>
#include <string.h>

#include "base/fd.h"
#include "base/namespace.h"
#include "config/make_value.h"
#include "runtime/command/command.h"
#include "runtime/container.h"
#include "runtime/create.h"

/* What every command needs of the command line: stdout, the root, its container. */

int cli_flush(struct cli *cli, struct error *err)
{
	if (cli->out.size > 0 && fd_write_all(STDOUT_FILENO, cli->out.data, cli->out.size) < 0)
		return error_errno(err, "write to stdout");
	cli->out.size = 0;
	return 0;
}

const char *cli_root(struct cli *cli)
{
	const char *run = secure_getenv("XDG_RUNTIME_DIR");

	/* Others will look for it from elsewhere: CRIU, and the gc of a store. */
	if (cli->global.root != NULL)
		return cli->global.root = path_absolute(cli->arena, cli->global.root);
	/* Podman without root starts us as uid 0 of a user namespace, where /run is not ours. */
	if (run != NULL && run[0] == '/' && (geteuid() != 0 || !namespace_user_is_initial()))
		cli->global.root = arena_printf(cli->arena, "%s/kist", run);
	else if (geteuid() == 0)
		cli->global.root = "/run/kist";
	else
		cli->global.root = arena_printf(cli->arena, "/tmp/kist-run-%u", geteuid());
	return cli->global.root;
}

int cli_root_open(struct cli *cli, bool create, struct error *err)
{
	return container_root_open(cli_root(cli), create, err);
}

int cli_container(struct cli *cli, struct container *ret, struct error *err)
{
	const char *id = cli->arguments.items[0];
	_cleanup_fd int root_fd = -EBADF;

	*ret = CONTAINER_NONE;
	if (container_id_check(id, err) < 0)
		return -1;
	root_fd = cli_root_open(cli, false, err);
	if (root_fd < 0)
		return err->code == ENOENT ?
		       container_error(err, ENOENT, "container does not exist") : -1;
	return container_open(ret, cli->arena, cli_root(cli), root_fd, id, err);
}

int cli_container_locked(struct cli *cli, struct container *ret, struct error *err)
{
	if (cli_container(cli, ret, err) < 0)
		return -1;
	if (container_lock(ret, err) == 0)
		return 0;
	container_close(ret);
	return -1;
}

static enum cgroup_manager cgroup_manager(const struct cli *cli)
{
	const char *manager = cli->global.cgroup_manager;

	if (manager != NULL && strcmp(manager, "disabled") == 0)
		return CGROUP_DISABLED;
	if (cli->global.systemd_cgroup || (manager != NULL && strcmp(manager, "systemd") == 0))
		return CGROUP_SYSTEMD;
	return CGROUP_CGROUPFS;
}

static bool called_as_runc(const struct cli *cli)
{
	return strcmp(cli->name, "runc") == 0;
}

void cli_creation(struct cli *cli, struct creation_request *ret)
{
	*ret = (struct creation_request){ .arena = cli->arena, .root = cli_root(cli),
					  .manager = cgroup_manager(cli),
					  .as_runc = called_as_runc(cli),
					  .console_socket = -EBADF };
}

int cli_failed(const struct cli *cli, const char *verb, const char *id, struct error *err)
{
	if (called_as_runc(cli))
		return error_wrap(err, "runc %s failed", verb);
	return error_wrap(err, "%s %s", verb, id);
}

int cli_each_match(struct cli *cli, cli_one *one, const void *options, struct error *err)
{
	const char *pattern = cli->arguments.items[0];
	_cleanup_fd int root_fd = -EBADF;
	word_list ids;
	struct error failure;
	regex_t regex;
	int result = 0;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return error_set(err, "--regex: \"%s\" is no regular expression", pattern);
	root_fd = cli_root_open(cli, false, err);
	if (root_fd < 0 || container_ids(cli->arena, root_fd, &ids, err) < 0) {
		regfree(&regex);
		return root_fd < 0 && err->code == ENOENT ? 0 : -1;
	}
	LIST_EACH(id, ids) {
		if (regexec(&regex, *id, 0, NULL, 0) != 0)
			continue;
		cli->arguments.items[0] = *id;
		if (one(cli, options, &failure) == 0)
			continue;
		/* The first is the error; the others are tried all the same. */
		error_wrap(&failure, "%s", *id);
		if (result < 0)
			warn("%s", failure.text);
		else
			*err = failure;
		result = -1;
	}
	regfree(&regex);
	return result;
}
