/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/namespace.h"

/*
 * The plan: config.json as numbers, checked.  config/ makes it, everything
 * below only reads it: nothing there writes to it or sees JSON.  It lives on
 * the command's arena, and the container's process inherits it by copy on
 * write.  Strings are NUL-terminated and hold no NUL; an absent string is
 * NULL, an absent number has set == false; an absent list has count 0.
 *
 * Property names and meanings: OCI runtime spec 1.3, config.md and
 * config-linux.md, unless a comment says otherwise.
 */

struct opt_u64 { bool set; uint64_t value; };
struct opt_i64 { bool set; int64_t value; };

struct namespace_plan {
	bool listed;		/* in linux.namespaces at all: false means the runtime's own */
	const char *path;	/* join this one; NULL: make a new one */
};

struct id_map {
	uint32_t container, host, size;	/* ids; container + size and host + size fit in 32 bits */
};
typedef LIST(struct id_map) id_map_list;

/* The kernel's KTIME_SEC_MAX / 2: where no clock may be set to. */
#define TIME_OFFSET_MAX (INT64_MAX / 1000000000 / 2)
struct time_offset {
	bool set;
	int64_t secs; /* from -TIME_OFFSET_MAX to TIME_OFFSET_MAX */
	uint32_t nanosecs;	/* below 1,000,000,000 */
};

/* --- mounts ---------------------------------------------------------------- */

/* What is not a flag of the mount but a way of mounting. */
enum mount_flag {
	MOUNT_BIND		= 1 << 0,	/* "bind" or "rbind" */
	MOUNT_RECURSIVE		= 1 << 1,	/* "rbind" */
	MOUNT_TMPCOPYUP		= 1 << 2,	/* fill a tmpfs with what the root has there */
	MOUNT_IDMAP		= 1 << 3,
	MOUNT_IDMAP_RECURSIVE	= 1 << 4,	/* "ridmap" */
	MOUNT_COPY_SYMLINK	= 1 << 5,	/* crun: a symlink is copied, not followed */
	MOUNT_SOURCE_NOFOLLOW	= 1 << 6,
	MOUNT_DESTINATION_NOFOLLOW = 1 << 7,
	MOUNT_REMOUNT		= 1 << 8,
};

struct mount_plan {
	const char *destination;	/* absolute inside the root */
	const char *type;		/* file system type; NULL for a bind */
	const char *source;		/* of a bind: absolute on the host; else as given */
	unsigned int flags;		/* enum mount_flag */
	uint64_t attr_set, attr_clear;	/* MOUNT_ATTR_*, this mount alone */
	uint64_t recursive_set, recursive_clear;	/* MOUNT_ATTR_*, and all below ("rro") */
	/* MS_* of the superblock: RDONLY, SYNCHRONOUS, DIRSYNC, MANDLOCK, LAZYTIME ... */
	uint64_t super_set, super_clear;
	/* MS_PRIVATE, MS_SLAVE ... with MS_REC or not, in this order; 0: none. */
	unsigned long propagation[2];
	const char *data;		/* comma-separated options for the file system, or NULL */
	id_map_list uid_maps, gid_maps;	/* of MOUNT_IDMAP; empty: the container's user namespace */
};

/* --- process --------------------------------------------------------------- */

enum capability_set {
	CAPABILITY_BOUNDING,
	CAPABILITY_EFFECTIVE,
	CAPABILITY_INHERITABLE,
	CAPABILITY_PERMITTED,
	CAPABILITY_AMBIENT,
	CAPABILITY_SET_COUNT,
};

struct rlimit_plan {
	int resource;			/* RLIMIT_* */
	uint64_t soft, hard;		/* RLIM_INFINITY: no limit */
};

struct scheduler_plan {
	bool set;
	uint32_t policy;		/* SCHED_* */
	int32_t nice, priority;
	uint64_t flags;			/* SCHED_FLAG_* */
	uint64_t runtime, deadline, period;	/* nanoseconds */
};

