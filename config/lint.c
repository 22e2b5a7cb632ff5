/* SPDX-License-Identifier: Apache-2.0 */
#include "config/lint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/path.h"
#include "base/text.h"
#include "config/id_map.h"
#include "config/names.h"
#include "config/program.h"

struct lint {
	struct arena *arena;
	const struct plan *plan;
	struct diagnosis *diagnosis;
	unsigned int counts[SEVERITY_ERROR + 1];
	int root_fd;			/* O_PATH on the root, or -EBADF */
};

static void found(struct lint *lint, enum severity severity, const char *pointer, const char *fmt,
		  ...) _printf(4, 5);

/* "config.json:12:9: /root/path: " in front, the position where there is such a value. */
static void found(struct lint *lint, enum severity severity, const char *pointer, const char *fmt,
		  ...)
{
	struct text text = { .arena = lint->arena };
	const struct json *value;
	struct finding *finding;
	unsigned int line, column;
	char said[1024];
	va_list args;

	if (lint->counts[severity]++ >= MAX_FINDINGS)
		return;
	value = json_find(lint->diagnosis->root, pointer);
	text_add(&text, lint->plan->config_file);
	if (value != NULL) {
		json_position(&lint->diagnosis->source, value->offset, &line, &column);
		text_printf(&text, ":%u:%u", line, column);
	}
	va_start(args, fmt);
	vsnprintf(said, sizeof(said), fmt, args);
	va_end(args);
	text_printf(&text, ": %s: %s", pointer, text_printable(lint->arena, said));
	finding = LIST_NEW(lint->arena, &lint->diagnosis->findings);
	finding->severity = severity;
	finding->text = text.data;
	finding->value = value;
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* --- root, mounts -------------------------------------------------------------------- */

/* errno, in the words of an error. */
static void found_missing(struct lint *lint, const char *pointer, const char *path)
{
	struct error missing;

	error_errno(&missing, "%s", path);
	found(lint, SEVERITY_ERROR, pointer, "%s", missing.text);
}

static void lint_root(struct lint *lint)
{
	const char *path = lint->plan->root_path;
	struct stat st;

	lint->root_fd = open(path, O_PATH | O_CLOEXEC);
	if (lint->root_fd < 0) {
		found_missing(lint, "/root/path", path);
	} else if (fstat(lint->root_fd, &st) == 0 && !S_ISDIR(st.st_mode)) {
		found(lint, SEVERITY_ERROR, "/root/path", "%s: is a file, and must be a directory",
		      path);
		fd_close(&lint->root_fd);
	}
	/* What will be mounted there is not known before the start. */
	if (lint->plan->root_mount != NULL)
		fd_close(&lint->root_fd);
}

static void lint_mounts(struct lint *lint)
{
	size_t index = 0;

	LIST_EACH(mount, lint->plan->mounts) {
		const char *pointer = arena_printf(lint->arena, "/mounts/%zu/source", index++);
		_cleanup_fd int fd = -EBADF;

		if (!(mount->flags & MOUNT_BIND) || mount->flags & MOUNT_REMOUNT ||
		    mount->source == NULL)
			continue;
		fd = open(mount->source, O_PATH | O_CLOEXEC);
		if (fd < 0)
			found_missing(lint, pointer, mount->source);
	}
}

/* --- namespaces, cgroup, security ------------------------------------------------------ */

static const char *namespace_pointer(struct lint *lint, const char *type)
{
	const struct json *list = json_find(lint->diagnosis->root, "/linux/namespaces");

	if (list != NULL) {
		JSON_EACH(item, list) {
			const struct json *member = json_member(item, "type");

			if (member != NULL && member->type == JSON_STRING &&
			    strcmp(member->text, type) == 0)
				return json_pointer(lint->arena, item);
		}
	}
	return "/linux/namespaces";
}

static void lint_namespaces(struct lint *lint)
{
	const struct json *maps = json_find(lint->diagnosis->root, "/linux/uidMappings");

	for (const struct name *row = namespace_names; row->name != NULL; row++) {
		const struct namespace_plan *ns = &lint->plan->namespaces[row->value];
		const char *file = namespaces[row->value].file;

		if (!ns->listed)
			continue;
		if (ns->path != NULL && !exists(ns->path) && errno == ENOENT)
			found_missing(lint, namespace_pointer(lint, row->name), ns->path);
		if (!exists(arena_printf(lint->arena, "/proc/self/ns/%s", file)))
			found(lint, SEVERITY_ERROR, namespace_pointer(lint, row->name),
			      "this kernel has no namespaces of type \"%s\"", row->name);
	}
	if ((lint->plan->clone_flags & CLONE_NEWUSER) && (maps == NULL || maps->count == 0))
		found(lint, SEVERITY_WARNING, namespace_pointer(lint, "user"),
		      "has no uidMappings and gidMappings: root in the container is the caller, "
		      "uid %u and gid %u of the host",
		      lint->plan->uid_maps.items[0].host, lint->plan->gid_maps.items[0].host);
	LIST_EACH(device, lint->plan->net_devices)
		if (!exists(arena_printf(lint->arena, "/sys/class/net/%s", device->host_name)))
			found(lint, SEVERITY_ERROR,
			      arena_printf(lint->arena, "/linux/netDevices/%s", device->host_name),
			      "this host has no such network device");
}

/* What the kernel refuses (proc_timens_set_offset). */
static void lint_clock(struct lint *lint, const char *pointer, clockid_t clock,
		       const struct time_offset *offset)
{
	struct timespec now;
	int64_t then;

	if (!offset->set || clock_gettime(clock, &now) < 0)
		return;
	then = now.tv_sec + offset->secs + (now.tv_nsec + offset->nanosecs) / 1000000000;
	if (then < 0 || then > TIME_OFFSET_MAX)
		found(lint, SEVERITY_ERROR, pointer,
		      "cannot be set: this host's clock is at %lld s, and the container's would "
		      "not be from 0 to %lld",
		      (long long)now.tv_sec, (long long)TIME_OFFSET_MAX);
}

/* Who runs the program has to be known in a new user namespace. */
static void lint_ids(struct lint *lint)
{
	const struct plan *plan = lint->plan;
	uint32_t ignored;
	size_t index = 0;

	if (!(plan->clone_flags & CLONE_NEWUSER) || plan->process.args.count == 0)
		return;
	if (!id_map_to_host(&plan->uid_maps, plan->process.uid, &ignored))
		found(lint, SEVERITY_ERROR, "/process/user/uid",
		      "%u is not in the user namespace: see /linux/uidMappings", plan->process.uid);
	if (!id_map_to_host(&plan->gid_maps, plan->process.gid, &ignored))
		found(lint, SEVERITY_ERROR, "/process/user/gid",
		      "%u is not in the user namespace: see /linux/gidMappings", plan->process.gid);
	if (plan_annotation(plan, "run.oci.keep_original_groups") != NULL)
		return;
	LIST_EACH(gid, plan->process.additional_gids) {
		const char *pointer =
			arena_printf(lint->arena, "/process/user/additionalGids/%zu", index++);

		if (!id_map_to_host(&plan->gid_maps, *gid, &ignored))
			found(lint, SEVERITY_ERROR, pointer,
			      "%u is not in the user namespace: see /linux/gidMappings", *gid);
	}
}

/* The errors of the plan begin with the pointer, as everything here does. */
static void lint_unable(struct lint *lint, const char *unable)
{
	size_t length;

	if (unable == NULL)
		return;
	length = unable[0] == '/' ? strcspn(unable, ":") : 0;
	if (length > 0)
		found(lint, SEVERITY_ERROR, arena_strndup(lint->arena, unable, length), "%s",
		      unable + length + 2);
	else
		found(lint, SEVERITY_ERROR, "/linux/resources", "%s", unable);
}

/* v2_error says the same for v2; an update may do it, for there is a limit from before. */
static bool is_swap_alone(const struct resources_plan *resources)
{
	const struct opt_i64 *memory = &resources->memory_limit, *swap = &resources->memory_swap;

	return swap->set && swap->value != -1 && (!memory->set || memory->value == -1);
}

static void lint_resources(struct lint *lint, int cgroup_version)
{
	const struct resources_plan *resources = &lint->plan->resources;

	if (cgroup_version == 0 && resources->listed)
		found(lint, SEVERITY_ERROR, "/linux/resources",
		      "this host has no cgroups at /sys/fs/cgroup");
	if (cgroup_version == 1)
		lint_unable(lint, resources->v1_error);
	if (cgroup_version == 1 && is_swap_alone(resources))
		found(lint, SEVERITY_ERROR, "/linux/resources/memory/swap",
		      "is the sum of memory and swap, and needs memory/limit beside it");
	if (cgroup_version == 2)
		lint_unable(lint, resources->v2_error);
	if (lint->plan->intel_rdt.set && !exists("/sys/fs/resctrl/schemata"))
		found(lint, SEVERITY_ERROR, "/linux/intelRdt",
		      "no resctrl file system is mounted at "
		      "/sys/fs/resctrl");
}

static void lint_security(struct lint *lint)
{
	const struct process_plan *process = &lint->plan->process;
	const struct seccomp_plan *seccomp = lint->plan->seccomp;

	if (seccomp != NULL && seccomp->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER &&
	    seccomp->listener_path == NULL)
		found(lint, SEVERITY_ERROR, "/linux/seccomp", "has SCMP_ACT_NOTIFY, and needs "
		      "listenerPath");
	if (process->apparmor_profile != NULL &&
	    !exists("/sys/kernel/security/apparmor/profiles") && !exists("/sys/module/apparmor"))
		found(lint, SEVERITY_ERROR, "/process/apparmorProfile",
		      "this kernel runs without AppArmor");
	if (process->selinux_label != NULL && !exists("/sys/fs/selinux/enforce"))
		found(lint, SEVERITY_ERROR, "/process/selinuxLabel",
		      "this kernel runs without SELinux");
	if (lint->plan->mount_label != NULL && !exists("/sys/fs/selinux/enforce"))
		found(lint, SEVERITY_ERROR, "/linux/mountLabel",
		      "this kernel runs without SELinux");
}

/* --- programs ---------------------------------------------------------------------------- */

/* Directories that a container gets anew, and in which no program lies. */
static bool is_empty_mount(const struct mount_plan *mount)
{
	static const char *const ours[] = { "/proc", "/dev", "/sys" };

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		size_t length = strlen(ours[i]);

		if (strncmp(mount->destination, ours[i], length) == 0 &&
		    (mount->destination[length] == '\0' || mount->destination[length] == '/'))
			return true;
	}
	return mount->type != NULL && strcmp(mount->type, "tmpfs") == 0;
}

