/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "config/lint.h"
#include "config/load.h"

static char bundle[64];
static int bundle_fd = -EBADF;
static struct arena arena;
static struct error err;

static void make_file(const char *path, const char *text, mode_t mode)
{
	_cleanup_fd int fd =
		openat(bundle_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	cr_assert(fd >= 0, "%s", path);
	cr_assert_eq(fd_write_all(fd, text, strlen(text)), 0);
	cr_assert_eq(fchmod(fd, mode), 0);
}

static void make_bundle(void)
{
	snprintf(bundle, sizeof(bundle), "/tmp/kist-test-lint.XXXXXX");
	cr_assert_not_null(mkdtemp(bundle));
	/* Compiled filters of other users stay where they are. */
	unsetenv("XDG_RUNTIME_DIR");
	bundle_fd = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	mkdirat(bundle_fd, "root", 0755);
	mkdirat(bundle_fd, "root/bin", 0755);
	make_file("root/bin/orphan", "#!/usr/bin/python3\n", 0755);
	make_file("root/bin/flat", "#!/usr/bin/python3\n", 0644);
	make_file("hook", "#!/bin/sh\n", 0644);
	make_file("file", "", 0644);
}

static void remove_bundle(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", bundle, NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	fd_close(&bundle_fd);
}

TestSuite(lint, .init = make_bundle, .fini = remove_bundle);

/* ' stands for ", and @ for the bundle. */
static const char *written(const char *text)
{
	struct text out = { .arena = &arena };

	for (const char *at = text; *at != '\0'; at++)
		if (*at == '@')
			text_add(&out, bundle);
		else
			text_add_bytes(&out, *at == '\'' ? "\"" : at, 1);
	return out.data;
}

static const char *const severity_names[] = { "note", "warning", "error" };

/* Whether that finding is among those of the configuration, with the severity in front. */
static bool finds(const char *config, int cgroup_version, const char *says)
{
	struct diagnosis diagnosis = { 0 };
	const struct plan *plan = NULL;
	bool found = false;

	make_file("config.json", written(config), 0644);
	cr_assert_eq(plan_diagnose(&arena, bundle, NULL, &diagnosis, &plan, &err), 0, "%s",
		     err.text);
	if (plan != NULL)
		plan_lint(&arena, plan, cgroup_version, &diagnosis);
	LIST_EACH(finding, diagnosis.findings) {
		const char *text = arena_printf(&arena, "%s: %s", severity_names[finding->severity],
						finding->text);

		if (strcmp(text, written(says)) == 0)
			found = true;
	}
	return found;
}

#define CONFIG(args, linux, rest) \
	"{'ociVersion':'1.3.0','root':{'path':'root'},\n" \
	"'process':{'cwd':'/','user':{'uid':0,'gid':0},'env':['PATH=/bin'],'args':[" args "]},\n" \
	"'linux':{'namespaces':[{'type':'mount'}" linux "}\n" rest "}"

#define USERNS_CONFIG(ids)                                                                  \
	"{'ociVersion':'1.3.0','root':{'path':'root'},'process':{'cwd':'/','args':['x'],\n" \
	"'user':{" ids ",'additionalGids':[4,5]}},\n"                                       \
	"'linux':{'namespaces':[{'type':'user'}],"                                          \
	"'uidMappings':[{'containerID':0,'hostID':0,'size':5}],"                            \
	"'gidMappings':[{'containerID':0,'hostID':0,'size':5}]}}"

static const struct {
	const char *config;
	int cgroup_version;
	const char *says;
} facts[] = {
	{ CONFIG("'nope'", "]", ""), 1,
	  "error: config.json:2:75: /process/args/0: exec: 'nope': "
	  "executable file not found in $PATH" },
	{ CONFIG("'nope'", "]",
		 ",'mounts':[{'destination':'/usr','source':'/usr','type':'bind',"
		 "'options':['bind']}]"),
	  1,
	  "warning: config.json:2:75: /process/args/0: exec: 'nope': "
	  "executable file not found in $PATH" },
	{ CONFIG("'flat'", "]", ""), 1,
	  "error: config.json:2:75: /process/args/0: exec: 'flat': "
	  "permission denied" },
	{ CONFIG("'orphan'", "]", ""), 1,
	  "error: config.json:2:75: /process/args/0: /bin/orphan: its "
	  "interpreter ('#!') /usr/bin/python3 does not exist in the root file system: no such "
	  "file "
	  "or directory" },
	{ CONFIG("'x'", "]", ",'mounts':[{'destination':'/a','source':'none','options':['bind']}]"),
	  1, "error: config.json:4:41: /mounts/0/source: @/none: no such file or directory" },
	{ CONFIG("'x'", "]", ",'hooks':{'createRuntime':[{'path':'/nope'}]}"), 1,
	  "error: config.json:4:36: /hooks/createRuntime/0/path: exec: '/nope': no such file or "
	  "directory" },
	{ CONFIG("'x'", "]", ",'hooks':{'poststop':[{'path':'@/hook'}]}"), 1,
	  "error: config.json:4:31: /hooks/poststop/0/path: exec: '@/hook': permission denied" },
	{ CONFIG("'x'", "],'resources':{'unified':{'memory.high':'5'}}", ""), 1,
	  "error: config.json:3:80: /linux/resources/unified/memory.high: needs cgroup v2, and "
	  "this "
	  "host has v1" },
	{ CONFIG("'x'", "],'resources':{'memory':{'swappiness':5}}", ""), 2,
	  "error: config.json:3:78: /linux/resources/memory/swappiness: needs cgroup v1, and this "
	  "host has v2" },
	{ CONFIG("'x'", "],'resources':{'pids':{'limit':5}}", ""), 0,
	  "error: config.json:3:54: /linux/resources: this host has no cgroups at /sys/fs/cgroup" },
	{ CONFIG("'x'", ",{'type':'network','path':'@/none'}]", ""), 1,
	  "error: config.json:3:41: /linux/namespaces/1: @/none: no such file or directory" },
	{ CONFIG("'x'",
		 ",{'type':'user'}],'uidMappings':[{'containerID':1,'hostID':0,'size':9}],"
		 "'gidMappings':[{'containerID':0,'hostID':0,'size':1}]",
		 ""),
	  1,
	  "error: config.json:2:36: /process/user/uid: 0 is not in the user namespace: see "
	  "/linux/uidMappings" },
	{ USERNS_CONFIG("'uid':4,'gid':5"), 1,
	  "error: config.json:2:23: /process/user/gid: 5 is not in the user namespace: see "
	  "/linux/gidMappings" },
	{ USERNS_CONFIG("'uid':4,'gid':4"), 1,
	  "error: config.json:2:45: /process/user/additionalGids/1: 5 is not in the user "
	  "namespace: see /linux/gidMappings" },
	{ CONFIG("'x'", "],'resources':{'memory':{'swap':5}}", ""), 1,
	  "error: config.json:3:72: /linux/resources/memory/swap: is the sum of memory and swap, "
	  "and needs memory/limit beside it" },
	{ CONFIG("'x'", "],'resources':{'memory':{'swap':5}}", ""), 2,
	  "error: config.json:3:72: /linux/resources/memory/swap: is the sum of memory and swap, "
	  "and needs memory/limit beside it" },
	{ CONFIG("'x'",
		 "],'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['fchomd'],"
		 "'action':'SCMP_ACT_ERRNO'}]}",
		 ""),
	  1,
	  "warning: config.json:3:108: /linux/seccomp/syscalls/0/names/0: libseccomp knows no "
	  "system "
	  "call 'fchomd'; did you mean 'fchmod'?" },
	{ CONFIG("'x'",
		 "],'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['mkdir'],"
		 "'action':'SCMP_ACT_NOTIFY'}]}",
		 ""),
	  1,
	  "error: config.json:3:52: /linux/seccomp: has SCMP_ACT_NOTIFY, and needs listenerPath" },
};

Test(lint, finds_what_would_fail_at_the_start)
{
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		cr_expect(finds(facts[i].config, facts[i].cgroup_version, facts[i].says),
			  "not found: %s", facts[i].says);
}

/* The message has the host's time in it. */
Test(lint, finds_clocks_that_cannot_be_set)
{
	static const struct {
		const char *offsets;
		size_t count;
	} rows[] = {
		{ "'monotonic':{'secs':0}", 0 },
		{ "'monotonic':{'secs':-4611686018},'boottime':{'secs':4611686018}", 2 },
		{ "'boottime':{'secs':-4611686018}", 1 },
		{ "'boottime':{'secs':1000000000}", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct diagnosis diagnosis = { 0 };
		const struct plan *plan = NULL;

		make_file("config.json",
			  written(arena_printf(&arena,
					       "{'ociVersion':'1.3.0','root':{'path':'/'},'linux':"
					       "{'namespaces':[{'type':'mount'},{'type':'time'}],"
					       "'timeOffsets':{%s}}}",
					       rows[i].offsets)),
			  0644);
		cr_assert_eq(plan_diagnose(&arena, bundle, NULL, &diagnosis, &plan, &err), 0);
		cr_assert_not_null(plan);
		plan_lint(&arena, plan, 1, &diagnosis);
		cr_expect_eq(diagnosis.findings.count, rows[i].count, "%s", rows[i].offsets);
		LIST_EACH(finding, diagnosis.findings)
			cr_expect_not_null(strstr(finding->text, "cannot be set: this host's"),
					   "%s", finding->text);
	}
}

Test(lint, tells_a_missing_root_from_a_file)
{
	cr_expect(finds("{'ociVersion':'1.3.0','root':{'path':'none'},'linux':{'namespaces':"
			"[{'type':'mount'}]}}",
			1,
			"error: config.json:1:38: /root/path: @/none: no such file or directory"));
	cr_expect(finds(
		"{'ociVersion':'1.3.0','root':{'path':'file'},'linux':{'namespaces':"
		"[{'type':'mount'}]}}",
		1,
		"error: config.json:1:38: /root/path: @/file: is a file, and must be a directory"));
}

Test(lint, has_nothing_to_say_about_a_good_bundle)
{
	struct diagnosis diagnosis = { 0 };
	const struct plan *plan = NULL;

	make_file(
		"config.json",
		written("{'ociVersion':'1.3.0','root':{'path':'/'},'process':{"
			"'cwd':'/','user':{'uid':0,'gid':0},'args':['/bin/true']},'mounts':["
			"{'destination':'/p','type':'proc','source':'none'},{'destination':'/q',"
			"'source':'none','options':['bind','remount','ro']}],'linux':{'namespaces':"
			"[{'type':'mount'},{'type':'pid'}]}}"),
		0644);
	cr_assert_eq(plan_diagnose(&arena, bundle, NULL, &diagnosis, &plan, &err), 0);
	cr_assert_not_null(plan);
	plan_lint(&arena, plan, 1, &diagnosis);
	LIST_EACH(finding, diagnosis.findings)
		cr_expect(false, "%s", finding->text);
}

Test(lint, knows_the_lines_of_a_file_that_lies_elsewhere)
{
	struct diagnosis diagnosis = { 0 };
	const struct plan *plan = NULL;

	make_file("other.json",
		  written("{'ociVersion':'1.3.0','root':{'path':'/nowhere'},"
			  "'linux':{'namespaces':[{'type':'mount'}]}}"),
		  0644);
	cr_assert_eq(chdir(bundle), 0);
	cr_assert_eq(plan_diagnose(&arena, "/proc", "other.json", &diagnosis, &plan, &err), 0);
	cr_assert_not_null(plan);
	plan_lint(&arena, plan, 1, &diagnosis);
	cr_assert_eq(diagnosis.findings.count, 1);
	cr_expect_str_eq(diagnosis.findings.items[0].text, "other.json:1:38: /root/path: "
							   "/nowhere: no such file or directory");
}