struct process_plan {
	bool terminal;
	struct opt_u64 console_width, console_height;	/* characters */
	word_list args;			/* argv, without the final NULL */
	word_list env;			/* "NAME=value" */
	const char *cwd;
	uint32_t uid, gid;
	LIST(uint32_t) additional_gids;
	struct opt_u64 umask;
	bool has_capabilities;		/* false: leave the caller's alone */
	uint64_t capabilities[CAPABILITY_SET_COUNT];	/* bit N: capability N */
	LIST(struct rlimit_plan) rlimits;
	bool no_new_privileges;
	const char *apparmor_profile;
	const char *selinux_label;
	struct opt_i64 oom_score_adj;	/* -1000 to 1000; unset: not touched */
	struct scheduler_plan scheduler;
	struct opt_u64 io_priority;	/* as ioprio_set(2) takes it: class << 13 | priority */
	const char *cpu_affinity_initial, *cpu_affinity_final;	/* lists as "0-3,7" */
};

/* --- hooks ------------------------------------------------------------------ */

enum hook_moment {
	HOOK_PRESTART,
	HOOK_CREATE_RUNTIME,
	HOOK_CREATE_CONTAINER,
	HOOK_START_CONTAINER,
	HOOK_POSTSTART,
	HOOK_POSTSTOP,
	HOOK_MOMENT_COUNT,
};

struct hook_plan {
	const char *path;		/* absolute */
	word_list args;			/* argv, argv[0] included; empty: the path alone */
	word_list env;
	struct opt_u64 timeout;		/* seconds, above 0 */
};
typedef LIST(struct hook_plan) hook_list;

/* --- devices, network devices ------------------------------------------------ */

/* What the configuration says of a device: that it is there, and which of the optional ones. */
enum device_given {
	DEVICE_CONFIGURED	= 1 << 0,
	DEVICE_MODE		= 1 << 1,
	DEVICE_UID		= 1 << 2,
	DEVICE_GID		= 1 << 3,
};

struct device_plan {
	const char *path;		/* absolute inside the root */
	mode_t mode;			/* S_IFCHR, S_IFBLK or S_IFIFO, and the permissions */
	uint32_t major, minor;
	uint32_t uid, gid;		/* in the container */
	unsigned int given;		/* enum device_given; 0: a default device of the spec */
};
typedef LIST(struct device_plan) device_list;

struct net_device_plan {
	const char *host_name;
	const char *name;		/* inside; NULL: the same; may hold one "%d" */
};

/* --- resources ---------------------------------------------------------------- */

/*
 * One write.  The lists are complete and in the order of writing; the numbers
 * are already converted for the version of cgroups that the list is for.
 */
struct cgroup_write {
	const char *controller;		/* "memory", "cpu" ...: the v1 hierarchy; v2: to be enabled;
					 * NULL: a file of every cgroup ("cgroup.max.depth") */
	const char *file;		/* "memory.max": a name, never with a "/" */
	const char *text;
	bool optional;			/* ENOENT is no error (a file newer than some kernels) */
	bool alternative;		/* only where the one before, an optional one, was ENOENT */
	bool retry;			/* EINVAL is no error yet: again, once, at the list's
					 * end (values that bound each other: quota, period) */
};
typedef LIST(struct cgroup_write) cgroup_write_list;

struct device_rule {
	bool allow;
	char type;			/* 'a', 'b' or 'c' */
	struct opt_u64 major, minor;	/* unset: any */
	unsigned int access;		/* DEVICE_READ | ... */
};
typedef LIST(struct device_rule) device_rule_list;
enum { DEVICE_READ = 1, DEVICE_WRITE = 2, DEVICE_MKNOD = 4 };

/* What a container that runs has of limits that go in pairs; unset: not known. */
struct limits_now {
	struct opt_i64 memory, quota;	/* -1: no limit */
	struct opt_u64 period;
};

struct resources_plan {
	bool listed;			/* there is at least one limit, besides devices */
	cgroup_write_list v1, v2;	/* v1: with the device rules, for devices.allow and .deny */
	/* What is asked for and that version cannot do (unified on v1 ...), or NULL. */
	const char *v1_error, *v2_error;
	const char *v1_devices_error;	/* of device rules, on a host without cgroup2 for BPF */
	device_rule_list device_rules;	/* as configured, the standard devices added */
	/* The same for BPF_PROG_TYPE_CGROUP_DEVICE; empty: no rules. */
	LIST(struct bpf_insn_plan) device_filter;
	bool check_before_update;	/* memory.checkBeforeUpdate */
	/* Bytes, -1: no limit; for check_before_update, and without privilege. */
	struct opt_i64 memory_limit, memory_swap;
	struct opt_i64 pids_limit;	/* for what making a container takes, and its init */
};
/* Layout of the kernel's struct bpf_insn, so that <linux/bpf.h> stays out of this header. */
struct bpf_insn_plan { uint64_t raw; };

