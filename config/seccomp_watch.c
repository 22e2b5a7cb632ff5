/* SPDX-License-Identifier: Apache-2.0 */
#include "config/seccomp_watch.h"

#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "base/list.h"
#include "config/json_write.h"
#include "config/names.h"
#include "config/seccomp_profile.h"

#define AT(member)	((uint32_t)offsetof(struct seccomp_data, member))

/* --- filters ---------------------------------------------------------------------------- */

enum { HANDOVER = 7 };

/* The one sendmsg that is let through; what follows is the rest of the filter. */
static void handover_make(struct sock_filter *ret)
{
	const struct sock_filter items[HANDOVER] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, seccomp_arch_native(), 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT(nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendmsg, 0, 3),
		/* Of a 64-bit argument the half that holds an int. */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 AT(args[2]) + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FD_SEND_FLAGS, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	memcpy(ret, items, sizeof(items));
}

const struct seccomp_plan *seccomp_watch_all(struct arena *arena)
{
	struct seccomp_plan *plan = ARENA_NEW(arena, struct seccomp_plan);

	plan->filter.items = ARENA_NEWS(arena, HANDOVER + 1, struct sock_filter);
	plan->filter.count = HANDOVER + 1;
	handover_make(plan->filter.items);
	plan->filter.items[HANDOVER] = (struct sock_filter)
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	return plan;
}

const struct seccomp_plan *seccomp_watch_errors(struct arena *arena,
						const struct seccomp_plan *profile)
{
	struct seccomp_plan *plan = ARENA_NEW(arena, struct seccomp_plan);
	size_t count = profile->filter.count + HANDOVER;

	if (count > SECCOMP_MAX_FILTER)
		return NULL;
	plan->flags = profile->flags;
	if (plan->flags & SECCOMP_FILTER_FLAG_TSYNC)
		plan->flags |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
	plan->filter.items = ARENA_NEWS(arena, count, struct sock_filter);
	plan->filter.count = count;
	handover_make(plan->filter.items);
	memcpy(plan->filter.items + HANDOVER, profile->filter.items,
	       profile->filter.count * sizeof(struct sock_filter));
	LIST_EACH(item, plan->filter)
		if (item->code == (BPF_RET | BPF_K) &&
		    (item->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
			item->k = SECCOMP_RET_USER_NOTIF;
	return plan;
}

static bool jump_taken(const struct sock_filter *item, uint32_t a)
{
	switch (BPF_OP(item->code)) {
	case BPF_JEQ:
		return a == item->k;
	case BPF_JGT:
		return a > item->k;
	case BPF_JGE:
		return a >= item->k;
	case BPF_JSET:
		return (a & item->k) != 0;
	}
	return false;
}

/* The instructions that libseccomp and kist write; any other one ends it as "kill". */
uint32_t seccomp_answer(const struct seccomp_plan *profile, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t at = 0; at < profile->filter.count; at++) {
		const struct sock_filter *item = &profile->filter.items[at];

		if (item->code == (BPF_LD | BPF_W | BPF_ABS) && item->k <= sizeof(*data) - 4)
			memcpy(&a, (const char *)data + item->k, sizeof(a));
		else if (item->code == (BPF_ALU | BPF_AND | BPF_K))
			a &= item->k;
		else if (item->code == (BPF_JMP | BPF_JA))
			at += item->k;
		else if (BPF_CLASS(item->code) == BPF_JMP && BPF_SRC(item->code) == BPF_K)
			at += jump_taken(item, a) ? item->jt : item->jf;
		else
			return item->code == (BPF_RET | BPF_K) ? item->k :
								  SECCOMP_RET_KILL_PROCESS;
	}
	return SECCOMP_RET_KILL_PROCESS;
}

/* --- names ---------------------------------------------------------------------------------- */

/* As libseccomp counts: x32 is an architecture of its own there. */
static uint32_t call_architecture(struct seccomp_call call)
{
	return call.arch == SCMP_ARCH_X86_64 && (call.number & X32_BIT) ? SCMP_ARCH_X32 :
									  call.arch;
}

static const char *known_name(struct arena *arena, struct seccomp_call call)
{
	char *name = seccomp_syscall_resolve_num_arch(call_architecture(call), (int)call.number);
	const char *ret = name != NULL ? arena_strdup(arena, name) : NULL;

	free(name);
	return ret;
}

const char *seccomp_call_name(struct arena *arena, struct seccomp_call call)
{
	const char *name = known_name(arena, call);
	const char *arch = name_of(architecture_names, call_architecture(call));

	if (name == NULL)
		return arena_printf(arena, "system call %u of %s", call.number & ~X32_BIT,
				    arch != NULL ? arch : "an unknown architecture");
	return call.arch == seccomp_arch_native() ? name :
	       arena_printf(arena, "%s (%s)", name, arch != NULL ? arch : "?");
}

static void print_names(struct json_writer *w, const seccomp_call_list *calls)
{
	const char **names = ARENA_NEWS(w->text.arena, calls->count + 1, const char *);
	size_t count = 0, unique = 0;

	LIST_EACH(call, *calls) {
		const char *name = known_name(w->text.arena, *call);

		if (name != NULL)
			names[count++] = name;
	}
	words_sort(names, count);
	for (size_t i = 0; i < count; i++)
		if (unique == 0 || strcmp(names[unique - 1], names[i]) != 0)
			names[unique++] = names[i];
	json_write_strings(w, "names", names, unique);
}

static void print_architectures(struct json_writer *w, const seccomp_call_list *calls)
{
	json_write_array(w, "architectures");
	for (const struct name *row = architecture_names; row->name != NULL; row++) {
		bool seen = row->value == seccomp_arch_native();

		LIST_EACH(call, *calls)
			seen = seen || call_architecture(*call) == row->value;
		if (seen)
			json_write_string(w, NULL, row->name);
	}
	json_write_end(w);
}

void seccomp_profile_print(struct text *out, const seccomp_call_list *calls)
{
	struct json_writer w = { .text = { .arena = out->arena }, .indent = "\t" };

	json_write_object(&w, NULL);
	json_write_string(&w, "defaultAction", "SCMP_ACT_ERRNO");
	print_architectures(&w, calls);
	json_write_array(&w, "syscalls");
	json_write_object(&w, NULL);
	print_names(&w, calls);
	json_write_string(&w, "action", "SCMP_ACT_ALLOW");
	json_write_end(&w);
	json_write_end(&w);
	json_write_end(&w);
	text_add(out, w.text.data);
	if (out->data[out->size - 1] != '\n')
		text_add(out, "\n");
}
