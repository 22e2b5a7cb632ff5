/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/make/edit.h"
#include "rootfs-tools/tree/walk.h"

/*
 * What the commands that make or change images share: their options, the image
 * they start from, and where it goes.  Without --to an image is changed in
 * place: the tag gets the new one, what it was stays until "gc LAYOUT".
 */
struct output_options {
	const char *compress;
	int level;
	const char *to, *platform;
	const char *created_by, *comment;
	bool no_history;
};
#define COMPRESS_OPTION_ROWS(s, m) \
	OPTION_ROW_CHOICE("compress", 0, s, m.compress, COMPRESS_WORDS, \
			  "of new layers; igzip is gzip five times as fast and larger, and its " \
			  "bytes may depend on the CPU"), \
	OPTION_ROW_NUMBER("level", 0, s, m.level, "N", \
			  "how hard it tries: gzip 1 to 9 (6), zstd 1 to 19 (3), igzip 1 to 3 (1)")
#define HISTORY_OPTION_ROWS(s, m) \
	OPTION_ROW_TEXT("created-by", 0, s, m.created_by, "TEXT", \
			"what the history says made it"), \
	OPTION_ROW_TEXT("comment", 0, s, m.comment, "TEXT", "and a comment beside that"), \
	OPTION_ROW_FLAG("no-history", 0, s, m.no_history, "no line in the history")
#define TARGET_OPTION_ROWS(s, m) \
	OPTION_ROW_TEXT("to", 0, s, m.to, "IMAGE", \
			"leave the image as it is, and write a new one"), \
	PLATFORM_OPTION_ROW(s, m.platform)

struct owner_options {
	word_list masked, uid_maps, gid_maps;
	bool rootless;
};
#define OWNER_OPTION_ROWS(s, m) \
	OPTION_ROW_LIST("uid-map", 0, s, m.uid_maps, "CONTAINER:HOST[:SIZE]", \
			"file owners on the host to those in the image; may come again"), \
	OPTION_ROW_LIST("gid-map", 0, s, m.gid_maps, "CONTAINER:HOST[:SIZE]", "and their groups"), \
	OPTION_ROW_FLAG("rootless", 0, s, m.rootless, \
			"owners from user.rootlesscontainers, and root where a file has none")
int owner_options_apply(struct arena *arena, const struct owner_options *options,
			struct tree_walk_options *ret, struct error *err);

struct session {
	struct image image;
	struct writer writer;
	struct draft draft;
};
#define SESSION_NONE { .image = IMAGE_NONE, .writer = WRITER_NONE }

/* A new image of the platform that the edit names, or the host's. */
int session_begin(struct arena *arena, const char *reference, const struct output_options *options,
		  struct session *ret, struct error *err);
/* reference is changed in place, or the base of options->to. */
int session_begin_image(struct arena *arena, const char *reference,
			const struct output_options *options, struct session *ret,
			struct error *err);
/* A line of the history, unless none is wanted, and the image.  out gets its digest. */
int session_end(struct session *session, const struct output_options *options,
		const char *created_by, bool empty_layer, struct text *out, struct error *err);
void session_close(struct session *session);
#define _cleanup_session _cleanup(session_close)
