/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <linux/capability.h>
#include <sys/prctl.h>

#include "base/sys.h"
#include "tests/kernel/child.h"
#include "tests/kernel/stage.h"

#define RUN(step)	step(&s->plan, &s->in, &s->err)
#define BIT(cap)	(UINT64_C(1) << (cap))

static void get(uint64_t sets[CAPABILITY_SET_COUNT])
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	syscall(__NR_capget, &head, data);
	sets[CAPABILITY_EFFECTIVE] = data[0].effective | (uint64_t)data[1].effective << 32;
	sets[CAPABILITY_PERMITTED] = data[0].permitted | (uint64_t)data[1].permitted << 32;
	sets[CAPABILITY_INHERITABLE] = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	sets[CAPABILITY_BOUNDING] = sets[CAPABILITY_AMBIENT] = 0;
	for (int cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_READ, cap) == 1)
			sets[CAPABILITY_BOUNDING] |= BIT(cap);
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
			sets[CAPABILITY_AMBIENT] |= BIT(cap);
	}
}

/* The order of enum capability_set: bounding, effective, inheritable, permitted, ambient. */
static const struct {
	uint32_t uid;
	uint64_t sets[CAPABILITY_SET_COUNT];
} cases[] = {
	{ 0, { 0, 0, 0, 0, 0 } },
	{ 1000, { 0, 0, 0, 0, 0 } },
	{ 0, { BIT(5), BIT(5), 0, BIT(5), 0 } },
	{ 1000, { BIT(5) | BIT(10), BIT(5), BIT(10), BIT(5) | BIT(10), BIT(10) } },
	{ 7, { BIT(40) | BIT(0), BIT(40), BIT(40), BIT(40), BIT(40) } },
};

static int sets_are_as_planned(struct stage *s, size_t i)
{
	uint64_t seen[CAPABILITY_SET_COUNT];

	s->plan.process.uid = s->plan.process.gid = cases[i].uid;
	s->plan.process.has_capabilities = true;
	memcpy(s->plan.process.capabilities, cases[i].sets, sizeof(seen));
	CHECK(RUN(step_bounding) == 0 && RUN(step_credentials) == 0);
	get(seen);
	CHECK(memcmp(seen, cases[i].sets, sizeof(seen)) == 0);
	CHECK(geteuid() == cases[i].uid && getegid() == cases[i].uid);
	CHECK(prctl(PR_GET_DUMPABLE) == 0);
	return 0;
}

STAGE_TEST(cred, all_five_sets_are_as_planned)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(sets_are_as_planned(s, i));
		CHECK(child_wait(pid) == 0);
	}
	return 0;
}

STAGE_TEST(cred, what_the_kernel_does_not_know_is_left_out)
{
	const uint64_t future = BIT(63) | BIT(62);
	uint64_t before[CAPABILITY_SET_COUNT], after[CAPABILITY_SET_COUNT];

	get(before);
	s->plan.process.has_capabilities = true;
	for (size_t i = 0; i < CAPABILITY_SET_COUNT; i++)
		s->plan.process.capabilities[i] = before[i] | future;
	CHECK(RUN(step_bounding) == 0 && RUN(step_credentials) == 0);
	get(after);
	CHECK(memcmp(before, after, sizeof(before)) == 0);
	return 0;
}

static void keep_last(void *context, const char *text)
{
	snprintf(context, 100, "%s", text);
}

/* As a runtime that runs in a container without privileges. */
static int lack(uint64_t cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(__NR_capget, &head, data) < 0)
		return -1;
	data[0].permitted &= (uint32_t)~cap;
	data[0].effective &= (uint32_t)~cap;
	return (int)syscall(__NR_capset, &head, data);
}

STAGE_TEST(cred, what_the_caller_lacks_is_left_out_and_told)
{
	uint64_t seen[CAPABILITY_SET_COUNT];
	char told[100] = "";

	s->plan.process.uid = 1000;
	s->plan.process.has_capabilities = true;
	for (size_t i = 0; i < CAPABILITY_SET_COUNT; i++)
		s->plan.process.capabilities[i] = BIT(CAP_KILL) | BIT(CAP_NET_RAW);
	CHECK(lack(BIT(CAP_NET_RAW)) == 0);
	warn_to(keep_last, told);
	CHECK(RUN(step_bounding) == 0 && RUN(step_credentials) == 0);
	warn_to(NULL, NULL);
	get(seen);
	for (size_t i = 0; i < CAPABILITY_SET_COUNT; i++)
		CHECK((seen[i] & ~BIT(CAP_NET_RAW)) == BIT(CAP_KILL));
	CHECK((seen[CAPABILITY_PERMITTED] & BIT(CAP_NET_RAW)) == 0);
	CHECK(strcmp(told, "the caller itself lacks CAP_NET_RAW; ignored") == 0);
	return 0;
}

STAGE_TEST(cred, sets_that_contradict_each_other_are_refused)
{
	s->plan.process.has_capabilities = true;
	s->plan.process.capabilities[CAPABILITY_EFFECTIVE] = BIT(5);
	CHECK(RUN(step_bounding) == 0);
	FAILS_WITH(RUN(step_credentials), "set capabilities");
	return 0;
}

STAGE_TEST(cred, groups_are_as_planned_in_any_order)
{
	uint32_t gids[] = { 30, 10, 20 };
	gid_t seen[8];

	s->plan.process.additional_gids.items = gids;
	s->plan.process.additional_gids.count = ARRAY_SIZE(gids);
	CHECK(RUN(step_bounding) == 0 && RUN(step_credentials) == 0);
	CHECK(getgroups(8, seen) == 3);
	CHECK(seen[0] + seen[1] + seen[2] == 60);
	return 0;
}

STAGE_TEST(cred, no_new_privs_is_set_only_where_planned)
{
	CHECK(RUN(step_bounding) == 0 && RUN(step_credentials) == 0);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
	s->plan.process.no_new_privileges = true;
	CHECK(RUN(step_bounding) == 0 && RUN(step_credentials) == 0);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	return 0;
}

STAGE_TEST(cred, the_shield_keeps_others_out)
{
	CHECK(prctl(PR_GET_DUMPABLE) == 1);
	CHECK(RUN(step_shield) == 0);
	CHECK(prctl(PR_GET_DUMPABLE) == 0);
	return 0;
}
