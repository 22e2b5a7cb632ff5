/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sip_hash.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/compiler.h"

/* What "openssl mac -macopt hexkey:000102...0f -macopt size:8 SIPHASH" says. */
static const struct {
	const char *text;
	uint64_t hash;
} rows[] = {
	{ "", 0x726fdb47dd0e0e31 },
	{ "a", 0x2ba3e8e9a71148ca },
	{ "abc", 0x5dbcfa53aa2007a5 },
	{ "abcdefg", 0xdc18e8672ed188eb },
	{ "abcdefgh", 0xc329dda391d44470 },
	{ "PATH=/usr/local/sbin:/usr/local/bin", 0x442f468c2d582584 },
};

Test(sip_hash, is_that_of_others)
{
	static const uint64_t key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	static const uint64_t other[2] = { 0x0706050403020101, 0x0f0e0d0c0b0a0908 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t length = strlen(rows[i].text);

		if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
			cr_expect_eq(sip_hash(key, rows[i].text, length), rows[i].hash, "%s",
				     rows[i].text);
		cr_expect_neq(sip_hash(other, rows[i].text, length), rows[i].hash, "%s",
			      rows[i].text);
	}
}
