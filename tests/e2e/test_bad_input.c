/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/e2e/harness.h"
#include "tests/machine.h"

/*
 * What is refused, the words in which it is, and that nothing is left of it;
 * the last is checked behind every test (harness.h).  In what is expected, @
 * stands for the directory of the bundle.
 */

/* The pattern with @ filled in. */
static const char *filled(const struct bundle *b, const char *pattern)
{
	struct text text = { .arena = &e2e_arena };

	for (const char *p = pattern; *p; p++)
		if (*p == '@')
			text_add(&text, b->path);
		else
			text_add_bytes(&text, p, 1);
	return text.data;
}

static void expect_refusal(struct bundle *b, const char *says)
{
	struct output got;

	bundle_run(b, &got);
	cr_expect_eq(got.status, 1, "status %d: %s", got.status, got.err);
	cr_expect_str_eq(got.out, "");
	if (e2e_is_kist())
		cr_expect_str_eq(got.err, arena_printf(&e2e_arena, "kist: run %s: %s\n", b->id,
						       filled(b, says)));
}

E2E(bad_input, no_config)
{
	struct bundle *b = bundle_new();

	b->no_config = true;
	expect_refusal(b, "bundle @: open config.json: no such file or directory: make one with "
			  "\"kist spec\", or name the bundle with --bundle");
}

/* Nobody writes to it, and nobody may have to wait for that. */
E2E(bad_input, a_fifo_for_a_config)
{
	struct bundle *b = bundle_new();

	b->no_config = true;
	cr_assert_eq(mkfifo(arena_printf(&e2e_arena, "%s/config.json", b->path), 0600), 0);
	expect_refusal(b, "config.json:1:1: is not valid JSON: the file is empty");
}

/* Whole documents. */
static const struct { const char *text, *says; } documents[] = {
	{ "", "config.json:1:1: is not valid JSON: the file is empty" },
	{ "hello", "config.json:1:1: is not valid JSON: unexpected \"h\"" },
	{ "{'ociVersion': '1.0.2',}",
	  "config.json:1:24: is not valid JSON: a comma stands in front of \"}\"" },
	{ "{'ociVersion': '1.0.2'", "config.json:1:23: is not valid JSON: it ends too early" },
	{ "[]", "config.json:1:1: must be an object, not an array" },
	{ "{}", "config.json:1:1: /ociVersion: is required, but missing" },
	{ "{'ociVersion': '1.0.2', 'ociVersion': '1.0.2'}",
	  "config.json:1:25: /ociVersion: is there twice" },
};

E2E(bad_input, not_the_json_that_is_expected)
{
	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		struct bundle *b = bundle_new();

		b->config = edit_quotes(&e2e_arena, documents[i].text);
		expect_refusal(b, documents[i].says);
	}
}

