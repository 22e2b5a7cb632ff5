/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/decode.h"
#include "config/plan.h"

/*
 * linux.resources as written, between decoding and the two lists of writes:
 * private to the resource files.  What is absent, or the value by which some
 * client says "unset" (0, for most), has set == false.
 */
struct device_number { uint32_t major, minor; };

struct weight_device {
	struct device_number device;
	struct opt_u64 weight, leaf_weight;
};

struct throttle_device {
	struct device_number device;
	uint64_t rate;			/* bytes or operations a second; 0: no limit */
};
typedef LIST(struct throttle_device) throttle_list;

struct huge_page_limit {
	const char *page_size;		/* "2MB" */
	uint64_t limit;			/* bytes */
};

struct interface_priority {
	const char *name;
	uint32_t priority;
};

struct rdma_limit {
	const char *device;
	struct opt_u64 handles, objects;
};

struct limits {
	struct opt_i64 memory, reservation, swap, kernel_tcp;	/* bytes, -1: no limit */
	struct opt_u64 swappiness, disable_oom_killer, use_hierarchy;
	bool check_before_update;

	struct opt_u64 shares, burst, period, realtime_period;	/* all but shares: microseconds */
	struct opt_i64 quota, realtime_runtime, idle;
	const char *cpus, *mems;

	struct opt_u64 weight, leaf_weight;
	LIST(struct weight_device) weight_devices;
	throttle_list read_bps, write_bps, read_iops, write_iops;

	LIST(struct huge_page_limit) huge_pages;
	struct opt_u64 class_id;
	LIST(struct interface_priority) priorities;
	struct opt_i64 pids;		/* below 0: no limit; 0 is a limit */
	LIST(struct rdma_limit) rdma;
	annotation_list unified; /* file and text, checked */
};

/* Each appends its version's writes, in the order of writing, and sets v1_error or v2_error. */
void limits_write_v1(struct arena *arena, const struct limits *limits,
		     struct resources_plan *resources);
void limits_write_v2(struct arena *arena, const struct limits *limits,
		     struct resources_plan *resources);
/* "mlx5_1 hca_handle=3 hca_object=10000", the same in both versions. */
const char *rdma_text(struct arena *arena, const struct rdma_limit *rdma);

/* Items and values, of the types above. */
decode_fn decode_device_rule;		/* struct device_rule */
decode_fn decode_weight;		/* struct opt_u64: 10 to 1000; 0: unset */
decode_fn decode_weight_device;		/* struct weight_device */
decode_fn decode_throttle;		/* struct throttle_device */
decode_fn decode_huge_pages;		/* struct huge_page_limit */
decode_fn decode_priority;		/* struct interface_priority */
decode_fn decode_rdma;			/* struct limits */
decode_fn decode_unified;		/* struct limits */
