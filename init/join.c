/* SPDX-License-Identifier: Apache-2.0 */
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "base/fd.h"
#include "base/sys.h"
#include "init/procfs.h"
#include "init/step.h"

static bool id_mapped(id_map_list maps, uint32_t id)
{
	LIST_EACH(map, maps)
		if (id - map->container < map->size)
			return true;
	return false;
}

/* Root where the namespace has it; else the program's id, else one that there is. */
static uint32_t first_id(id_map_list maps, uint32_t wanted)
{
	if (maps.count == 0 || id_mapped(maps, 0))
		return 0;
	return id_mapped(maps, wanted) ? wanted : maps.items[0].container;
}

/*
 * What is made from here on belongs to the container, not to who started it,
 * whose ids need not exist in it.  In a namespace joined by path the maps are
 * not in the plan, and the kernel's EINVAL says what is not mapped.  The
 * capabilities stay either way.
 */
static int become_root(const struct plan *plan, const struct init *in, struct error *err)
{
	bool joined = plan->uid_maps.count == 0;
	uid_t uid = first_id(plan->uid_maps, in->process->uid);
	gid_t gid = first_id(plan->gid_maps, in->process->gid);

	/* Denied where the gid map was written without privileges; then none need dropping. */
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return error_errno(err, "set groups");
	if (setresgid(gid, gid, gid) < 0 && !(joined && errno == EINVAL))
		return error_errno(err, "become group %u of the user namespace", gid);
	if (setresuid(uid, uid, uid) < 0 && !(joined && errno == EINVAL))
		return error_errno(err, "become user %u of the user namespace", uid);
	/* A change of ids sets this to what fs.suid_dumpable says. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_errno(err, "make the process undumpable");
	return 0;
}

/*
 * The offsets of a time namespace can be written until a process is in it, and
 * a process made by clone3 is: so it is unshared here, written, then entered.
 */
static int enter_time(const struct plan *plan, struct init *in, struct error *err)
{
	_cleanup_fd int fd = -EBADF;
	char text[128] = "";
	int proc_fd = procfs(in, err), length = 0;

	if (proc_fd < 0)
		return -1;
	if (plan->monotonic.set)
		length = snprintf(text, sizeof(text), "monotonic %lld %u\n",
				  (long long)plan->monotonic.secs, plan->monotonic.nanosecs);
	if (plan->boottime.set)
		snprintf(text + length, sizeof(text) - (size_t)length, "boottime %lld %u\n",
			 (long long)plan->boottime.secs, plan->boottime.nanosecs);
	if (*text != '\0' && procfs_write(proc_fd, "self/timens_offsets", text, err) < 0)
		return -1;
	/* The deliberate opening of a magic link: it leads to our own namespace. */
	fd = openat(proc_fd, "self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "open the time namespace");
	if (setns(fd, CLONE_NEWTIME) < 0)
		return error_errno(err, "enter the time namespace");
	return 0;
}

int step_join(const struct plan *plan, struct init *in, struct error *err)
{
	for (size_t i = 0; i < NAMESPACE_COUNT; i++)
		if (in->join_fds[i] >= 0 && setns(in->join_fds[i], namespaces[i].flag) < 0)
			return error_errno(err, "join the %s namespace %s", namespaces[i].name,
					   plan->namespaces[i].path != NULL ?
					   plan->namespaces[i].path : "of the container");
	if (in->unshare_flags != 0 && unshare((int)in->unshare_flags) < 0)
		return error_errno(err, "make namespaces");
	/*
	 * With the ids of who started the container: what /proc has of an undumpable process
	 * belongs to the host's root, or as yet to that user, and the offsets could not be written.
	 */
	if ((in->unshare_flags & CLONE_NEWTIME) && enter_time(plan, in, err) < 0)
		return -1;
	return in->new_user_ns ? become_root(plan, in, err) : 0;
}
