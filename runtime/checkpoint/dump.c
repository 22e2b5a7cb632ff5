/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "config/names.h"
#include "init/pid1/pid1.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/mountinfo.h"
#include "runtime/checkpoint/protobuf.h"

#define DUMP_LOG	"dump.log"
#define MOUNTS_MAX	((size_t)16 << 20)

struct dump {
	struct container *c;
	const struct plan *plan;
	const struct checkpoint_options *options;
	struct arena *arena;
	struct text request;		/* struct criu_opts */
	const char *init_key;		/* what the image calls the init's program, or "" */
	int status_fd;			/* the caller's, or -1 */
	int image_fd; /* of the directory; borrowed */
	bool paused;
};

/* --- what is outside of the container ------------------------------------------- */

static int mounts_read(struct dump *d, const char *path, char **ret, struct error *err)
{
	return file_read(AT_FDCWD, path, MOUNTS_MAX, d->arena, ret, NULL, err);
}

static bool host_has(struct arena *arena, const char *host_mounts, const char *device)
{
	return strstr(host_mounts, arena_printf(arena, " %s /", device)) != NULL;
}

/*
 * What CRIU can mount again itself, though it is the host's: file systems of which there is one
 * for a namespace, or for all.
 */
static bool is_remade(const char *type)
{
	static const char *const types[] = { "proc", "sysfs", "mqueue", "devpts", "cgroup2" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

/*
 * Bind mounts, and the hierarchies of cgroup v1: the container only borrows them.  And cgroup2
 * beside those, or without a cgroup namespace: CRIU makes only what begins at its root.
 */
static int add_mounts(struct dump *d, struct error *err)
{
	const char *path = arena_printf(d->arena, "/proc/%d/mountinfo", (int)d->c->pid);
	struct mount_line line;
	char *own, *host;

	if (mounts_read(d, path, &own, err) < 0 ||
	    mounts_read(d, "/proc/self/mountinfo", &host, err) < 0)
		return -1;
	while (mount_line_next(&own, &line)) {
		const bool part = strcmp(line.type, "cgroup2") == 0 &&
				  checkpoint_cgroup_is_part(d->c, d->plan);

		if (strcmp(line.point, "/") == 0 || (is_remade(line.type) && !part))
			continue;
		if (part || strcmp(line.type, "cgroup") == 0 ||
		    host_has(d->arena, host, line.device))
			criu_add_pair(&d->request, CRIU_EXT_MNT, line.point, line.point);
	}
	return 0;
}

/* Namespaces that were joined by path stay where they are. */
static int add_namespaces(struct dump *d, struct error *err)
{
	static const enum namespace_type types[] = { NAMESPACE_NETWORK, NAMESPACE_PID };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		const char *path = d->plan->namespaces[types[i]].path;
		const char *word = namespaces[types[i]].file;
		struct stat st;

		if (path == NULL)
			continue;
		if (stat(path, &st) < 0)
			return error_errno(err, "stat %s", path);
		protobuf_add_text(&d->request, CRIU_EXTERNAL,
				  arena_printf(d->arena, "%s[%ju]:%s", word, (uintmax_t)st.st_ino,
					       checkpoint_namespace_key(types[i])));
	}
	return 0;
}

/* --- the standard streams ------------------------------------------------------- */

static bool mount_is_inside(struct dump *d, unsigned long id)
{
	const char *path = arena_printf(d->arena, "/proc/%d/mountinfo", (int)d->c->pid);
	struct mount_line line;
	struct error ignored;
	char *own;

	if (mounts_read(d, path, &own, &ignored) < 0)
		return true;
	while (mount_line_next(&own, &line))
		if (line.id == id)
			return true;
	return false;
}

static bool mount_id_read(struct arena *arena, const char *path, unsigned long *ret)
{
	struct error ignored;
	const char *at;
	char *text;

	if (file_read(AT_FDCWD, path, 4096, arena, &text, NULL, &ignored) < 0 ||
	    (at = strstr(text, "mnt_id:")) == NULL)
		return false;
	*ret = strtoul(at + strlen("mnt_id:"), NULL, 10);
	return true;
}

/* As CRIU calls a file of the host: "file[mount:inode]". */
static const char *file_key(struct dump *d, const char *link, const char *info)
{
	unsigned long mount;
	struct stat st;

	if (stat(link, &st) < 0 || !mount_id_read(d->arena, info, &mount) ||
	    mount_is_inside(d, mount))
		return "";
	return arena_printf(d->arena, "file[%lx:%lx]", mount, (unsigned long)st.st_ino);
}

/* "pipe:[123]" is a name in the image too; a file has to be announced as the host's. */
static const char *stream_key(struct dump *d, int stream)
{
	const char *link = arena_printf(d->arena, "/proc/%d/fd/%d", (int)d->c->pid, stream);
	const char *info = arena_printf(d->arena, "/proc/%d/fdinfo/%d", (int)d->c->pid, stream);
	char target[4096];
	ssize_t size = readlink(link, target, sizeof(target) - 1);

	if (size < 0)
		return "";
	target[size] = '\0';
	return *target == '/' ? file_key(d, link, info) : arena_strdup(d->arena, target);
}

/*
 * kist's init runs from a memfd, which has no name that could be opened at the restore: a new one
 * is put in its place.
 */
static const char *init_key(struct dump *d)
{
	const char *link = arena_printf(d->arena, "/proc/%d/exe", (int)d->c->pid);
	_cleanup_fd int fd = -EBADF;
	char target[256];
	ssize_t size = readlink(link, target, sizeof(target) - 1);

	target[size > 0 ? size : 0] = '\0';
	if (strncmp(target, "/memfd:" PID1_NAME, strlen("/memfd:" PID1_NAME)) != 0)
		return "";
	fd = open(link, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return "";
	return file_key(d, link, arena_printf(d->arena, "/proc/self/fdinfo/%d", fd));
}

static int add_descriptors(struct dump *d, int image_fd, struct error *err)
{
	const char *keys[CHECKPOINT_DESCRIPTORS];
	struct text json = { .arena = d->arena };

	for (int i = 0; i < CHECKPOINT_STREAMS; i++)
		keys[i] = stream_key(d, i);
	keys[CHECKPOINT_INIT] = d->init_key = init_key(d);
	/* CRIU asks pid 1's descriptor for the session, and loses the container for it later. */
	if (*d->init_key != '\0' && d->plan->process.terminal)
		return error_set(err, "criu cannot restore a terminal whose session is not that of "
				 "pid 1: run the container with --init=never, or the annotation "
				 "org.kist.init=never");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		text_add(&json, i == 0 ? "[" : ",");
		text_add_json(&json, keys[i]);
		if (strncmp(keys[i], "file[", 5) == 0)
			protobuf_add_text(&d->request, CRIU_EXTERNAL, keys[i]);
	}
	text_add(&json, "]");
	return file_replace(image_fd, "descriptors.json", json.data, json.size, 0600, err);
}

/* --- the request ---------------------------------------------------------------- */

/* The number of a 127.0.0.1:9876. */
static int add_page_server(struct dump *d, struct error *err)
{
	const char *text = d->options->page_server;
	const char *colon = text != NULL ? strrchr(text, ':') : NULL;
	struct text server = { .arena = d->arena };
	uint64_t port;

	if (text == NULL)
		return 0;
	if (colon == NULL || colon == text || !text_to_u64(colon + 1, UINT16_MAX, &port) ||
	    port == 0)
		return error_set(err, "Use --page-server ADDRESS:PORT to specify page server");
	protobuf_add_text(&server, 1,
			  arena_strndup(d->arena, text, (size_t)(colon - text)));
	protobuf_add_number(&server, 2, port);
	protobuf_add_message(&d->request, CRIU_PAGE_SERVER, &server);
	return 0;
}

static int add_parent(struct dump *d, const struct checkpoint_dirs *dirs, struct error *err)
{
	const char *parent = d->options->parent_path;
	struct stat st;

	if (parent == NULL)
		return 0;
	if (*parent == '/')
		return error_set(err, "--parent-path must be relative");
	if (fstatat(dirs->image_fd, parent, &st, 0) < 0)
		return error_errno(err, "invalid --parent-path: stat %s/%s", dirs->image, parent);
	protobuf_add_text(&d->request, CRIU_PARENT_IMG, parent);
	protobuf_add_number(&d->request, CRIU_TRACK_MEM, 1);
	return 0;
}

static int take_status_fd(struct dump *d, struct error *err)
{
	const char *text = d->options->status_fd;
	int64_t fd = -1;
	int flags;

	if (text != NULL && !text_to_i64(text, -1, INT32_MAX, &fd))
		return error_set(err, "invalid value \"%s\" for flag --status-fd: must be a number",
				 text);
	d->status_fd = (int)fd;
	if (fd < 0)
		return 0;
	flags = fcntl(d->status_fd, F_GETFL);
	/* What is closed by an execve is our own: the lock, for one. */
	if (flags >= 0 && (fcntl(d->status_fd, F_GETFD) & FD_CLOEXEC) != 0) {
		flags = -1;
		errno = EBADF;
	}
	if (flags < 0)
		return error_errno(err, "invalid --status-fd argument %s", text);
	if ((flags & O_ACCMODE) == O_RDONLY)
		return error_set(err, "invalid --status-fd argument %s: not writable", text);
	return 0;
}

/* The kernel need not have been built with it; CRIU would only say so in its log. */
static int check_features(const struct dump *d, struct error *err)
{
	const struct criu_start start = { .fd_count = 0 };
	_cleanup_criu struct criu criu = CRIU_NONE;
	struct criu_answer answer;

	if (!d->options->pre_dump && !d->options->lazy_pages)
		return 0;
	if (criu_start(&start, d->arena, &criu, err) < 0)
		return -1;
	if (criu_ask(&criu, CRIU_FEATURES, NULL, NULL, NULL, &answer, err) < 0)
		return error_wrap(err, "ask what criu can do here");
	if (d->options->pre_dump && !answer.mem_track)
		return error_set(err, "--pre-dump: this kernel does not track changes of memory "
				 "(CONFIG_MEM_SOFT_DIRTY)");
	if (d->options->lazy_pages && !answer.lazy_pages)
		return error_set(err, "--lazy-pages: this kernel or criu cannot do it "
				 "(CONFIG_USERFAULTFD)");
	return 0;
}

/*
 * A paused container has to be thawed by who stops it, so CRIU is told how.  One that runs is not
 * frozen for it by v1: where ptrace meets that freezer, a process now and then stays in it.
 */
static void add_freezer(struct dump *d)
{
	const char *freezer = cgroup_freezer(&d->c->cgroup, d->arena);

	if (freezer != NULL && (d->c->cgroup.host == CGROUP_UNIFIED || d->paused))
		protobuf_add_text(&d->request, CRIU_FREEZE_CGROUP, freezer);
}

static int make_request(struct dump *d, const struct checkpoint_dirs *dirs,
			const struct criu *criu, struct error *err)
{
	if (checkpoint_options_add(&d->request, d->options, criu, d->plan, DUMP_LOG, err) < 0)
		return -1;
	protobuf_add_number(&d->request, CRIU_PID, (uint64_t)d->c->pid);
	protobuf_add_text(&d->request, CRIU_ROOT, d->c->root_path);
	add_freezer(d);
	if (add_page_server(d, err) < 0 || add_parent(d, dirs, err) < 0 ||
	    add_namespaces(d, err) < 0)
		return -1;
	if (d->options->pre_dump)
		return 0;
	return add_mounts(d, err) < 0 ? -1 : add_descriptors(d, dirs->image_fd, err);
}

/* Once the image is complete but for that. */
static int name_init(struct dump *d, struct error *err)
{
	const char *key = d->init_key;

	d->init_key = "";
	if (*key != '\0' && checkpoint_name_init(d->arena, d->image_fd, key, err) < 0)
		return error_wrap(err, "the image");
	return 0;
}

static int on_notify(void *context, const char *script, pid_t pid _unused, int fd _unused,
		     struct error *err)
{
	struct dump *d = context;

	/*
	 * CRIU has a number, and with it another process where ours ended before CRIU stopped it:
	 * after a "no" here that goes on, and is not ended in the container's place.
	 */
	if (strcmp(script, "post-dump") == 0)
		return container_pidfd(d->c, err) < 0 ? -1 : 0;
	if (strcmp(script, "status-ready") != 0)
		return 0;
	/* With --lazy-pages the image is used from now on, while CRIU still hands out memory. */
	if (name_init(d, err) < 0)
		return -1;
	/* The caller waits for a NUL before it starts the other side of a migration. */
	if (d->status_fd >= 0) {
		(void)!fd_write_all(d->status_fd, "", 1);
		fd_close(&d->status_fd);
	}
	return 0;
}

static int ask(struct dump *d, struct criu *criu, struct error *err)
{
	enum criu_request request = d->options->pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP;
	struct cgroup *cgroup = &d->c->cgroup;
	struct criu_answer answer;
	/* Where CRIU cannot be told of the freezer, it waits for ever for what is frozen. */
	const bool frozen = d->paused && cgroup->host == CGROUP_HYBRID;
	struct error ignored;
	int rc;

	if (frozen && cgroup_freeze(cgroup, false, err) < 0)
		return -1;
	rc = criu_ask(criu, request, &d->request, on_notify, d, &answer, err);
	if (frozen && (rc < 0 || d->options->leave_running || d->options->pre_dump))
		cgroup_freeze(cgroup, true, &ignored);
	return rc;
}

int checkpoint_dump(struct container *c, const struct plan *plan,
		    const struct checkpoint_options *options, struct error *err)
{
	struct dump d = { .c = c, .plan = plan, .options = options, .arena = c->arena,
			  .request = { .arena = c->arena }, .init_key = "" };
	struct criu_start start = { .fd_count = 0 };
	_cleanup_checkpoint_dirs struct checkpoint_dirs dirs = CHECKPOINT_DIRS_NONE;
	_cleanup_criu struct criu criu = CRIU_NONE;

	if (criu_find(c->arena, err) == NULL || take_status_fd(&d, err) < 0 ||
	    checkpoint_dirs_open(options, true, &dirs, err) < 0 || check_features(&d, err) < 0)
		return -1;
	checkpoint_dirs_name(&dirs, start.dirs);
	d.paused = container_status(c) == CONTAINER_PAUSED;
	d.image_fd = dirs.image_fd;
	if (criu_start(&start, c->arena, &criu, err) < 0 ||
	    make_request(&d, &dirs, &criu, err) < 0)
		return -1;
	if (ask(&d, &criu, err) < 0)
		return checkpoint_explain(&dirs, c->arena, DUMP_LOG, err);
	return name_init(&d, err);
}
