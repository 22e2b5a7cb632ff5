/* SPDX-License-Identifier: Apache-2.0 */
#include <grp.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/sys.h"
#include "config/names.h"
#include "init/procfs.h"
#include "init/step.h"

/* Nobody may trace this process or look into it, before it is in reach of anybody (I6). */
int step_shield(const struct plan *plan, struct init *in, struct error *err)
{
	/*
	 * Where a user makes a user namespace, the runtime could not write its maps then (it has
	 * no rights over what /proc/PID gives to root); step_join does it once it is mapped.
	 * What exec starts is born so (runtime/spawn.c).
	 */
	if (!(plan->clone_flags & CLONE_NEWUSER) && prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_errno(err, "make the process undumpable");
	/* What is made in the root gets the modes that the plan says, whoever calls. */
	in->umask = umask(0);
	return 0;
}

/* What the running kernel knows; the highest is asked for, as a newer one has more. */
static uint64_t known_capabilities(void)
{
	int last = CAP_LAST_CAP;

	while (last > 0 && prctl(PR_CAPBSET_READ, last) < 0)
		last--;
	while (last < 63 && prctl(PR_CAPBSET_READ, last + 1) >= 0)
		last++;
	return last == 63 ? UINT64_MAX : (UINT64_C(1) << (last + 1)) - 1;
}

static int bounding_drop(uint64_t keep, uint64_t known, struct error *err)
{
	for (unsigned long cap = 0; cap < 64 && (known >> cap) != 0; cap++)
		if (!(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap) < 0 &&
		    prctl(PR_CAPBSET_READ, cap) != 0)
			return error_errno(err, "drop capability %lu from the bounding set", cap);
	return 0;
}

static int ambient_raise(uint64_t ambient, struct error *err)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return error_errno(err, "clear the ambient capabilities");
	for (unsigned long cap = 0; cap < 64; cap++)
		if ((ambient >> cap & 1) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return error_errno(err, "raise ambient capability %lu", cap);
	return 0;
}

/* effective, permitted, inheritable, as capset(2) and capget(2) take them. */
static void caps_pack(const uint64_t *sets, uint64_t known,
		      struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3])
{
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)((sets[CAPABILITY_EFFECTIVE] & known) >> (32 * i)),
			.permitted = (uint32_t)((sets[CAPABILITY_PERMITTED] & known) >> (32 * i)),
			.inheritable =
				(uint32_t)((sets[CAPABILITY_INHERITABLE] & known) >> (32 * i)),
		};
}

/*
 * Spec 1.2: what cannot be granted is a warning.  capset was refused; whether something was taken
 * out, so that it may be asked again.  The bounding set stays: it gives nothing by itself.
 */
static bool caps_leave_out(uint64_t *sets, uint64_t known)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct own[_LINUX_CAPABILITY_U32S_3];
	uint64_t lacking = sets[CAPABILITY_PERMITTED] | sets[CAPABILITY_INHERITABLE];

	if (syscall(__NR_capget, &head, own) < 0)
		return false;
	lacking &= known & ~(own[0].permitted | (uint64_t)own[1].permitted << 32);
	if (lacking == 0)
		return false;
	sets[CAPABILITY_EFFECTIVE] &= ~lacking;
	sets[CAPABILITY_PERMITTED] &= ~lacking;
	sets[CAPABILITY_INHERITABLE] &= ~lacking;
	sets[CAPABILITY_AMBIENT] &= ~lacking;
	warn("the caller itself lacks %s%s; ignored",
	     name_of(capability_names, (uint64_t)__builtin_ctzll(lacking)),
	     lacking & (lacking - 1) ? " (and more)" : "");
	return true;
}

static int caps_set(uint64_t *sets, uint64_t known, struct error *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	struct __user_cap_data_struct got[_LINUX_CAPABILITY_U32S_3];

	caps_pack(sets, known, data);
	while (syscall(__NR_capset, &head, data) < 0) {
		error_errno(err, "set capabilities");
		if (err->code != EPERM)
			return -1;
		if (!caps_leave_out(sets, known))
			return error_hint(err, "the sets do not contain one another");
		caps_pack(sets, known, data);
	}
	if (ambient_raise(sets[CAPABILITY_AMBIENT] & known, err) < 0)
		return -1;
	memset(got, 0, sizeof(got));
	if (syscall(__NR_capget, &head, got) < 0)
		return error_errno(err, "read capabilities back");
	if (memcmp(got, data, sizeof(got)) != 0)
		return error_set(err, "capabilities differ from what was set");
	return 0;
}

/*
 * The sets that capget does not show (I10).  The kernel holds nothing in the
 * ambient set that is not permitted and inheritable, so the rest is not asked for.
 */
static int caps_check(const uint64_t *sets, uint64_t known, struct error *err)
{
	uint64_t ambient = sets[CAPABILITY_AMBIENT],
		 possible = sets[CAPABILITY_PERMITTED] & sets[CAPABILITY_INHERITABLE] & known;

	for (unsigned long cap = 0; cap < 64 && (known >> cap) != 0; cap++) {
		if (!(sets[CAPABILITY_BOUNDING] >> cap & 1) && prctl(PR_CAPBSET_READ, cap) != 0)
			return error_set(err, "capability %lu is still in the bounding set", cap);
		if ((possible >> cap & 1) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) !=
		    (int)(ambient >> cap & 1))
			return error_set(err, "ambient capability %lu differs from what was set",
					 cap);
	}
	return 0;
}

