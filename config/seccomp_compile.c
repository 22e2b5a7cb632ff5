/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/text.h"
#include "config/seccomp_profile.h"

static void context_release(scmp_filter_ctx *context)
{
	if (*context != NULL)
		seccomp_release(*context);
}

/*
 * One filter of libseccomp's for each architecture, which takes it less than half of the time
 * that one for all takes, and in front of them a prologue, which finds the one of a call.
 */
enum { MAX_PARTS = 24 };

struct part {
	uint32_t arch;		/* SCMP_ARCH_*: x32, whose calls say x86_64, is one itself */
	char *bytes;
	size_t size;
};

/* --- the way to a part, and ENOSYS for what is newer than the profile --------------- */

struct prologue {
	struct sock_filter items[SECCOMP_MAX_FILTER];
	size_t count;
};

static void emit(struct prologue *prologue, uint16_t code, uint8_t yes, uint8_t no, uint32_t k)
{
	prologue->items[prologue->count++] = (struct sock_filter){ code, yes, no, k };
}

/* The highest number that the profile names on that architecture; 0: none. */
static uint32_t last_syscall(const struct seccomp_profile *profile, uint32_t arch)
{
	int last = 0;

	LIST_EACH(rule, profile->rules) {
		LIST_EACH(name, rule->names) {
			int number = seccomp_syscall_resolve_name_arch(arch, *name);

			if (number > last)
				last = number;
		}
	}
	return (uint32_t)last;
}

/* A jump to where a part begins, which prologue_end() knows. */
static void emit_done(struct prologue *prologue, size_t part)
{
	emit(prologue, BPF_JMP | BPF_JA, 0, 0, (uint32_t)part);
}

static void prologue_end(struct prologue *prologue, const struct part *parts)
{
	for (size_t i = 0; i < prologue->count; i++) {
		size_t to = prologue->count;

		if (prologue->items[i].code != (BPF_JMP | BPF_JA))
			continue;
		for (size_t part = 0; part < prologue->items[i].k; part++)
			to += parts[part].size / sizeof(struct sock_filter);
		prologue->items[i].k = (uint32_t)(to - i - 1);
	}
}

/* The number is loaded.  Four instructions at most. */
static void emit_limit(struct prologue *prologue, uint32_t last, size_t part)
{
	if (last != 0) {
		emit(prologue, BPF_JMP | BPF_JGT | BPF_K, 0, 1, last);
		emit(prologue, BPF_RET | BPF_K, 0, 0, SCMP_ACT_ERRNO(ENOSYS));
	}
	emit_done(prologue, part);
}

