/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/create.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/json.h"
#include "config/load.h"
#include "runtime/console.h"
#include "runtime/journal.h"
#include "runtime/notify.h"
#include "runtime/shared_root.h"
#include "runtime/state.h"

int bundle_load(struct arena *arena, const struct create_options *options, struct bundle *ret,
		struct error *err)
{
	const char *directory = options->bundle != NULL ? options->bundle : ".";
	struct config_text config;

	if (config_text_read(arena, directory, options->config, &config, err) < 0)
		return -1;
	*ret = (struct bundle){ .path = config.bundle,
				.config = config.name,
				.text = config.text,
				.size = config.size };
	ret->plan = plan_parse(arena, ret->path, ret->config, ret->text, ret->size, err);
	return ret->plan != NULL ? 0 : -1;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct annotation *)a)->key, ((const struct annotation *)b)->key);
}

/* Go's encoder, whose output clients compare with, sorts the keys of a map. */
static void keep_annotations(struct container *c, const struct plan *plan)
{
	size_t count = plan->annotations.count;
	struct annotation *items = ARENA_NEWS(c->arena, count + 1, struct annotation);

	if (count > 0)
		memcpy(items, plan->annotations.items, count * sizeof(*items));
	qsort(items, count, sizeof(*items), by_key);
	c->annotations.items = items;
	c->annotations.count = count;
}

static int note_beginnings(struct container *c, const struct bundle *bundle, bool foreground,
			   struct error *err)
{
	const struct plan *plan = bundle->plan;

	c->bundle = bundle->path;
	c->root_path = plan->root_path;
	c->oci_version = plan->oci_version;
	keep_annotations(c, plan);
	if (foreground && (journal_lock(c->lock_fd, JOURNAL_WATCH, err) < 0 ||
			   journal_lock(c->lock_fd, JOURNAL_SETUP, err) < 0))
		return -1;
	if (journal_begin(c->lock_fd, c->arena, c->bundle,
			  c->root_path != NULL ? c->root_path : "", foreground, err) < 0)
		return -1;
	if (root_is_shared(plan) && shared_root_note(c->lock_fd, c->arena, plan, err) < 0)
		return -1;
	c->foreground = foreground;
	return container_keep_config(c, bundle->text, bundle->size, err);
}

static int make_cgroup(struct container *c, const struct plan *plan, enum cgroup_manager manager,
		       struct error *err)
{
	if (cgroup_plan(&c->cgroup, c->arena, plan, c->id, manager, err) < 0)
		return -1;
	/* Unlike that of any container, also of the same id below another --root. */
	c->cgroup.owner = arena_printf(c->arena, "%lld.%09ld-%d", (long long)c->created.tv_sec,
				       c->created.tv_nsec, (int)getpid());
	if (journal_add_cgroup(c->lock_fd, c->arena, &c->cgroup, err) < 0)
		return -1;
	return cgroup_create(&c->cgroup, c->arena, cgroup_plan_of_create(c->arena, plan), err);
}

static int make_rdt_group(struct container *c, const struct plan *plan, struct error *err)
{
	return plan->intel_rdt.set ?
		rdt_create(&c->rdt, c->arena, &plan->intel_rdt, c->id, c->lock_fd, err) : 0;
}

static int on_born(void *context, pid_t pid, int pidfd _unused, struct error *err)
{
	return container_born(context, pid, err);
}

static int on_ahead(void *context, struct error *err)
{
	return state_save(context, err);
}

/*
 * Whether only the state stands between READY and START.  Till READY the journal's lock says
 * "creating", and who asks waits a moment for it (container_status): a hook that asks would be
 * waited for itself.
 */
static bool may_start_ahead(const struct creation *creation,
			    const struct creation_request *request)
{
	const struct create_options *options = request->options;
	const struct plan *plan = creation->plan;

	return request->foreground && !plan->process.terminal &&
	       plan->hooks[HOOK_CREATE_CONTAINER].count == 0 &&
	       !cgroup_limits_tasks_late(plan) && creation->notify_env == NULL &&
	       options->pid_file == NULL && options->pidfd_socket == NULL;
}

static const char *on_hook_state(void *context, const char *status)
{
	const struct container *c = context;
	struct text state = { .arena = c->arena };

	state_print_hook(&state, c, status);
	return state.data;
}

