/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "tests/e2e/harness.h"

/* Namespaces: new where listed, ours where not, somebody's where a path is given. */

/* A process that holds new namespaces of these kinds until it is let go. */
struct holder {
	pid_t pid;
	int let_go;	/* the write end of a pipe */
};

static struct holder holder_start(int flags)
{
	struct holder holder;
	int ready[2], let_go[2];
	char byte;

	cr_assert(pipe2(ready, O_CLOEXEC) == 0 && pipe2(let_go, O_CLOEXEC) == 0);
	holder.pid = fork();
	if (holder.pid == 0) {
		close(let_go[1]);
		if (unshare(flags) < 0)
			_exit(1);
		if (write(ready[1], "x", 1) != 1 || read(let_go[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(ready[1]);
	close(let_go[0]);
	cr_assert_eq(read(ready[0], &byte, 1), 1, "unshare %x", flags);
	close(ready[0]);
	holder.let_go = let_go[1];
	return holder;
}

static void holder_stop(struct holder *holder)
{
	close(holder->let_go);
	cr_expect_eq(waitpid(holder->pid, NULL, 0), holder->pid);
}

static const char *namespace_of(pid_t pid, const char *name)
{
	char target[64] = "";

	/* "" where the kernel has none of that kind. */
	if (readlink(arena_printf(&e2e_arena, "/proc/%d/ns/%s", pid, name), target,
		     sizeof(target) - 1) < 0)
		cr_assert_eq(errno, ENOENT);
	return arena_strdup(&e2e_arena, target);
}

static const char *const always_new[] = { "pid", "net", "ipc", "uts", "mnt", "cgroup" };

E2E(namespaces, that_are_listed_are_new)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_run_probe(b, &seen);
	for (size_t i = 0; i < ARRAY_SIZE(always_new); i++) {
		const char *key = arena_printf(&e2e_arena, "ns.%s", always_new[i]);

		cr_expect_str_neq(probe_text(&seen, key), "");
		cr_expect_str_neq(probe_text(&seen, key), namespace_of(getpid(), always_new[i]));
	}
	cr_expect_str_eq(probe_text(&seen, "ns.user"), namespace_of(getpid(), "user"));
	cr_expect_str_eq(probe_text(&seen, "ns.time"), namespace_of(getpid(), "time"));
}

E2E(namespaces, that_are_not_listed_are_the_callers)
{
	static const char *const ours[] = { "pid", "net", "ipc", "uts", "cgroup" };
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_set(b, "/linux/namespaces", "[{'type': 'mount'}]");
	bundle_unset(b, "/hostname");
	bundle_unset(b, "/mounts/6");	/* the cgroup mount: the v1 one differs by namespace */
	bundle_unset(b, "/mounts/4");	/* mqueue belongs to the ipc namespace */
	bundle_run_probe(b, &seen);
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		cr_expect_str_eq(probe_text(&seen, arena_printf(&e2e_arena, "ns.%s", ours[i])),
				 namespace_of(getpid(), ours[i]), "%s", ours[i]);
}

static const struct {
	const char *type, *file;
	int flag;
	size_t index;	/* in the default list */
} joinable[] = {
	{ "network", "net", CLONE_NEWNET, 1 },
	{ "ipc", "ipc", CLONE_NEWIPC, 2 },
	{ "uts", "uts", CLONE_NEWUTS, 3 },
	{ "cgroup", "cgroup", CLONE_NEWCGROUP, 5 },
};

/* In the mount namespace of the caller, made for the test, and joined by path. */
E2E(namespaces, mount_namespace_of_others_keeps_its_root)
{
	static const char *const lists[] = {
		"[{'type': 'pid'}, {'type': 'network'}, {'type': 'ipc'}, {'type': 'uts'}]",
		("[{'type': 'pid'}, {'type': 'network'}, {'type': 'ipc'}, {'type': 'uts'},"
		 " {'type': 'mount', 'path': '/proc/self/ns/mnt'}]"),
	};
	static const char script[] =
		"mount --make-rshared /; before=$(cat /proc/self/mountinfo)\n"
		"k=\"$0 --root $1\"; $k run -d -b $2 $3 >/dev/null 2>&1 </dev/null || exit 10\n"
		"[ -d /proc/self ] && [ -e $2/rootfs/proc/1 ] || exit 11\n"
		"case $($k exec $3 /probe list /) in *etc*) exit 12 ;; *probe*) ;; "
		"*) exit 17 ;; esac\n"
		"$k delete --force $3 || exit 13\n"
		"[ \"$before\" = \"$(cat /proc/self/mountinfo)\" ] || exit 14\n"
		"$k run -b $2 $3 || exit 15\n"
		"[ \"$before\" = \"$(cat /proc/self/mountinfo)\" ] || exit 16\n";

	e2e_need_root();
	e2e_need_kist();
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		bundle_set(b, "/linux/namespaces", lists[i]);
		bundle_probe_args(b, "sleep", "700", NULL);
		b->runtime = "/usr/bin/unshare";
		bundle_call_plain(b, &got, "--mount", "sh", "-c", script, e2e_runtime(), b->state,
				  b->path, b->id, NULL);
		b->runtime = e2e_runtime();
		cr_expect_eq(got.status, 0, "%s: %d: %s", lists[i], got.status, got.err);
	}
}

E2E(namespaces, with_a_path_are_joined)
{
	for (size_t i = 0; i < ARRAY_SIZE(joinable); i++) {
		struct holder holder = holder_start(joinable[i].flag);
		struct bundle *b = bundle_new();
		struct output got;
		struct probe seen;

		bundle_set(b, arena_printf(&e2e_arena, "/linux/namespaces/%zu", joinable[i].index),
			   arena_printf(&e2e_arena, "{'type': '%s', 'path': '/proc/%d/ns/%s'}",
					joinable[i].type, holder.pid, joinable[i].file));
		bundle_run(b, &got);
		probe_parse(&seen, &e2e_arena, got.out);
		cr_expect_eq(got.status, 0, "%s: %s", joinable[i].type, got.err);
		cr_expect_str_eq(probe_text(&seen, arena_printf(&e2e_arena, "ns.%s",
								joinable[i].file)),
				 namespace_of(holder.pid, joinable[i].file));
		holder_stop(&holder);
	}
}

E2E(namespaces, pid_namespace_of_another_process_is_joined)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct probe seen;

	bundle_set(b, "/linux/namespaces/0", arena_printf(&e2e_arena,
		   "{'type': 'pid', 'path': '/proc/%d/ns/pid'}", getpid()));
	bundle_run(b, &got);
	probe_parse(&seen, &e2e_arena, got.out);
	cr_assert_eq(got.status, 0, "%s", got.err);
	cr_expect_str_eq(probe_text(&seen, "ns.pid"), namespace_of(getpid(), "pid"));
	cr_expect_gt(seen.pid, 2);
}

E2E(namespaces, path_of_another_kind_is_refused)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_set(b, "/linux/namespaces/1", "{'type': 'network', 'path': '/proc/self/ns/uts'}");
	bundle_run(b, &got);
	cr_expect_eq(got.status, 1);
	cr_expect_str_eq(got.out, "");
}

