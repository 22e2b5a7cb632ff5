/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/path.h"
#include "base/text.h"
#include "rootfs-tools/size_text.h"
#include "rootfs-tools/smoke/checks.h"
#include "rootfs-tools/smoke/secret.h"

/* One walk over all files: what stands out, and how large everything is. */

enum { LISTED_MAX = 30, DEPTH_MAX = 200 };

struct kind {
	struct check *check;
	size_t count;
};

struct walk {
	const struct smoke *smoke;
	struct findings *f;
	struct kind setuid, writable, broken, secret;
	struct text path; /* of what is looked at */
	uint64_t files, bytes;
	subject_layer_list *sizes;	/* of what is in the root, the largest first */
};

static void found(struct walk *w, struct kind *kind, const char *path, const char *why)
{
	if (kind->count++ < LISTED_MAX)
		check_note(w->f, kind->check, "%s%s%s", path, *why != '\0' ? ": " : "", why);
	else
		kind->check->outcome = OUTCOME_NOTE;
}

static bool has_capabilities(int dir_fd, const char *name)
{
	char path[64 + 256];

	/* There is no "*at" before Linux 6.13. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir_fd, name);
	return lgetxattr(path, "security.capability", NULL, 0) > 0;
}

static void look_at_file(struct walk *w, int dir_fd, const char *name, const struct stat *st)
{
	const char *path = w->path.data, *why;
	char mode[16];

	w->files++;
	w->bytes += (uint64_t)st->st_size;
	mode_text(st->st_mode, mode);
	if (st->st_mode & (S_ISUID | S_ISGID))
		found(w, &w->setuid, path, mode);
	else if ((st->st_mode & 0111) && has_capabilities(dir_fd, name))
		found(w, &w->setuid, path, "has capabilities of its own");
	if (st->st_mode & S_IWOTH)
		found(w, &w->writable, path, mode);
	why = secret_file(dir_fd, name, path, st);
	if (why != NULL)
		found(w, &w->secret, path, why);
}

static void look_at_link(struct walk *w, int dir_fd, const char *name)
{
	char target[4096], why[sizeof(target) + 16];
	ssize_t size = readlinkat(dir_fd, name, target, sizeof(target) - 1);
	struct error err;
	int fd;

	if (size < 0)
		return;
	target[size] = '\0';
	/* What is there in a container only. */
	if (strncmp(target, "/proc/", 6) == 0 || strncmp(target, "/dev/", 5) == 0 ||
	    strncmp(target, "/sys/", 5) == 0 || strncmp(target, "/run/", 5) == 0)
		return;
	fd = path_open(w->smoke->root_fd, w->path.data, O_PATH, &err);
	snprintf(why, sizeof(why), "points to %s", target);
	if (fd < 0 && (err.code == ENOENT || err.code == ELOOP || err.code == ENOTDIR))
		found(w, &w->broken, w->path.data, why);
	fd_close(&fd);
}

/* Where the root is no stack of layers: how much is in each of its directories. */
static void add_size(struct walk *w, const char *path, uint64_t size)
{
	struct subject_layer *at = LIST_NEW(w->f->arena, w->sizes);

	while (at > w->sizes->items && at[-1].size < size) {
		*at = at[-1];
		at--;
	}
	*at = (struct subject_layer){ .name = path, .size = size };
}

static void look_at_directory(struct walk *w, int dir_fd, const char *name, unsigned int depth);

static void look_at_entry(struct walk *w, int dir_fd, const char *name, unsigned int depth)
{
	const uint64_t before = w->bytes;
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISLNK(st.st_mode))
		look_at_link(w, dir_fd, name);
	else if (S_ISREG(st.st_mode))
		look_at_file(w, dir_fd, name, &st);
	if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
		return;
	if ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX))
		found(w, &w->writable, w->path.data, "a directory without the sticky bit");
	look_at_directory(w, dir_fd, name, depth + 1);
	if (depth == 0 && w->bytes > before)
		add_size(w, arena_strdup(w->f->arena, w->path.data), w->bytes - before);
}

static void look_at_directory(struct walk *w, int dir_fd, const char *name, unsigned int depth)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = dir_take(fd);
	const size_t length = w->path.size;
	struct dirent *entry;

	while (directory != NULL && (entry = dir_next(directory)) != NULL) {
		text_printf(&w->path, "/%s", entry->d_name);
		look_at_entry(w, fd, entry->d_name, depth);
		/* A million files deep down would have gigabytes of paths. */
		w->path.size = length;
		w->path.data[length] = '\0';
	}
	if (directory != NULL)
		closedir(directory);
}

static void kind_end(struct walk *w, struct kind *kind)
{
	if (kind->count > LISTED_MAX)
		check_note(w->f, kind->check, "and %zu more", kind->count - LISTED_MAX);
	if (kind->count > 0)
		check_fact(w->f, kind->check, "%zu", kind->count);
	kind->check->ended = time_now();
}

static void look_at_env(struct walk *w)
{
	LIST_EACH(variable, w->smoke->subject.env) {
		size_t length = strcspn(*variable, "=");
		const char *name = arena_strndup(w->f->arena, *variable, length);

		if ((*variable)[length] == '=' && secret_variable(name, *variable + length + 1))
			found(w, &w->secret, name, "a variable of the environment");
	}
}

void check_tree(const struct smoke *smoke, const struct job *job _unused, struct findings *f)
{
	struct walk w = {
		.smoke = smoke,
		.f = f,
		.sizes = smoke->sizes,
		.path.arena = f->arena,
		.setuid.check = check_new(f, "no setuid files, none with capabilities"),
		.writable.check = check_new(f, "nothing that everybody may write"),
		.broken.check = check_new(f, "no broken links"),
		.secret.check = check_new(f, "nothing that looks like a secret"),
	};
	struct check *size = check_new(f, "size");

	look_at_env(&w);
	look_at_directory(&w, smoke->root_fd, ".", 0);
	kind_end(&w, &w.setuid);
	kind_end(&w, &w.writable);
	kind_end(&w, &w.broken);
	kind_end(&w, &w.secret);
	check_fact(f, size, "%ju files, %s", (uintmax_t)w.files, size_text(f->arena, w.bytes));
}
