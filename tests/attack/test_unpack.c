/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"
#include "base/text.h"
#include "tests/attack/attack.h"
#include "tests/attack/trouble.h"

/*
 * "kist rootfs unpack" under the engine.  Somebody who may write to the image changes a blob,
 * or puts another in its place, while it is read, and puts it right at the next call: what was
 * verified is what is unpacked, or nothing is.  And each call fails once, and is the last once.
 */

enum { LAYER_BYTES = 700 << 10, RUN_SECONDS = 100 };

struct image {
	const char *dir, *path, *work, *out;
	const char *blobs[8];
	size_t blob_count;
	char content[LAYER_BYTES]; /* of the one large file in it */
};

static const char *make(const char *parent, const char *name)
{
	const char *path = arena_printf(&e2e_arena, "%s/%s", parent, name);

	cr_assert_eq(mkdir(path, 0755), 0, "make %s", path);
	return path;
}

static void unpack(const struct image *image, enum engine_scope scope, engine_decide *decide,
		   void *context, struct engine_result *ret)
{
	const char *const args[] = {
		ROOTFS_BUILT, "unpack", arena_printf(&e2e_arena, "oci:%s", image->path),
		image->out,   NULL,
	};

	cr_assert_eq(engine_run(args, scope | ENGINE_TO_THE_END, RUN_SECONDS, decide, context, ret),
		     0, "the engine: %s", strerror(errno));
	cr_expect_neq(ret->status, -1, "%s: still running: %s", ret->stopped_at, ret->output);
}

static void blobs_find(struct image *image)
{
	const char *path = arena_printf(&e2e_arena, "%s/blobs/sha256", image->path);
	DIR *dir = opendir(path);

	cr_assert_not_null(dir);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (*entry->d_name != '.' && image->blob_count < ARRAY_SIZE(image->blobs))
			image->blobs[image->blob_count++] =
				arena_printf(&e2e_arena, "%s/%s", path, entry->d_name);
	closedir(dir);
	cr_assert_eq(image->blob_count, 3, "a layer, a config, a manifest");
}

static struct image *image_new(void)
{
	struct image *image = ARENA_NEW(&e2e_arena, struct image);
	const char *root;
	struct engine_result result;