E2E(namespaces, loopback_is_up_with_both_addresses)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.lo_up, 1);
	cr_expect_str_eq(probe_text(&seen, "lo_ipv4"), "127.0.0.1");
	/* IPv6 may be a module that is not loaded. */
	if (access("/proc/net/if_inet6", F_OK) == 0)
		cr_expect_str_eq(probe_text(&seen, "lo_ipv6"), "00000000000000000000000000000001");
}

/* The runtime may not enter its process' namespaces then, and leaves lo to it. */
E2E(namespaces, loopback_is_up_where_the_runtime_may_not_trace)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	cr_assert_eq(prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE, 0, 0, 0), 0);
	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.lo_up, 1);
	cr_expect_str_eq(probe_text(&seen, "lo_ipv4"), "127.0.0.1");
}

E2E(namespaces, loopback_that_nobody_may_bring_up_is_named)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	cr_assert_eq(prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN, 0, 0, 0), 0);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 1);
	cr_expect(strstr(got.err, ": bring up the network: bring lo up: operation not permitted"),
		  "%s", got.err);
	cr_expect_not(strstr(got.err, "mounts"), "%s", got.err);
}

E2E(namespaces, have_the_names_of_the_bundle)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_set(b, "/hostname", "'a-host'");
	if (e2e_is_kist())
		bundle_set(b, "/domainname", "'a-domain'");
	bundle_run_probe(b, &seen);
	cr_expect_str_eq(probe_text(&seen, "hostname"), "a-host");
	if (e2e_is_kist())
		cr_expect_str_eq(probe_text(&seen, "domainname"), "a-domain");
}

E2E(namespaces, sysctls_are_set_in_them)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_set(b, "/linux/sysctl", "{'net.ipv4.ip_forward': '1', 'kernel.msgmax': '12345',"
		   " 'net.ipv4.ip_local_port_range': '2000 3000'}");
	bundle_probe_args(b, "read", "/proc/sys/net/ipv4/ip_forward", "read",
			  "/proc/sys/kernel/msgmax", "read",
			  "/proc/sys/net/ipv4/ip_local_port_range", NULL);
	bundle_run(b, &got);
	cr_expect_str_eq(got.out, "read:/proc/sys/net/ipv4/ip_forward=1\\n\n"
			 "read:/proc/sys/kernel/msgmax=12345\\n\n"
			 "read:/proc/sys/net/ipv4/ip_local_port_range=2000\\x093000\\n\n", "%s",
			 got.err);
}

