/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/harness.h"

/*
 * Real root file systems: a single static binary in an otherwise empty root is
 * what every other test has; here busybox, and a Debian with bash, apt and
 * python, which "./dev test" makes once (tests/make-root).
 */

static const char *debian_root(void)
{
	const char *path = getenv("KIST_DEBIAN_ROOT");

	if (!path || access(arena_printf(&e2e_arena, "%s/.made", path), F_OK) < 0)
		e2e_skip("needs a Debian root: tests/make-root debian DIR, and"
			 " KIST_DEBIAN_ROOT=DIR");
	return path;
}

/* A bundle around a root of the host, which stays read-only; /tmp is a tmpfs. */
static struct bundle *bundle_around(const char *root)
{
	struct bundle *b = bundle_new();

	bundle_set(b, "/root/path", arena_printf(&e2e_arena, "'%s'", root));
	bundle_set(b, "/mounts/-", "{'destination': '/tmp', 'type': 'tmpfs', 'source': 'tmpfs'}");
	return b;
}

static const char *const written[] = { "/etc", "/root", "/var/lib" };

/* A mount of the bundle: an overlay over one directory of the root. */
static const char *overlay_mount(struct bundle *b, const char *root, const char *path)
{
	static int number;
	const char *upper = arena_printf(&e2e_arena, "%s/upper%d", b->dir, number);
	const char *work = arena_printf(&e2e_arena, "%s/work%d", b->dir, number++);

	cr_assert(mkdir(upper, 0755) == 0 && mkdir(work, 0755) == 0);
	return arena_printf(&e2e_arena,
			    "{'destination': '%s', 'type': 'overlay', 'source': 'overlay',"
			    " 'options': ['lowerdir=%s%s', 'upperdir=%s', 'workdir=%s']}",
			    path, root, path, upper, work);
}

/* program -c script */
static void expect_output(struct bundle *b, const char *program, const char *script,
			  const char *out)
{
	struct output got;

	bundle_args(b, program, "-c", script, NULL);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 0, "%s: status %d: %s", script, got.status, got.err);
	cr_expect_str_eq(got.out, out, "%s: %s%s", script, got.out, got.err);
}

static struct bundle *busybox_bundle(void)
{
	static const char *const applets[] = {
		"sh", "hostname", "id", "cat", "ls", "sleep", "ping"
	};
	struct bundle *b = bundle_new();
	const char *bin = arena_printf(&e2e_arena, "%s/bin", b->rootfs);
	const char *busybox =
		access("/bin/busybox", X_OK) == 0 ? "/bin/busybox" : "/usr/bin/busybox";

	e2e_need_program(busybox);
	cr_assert_eq(mkdir(bin, 0755), 0);
	bundle_copy(b, busybox, "/bin/busybox");
	for (size_t i = 0; i < ARRAY_SIZE(applets); i++)
		cr_assert_eq(symlink("busybox", arena_printf(&e2e_arena, "%s/%s", bin, applets[i])),
			     0);
	return b;
}

E2E(roots, busybox_runs_a_shell_and_its_pipes)
{
	struct bundle *b = busybox_bundle();

	expect_output(b, "sh", "hostname; echo a b | cat; id -u; exit 0", "e2e\na b\n0\n");
}

E2E(roots, busybox_reaches_itself_over_loopback)
{
	struct bundle *b = busybox_bundle();
	struct output got;

	bundle_set(b, "/process/capabilities/bounding/-", "'CAP_NET_RAW'");
	bundle_set(b, "/process/capabilities/permitted/-", "'CAP_NET_RAW'");
	bundle_set(b, "/process/capabilities/effective/-", "'CAP_NET_RAW'");
	bundle_set(b, "/process/args", "['ping', '-c', '1', '-W', '5', '127.0.0.1']");
	bundle_run(b, &got);
	cr_expect_eq(got.status, 0, "%s%s", got.out, got.err);
}

E2E(roots, debian_runs_bash_apt_and_python)
{
	const char *root = debian_root();

	expect_output(bundle_around(root), "bash", "echo $((6*7)) \"$BASH\"", "42 /usr/bin/bash\n");
	expect_output(bundle_around(root), "python3",
		      "import os; print(len(os.listdir('/')) > 5, os.getcwd())",
		      "True /\n");
	expect_output(bundle_around(root), "sh",
		      "apt-get --version | head -c 4; apt-config dump > /tmp/x", "apt ");
}

E2E(roots, debian_can_be_written_through_an_overlay)
{
	const char *root = debian_root();
	struct bundle *b = bundle_new();

	bundle_set(b, "/root/readonly", "false");
	for (size_t i = 0; i < ARRAY_SIZE(written); i++)
		bundle_set(b, "/mounts/-", overlay_mount(b, root, written[i]));
	bundle_set(b, "/root/path", arena_printf(&e2e_arena, "'%s'", root));
	expect_output(b, "bash", "echo new > /etc/new && dpkg -l bash > /root/x; cat /etc/new",
		      "new\n");
	cr_expect(access(arena_printf(&e2e_arena, "%s/etc/new", root), F_OK) < 0);
}

E2E(roots, root_may_be_a_link_to_the_root)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	cr_assert_eq(symlink("rootfs", arena_printf(&e2e_arena, "%s/link", b->path)), 0);
	bundle_set(b, "/root/path", "'link'");
	bundle_probe_args(b, "say", "in", NULL);
	bundle_run(b, &got);
	cr_expect_str_eq(got.out, "in\n", "%s", got.err);
}

E2E(roots, root_path_may_be_absolute)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_set(b, "/root/path", arena_printf(&e2e_arena, "'%s'", b->rootfs));
	bundle_probe_args(b, "say", "in", NULL);
	bundle_run(b, &got);
	cr_expect_str_eq(got.out, "in\n", "%s", got.err);
}
