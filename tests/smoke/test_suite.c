/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "rootfs-tools/smoke/suite.h"

static struct arena arena;
static struct suite suite;
static suite_faults faults;
static struct error err;

static void finish(void)
{
	arena_free(&arena);
}
TestSuite(suite, .fini = finish);

static int parse(const char *name, const char *text)
{
	faults = (suite_faults){ 0 };
	return suite_parse(&arena, name, text, strlen(text), &suite, &faults, &err);
}

#define HEAD	"schemaVersion: '2.0.0'\n"

Test(suite, reads_what_container_structure_test_reads)
{
	static const char text[] = HEAD
		"globalEnvVars:\n  - key: A\n    value: 1\n"
		"commandTests:\n"
		"- name: go\n  setup: [[a, b], [c]]\n  command: go\n  args: [version, 2]\n"
		"  envVars: [{key: B, value: yes}]\n  expectedOutput: ['go1\\.\\d+']\n"
		"  excludedError: [x]\n  exitCode: 3\n  teardown: [[d]]\n"
		"fileExistenceTests:\n"
		"- {name: root, path: /, permissions: drwxr-xr-x, uid: -1, gid: 0}\n"
		"- {name: gone, path: /x, shouldExist: false, isExecutableBy: any}\n"
		"fileContentTests:\n"
		"- {name: c, path: /f, expectedContents: [a], excludedContents: [b]}\n"
		"metadataTest:\n  entrypoint: []\n  cmd: [sh]\n  exposedPorts: [80]\n"
		"  labels: [{key: k, value: v.*, isRegex: true}]\n"
		"licenseTests: [{debian: true, files: [/l]}]\n"
		"containerRunOptions: {user: root, privileged: yes, capabilities: [NET_ADMIN]}\n";

	cr_assert_eq(parse("s.yaml", text), 0, "%s", err.text);
	cr_expect_str_eq(suite.env.items[0].value, "1");
	cr_assert_eq(suite.commands.count, 1);
	cr_expect_str_eq(suite.commands.items[0].container.args.items[1], "2");
	cr_expect_str_eq(suite.commands.items[0].container.env.items[0].value, "yes");
	cr_expect_eq(suite.commands.items[0].container.exit_code.value, 3);
	cr_expect_str_eq(suite.commands.items[0].setup.items[0].items[1], "b");
	cr_expect(suite.existence.items[0].should_exist);
	cr_expect_not(suite.existence.items[0].uid.set);
	cr_expect(suite.existence.items[0].gid.set);
	cr_expect_not(suite.existence.items[1].should_exist);
	cr_expect(suite.metadata.has_entrypoint);
	cr_expect_eq(suite.metadata.entrypoint.count, 0);
	cr_expect_str_eq(suite.metadata.cmd.items[0], "sh");
	cr_expect_str_eq(suite.metadata.exposed.items[0], "80");
	cr_expect(suite.metadata.labels.items[0].is_regex);
	cr_expect(suite.licenses.items[0].debian);
	cr_expect(suite.run.privileged);
}

Test(suite, reads_json_and_what_kist_adds)
{
	static const char text[] =
		"{\"schemaVersion\": \"2.0.0\", \"serviceTests\": [{\"name\": \"web\",\n"
		"\"waitForPorts\": [80], \"waitForLog\": [\"ready\"], \"stopSignal\": \"USR1\",\n"
		"\"exitSignal\": \"TERM\", \"timeout\": \"1.5s\", \"maxMemory\": \"64M\",\n"
		"\"stopTimeout\": 2, \"maxStartTime\": \"300ms\",\n"
		"\"http\": [{\"port\": 80, \"status\": 204, \"headers\": [{\"key\": \"a\"}]}],\n"
		"\"sidecars\": [{\"name\": \"c\", \"command\": \"wget\"}]}]}";
	const struct suite_service *service;

	cr_assert_eq(parse("s.json", text), 0, "%s", err.text);
	service = &suite.services.items[0];
	cr_expect_eq(service->container.wait_ports.items[0].value, 80);
	cr_expect_eq(service->container.stop_signal, SIGUSR1);
	cr_expect_eq(service->container.exit_signal, SIGTERM);
	cr_expect_eq(service->container.timeout.value, 1500);
	cr_expect_eq(service->container.grace.value, 2000);
	cr_expect_eq(service->container.max_start.value, 300);
	cr_expect_eq(service->container.max_memory.value, 64 << 20);
	cr_expect_eq(service->http.items[0].status.value, 204);
	cr_expect_str_eq(service->sidecars.items[0].command, "wget");
}

