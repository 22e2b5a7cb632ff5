/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "config/json.h"
#include "config/load.h"
#include "config/make.h"
#include "config/make_value.h"

static struct arena arena;
static struct error err;

static const struct json *made(const struct make_options *options)
{
	const char *text = config_make(&arena, options, &err);
	struct json_source source = { "made", text, text != NULL ? strlen(text) : 0 };
	const struct json *root;

	cr_assert_not_null(text, "%s", err.text);
	root = json_parse(&arena, &source, &err);
	cr_assert_not_null(root, "%s", err.text);
	return root;
}

/* "a b c" of an array of strings, or of the member "key" of an array of objects. */
static const char *joined(const struct json *array, const char *key)
{
	struct text out = { .arena = &arena };

	if (array == NULL)
		return "(none)";
	JSON_EACH(item, array) {
		const struct json *value = key != NULL ? json_member(item, key) : item;

		text_printf(&out, "%s%s", out.size > 0 ? " " : "",
			    value != NULL ? value->text : "-");
	}
	return out.size > 0 ? out.data : "";
}

static const char *value(const struct json *root, const char *pointer)
{
	const struct json *found = json_find(root, pointer);

	if (found == NULL)
		return "(none)";
	if (found->type == JSON_BOOL)
		return found->truth ? "true" : "false";
	return found->type == JSON_ARRAY ? joined(found, NULL) : found->text;
}

struct fact { const char *pointer, *says; };

static void expect_facts(const struct json *root, const struct fact *facts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		cr_expect_str_eq(value(root, facts[i].pointer), facts[i].says, "%s: %s",
				 facts[i].pointer, value(root, facts[i].pointer));
}

/* What "runc spec" of runc 1.1.5 prints, taken down value by value; capabilities in their order. */
#define CAPABILITIES	"CAP_KILL CAP_NET_BIND_SERVICE CAP_AUDIT_WRITE"
static const struct fact runc_facts[] = {
	{ "/process/terminal", "true" },
	{ "/process/user/uid", "0" },
	{ "/process/user/gid", "0" },
	{ "/process/args", "sh" },
	{ "/process/env",
	  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=xterm" },
	{ "/process/cwd", "/" },
	{ "/process/capabilities/bounding", CAPABILITIES },
	{ "/process/capabilities/effective", CAPABILITIES },
	{ "/process/capabilities/permitted", CAPABILITIES },
	{ "/process/capabilities/ambient", "(none)" },
	{ "/process/capabilities/inheritable", "(none)" },
	{ "/process/rlimits/0/type", "RLIMIT_NOFILE" },
	{ "/process/rlimits/0/hard", "1024" },
	{ "/process/rlimits/0/soft", "1024" },
	{ "/process/rlimits/1", "(none)" },
	{ "/process/noNewPrivileges", "true" },
	{ "/root/path", "rootfs" },
	{ "/root/readonly", "true" },
	{ "/mounts/0/destination", "/proc" },
	{ "/mounts/0/type", "proc" },
	{ "/mounts/0/options", "(none)" },
	{ "/mounts/1/destination", "/dev" },
	{ "/mounts/1/options", "nosuid strictatime mode=755 size=65536k" },
	{ "/mounts/3/destination", "/dev/shm" },
	{ "/mounts/3/source", "shm" },
	{ "/mounts/3/options", "nosuid noexec nodev mode=1777 size=65536k" },
	{ "/mounts/4/destination", "/dev/mqueue" },
	{ "/mounts/4/options", "nosuid noexec nodev" },
	{ "/mounts/6/destination", "/sys/fs/cgroup" },
	{ "/mounts/6/options", "nosuid noexec nodev relatime ro" },
	{ "/mounts/7", "(none)" },
	{ "/linux/maskedPaths",
	  "/proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats "
	  "/proc/timer_list /proc/timer_stats /proc/sched_debug /sys/firmware /proc/scsi" },
	{ "/linux/readonlyPaths", "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger" },
};

Test(make, says_what_runc_spec_says)
{
	static const struct fact privileged[] = {
		{ "/mounts/2/destination", "/dev/pts" },
		{ "/mounts/2/options",
		  "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5" },
		{ "/mounts/5/destination", "/sys" },
		{ "/mounts/5/type", "sysfs" },
		{ "/mounts/5/options", "nosuid noexec nodev ro" },
		{ "/linux/resources/devices/0/allow", "false" },
		{ "/linux/resources/devices/0/access", "rwm" },
		{ "/linux/resources/devices/1", "(none)" },
		{ "/linux/uidMappings", "(none)" },
	};
	const struct json *root = made(&MAKE_OPTIONS_SPEC);

	expect_facts(root, runc_facts, ARRAY_SIZE(runc_facts));
	expect_facts(root, privileged, ARRAY_SIZE(privileged));
	cr_expect_str_eq(joined(json_find(root, "/linux/namespaces"), "type"),
			 "pid network ipc uts mount");
}

Test(make, says_what_runc_spec_rootless_says)
{
	const struct fact rootless[] = {
		{ "/mounts/2/options", "nosuid noexec newinstance ptmxmode=0666 mode=0620" },
		{ "/mounts/5/destination", "/sys" },
		{ "/mounts/5/type", "none" },
		{ "/mounts/5/source", "/sys" },
		{ "/mounts/5/options", "rbind nosuid noexec nodev ro" },
		{ "/linux/resources", "(none)" },
		{ "/linux/uidMappings/0/containerID", "0" },
		{ "/linux/uidMappings/0/hostID", arena_printf(&arena, "%u", geteuid()) },
		{ "/linux/uidMappings/0/size", "1" },
		{ "/linux/gidMappings/0/hostID", arena_printf(&arena, "%u", getegid()) },
	};
	struct make_options options = MAKE_OPTIONS_SPEC;
	const struct json *root;

	options.rootless = true;
	root = made(&options);
	expect_facts(root, runc_facts, ARRAY_SIZE(runc_facts));
	expect_facts(root, rootless, ARRAY_SIZE(rootless));
	cr_expect_str_eq(joined(json_find(root, "/linux/namespaces"), "type"),
			 "pid ipc uts mount user");
}

/* Whatever is made must be taken, by the loader that will see it. */
Test(make, makes_what_the_loader_takes)
{
	for (unsigned int i = 0; i < 16; i++) {
		struct make_options options = MAKE_OPTIONS_SPEC;
		const char *text;

		options.rootless = i & 1;
		options.net = i & 2 ? MAKE_NET_HOST : MAKE_NET_PRIVATE;
		options.cgroup_namespace = i & 4;
		options.memory = i & 8 ? "64M" : NULL;
		options.cpus = i & 8 ? "0.5" : NULL;
		text = config_make(&arena, &options, &err);
		cr_assert_not_null(text, "%s", err.text);
		cr_expect_not_null(plan_parse(&arena, "/b", "made", text, strlen(text), &err),
				   "%u: %s", i, err.text);
	}
}

#define WORDS(...)	{ (const char *[]){ __VA_ARGS__ }, \
			  ARRAY_SIZE(((const char *[]){ __VA_ARGS__ })) }

