/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/ioprio.h>
#include <linux/sched.h>

#include "config/section.h"

/* The scheduler and the I/O priority of the process. */

static int decode_policy(struct decoder *d, const struct json *v, void *out)
{
	uint64_t value;

	if (decode_name(d, v, scheduler_names, "a scheduling policy", &value) < 0)
		return -1;
	*(uint32_t *)out = (uint32_t)value;
	return 0;
}

static int decode_nice(struct decoder *d, const struct json *v, void *out)
{
	int64_t value;

	if (decode_i64_between(d, v, -20, 19, &value) < 0)
		return -1;
	*(int32_t *)out = (int32_t)value;
	return 0;
}

static int decode_scheduler_flags(struct decoder *d, const struct json *v, void *out)
{
	uint64_t flag;

	if (want_type(d, v, JSON_ARRAY) < 0)
		return -1;
	JSON_EACH(item, v) {
		if (decode_name(d, item, scheduler_flag_names, "a scheduling flag", &flag) < 0)
			return -1;
		*(uint64_t *)out |= flag;
	}
	return 0;
}

static const struct field scheduler_fields[] = {
	FIELD("policy", decode_policy, struct scheduler_plan, policy, FIELD_REQUIRED),
	FIELD("nice", decode_nice, struct scheduler_plan, nice),
	FIELD_I32("priority", struct scheduler_plan, priority),
	FIELD("flags", decode_scheduler_flags, struct scheduler_plan, flags),
	FIELD_U64("runtime", struct scheduler_plan, runtime),
	FIELD_U64("deadline", struct scheduler_plan, deadline),
	FIELD_U64("period", struct scheduler_plan, period),
	{ NULL },
};

/* sched(7): which number belongs to which policy; the kernel says EINVAL to all else. */
static int check_scheduler(struct decoder *d, const struct json *v,
			   const struct scheduler_plan *scheduler)
{
	const char *name = name_of(scheduler_names, scheduler->policy);
	bool real_time = scheduler->policy == SCHED_FIFO || scheduler->policy == SCHED_RR;
	bool deadline = scheduler->policy == SCHED_DEADLINE;

	if (real_time && (scheduler->priority < 1 || scheduler->priority > 99))
		return bad_member(d, v, "priority", "must be from 1 to 99 for %s, not %d", name,
				  scheduler->priority);
	if (!real_time && scheduler->priority != 0)
		return bad_member(d, v, "priority", "belongs to SCHED_FIFO and SCHED_RR, not to %s",
				  name);
	if (deadline && (scheduler->runtime == 0 || scheduler->deadline == 0))
		return bad_value(d, v, "SCHED_DEADLINE needs runtime and deadline");
	/* The kernel counts in units of 1024 ns, and takes no period for one of the deadline. */
	if (deadline && (scheduler->runtime < 1024 || scheduler->runtime > scheduler->deadline ||
			 (scheduler->period != 0 && scheduler->period < scheduler->deadline)))
		return bad_value(d, v,
				 "SCHED_DEADLINE needs a runtime from 1024 ns on, a deadline "
				 "not below it and a period not below that");
	if (!deadline && (scheduler->runtime | scheduler->deadline | scheduler->period) != 0)
		return bad_value(d, v, "runtime, deadline and period belong to SCHED_DEADLINE, "
				 "not to %s", name);
	return 0;
}

int decode_scheduler(struct decoder *d, const struct json *v, void *out)
{
	struct scheduler_plan *scheduler = out;

	scheduler->set = true;
	if (decode_object(d, v, scheduler_fields, scheduler) < 0)
		return -1;
	return check_scheduler(d, v, scheduler);
}

struct io_priority { uint64_t class, level; };

static int decode_io_class(struct decoder *d, const struct json *v, void *out)
{
	return decode_name(d, v, io_class_names, "a class of I/O priority", out);
}

static int decode_io_level(struct decoder *d, const struct json *v, void *out)
{
	return decode_u64_up_to(d, v, 7, out);
}

static const struct field io_priority_fields[] = {
	FIELD("class", decode_io_class, struct io_priority, class, FIELD_REQUIRED),
	FIELD("priority", decode_io_level, struct io_priority, level),
	{ NULL },
};

int decode_io_priority(struct decoder *d, const struct json *v, void *out)
{
	struct io_priority priority = { 0 };
	struct opt_u64 *value = out;

	if (decode_object(d, v, io_priority_fields, &priority) < 0)
		return -1;
	/* The spec wants it always; runc and crun go without, and the idle class has no levels. */
	if (priority.class != IOPRIO_CLASS_IDLE && !has_property(v, "priority"))
		return bad_value(d, v, "must have a priority from 0 to 7");
	value->value = priority.class << IOPRIO_CLASS_SHIFT | priority.level;
	value->set = true;
	return 0;
}
