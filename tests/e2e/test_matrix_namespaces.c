/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/e2e/matrix.h"

/* Containers in each other's namespaces, devices of the network, hooks, devices. */

static const struct {
	const char *type, *file;
	const char *drop;	/* what the configuration may not have beside it */
} types[] = {
	{ "pid", "pid", NULL }, { "network", "net", NULL }, { "ipc", "ipc", NULL },
	{ "uts", "uts", "/hostname" }, { "cgroup", "cgroup", NULL }, { "time", "time", NULL },
	{ "user", "user", NULL }, { "mount", "mnt", NULL },
};

/* A kind of namespace that is in kist's table alone has no row here, and fails this. */
E2E(matrix_namespaces, each_of_features_is_tried_here)
{
	struct bundle *b = bundle_new();
	const struct json *list = json_find(matrix_features(b), "/linux/namespaces");

	cr_expect_eq(list->count, ARRAY_SIZE(types));
	JSON_EACH(item, list) {
		size_t i = 0;

		while (i < ARRAY_SIZE(types) && strcmp(types[i].type, item->text) != 0)
			i++;
		cr_expect_lt(i, ARRAY_SIZE(types), "%s", item->text);
	}
}

static const char *namespace_of(pid_t pid, const char *file)
{
	char target[64] = "";

	if (readlink(arena_printf(&e2e_arena, "/proc/%d/ns/%s", (int)pid, file), target,
		     sizeof(target) - 1) < 0)
		return "";
	return arena_strdup(&e2e_arena, target);
}

static void with_user(struct bundle *b)
{
	static const char map[] = "[{'containerID': 0, 'hostID': 100000, 'size': 65536}]";

	bundle_set(b, "/linux/uidMappings", map);
	bundle_set(b, "/linux/gidMappings", map);
	cr_assert_eq(chown(b->rootfs, 100000, 100000), 0);
}

/* In the place of the one of that type, or behind the others. */
static void join(struct bundle *b, const char *type, pid_t pid, const char *file)
{
	static const char *const listed[] = { "pid", "network", "ipc", "uts", "mount", "cgroup" };
	const char *value = arena_printf(&e2e_arena, "{'type': '%s', 'path': '/proc/%d/ns/%s'}",
					 type, (int)pid, file);
	size_t i = 0;

	while (i < ARRAY_SIZE(listed) && strcmp(listed[i], type) != 0)
		i++;
	bundle_set(b, i < ARRAY_SIZE(listed) ?
		   arena_printf(&e2e_arena, "/linux/namespaces/%zu", i) : "/linux/namespaces/-",
		   value);
}

/* Two containers, the second in one namespace of the first; a third in that of the second. */
E2E(matrix_namespaces, two_containers_share_one_of_each_type)
{
	/* What is emulated takes its time. */
	const size_t count = getenv("KIST_GUEST") != NULL ? 2 : 3;

	e2e_need_root();
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct bundle *all[3] = { bundle_new(), bundle_new(), bundle_new() };
		const char *file = types[i].file, *shared;
		pid_t pid;

		if (access(arena_printf(&e2e_arena, "/proc/self/ns/%s", file), F_OK) < 0 ||
		    strcmp(file, "mnt") == 0)
			continue;
		if (strcmp(file, "user") == 0) {
			bundle_set(all[0], "/linux/namespaces/-", "{'type': 'user'}");
			with_user(all[0]);
		}
		if (strcmp(file, "time") == 0)
			bundle_set(all[0], "/linux/namespaces/-", "{'type': 'time'}");
		pid = matrix_start(all[0]);
		shared = namespace_of(pid, file);
		cr_expect_str_neq(shared, namespace_of(getpid(), file), "%s", file);
		for (size_t j = 1; j < count; j++) {
			if (types[i].drop != NULL)
				bundle_unset(all[j], types[i].drop);
			if (strcmp(file, "user") == 0)
				cr_assert_eq(chown(all[j]->rootfs, 100000, 100000), 0);
			join(all[j], types[i].type, pid, file);
			pid = matrix_start(all[j]);
			cr_expect_str_eq(namespace_of(pid, file), shared, "%s of %zu", file, j);
		}
		for (size_t j = count; j-- > 0;)
			matrix_stop(all[j]);
	}
}

/* --- network devices --------------------------------------------------------------------- */

static int ip(struct bundle *b, const char *arguments)
{
	struct output got;

	b->runtime = "/bin/sh";
	bundle_call_plain(b, &got, "-c", arena_printf(&e2e_arena, "/sbin/ip %s", arguments), NULL);
	b->runtime = e2e_runtime();
	return got.status;
}

