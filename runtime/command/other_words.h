/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/command.h"

/*
 * What people type who come from podman, docker and bubblewrap: an error that says how kist does
 * it, instead of "not defined".  Not what is there under the same name.
 */
#define IN_CONFIG(where)	"config.json has it, as " where " (kist spec)"

#define RUN_ABSENT_ROWS \
	OPTION_ROW_ABSENT("interactive", 'i', "stdin always goes to the program; -t: a terminal"), \
	OPTION_ROW_ABSENT("rm", 0, "it is deleted when it has ended, unless --keep is given"), \
	OPTION_ROW_ABSENT("name", 0, "the name is an argument, the last in front of \"--\""), \
	OPTION_ROW_ABSENT("volume", 'v', "use --mount SRC:DST[:OPTIONS]"), \
	OPTION_ROW_ABSENT("bind", 0, "use --mount SRC:DST"), \
	OPTION_ROW_ABSENT("ro-bind", 0, "use --mount SRC:DST:ro"), \
	OPTION_ROW_ABSENT("publish", 'p', "there is no network beyond loopback; --net=host has " \
			  "the host's"), \
	OPTION_ROW_ABSENT("network", 0, "use --net private|none|host"), \
	OPTION_ROW_ABSENT("workdir", 0, "use --cwd DIR"), \
	OPTION_ROW_ABSENT("label", 'l', "use --annotation KEY=VALUE"), \
	OPTION_ROW_ABSENT("privileged", 0, "say what it needs: --cap-add, --mount; all " \
			  "capabilities are --cap-add=all"), \
	OPTION_ROW_ABSENT("shm-size", 0, "use --tmpfs /dev/shm:size=SIZE"), \
	OPTION_ROW_ABSENT("pids-limit", 0, "use --pids N"), \
	OPTION_ROW_ABSENT("stop-signal", 0, "use --init-stop-signal SIGNAL"), \
	OPTION_ROW_ABSENT("stop-timeout", 0, "use --init-grace SECONDS"), \
	OPTION_ROW_ABSENT("restart", 0, "there is no daemon that would; systemd has Restart="), \
	OPTION_ROW_ABSENT("security-opt", 0, IN_CONFIG("/process and /linux/seccomp")), \
	OPTION_ROW_ABSENT("pid", 0, IN_CONFIG("/linux/namespaces; --pids limits processes")), \
	OPTION_ROW_ABSENT("ipc", 0, IN_CONFIG("/linux/namespaces")), \
	OPTION_ROW_ABSENT("uts", 0, IN_CONFIG("/linux/namespaces")), \
	OPTION_ROW_ABSENT("userns", 0, IN_CONFIG("/linux/namespaces and uidMappings"))

#define EXEC_ABSENT_ROWS \
	OPTION_ROW_ABSENT("interactive", 'i', "stdin always goes to the program; -t: a terminal"), \
	OPTION_ROW_ABSENT("workdir", 'w', "use --cwd DIR"), \
	OPTION_ROW_ABSENT("privileged", 0, "use --cap NAME, once for each")

/* Commands: what follows "no such command: rm: ". */
#define OTHER_COMMANDS(row) \
	row("rm", "use \"kist delete\"") \
	row("stop", "use \"kist kill\"") \
	row("inspect", "use \"kist state\", or \"kist rootfs inspect\" for an image") \
	row("unpause", "use \"kist resume\"") \
	row("info", "use \"kist features\"") \
	row("version", "use \"kist --version\"") \
	row("images", "use \"kist rootfs store ls\"") \
	row("pull", "\"kist run docker://NAME\" fetches what it runs, with skopeo") \
	row("build", "use \"kist rootfs pack\" and \"kist rootfs insert\"") \
	row("rmi", "use \"kist rootfs rm\"") \
	row("tag", "use \"kist rootfs tag\"") \
	row("cp", "use \"kist exec\" and tar, or \"kist mounts add\"")