Test(make, takes_every_flag)
{
	const struct make_options options = {
		.rootfs = "/srv/\"root\"",
		.hostname = "web",
		.domainname = "lan",
		.cwd = "/srv",
		.user = "1000:100",
		.args = WORDS("a", "b c"),
		.env = WORDS("TERM=vt100", "A=1", "A=2", "KIST_TEST_OWN", "KIST_TEST_NONE"),
		.mounts = WORDS("/etc/hosts:/etc/hosts:ro",
				"type=tmpfs,destination=/t,options=ro:size=1m",
				"type=bind,src=/a,dst=/b,readonly"),
		.tmpfs = WORDS("/run:size=1m,mode=755"),
		.cap_drop = WORDS("all"),
		.cap_add = WORDS("net_admin", "CAP_CHOWN"),
		.annotations = WORDS("k=v=w"),
		.init = "never", .memory = "1G", .cpus = "1.5", .pids = "10",
		.net = MAKE_NET_HOST,
		.new_privileges = true,
		.cgroup_namespace = true,
	};
	static const struct fact facts[] = {
		{ "/root/path", "/srv/\"root\"" },
		{ "/root/readonly", "false" },
		{ "/hostname", "web" },
		{ "/domainname", "lan" },
		{ "/process/cwd", "/srv" },
		{ "/process/terminal", "false" },
		{ "/process/args/1", "b c" },
		{ "/process/user/uid", "1000" },
		{ "/process/user/gid", "100" },
		{ "/process/env",
		  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
		  "TERM=vt100 A=2 KIST_TEST_OWN=own" },
		{ "/process/capabilities/bounding", "CAP_CHOWN CAP_NET_ADMIN" },
		{ "/process/capabilities/inheritable", "CAP_CHOWN CAP_NET_ADMIN" },
		{ "/process/capabilities/ambient", "CAP_CHOWN CAP_NET_ADMIN" },
		{ "/process/noNewPrivileges", "false" },
		{ "/mounts/7/destination", "/run" },
		{ "/mounts/7/options", "nosuid nodev size=1m mode=755" },
		{ "/mounts/8/source", "/etc/hosts" },
		{ "/mounts/8/options", "ro rbind" },
		{ "/mounts/9/type", "tmpfs" },
		{ "/mounts/9/options", "ro size=1m" },
		{ "/mounts/10/source", "/a" },
		{ "/mounts/10/options", "ro rbind" },
		{ "/annotations/org.kist.init", "never" },
		{ "/annotations/k", "v=w" },
		{ "/linux/resources/memory/limit", "1073741824" },
		{ "/linux/resources/cpu/quota", "150000" },
		{ "/linux/resources/cpu/period", "100000" },
		{ "/linux/resources/pids/limit", "10" },
	};
	const struct json *root;

	setenv("KIST_TEST_OWN", "own", 1);
	root = made(&options);
	expect_facts(root, facts, ARRAY_SIZE(facts));
	cr_expect_str_eq(joined(json_find(root, "/linux/namespaces"), "type"),
			 "pid ipc uts mount cgroup");
}

