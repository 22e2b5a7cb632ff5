/* SPDX-License-Identifier: Apache-2.0 */
#include "config/dump.h"

#include <inttypes.h>
#include <linux/seccomp.h>
#include <sys/stat.h>

#include "base/sys.h"
#include "config/dump_words.h"
#include "config/landlock.h"
#include "config/seccomp_profile.h"

/* A step with members: between begin and json_write_end(). */
static void step_begin(struct json_writer *w, const char *what)
{
	json_write_object(w, NULL);
	json_write_string(w, "do", what);
}

static void step_strings(struct json_writer *w, const char *what, const char *key,
			 const char *const *values, size_t count)
{
	if (count == 0)
		return;
	step_begin(w, what);
	json_write_strings(w, key, values, count);
	json_write_end(w);
}

/* --- the host's side ------------------------------------------------------------------ */

static void dump_cgroup(struct json_writer *w, const struct plan *plan, int cgroup_version)
{
	const struct resources_plan *resources = &plan->resources;
	bool v1 = cgroup_version == 1;
	const char *unable = v1 ? resources->v1_error : resources->v2_error;

	step_begin(w, "make the cgroup");
	if (plan->cgroups_path != NULL)
		json_write_string(w, "path", plan->cgroups_path);
	if (cgroup_version != 0) {
		json_write_string(w, "version", v1 ? "v1" : "v2");
		if (unable != NULL)
			json_write_string(w, "error", unable);
		dump_cgroup_writes(w, v1 ? &resources->v1 : &resources->v2);
	}
	dump_device_rules(w, resources);
	json_write_end(w);
}

static void dump_clone(struct json_writer *w, const struct plan *plan)
{
	step_begin(w, "make the process");
	json_write_array(w, "namespaces");
	for (const struct name *row = namespace_names; row->name != NULL; row++)
		if (plan->namespaces[row->value].listed &&
		    plan->namespaces[row->value].path == NULL)
			json_write_string(w, NULL, row->name);
	json_write_end(w);
	if (plan->monotonic.set)
		json_write_string(w, "monotonic", arena_printf(w->text.arena, "%" PRId64 ".%09us",
				  plan->monotonic.secs, plan->monotonic.nanosecs));
	if (plan->boottime.set)
		json_write_string(w, "boottime", arena_printf(w->text.arena, "%" PRId64 ".%09us",
				  plan->boottime.secs, plan->boottime.nanosecs));
	dump_maps(w, "uid maps", &plan->uid_maps);
	dump_maps(w, "gid maps", &plan->gid_maps);
	json_write_end(w);
	for (const struct name *row = namespace_names; row->name != NULL; row++) {
		const struct namespace_plan *ns = &plan->namespaces[row->value];

		if (!ns->listed || ns->path == NULL)
			continue;
		step_begin(w, "join a namespace");
		json_write_string(w, "type", row->name);
		json_write_string(w, "path", ns->path);
		json_write_end(w);
	}
}

static void dump_net_devices(struct json_writer *w, const struct plan *plan)
{
	LIST_EACH(device, plan->net_devices) {
		step_begin(w, "move a network device");
		json_write_string(w, "device", device->host_name);
		json_write_string(w, "name", device->name != NULL ? device->name :
								    device->host_name);
		json_write_end(w);
	}
}

static void dump_intel_rdt(struct json_writer *w, const struct plan *plan)
{
	const struct intel_rdt_plan *rdt = &plan->intel_rdt;

	if (!rdt->set)
		return;
	step_begin(w, "join the resctrl group");
	if (rdt->clos_id != NULL)
		json_write_string(w, "closID", rdt->clos_id);
	json_write_bool(w, "monitoring", rdt->enable_monitoring);
	json_write_strings(w, "schemata", rdt->schemata.items, rdt->schemata.count);
	json_write_end(w);
}

static void dump_hooks(struct json_writer *w, const struct plan *plan, enum hook_moment moment)
{
	LIST_EACH(hook, plan->hooks[moment]) {
		step_begin(w, "run a hook");
		dump_named(w, "moment", hook_names, moment);
		json_write_string(w, "path", hook->path);
		if (hook->timeout.set)
			json_write_u64(w, "timeout", hook->timeout.value);
		json_write_strings(w, "args", hook->args.items, hook->args.count);
		json_write_strings(w, "env", hook->env.items, hook->env.count);
		json_write_end(w);
	}
}

