/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/list.h"
#include "base/text.h"
#include "config/resource_limits.h"

int decode_weight(struct decoder *d, const struct json *v, void *out)
{
	struct opt_u64 *weight = out;

	if (decode_u64_up_to(d, v, 1000, &weight->value) < 0)
		return -1;
	if (weight->value > 0 && weight->value < 10)
		return bad_value(d, v, "must be from 10 to 1000, not %" PRIu64, weight->value);
	weight->set = weight->value != 0;
	return 0;
}

/* Parts of file names, keys and lines that are written as they are must stay what they are. */
static bool is_word(const char *text)
{
	return text[0] != '\0' && text[0] != '.' && text[strcspn(text, "/ \t\n")] == '\0';
}

static int decode_page_size(struct decoder *d, const struct json *v, void *out)
{
	const char **size = out, *unit;

	if (decode_string(d, v, out) < 0)
		return -1;
	unit = *size + strspn(*size, "0123456789");
	if (unit == *size || unit[0] == '\0' || strchr("KMGT", unit[0]) == NULL ||
	    strcmp(unit + 1, "B") != 0)
		return bad_value(d, v, "must be a page size as \"2MB\", not \"%s\"",
				 *size);
	return 0;
}

static int decode_word(struct decoder *d, const struct json *v, void *out)
{
	const char **word = out;

	if (decode_string(d, v, out) < 0)
		return -1;
	if (!is_word(*word))
		return bad_value(d, v, "must be a name, not \"%s\"", *word);
	return 0;
}

/* --- device rules ---------------------------------------------------------------- */

static int decode_device_type(struct decoder *d, const struct json *v, void *out)
{
	const char *text = NULL;

	if (decode_string(d, v, &text) < 0)
		return -1;
	if (strcmp(text, "a") != 0 && strcmp(text, "b") != 0 && strcmp(text, "c") != 0 &&
	    text[0] != '\0')
		return bad_value(d, v, "must be \"a\", \"b\" or \"c\", not \"%s\"",
				 text);
	*(char *)out = text[0] != '\0' ? text[0] : 'a';
	return 0;
}

/* -1, as absent, means all: some clients write it. */
static int decode_device_number(struct decoder *d, const struct json *v, void *out)
{
	struct opt_u64 *number = out;
	int64_t value;

	if (decode_i64_between(d, v, -1, UINT32_MAX, &value) < 0)
		return -1;
	number->set = value >= 0;
	number->value = value >= 0 ? (uint64_t)value : 0;
	return 0;
}

static int decode_access(struct decoder *d, const struct json *v, void *out)
{
	static const struct { char letter; unsigned int access; } letters[] = {
		{ 'r', DEVICE_READ }, { 'w', DEVICE_WRITE }, { 'm', DEVICE_MKNOD },
	};
	unsigned int *access = out;
	const char *text = NULL;

	if (decode_string(d, v, &text) < 0)
		return -1;
	for (const char *at = text; *at != '\0'; at++) {
		size_t i = 0;

		while (i < ARRAY_SIZE(letters) && letters[i].letter != *at)
			i++;
		if (i == ARRAY_SIZE(letters))
			return bad_value(d, v, "must be letters of \"rwm\", not \"%s\"",
					 text);
		*access |= letters[i].access;
	}
	return 0;
}

int decode_device_rule(struct decoder *d, const struct json *v, void *out)
{
	static const struct field fields[] = {
		FIELD_BOOL("allow", struct device_rule, allow, FIELD_REQUIRED),
		FIELD("type", decode_device_type, struct device_rule, type),
		FIELD("major", decode_device_number, struct device_rule, major),
		FIELD("minor", decode_device_number, struct device_rule, minor),
		FIELD("access", decode_access, struct device_rule, access),
		{ NULL },
	};
	struct device_rule *rule = out;

	rule->type = 'a';
	if (decode_object(d, v, fields, rule) < 0)
		return -1;
	if (rule->access == 0)
		rule->access = DEVICE_READ | DEVICE_WRITE | DEVICE_MKNOD;
	return 0;
}

/* --- items of lists and maps -------------------------------------------------------- */