Test(pattern, knows_letters_and_passes_over_other_bytes)
{
	static const struct {
		const char *pattern, *text;
		int found;
	} rows[] = {
		{ "^.$", "\xc3\xa4", 1 },
		{ "[\xc3\xa4]", "\xc3\xb6", 0 },
		{ "(?i)\xc3\xa4", "\xc3\x84", 1 },
		{ "^\\p{L}$", "\xc3\xa4", 1 },
		{ "\\x{20ac}", "\xe2\x82\xac", 1 },
		{ "ok$", "\xff\xc3 ok", 1 },
		{ "\xc3\xbf", "\xff", 0 },
		{ "^b", "a\nb", 0 },
		{ "b$", "b\n", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pattern pattern;

		cr_assert_eq(pattern_compile(&arena, rows[i].pattern, &pattern, &err), 0, "%s",
			     err.text);
		cr_expect_eq(pattern_search(&pattern, rows[i].text, strlen(rows[i].text), &err),
			     rows[i].found, "%s: %s", rows[i].pattern, rows[i].text);
	}
}

/* What the user sees; where in a pattern the fault is depends on the version of PCRE2. */
static const struct { const char *text; const char *fault; } wrong[] = {
	{ HEAD "commandTests:\n- name: a\n  comand: x\n  command: x\n",
	  "s.yaml:4:3: /commandTests/0/comand: is no property of a suite; did you mean "
	  "\"command\"?" },
	{ "commandTests: []\n", "s.yaml:1:1: /schemaVersion: is required, but missing" },
	{ "schemaVersion: 1.0.0\n", "s.yaml:1:16: /schemaVersion: must be 2.0.0, not \"1.0.0\"" },
	{ HEAD "commandTests:\n- {name: a}\n",
	  "s.yaml:3:3: /commandTests/0/command: is required, but missing" },
	{ HEAD "commandTests: {name: a}\n",
	  "s.yaml:2:15: /commandTests: must be an array, not an object" },
	{ HEAD "commandTests:\n- {name: a, command: b, expectedOutput: ['(x']}\n",
	  "s.yaml:3:42: /commandTests/0/expectedOutput/0: \"(x\" is no regular expression: missing "
	  "closing parenthesis" },
	{ HEAD "commandTests:\n- {name: a, command: b, exitCode: 256}\n",
	  "s.yaml:3:35: /commandTests/0/exitCode: must be a number from 0 to 255, not \"256\"" },
	{ HEAD "commandTests:\n- {name: a, command: b, timeout: fast}\n",
	  "s.yaml:3:34: /commandTests/0/timeout: must be a duration as 5s, 300ms or 2m, not "
	  "\"fast\"" },
	{ HEAD "commandTests:\n- {name: a, command: b, exitSignal: TREM}\n",
	  "s.yaml:3:37: /commandTests/0/exitSignal: must be a signal as TERM or SIGUSR1, not "
	  "\"TREM\"" },
	{ HEAD "commandTests:\n- {name: a, command: b, exitSignal: TERM, exitCode: 1}\n",
	  "s.yaml:3:37: /commandTests/0/exitSignal: excludes exitCode: it ends in one way" },
	{ HEAD "commandTests:\n- {name: a, command: b, setup: [[]]}\n",
	  "s.yaml:3:33: /commandTests/0/setup/0: must not be empty: a command and its arguments" },
	{ HEAD "fileExistenceTests:\n- {name: a, path: /, permissions: 755}\n",
	  "s.yaml:3:35: /fileExistenceTests/0/permissions: must be permissions as -rw-r--r-- or "
	  "drwxr-xr-x, not \"755\"" },
	{ HEAD "serviceTests:\n- {name: a, waitForPorts: [80, 0]}\n",
	  "s.yaml:3:32: /serviceTests/0/waitForPorts/1: must be a number from 1 to 65535, not "
	  "\"0\"" },
	{ HEAD "metadataTest: {labels: [{key: a, value: '[', isRegex: true}]}\n",
	  "s.yaml:2:41: /metadataTest/labels/0/value: \"[\" is no regular expression: missing "
	  "terminating ] for character class" },
	{ "schemaVersion: [2", "s.yaml:2:1: while parsing a flow sequence: did not find expected "
			       "',' or ']'" },
	{ HEAD "a: *x\n", "s.yaml:2:4: there is no anchor \"x\"" },
	{ HEAD HEAD, "s.yaml:2:1: the key \"schemaVersion\" comes twice" },
	{ "", "s.yaml: is empty" },
	{ HEAD "---\n" HEAD, "s.yaml:2:1: there is a second document in the file" },
	{ "\tx", "s.yaml:1:1: YAML is indented by blanks, not by tabs" },
};

Test(suite, may_begin_with_a_byte_order_mark)
{
	static const char *const texts[] = {
		"\xef\xbb\xbf" HEAD "metadataTest: {workdir: /}\n",
		"\xef\xbb\xbf{\"schemaVersion\": \"2.0.0\"}",
	};

	cr_expect_eq(parse("s.yaml", texts[0]), 0);
	cr_expect_eq(parse("s.json", texts[1]), 0);
	cr_expect_eq(faults.count, 0, "%s", faults.count > 0 ? faults.items[0] : "");
}

Test(suite, says_what_is_wrong_and_where)
{
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		cr_expect_eq(parse("s.yaml", wrong[i].text), -1, "%s", wrong[i].text);
		cr_assert_gt(faults.count, 0);
		cr_expect_eq(strncmp(faults.items[0], wrong[i].fault, strlen(wrong[i].fault)), 0,
			     "wanted: %s\ngot:    %s", wrong[i].fault, faults.items[0]);
	}
}

Test(suite, says_all_that_is_wrong_at_once)
{
	cr_expect_eq(parse("s.yaml", HEAD "comandTests: []\nmetadataTest: {usr: a}\n"), -1);
	cr_assert_eq(faults.count, 2);
	cr_expect_not_null(strstr(faults.items[0], "did you mean \"commandTests\"?"));
	cr_expect_not_null(strstr(faults.items[1], "did you mean \"user\"?"));
}

Test(suite, tells_json_from_yaml_by_its_name)
{
	cr_expect_eq(parse("s.json", HEAD), -1);
	cr_expect_eq(parse("s.yml", "{schemaVersion: 2.0.0}"), 0, "%s", err.text);
	cr_expect_eq(parse("x/s.json", "{\"schemaVersion\":\"2.0.0\",\n \"other\":[]}"), -1);
	cr_expect_str_eq(faults.items[0], "x/s.json:2:2: /other: is no property of a suite");
}
