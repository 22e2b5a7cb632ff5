/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/make/session.h"

#include <errno.h>
#include <sys/stat.h>

#include "rootfs-tools/unpack/id_maps.h"

/* --- options -------------------------------------------------------------------------- */

int owner_options_apply(struct arena *arena, const struct owner_options *options,
			struct tree_walk_options *ret, struct error *err)
{
	if (options->rootless && options->uid_maps.count + options->gid_maps.count > 0)
		return error_set(err, "--rootless and --uid-map: either of them");
	ret->rootless = options->rootless;
	ret->masked = options->masked.items;
	ret->masked_count = options->masked.count;
	if (id_maps_parse(arena, &options->uid_maps, &ret->uid_maps, err) < 0)
		return -1;
	return id_maps_parse(arena, &options->gid_maps, &ret->gid_maps, err);
}

/* --- begin ---------------------------------------------------------------------------- */

static int open_writer(struct arena *arena, const char *reference, bool must_exist,
		       const struct output_options *options, struct session *ret,
		       struct compress_choice *ret_choice, struct error *err)
{
	if (compress_choose(options->compress, options->level, ret_choice, err) < 0 ||
	    writer_open(arena, reference, must_exist, &ret->writer, err) < 0)
		return -1;
	if (ret->writer.kind != WRITER_DOCKER_ARCHIVE)
		return 0;
	if (options->compress != NULL && ret_choice->kind != COMPRESS_NONE)
		return error_set(err,
				 "--compress %s: layers of a docker-archive are not compressed",
				 options->compress);
	*ret_choice = (struct compress_choice){ COMPRESS_NONE, 0 };
	return 0;
}

int session_begin(struct arena *arena, const char *reference, const struct output_options *options,
		  struct session *ret, struct error *err)
{
	struct compress_choice choice;
	struct platform platform;
	struct epoch epoch;

	if (epoch_read(&epoch, err) < 0 ||
	    open_writer(arena, reference, false, options, ret, &choice, err) < 0)
		return -1;
	if (platform_parse(arena, options->platform, &platform, err) < 0)
		return -1;
	draft_begin(arena, &platform, &ret->draft);
	ret->draft.compress = choice;
	ret->draft.epoch = epoch;
	return 0;
}

/* Under which name of writer.h the image itself can be written; NULL: under none. */
static const char *own_reference(struct arena *arena, const struct image *image)
{
	const char *reference = image->reference, *path, *tag;
	enum writer_kind kind;
	struct error ignored;
	struct stat st;

	if (image->kind != IMAGE_OCI && image->kind != IMAGE_DOCKER)
		return NULL;
	if (writer_parse(arena, reference, &kind, &path, &tag, &ignored) < 0)
		return NULL;
	if (kind != WRITER_LAYOUT || stat(path, &st) < 0 || S_ISDIR(st.st_mode))
		return reference;
	return arena_printf(arena, "%s%s%s%s",
			    image->kind == IMAGE_OCI ? "oci-archive:" : "docker-archive:", path,
			    tag != NULL ? ":" : "", tag != NULL ? tag : "");
}

/* A whole archive is written anew, with one image in it. */
static int check_alone(const struct session *s, struct error *err)
{
	const struct json *list = s->image.index.root;

	if (s->writer.kind == WRITER_LAYOUT)
		return 0;
	if (s->image.kind == IMAGE_OCI)
		list = json_member(list, "manifests");
	if (list == NULL || list->count <= 1)
		return 0;
	return error_set(err, "%s: an archive of %u images is not changed in place; give --to",
			 s->image.reference, list->count);
}

int session_begin_image(struct arena *arena, const char *reference,
			const struct output_options *options, struct session *ret,
			struct error *err)
{
	const struct image_options image_options = {
		.platform = options->platform,
		/* What is changed need not run here. */
		.any_platform = options->platform == NULL,
	};
	bool in_place = options->to == NULL;
	struct compress_choice choice;
	const char *target = options->to;
	struct epoch epoch;

	if (epoch_read(&epoch, err) < 0 ||
	    image_open(arena, reference, &image_options, &ret->image, err) < 0)
		return -1;
	if (in_place)
		target = own_reference(arena, &ret->image);
	if (target == NULL)
		return error_set(err,
				 "%s: is not changed in place; give --to oci:DIR:TAG or the like",
				 reference);
	if (open_writer(arena, target, in_place, options, ret, &choice, err) < 0)
		return -1;
	/* Once more, for the layout is locked only since now. */
	if (in_place && ret->writer.kind == WRITER_LAYOUT) {
		image_close(&ret->image);
		ret->image = (struct image)IMAGE_NONE;
		if (image_open(arena, reference, &image_options, &ret->image, err) < 0)
			return -1;
	}
	if (in_place && check_alone(ret, err) < 0)
		return -1;
	if (ret->writer.tag == NULL)
		ret->writer.tag = ret->image.tag;
	draft_begin_image(arena, &ret->image, &ret->draft);
	ret->draft.compress = choice;
	ret->draft.epoch = epoch;
	return 0;
}

/* --- end ------------------------------------------------------------------------------ */

int session_end(struct session *s, const struct output_options *options, const char *created_by,
		bool empty_layer, struct text *out, struct error *err)
{
	const struct draft_history history = {
		.created_by = options->created_by != NULL ? options->created_by : created_by,
		.comment = options->comment, .empty_layer = empty_layer,
		.author = json_text(s->draft.config, "author"),
	};
	struct stored image;

	if (!options->no_history)
		draft_add_history(&s->draft, &history);
	if (draft_save(&s->draft, &s->writer, &image, err) < 0)
		return -1;
	text_printf(out, "%s\n", image.digest.text);
	return 0;
}

void session_close(struct session *s)
{
	writer_close(&s->writer);
	image_close(&s->image);
}