Test(make, takes_devices_and_limits_of_the_kernel)
{
	const struct make_options options = {
		.group_add = WORDS("7", "8"),
		.devices = WORDS("/dev/null:/dev/nothing:rw", "/dev/zero"),
		.sysctls = WORDS("net.ipv4.ip_forward=1"),
		.ulimits = WORDS("core=0:-1", "NOFILE=99"),
	};
	static const struct fact facts[] = {
		{ "/process/user/additionalGids", "7 8" },
		{ "/process/rlimits/0/type", "RLIMIT_CORE" },
		{ "/process/rlimits/0/soft", "0" },
		{ "/process/rlimits/0/hard", "18446744073709551615" },
		{ "/process/rlimits/1/type", "RLIMIT_NOFILE" },
		{ "/process/rlimits/1/hard", "99" },
		{ "/process/rlimits/2/type", "(none)" },
		{ "/linux/sysctl/net.ipv4.ip_forward", "1" },
		{ "/linux/devices/0/path", "/dev/nothing" },
		{ "/linux/devices/0/type", "c" },
		{ "/linux/devices/0/minor", "3" },
		{ "/linux/devices/0/fileMode", "438" },
		{ "/linux/devices/0/uid", "0" },
		{ "/linux/devices/1/path", "/dev/zero" },
		{ "/linux/resources/devices/0/allow", "false" },
		{ "/linux/resources/devices/1/allow", "true" },
		{ "/linux/resources/devices/1/major", "1" },
		{ "/linux/resources/devices/1/minor", "3" },
		{ "/linux/resources/devices/1/access", "rw" },
		{ "/linux/resources/devices/2/access", "rwm" },
	};

	expect_facts(made(&options), facts, ARRAY_SIZE(facts));
}

Test(make, binds_devices_for_an_ordinary_user)
{
	const struct make_options options = {
		.rootless = true,
		.devices = WORDS("/dev/null:/dev/nothing:r"),
	};
	static const struct fact facts[] = {
		{ "/mounts/7/destination", "/dev/nothing" },
		{ "/mounts/7/type", "bind" },
		{ "/mounts/7/source", "/dev/null" },
		{ "/mounts/7/options", "bind nosuid noexec" },
		{ "/linux/devices", "(none)" },
	};

	expect_facts(made(&options), facts, ARRAY_SIZE(facts));
}

Test(make, takes_variables_from_files)
{
	static const char lines[] = "# no\n\n  A=1\nB = x y \r\nKIST_TEST_OWN\nKIST_TEST_NONE\n"
				    "TERM=tty\nC==";
	char path[] = "/tmp/kist-env-XXXXXX";
	int fd = mkstemp(path);
	struct make_options options = { .env_files = WORDS(path), .env = WORDS("C=d") };
	const char *failed;

	setenv("KIST_TEST_OWN", "own", 1);
	cr_assert_eq(write(fd, lines, sizeof(lines) - 1), (ssize_t)sizeof(lines) - 1);
	cr_expect_str_eq(value(made(&options), "/process/env"),
			 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
			 "TERM=tty A=1 B = x y  KIST_TEST_OWN=own C=d");
	cr_assert(pwrite(fd, "=", 1, 6) == 1);
	failed = config_make(&arena, &options, &err);
	close(fd);
	unlink(path);
	cr_expect_null(failed);
	cr_expect_str_eq(err.text, arena_printf(&arena, "--env-file: %s:3: must be NAME=VALUE or "
						"NAME", path));
}

Test(make, takes_a_path_with_an_equals_sign)
{
	const struct make_options options = { .mounts = WORDS("/x=y:/c", "./a=b:/d") };
	char cwd[4096];
	const struct fact facts[] = {
		{ "/mounts/7/source", "/x=y" },
		{ "/mounts/7/destination", "/c" },
		{ "/mounts/8/source", arena_printf(&arena, "%s/./a=b", getcwd(cwd, sizeof(cwd))) },
		{ "/mounts/8/destination", "/d" },
	};

	expect_facts(made(&options), facts, ARRAY_SIZE(facts));
}