static bool groups_denied(struct init *in)
{
	char text[16];
	struct error ignored;
	int proc_fd = procfs(in, &ignored);

	return proc_fd >= 0 &&
	       procfs_read(proc_fd, "self/setgroups", text, sizeof(text), &ignored) == 0 &&
	       strncmp(text, "deny", 4) == 0;
}

static int by_gid(const void *a, const void *b)
{
	const gid_t one = *(const gid_t *)a, two = *(const gid_t *)b;

	return one < two ? -1 : one > two;
}

/* The kernel sorts them, by what they are outside, so they are compared as sets. */
static int groups_check(const struct process_plan *process, struct arena *arena,
			struct error *err)
{
	size_t count = process->additional_gids.count;
	gid_t *got = ARENA_NEWS(arena, count + 1, gid_t);
	int n = getgroups((int)count + 1, got);

	if (n == (int)count && count > 1)
		qsort(got, count, sizeof(*got), by_gid);
	for (size_t i = 0; n == (int)count && i < count; i++)
		if (bsearch(&process->additional_gids.items[i], got, count, sizeof(*got),
			    by_gid) == NULL)
			n = -1;
	return n == (int)count ? 0 : error_set(err, "additional groups differ from what was set");
}

static int groups_set(const struct plan *plan, struct init *in, struct error *err)
{
	const struct process_plan *process = in->process;
	size_t count = process->additional_gids.count;

	if (plan_annotation(plan, "run.oci.keep_original_groups") != NULL)
		return 0;
	if (setgroups(count, process->additional_gids.items) == 0)
		return groups_check(process, in->arena, err);
	error_errno(err, "set additional groups");
	if (err->code == EINVAL)
		return error_hint(err, "one is not mapped in the user namespace");
	if (err->code != EPERM || !groups_denied(in))
		return -1;
	/* An unprivileged gid map: the kernel keeps the caller's groups as they are. */
	return count == 0 ? 0 :
	       error_hint(err, "a gid map written without newgidmap does not allow any");
}

static int ids_set(const struct process_plan *process, struct error *err)
{
	gid_t gid[3];
	uid_t uid[3];

	if (setresgid(process->gid, process->gid, process->gid) < 0)
		return error_errno(err, "become group %u", process->gid);
	if (setresuid(process->uid, process->uid, process->uid) < 0)
		return error_errno(err, "become user %u", process->uid);
	if (getresgid(&gid[0], &gid[1], &gid[2]) < 0 || getresuid(&uid[0], &uid[1], &uid[2]) < 0)
		return error_errno(err, "read ids back");
	for (size_t i = 0; i < 3; i++)
		if (gid[i] != process->gid || uid[i] != process->uid)
			return error_set(err, "user and group differ from what was set");
	return 0;
}

/*
 * A program that is not root opens /dev/stdout anew, through /proc/self/fd: a
 * pipe, and the pty that was made here, belong to it.  The caller's files,
 * terminals and devices stay as they are.
 */
static void stdio_own(const struct process_plan *process)
{
	struct stat st;

	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fstat(fd, &st) == 0 && st.st_uid != process->uid &&
		    (S_ISFIFO(st.st_mode) || (process->terminal && S_ISCHR(st.st_mode))) &&
		    fchown(fd, process->uid, (gid_t)-1) < 0)
			continue;
}

static int no_new_privileges(const struct process_plan *process, struct error *err)
{
	if (!process->no_new_privileges)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_errno(err, "set no_new_privs");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return error_set(err, "no_new_privs differs from what was set");
	return 0;
}

/* Execve gives root what is inheritable or in the bounding set; pid 1 takes its ids after it. */
static void pid1_rights_keep(void)
{
	const uint32_t rights = 1U << CAP_SETUID | 1U << CAP_SETGID | 1U << CAP_KILL;
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(__NR_capget, &head, data) < 0)
		return;
	data[0].inheritable |= data[0].permitted & rights;
	/* Refused where one is in no bounding set: execve would have given none either. */
	(void)syscall(__NR_capset, &head, data);
}

/*
 * While CAP_SETPCAP is there, and once for pid 1 and the program, which part
 * after this: each call makes new credentials.
 */
int step_bounding(const struct plan *plan, struct init *in, struct error *err)
{
	const struct process_plan *process = in->process;

	(void)plan;
	if (!process->has_capabilities)
		return 0;
	if (in->init_image >= 0)
		pid1_rights_keep();
	return bounding_drop(process->capabilities[CAPABILITY_BOUNDING], known_capabilities(), err);
}

/*
 * The order: the ids with the capabilities kept over them, then the sets
 * themselves.  What was set, the bounding set before too, is read back, and a
 * difference ends it (I10).
 */
int step_credentials(const struct plan *plan, struct init *in, struct error *err)
{
	const struct process_plan *process = in->process;
	uint64_t sets[CAPABILITY_SET_COUNT], known = 0;

	memcpy(sets, process->capabilities, sizeof(sets));
	stdio_own(process);
	if (process->has_capabilities) {
		known = known_capabilities();
		if (prctl(PR_SET_KEEPCAPS, 1) < 0)
			return error_errno(err, "keep capabilities");
	}
	if (groups_set(plan, in, err) < 0 || ids_set(process, err) < 0)
		return -1;
	if (process->has_capabilities) {
		if (prctl(PR_SET_KEEPCAPS, 0) < 0)
			return error_errno(err, "keep capabilities no longer");
		if (caps_set(sets, known, err) < 0 || caps_check(sets, known, err) < 0)
			return -1;
	}
	/* A change of ids sets this to what fs.suid_dumpable says. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_errno(err, "make the process undumpable");
	if (prctl(PR_GET_DUMPABLE) != 0)
		return error_set(err, "the process is still dumpable");
	return no_new_privileges(process, err);
}