E2E(namespaces, sysctl_of_the_host_is_refused)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_set(b, "/linux/sysctl", "{'kernel.panic': '1'}");
	bundle_run(b, &got);
	cr_expect_eq(got.status, 1);
	cr_expect(strstr(got.err, "kernel.panic"), "%s", got.err);
}

E2E(namespaces, user_namespace_has_all_ranges)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_set(b, "/linux/namespaces/-", "{'type': 'user'}");
	bundle_set(b, "/linux/uidMappings", "[{'containerID': 0, 'hostID': 100000, 'size': 1000},"
		   " {'containerID': 1000, 'hostID': 300000, 'size': 5},"
		   " {'containerID': 65534, 'hostID': 500000, 'size': 1}]");
	bundle_set(b, "/linux/gidMappings",
		   "[{'containerID': 0, 'hostID': 200000, 'size': 65536}]");
	cr_assert_eq(chown(b->rootfs, 100000, 200000), 0);
	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.uid, 0);
	cr_expect(probe_has(&seen, "uid_map=         0     100000       1000"));
	cr_expect(probe_has(&seen, "uid_map=      1000     300000          5"));
	cr_expect(probe_has(&seen, "uid_map=     65534     500000          1"));
	cr_expect(probe_has(&seen, "gid_map=         0     200000      65536"));
	cr_expect_str_neq(probe_text(&seen, "ns.user"), namespace_of(getpid(), "user"));
}

/* Whoever made it could have root of the host in it, under no name. */
E2E(namespaces, user_namespace_without_root_is_entered_as_one_of_its_users)
{
	struct bundle *b = bundle_new();
	struct holder holder;
	struct output got;
	struct error err;
	const char *pid;

	e2e_need_kist();
	e2e_need_root();
	holder = holder_start(CLONE_NEWUSER);
	pid = arena_printf(&e2e_arena, "%d", (int)holder.pid);
	for (size_t i = 0; i < 2; i++)
		cr_assert_eq(file_write(AT_FDCWD,
					arena_printf(&e2e_arena, "/proc/%s/%s_map", pid,
						     i == 0 ? "uid" : "gid"),
					"5 100000 1", &err),
			     0, "%s", err.text);
	bundle_call(b, &got, "enter", "--target", pid, "/bin/true", NULL);
	cr_expect_neq(got.status, 0);
	cr_expect_not_null(strstr(got.err, "which has no root"), "%s", got.err);
	bundle_call(b, &got, "enter", "--target", pid, "--setuid", "5", "--setgid", "5",
		    "/bin/true", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	holder_stop(&holder);
	bundle_destroy(b);
}

E2E(namespaces, time_namespace_has_its_offsets)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	e2e_need_kist();
	if (access("/proc/self/ns/time", F_OK) < 0)
		e2e_skip("this kernel has no time namespaces");
	bundle_set(b, "/linux/namespaces/-", "{'type': 'time'}");
	bundle_set(b, "/linux/timeOffsets", "{'monotonic': {'secs': 172800, 'nanosecs': 5},"
		   " 'boottime': {'secs': 604800}}");
	bundle_run_probe(b, &seen);
	cr_expect(probe_has(&seen, "time_offset=monotonic      172800         5"), "%s", seen.text);
	cr_expect(probe_has(&seen, "time_offset=boottime       604800         0"), "%s", seen.text);
}

static void hide_clone3(void)
{
	struct sock_filter lines[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(lines), lines };

	cr_assert_eq(sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &program), 0);
}

/* As a filter does that cannot look into its arguments: then nothing is born in a cgroup. */
E2E(namespaces, are_made_where_clone3_is_hidden)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct probe seen;

	e2e_need_root();
	/* A mount whose ids are mapped takes a user namespace for the moment. */
	bundle_set(b, "/mounts/-",
		   arena_printf(&e2e_arena,
				"{'destination': '/mapped', 'source': '%s', 'options':"
				" ['bind'], 'uidMappings': %s, 'gidMappings': %s}",
				b->dir, "[{'containerID': 0, 'hostID': 100000, 'size': 10}]",
				"[{'containerID': 0, 'hostID': 100000, 'size': 10}]"));
	bundle_run(b, &got);
	/* Not every file system has that on every kernel. */
	if (got.status != 0)
		bundle_unset(b, "/mounts/7");
	hide_clone3();
	bundle_run_probe(b, &seen);
	bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	bundle_destroy(b);
	bundle_run_sleeper(b);
	bundle_call(b, &got, "exec", b->id, "/probe", "say", "inside", NULL);
	cr_expect_str_eq(got.out, "inside\n", "%s", got.err);
	/* It is where "ps" looks for it. */
	bundle_call(b, &got, "ps", "--format", "json", b->id, NULL);
	cr_expect(strspn(got.out, "[0123456789") > 1, "%s%s", got.out, got.err);
	bundle_destroy(b);
}
