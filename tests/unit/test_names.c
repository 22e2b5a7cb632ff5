/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>

#include "config/names.h"
#include "config/plan.h"

static const struct {
	const char *what;
	const struct name *table;
} tables[] = {
	{ "capabilities", capability_names },		{ "rlimits", rlimit_names },
	{ "namespaces", namespace_names },		{ "hooks", hook_names },
	{ "capability sets", capability_set_names },	{ "architectures", architecture_names },
	{ "policies", scheduler_names },		{ "flags", scheduler_flag_names },
	{ "classes", io_class_names },			{ "personalities", personality_names },
	{ "memory policies", memory_policy_names },
	{ "memory policy flags", memory_policy_flag_names },
};

Test(names, serve_both_directions)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct name *row = tables[i].table; row->name != NULL; row++) {
			cr_expect_eq(name_find(tables[i].table, row->name), row, "%s: %s twice",
				     tables[i].what, row->name);
			cr_expect_str_eq(name_of(tables[i].table, row->value), row->name,
					 "%s: %s shares its number", tables[i].what, row->name);
		}
}

Test(names, have_every_signal_and_its_aliases)
{
	for (int number = 1; number < 32; number++) {
		const char *name = name_of(signal_names, (uint64_t)number);

		cr_assert_not_null(name, "%d", number);
		cr_expect_eq(signal_parse(name), number, "%s", name);
		cr_expect(number == SIGIO || strcmp(name + 3, sigabbrev_np(number)) == 0, "%s",
			  name);
	}
}

/* Fails when the kernel's headers know one more: then it is time for a row. */
Test(names, have_every_capability_of_the_kernel_headers)
{
	for (uint64_t i = 0; i <= CAP_LAST_CAP; i++)
		cr_expect_not_null(name_of(capability_names, i), "capability %ju", (uintmax_t)i);
}

Test(signal, is_taken_as_people_write_it)
{
	static const struct { const char *text; int signal; } signals[] = {
		{ "TERM", SIGTERM }, { "SIGTERM", SIGTERM }, { "term", SIGTERM },
		{ "sigKill", SIGKILL }, { "9", 9 }, { "15", 15 }, { "64", 64 }, { "CLD", SIGCHLD },
		{ "RTMIN", 34 }, { "SIGRTMIN+3", 37 }, { "rtmax", 64 }, { "RTMAX-14", 50 },
		{ "0", 0 }, { "65", 0 }, { "-1", 0 }, { "", 0 }, { "SIG", 0 }, { "SIGSIGTERM", 0 },
		{ "TERMX", 0 }, { "RTMIN+", 0 }, { "RTMIN+31", 0 }, { "RTMIN-1", 0 },
		{ "RTMAX+1", 0 }, { "RTMAX-31", 0 }, { " TERM", 0 }, { "9 ", 0 },
		{ "AVERYLONGWORDTHATISNOSIGNAL", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		cr_expect_eq(signal_parse(signals[i].text), signals[i].signal, "%s",
			     signals[i].text);
}

Test(names, find_what_was_meant)
{
	static const struct { const struct name *table; const char *text, *meant; } words[] = {
		{ capability_names, "CAP_SYS_ADMN", "CAP_SYS_ADMIN" },
		{ capability_names, "SYS_ADMIN", "CAP_SYS_ADMIN" },
		{ capability_names, "cap_kill", "CAP_KILL" },
		{ namespace_names, "net", "network" },
		{ namespace_names, "User", "user" },
		{ hook_names, "postStop", "poststop" },
		{ hook_names, "createruntime", "createRuntime" },
		{ capability_names, "everything", NULL },
		{ namespace_names, "", NULL },
		{ namespace_names, "x", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const char *meant = name_nearest(words[i].table, words[i].text);

		if (words[i].meant == NULL)
			cr_expect_null(meant, "%s: %s", words[i].text, meant);
		else
			cr_expect_str_eq(meant, words[i].meant, "%s", words[i].text);
	}
}

Test(names, namespaces_are_called_what_their_table_says)
{
	for (const struct name *row = namespace_names; row->name != NULL; row++)
		cr_assert_str_eq(namespaces[row->value].name, row->name);
	for (size_t i = 0; i < NAMESPACE_COUNT; i++)
		cr_assert_str_eq(namespace_name(namespaces[i].flag), namespaces[i].name);
	cr_assert_str_eq(namespace_name(0), "unknown");
}
