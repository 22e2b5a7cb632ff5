/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/subid.h"
#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/store/use.h"

/*
 * The poststop hook of "kist run --image": removes the bundle.  Of an ordinary user's container
 * some files belong to subordinate ids, which only a user namespace with the same map may remove:
 * then it starts itself once more in one.
 */

static const char *map_text(struct arena *arena, const id_map_list *maps)
{
	struct text text = { .arena = arena };

	LIST_EACH(map, *maps)
		text_printf(&text, "%s%u:%u:%u", map == maps->items ? "" : ",", map->container,
			    map->host, map->size);
	return text.data;
}

static int again_as_root(struct cli *cli, const struct store *store, struct error *err)
{
	const char *kist = getenv("KIST_PROGRAM");
	id_map_list uids, gids;
	char self[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (kist == NULL || geteuid() == 0 || size < 0)
		return -1;
	self[size] = '\0';
	subid_maps(cli->arena, &uids, &gids);
	execv(kist, (char *const[]){
		arena_strdup(cli->arena, kist), arena_strdup(cli->arena, "unshare"),
		arena_printf(cli->arena, "--map-users=%s", map_text(cli->arena, &uids)),
		arena_printf(cli->arena, "--map-groups=%s", map_text(cli->arena, &gids)),
		self, arena_strdup(cli->arena, "--store"),
		arena_strdup(cli->arena, store->path), arena_strdup(cli->arena, "run-end"),
		arena_strdup(cli->arena, cli->arguments.items[0]), NULL,
	});
	return error_errno(err, "start %s", kist);
}

static int run(struct cli *cli, const void *values _unused, struct error *err)
{
	_cleanup_store struct store store = STORE_NONE;

	if (store_open(cli->arena, cli->global.store, STORE_USE, &store, err) < 0)
		return -1;
	if (store_run_end(&store, cli->arguments.items[0], err) == 0)
		return 0;
	return again_as_root(cli, &store, err);
}

const struct command command_run_end = {
	.name = "run-end", .arguments = "NAME",
	.summary = "removes what \"kist run --image\" made", .hidden = true,
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
