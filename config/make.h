/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/plan.h"

/*
 * A config.json from command-line flags: what "kist spec" prints and what
 * "kist run --rootfs DIR" runs.  With MAKE_OPTIONS_SPEC it says what runc 1.1's
 * "runc spec" says, but for the version of the spec and the hostname.
 *
 * Lists hold the flags' values as the user wrote them; they are checked here.
 */
enum make_net {
	MAKE_NET_DEFAULT,		/* private; the caller's when rootless, as with runc */
	MAKE_NET_PRIVATE,		/* new: lo alone, until someone adds more */
	MAKE_NET_NONE,			/* the same, said otherwise */
	MAKE_NET_HOST,			/* the caller's */
};

/* What is there before cap_add and cap_drop. */
enum make_capabilities {
	MAKE_CAPABILITIES_SPEC,		/* what "runc spec" writes: three, for any user */
	/* What images are made for: those of podman, of which a user other than root has none. */
	MAKE_CAPABILITIES_IMAGE,
};

struct make_options {
	const char *rootfs;		/* root.path; NULL: "rootfs" */
	const char *hostname, *domainname;
	const char *cwd;		/* NULL: "/" */
	const char *user;		/* "UID" or "UID:GID"; NULL: 0:0 */
	LIST(uint32_t) groups;		/* more groups of that user */
	word_list args;			/* none: "sh" */
	word_list env;			/* "NAME=VALUE", or "NAME" for the caller's own value */
	word_list mounts;		/* "SOURCE:DESTINATION[:OPTION,...]" or
					 * "type=T,source=S,destination=D[,options=A:B]" */
	word_list tmpfs;		/* "DESTINATION[:OPTION,...]" */
	word_list cap_add, cap_drop;	/* "NET_ADMIN", "CAP_NET_ADMIN", "all" */
	word_list annotations;		/* "KEY=VALUE" */
	const char *init;		/* annotation org.kist.init; NULL: left out */
	const char *memory;		/* "512M"; of bytes, or with K, M, G, T */
	const char *cpus;		/* "1.5" */
	const char *pids;		/* "100"; "-1": no limit */
	enum make_net net;
	enum make_capabilities capabilities;
	const char *root_type;		/* a file system to be mounted as the root; NULL: none */
	const char *root_source;
	word_list root_options;
	word_list poststop, poststop_env; /* what is run behind the container; none: nothing */
	bool terminal, read_only;
	bool new_privileges;		/* leave noNewPrivileges off */
	bool cgroup_namespace;		/* add one: what runc does on hosts with cgroup v2 alone */
	bool rootless;			/* a user namespace, without what needs root */
	id_map_list uid_maps, gid_maps;	/* of rootless; empty: 0 is the caller */
};
#define MAKE_OPTIONS_SPEC	((struct make_options){ .terminal = true, .read_only = true })

/* The text, indented with tabs; NULL and *err, which names the flag. */
const char *config_make(struct arena *arena, const struct make_options *options,
			struct error *err);
