/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/smoke/smoke.h"

/*
 * The config.json of one container: the subject's own with what a check changes of it.  The
 * image's program, user and environment stay unless a check says otherwise; root, cgroup,
 * terminal and network are the box's business.
 */
enum container_network { NETWORK_OWN, NETWORK_HOST, NETWORK_JOINED };

struct container_config {
	const char *root;		/* absolute */
	const char *const *args;	/* NULL: the subject's */
	size_t arg_count;
	const char *const *env;		/* "NAME=value", behind the subject's, which they replace */
	size_t env_count;
	const char *cwd, *user;		/* user: name or number[:group], resolved in the root */
	bool read_only, no_capabilities, terminal, privileged;
	const char *const *capabilities;	/* more of them */
	size_t capability_count;
	const char *const *binds;	/* "SOURCE:DESTINATION[:OPTIONS]" */
	size_t bind_count;
	const char *init;		/* "never"; NULL: as it is */
	const char *cgroup;		/* path; NULL: none */
	uint64_t memory_limit, pids_limit;	/* 0: none */
	enum container_network network;
	const char *network_path;	/* of NETWORK_JOINED */
};

/* The text, or NULL and *err. */
const char *container_config_make(struct arena *arena, const struct smoke *smoke,
				  const struct container_config *config, struct error *err);
