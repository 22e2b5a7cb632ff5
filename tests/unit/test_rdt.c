/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "runtime/rdt.h"

static const char schemata[] = "    L3:0=fffff;1=000ff\n L3CODE:0=3\n    MB:0= 100;1=  20\n";

Test(rdt, line_is_held_by_value_not_by_spelling)
{
	static const struct { const char *line; bool holds; } rows[] = {
		{ "L3:0=fffff;1=ff", true },	{ "L3:1=FF;0=FFFFF", true },
		{ "L3:1=ff", true },		{ "L3:00=fffff", true },
		{ "MB:0=100;1=20", true },	{ "  MB:1=20", true },
		{ "L3CODE:0=3", true },		{ "L3:", true },
		{ "L3:0=ffff", false },		{ "L3:2=ff", false },
		{ "L3:0=fffff;1=f", false },	{ "L2:0=f", false },
		{ "L3", false },		{ "L3:x=f", false },
		{ "MB:0=10", false },		{ "L:0=fffff", false },
		{ "L3CODE:0=fffff", false },	{ "L3:0=fffff;", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		cr_expect_eq(rdt_line_holds(schemata, rows[i].line), rows[i].holds, "%s",
			     rows[i].line);
}
