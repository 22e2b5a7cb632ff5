/* SPDX-License-Identifier: Apache-2.0 */
#include "config/json_write.h"

#include <inttypes.h>

static void line_begin(struct json_writer *w)
{
	if (w->depth == 0)
		return;
	text_add(&w->text, "\n");
	for (unsigned int i = 0; i < w->depth; i++)
		text_add(&w->text, w->indent);
}

static void value_begin(struct json_writer *w, const char *key)
{
	if (w->filled)
		text_add(&w->text, ",");
	line_begin(w);
	if (key != NULL) {
		text_add_json(&w->text, key);
		text_add(&w->text, ": ");
	}
	w->filled = true;
}

static void level_begin(struct json_writer *w, const char *key, bool array)
{
	value_begin(w, key);
	text_add(&w->text, array ? "[" : "{");
	w->depth++;
	assert(w->depth < 64);
	w->arrays = (w->arrays & ~(1ULL << w->depth)) | ((uint64_t)array << w->depth);
	w->filled = false;
}

void json_write_object(struct json_writer *w, const char *key)
{
	level_begin(w, key, false);
}

void json_write_array(struct json_writer *w, const char *key)
{
	level_begin(w, key, true);
}

void json_write_end(struct json_writer *w)
{
	bool array = w->arrays >> w->depth & 1, empty = !w->filled;

	w->depth--;
	if (!empty) {
		if (w->depth == 0)
			text_add(&w->text, "\n");
		else
			line_begin(w);
	}
	text_add(&w->text, array ? "]" : "}");
	w->filled = true;
}

void json_write_string(struct json_writer *w, const char *key, const char *value)
{
	value_begin(w, key);
	text_add_json(&w->text, value);
}

void json_write_u64(struct json_writer *w, const char *key, uint64_t value)
{
	value_begin(w, key);
	text_printf(&w->text, "%" PRIu64, value);
}

void json_write_i64(struct json_writer *w, const char *key, int64_t value)
{
	value_begin(w, key);
	text_printf(&w->text, "%" PRId64, value);
}

void json_write_bool(struct json_writer *w, const char *key, bool value)
{
	value_begin(w, key);
	text_add(&w->text, value ? "true" : "false");
}

void json_write_strings(struct json_writer *w, const char *key, const char *const *values,
			size_t count)
{
	if (count == 0)
		return;
	json_write_array(w, key);
	for (size_t i = 0; i < count; i++)
		json_write_string(w, NULL, values[i]);
	json_write_end(w);
}
