/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/harness.h"

#include <stdarg.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "base/fd.h"
#include "base/sys.h"
#include "base/text.h"

struct arena e2e_arena;
static struct leak leak;
static struct bundle *bundles[128];
static size_t bundle_count;

/* What "runc spec" of runc 1.3 makes, but for the terminal, the program and the host's name. */
static const char default_config[] =
"{'ociVersion': '1.0.2',\n"
" 'process': {\n"
"  'terminal': false, 'user': {'uid': 0, 'gid': 0}, 'args': ['/probe', 'report'],\n"
"  'env': ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],\n"
"  'cwd': '/',\n"
"  'capabilities': {\n"
"   'bounding': ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'],\n"
"   'effective': ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'],\n"
"   'permitted': ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE']},\n"
"  'rlimits': [{'type': 'RLIMIT_NOFILE', 'hard': 1024, 'soft': 1024}],\n"
"  'noNewPrivileges': true},\n"
" 'root': {'path': 'rootfs', 'readonly': true},\n"
" 'hostname': 'e2e',\n"
" 'mounts': [\n"
"  {'destination': '/proc', 'type': 'proc', 'source': 'proc'},\n"
"  {'destination': '/dev', 'type': 'tmpfs', 'source': 'tmpfs',\n"
"   'options': ['nosuid', 'strictatime', 'mode=755', 'size=65536k']},\n"
"  {'destination': '/dev/pts', 'type': 'devpts', 'source': 'devpts',\n"
"   'options': ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']},\n"
"  {'destination': '/dev/shm', 'type': 'tmpfs', 'source': 'shm',\n"
"   'options': ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k']},\n"
"  {'destination': '/dev/mqueue', 'type': 'mqueue', 'source': 'mqueue',\n"
"   'options': ['nosuid', 'noexec', 'nodev']},\n"
"  {'destination': '/sys', 'type': 'sysfs', 'source': 'sysfs',\n"
"   'options': ['nosuid', 'noexec', 'nodev', 'ro']},\n"
"  {'destination': '/sys/fs/cgroup', 'type': 'cgroup', 'source': 'cgroup',\n"
"   'options': ['nosuid', 'noexec', 'nodev', 'relatime', 'ro']}],\n"
" 'linux': {\n"
"  'resources': {'devices': [{'allow': false, 'access': 'rwm'}]},\n"
"  'namespaces': [{'type': 'pid'}, {'type': 'network'}, {'type': 'ipc'}, {'type': 'uts'},\n"
"   {'type': 'mount'}, {'type': 'cgroup'}],\n"
"  'maskedPaths': ['/proc/acpi', '/proc/asound', '/proc/kcore', '/proc/keys',\n"
"   '/proc/latency_stats', '/proc/timer_list', '/proc/timer_stats', '/proc/sched_debug',\n"
"   '/sys/firmware', '/proc/scsi'],\n"
"  'readonlyPaths': ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']}}\n";

void e2e_begin(void)
{
	bundle_count = 0;
	leak_begin(&leak, &e2e_arena);
}

/* Everything that is left, and nothing of it afterwards; NULL: nothing was. */
static const char *e2e_left(void)
{
	struct text told = { .arena = &e2e_arena };
	const char *left[] = { leak_processes(&leak), leak_mounts(&leak) };

	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		if (left[i])
			text_add(&told, left[i]);
	for (size_t i = 0; i < bundle_count; i++) {
		const char *cgroups = leak_cgroups(&leak, bundles[i]->id);
		const char *state = arena_printf(&e2e_arena, "%s/%s", bundles[i]->state,
						 bundles[i]->id);

		if (cgroups)
			text_add(&told, cgroups);
		if (access(state, F_OK) == 0)
			text_printf(&told, "directory %s\n", state);
		leak_remove_tree(bundles[i]->dir);
	}
	bundle_count = 0;
	return told.data;
}

void e2e_check(void)
{
	const char *left = e2e_left();

	cr_expect(!left, "left behind: %s", left);
}

void e2e_clear(void)
{
	e2e_left();
}

void e2e_clean(void)
{
	e2e_left();
	arena_free(&e2e_arena);
}

