/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/*
 * The eight types of namespace, and every word that somebody has for them: one
 * table for the configuration, the runtime, the container's side and libkist.
 */

/* Index of all that is there once per type, in the order in which they are joined. */
enum namespace_type {
	NAMESPACE_USER,
	NAMESPACE_MOUNT,
	NAMESPACE_PID,
	NAMESPACE_NETWORK,
	NAMESPACE_IPC,
	NAMESPACE_UTS,
	NAMESPACE_CGROUP,
	NAMESPACE_TIME,
	NAMESPACE_COUNT,
};

struct namespace {
	int flag;		/* CLONE_NEW* */
	const char *name;	/* the OCI spec's: "network" */
	const char *file;	/* in /proc/PID/ns: "net" */
	const char *limit;	/* in /proc/sys/user: how many of them a user may have */
};
extern const struct namespace namespaces[NAMESPACE_COUNT];

/* By a CLONE_NEW* bit; "unknown" for anything else. */
const char *namespace_name(int flag);

/* Of the user namespace that the machine starts with: fixed, include/linux/proc_ns.h. */
#define NAMESPACE_USER_INITIAL_INODE	0xEFFFFFFDU
/*
 * Whether the caller is in that one: only there uid 0 is the host's root.  The map does not tell,
 * for another namespace may map all ids to themselves.
 */
bool namespace_user_is_initial(void);

/*
 * An fd of the caller's mount namespace without /proc: -1 before Linux 6.11.  The first look of a
 * process into /proc/self costs more than both calls of this.
 */
int namespace_own_mounts(void);
