/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/json.h"
#include "config/names.h"
#include "config/plan.h"

/*
 * linux.seccomp between its JSON and its BPF: the profile, in libseccomp's
 * numbers, and the words of the spec for them.
 */
extern const struct name seccomp_action_names[];	/* "SCMP_ACT_ERRNO": SCMP_ACT_ERRNO(0) */
extern const struct name seccomp_operator_names[];	/* "SCMP_CMP_EQ": enum scmp_compare */
extern const struct name seccomp_flag_names[];		/* SECCOMP_FILTER_FLAG_* */

/* In the number of a system call: it is of x32, which the kernel calls x86_64. */
#define X32_BIT	0x40000000U

enum { SECCOMP_MAX_FILTER = 4096 };	/* instructions; the kernel's BPF_MAXINSNS */

struct seccomp_arg {
	uint32_t index;			/* 0 to 5 */
	uint64_t op;			/* enum scmp_compare */
	uint64_t value, value_two;	/* of SCMP_CMP_MASKED_EQ: the mask and what is left */
};

struct seccomp_rule {
	const struct json *json;	/* for messages */
	uint32_t action;		/* SCMP_ACT_*, with its errno */
	word_list names;		/* system calls; unknown ones are skipped */
	LIST(struct seccomp_arg) args;	/* all must hold; any, where two are about one argument */
};

struct seccomp_profile {
	uint32_t default_action;
	LIST(uint64_t) architectures;	/* SCMP_ARCH_*; the native one need not be listed */
	LIST(struct seccomp_rule) rules;
};

/*
 * Compiles with libseccomp, milliseconds for a profile of the usual size.
 * System calls newer than any that the profile names get ENOSYS instead of its
 * default action, so that libc falls back as it would on an older kernel.
 * On an error *ret_rule is the rule that libseccomp refused, or NULL.
 */
int seccomp_compile(struct arena *arena, const struct seccomp_profile *profile,
		    seccomp_filter *ret, const struct seccomp_rule **ret_rule, struct error *err);

/* Whether libseccomp knows a system call of that name, on any architecture. */
bool seccomp_syscall_known(const char *name);
/* The known system call with the nearest spelling, or NULL. */
const char *seccomp_syscall_nearest(struct arena *arena, const char *name);