void e2e_need_root(void)
{
	if (geteuid() != 0)
		e2e_skip("needs root");
}

void e2e_need_cgroup2(void)
{
	struct statfs st;

	if (statfs("/sys/fs/cgroup", &st) < 0 || st.f_type != 0x63677270)
		e2e_skip("needs cgroup2 alone on /sys/fs/cgroup");
}

void e2e_need_program(const char *path)
{
	if (access(path, X_OK) < 0)
		e2e_skip("needs %s", path);
}

const char *e2e_runtime(void)
{
	const char *path = getenv("RUNTIME");

	return path && *path ? path : KIST_BUILT;
}

const char *e2e_file_text(const char *path)
{
	struct error err;
	char *text;

	cr_assert_eq(file_read(AT_FDCWD, path, 16 << 20, &e2e_arena, &text, NULL, &err), 0, "%s",
		     err.text);
	return text;
}

bool e2e_is_kist(void)
{
	const char *name = strrchr(e2e_runtime(), '/');

	return strcmp(name ? name + 1 : e2e_runtime(), "kist") == 0;
}

void e2e_need_kist(void)
{
	if (!e2e_is_kist())
		e2e_skip("asks for what kist alone does");
}

static void copy_file(const char *from, const char *to, mode_t mode)
{
	_cleanup_fd int in = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_fd int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	char buffer[65536];
	ssize_t got;

	cr_assert(in >= 0 && out >= 0, "copy %s to %s: %s", from, to, strerror(errno));
	while ((got = read(in, buffer, sizeof(buffer))) > 0)
		cr_assert_eq(fd_write_all(out, buffer, (size_t)got), 0);
	fchmod(out, mode);
}

static const char *make_dir(const char *parent, const char *name)
{
	const char *path = arena_printf(&e2e_arena, "%s/%s", parent, name);

	cr_assert_eq(mkdir(path, 0755), 0, "make %s: %s", path, strerror(errno));
	return path;
}

struct bundle *bundle_new(void)
{
	struct bundle *bundle = ARENA_NEW(&e2e_arena, struct bundle);
	/* A guest's /tmp is on an overlay, which cannot be the upper layer of another. */
	const char *above = getenv("KIST_E2E_DIR");
	char *dir = arena_printf(&e2e_arena, "%s/kist-e2e-XXXXXX", above != NULL ? above : "/tmp");

	cr_assert(mkdtemp(dir) && chmod(dir, 0755) == 0, "make %s: %s", dir, strerror(errno));
	cr_assert_lt(bundle_count, ARRAY_SIZE(bundles));
	bundles[bundle_count++] = bundle;
	bundle->dir = dir;
	bundle->id = arena_strdup(&e2e_arena, strrchr(dir, '/') + 1);
	bundle->path = make_dir(dir, "bundle");
	bundle->rootfs = make_dir(bundle->path, "rootfs");
	bundle->state = make_dir(dir, "state");
	bundle->config = edit_quotes(&e2e_arena, default_config);
	bundle->runtime = e2e_runtime();
	bundle->stdin_fd = -EBADF;
	bundle->stdout_fd = -EBADF;
	bundle->timeout = 60;
	copy_file(PROBE_BUILT, arena_printf(&e2e_arena, "%s/probe", bundle->rootfs), 0755);
	return bundle;
}

void bundle_set(struct bundle *bundle, const char *pointer, const char *value)
{
	char *text = edit_set(&e2e_arena, bundle->config, pointer, value);

	cr_assert(text, "set %s: no such place in %s", pointer, bundle->config);
	bundle->config = text;
}

void bundle_unset(struct bundle *bundle, const char *pointer)
{
	char *text = edit_unset(&e2e_arena, bundle->config, pointer);

	cr_assert(text, "unset %s: no such place in %s", pointer, bundle->config);
	bundle->config = text;
}

static void args_set(struct bundle *bundle, const char *program, const char *first, va_list ap)
{
	struct text list = { .arena = &e2e_arena };

	text_add(&list, "[");
	text_add_json(&list, program ? program : first);
	for (const char *arg = program ? first : va_arg(ap, const char *); arg;
	     arg = va_arg(ap, const char *)) {
		text_add(&list, ", ");
		text_add_json(&list, arg);
	}
	text_add(&list, "]");
	/* Not bundle_set(): a ' in an argument is one. */
	bundle->config = edit_splice(&e2e_arena, bundle->config, "/process/args", list.data);
}

