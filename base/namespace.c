/* SPDX-License-Identifier: Apache-2.0 */
#include "base/namespace.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"

const struct namespace namespaces[NAMESPACE_COUNT] = {
	[NAMESPACE_USER]    = { CLONE_NEWUSER,   "user",    "user",   "max_user_namespaces" },
	[NAMESPACE_MOUNT]   = { CLONE_NEWNS,     "mount",   "mnt",    "max_mnt_namespaces" },
	[NAMESPACE_PID]     = { CLONE_NEWPID,    "pid",     "pid",    "max_pid_namespaces" },
	[NAMESPACE_NETWORK] = { CLONE_NEWNET,    "network", "net",    "max_net_namespaces" },
	[NAMESPACE_IPC]     = { CLONE_NEWIPC,    "ipc",     "ipc",    "max_ipc_namespaces" },
	[NAMESPACE_UTS]     = { CLONE_NEWUTS,    "uts",     "uts",    "max_uts_namespaces" },
	[NAMESPACE_CGROUP]  = { CLONE_NEWCGROUP, "cgroup",  "cgroup", "max_cgroup_namespaces" },
	[NAMESPACE_TIME]    = { CLONE_NEWTIME,   "time",    "time",   "max_time_namespaces" },
};

const char *namespace_name(int flag)
{
	for (size_t i = 0; i < NAMESPACE_COUNT; i++)
		if (namespaces[i].flag == flag)
			return namespaces[i].name;
	return "unknown";
}

bool namespace_user_is_initial(void)
{
	struct stat st;

	return stat("/proc/self/ns/user", &st) == 0 && st.st_ino == NAMESPACE_USER_INITIAL_INODE;
}

int namespace_own_mounts(void)
{
	_cleanup_fd int pidfd = sys_pidfd_open(getpid(), 0);

	return pidfd >= 0 ? ioctl(pidfd, PIDFD_GET_MNT_NAMESPACE, 0) : -1;
}
