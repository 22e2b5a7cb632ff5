/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/mempolicy.h>
#include <seccomp.h>
#include <string.h>
#include <sys/syscall.h>

#include "config/seccomp_watch.h"
#include "config/section.h"

/*
 * Rules across fields, one small function each.  A rule is only asked when
 * what it looks at was decoded: an error there is told once, where it is.
 */
typedef int rule_fn(struct decoder *d, const struct plan *plan);

static bool is_new(const struct plan *plan, enum namespace_type type)
{
	return plan->namespaces[type].listed && plan->namespaces[type].path == NULL;
}

static bool is_listed(const struct plan *plan, enum namespace_type type)
{
	return plan->namespaces[type].listed;
}

static int check_name(struct decoder *d, const struct plan *plan, const char *pointer,
		      const char *name)
{
	if (name == NULL || is_listed(plan, NAMESPACE_UTS))
		return 0;
	return bad_pointer(d, pointer,
			   "needs a uts namespace, or it would rename the host; add "
			   "{\"type\": \"uts\"} to /linux/namespaces");
}

static int check_host_name(struct decoder *d, const struct plan *plan)
{
	return check_name(d, plan, "/hostname", plan->hostname);
}

static int check_domain_name(struct decoder *d, const struct plan *plan)
{
	return check_name(d, plan, "/domainname", plan->domainname);
}

static int check_id_maps(struct decoder *d, const struct plan *plan)
{
	if (plan->uid_maps.count > 0 && !is_listed(plan, NAMESPACE_USER))
		return bad_pointer(d, "/linux/uidMappings", "needs a user namespace; add "
				   "{\"type\": \"user\"} to /linux/namespaces");
	if (plan->gid_maps.count > 0 && !is_listed(plan, NAMESPACE_USER))
		return bad_pointer(d, "/linux/gidMappings", "needs a user namespace; add "
				   "{\"type\": \"user\"} to /linux/namespaces");
	if (!is_new(plan, NAMESPACE_USER))
		return 0;
	if (plan->uid_maps.count == 0)
		return bad_pointer(d, "/linux/uidMappings", "is required beside gidMappings");
	if (plan->gid_maps.count == 0)
		return bad_pointer(d, "/linux/gidMappings", "is required beside uidMappings");
	return 0;
}

static int check_time_offsets(struct decoder *d, const struct plan *plan)
{
	if ((!plan->monotonic.set && !plan->boottime.set) || is_new(plan, NAMESPACE_TIME))
		return 0;
	return bad_pointer(d, "/linux/timeOffsets", "needs a new time namespace; add "
			   "{\"type\": \"time\"} to /linux/namespaces");
}

static int check_net_devices(struct decoder *d, const struct plan *plan)
{
	if (plan->net_devices.count == 0 || is_listed(plan, NAMESPACE_NETWORK))
		return 0;
	return bad_pointer(d, "/linux/netDevices", "needs a network namespace to move them to; add "
			   "{\"type\": \"network\"} to /linux/namespaces");
}

/* Without a map of its own a mount takes the one of the user namespace. */
static int check_mount_maps(struct decoder *d, const struct plan *plan)
{
	const struct json *v = json_find(d->root, "/mounts");

	if (v == NULL || is_listed(plan, NAMESPACE_USER))
		return 0;
	v = v->first;
	for (size_t i = 0; i < plan->mounts.count; i++, v = v->next) {
		const struct mount_plan *mount = &plan->mounts.items[i];

		if ((mount->flags & MOUNT_IDMAP) && mount->uid_maps.count == 0)
			return bad_value(d, v, "has the option \"idmap\", but neither it nor the "
					 "container has a map; add uidMappings and gidMappings");
	}
	return 0;
}

