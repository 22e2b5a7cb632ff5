/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/path.h"
#include "base/process.h"
#include "base/sys.h"
#include "config/json.h"
#include "config/names.h"
#include "init/hook.h"
#include "init/image.h"
#include "init/net_link.h"
#include "init/step.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/protobuf.h"
#include "runtime/create.h"
#include "runtime/state.h"

#define RESTORE_LOG	"restore.log"
#define ROOT_NAME	"root"

struct restore {
	struct container *c;
	const struct plan *plan;
	const struct checkpoint_options *options;
	const struct creation_request *creation;
	struct arena *arena;
	struct text request;		/* struct criu_opts */
	struct criu_start start;
	int owned[CRIU_FDS_MAX];	/* those of start.fds that are ours to close */
	size_t owned_count;
	struct criu criu;
};

/* --- the root ------------------------------------------------------------------- */

/* On a tmpfs of the container's, whose contents are in the image; or somewhere in /proc. */
static bool is_below_other(const struct plan *plan, const struct mount_plan *mount)
{
	LIST_EACH(other, plan->mounts) {
		size_t length = strlen(other->destination);

		if (other != mount &&
		    strncmp(mount->destination, other->destination, length) == 0 &&
		    mount->destination[length] == '/')
			return true;
	}
	return false;
}

/* Where a destination leads to in the root, links followed; as it is where nothing is yet. */
static const char *mount_point(struct restore *r, int root_fd, const char *destination)
{
	struct error ignored;
	char root[4096], point[4096];
	_cleanup_fd int fd = path_open(root_fd, destination, O_PATH, &ignored);
	ssize_t size, root_size;

	root_size = readlink(arena_printf(r->arena, "/proc/self/fd/%d", root_fd), root,
			     sizeof(root) - 1);
	size = fd < 0 ? -1 : readlink(arena_printf(r->arena, "/proc/self/fd/%d", fd), point,
				      sizeof(point) - 1);
	if (root_size <= 0 || size <= root_size || strncmp(root, point, (size_t)root_size) != 0)
		return destination;
	return arena_strndup(r->arena, point + root_size, (size_t)(size - root_size));
}

static int make_mount_point(const struct mount_plan *mount, int root_fd, struct error *err)
{
	_cleanup_fd int fd = -EBADF;
	struct stat st;

	if ((mount->flags & MOUNT_BIND) && stat(mount->source, &st) < 0)
		return error_errno(err, "stat %s", mount->source);
	if ((mount->flags & MOUNT_BIND) && !S_ISDIR(st.st_mode))
		fd = path_make_file(root_fd, mount->destination, 0644, err);
	else
		fd = path_make_dir(root_fd, mount->destination, 0755, err);
	return fd < 0 ? -1 : 0;
}

/* "4:memory:/a" of the process that becomes the container: where each hierarchy starts inside. */
static void add_hierarchies(struct restore *r, const struct mount_plan *mount, char *cgroups)
{
	const bool unified = r->c->cgroup.host == CGROUP_UNIFIED;
	const bool alone = unified || strcmp(mount->type, "cgroup2") == 0;

	for (char *line; (line = strsep(&cgroups, "\n")) != NULL;) {
		char *name = strchr(line, ':'), *path = name != NULL ? strchr(name + 1, ':') : NULL;
		const char *point = mount->destination, *directory;

		/* That of cgroup2 has no name. */
		if (path == NULL || (alone && path != name + 1))
			continue;
		*path++ = '\0';
		name += strncmp(name + 1, "name=", 5) == 0 ? 6 : 1;
		directory = *name != '\0' ? name : unified ? "" : "unified";
		criu_add_pair(&r->request, CRIU_EXT_MNT,
			      alone ? point : arena_printf(r->arena, "%s/%s", point, directory),
			      arena_printf(r->arena, "/sys/fs/cgroup/%s%s", directory, path));
	}
}

static int add_mount(struct restore *r, const struct mount_plan *mount, int root_fd,
		     const char *cgroups, struct error *err)
{
	bool bind = mount->flags & MOUNT_BIND;

	if (!is_below_other(r->plan, mount) && make_mount_point(mount, root_fd, err) < 0)
		return error_wrap(err, "mount point %s", mount->destination);
	if (bind)
		criu_add_pair(&r->request, CRIU_EXT_MNT,
			      mount_point(r, root_fd, mount->destination), mount->source);
	else if ((strcmp(mount->type, "cgroup") == 0 || strcmp(mount->type, "cgroup2") == 0) &&
		 checkpoint_cgroup_is_part(r->c, r->plan))
		add_hierarchies(r, mount, arena_strdup(r->arena, cgroups));
	return 0;
}

