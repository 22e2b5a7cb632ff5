/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/tar/parse.h"

#include "base/text.h"

/* The map of a sparse file's pieces, in the formats that do not fit in pax records. */

int tar_sparse_add(struct tar *tar, uint64_t offset, uint64_t size, struct error *err)
{
	struct tar_sparse *sparse = &tar->sparse;

	if (sparse->count == TAR_MAX_SPARSE)
		return tar_fail(tar, err, "its map of holes has more than %d pieces",
				TAR_MAX_SPARSE);
	if (sparse->pieces == NULL)
		sparse->pieces = ARENA_NEWS(tar->arena, TAR_MAX_SPARSE, struct tar_piece);
	sparse->present = true;
	sparse->pieces[sparse->count++] = (struct tar_piece){ offset, size };
	return 0;
}

/* Pairs of 12 bytes each; an unused one is zero.  1: there may be more. */
static int pairs_read(struct tar *tar, const unsigned char *at, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++, at += 24) {
		uint64_t offset, size;

		if (at[0] == '\0')
			return 0;
		if (!tar_number(at, 12, &offset) || !tar_number(at + 12, 12, &size))
			return tar_fail(tar, err, "its map of holes has no number where one "
					"belongs");
		if (tar_sparse_add(tar, offset, size, err) < 0)
			return -1;
	}
	return 1;
}

int tar_sparse_read_old(struct tar *tar, struct error *err)
{
	unsigned char block[TAR_BLOCK_SIZE];
	bool extended = tar->block[482] != 0;

	if (tar->sparse.present)
		return tar_fail(tar, err, "has two maps of holes");
	tar->sparse.present = true;
	if (!tar_number(tar->block + 483, 12, &tar->sparse.size))
		return tar_fail(tar, err, "its size with holes is no number");
	tar->sparse.has_size = true;
	if (pairs_read(tar, tar->block + 386, 4, err) < 0)
		return -1;
	while (extended) {
		if (tar_read(tar, block, sizeof(block), err) < 0 ||
		    pairs_read(tar, block, 21, err) < 0)
			return -1;
		extended = block[504] != 0;
	}
	return 0;
}

/* --- GNU 1.0: decimal lines in front of the data, to the end of a block ---------------- */

struct map_reader {
	unsigned char block[TAR_BLOCK_SIZE];
	size_t used;
};

static int line_read(struct tar *tar, struct map_reader *map, uint64_t *ret, struct error *err)
{
	char line[24];

	for (size_t i = 0; i < sizeof(line); i++) {
		if (map->used == sizeof(map->block)) {
			if (tar_read_data(tar, map->block, sizeof(map->block), err) < 0)
				return -1;
			map->used = 0;
		}
		line[i] = (char)map->block[map->used++];
		if (line[i] != '\n')
			continue;
		line[i] = '\0';
		if (text_to_u64(line, INT64_MAX, ret))
			return 0;
		break;
	}
	return tar_fail(tar, err, "its map of holes has no number where one belongs");
}

int tar_sparse_read_map(struct tar *tar, struct error *err)
{
	struct map_reader map = { .used = sizeof(map.block) };
	uint64_t count, offset, size;

	if (tar->sparse.count > 0)
		return tar_fail(tar, err, "has two maps of holes");
	if (line_read(tar, &map, &count, err) < 0)
		return -1;
	if (count > TAR_MAX_SPARSE)
		return tar_fail(tar, err, "its map of holes has more than %d pieces",
				TAR_MAX_SPARSE);
	for (; count > 0; count--)
		if (line_read(tar, &map, &offset, err) < 0 ||
		    line_read(tar, &map, &size, err) < 0 ||
		    tar_sparse_add(tar, offset, size, err) < 0)
			return -1;
	return 0;
}

int tar_sparse_check(struct tar *tar, struct error *err)
{
	const struct tar_sparse *sparse = &tar->sparse;
	uint64_t end = 0, stored = 0;

	if (!sparse->has_size)
		return tar_fail(tar, err, "has a map of holes, and no size");
	if (sparse->has_offset)
		return tar_fail(tar, err, "its map of holes ends with an offset");
	if (sparse->expected != UINT64_MAX && sparse->expected != sparse->count &&
	    !sparse->map_in_data)
		return tar_fail(tar, err, "its map of holes has %u pieces, not %ju", sparse->count,
				(uintmax_t)sparse->expected);
	for (uint32_t i = 0; i < sparse->count; i++) {
		const struct tar_piece *piece = &sparse->pieces[i];

		if (piece->offset < end || piece->offset > sparse->size ||
		    piece->size > sparse->size - piece->offset)
			return tar_fail(tar, err, "piece %u of its map of holes overlaps another, "
					"or the end of the file", i);
		/* GNU tar begins each piece's data with a block, others where the last ended. */
		if (stored % TAR_BLOCK_SIZE != 0 && piece->size > 0)
			return tar_fail(tar, err, "piece %u of its map of holes begins in the "
					"middle of a block", i);
		end = piece->offset + piece->size;
		stored += piece->size;
	}
	if (stored != tar->left)
		return tar_fail(tar, err, "its map of holes wants %ju bytes of data, and there are "
				"%ju", (uintmax_t)stored, (uintmax_t)tar->left);
	return 0;
}
