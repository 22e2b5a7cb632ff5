/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/unpack/touched.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "base/sip_hash.h"

enum { FIRST_ROOM = 1 << 12 };

/* 0 is a free slot. */
static uint64_t hash(const uint64_t key[2], const char *path, size_t length)
{
	uint64_t value = sip_hash(key, path, length);

	return value != 0 ? value : 1;
}

/* The slot that has it, or the free one where it belongs. */
static uint64_t *slot_find(uint64_t *slots, size_t room, uint64_t value)
{
	size_t at = value & (room - 1);

	while (slots[at] != 0 && slots[at] != value)
		at = (at + 1) & (room - 1);
	return &slots[at];
}

static int grow(struct touched *touched, size_t room, struct error *err)
{
	uint64_t *slots = mmap(NULL, room * sizeof(*slots), PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (slots == MAP_FAILED)
		return error_errno(err, "map memory");
	for (size_t i = 0; i < touched->room; i++)
		if (touched->slots[i] != 0)
			*slot_find(slots, room, touched->slots[i]) = touched->slots[i];
	if (touched->slots != NULL)
		munmap(touched->slots, touched->room * sizeof(*slots));
	touched->slots = slots;
	touched->room = room;
	return 0;
}

int touched_init(struct touched *touched, struct error *err)
{
	*touched = (struct touched){ 0 };
	if (getrandom(touched->key, sizeof(touched->key), 0) != sizeof(touched->key))
		return error_errno(err, "get random bytes");
	return grow(touched, FIRST_ROOM, err);
}

void touched_clear(struct touched *touched)
{
	if (touched->count > 0)
		memset(touched->slots, 0, touched->room * sizeof(*touched->slots));
	touched->count = 0;
}

int touched_add(struct touched *touched, const char *path, size_t length, struct error *err)
{
	while (length > 0) {
		uint64_t value = hash(touched->key, path, length);
		uint64_t *slot = slot_find(touched->slots, touched->room, value);

		if (*slot == value)	/* and so its parents are, too */
			return 0;
		*slot = value;
		if (++touched->count * 4 > touched->room * 3 &&
		    grow(touched, touched->room * 2, err) < 0)
			return -1;
		while (length > 0 && path[length - 1] != '/')
			length--;
		length -= length > 0;
	}
	return 0;
}

bool touched_has(const struct touched *touched, const char *path, size_t length)
{
	uint64_t value = hash(touched->key, path, length);

	return *slot_find(touched->slots, touched->room, value) == value;
}