static int add_mounts(struct restore *r, const char *cgroups, struct error *err)
{
	_cleanup_fd int root_fd = open(r->plan->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root_fd < 0)
		return error_errno(err, "open root %s", r->plan->root_path);
	LIST_EACH(mount, r->plan->mounts)
		if (!(mount->flags & MOUNT_REMOUNT) &&
		    add_mount(r, mount, root_fd, cgroups, err) < 0)
			return -1;
	LIST_EACH(path, r->plan->masked_paths)
		criu_add_pair(&r->request, CRIU_EXT_MNT, *path, "/dev/null");
	LIST_EACH(device, r->plan->devices)
		criu_add_pair(&r->request, CRIU_EXT_MNT, device->path, device->path);
	return 0;
}

/* The process is in the container's cgroups by now: they are the new places of those dumped. */
static void add_cgroups(struct restore *r, char *cgroups)
{
	for (char *line; (line = strsep(&cgroups, "\n")) != NULL;) {
		char *name = strchr(line, ':'), *path = name != NULL ? strchr(name + 1, ':') : NULL;

		if (path == NULL)
			continue;
		*path++ = '\0';
		criu_add_pair(&r->request, CRIU_CG_ROOT, name + 1, path);
	}
}

/* --- what comes from outside ---------------------------------------------------- */

static void give_fd(struct restore *r, const char *key, int fd)
{
	criu_add_fd(&r->request, key, CRIU_FIRST_FD + (int)r->start.fd_count);
	r->start.fds[r->start.fd_count++] = fd;
	r->owned[r->owned_count++] = fd;
}

static int add_namespace(struct restore *r, enum namespace_type type, struct error *err)
{
	const char *path = r->plan->namespaces[type].path;
	struct text join = { .arena = r->arena };
	int fd;

	if (path == NULL)
		return 0;
	if (type == NAMESPACE_NETWORK || type == NAMESPACE_PID) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return error_errno(err, "open namespace %s", path);
		give_fd(r, checkpoint_namespace_key(type), fd);
		return 0;
	}
	if (type == NAMESPACE_CGROUP || type == NAMESPACE_TIME)
		return error_set(err, "criu cannot restore into the %s namespace %s",
				 namespaces[type].file, path);
	protobuf_add_text(&join, 1, namespaces[type].file);
	protobuf_add_text(&join, 2, path);
	protobuf_add_message(&r->request, CRIU_JOIN_NS, &join);
	return 0;
}

/* What was the old container's stdin is ours now, and so on. */
static int add_descriptors(struct restore *r, int image_fd, struct error *err)
{
	struct json_source source = { .name = "descriptors.json" };
	const struct json *keys;
	char *text;
	int number = 0, fd;

	if (file_read(image_fd, "descriptors.json", 65536, r->arena, &text, &source.size,
		      err) < 0)
		return error_wrap(err, "no checkpoint is there");
	source.text = text;
	keys = json_parse(r->arena, &source, err);
	if (keys == NULL)
		return -1;
	JSON_EACH(key, keys) {
		bool named = key->type == JSON_STRING && (strncmp(key->text, "pipe:", 5) == 0 ||
							  strncmp(key->text, "file[", 5) == 0);

		if (named && number < CHECKPOINT_STREAMS) {
			/* A copy: CRIU closes it, and --shell-job wants its own stdin. */
			fd = fcntl(number, F_DUPFD_CLOEXEC, 3);
			if (fd < 0)
				return error_errno(err, "copy fd %d", number);
			give_fd(r, key->text, fd);
		} else if (named && number == CHECKPOINT_INIT) {
			fd = init_image_open(err);
			if (fd < 0)
				return -1;
			give_fd(r, key->text, fd);
		}
		number++;
	}
	return 0;
}

static int add_outside(struct restore *r, const struct checkpoint_dirs *dirs, struct error *err)
{
	for (enum namespace_type type = 0; type < NAMESPACE_COUNT; type++)
		if (add_namespace(r, type, err) < 0)
			return -1;
	return add_descriptors(r, dirs->image_fd, err);
}

/* --- what CRIU tells ------------------------------------------------------------ */

static int run_hooks(struct restore *r, struct error *err)
{
	static const enum hook_moment moments[] = { HOOK_PRESTART, HOOK_CREATE_RUNTIME };

	for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
		struct text state = { .arena = r->arena };

		if (r->plan->hooks[moments[i]].count == 0)
			continue;
		state_print_hook(&state, r->c, "creating");
		if (hooks_run(r->plan, moments[i], state.data, err) < 0)
			return -1;
	}
	return 0;
}