/* What the root lacks, a mount may bring; then it is not known before the start. */
static enum severity missing_severity(const struct lint *lint)
{
	LIST_EACH(mount, lint->plan->mounts)
		if (!is_empty_mount(mount))
			return SEVERITY_WARNING;
	return SEVERITY_ERROR;
}

static const char *variable(const struct process_plan *process, const char *name)
{
	size_t length = strlen(name);

	LIST_EACH(pair, process->env)
		if (strncmp(*pair, name, length) == 0 && (*pair)[length] == '=')
			return *pair + length + 1;
	return NULL;
}

static void lint_program(struct lint *lint)
{
	const struct process_plan *process = &lint->plan->process;
	_cleanup_fd int fd = -EBADF;
	char path[PATH_MAX];
	struct error err;

	if (!lint->plan->has_process || process->args.count == 0 || lint->root_fd < 0)
		return;
	fd = program_find(lint->root_fd, process->args.items[0],
			  process->cwd != NULL ? process->cwd : "/", variable(process, "PATH"),
			  path, &err);
	if (fd < 0)
		found(lint, missing_severity(lint), "/process/args/0", "%s", err.text);
	else if (program_check(lint->root_fd, path, &err) < 0)
		/* binfmt_misc runs what the machine cannot: qemu-user for other architectures. */
		found(lint, err.code == ENOEXEC && exists("/proc/sys/fs/binfmt_misc/status") ?
		      SEVERITY_WARNING : missing_severity(lint), "/process/args/0", "%s", err.text);
}