/* --- seccomp -------------------------------------------------------------------- */

typedef LIST(struct sock_filter) seccomp_filter;

struct seccomp_plan {
	seccomp_filter filter;		/* at most 65,535 instructions */
	unsigned int flags;		/* SECCOMP_FILTER_FLAG_* */
	const char *listener_path;	/* unix socket on the host, or NULL */
	const char *listener_metadata;
};

/* --- Landlock (by annotation, as proposed for the spec) ------------------------------ */

struct landlock_rule { const char *path; uint64_t allowed; };	/* absolute in the root */

struct landlock_plan {
	uint64_t handled;		/* LANDLOCK_ACCESS_FS_*: denied but for the rules */
	LIST(struct landlock_rule) rules;
	bool strict;			/* what the kernel does not know is an error */
};

/* --- the init inside (an addition of kist's) --------------------------------------- */

enum init_mode { INIT_AUTO, INIT_ALWAYS, INIT_NEVER };

/*
 * How pid 1 behaves: annotations org.kist.init and org.kist.init.*, flags of
 * "kist run".  options is the command line for the init program, without its
 * name: made by config/, understood by init/pid1.
 */
struct init_plan {
	enum init_mode mode;
	bool used;			/* what mode, the pid namespace and the program come to */
	word_list options;
};

/* --- the whole ---------------------------------------------------------------------- */

struct annotation { const char *key, *value; };
typedef LIST(struct annotation) annotation_list;
struct sysctl_plan { const char *name, *value; };	/* name with dots as in sysctl(8) */

struct memory_policy_plan {
	bool set;
	int mode;			/* MPOL_*, MPOL_F_* flags or-ed in */
	const char *nodes;		/* list as "0-1" */
};

struct intel_rdt_plan {
	bool set;
	const char *clos_id;
	word_list schemata;		/* lines, those of l3CacheSchema and memBwSchema first */
	size_t fixed_schemata;		/* how many: a group that exists must have them already */
	bool has_schema, enable_monitoring;
};

/* Of the spec that kist has, in all that it says itself: states, configurations. */
#define SPEC_VERSION	"1.3.0"

struct plan {
	const char *bundle;		/* absolute path of the directory */
	const char *config_file;	/* what messages call it, as "config.json" */
	const char *oci_version;
	annotation_list annotations;

	const char *root_path;		/* absolute on the host */
	bool root_read_only;
	const char *hostname, *domainname;
	LIST(struct mount_plan) mounts;
	const struct mount_plan *root_mount;	/* the first, where it is mounted on "/": that
						 * in the place of root_path; or NULL */
	hook_list hooks[HOOK_MOMENT_COUNT];
	bool has_process;
	struct process_plan process;

	struct namespace_plan namespaces[NAMESPACE_COUNT];
	uint64_t clone_flags;		/* CLONE_NEW* of all that are new */
	id_map_list uid_maps, gid_maps;
	struct time_offset monotonic, boottime;
	device_list devices;		/* the spec's default devices first */
	LIST(struct net_device_plan) net_devices;
	const char *cgroups_path;	/* as given: path or slice:prefix:name; NULL: by the id */
	struct resources_plan resources;
	LIST(struct sysctl_plan) sysctls;
	word_list masked_paths;
	word_list read_only_paths;
	const char *mount_label;
	unsigned long root_propagation;	/* MS_*, 0: not given */
	struct opt_u64 personality;	/* as personality(2) takes it */
	struct seccomp_plan *seccomp;	/* NULL: none */
	struct landlock_plan *landlock;	/* NULL: none */
	struct memory_policy_plan memory_policy;
	struct intel_rdt_plan intel_rdt;

	struct init_plan init;
	word_list warnings;		/* for warn(): unknown capabilities and the like */
};

/* The value of an annotation, or NULL. */
const char *plan_annotation(const struct plan *plan, const char *key);
