/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/*
 * Words of the OCI spec and the numbers the kernel has for them, each in one
 * table that serves both directions: decoding, "features", "plan", "--help".
 * Tables end with a row whose name is NULL.  Where two names have one number,
 * the first is the one to print.
 */
struct name {
	const char *name;
	uint64_t value;
};

extern const struct name capability_names[];	/* "CAP_CHOWN": number of the capability */
extern const struct name signal_names[];	/* "SIGTERM": number, aliases last */
extern const struct name rlimit_names[];	/* "RLIMIT_NOFILE": RLIMIT_* */
extern const struct name namespace_names[];	/* "network": enum namespace_type */
extern const struct name hook_names[];		/* "createRuntime": enum hook_moment */
extern const struct name capability_set_names[];	/* "bounding": enum capability_set */
extern const struct name architecture_names[];	/* "SCMP_ARCH_X86": AUDIT_ARCH_* */
extern const struct name scheduler_names[];	/* "SCHED_BATCH": SCHED_* */
extern const struct name scheduler_flag_names[];	/* "SCHED_FLAG_RECLAIM": bit */
extern const struct name io_class_names[];	/* "IOPRIO_CLASS_BE": class */
extern const struct name personality_names[];	/* "LINUX32": PER_* */
extern const struct name propagation_names[]; /* "rslave": MS_SLAVE | MS_REC */
extern const struct name memory_policy_names[];	/* "MPOL_BIND": MPOL_* */
extern const struct name memory_policy_flag_names[];	/* "MPOL_F_STATIC_NODES": bit */

/* The row with that name, or NULL. */
const struct name *name_find(const struct name *table, const char *name);
/* The first name of that number, or NULL. */
const char *name_of(const struct name *table, uint64_t value);
/* The name in the table that is nearest in spelling, near enough to be meant, or NULL. */
const char *name_nearest(const struct name *table, const char *name);

/* A signal as people write it: "TERM", "SIGTERM", "sigterm", "15", "RTMIN+1".  0: none such. */
int signal_parse(const char *text);