	image->dir = bundle_new()->dir;
	root = make(image->dir, "root");
	image->work = make(image->dir, "work");
	image->path = arena_printf(&e2e_arena, "%s/image", image->dir);
	image->out = arena_printf(&e2e_arena, "%s/out", image->work);
	for (size_t i = 0; i < sizeof(image->content); i++)
		image->content[i] = (char)(i * 7 + i / 511);
	_cleanup_fd int fd = open(arena_printf(&e2e_arena, "%s/file", root),
				  O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	cr_assert_eq(fd_write_all(fd, image->content, sizeof(image->content)), 0);
	const char *const args[] = { ROOTFS_BUILT,
				     "pack",
				     "--compress=none",
				     root,
				     arena_printf(&e2e_arena, "oci:%s", image->path),
				     NULL };

	cr_assert_eq(engine_run(args, ENGINE_PATHS, RUN_SECONDS, NULL, NULL, &result), 0);
	cr_assert(WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0, "%s", result.output);
	blobs_find(image);
	return image;
}

/* What it has unpacked is the image; or it says why not, and there is nothing. */
static void outcome_check(const struct image *image, const struct engine_result *result,
			  bool was_killed, const char *what)
{
	const char *file = arena_printf(&e2e_arena, "%s/file", image->out);
	struct arena arena = { NULL };
	struct error err;
	char *bytes = NULL;
	size_t size = 0;
	bool there = access(image->out, F_OK) == 0;

	if (there)
		cr_expect(file_read(AT_FDCWD, file, 1 << 20, &arena, &bytes, &size, &err) == 0 &&
				  size == sizeof(image->content) &&
				  memcmp(bytes, image->content, size) == 0,
			  "%s: it is not the image: %s", what, result->output);
	arena_free(&arena);
	if (was_killed)
		return;
	cr_expect(WIFEXITED(result->status), "%s: died: %s", what, result->output);
	cr_expect_eq(WEXITSTATUS(result->status) == 0, there, "%s: status %d: %s", what,
		     WEXITSTATUS(result->status), result->output);
	cr_expect(there || *result->output != '\0', "%s: no word", what);
}

static void tidy(const struct image *image)
{
	leak_remove_tree(image->work);
	cr_assert_eq(mkdir(image->work, 0755), 0);
}

struct change {
	unsigned int at;
	const char *path, *other; /* other: put in its place; NULL: changed as it is */
	bool changed;
};

/* A byte in the middle of it. */
static void flip(const char *path)
{
	_cleanup_fd int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	char byte;

	cr_assert(fd >= 0 && fstat(fd, &st) == 0 && pread(fd, &byte, 1, st.st_size / 2) == 1);
	byte ^= 1;
	cr_assert_eq(pwrite(fd, &byte, 1, st.st_size / 2), 1);
}

static void change(struct change *change)
{
	if (change->other == NULL)
		flip(change->path);
	else
		cr_assert_eq(renameat2(AT_FDCWD, change->path, AT_FDCWD, change->other,
				       RENAME_EXCHANGE),
			     0);
	change->changed = !change->changed;
}

static enum engine_verdict change_at(void *context, const struct engine_stop *stop,
				     int *ret_errno _unused)
{
	struct change *c = context;

	if (stop->index == c->at || (c->changed && stop->index > c->at))
		change(c);
	return ENGINE_CONTINUE;
}

static void change_all(const struct image *image, enum engine_scope scope, struct change *c)
{
	struct engine_result result;
	unsigned int stops, stride;

	unpack(image, scope, NULL, NULL, &result);
	outcome_check(image, &result, false, "unchanged");
	tidy(image);
	stops = result.stops;
	stride = attack_stride(stops, 16);
	for (c->at = 0; c->at < stops; c->at += stride) {
		const char *what =
			arena_printf(&e2e_arena, "%s, changed at %u of %u", c->path, c->at, stops);

		unpack(image, scope, change_at, c, &result);
		if (c->changed)
			change(c);
		outcome_check(image, &result, false, what);
		tidy(image);
	}
	cr_log_info("%u stops", stops);
}

ATTACK(unpack, of_blobs_that_are_changed_meanwhile_is_of_what_was_verified)
{
	const struct image *image = image_new();

	for (size_t i = 0; i < image->blob_count; i++) {
		struct change in_place = { .path = image->blobs[i] };

		change_all(image, ENGINE_ALL, &in_place);
	}
}

ATTACK(unpack, of_blobs_that_are_exchanged_meanwhile_is_of_what_was_verified)
{
	const struct image *image = image_new();

	for (size_t i = 0; i < image->blob_count; i++) {
		struct change other = { .path = image->blobs[i] };
		struct error err;
		char *bytes;
		size_t size;

		other.other = arena_printf(&e2e_arena, "%s/other", image->dir);
		cr_assert_eq(file_read(AT_FDCWD, other.path, 1 << 20, &e2e_arena, &bytes, &size,
				       &err),
			     0);
		bytes[size / 2] ^= 1;
		_cleanup_fd int fd =
			open(other.other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		cr_assert_eq(fd_write_all(fd, bytes, size), 0);
		change_all(image, ENGINE_PATHS, &other);
	}
}

static void trouble_all(const struct trouble_list *list)
{
	const struct image *image = image_new();
	struct engine_result result;
	unsigned int stops, stride;

	unpack(image, ENGINE_ALL, NULL, NULL, &result);
	tidy(image);
	stops = result.stops;
	stride = attack_stride(stops, 40);
	for (unsigned int at = 0; at < stops; at += stride) {
		struct trouble trouble = trouble_of(list, at, stride);

		unpack(image, ENGINE_ALL, trouble_at, &trouble, &result);
		outcome_check(image, &result, trouble.number == 0 || trouble.vital,
			      arena_printf(&e2e_arena, "%s, errno %d", result.stopped_at,
					   trouble.number));
		tidy(image);
	}
	cr_log_info("%u stops", stops);
}

ATTACK(unpack, with_a_call_that_fails_is_whole_or_told)
{
	trouble_all(&trouble_faults);
}

ATTACK(unpack, that_is_killed_leaves_the_whole_or_nothing)
{
	trouble_all(&trouble_kills);
}