/* The instructions behind the jump that knows the architecture.  x32: the part of that, or 0. */
static void emit_limits(struct prologue *prologue, const struct seccomp_profile *profile,
			uint32_t arch, bool limits, size_t part, size_t x32)
{
	const uint32_t last = limits ? last_syscall(profile, arch) : 0;
	size_t split;

	emit(prologue, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
	/* Calls that the kernel does not know arrive as number 0 there, setup(2), long gone. */
	if (limits && (arch == SCMP_ARCH_S390 || arch == SCMP_ARCH_S390X)) {
		emit(prologue, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
		emit(prologue, BPF_RET | BPF_K, 0, 0, SCMP_ACT_ERRNO(ENOSYS));
	}
	if (arch != SCMP_ARCH_X86_64) {
		emit_limit(prologue, last, part);
		return;
	}
	split = prologue->count;
	emit(prologue, BPF_JMP | BPF_JSET | BPF_K, 0, 0, X32_BIT);
	emit_limit(prologue, last, part);
	prologue->items[split].jt = (uint8_t)(prologue->count - split - 1);
	/* Not listed: x86_64's part kills them. */
	emit_limit(prologue, limits && x32 != 0 ? last_syscall(profile, SCMP_ARCH_X32) : 0,
		   x32 != 0 ? x32 : part);
}

/* Whether one of the first count architectures of the profile is that one. */
static bool has_architecture(const struct seccomp_profile *profile, size_t count, uint64_t arch)
{
	for (size_t i = 0; i < count; i++)
		if (profile->architectures.items[i] == arch)
			return true;
	return false;
}

/* ENOSYS for newer calls; where everything is allowed or traced anyway, they are too. */
static bool wants_limits(const struct seccomp_profile *profile)
{
	uint32_t action = profile->default_action & SECCOMP_RET_ACTION_FULL;

	return action != SCMP_ACT_ALLOW && action != SCMP_ACT_LOG && action != SCMP_ACT_TRACE(0) &&
	       profile->default_action != SCMP_ACT_ERRNO(ENOSYS);
}

/* What is of none of them comes to the first part, which kills it. */
static void prologue_make(struct prologue *prologue, const struct seccomp_profile *profile,
			  const struct part *parts, size_t count)
{
	const bool limits = wants_limits(profile);
	size_t x32 = 0;

	if (count == 1 && !limits)
		return;
	for (size_t i = 0; i < count; i++)
		if (parts[i].arch == SCMP_ARCH_X32)
			x32 = i;
	emit(prologue, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < count; i++) {
		size_t start = prologue->count;

		if (parts[i].arch == SCMP_ARCH_X32)
			continue;
		emit(prologue, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, parts[i].arch);
		emit_limits(prologue, profile, parts[i].arch, limits, i, x32);
		prologue->items[start].jf = (uint8_t)(prologue->count - start - 1);
	}
	prologue_end(prologue, parts);
}

/* --- libseccomp ----------------------------------------------------------------------- */

static int add_rule(scmp_filter_ctx context, const struct seccomp_rule *rule, int number)
{
	struct scmp_arg_cmp args[6];
	bool repeated = false;
	unsigned int seen = 0, count = 0;

	LIST_EACH(arg, rule->args) {
		repeated = repeated || (seen & 1U << arg->index) || count == ARRAY_SIZE(args);
		seen |= 1U << arg->index;
		if (count < ARRAY_SIZE(args))
			args[count++] = (struct scmp_arg_cmp){
				arg->index, (enum scmp_compare)arg->op, arg->value, arg->value_two,
			};
	}
	if (!repeated)
		return seccomp_rule_add_array(context, rule->action, number, count, args);
	/* libseccomp takes one condition an argument; else each is a rule, as with runc, crun. */
	LIST_EACH(arg, rule->args) {
		struct scmp_arg_cmp one = {
			arg->index, (enum scmp_compare)arg->op, arg->value, arg->value_two,
		};
		int result = seccomp_rule_add_array(context, rule->action, number, 1, &one);

		if (result < 0)
			return result;
	}
	return 0;
}

/* A rule for one system call, by its native number: what libseccomp is given. */
struct call {
	const struct seccomp_rule *rule;
	const char *name;
	int number;		/* below 0: other architectures alone have it */
};
typedef LIST(struct call) call_list;

/*
 * libseccomp takes the square of the calls that it is given: a minute for 100,000.  One that is
 * named again, to the same end, is not given to it, for nothing would come of it.
 */
static void calls_collect(struct arena *arena, const struct seccomp_profile *profile,
			  call_list *ret)
{
	const struct seccomp_rule *whole[1024] = { NULL };	/* without conditions */

	LIST_EACH(rule, profile->rules) {
		if (rule->action == profile->default_action)
			continue;
		LIST_EACH(name, rule->names) {
			int number = seccomp_syscall_resolve_name(*name);

			/* Newer than this libseccomp: it has the default action, or ENOSYS. */
			if (number == __NR_SCMP_ERROR)
				continue;
			if (rule->args.count == 0 && number >= 0 &&
			    (size_t)number < ARRAY_SIZE(whole)) {
				if (whole[number] != NULL && whole[number]->action == rule->action)
					continue;
				whole[number] = rule;
			}
			LIST_ADD(arena, ret, ((struct call){ rule, *name, number }));
		}
	}
}

/* Each condition is an instruction or more, and so is each call without any. */
static size_t count_conditions(const call_list *calls)
{
	size_t count = 0;

	LIST_EACH(call, *calls)
		count += call->rule->args.count > 0 ? call->rule->args.count : 1;
	return count;
}

static int add_rules(scmp_filter_ctx context, const call_list *calls,
		     const struct seccomp_rule **ret_rule, struct error *err)
{
	LIST_EACH(call, *calls) {
		int result = add_rule(context, call->rule, call->number);

		if (result == 0)
			continue;
		*ret_rule = call->rule;
		if (result == -EEXIST)
			return error_set(err, "%s: the same conditions have another action before",
					 call->name);
		return error_number(err, -result, "add the rule for %s", call->name);
	}
	return 0;
}

/*
 * 1, 0 for an architecture that no program here can be of, or -1.  The rules have the native
 * numbers, whatever architecture they are for.
 */
static int context_fill(scmp_filter_ctx context, const call_list *calls, const struct part *part,
			const struct seccomp_rule **ret_rule, struct error *err)
{
	int result = 0;

	if (part->arch != seccomp_arch_native())
		result = seccomp_arch_add(context, part->arch);
	/* One of the other byte order (EDOM), or one that this libseccomp has not heard of. */
	if (result == -EDOM || result == -EINVAL)
		return 0;
	if (result == 0 && part->arch != seccomp_arch_native())
		result = seccomp_arch_remove(context, seccomp_arch_native());
	if (result < 0)
		return error_number(err, -result, "add architecture %#x", part->arch);
	/* A tree instead of a list, faster for each call; libseccomp 2.5 breaks without rules. */
	if (calls->count > 32)
		seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return add_rules(context, calls, ret_rule, err) < 0 ? -1 : 1;
}

/* libseccomp 2.5 exports to an fd only. */
static int context_export(scmp_filter_ctx context, struct arena *arena, char **ret_bytes,
			  size_t *ret_size, struct error *err)
{
	_cleanup_fd int fd = memfd_create("seccomp", MFD_CLOEXEC);
	int result;

	if (fd < 0)
		return error_errno(err, "make a memory file");
	result = seccomp_export_bpf(context, fd);
	if (result < 0)
		return error_number(err, -result, "export the filter");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_errno(err, "rewind the memory file");
	return fd_read_all(fd, 1 << 20, arena, ret_bytes, ret_size, err);
}

static int part_compile(struct part *part, struct arena *arena,
			const struct seccomp_profile *profile, const call_list *calls,
			const struct seccomp_rule **ret_rule, struct error *err)
{
	_cleanup(context_release) scmp_filter_ctx context = seccomp_init(profile->default_action);
	int result;

	if (context == NULL)
		return error_set(err, "libseccomp refuses the default action");
	result = context_fill(context, calls, part, ret_rule, err);
	if (result <= 0)
		return result;
	return context_export(context, arena, &part->bytes, &part->size, err) < 0 ? -1 : 1;
}

/* Listed or not: Docker's profile for ppc64le leaves the native one out.  The number of parts. */
static int parts_compile(struct part *parts, struct arena *arena,
			 const struct seccomp_profile *profile, const call_list *calls,
			 const struct seccomp_rule **ret_rule, struct error *err)
{
	const size_t listed = profile->architectures.count;
	int count = 1;

	parts[0].arch = seccomp_arch_native();
	if (part_compile(&parts[0], arena, profile, calls, ret_rule, err) < 0)
		return -1;
	for (size_t i = 0; i < listed && count < MAX_PARTS; i++) {
		const uint64_t arch = profile->architectures.items[i];
		int result;

		if (arch == parts[0].arch || has_architecture(profile, i, arch))
			continue;
		parts[count].arch = (uint32_t)arch;
		result = part_compile(&parts[count], arena, profile, calls, ret_rule, err);
		if (result < 0)
			return -1;
		count += result;
	}
	return count;
}

int seccomp_compile(struct arena *arena, const struct seccomp_profile *profile,
		    seccomp_filter *ret, const struct seccomp_rule **ret_rule, struct error *err)
{
	struct prologue *prologue = ARENA_NEW(arena, struct prologue);
	struct part parts[MAX_PARTS] = { 0 };
	call_list calls = { 0 };
	size_t count, at;
	int part_count;

	*ret_rule = NULL;
	calls_collect(arena, profile, &calls);
	count = count_conditions(&calls);
	if (count > SECCOMP_MAX_FILTER)
		return error_set(err,
				 "the filter has %zu calls and conditions, and the kernel "
				 "takes %d instructions",
				 count, SECCOMP_MAX_FILTER);
	part_count = parts_compile(parts, arena, profile, &calls, ret_rule, err);
	if (part_count < 0)
		return -1;
	prologue_make(prologue, profile, parts, (size_t)part_count);
	at = count = prologue->count;
	for (int i = 0; i < part_count; i++)
		count += parts[i].size / sizeof(struct sock_filter);
	if (count > SECCOMP_MAX_FILTER)
		return error_set(err, "the filter has %zu instructions, and the kernel takes %d",
				 count, SECCOMP_MAX_FILTER);
	ret->items = ARENA_NEWS(arena, count, struct sock_filter);
	memcpy(ret->items, prologue->items, at * sizeof(struct sock_filter));
	for (int i = 0; i < part_count; i++) {
		memcpy(ret->items + at, parts[i].bytes, parts[i].size);
		at += parts[i].size / sizeof(struct sock_filter);
	}
	ret->count = count;
	return 0;
}

/* --- names ------------------------------------------------------------------------------ */

bool seccomp_syscall_known(const char *name)
{
	return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

const char *seccomp_syscall_nearest(struct arena *arena, const char *name)
{
	struct guess guess = GUESS(name);

	for (int number = 0; number < 1024; number++) {
		char *known = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

		if (known != NULL && guess_try(&guess, known))
			guess.meant = arena_strdup(arena, known);
		free(known);
	}
	return guess.meant;
}