#define ULIMIT(text)	"--ulimit " text ": must be NAME=SOFT[:HARD], as in nofile=1024:4096; " \
			"-1: no limit"
#define DEVICE(text)	"--device " text ": must be PATH[:TARGET][:ACCESS], as in " \
			"/dev/sdb:/dev/disk:r"

Test(make, names_the_flag_that_is_wrong)
{
	const struct { struct make_options options; const char *says;
	} facts[] = {
		{ { .user = "root" }, "--user root: must be UID or UID:GID, in numbers" },
		{ { .user = "4294967295" },
		  "--user 4294967295: must be UID or UID:GID, in numbers" },
		{ { .memory = "lots" }, "--memory lots: must be a size as 512M or 2G" },
		{ { .cpus = "0" }, "--cpus 0: must be a number as 2 or 1.5, from 0.01 on" },
		{ { .pids = "-2" }, "--pids -2: must be a number, or -1 for no limit" },
		{ { .cap_add = WORDS("FLY") }, "--cap-add FLY: no such capability" },
		{ { .cap_drop = WORDS("") }, "--cap-drop : no such capability" },
		{ { .env = WORDS("=x") }, "--env =x: must be NAME=VALUE or NAME" },
		{ { .env_files = WORDS("/proc/none") },
		  "--env-file: open /proc/none: no such file or directory" },
		{ { .annotations = WORDS("x") }, "--annotation x: must be KEY=VALUE" },
		{ { .tmpfs = WORDS("run") }, "--tmpfs run: needs an absolute path" },
		{ { .group_add = WORDS("wheel") }, "--group-add wheel: must be a GID, in numbers" },
		{ { .sysctls = WORDS("a") }, "--sysctl a: must be KEY=VALUE" },
		{ { .ulimits = WORDS("nofile") }, ULIMIT("nofile") },
		{ { .ulimits = WORDS("files=1") }, ULIMIT("files=1") },
		{ { .ulimits = WORDS("nofile=1:x") }, ULIMIT("nofile=1:x") },
		{ { .ulimits = WORDS("nofile=1:2:3") }, ULIMIT("nofile=1:2:3") },
		{ { .devices = WORDS("null") }, DEVICE("null") },
		{ { .devices = WORDS("/dev/null:x") }, DEVICE("/dev/null:x") },
		{ { .devices = WORDS("/dev/null:/dev/n:") }, DEVICE("/dev/null:/dev/n:") },
		{ { .devices = WORDS("/dev/null:r:/dev/n") }, DEVICE("/dev/null:r:/dev/n") },
		{ { .devices = WORDS("/dev") }, "--device /dev: /dev is no device" },
		{ { .devices = WORDS("/dev/not:r") },
		  "--device /dev/not:r: no such file or directory" },
		{ { .mounts = WORDS("/a:b") },
		  "--mount /a:b: needs an absolute destination, as in "
		  "SOURCE:DESTINATION[:OPTIONS]" },
		{ { .mounts = WORDS("type=bind,destination=/b") },
		  "--mount type=bind,destination=/b: needs a source to bind" },
		{ { .mounts = WORDS("/a:/b:r0") },
		  "--mount /a:/b:r0: \"r0\" is no option of a bind mount" },
		{ { .mounts = WORDS("type=bind,where=/b") },
		  "--mount type=bind,where=/b: where=/b is "
		  "not known: type, source, destination and options are" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		cr_expect_null(config_make(&arena, &facts[i].options, &err), "%s", facts[i].says);
		cr_expect_str_eq(err.text, facts[i].says);
	}
}

Test(make, reads_sizes_and_processors)
{
	static const struct { const char *text; int64_t size; } sizes[] = {
		{ "1", 1 }, { "1k", 1024 }, { "1KB", 1024 }, { "1KiB", 1024 }, { "2M", 2 << 20 },
		{ "1g", 1 << 30 }, { "1T", 1LL << 40 }, { "-1", -1 }, { "5b", 5 },
		{ "0", 0 }, { "", 0 }, { "1x", 0 }, { "1kk", 0 }, { "9999999999G", 0 }, { "-2", 0 },
	};
	static const struct { const char *text; uint64_t quota; } cpus[] = {
		{ "1", 100000 }, { "0.5", 50000 }, { ".25", 25000 }, { "2.", 200000 },
		{ "0.01", 1000 }, { "0.001", 0 }, { "", 0 }, { ".", 0 }, { "1.5x", 0 }, { "x", 0 },
	};
	int64_t size;
	uint64_t quota;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		cr_expect_eq(size_parse(sizes[i].text, &size) ? size : 0, sizes[i].size, "%s",
			     sizes[i].text);
	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++)
		cr_expect_eq(cpus_parse(cpus[i].text, CPU_PERIOD, &quota) ? quota : 0,
			     cpus[i].quota, "%s", cpus[i].text);
}
