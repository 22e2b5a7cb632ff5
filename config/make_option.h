/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/option.h"
#include "config/make.h"

/*
 * The flags of "run --rootfs", "run --image" and "rootfs bundle" that make a configuration: rows
 * for a struct with a struct make_options make and a const char *net.
 */
#define MAKE_OPTION_ROWS(s, at) \
	OPTION_ROW_TEXT("hostname", 0, s, at make.hostname, "NAME", "host name inside"), \
	OPTION_ROW_TEXT("domainname", 0, s, at make.domainname, "NAME", "domain name inside"), \
	OPTION_ROW_TEXT("cwd", 'w', s, at make.cwd, "DIR", "working directory; / by default"), \
	OPTION_ROW_TEXT("user", 'u', s, at make.user, "UID[:GID]", "who runs it; 0:0 by default"), \
	OPTION_ROW_LIST("env", 'e', s, at make.env, "NAME[=VALUE]", \
			"environment; without a value the caller's"), \
	OPTION_ROW_LIST("mount", 'm', s, at make.mounts, "SRC:DST[:OPTIONS]", \
			"a bind mount, or type=T,source=S,destination=D,options=A:B"), \
	OPTION_ROW_LIST("tmpfs", 0, s, at make.tmpfs, "DST[:OPTIONS]", "an empty tmpfs there"), \
	OPTION_ROW_LIST("annotation", 0, s, at make.annotations, "KEY=VALUE", "an annotation"), \
	OPTION_ROW_FLAG("read-only", 0, s, at make.read_only, "nothing can write to the root"), \
	OPTION_ROW_CHOICE("net", 0, s, at net, "private|none|host", \
			  "a network of its own, which is the default, or the host's"), \
	OPTION_ROW_TEXT("memory", 0, s, at make.memory, "BYTES", "memory limit, as 512M"), \
	OPTION_ROW_TEXT("cpus", 0, s, at make.cpus, "N", "CPU time, as 1.5"), \
	OPTION_ROW_TEXT("pids", 0, s, at make.pids, "N", "processes and threads"), \
	OPTION_ROW_LIST("cap-add", 0, s, at make.cap_add, "NAME", \
			"a capability more, or \"all\""), \
	OPTION_ROW_LIST("cap-drop", 0, s, at make.cap_drop, "NAME", \
			"a capability less, or \"all\""), \
	OPTION_ROW_FLAG("new-privileges", 0, s, at make.new_privileges, \
			"setuid programs work: noNewPrivileges is off"), \
	OPTION_ROW_FLAG("tty", 't', s, at make.terminal, "give it a terminal")

/* What follows from them: the network, the arguments, and for an ordinary user the id maps. */
void make_finish(struct arena *arena, struct make_options *make, const char *net,
		 const char *const *args, size_t arg_count);