E2E(matrix_namespaces, network_devices_move_in_with_their_addresses)
{
	struct bundle *b = bundle_new();
	const char *first = arena_printf(&e2e_arena, "ka%d", getpid() % 100000);
	const char *second = arena_printf(&e2e_arena, "kb%d", getpid() % 100000);
	struct output got;

	e2e_need_root();
	e2e_need_program("/sbin/ip");
	if (ip(b, arena_printf(&e2e_arena, "link add %s type veth peer name %s", first,
			       second)) != 0)
		e2e_skip("this kernel has no veth network devices");
	ip(b, arena_printf(&e2e_arena, "addr add 10.99.7.1/24 dev %s", first));
	ip(b, arena_printf(&e2e_arena, "-6 addr add fd00:99::7/64 dev %s nodad", first));
	bundle_set(b, "/linux/netDevices", arena_printf(&e2e_arena,
		   "{'%s': {'name': 'eth%%d'}, '%s': {}}", first, second));
	bundle_probe_args(b, "read", "/proc/net/dev", "read", "/proc/net/fib_trie", "read",
			  "/proc/net/if_inet6", "read", "/sys/class/net/eth0/flags", NULL);
	bundle_run(b, &got);
	ip(b, arena_printf(&e2e_arena, "link del %s", first));
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.out, "eth0:"), "%s", got.out);
	cr_expect(strstr(got.out, arena_printf(&e2e_arena, "%s:", second)), "%s", got.out);
	cr_expect(strstr(got.out, "10.99.7.1"), "%s", got.out);
	if (access("/proc/net/if_inet6", F_OK) == 0)
		cr_expect(strstr(got.out, "fd000099000000000000000000000007"), "%s", got.out);
	/* IFF_UP is 1. */
	cr_expect(strstr(got.out, "/flags=0x1003") || strstr(got.out, "/flags=0x1043"), "%s",
		  got.out);
}

E2E(matrix_namespaces, a_network_device_that_is_not_there_is_named)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_root();
	bundle_set(b, "/linux/netDevices", "{'kistnone0': {}}");
	bundle_run(b, &got);
	cr_expect_eq(got.status, 1);
	cr_expect(strstr(got.err, "kistnone0"), "%s", got.err);
}

/* --- hooks ------------------------------------------------------------------------------ */

static const char *const moments[] = {
	"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
};

/* The program's own environment and root, for which it has to be there. */
#define START_HOOK	"[{'path': '/probe', 'args': ['probe', 'write', '/start', 'started']}]"

/* Whose names the hook sees, and that it is told the state. */
static const char *hook(const char *moment, const char *order)
{
	char own[64] = "";

	cr_assert_gt(readlink("/proc/self/ns/uts", own, sizeof(own) - 1), 0);
	return arena_printf(&e2e_arena,
			    "[{'path': '/bin/sh', 'args': ['sh', '-c', 'grep -q ociVersion || "
			    "exit 1; [ $(readlink /proc/self/ns/uts) = %s ] && side=out || side=in;"
			    " echo $NAME $side >>%s'], 'env': ['NAME=%s', 'PATH=/usr/bin:/bin'], "
			    "'timeout': 20}]", own, order, moment);
}

E2E(matrix_namespaces, hooks_of_features_run_each_at_its_moment)
{
	struct bundle *b = bundle_new();
	const struct json *list = json_find(matrix_features(b), "/hooks");
	const char *order = arena_printf(&e2e_arena, "%s/order", b->dir);
	struct output got;

	e2e_need_root();
	cr_expect_eq(list->count, ARRAY_SIZE(moments));
	bundle_set(b, "/root/readonly", "false");
	matrix_write(order, "");
	bundle_set(b, "/mounts/-", arena_printf(&e2e_arena, "{'destination': '/order', 'source': "
						"'%s', 'options': ['bind']}", order));
	for (size_t i = 0; i < ARRAY_SIZE(moments); i++)
		bundle_set(b, arena_printf(&e2e_arena, "/hooks/%s", moments[i]),
			   strcmp(moments[i], "startContainer") == 0 ? START_HOOK :
			   hook(moments[i], order));
	bundle_probe_args(b, "read", "/order", "read", "/start", NULL);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	/* poststart may come before or after what the program reads. */
	cr_expect(strstr(got.out, "/order=prestart out\\ncreateRuntime out\\n"
			 "createContainer in\\n"), "%s", got.out);
	cr_expect(strstr(got.out, "read:/start=started\n"), "%s", got.out);
	cr_expect_str_eq(matrix_file(order), "prestart out\ncreateRuntime out\n"
			 "createContainer in\npoststart out\npoststop out");
}

/* --- cgroups ---------------------------------------------------------------------------- */

#define BUT_CGROUP	"{'type': 'pid'}, {'type': 'network'}, {'type': 'ipc'}, {'type': 'uts'}, " \
			"{'type': 'mount'}"