/* In the runtime's mounts, but for startContainer, which is the container's. */
static void lint_hook(struct lint *lint, const struct hook_plan *hook, enum hook_moment moment,
		      const char *pointer, int host_root)
{
	int root = moment == HOOK_START_CONTAINER ? lint->root_fd : host_root;
	_cleanup_fd int fd = -EBADF;
	char path[PATH_MAX];
	struct error err;

	if (root < 0)
		return;
	fd = program_find(root, hook->path, "/", NULL, path, &err);
	if (fd < 0 || program_check(root, path, &err) < 0)
		found(lint,
		      moment == HOOK_START_CONTAINER ? missing_severity(lint) : SEVERITY_ERROR,
		      pointer, "%s", err.text);
}

static void lint_hooks(struct lint *lint)
{
	_cleanup_fd int host_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (const struct name *row = hook_names; row->name != NULL; row++) {
		size_t index = 0;

		LIST_EACH(hook, lint->plan->hooks[row->value])
			lint_hook(lint, hook, (enum hook_moment)row->value,
				  arena_printf(lint->arena, "/hooks/%s/%zu/path", row->name,
					       index++),
				  host_root);
	}
}

/* --- the whole ---------------------------------------------------------------------------- */

void plan_lint(struct arena *arena, const struct plan *plan, int cgroup_version,
	       struct diagnosis *diagnosis)
{
	struct lint lint = {
		.arena = arena, .plan = plan, .diagnosis = diagnosis, .root_fd = -EBADF,
	};

	lint_resources(&lint, cgroup_version);
	lint_namespaces(&lint);
	lint_clock(&lint, "/linux/timeOffsets/monotonic", CLOCK_MONOTONIC, &plan->monotonic);
	lint_clock(&lint, "/linux/timeOffsets/boottime", CLOCK_BOOTTIME, &plan->boottime);
	lint_ids(&lint);
	lint_root(&lint);
	lint_mounts(&lint);
	lint_hooks(&lint);
	lint_security(&lint);
	lint_program(&lint);
	fd_close(&lint.root_fd);
}