void bundle_probe_args(struct bundle *bundle, const char *first, ...)
{
	va_list ap;

	va_start(ap, first);
	args_set(bundle, "/probe", first, ap);
	va_end(ap);
}

void bundle_args(struct bundle *bundle, const char *first, ...)
{
	va_list ap;

	va_start(ap, first);
	args_set(bundle, NULL, first, ap);
	va_end(ap);
}

void bundle_file(struct bundle *bundle, const char *path, mode_t mode, const char *text)
{
	bundle_bytes(bundle, path, mode, text, strlen(text));
}

void bundle_bytes(struct bundle *bundle, const char *path, mode_t mode, const char *bytes,
		  size_t size)
{
	char *full = arena_printf(&e2e_arena, "%s/%s", bundle->rootfs, path + (*path == '/'));
	_cleanup_fd int fd = -EBADF;

	for (char *slash = full + strlen(bundle->rootfs) + 1; (slash = strchr(slash, '/'));
	     slash++) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	cr_assert(fd >= 0, "make %s: %s", full, strerror(errno));
	cr_assert_eq(fd_write_all(fd, bytes, size), 0);
	fchmod(fd, mode);
	lchown(full, bundle->uid, bundle->uid);
}

void bundle_copy(struct bundle *bundle, const char *from, const char *to)
{
	copy_file(from, arena_printf(&e2e_arena, "%s%s", bundle->rootfs, to), 0755);
}

/* The build directory need not be open to a user, and bin/kist starts libexec/kist by path. */
static const char *reachable_kist(struct bundle *bundle)
{
	const char *bin = make_dir(bundle->dir, "bin"), *libexec = make_dir(bin, "libexec");
	const char *path = arena_printf(&e2e_arena, "%s/kist", bin);

	copy_file(KIST_BUILT, path, 0755);
	copy_file(KIST_BUILT_LIBEXEC, arena_printf(&e2e_arena, "%s/kist", libexec), 0755);
	return path;
}

void bundle_as_user(struct bundle *bundle, uid_t uid)
{
	const char *map = arena_printf(&e2e_arena,
		"[{'containerID': 0, 'hostID': %u, 'size': 1}]", uid);

	bundle->uid = uid;
	if (strcmp(bundle->runtime, KIST_BUILT) == 0)
		bundle->runtime = reachable_kist(bundle);
	bundle_set(bundle, "/linux/uidMappings", map);
	bundle_set(bundle, "/linux/gidMappings", map);
	bundle_set(bundle, "/linux/namespaces",
		   "[{'type': 'pid'}, {'type': 'ipc'}, {'type': 'uts'},"
		   " {'type': 'mount'}, {'type': 'cgroup'}, {'type': 'user'}]");
	bundle_unset(bundle, "/linux/resources");
	bundle_set(bundle, "/mounts/2/options",
		   "['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620']");
	bundle_set(bundle, "/mounts/5", "{'destination': '/sys', 'type': 'none', 'source': '/sys',"
		   " 'options': ['rbind', 'nosuid', 'noexec', 'nodev', 'ro']}");
	bundle_unset(bundle, "/mounts/6");
	bundle_env(bundle, arena_printf(&e2e_arena, "XDG_RUNTIME_DIR=%s", bundle->state));
	for (size_t i = 0; i < 5; i++) {
		const char *const owned[] = {
			bundle->dir, bundle->path, bundle->rootfs, bundle->state,
			arena_printf(&e2e_arena, "%s/probe", bundle->rootfs),
		};

		cr_assert_eq(chown(owned[i], uid, uid), 0, "give %s away: %s", owned[i],
			     strerror(errno));
	}
	chmod(bundle->state, 0700);
}

void bundle_env(struct bundle *bundle, const char *assignment)
{
	for (size_t i = 0; i < ARRAY_SIZE(bundle->env) - 1; i++)
		if (!bundle->env[i]) {
			bundle->env[i] = assignment;
			return;
		}
	cr_assert_fail("no room for %s", assignment);
}