/*
 * sd_listen_fds(3): to every process but LISTEN_PID the variables mean nothing, though it may have
 * inherited them.  Podman says 1 there, for the program; without LISTEN_PID they are ours.
 */
static int listen_fds(void)
{
	const char *count = secure_getenv("LISTEN_FDS"), *pid = secure_getenv("LISTEN_PID");
	uint64_t fds, whose;

	if (count == NULL || !text_to_u64(count, 1024, &fds))
		return 0;
	if (pid != NULL &&
	    (!text_to_u64(pid, INT_MAX, &whose) || (whose != 1 && whose != (uint64_t)getpid())))
		return 0;
	return (int)fds;
}

/* What systemd's socket activation tells the program; its fds follow 0, 1 and 2. */
static const char *const *added_environment(struct arena *arena, const char *notify,
					    int *preserve_fds)
{
	const int fds = listen_fds();
	const char **env;
	size_t count = 0;

	if (fds == 0 && notify == NULL)
		return NULL;
	env = ARENA_NEWS(arena, 4, const char *);
	if (fds > 0) {
		*preserve_fds += fds;
		env[count++] = arena_printf(arena, "LISTEN_FDS=%d", fds);
		env[count++] = "LISTEN_PID=1";
	}
	if (notify != NULL)
		env[count++] = notify;
	return env;
}

/* The directory of the container must be there. */
static int add_notify(struct creation *creation, struct error *err)
{
	struct container *c = &creation->container;
	const struct plan *plan;

	if (!notify_wanted())
		return 0;
	plan = notify_plan(c->arena, creation->plan,
			   arena_printf(c->arena, "%s/%s", c->root, c->id), c->dir_fd,
			   &creation->notify_env, err);
	if (plan == NULL)
		return -1;
	creation->plan = plan;
	return 0;
}

/* A number that nobody hands on would be told by the init, when there is a container already. */
static int check_report(const struct plan *plan, int preserve_fds, struct error *err)
{
	uint64_t fd;

	LIST_EACH(word, plan->init.options) {
		if (!plan->init.used || strncmp(*word, "--report=", 9) != 0 ||
		    !text_to_u64(*word + 9, INT_MAX, &fd) || fd < 3 + (uint64_t)preserve_fds)
			continue;
		error_number(err, EBADF, "report of the init to %s", *word + 9);
		return error_hint(err, "--preserve-fds says how many above 2 are handed on");
	}
	return 0;
}

static int make_process(struct creation *creation, const struct creation_request *create,
			struct error *err)
{
	struct container *c = &creation->container;

	if (add_notify(creation, err) < 0)
		return -1;
	struct spawn_request request = {
		.plan = creation->plan,
		.id = c->id,
		.arena = c->arena,
		.cgroup = &c->cgroup,
		.rdt = &c->rdt,
		.state_fd = c->dir_fd,
		.wait_for_start = create->wait_for_start,
		.console_socket = create->console_socket,
		.preserve_fds = create->options->preserve_fds,
		.no_pivot = create->options->no_pivot,
		.new_keyring = !create->options->no_new_keyring,
		.born = on_born,
		.hook_state = on_hook_state,
		.ahead = may_start_ahead(creation, create) ? on_ahead : NULL,
		.context = c,
	};

	request.extra_env = added_environment(c->arena, creation->notify_env,
					      &request.preserve_fds);
	if (check_report(creation->plan, request.preserve_fds, err) < 0)
		return -1;
	if (spawn_create(&request, &creation->spawn, err) == 0)
		return 0;
	if (err->code == EPERM && geteuid() != 0 && !(creation->plan->clone_flags & CLONE_NEWUSER))
		error_hint(err, "\"kist spec --rootless\" writes a config.json with one");
	if (create->as_runc)
		error_wrap(err, "unable to start container process: error during container init");
	return -1;
}

static int tell_callers(const struct creation *creation, const struct create_options *options,
			struct error *err)
{
	if (options->pidfd_socket != NULL &&
	    pidfd_socket_send(options->pidfd_socket, creation->spawn.pidfd, "standard", err) < 0)
		return -1;
	if (options->pid_file != NULL)
		return pid_file_write(options->pid_file, creation->spawn.pid, err);
	return 0;
}

