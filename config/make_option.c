/* SPDX-License-Identifier: Apache-2.0 */
#include "config/make_option.h"

#include <string.h>
#include <unistd.h>

#include "config/subid.h"

static enum make_net net_of(const char *word)
{
	if (word == NULL)
		return MAKE_NET_DEFAULT;
	if (strcmp(word, "host") == 0)
		return MAKE_NET_HOST;
	return strcmp(word, "none") == 0 ? MAKE_NET_NONE : MAKE_NET_PRIVATE;
}

void make_finish(struct arena *arena, struct make_options *make, const char *net,
		 const char *const *args, size_t arg_count)
{
	make->net = net_of(net);
	if (arg_count > 0) {
		make->args.items = (const char **)(uintptr_t)args;
		make->args.count = arg_count;
	}
	make->rootless = geteuid() != 0;
	if (make->rootless)
		subid_maps(arena, &make->uid_maps, &make->gid_maps);
}