/* --- the container's side ---------------------------------------------------------------- */

static void dump_names(struct json_writer *w, const struct plan *plan)
{
	if (plan->hostname != NULL || plan->domainname != NULL) {
		step_begin(w, "set host name");
		if (plan->hostname != NULL)
			json_write_string(w, "hostname", plan->hostname);
		if (plan->domainname != NULL)
			json_write_string(w, "domainname", plan->domainname);
		json_write_end(w);
	}
	LIST_EACH(sysctl, plan->sysctls) {
		step_begin(w, "set a kernel parameter");
		json_write_string(w, "name", sysctl->name);
		json_write_string(w, "value", sysctl->value);
		json_write_end(w);
	}
}

static void dump_propagation(struct json_writer *w, unsigned long propagation)
{
	if (propagation != 0)
		dump_named(w, "propagation", propagation_names, propagation);
}

static void dump_root(struct json_writer *w, const struct plan *plan)
{
	step_begin(w, "attach the root");
	json_write_string(w, "path", plan->root_path);
	json_write_bool(w, "read only", plan->root_read_only);
	dump_propagation(w, plan->root_propagation);
	if (plan->mount_label != NULL)
		json_write_string(w, "label", plan->mount_label);
	json_write_end(w);
	LIST_EACH(mount, plan->mounts) {
		step_begin(w, "mount");
		dump_mount(w, mount);
		json_write_end(w);
	}
}

static void dump_devices(struct json_writer *w, const struct plan *plan)
{
	if (plan->devices.count == 0)
		return;
	step_begin(w, "make devices");
	json_write_array(w, "devices");
	LIST_EACH(device, plan->devices) {
		json_write_object(w, NULL);
		json_write_string(w, "path", device->path);
		json_write_string(w, "type", S_ISCHR(device->mode) ? "c" :
					     S_ISBLK(device->mode) ? "b" : "p");
		if (!S_ISFIFO(device->mode)) {
			json_write_u64(w, "major", device->major);
			json_write_u64(w, "minor", device->minor);
		}
		json_write_string(w, "mode", arena_printf(w->text.arena, "%04o",
							  (unsigned int)device->mode & 07777));
		json_write_u64(w, "uid", device->uid);
		json_write_u64(w, "gid", device->gid);
		json_write_end(w);
	}
	json_write_end(w);
	json_write_end(w);
}

static void dump_seccomp(struct json_writer *w, const struct plan *plan)
{
	if (plan->seccomp == NULL)
		return;
	step_begin(w, "filter system calls");
	json_write_u64(w, "instructions", plan->seccomp->filter.count);
	if (plan->seccomp->listener_path != NULL)
		json_write_string(w, "listener", plan->seccomp->listener_path);
	/* What comes with a listener is no word of the spec. */
	dump_bits(w, "flags", seccomp_flag_names, plan->seccomp->flags &
		  ~(SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC_ESRCH));
	json_write_end(w);
}

static void dump_landlock(struct json_writer *w, const struct landlock_plan *landlock)
{
	if (landlock == NULL)
		return;
	step_begin(w, "restrict by Landlock");
	json_write_bool(w, "best effort", !landlock->strict);
	dump_bits(w, "handled", landlock_access_names, landlock->handled);
	json_write_array(w, "rules");
	LIST_EACH(rule, landlock->rules) {
		json_write_object(w, NULL);
		json_write_string(w, "path", rule->path);
		dump_bits(w, "allowed", landlock_access_names, rule->allowed);
		json_write_end(w);
	}
	json_write_end(w);
	json_write_end(w);
}

static void dump_memory_policy(struct json_writer *w, const struct memory_policy_plan *policy)
{
	uint64_t flags = 0;

	if (!policy->set)
		return;
	for (const struct name *row = memory_policy_flag_names; row->name != NULL; row++)
		flags |= row->value;
	json_write_object(w, "memory policy");
	dump_named(w, "mode", memory_policy_names, (uint64_t)policy->mode & ~flags);
	if (policy->nodes != NULL)
		json_write_string(w, "nodes", policy->nodes);
	dump_bits(w, "flags", memory_policy_flag_names, (uint64_t)policy->mode & flags);
	json_write_end(w);
}

