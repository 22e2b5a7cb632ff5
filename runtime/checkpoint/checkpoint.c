/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/checkpoint/checkpoint.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "config/names.h"
#include "runtime/checkpoint/protobuf.h"

#define LOG_LEVEL_DEBUG		4
#define CONFIG_ANNOTATION	"org.criu.config"

/* Source: enum criu_cg_mode of CRIU's rpc.proto. */
static const struct name cgroup_modes[] = {
	{ "ignore", 0 }, { "soft", 3 }, { "full", 4 }, { "strict", 5 }, { NULL, 0 },
};
/* Source: enum criu_network_lock_method. */
static const struct name network_locks[] = {
	{ "iptables", 1 }, { "nftables", 2 }, { "skip", 3 }, { NULL, 0 },
};

/* Clients pass paths of directories that they have not made, nor those above. */
static int dirs_make(const char *path, struct error *err)
{
	char part[PATH_MAX];

	if (strlen(path) >= sizeof(part))
		return error_set(err, "%s: is too long", path);
	for (const char *at = path; *at != '\0';) {
		at += strspn(at, "/");
		at += strcspn(at, "/");
		snprintf(part, sizeof(part), "%.*s", (int)(at - path), path);
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return error_errno(err, "make directory %s", part);
	}
	return 0;
}

static int dir_open(const char *path, bool create, struct error *err)
{
	int fd;

	if (create && dirs_make(path, err) < 0)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : error_errno(err, "open %s", path);
}

int checkpoint_dirs_open(const struct checkpoint_options *options, bool create,
			 struct checkpoint_dirs *ret, struct error *err)
{
	*ret = CHECKPOINT_DIRS_NONE;
	ret->image = options->image_path != NULL ? options->image_path : "checkpoint";
	ret->work = options->work_path != NULL ? options->work_path : ret->image;
	ret->image_fd = dir_open(ret->image, create, err);
	if (ret->image_fd < 0)
		return error_wrap(err, "--image-path");
	if (options->work_path == NULL)
		return 0;
	ret->work_fd = dir_open(ret->work, true, err);
	if (ret->work_fd >= 0)
		return 0;
	checkpoint_dirs_close(ret);
	return error_wrap(err, "--work-path");
}

void checkpoint_dirs_close(struct checkpoint_dirs *dirs)
{
	fd_close(&dirs->image_fd);
	fd_close(&dirs->work_fd);
}

void checkpoint_dirs_name(const struct checkpoint_dirs *dirs, const char *ret[CRIU_DIRS])
{
	ret[CRIU_IMAGES] = dirs->image;
	ret[CRIU_WORK] = dirs->work_fd >= 0 ? dirs->work : NULL;
}

int checkpoint_explain(const struct checkpoint_dirs *dirs, struct arena *arena, const char *log,
		       struct error *err)
{
	return criu_explain(arena, dirs->work_fd >= 0 ? dirs->work_fd : dirs->image_fd,
			    dirs->work, log, err);
}

static int add_word(struct text *out, enum criu_option option, const struct name *words,
		    const char *word, const char *flag, struct error *err)
{
	const struct name *row = name_find(words, word);

	if (row == NULL)
		return error_set(err, "invalid %s value \"%s\"", flag, word);
	protobuf_add_number(out, option, (uint64_t)row->value);
	return 0;
}

static void add_flags(struct text *out, const struct checkpoint_options *o)
{
	const struct { enum criu_option option; bool set; } flags[] = {
		{ CRIU_LEAVE_RUNNING, o->leave_running },
		{ CRIU_TCP_ESTABLISHED, o->tcp_established },
		{ CRIU_TCP_SKIP_IN_FLIGHT, o->tcp_skip_in_flight },
		{ CRIU_TCP_CLOSE, o->tcp_close },
		{ CRIU_LINK_REMAP, o->link_remap },
		{ CRIU_EXT_UNIX_SK, o->ext_unix_sk },
		{ CRIU_SHELL_JOB, o->shell_job },
		{ CRIU_FILE_LOCKS, o->file_locks },
		{ CRIU_AUTO_DEDUP, o->auto_dedup },
		{ CRIU_LAZY_PAGES, o->lazy_pages },
		{ CRIU_ORPHAN_PTS_MASTER, true },
		{ CRIU_NOTIFY_SCRIPTS, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].set)
			protobuf_add_number(out, flags[i].option, 1);
}

int checkpoint_options_add(struct text *out, const struct checkpoint_options *options,
			   const struct criu *criu, const struct plan *plan, const char *log,
			   struct error *err)
{
	const char *config = plan_annotation(plan, CONFIG_ANNOTATION);
	const char *mode = options->manage_cgroups_mode;

	LIST_EACH(word, options->empty_ns)
		if (strcmp(*word, "network") != 0)
			return error_set(err, "--empty-ns: namespace \"%s\" is not supported",
					 *word);
	protobuf_add_number(out, CRIU_IMAGES_DIR_FD, (uint64_t)criu->dir_fds[CRIU_IMAGES]);
	if (criu->dir_fds[CRIU_WORK] >= 0)
		protobuf_add_number(out, CRIU_WORK_DIR_FD, (uint64_t)criu->dir_fds[CRIU_WORK]);
	protobuf_add_number(out, CRIU_LOG_LEVEL, LOG_LEVEL_DEBUG);
	protobuf_add_text(out, CRIU_LOG_FILE, log);
	add_flags(out, options);
	/* Who made the network makes it again: interfaces are not the runtime's. */
	protobuf_add_number(out, CRIU_EMPTY_NS, CLONE_NEWNET);
	/* The file of runc's users; an empty annotation means none. */
	if (config == NULL)
		config = "/etc/criu/runc.conf";
	if (*config != '\0')
		protobuf_add_text(out, CRIU_CONFIG_FILE, config);
	if (options->network_lock != NULL &&
	    add_word(out, CRIU_NETWORK_LOCK, network_locks, options->network_lock,
		     "--network-lock", err) < 0)
		return -1;
	return add_word(out, CRIU_MANAGE_CGROUPS_MODE, cgroup_modes,
			mode != NULL && *mode != '\0' ? mode : "soft", "--manage-cgroups-mode",
			err);
}

const char *checkpoint_namespace_key(enum namespace_type type)
{
	return type == NAMESPACE_NETWORK ? "extRootNetNS" : "extRootPidNS";
}

bool checkpoint_cgroup_is_part(const struct container *c, const struct plan *plan)
{
	return c->cgroup.host != CGROUP_UNIFIED || !plan->namespaces[NAMESPACE_CGROUP].listed;
}