int decode_weight_device(struct decoder *d, const struct json *v, void *out)
{
	static const struct field fields[] = {
		FIELD_U32("major", struct weight_device, device.major, FIELD_REQUIRED),
		FIELD_U32("minor", struct weight_device, device.minor, FIELD_REQUIRED),
		FIELD("weight", decode_weight, struct weight_device, weight),
		FIELD("leafWeight", decode_weight, struct weight_device, leaf_weight),
		{ NULL },
	};

	if (decode_object(d, v, fields, out) < 0)
		return -1;
	if (!has_property(v, "weight") && !has_property(v, "leafWeight"))
		return bad_value(d, v, "needs weight or leafWeight");
	return 0;
}

int decode_throttle(struct decoder *d, const struct json *v, void *out)
{
	static const struct field fields[] = {
		FIELD_U32("major", struct throttle_device, device.major, FIELD_REQUIRED),
		FIELD_U32("minor", struct throttle_device, device.minor, FIELD_REQUIRED),
		FIELD_U64("rate", struct throttle_device, rate, FIELD_REQUIRED),
		{ NULL },
	};

	return decode_object(d, v, fields, out);
}

int decode_huge_pages(struct decoder *d, const struct json *v, void *out)
{
	static const struct field fields[] = {
		FIELD("pageSize", decode_page_size, struct huge_page_limit, page_size,
		      FIELD_REQUIRED),
		FIELD_U64("limit", struct huge_page_limit, limit, FIELD_REQUIRED),
		{ NULL },
	};

	return decode_object(d, v, fields, out);
}

int decode_priority(struct decoder *d, const struct json *v, void *out)
{
	static const struct field fields[] = {
		FIELD("name", decode_word, struct interface_priority, name, FIELD_REQUIRED),
		FIELD_U32("priority", struct interface_priority, priority, FIELD_REQUIRED),
		{ NULL },
	};

	return decode_object(d, v, fields, out);
}

static int decode_hca(struct decoder *d, const struct json *v, void *out)
{
	return decode_opt_u64_up_to(d, v, UINT32_MAX, out);
}

const char *rdma_text(struct arena *arena, const struct rdma_limit *rdma)
{
	struct text out = { .arena = arena };

	text_add(&out, rdma->device);
	if (rdma->handles.set)
		text_printf(&out, " hca_handle=%" PRIu64, rdma->handles.value);
	if (rdma->objects.set)
		text_printf(&out, " hca_object=%" PRIu64, rdma->objects.value);
	return out.data;
}

int decode_rdma(struct decoder *d, const struct json *v, void *out)
{
	static const struct field fields[] = {
		FIELD("hcaHandles", decode_hca, struct rdma_limit, handles),
		FIELD("hcaObjects", decode_hca, struct rdma_limit, objects),
		{ NULL },
	};
	struct limits *limits = out;

	if (want_type(d, v, JSON_OBJECT) < 0)
		return -1;
	JSON_EACH(entry, v) {
		struct rdma_limit *rdma = LIST_NEW(d->arena, &limits->rdma);

		rdma->device = entry->key;
		if (!is_word(entry->key))
			return bad_value(d, entry, "must be named as a device is");
		if (decode_object(d, entry, fields, rdma) < 0)
			return -1;
		if (!rdma->handles.set && !rdma->objects.set)
			return bad_value(d, entry, "needs hcaHandles or hcaObjects");
	}
	return 0;
}

/* They take a process of the host's into the cgroup, which is killed with all in it. */
static bool is_about_processes(const char *file)
{
	return strcmp(file, "cgroup.procs") == 0 || strcmp(file, "cgroup.threads") == 0 ||
	       strcmp(file, "cgroup.kill") == 0;
}

int decode_unified(struct decoder *d, const struct json *v, void *out)
{
	struct limits *limits = out;

	if (want_type(d, v, JSON_OBJECT) < 0)
		return -1;
	JSON_EACH(entry, v) {
		struct annotation *unified = LIST_NEW(d->arena, &limits->unified);

		unified->key = entry->key;
		if (decode_string(d, entry, &unified->value) < 0)
			return -1;
		/* It names a file of the container's own cgroup, and no other. */
		if (!is_word(entry->key) || strchr(entry->key, '.') == NULL)
			return bad_value(d, entry, "must be named as a file of cgroup v2 is, "
					 "\"memory.high\"");
		if (is_about_processes(entry->key))
			return bad_value(d, entry, "is no limit: it moves or kills processes");
	}
	return 0;
}