/* One value of the default bundle replaced; NULL: taken out. */
static const struct { const char *pointer, *value, *says;
} values[] = {
	/* A wrong type at every level. */
	{ "/process", "7", "config.json:2:13: /process: must be an object, not the number 7" },
	{ "/process/args", "'sh'",
	  "config.json:3:60: /process/args: must be an array, not a string" },
	{ "/process/args/0", "true",
	  "config.json:3:61: /process/args/0: must be a string, not true" },
	{ "/process/user/uid", "'root'",
	  "config.json:3:38: /process/user/uid: must be an integer, not a string" },
	{ "/process/terminal", "'no'",
	  "config.json:3:15: /process/terminal: must be true or false, not a string" },
	{ "/process/rlimits/0/soft", "1.5",
	  "config.json:10:63: /process/rlimits/0/soft: must be an integer, not 1.5" },
	{ "/process/capabilities", "[]",
	  "config.json:6:19: /process/capabilities: must be an object, not an array" },
	{ "/root", "'rootfs'", "config.json:12:10: /root: must be an object, not a string" },
	{ "/mounts", "{}", "config.json:14:12: /mounts: must be an array, not an object" },
	{ "/mounts/0", "'proc'", "config.json:15:3: /mounts/0: must be an object, not a string" },
	{ "/mounts/1/options", "'nosuid'",
	  "config.json:17:15: /mounts/1/options: must be an array, not a string" },
	{ "/linux", "[]", "config.json:28:11: /linux: must be an object, not an array" },
	{ "/linux/namespaces/0", "'pid'",
	  "config.json:30:18: /linux/namespaces/0: must be an object, not a string" },
	{ "/linux/resources/memory", "{'limit': '1G'}",
	  "config.json:29:85: /linux/resources/memory/limit: must be an integer, not a string" },
	{ "/hostname", "{}", "config.json:13:14: /hostname: must be a string, not an object" },
	{ "/hostname", "'a\\u0000b'", "config.json:13:14: /hostname: holds a NUL (\\u0000)" },
	{ "/ociVersion", "'2.0.0'",
	  "config.json:1:16: /ociVersion: is version 2.0.0 of the OCI runtime spec, but kist "
	  "follows 1.x (up to 1.3.0)" },
	{ "/ociVersion", "'one'",
	  "config.json:1:16: /ociVersion: must be a version as \"1.3.0\", not \"one\"" },
	/* Out of range. */
	{ "/process/user/uid", "4294967295",
	  "config.json:3:38: /process/user/uid: must be from 0 to 4294967294, not 4294967295" },
	{ "/process/user/uid", "-1",
	  "config.json:3:38: /process/user/uid: must be from 0 to 4294967294, not -1" },
	{ "/process/oomScoreAdj", "1001",
	  "config.json:11:43: /process/oomScoreAdj: must be from -1000 to 1000, not 1001" },
	{ "/process/rlimits/0/soft", "18446744073709551616",
	  "config.json:10:63: /process/rlimits/0/soft: must be from 0 to 18446744073709551615, not "
	  "18446744073709551616" },
	{ "/process/rlimits/0/soft", "2000",
	  "config.json:10:15: /process/rlimits/0: the soft limit 2000 is above the hard limit "
	  "1024" },
	/* Words that are not known. */
	{ "/process/rlimits/0/type", "'RLIMIT_NOFLIE'",
	  "config.json:10:24: /process/rlimits/0/type: must be a resource limit of getrlimit(2), "
	  "not \"RLIMIT_NOFLIE\"; did you mean \"RLIMIT_NOFILE\"?" },
	{ "/linux/namespaces/1/type", "'net'",
	  "config.json:30:44: /linux/namespaces/1/type: must be a type of namespace, not \"net\"; "
	  "did you mean \"network\"?" },
	{ "/linux/rootfsPropagation", "'sideways'",
	  "config.json:35:117: /linux/rootfsPropagation: must be \"private\", \"slave\", "
	  "\"shared\" or \"unbindable\", not \"sideways\"" },
	{ "/linux/seccomp", "{'defaultAction': 'SCMP_ACT_MAYBE'}",
	  "config.json:35:125: /linux/seccomp/defaultAction: must be a seccomp action, not "
	  "\"SCMP_ACT_MAYBE\"" },
	/* Twice. */
	{ "/linux/namespaces/-", "{'type': 'pid'}",
	  "config.json:31:52: /linux/namespaces/6/type: is there twice: pid" },
	{ "/process/rlimits/-", "{'type': 'RLIMIT_NOFILE', 'soft': 1, 'hard': 1}",
	  "config.json:10:79: /process/rlimits/1/type: is there twice: RLIMIT_NOFILE" },
	/* A required property that is not there. */
	{ "/ociVersion", NULL, "config.json:1:1: /ociVersion: is required, but missing" },
	{ "/root", NULL, "config.json:1:1: /root: is required, but missing" },
	{ "/root/path", NULL, "config.json:12:10: /root/path: is required, but missing" },
	{ "/process/cwd", NULL, "config.json:2:13: /process/cwd: is required, but missing" },
	{ "/process/args", NULL, "config.json:2:13: /process/args: is required, but missing" },
	{ "/process/args", "[]",
	  "config.json:3:60: /process/args: must name a program, but is empty" },
	{ "/mounts/0/destination", NULL,
	  "config.json:15:3: /mounts/0/destination: is required, but missing" },
	{ "/process/rlimits/0/hard", NULL,
	  "config.json:10:15: /process/rlimits/0/hard: is required, but missing" },
	/* Files of the host and of the root. */
	{ "/root/path", "'no-such-root'",
	  "root @/no-such-root: open tree @/no-such-root: no such file or directory" },
	{ "/root/path", "'config.json'", "root @/config.json: not a directory" },
	{ "/process/cwd", "'relative'",
	  "config.json:5:10: /process/cwd: must be an absolute path, not \"relative\"" },
	{ "/process/args", "['/no-such-program']",
	  "exec: \"/no-such-program\": no such file or directory" },
	{ "/process/args", "['no-such-program']",
	  "exec: \"no-such-program\": executable file not found in $PATH" },
	{ "/process/args", "['/proc']", "exec: \"/proc\": is a directory: permission denied" },
	{ "/mounts/-", "{'destination': '/data', 'source': '/no/such/source', 'options': ['bind']}",
	  "/mounts/7 on /data: open tree /no/such/source: no such file or directory" },
	{ "/mounts/-", "{'destination': '/data', 'type': 'nofs', 'source': 'x'}",
	  "mount: /mounts/7 on /data: open file system type nofs: no such device: this kernel does "
	  "not have it" },
	/* Impossible together. */
	{ "/linux/namespaces/3", "{'type': 'user'}",
	  "config.json:13:14: /hostname: needs a uts namespace, or it would rename the host; add "
	  "{\"type\": \"uts\"} to /linux/namespaces" },
	{ "/linux/uidMappings", "[{'containerID': 0, 'hostID': 1000, 'size': 1}]",
	  "config.json:35:111: /linux/uidMappings: needs a user namespace; add {\"type\": "
	  "\"user\"} to /linux/namespaces" },
	{ "/linux/namespaces/1", "{'type': 'network', 'path': '/no/such/namespace'}",
	  "open network namespace /no/such/namespace: no such file or directory" },
	{ "/linux/sysctl", "{'kernel.panic': '1'}",
	  "config.json:35:123: /linux/sysctl/kernel.panic: is in no namespace: it would change the "
	  "host" },
	{ "/linux/sysctl", "{'net.ipv4.nope': '1'}",
	  "set kernel parameters: net.ipv4.nope: open /proc/sys/net/ipv4/nope: no such file or "
	  "directory: this kernel has none of that name in the container's namespaces" },
};

