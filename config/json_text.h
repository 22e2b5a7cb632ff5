/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stddef.h>

/*
 * What is wrong with what stands between the quotes of a JSON string, and where; or NULL.  The
 * lexer has seen to the form of its escapes.  It takes for UTF-8 what is longer than need be or
 * beyond the last character, and of half a surrogate pair it makes "?" or what is no UTF-8: text
 * that other programs would not read, in a state or a log.
 */
const char *json_text_wrong(const char *text, size_t size, size_t *ret_offset);
