/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/option.h"
#include "runtime/checkpoint/criu.h"
#include "runtime/container.h"

/*
 * What "checkpoint" and "restore" have in common: their options, the
 * directories of the image, and descriptors.json in it, which says for each of
 * the standard streams what the image calls it, so that a restore can put
 * another in its place.
 */
struct checkpoint_options {
	const char *image_path, *work_path, *parent_path, *page_server, *status_fd;
	const char *manage_cgroups_mode, *network_lock, *lsm_profile, *lsm_mount_context;
	word_list empty_ns;
	bool leave_running, pre_dump, lazy_pages, auto_dedup, link_remap;
	bool tcp_established, tcp_skip_in_flight, tcp_close, ext_unix_sk, shell_job, file_locks;
};

/* The rows that both have. */
#define CHECKPOINT_OPTION_ROWS(s, at) \
	OPTION_ROW_WORD("image-path", 0, s, at image_path, "DIR", \
			"where the image is; \"checkpoint\" by default"), \
	OPTION_ROW_WORD("work-path", 0, s, at work_path, "DIR", \
			"for criu's log and other work files; the image's by default"), \
	OPTION_ROW_FLAG("tcp-established", 0, s, at tcp_established, \
			"with open TCP connections"), \
	OPTION_ROW_FLAG("ext-unix-sk", 0, s, at ext_unix_sk, \
			"with unix sockets that are connected to the outside"), \
	OPTION_ROW_FLAG("shell-job", 0, s, at shell_job, \
			"with a terminal that is not the container's own"), \
	OPTION_ROW_FLAG("file-locks", 0, s, at file_locks, "with file locks"), \
	OPTION_ROW_FLAG("lazy-pages", 0, s, at lazy_pages, \
			"memory is moved when it is used (userfaultfd)"), \
	OPTION_ROW_FLAG("auto-dedup", 0, s, at auto_dedup, \
			"keep each page of memory in one image only"), \
	OPTION_ROW_WORD("manage-cgroups-mode", 0, s, at manage_cgroups_mode, \
			"soft|full|strict|ignore", "what is done about cgroups; soft by default"), \
	OPTION_ROW_LIST("empty-ns", 0, s, at empty_ns, "network", \
			"a namespace without its contents: always done for the network"), \
	OPTION_ROW_WORD("network-lock", 0, s, at network_lock, "iptables|nftables|skip", \
			"how connections are held meanwhile")

/* The directories, opened. */
struct checkpoint_dirs {
	const char *image, *work;	/* work: where the log is */
	int image_fd, work_fd;		/* owned; work_fd may be -EBADF: the image's */
};
#define CHECKPOINT_DIRS_NONE	((struct checkpoint_dirs){ NULL, NULL, -EBADF, -EBADF })
/* For struct criu_start. */
void checkpoint_dirs_name(const struct checkpoint_dirs *dirs, const char *ret[CRIU_DIRS]);
int checkpoint_dirs_open(const struct checkpoint_options *options, bool create,
			 struct checkpoint_dirs *ret, struct error *err);
void checkpoint_dirs_close(struct checkpoint_dirs *dirs);
#define _cleanup_checkpoint_dirs _cleanup(checkpoint_dirs_close)
/* The log, for criu_explain(). */
int checkpoint_explain(const struct checkpoint_dirs *dirs, struct arena *arena, const char *log,
		       struct error *err);

/* The part of CRIU's options that is the same for both, once it was started. */
int checkpoint_options_add(struct text *out, const struct checkpoint_options *options,
			   const struct criu *criu, const struct plan *plan, const char *log,
			   struct error *err);

/* Of a namespace that is joined by path, in CRIU's options: "extRootNetNS". */
const char *checkpoint_namespace_key(enum namespace_type type);

/*
 * descriptors.json: as runc has it, and behind the three streams what the image calls the file
 * of kist's init, or "".
 */
enum { CHECKPOINT_STREAMS = 3, CHECKPOINT_INIT = 3, CHECKPOINT_DESCRIPTORS = 4 };

/* Whether its cgroup2 mounts begin elsewhere than at a root. */
bool checkpoint_cgroup_is_part(const struct container *c, const struct plan *plan);

/* runtime/checkpoint/image.c: the program of kist's init, added to an image under that key. */
int checkpoint_name_init(struct arena *arena, int dir_fd, const char *key, struct error *err);

/* runtime/checkpoint/dump.c: the image of a running container. */
int checkpoint_dump(struct container *c, const struct plan *plan,
		    const struct checkpoint_options *options, struct error *err);

/*
 * runtime/checkpoint/restore.c: makes creation->spawn the process from the image.  For struct
 * creation_request.make; its make_context is the options.
 */
struct creation;
struct creation_request;
int checkpoint_restore(struct creation *creation, const struct creation_request *request,
		       struct error *err);