E2E(bad_input, one_wrong_value)
{
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		struct bundle *b = bundle_new();

		if (values[i].value)
			bundle_set(b, values[i].pointer, values[i].value);
		else
			bundle_unset(b, values[i].pointer);
		expect_refusal(b, values[i].says);
	}
}

/* Programs that are there but cannot be run. */
static const struct {
	const char *name;
	mode_t mode;
	char bytes[64];
	size_t size;
	const char *says;
} programs[] = {
	{ "not-executable", 0644, "#!/probe\n", 9, "exec: \"/not-executable\": permission denied" },
	{ "not-a-program", 0755, "hello\n", 6,
	  "start the program: exec /not-a-program: is neither an ELF program nor a script that "
	  "begins with \"#!\": exec format error" },
	{ "script", 0755, "#!/no/such/shell\n", 17,
	  "start the program: exec /script: its interpreter (\"#!\") /no/such/shell does not exist "
	  "in the root file system: no such file or directory" },
	/* An ELF header of another machine, 0x32, which nobody's binfmt_misc emulates. */
	{ "itanium", 0755, "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\x32\0\1\0\0\0", 64,
	  "start the program: exec /itanium: is built for ia64, and this machine is " MACHINE_NAME
	  ": exec format error" },
};

E2E(bad_input, program_that_cannot_be_run)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		struct bundle *b = bundle_new();

		bundle_bytes(b, programs[i].name, programs[i].mode, programs[i].bytes,
			     programs[i].size);
		bundle_args(b, arena_printf(&e2e_arena, "/%s", programs[i].name), NULL);
		expect_refusal(b, programs[i].says);
	}
}

E2E(bad_input, program_on_a_mount_with_noexec)
{
	struct bundle *b = bundle_new();

	bundle_set(b, "/mounts/-",
		   "{'destination': '/data', 'source': 'rootfs', 'type': 'bind',"
		   " 'options': ['bind', 'noexec']}");
	bundle_args(b, "/data/probe", NULL);
	expect_refusal(b, "start the program: exec /data/probe: its file system is mounted with "
			  "noexec: permission denied");
}

E2E(bad_input, program_without_its_interpreter)
{
	struct bundle *b = bundle_new();

	e2e_need_program("/bin/true");
	bundle_copy(b, "/bin/true", "/true");
	bundle_args(b, "/true", NULL);
	expect_refusal(b, "start the program: exec /true: its ELF interpreter " MACHINE_INTERPRETER
			  " does not exist in the root file system: no such file or directory");
}