/* set_mempolicy(2) says EINVAL to these. */
static int check_memory_policy_flags(struct decoder *d, int mode, bool nodes)
{
	const int fixed = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES;
	const int policy = mode & ~MPOL_MODE_FLAGS;
	const char *const pointer = "/linux/memoryPolicy/flags";

	if ((mode & fixed) == fixed)
		return bad_pointer(d, pointer, "nodes cannot be both static and relative");
	if ((mode & fixed) && (policy == MPOL_LOCAL || (policy == MPOL_PREFERRED && !nodes)))
		return bad_pointer(d, pointer, "say how nodes are meant, and there are none");
	if ((mode & MPOL_F_NUMA_BALANCING) && policy != MPOL_BIND && policy != MPOL_PREFERRED_MANY)
		return bad_pointer(d, pointer,
				   "MPOL_F_NUMA_BALANCING is for MPOL_BIND and "
				   "MPOL_PREFERRED_MANY alone");
	return 0;
}

/* And to these. */
static int check_memory_policy(struct decoder *d, const struct plan *plan)
{
	const struct memory_policy_plan *policy = &plan->memory_policy;
	const struct json *v = json_find(d->root, "/linux/memoryPolicy/mode");

	if (!policy->set || v == NULL || v->type != JSON_STRING)
		return 0;
	if (check_memory_policy_flags(d, policy->mode, policy->nodes != NULL) < 0)
		return -1;
	if (strcmp(v->text, "MPOL_DEFAULT") == 0 || strcmp(v->text, "MPOL_LOCAL") == 0)
		return policy->nodes == NULL ? 0 :
		       bad_pointer(d, "/linux/memoryPolicy/nodes", "must be empty for %s", v->text);
	if (policy->nodes != NULL || strcmp(v->text, "MPOL_PREFERRED") == 0)
		return 0;
	return bad_pointer(d, "/linux/memoryPolicy/nodes", "is required for %s", v->text);
}

/* --- sysctl ----------------------------------------------------------------------- */

/* What a namespace has a value of its own for; all else would change the host. */
static const struct {
	const char *name;	/* ending in ".": all below */
	enum namespace_type type;
} namespaced[] = {
	{ "fs.mqueue.", NAMESPACE_IPC },
	{ "kernel.auto_msgmni", NAMESPACE_IPC },
	{ "kernel.msg_next_id", NAMESPACE_IPC },
	{ "kernel.msgmax", NAMESPACE_IPC },
	{ "kernel.msgmnb", NAMESPACE_IPC },
	{ "kernel.msgmni", NAMESPACE_IPC },
	{ "kernel.sem", NAMESPACE_IPC },
	{ "kernel.sem_next_id", NAMESPACE_IPC },
	{ "kernel.shm_next_id", NAMESPACE_IPC },
	{ "kernel.shm_rmid_forced", NAMESPACE_IPC },
	{ "kernel.shmall", NAMESPACE_IPC },
	{ "kernel.shmmax", NAMESPACE_IPC },
	{ "kernel.shmmni", NAMESPACE_IPC },
	{ "kernel.domainname", NAMESPACE_UTS },
	{ "kernel.hostname", NAMESPACE_UTS },
	{ "net.", NAMESPACE_NETWORK },
	{ "user.", NAMESPACE_USER },
};

/*
 * Whether a part of it is empty, "." or "..", with "/" standing for "." in a part:
 * "net/../kernel/core_pattern" is below "net." by name alone.
 */
static bool is_climbing(const char *name)
{
	for (;;) {
		size_t length = strcspn(name, "."), dots = strspn(name, "/");

		if (dots == length && length <= 2)
			return true;
		name += length;
		if (*name == '\0')
			return false;
		name++;
	}
}

static int check_sysctl(struct decoder *d, const struct plan *plan, const struct json *v,
			const char *name)
{
	if (is_climbing(name))
		return bad_value(d, v, "is no name of a kernel parameter");
	for (size_t i = 0; i < ARRAY_SIZE(namespaced); i++) {
		const char *known = namespaced[i].name;
		size_t length = strlen(known);

		if (known[length - 1] == '.' ? strncmp(name, known, length) != 0 :
					       strcmp(name, known) != 0)
			continue;
		if (is_listed(plan, namespaced[i].type))
			return 0;
		return bad_value(d, v, "needs a namespace of type \"%s\", or it would change the "
				 "host", namespaces[namespaced[i].type].name);
	}
	return bad_value(d, v, "is in no namespace: it would change the host");
}