static void dump_restrictions(struct json_writer *w, const struct plan *plan)
{
	const struct process_plan *process = &plan->process;

	step_begin(w, "set limits");
	if (process->oom_score_adj.set)
		json_write_i64(w, "oom score", process->oom_score_adj.value);
	if (plan->personality.set)
		dump_named(w, "personality", personality_names, plan->personality.value);
	dump_memory_policy(w, &plan->memory_policy);
	dump_limits(w, process);
	json_write_end(w);
	dump_landlock(w, plan->landlock);
	/* Without no_new_privs the kernel wants CAP_SYS_ADMIN for a filter, which goes next. */
	if (!process->no_new_privileges)
		dump_seccomp(w, plan);
	step_begin(w, "set credentials");
	if (process->apparmor_profile != NULL)
		json_write_string(w, "apparmor profile", process->apparmor_profile);
	if (process->selinux_label != NULL)
		json_write_string(w, "selinux label", process->selinux_label);
	dump_credentials(w, process);
	json_write_end(w);
}

static void dump_program(struct json_writer *w, const struct plan *plan)
{
	const struct process_plan *process = &plan->process;

	step_begin(w, "start the program");
	json_write_string(w, "cwd", process->cwd != NULL ? process->cwd : "/");
	json_write_bool(w, "terminal", process->terminal);
	if (process->console_width.set && process->console_height.set) {
		json_write_u64(w, "columns", process->console_width.value);
		json_write_u64(w, "rows", process->console_height.value);
	}
	json_write_bool(w, "below kist's init", plan->init.used);
	json_write_strings(w, "init options", plan->init.options.items, plan->init.options.count);
	json_write_strings(w, "args", process->args.items, process->args.count);
	json_write_strings(w, "env", process->env.items, process->env.count);
	json_write_end(w);
}

static void dump_inside(struct json_writer *w, const struct plan *plan)
{
	dump_names(w, plan);
	dump_root(w, plan);
	dump_devices(w, plan);
	dump_hooks(w, plan, HOOK_PRESTART);
	dump_hooks(w, plan, HOOK_CREATE_RUNTIME);
	dump_hooks(w, plan, HOOK_CREATE_CONTAINER);
	step_begin(w, "pivot root");
	json_write_end(w);
	step_strings(w, "mask paths", "paths", plan->masked_paths.items, plan->masked_paths.count);
	step_strings(w, "make paths read-only", "paths", plan->read_only_paths.items,
		     plan->read_only_paths.count);
	if (plan->has_process)
		dump_restrictions(w, plan);
	step_begin(w, "wait for start");
	json_write_end(w);
	dump_hooks(w, plan, HOOK_START_CONTAINER);
	if (plan->has_process) {
		if (plan->process.no_new_privileges)
			dump_seccomp(w, plan);
		dump_program(w, plan);
	}
	dump_hooks(w, plan, HOOK_POSTSTART);
	dump_hooks(w, plan, HOOK_POSTSTOP);
}

const char *plan_dump_json(struct arena *arena, const struct plan *plan, int cgroup_version)
{
	struct json_writer w = { .text = { .arena = arena }, .indent = "  " };

	json_write_object(&w, NULL);
	json_write_string(&w, "bundle", plan->bundle);
	json_write_string(&w, "config", plan->config_file);
	json_write_string(&w, "ociVersion", plan->oci_version);
	if (plan->annotations.count > 0) {
		json_write_object(&w, "annotations");
		LIST_EACH(annotation, plan->annotations)
			json_write_string(&w, annotation->key, annotation->value);
		json_write_end(&w);
	}
	json_write_strings(&w, "warnings", plan->warnings.items, plan->warnings.count);
	json_write_array(&w, "steps");
	dump_cgroup(&w, plan, cgroup_version);
	dump_intel_rdt(&w, plan);
	dump_clone(&w, plan);
	dump_net_devices(&w, plan);
	dump_inside(&w, plan);
	json_write_end(&w);
	json_write_end(&w);
	text_add(&w.text, "\n");
	return w.text.data;
}
