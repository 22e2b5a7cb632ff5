/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/option.h"
#include "config/plan.h"

/*
 * What a config.json is made from: the flags of "run --rootfs", "run --image" and "rootfs bundle".
 *
 * Lists hold the flags' values as the user wrote them; config_make() checks them.
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
	word_list group_add;		/* and more, in numbers */
	word_list args;			/* none: "sh" */
	word_list env;			/* "NAME=VALUE", or "NAME" for the caller's own value */
	word_list env_files;		/* paths: more of them, which count less */
	word_list mounts;		/* "SOURCE:DESTINATION[:OPTION,...]" or
					 * "type=T,source=S,destination=D[,options=A:B]" */
	word_list tmpfs;		/* "DESTINATION[:OPTION,...]" */
	word_list cap_add, cap_drop;	/* "NET_ADMIN", "CAP_NET_ADMIN", "all" */
	word_list annotations;		/* "KEY=VALUE" */
	word_list devices;		/* "PATH[:TARGET][:ACCESS]" */
	word_list sysctls;		/* "KEY=VALUE" */
	word_list ulimits;		/* "NAME=SOFT[:HARD]" */
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

/* Rows for a struct with a struct make_options make and a const char *net. */
#define MAKE_OPTION_ROWS(s, at) \
	OPTION_ROW_TEXT("hostname", 0, s, at make.hostname, "NAME", "host name inside"), \
	OPTION_ROW_TEXT("domainname", 0, s, at make.domainname, "NAME", "domain name inside"), \
	OPTION_ROW_TEXT("cwd", 'w', s, at make.cwd, "DIR",	\
			"working directory; the image's, or /"), \
	OPTION_ROW_TEXT("user", 'u', s, at make.user, "UID[:GID]",	\
			"who runs it; the image's user, or 0:0"), \
	OPTION_ROW_LIST("group-add", 0, s, at make.group_add, "GID", \
			"one more group of that user"), \
	OPTION_ROW_LIST("env", 'e', s, at make.env, "NAME[=VALUE]", \
			"environment; without a value the caller's"), \
	OPTION_ROW_LIST("env-file", 0, s, at make.env_files, "FILE", \
			"environment from lines NAME=VALUE; --env counts more"), \
	OPTION_ROW_LIST("mount", 'm', s, at make.mounts, "SRC:DST[:OPTIONS]", \
			"a bind mount, or type=T,source=S,destination=D,options=A:B"), \
	OPTION_ROW_LIST("tmpfs", 0, s, at make.tmpfs, "DST[:OPTIONS]", "an empty tmpfs there"), \
	OPTION_ROW_LIST("device", 0, s, at make.devices, "PATH[:TARGET][:rwm]", \
			"a device of the host, and the right to it"), \
	OPTION_ROW_LIST("sysctl", 0, s, at make.sysctls, "KEY=VALUE", \
			"a kernel parameter of its namespaces"), \
	OPTION_ROW_LIST("ulimit", 0, s, at make.ulimits, "NAME=SOFT[:HARD]", \
			"a limit of getrlimit(2), as nofile=1024; -1: none"), \
	OPTION_ROW_LIST("annotation", 0, s, at make.annotations, "KEY=VALUE", "an annotation"), \
	OPTION_ROW_FLAG("read-only", 0, s, at make.read_only, "nothing can write to the root"), \
	OPTION_ROW_CHOICE("net", 0, s, at net, "private|none|host", \
			  "a network of its own, which is the default, or the host's"), \
	OPTION_ROW_TEXT("memory", 0, s, at make.memory, "BYTES", "memory limit, as 512M"), \
	OPTION_ROW_TEXT("cpus", 0, s, at make.cpus, "N", "CPU time, as 1.5"), \
	OPTION_ROW_TEXT("pids", 0, s, at make.pids, "N", "processes and threads"), \
	OPTION_ROW_LIST("cap-add", 0, s, at make.cap_add, "NAME", \
			"a capability more, or \"all\"; also where --user is not root"), \
	OPTION_ROW_LIST("cap-drop", 0, s, at make.cap_drop, "NAME", \
			"a capability less, or \"all\""), \
	OPTION_ROW_FLAG("new-privileges", 0, s, at make.new_privileges, \
			"setuid programs work: noNewPrivileges is off"), \
	OPTION_ROW_FLAG("tty", 't', s, at make.terminal, "give it a terminal")

/* What follows from them: the network, the arguments, and for an ordinary user the id maps. */
void make_finish(struct arena *arena, struct make_options *make, const char *net,
		 const char *const *args, size_t arg_count);