static bool differs(const char *name, const char *value)
{
	return name != NULL && strcmp(name, value) != 0;
}

static int check_sysctls(struct decoder *d, const struct plan *plan)
{
	const struct json *v = json_find(d->root, "/linux/sysctl");
	int result = 0;

	if (v == NULL || v->type != JSON_OBJECT)
		return 0;
	v = v->first;
	for (size_t i = 0; i < plan->sysctls.count && (result == 0 || d->collect);
	     i++, v = v->next) {
		const char *name = plan->sysctls.items[i].name;
		const char *value = plan->sysctls.items[i].value;

		if (check_sysctl(d, plan, v, name) < 0)
			result = -1;
		else if (strcmp(name, "kernel.hostname") == 0)
			result = bad_value(d, v, "is what /hostname is for");
		else if (strcmp(name, "kernel.domainname") == 0 &&
			 differs(plan->domainname, value))
			result = bad_value(d, v, "contradicts /domainname");
	}
	return result;
}

/*
 * Under such a filter even the message that says so is denied, and the end of the process too: it
 * dies of a fault.  No error, for runc takes it.
 */
static int check_seccomp(struct decoder *d, const struct plan *plan)
{
	const struct seccomp_data execve = { .nr = SYS_execve, .arch = seccomp_arch_native() };

	if (plan->seccomp == NULL || plan->seccomp->filter.count == 0)
		return 0;
	switch (seccomp_answer(plan->seccomp, &execve) & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_USER_NOTIF:
		return 0;
	}
	warn_value(d, json_find(d->root, "/linux/seccomp"),
		   "denies execve, without which no program can be started");
	return 0;
}

/* --- the list ------------------------------------------------------------------------ */

static const struct rule {
	rule_fn *check;
	const char *looks_at[3];
} rules[] = {
	{ check_host_name, { "/linux/namespaces", "/hostname" } },
	{ check_domain_name, { "/linux/namespaces", "/domainname" } },
	{ check_id_maps, { "/linux/namespaces", "/linux/uidMappings", "/linux/gidMappings" } },
	{ check_time_offsets, { "/linux/namespaces", "/linux/timeOffsets" } },
	{ check_net_devices, { "/linux/namespaces", "/linux/netDevices" } },
	{ check_mount_maps, { "/linux/namespaces", "/mounts" } },
	{ check_memory_policy, { "/linux/memoryPolicy" } },
	{ check_sysctls, { "/linux/namespaces", "/linux/sysctl" } },
	{ check_seccomp, { "/linux/seccomp" } },
};

static bool is_inside(const struct json *v, const struct json *outer)
{
	for (; v != NULL; v = v->parent)
		if (v == outer)
			return true;
	return false;
}

static bool was_decoded(const struct decoder *d, const char *pointer)
{
	const struct json *v = pointer != NULL && d->failed ? json_find(d->root, pointer) : NULL;

	if (v == NULL)
		return true;
	LIST_EACH(finding, d->diagnosis.findings)
		if (finding->severity == SEVERITY_ERROR &&
		    (is_inside(finding->value, v) || is_inside(v, finding->value)) &&
		    finding->value != d->root)
			return false;
	return true;
}

int check_plan(struct decoder *d, struct plan *plan)
{
	int result = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rules) && (result == 0 || d->collect); i++) {
		bool decoded = true;

		for (size_t j = 0; j < ARRAY_SIZE(rules[i].looks_at); j++)
			decoded = decoded && was_decoded(d, rules[i].looks_at[j]);
		if (decoded && rules[i].check(d, plan) < 0)
			result = -1;
	}
	return result;
}
