/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/decode.h"
#include "rootfs-tools/smoke/suite.h"

/*
 * The values of a suite: as decode.h's functions, each puts one into *out.  In YAML an unquoted
 * word may look like a number or true or false: where text is wanted, that is text.
 */
decode_fn decode_word;		/* const char * */
decode_fn decode_name_word;	/* the same, not empty */
decode_fn decode_flag;		/* bool; yes, no, on, off too */
decode_fn decode_duration;	/* struct opt_u64, milliseconds: 5s, 300ms, 2m; 1.5 is 1.5s */
decode_fn decode_bytes;		/* struct opt_u64: 64M */
decode_fn decode_count;		/* struct opt_u64 */
decode_fn decode_owner;		/* the same; -1 is "any" */
decode_fn decode_port;		/* struct opt_u64, 1 to 65535 */
decode_fn decode_port_number;	/* uint32_t, the same */
decode_fn decode_status;	/* struct opt_u64, 0 to 255 */
decode_fn decode_signal;	/* int */
decode_fn decode_pattern;	/* struct pattern, compiled */
decode_fn decode_words; /* word_list */
decode_fn decode_command; /* word_list, not empty */
decode_fn decode_pair;		/* struct suite_pair */

/* Milliseconds of "500ms", "2s", "1.5m", "1h"; a bare number is of seconds. */
bool duration_parse(const char *text, uint64_t *ret);