/* The network namespace comes without its contents, so lo is down in it. */
static void raise_loopback(const struct restore *r, pid_t pid)
{
	const char *path = arena_printf(r->arena, "/proc/%d/ns/net", (int)pid);
	pid_t child;

	if (!(r->plan->clone_flags & CLONE_NEWNET))
		return;
	child = fork();
	if (child == 0) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		struct error ignored;

		_exit(fd < 0 || setns(fd, CLONE_NEWNET) < 0 || loopback_up(&ignored) < 0);
	}
	if (child > 0)
		process_reap(child, NULL);
}

static int on_notify(void *context, const char *script, pid_t pid, int fd, struct error *err)
{
	struct restore *r = context;

	if (strcmp(script, "setup-namespaces") == 0) {
		if (container_born(r->c, pid, err) < 0)
			return -1;
		raise_loopback(r, pid);
		return run_hooks(r, err);
	}
	if (strcmp(script, "post-restore") == 0)
		return cgroup_set_devices(&r->c->cgroup, r->plan, err);
	if (strcmp(script, "orphan-pts-master") == 0) {
		if (r->creation->console_socket < 0)
			return error_set(err, "the container has a terminal: a console socket is "
					 "needed");
		return fd_send(r->creation->console_socket, &fd, 1, "/dev/ptmx", 9, err);
	}
	return 0;
}

/* --- all of it ------------------------------------------------------------------ */

static int add_options(struct restore *r, struct error *err)
{
	const struct checkpoint_options *o = r->options;

	if (checkpoint_options_add(&r->request, o, &r->criu, r->plan, RESTORE_LOG, err) < 0)
		return -1;
	protobuf_add_number(&r->request, CRIU_RST_SIBLING, 1);
	protobuf_add_number(&r->request, CRIU_EVASIVE_DEVICES, 1);
	protobuf_add_text(&r->request, CRIU_ROOT, r->start.root_target);
	if (o->lsm_profile != NULL)
		protobuf_add_text(&r->request, CRIU_LSM_PROFILE, o->lsm_profile);
	if (o->lsm_mount_context != NULL)
		protobuf_add_text(&r->request, CRIU_LSM_MOUNT_CONTEXT, o->lsm_mount_context);
	return 0;
}

/* Started first: where it is decides where the container's processes will be. */
static int place_criu(struct restore *r, struct error *err)
{
	const char *path;
	char *text;

	if (criu_start(&r->start, r->arena, &r->criu, err) < 0 ||
	    (r->c->cgroup.path != NULL && cgroup_join(&r->c->cgroup, r->criu.pid, err) < 0))
		return -1;
	path = arena_printf(r->arena, "/proc/%d/cgroup", (int)r->criu.pid);
	if (file_read(AT_FDCWD, path, 1 << 20, r->arena, &text, NULL, err) < 0 ||
	    add_mounts(r, text, err) < 0)
		return -1;
	add_cgroups(r, text);
	return 0;
}

static int restore_run(struct restore *r, struct spawn *ret, struct error *err)
{
	_cleanup_checkpoint_dirs struct checkpoint_dirs dirs = CHECKPOINT_DIRS_NONE;
	struct criu_answer answer;

	if (checkpoint_dirs_open(r->options, false, &dirs, err) < 0 ||
	    add_outside(r, &dirs, err) < 0)
		return -1;
	checkpoint_dirs_name(&dirs, r->start.dirs);
	if (place_criu(r, err) < 0 || add_options(r, err) < 0)
		return -1;
	if (criu_ask(&r->criu, CRIU_RESTORE, &r->request, on_notify, r, &answer, err) < 0)
		return checkpoint_explain(&dirs, r->arena, RESTORE_LOG, err);
	ret->pid = answer.pid;
	ret->pidfd = sys_pidfd_open(answer.pid, 0);
	if (ret->pidfd < 0)
		return error_errno(err, "open process %d", (int)answer.pid);
	return 0;
}

int checkpoint_restore(struct creation *creation, const struct creation_request *request,
		       struct error *err)
{
	struct container *c = &creation->container;
	struct restore r = { .c = c, .plan = creation->plan, .arena = c->arena,
			     .options = request->make_context, .creation = request,
			     .request = { .arena = c->arena }, .criu = CRIU_NONE };
	int rc;

	if (mkdirat(c->dir_fd, ROOT_NAME, 0700) < 0)
		return error_errno(err, "make %s/%s/" ROOT_NAME, c->root, c->id);
	r.start.root_path = creation->plan->root_path;
	r.start.root_target = arena_printf(c->arena, "%s/%s/" ROOT_NAME, c->root, c->id);
	c->restored = true;
	rc = restore_run(&r, &creation->spawn, err);
	criu_end(&r.criu);
	while (r.owned_count > 0)
		fd_close(&r.owned[--r.owned_count]);
	unlinkat(c->dir_fd, ROOT_NAME, AT_REMOVEDIR);
	return rc;
}
