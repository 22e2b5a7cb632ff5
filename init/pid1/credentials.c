/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <time.h>

#include "supervisor.h"

/*
 * The credentials of the container's program, taken by pid 1: kist starts it
 * with its own, so that the program's process can take them meanwhile.  No
 * process but these two is in the container by then.
 */

/* The number before the next colon, or -1; *at goes on behind it. */
static long field_take(const char **at, long max)
{
	long number = number_parse(*at, ':', max);

	*at += word_size(*at, ':');
	if (**at == ':')
		(*at)++;
	return number;
}

int credentials_parse(struct credentials *c, const char *text)
{
	c->uid = field_take(&text, UINT32_MAX - 1);
	c->gid = field_take(&text, UINT32_MAX - 1);
	c->permitted = field_take(&text, INT64_MAX / 10);
	for (c->group_count = 0; *text != '\0'; c->group_count++) {
		long group = c->group_count < PID1_GROUPS_MAX ?
			     field_take(&text, UINT32_MAX - 1) : -1;

		if (group < 0)
			return -1;
		c->groups[c->group_count] = (unsigned int)group;
	}
	return c->uid < 0 || c->gid < 0 || c->permitted < 0 ? -1 : 0;
}

void capabilities_drop(uint64_t keep)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (sys(__NR_capget, &header, data) < 0)
		return;
	data[0].permitted &= (uint32_t)keep & 1U << CAP_KILL;
	data[0].effective = data[0].permitted;
	data[1].permitted = data[1].effective = 0;
	data[0].inheritable = data[1].inheritable = 0;
	sys(__NR_capset, &header, data);
}

static long ids_take(const struct credentials *c)
{
	long error = sys(__NR_setgroups, c->group_count, c->groups);

	/* Below a gid map that was written without privileges, nobody sets any. */
	if (error < 0 && (error != -EPERM || c->group_count > 0))
		return error;
	error = sys(__NR_setresgid, c->gid, c->gid, c->gid);
	return error < 0 ? error : sys(__NR_setresuid, c->uid, c->uid, c->uid);
}

/* The program's process takes the same, and tells the runtime why not; with us it would end. */
static bool program_ended(void)
{
	const uint64_t child = UINT64_C(1) << (SIGCHLD - 1);
	const struct timespec limit = { .tv_sec = 1 };

	return sys(__NR_rt_sigtimedwait, &child, NULL, &limit, sizeof(child)) > 0;
}

int credentials_take(const struct supervisor *s)
{
	const struct credentials *c = &s->credentials;
	long error;

	sys(__NR_prctl, PR_SET_KEEPCAPS, 1);
	error = ids_take(c);
	sys(__NR_prctl, PR_SET_KEEPCAPS, 0);
	capabilities_drop((uint64_t)c->permitted);
	/* A change of ids took it away: a process of the same user may look at /proc/1/fd. */
	if (error == 0)
		error = sys(__NR_prctl, PR_SET_DUMPABLE, 1);
	if (error == 0)
		return 0;
	if (!program_ended())
		say(s, "take the program's credentials", NULL, -error);
	return -1;
}