int creation_begin(const struct creation_request *request, struct creation *ret,
		   struct error *err)
{
	struct container *c = &ret->container;
	const struct plan *plan = request->bundle->plan;
	int root_fd = container_root_open(request->root, true, err);

	*ret = CREATION_NONE;
	ret->plan = plan;
	if (root_fd < 0 ||
	    container_claim(c, request->arena, request->root, root_fd, request->id, err) < 0)
		return -1;
	c->detached = !request->foreground;
	c->callers_keyring = request->options->no_new_keyring;
	LIST_EACH(text, plan->warnings)
		warn("%s", *text);
	if (note_beginnings(c, request->bundle, request->foreground, err) == 0 &&
	    make_cgroup(c, plan, request->manager, err) == 0 &&
	    make_rdt_group(c, plan, err) == 0 &&
	    (request->make != NULL ? request->make : make_process)(ret, request, err) == 0 &&
	    cgroup_limit_tasks(&c->cgroup, c->arena, plan, err) == 0 &&
	    (c->complete || state_save(c, err) == 0) &&
	    tell_callers(ret, request->options, err) == 0) {
		if (c->foreground)
			journal_unlock(c->lock_fd, JOURNAL_SETUP);
		return 0;
	}
	creation_undo(ret);
	return -1;
}

int creation_start(struct creation *creation, struct notify *notify, pid_t watched,
		   struct error *err)
{
	struct container *c = &creation->container;

	container_await_hooks(c, creation->plan);
	if (notify_open(notify, c->dir_fd, watched, err) == 0 &&
	    spawn_start(&creation->spawn, err) == 0 &&
	    container_started(c, creation->plan, err) == 0)
		return 0;
	creation_undo(creation);
	return -1;
}

void creation_undo(struct creation *creation)
{
	const struct plan *plan = creation->plan;

	/* A hook is the host's program, and would take the container's network for the host's. */
	if (creation->spawn.astray && plan->hooks[HOOK_POSTSTOP].count > 0)
		warn("the poststop hooks of %s are left out: kist is in its network namespace",
		     creation->container.id);
	if (creation->spawn.astray)
		plan = NULL;
	container_undo(&creation->container, plan);
	creation_close(creation);
}

int creation_end(struct creation *creation, struct error *err)
{
	struct container *c = &creation->container;

	if (container_relock(c, err) < 0)
		return err->code == ENOENT ? 0 : -1;
	if (container_destroy(c, creation->plan, err) < 0)
		return error_wrap(err, "delete %s", c->id);
	return 0;
}

void creation_close(struct creation *creation)
{
	spawn_close(&creation->spawn);
	container_close(&creation->container);
}

int create_check_terminal(bool terminal, bool detach, const char *console_socket,
			  struct error *err)
{
	if (detach && terminal && console_socket == NULL)
		return error_set(
			err,
			"cannot allocate tty if runc will detach without setting console socket");
	if ((!detach || !terminal) && console_socket != NULL)
		return error_set(
			err, "cannot use console socket if runc will not detach or allocate tty");
	return 0;
}

int pid_file_write(const char *path, pid_t pid, struct error *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	_cleanup_fd int dir_fd = -EBADF;
	char directory[PATH_MAX], digits[16];
	int size = snprintf(digits, sizeof(digits), "%d", (int)pid);

	if (*name == '\0')
		return error_number(err, EISDIR, "write pid file %s", path);
	if (name - path >= PATH_MAX)
		return error_number(err, ENAMETOOLONG, "write pid file %.32s...", path);
	snprintf(directory, sizeof(directory), "%.*s", slash != NULL ? (int)(slash - path + 1) : 1,
		 slash != NULL ? path : ".");
	dir_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return error_errno(err, "write pid file %s", path);
	if (file_replace(dir_fd, name, digits, (size_t)size, 0644, err) < 0)
		return error_wrap(err, "write pid file %s", path);
	return 0;
}

int pidfd_socket_send(const char *path, int pidfd, const char *payload, struct error *err)
{
	_cleanup_fd int socket = socket_connect("pidfd socket", path, err);

	if (socket < 0)
		return error_wrap(err, "send the pidfd to %s", path);
	return fd_send(socket, &pidfd, 1, payload, strlen(payload), err);
}
