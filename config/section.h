/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/decode.h"

/* The sections of config.json, each decoded in the file of its name, and what ties them. */
decode_fn decode_process;		/* struct process_plan */
decode_fn decode_scheduler;		/* struct scheduler_plan */
decode_fn decode_io_priority;		/* struct opt_u64, as ioprio_set(2) takes it */
decode_fn decode_mount;			/* struct mount_plan */
decode_fn decode_hooks;			/* hook_list[HOOK_MOMENT_COUNT] */
decode_fn decode_linux;			/* struct plan */
decode_fn decode_namespaces;		/* struct namespace_plan[NAMESPACE_COUNT] */
decode_fn decode_id_maps;		/* id_map_list */
decode_fn decode_time_offsets;		/* struct plan */
decode_fn decode_devices;		/* struct device_plan LIST, behind the default ones */
decode_fn decode_net_devices;		/* struct net_device_plan LIST */
decode_fn decode_resources;		/* struct resources_plan */
decode_fn decode_seccomp;		/* struct seccomp_plan * */

/* A new user namespace without id maps gets those of "kist spec --rootless". */
void id_maps_default(struct arena *arena, struct plan *plan);
/* The spec's default devices into an empty struct device_plan LIST. */
void devices_add_default(struct arena *arena, void *out);

/* Rules across fields, after decoding.  0, or -1 after at least one bad_value(). */
int check_plan(struct decoder *d, struct plan *plan);