/* The file of processes at the top of the mount lists those in there, and nobody else. */
E2E(matrix_namespaces, a_cgroup_mount_shows_the_own_one_with_and_without_a_namespace)
{
	static const char *const lists[] = {
		"[" BUT_CGROUP ", {'type': 'cgroup'}]", "[" BUT_CGROUP "]",
	};
	const char *procs = matrix_is_unified() ? "/sys/fs/cgroup/cgroup.procs" :
						  "/sys/fs/cgroup/pids/cgroup.procs";

	e2e_need_root();
	if (access(procs, F_OK) < 0)
		e2e_skip("no controller of pids on this host");
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		bundle_set(b, "/linux/namespaces", lists[i]);
		if (!matrix_is_unified())
			bundle_set(b, "/linux/resources/pids", "{'limit': 77}");
		bundle_probe_args(b, "read", procs, "open", procs, "w", NULL);
		bundle_run(b, &got);
		/* Its init and the program; what mounted for them may have had a pid between. */
		cr_expect(strstr(got.out, "cgroup.procs=1\\n2\\n\n") ||
			  strstr(got.out, "cgroup.procs=1\\n3\\n\n") ||
			  strstr(got.out, "cgroup.procs=1\\n\n"), "%s: %s%s", lists[i], got.out,
			  got.err);
		cr_expect(strstr(got.out, "cgroup.procs=EROFS\n"), "%s: %s", lists[i], got.out);
	}
}

/* However long the paths are that the kernel lists: 38 KiB with ten hierarchies. */
E2E(matrix_namespaces, a_cgroup_mount_has_every_hierarchy_also_of_long_paths)
{
	struct bundle *b = bundle_new();
	struct text path = { .arena = &e2e_arena };
	struct output shallow, deep;

	e2e_need_root();
	if (!matrix_has_v1("pids"))
		e2e_skip("this host has no hierarchies of cgroup v1");
	bundle_set(b, "/linux/namespaces", "[" BUT_CGROUP "]");
	bundle_probe_args(b, "list", "/sys/fs/cgroup", NULL);
	text_printf(&path, "'/%s-parent", b->id);
	bundle_set(b, "/linux/cgroupsPath", arena_printf(&e2e_arena, "%s'", path.data));
	bundle_run(b, &shallow);
	cr_expect_eq(shallow.status, 0, "%s", shallow.err);
	for (int i = 0; i < 19; i++)
		text_printf(&path, "/%0200d", i);
	bundle_set(b, "/linux/cgroupsPath", arena_printf(&e2e_arena, "%s'", path.data));
	bundle_run(b, &deep);
	cr_expect_eq(deep.status, 0, "%s", deep.err);
	cr_expect_str_eq(deep.out, shallow.out);
}

/* --- devices ---------------------------------------------------------------------------- */

#define NODES	"{'path': '/dev/char', 'type': 'c', 'major': 1, 'minor': 5, 'fileMode': 432," \
		" 'uid': 3, 'gid': 4}, {'path': '/dev/unbuffered', 'type': 'u', 'major': 1," \
		" 'minor': 7}, {'path': '/dev/block', 'type': 'b', 'major': 7, 'minor': 200}," \
		" {'path': '/dev/fifo', 'type': 'p', 'fileMode': 384, 'uid': 5}"

E2E(matrix_namespaces, devices_of_each_kind_are_made)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_root();
	bundle_set(b, "/linux/devices", "[" NODES "]");
	bundle_probe_args(b, "stat", "/dev/char", "stat", "/dev/unbuffered", "stat", "/dev/block",
			  "stat", "/dev/fifo", NULL);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect(strstr(got.out, "/dev/char=c 0660 3:4 1:5 "), "%s", got.out);
	cr_expect(strstr(got.out, "/dev/unbuffered=c 0666 0:0 1:7 "), "%s", got.out);
	cr_expect(strstr(got.out, "/dev/block=b 0666 0:0 7:200 "), "%s", got.out);
	cr_expect(strstr(got.out, "/dev/fifo=p 0600 5:0 "), "%s", got.out);
}

E2E(matrix_namespaces, in_a_user_namespace_devices_are_those_of_the_host)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_root();
	bundle_set(b, "/linux/namespaces/-", "{'type': 'user'}");
	with_user(b);
	bundle_set(b, "/linux/devices", "[{'path': '/dev/full', 'type': 'c', 'major': 1,"
		   " 'minor': 7}]");
	bundle_probe_args(b, "stat", "/dev/full", "open", "/dev/full", "w", "open", "/dev/null",
			  "rw", NULL);
	bundle_run(b, &got);
	cr_expect(strstr(got.out, "/dev/full=c 0666 65534:65534 1:7 "), "%s%s", got.out, got.err);
	cr_expect(strstr(got.out, "open:/dev/full=0\nopen:/dev/null=0\n"), "%s", got.out);
}
