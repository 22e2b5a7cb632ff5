/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "config_text.h"

/* As much as there may be of a thing, and configurations that were made to take minutes. */

/* Each error takes as long as the file is, so none may be told behind the first. */
Test(bounds, ends_with_the_first_of_many_errors, .timeout = 60)
{
	struct text capabilities = { .arena = &arena }, annotations = capabilities;

	for (int i = 0; i < 100000; i++) {
		text_add(&capabilities, i > 0 ? ", 1" : "1");
		text_printf(&annotations, "%s'org.kist.init.%d': ''", i > 0 ? ", " : "", i);
	}
	cr_expect_null(parse_process(
		arena_printf(&arena, "'capabilities': {'bounding': [%s]}", capabilities.data)));
	cr_expect_not_null(strstr(err.text, "/process/capabilities/bounding/0: must be a string"),
			   "%s", err.text);
	cr_expect_null(parse_top(arena_printf(&arena, "'annotations': {%s}", annotations.data)));
	cr_expect_not_null(strstr(err.text, "/annotations/org.kist.init.0: is no option"), "%s",
			   err.text);
}

/* Of many mounts with relative ranges the container's map was decoded anew for each range. */
Test(bounds, takes_no_minute_for_ranges_that_were_made_to, .timeout = 60)
{
	struct text maps = { .arena = &arena }, ranges = maps, text = maps;
	const struct plan *plan;

	for (int id = 0; id < 340; id++) {
		text_printf(&maps, "%s{'containerID': %d, 'hostID': %d, 'size': 1}",
			    id > 0 ? ", " : "", id, id + 1000);
		text_printf(&ranges, "%s@%d-%d-1", id > 0 ? "#" : "", id, id);
	}
	text_printf(&text,
		    "{'ociVersion': '1.3.0', 'root': {'path': '/r'}, 'linux': "
		    "{'namespaces': [{'type': 'mount'}, {'type': 'user'}], "
		    "'uidMappings': [%s], 'gidMappings': [%s]}, 'mounts': [",
		    maps.data, maps.data);
	for (int i = 0; i < 500; i++)
		text_printf(&text,
			    "%s{'destination': '/m', 'source': '/s', 'options': "
			    "['bind', 'idmap=uids=%s;gids=%s']}",
			    i > 0 ? ", " : "", ranges.data, ranges.data);
	text_add(&text, "]}");
	plan = ACCEPT(parse(text.data));
	cr_expect_eq(plan->mounts.items[499].gid_maps.items[339].host, 1339);
}

Test(bounds, takes_as_many_ranges_as_the_kernel)
{
	static const struct {
		int count;
		bool fine;
	} facts[] = { { 340, true }, { 341, false } };

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		struct text text = { .arena = &arena };
		const struct plan *plan;

		text_add(&text, "'mounts': [{'destination': '/m', 'source': '/s', "
				"'options': ['bind', 'idmap=gids=0-0-1;uids=0-0-1");
		for (int id = 1; id < facts[i].count; id++)
			text_printf(&text, "#%d-%d-1", id, id);
		text_add(&text, "']}]");
		plan = parse_top(text.data);
		cr_expect_eq(plan != NULL, facts[i].fine, "%s", err.text);
	}
	cr_expect_not_null(strstr(err.text, "/mounts/0/options/1: has more than 340 ranges"), "%s",
			   err.text);
}
