/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/*
 * SipHash-2-4 (Aumasson and Bernstein): who does not know the key can't choose bytes that meet.  On
 * machines of the other byte order it is another hash, as good.
 */
uint64_t sip_hash(const uint64_t key[2], const char *bytes, size_t size);
