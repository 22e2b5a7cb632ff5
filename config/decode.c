/* SPDX-License-Identifier: Apache-2.0 */
#include "config/decode.h"

#include <string.h>

#include "base/list.h"
#include "base/text.h"

/* Objects and arrays by their tables. */

static const struct field *field_find(const struct field *fields, const char *key)
{
	for (const struct field *field = fields; field->key != NULL; field++)
		if (*field->key == *key && strcmp(field->key, key) == 0)
			return field;
	return NULL;
}

/* Where the schema is closed: told at its key, for there the typing error is. */
static int refuse_unknown(struct decoder *d, const struct json *v, const char *meant)
{
	struct json *key = ARENA_NEW(d->arena, struct json);

	*key = *v;
	key->offset = v->key_offset;
	return bad_value(d, key, "is no property of %s%s", d->schema, guess_text(d->arena, meant));
}

static int note_unknown(struct decoder *d, const struct json *v, const struct field *fields)
{
	struct guess guess = GUESS(v->key);

	if (d->schema != NULL ? !d->collect : !note_wanted(d))
		return 0;
	for (const struct field *field = fields; field->key != NULL; field++)
		guess_try(&guess, field->key);
	if (d->schema != NULL)
		return refuse_unknown(d, v, guess.meant);
	note_value(d, SEVERITY_WARNING, v, "is no property of the OCI spec, and ignored%s",
		   guess_text(d->arena, guess.meant));
	return 0;
}

static int decode_field(struct decoder *d, const struct json *v, const struct field *field,
			void *out)
{
	void *member = (char *)out + field->offset;

	if (field->fields != NULL)
		return decode_object(d, v, field->fields, member);
	if (field->item_size != 0)
		return decode_list(d, v, field->decode, field->item_size, member);
	return field->decode(d, v, member);
}

static int check_required(struct decoder *d, const struct json *v, const struct field *fields)
{
	int result = 0;

	for (const struct field *field = fields; field->key != NULL; field++) {
		const struct json *member;

		if (!(field->flags & FIELD_REQUIRED))
			continue;
		member = json_member(v, field->key);
		if (member == NULL)
			result = bad_member(d, v, field->key, "is required, but missing");
		else if (member->type == JSON_NULL)
			result = bad_value(d, member, "is required, but null");
		if (result < 0 && !d->collect)
			break;
	}
	return result;
}

int decode_object(struct decoder *d, const struct json *v, const struct field *fields, void *out)
{
	int result;

	if (want_type(d, v, JSON_OBJECT) < 0)
		return -1;
	result = check_required(d, v, fields);
	for (const struct json *member = v->first;
	     member != NULL && (result == 0 || d->collect); member = member->next) {
		const struct field *field = field_find(fields, member->key);

		if (field == NULL) {
			if (note_unknown(d, member, fields) < 0)
				result = -1;
		} else if (!(field->flags & FIELD_IGNORED) && member->type != JSON_NULL &&
			   decode_field(d, member, field, out) < 0) {
			result = -1;
		}
	}
	return result;
}

int decode_list(struct decoder *d, const struct json *v, decode_fn *decode, size_t item_size,
		void *out)
{
	struct list *list = out;
	int result = 0;

	if (want_type(d, v, JSON_ARRAY) < 0)
		return -1;
	if (v->count == 0)
		return 0;
	list_reserve(d->arena, list, v->count, item_size);
	JSON_EACH(item, v) {
		if (decode(d, item, (char *)list->items + list->count * item_size) < 0) {
			result = -1;
			if (!d->collect)
				break;
		}
		list->count++;
	}
	return result;
}

int decode_string_map(struct decoder *d, const struct json *v, void *out)
{
	annotation_list *list = out;
	int result = 0;

	if (want_type(d, v, JSON_OBJECT) < 0)
		return -1;
	if (v->count == 0)
		return 0;
	list_reserve(d->arena, list, v->count, sizeof(struct annotation));
	JSON_EACH(member, v) {
		struct annotation *pair = &list->items[list->count];

		if (*member->key == '\0')
			result = bad_value(d, member, "has an empty key");
		else if (decode_string(d, member, &pair->value) < 0)
			result = -1;
		if (result < 0 && !d->collect)
			break;
		pair->key = member->key;
		list->count++;
	}
	return result;
}
