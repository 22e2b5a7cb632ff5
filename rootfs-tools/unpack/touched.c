/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/unpack/touched.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

enum { FIRST_ROOM = 1 << 12 };

static uint64_t rotate(uint64_t value, unsigned int bits)
{
	return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-2-4: without the key nobody can make two paths meet. */
static uint64_t hash(const uint64_t key[2], const char *path, size_t length)
{
	uint64_t v[4] = {
		key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573),
	};
	uint64_t word;
	size_t at = 0;

	for (;; at += 8) {
		size_t left = length - at;

		word = left < 8 ? (uint64_t)length << 56 : 0;
		memcpy(&word, path + at, left < 8 ? left : 8);
		v[3] ^= word;
		sip_round(v);
		sip_round(v);
		v[0] ^= word;
		if (left < 8)
			break;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	word = v[0] ^ v[1] ^ v[2] ^ v[3];
	return word != 0 ? word : 1;
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
