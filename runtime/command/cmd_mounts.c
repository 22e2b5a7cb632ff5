/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/path.h"
#include "base/process.h"
#include "base/sys.h"
#include "config/json.h"
#include "config/load.h"
#include "init/step.h"
#include "init/tree.h"
#include "runtime/command/command.h"
#include "runtime/container.h"
#include "runtime/newcomer.h"
#include "runtime/prepare.h"
#include "runtime/shared_root.h"

/*
 * crun's "mounts": an array as "mounts" of config.json has it, put into a running
 * container or taken out.  Sources are opened out here; a short-lived process in all of the
 * container's namespaces does what step_mounts() does at the start: a procfs is of the pid
 * namespace of who makes it, a sysfs of the network's, and so on.
 */
struct change {
	struct container *c;
	struct plan plan; /* the container's, with these mounts and no others */
	struct init in;
	bool remove;
	int write_fd; /* for an error; borrowed */
};

/* A configuration around the array, so that it goes through the same decoders and checks. */
static int mounts_load(struct container *c, const char *file, struct plan *plan, struct error *err)
{
	struct json_source source = { .name = file };
	struct text config = { .arena = c->arena };
	const struct plan *mounts;
	const struct json *root;
	char *text;

	if (file_read(AT_FDCWD, file, JSON_MAX_SIZE, c->arena, &text, &source.size, err) < 0)
		return -1;
	source.text = text;
	root = json_parse(c->arena, &source, err);
	if (root == NULL)
		return -1;
	if (root->type != JSON_ARRAY)
		return error_set(err, "%s: must be an array, as \"mounts\" of config.json", file);
	text_add(&config, "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":");
	text_add_json(&config, c->root_path);
	text_add(&config, "},\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]},\"mounts\":");
	text_add_bytes(&config, text, source.size);
	text_add(&config, "}");
	mounts = plan_parse(c->arena, c->bundle, file, config.data, config.size, err);
	if (mounts == NULL)
		return -1;
	/* Passed over by step_mounts(). */
	if (mounts->root_mount != NULL)
		return error_set(err, "/0 on /: what runs keeps its root");
	plan->mounts = mounts->mounts;
	plan->root_mount = NULL;
	return 0;
}

/* What is mounted is the container's own; where it shares that with others, it is not. */
static int plan_make(struct change *change, const char *file, struct error *err)
{
	const struct plan *plan = container_plan(change->c, err);

	if (plan == NULL)
		return -1;
	if (root_is_shared(plan))
		return error_set(err, "its mount namespace is not its own: mount there");
	change->plan = *plan;
	if (mounts_load(change->c, file, &change->plan, err) < 0)
		return -1;
	for (size_t i = 0; i < change->plan.mounts.count && !change->remove; i++) {
		const char *type = change->plan.mounts.items[i].type;

		/* Its cgroup would be that of who makes the mount: ours. */
		if (type != NULL && strncmp(type, "cgroup", 6) == 0 &&
		    !plan->namespaces[NAMESPACE_CGROUP].listed)
			return error_set(err,
					 "/%zu on %s: the container has no cgroup namespace, "
					 "which type %s needs",
					 i, change->plan.mounts.items[i].destination, type);
	}
	return 0;
}

static int sources_open(struct change *change, struct error *err)
{
	size_t count = change->plan.mounts.count;
	int *trees = ARENA_NEWS(change->c->arena, count + 1, int);

	for (size_t i = 0; i < count; i++) {
		const struct mount_plan *mount = &change->plan.mounts.items[i];

		trees[i] = -EBADF;
		/* What is there may be what hides something, under another name: see unmount(). */
		if (mount->flags & MOUNT_REMOUNT)
			return error_set(err, "/%zu on %s: what runs is not remounted: remove it, "
					 "and add it anew", i, mount->destination);
		if (!(mount->flags & MOUNT_BIND))
			continue;
		trees[i] = tree_open_bind(&change->plan, mount, err);
		if (trees[i] < 0)
			return error_wrap(err, "/%zu on %s", i, mount->destination);
	}
	change->in.mount_trees = trees;
	return 0;
}

/*
 * By its last name in the directory that the resolver found, so that no link is followed: there
 * neither.  The container may have put a link to its /proc in the place of "/data", and then
 * "/data/sys" would be what keeps it from writing to /proc/sys.
 */
static int unmount(struct arena *arena, int root_fd, const char *destination, struct error *err)
{
	char *parent = arena_strdup(arena, destination), *slash;
	_cleanup_fd int parent_fd = -EBADF;

	while ((slash = strrchr(parent, '/')) != NULL && slash[1] == '\0' && slash > parent)
		*slash = '\0';
	if (slash == NULL || slash[1] == '\0')
		return error_number(err, EINVAL, "unmount %s", destination);
	*slash++ = '\0';
	parent_fd = path_open_plain(root_fd, parent, O_PATH | O_DIRECTORY, err);
	if (parent_fd < 0 && err->code == ELOOP)
		return error_hint(err, "a link leads to %s: name where it is mounted",
				  destination);
	if (parent_fd < 0)
		return -1;
	if (fchdir(parent_fd) == 0 && sys_umount2(slash, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		return 0;
	error_errno(err, "unmount %s", destination);
	return err->code == EINVAL ? error_hint(err, "nothing is mounted there") : -1;
}

/* The last that was mounted is on top. */
static int unmount_all(const struct change *change, struct error *err)
{
	for (size_t i = change->plan.mounts.count; i-- > 0;)
		if (unmount(change->c->arena, change->in.root_fd,
			    change->plan.mounts.items[i].destination, err) < 0)
			return error_wrap(err, "/%zu", i);
	return 0;
}

static int change_inside(struct change *change, struct error *err)
{
	if (step_join(&change->plan, &change->in, err) < 0)
		return -1;
	change->in.root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (change->in.root_fd < 0)
		return error_errno(err, "open the root of %s", change->c->id);
	if (change->remove)
		return unmount_all(change, err);
	return step_mounts(&change->plan, &change->in, err) < 0 ||
	       step_read_only(&change->plan, &change->in, err) < 0 ? -1 : 0;
}

static int change_main(void *context)
{
	struct change *change = context;
	struct error err = { 0 };

	warn_to(NULL, NULL);
	umask(0);
	container_close_state(change->c);
	if (change_inside(change, &err) == 0)
		return 0;
	(void)!fd_write_all(change->write_fd, &err, sizeof(err));
	return 1;
}

static int change_run(struct change *change, struct error *err)
{
	struct clone_request request = CLONE_REQUEST_INIT;
	_cleanup_fd int read_fd = -EBADF, write_fd = -EBADF;
	struct clone_result child;
	struct newcomer newcomer;
	struct error inside;
	int status = -1;
	ssize_t size;

	if (fd_pipe(&read_fd, &write_fd, err) < 0)
		return -1;
	change->write_fd = write_fd;
	prepare_join(&change->plan, change->c->pidfd, &request);
	/* CVE-2016-9962: whoever is in there may not trace us. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_errno(err, "forbid tracing");
	newcomer_begin(&newcomer, 0);
	if (clone_process(&request, change_main, change, &child, err) < 0) {
		newcomer_end(&newcomer);
		return -1;
	}
	newcomer_born(child.pidfd);
	fd_close(&write_fd);
	size = read(read_fd, &inside, sizeof(inside));
	if (newcomer_ended(child.pidfd) && process_reap(child.pid, &status) < 0)
		status = error_errno(err, "wait for process %d", (int)child.pid);
	newcomer_end(&newcomer);
	fd_close(&child.pidfd);
	if (status < 0)
		return newcomer_explain(err);
	if (size == (ssize_t)sizeof(inside)) {
		*err = inside;
		return -1;
	}
	if (status == 0)
		return 0;
	error_set(err, "the process in the container died");
	return newcomer_explain(err);
}

static int run(struct cli *cli, const void *values _unused, struct error *err)
{
	struct arguments words = cli->arguments;
	struct change change = { .in = INIT_NONE };
	_cleanup_container struct container c = CONTAINER_NONE;

	change.remove = strcmp(words.items[0], "remove") == 0;
	if (!change.remove && strcmp(words.items[0], "add") != 0)
		return error_set(err, "unknown command %s: must be add or remove", words.items[0]);
	cli->arguments.items++;
	cli->arguments.count--;
	if (cli_container_locked(cli, &c, err) < 0 || container_pidfd(&c, err) < 0)
		return -1;
	change.c = &c;
	change.in.arena = cli->arena;
	change.in.process = &change.plan.process;
	if (plan_make(&change, words.items[2], err) < 0 ||
	    (!change.remove && sources_open(&change, err) < 0))
		return error_wrap(err, "mounts %s %s", words.items[0], c.id);
	change.in.new_user_ns = change.plan.namespaces[NAMESPACE_USER].listed;
	change.in.cgroup_unified = cgroup_host() == CGROUP_UNIFIED;
	/* In its cgroup namespace those of v1 may be the caller's, whatever "update" did since. */
	change.in.cgroup_v2_alone = cgroup_host() == CGROUP_HYBRID;
	if (change_run(&change, err) < 0)
		return error_wrap(err, "mounts %s %s", words.items[0], c.id);
	return 0;
}

const struct command command_mounts = {
	.name = "mounts",
	.arguments = "add|remove ID FILE",
	.summary = "mount in a running container, or unmount",
	.description = "FILE is a JSON array of mounts as config.json has them.  They are made in\n"
		       "the container's namespaces; its mount namespace must be its own.",
	.min = 3,
	.max = 3,
	.stop_after = -1,
	.run = run,
};