E2E(bad_input, mapping_that_the_caller_may_not_make)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	e2e_need_program("/usr/bin/newuidmap");
	bundle_as_user(b, 65534);
	bundle_set(b, "/linux/uidMappings/0/hostID", "1000");
	bundle_run(b, &got);
	cr_expect_eq(got.status, 1);
	cr_expect_str_eq(got.out, "");
	/* Between the two stands what newuidmap says, which differs by version. */
	cr_expect(strstr(got.err, ": write uid_map: newuidmap: "), "%s", got.err);
	cr_expect(strstr(got.err, ": /etc/subuid must give this user uids 1000 to 1000: the line "
			 "\"65534:1000:1\" there does\n"), "%s", got.err);
}

E2E(bad_input, id_that_exists)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_probe_args(b, "sleep", "100000", NULL);
	bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	expect_refusal(b, "container with given ID already exists");
	bundle_destroy(b);
}

static const char *const ids[] = { "", ".", "..", "a/b", "a b", "a\nb", "caf\xc3\xa9" };

E2E(bad_input, id_that_is_none)
{
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		bundle_call(b, &got, "run", "--bundle", b->path, ids[i], NULL);
		cr_expect_eq(got.status, 1);
		cr_expect(strstr(got.err, "invalid container ID format"), "%s: %s", ids[i],
			  got.err);
	}
}

static const char *long_id(struct bundle *b, size_t length)
{
	char *id = arena_alloc(&e2e_arena, length + 1);

	memset(id, 'x', length);
	id[length] = '\0';
	memcpy(id, b->id, strlen(b->id));
	return id;
}

/* A file name has 255 bytes at most; while it is made, a container's begins with "~". */
E2E(bad_input, id_of_any_length)
{
	static const char *const verbs[] = { "start", "state", "exec", "kill", "delete" };

	for (int i = 0; i < 2; i++) {
		struct bundle *b = bundle_new();
		struct output got;

		if (i == 1)
			bundle_as_user(b, 65534);
		bundle_probe_args(b, "sleep", "100000", NULL);
		b->id = long_id(b, 255);
		bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
		cr_assert_eq(got.status, 0, "%s", got.err);
		for (size_t v = 0; v < ARRAY_SIZE(verbs); v++) {
			bool delete = strcmp(verbs[v], "delete") == 0;

			bundle_call(b, &got, verbs[v], delete ? "--force" : b->id,
				    delete		     ? b->id :
				    strcmp(verbs[v], "exec") ? NULL :
							       "/probe",
				    NULL);
			cr_expect_eq(got.status, 0, "%s: %s", verbs[v], got.err);
		}
		bundle_call(b, &got, "run", "--bundle", b->path, long_id(b, 256), NULL);
		cr_expect_eq(got.status, 1);
		if (e2e_is_kist())
			cr_expect(strstr(got.err, "invalid container ID format: 255 letters at "
						  "most"),
				  "%s", got.err);
	}
}

/* Not written to a directory whose path is the beginning of this one. */
E2E(bad_input, pid_file_whose_path_is_too_long)
{
	struct bundle *b = bundle_new();
	char path[PATH_MAX + 8];
	struct output got;

	snprintf(path, sizeof(path), "%s", b->dir);
	memset(path + strlen(path), '/', sizeof(path) - strlen(path));
	memcpy(path + sizeof(path) - 4, "pid", 4);
	bundle_call(b, &got, "create", "--bundle", b->path, "--pid-file", path, b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect(strstr(got.err, "write pid file"), "%s", got.err);
	cr_expect(strstr(got.err, "name too long"), "%s", got.err);
	cr_expect_neq(access(arena_printf(&e2e_arena, "%s/pid", b->dir), F_OK), 0);
}

/* Whether a dead kist left the container cannot be told: it stays, and gc says so. */
E2E(bad_input, journal_that_cannot_be_opened)
{
	struct bundle *b = bundle_new();
	const char *journal = arena_printf(&e2e_arena, "%s/%s/journal", b->state, b->id);
	const char *kept = arena_printf(&e2e_arena, "%s/journal", b->dir);
	struct output got;

	e2e_need_kist();
	bundle_probe_args(b, "sleep", "100000", NULL);
	bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	cr_assert_eq(link(journal, kept) == 0 && unlink(journal) == 0 && mkdir(journal, 0700) == 0,
		     true);
	bundle_call(b, &got, "gc", NULL);
	cr_expect_eq(got.status, 1);
	cr_expect(strstr(got.err, arena_printf(&e2e_arena, "journal of %s: is a directory", b->id)),
		  "%s", got.err);
	cr_assert_eq(rmdir(journal) == 0 && link(kept, journal) == 0, true);
	bundle_destroy(b);
}
