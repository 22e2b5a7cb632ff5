/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup/unit.h"

#include <limits.h>

#define NO_LIMIT	UINT64_MAX
#define ANNOTATION	"org.systemd.property."
/* CPUs and nodes that a mask may name: more than Linux can be built for. */
#define MASK_BITS	8192

enum conversion { NUMBER, MASK, QUOTA, IO_WEIGHT };

/*
 * The limits that systemd has a property for.  It writes them to the scope's files whenever it
 * is reloaded: a limit that it does not know would be gone then.
 */
static const struct {
	const char *file, *property;
	enum conversion conversion;
	bool newer;		/* than systemd 239; left out when the manager refuses it */
	/*
	 * Of what systemd takes, where the kernel takes more; max 0: any.  The nearest has the same
	 * effect: one byte or task, where there is a process already, and what the kernel itself
	 * makes of other shares.
	 */
	uint64_t min, max;
} rows[] = {
	{ "memory.max",			"MemoryMax",		NUMBER, false, 1, 0 },
	{ "memory.high",		"MemoryHigh",		NUMBER, false, 1, 0 },
	{ "memory.low",			"MemoryLow",		NUMBER, false },
	{ "memory.min",			"MemoryMin",		NUMBER, true },
	{ "memory.swap.max",		"MemorySwapMax",	NUMBER, false },
	{ "pids.max",			"TasksMax",		NUMBER, false, 1, 0 },
	{ "cpu.weight",			"CPUWeight",		NUMBER, false },
	{ "cpu.max",			"CPUQuotaPerSecUSec",	QUOTA, false },
	{ "io.weight",			"IOWeight",		IO_WEIGHT, false },
	{ "cpuset.cpus",		"AllowedCPUs",		MASK, true },
	{ "cpuset.mems",		"AllowedMemoryNodes",	MASK, true },
	/* v1 */
	{ "memory.limit_in_bytes",	"MemoryLimit",		NUMBER, false, 1, 0 },
	{ "cpu.shares",			"CPUShares",		NUMBER, false, 2, 262144 },
	{ "blkio.weight",		"BlockIOWeight",	NUMBER, false },
};

static void name_add(struct text *body, const char *name, const char *signature)
{
	dbus_align(body, 8);
	dbus_add_string(body, name);
	dbus_add_signature(body, signature);
}

void unit_add_string(struct text *body, const char *name, const char *value)
{
	name_add(body, name, "s");
	dbus_add_string(body, value);
}

void unit_add_bool(struct text *body, const char *name, bool value)
{
	name_add(body, name, "b");
	dbus_add_bool(body, value);
}

void unit_add_u64(struct text *body, const char *name, uint64_t value)
{
	name_add(body, name, "t");
	dbus_add_u64(body, value);
}

void unit_add_pid(struct text *body, const char *name, uint32_t pid)
{
	size_t mark;

	name_add(body, name, "au");
	mark = dbus_array_begin(body, 4);
	dbus_add_u32(body, pid);
	dbus_array_end(body, mark, 4);
}

void unit_add_strings(struct text *body, const char *name, const char *value)
{
	size_t mark;

	name_add(body, name, "as");
	mark = dbus_array_begin(body, 4);
	dbus_add_string(body, value);
	dbus_array_end(body, mark, 4);
}

/* "max" and -1 are no limit; false: not a number that systemd takes. */
static bool number_parse(const char *text, uint64_t *ret)
{
	if (strcmp(text, "max") == 0 || strcmp(text, "-1") == 0) {
		*ret = NO_LIMIT;
		return true;
	}
	return text_to_u64(text, UINT64_MAX - 1, ret);
}

bool unit_mask_parse(const char *list, uint8_t *mask, size_t *ret_size)
{
	uint64_t first, last;
	size_t size = 0;

	memset(mask, 0, MASK_BITS / 8);
	while (*list != '\0') {
		if (!text_take_range(&list, MASK_BITS - 1, &first, &last))
			return false;
		for (uint64_t bit = first; bit <= last; bit++)
			mask[bit / 8] |= (uint8_t)(1U << bit % 8);
		if (last / 8 + 1 > size)
			size = last / 8 + 1;
	}
	*ret_size = size;
	return size > 0;
}

static void mask_add(struct text *body, const char *name, const char *list)
{
	uint8_t mask[MASK_BITS / 8];
	size_t size, mark;

	if (!unit_mask_parse(list, mask, &size))
		return;
	name_add(body, name, "ay");
	mark = dbus_array_begin(body, 1);
	text_add_bytes(body, (const char *)mask, size);
	dbus_array_end(body, mark, 1);
}

/* "QUOTA PERIOD" or "max PERIOD", microseconds. */
static void quota_add(struct text *body, const char *name, const char *text, bool newer)
{
	char quota_text[32];
	const char *blank = strchr(text, ' ');
	size_t length = blank != NULL ? (size_t)(blank - text) : strlen(text);
	uint64_t quota, period = 100000, per_second = NO_LIMIT;

	if (length >= sizeof(quota_text) ||
	    (blank != NULL && !text_to_u64(blank + 1, UINT32_MAX, &period)) || period == 0)
		return;
	memcpy(quota_text, text, length);
	quota_text[length] = '\0';
	if (!number_parse(quota_text, &quota))
		return;
	/* systemd keeps percents: rounded up, as its own command does. */
	if (quota != NO_LIMIT && quota <= UINT64_MAX / 1000000) {
		per_second = quota * 1000000 / period;
		per_second = (per_second + 9999) / 10000 * 10000;
	}
	unit_add_u64(body, name, per_second);
	if (newer)
		unit_add_u64(body, "CPUQuotaPeriodUSec", period);
}

static uint64_t bound(size_t row, uint64_t number)
{
	if (number < rows[row].min)
		return rows[row].min;
	return rows[row].max != 0 && number > rows[row].max && number != NO_LIMIT ? rows[row].max :
										    number;
}

static void row_add(struct text *body, size_t row, const char *text, bool newer)
{
	const char *name = rows[row].property;
	uint64_t number;

	if (rows[row].newer && !newer)
		return;
	if (rows[row].conversion == MASK)
		mask_add(body, name, text);
	else if (rows[row].conversion == QUOTA)
		quota_add(body, name, text, newer);
	else if (rows[row].conversion == IO_WEIGHT &&
		 text_to_u64(strncmp(text, "default ", 8) == 0 ? text + 8 : text, 10000, &number))
		unit_add_u64(body, name, number);
	else if (rows[row].conversion == NUMBER && number_parse(text, &number))
		unit_add_u64(body, name, bound(row, number));
}

void unit_add_limits(struct text *body, const cgroup_write_list *writes, bool newer)
{
	LIST_EACH(write, *writes)
		for (size_t row = 0; row < ARRAY_SIZE(rows); row++)
			if (strcmp(rows[row].file, write->file) == 0)
				row_add(body, row, write->text, newer);
}

/* --- annotations --------------------------------------------------------------- */

/* A quoted string at *at, which is moved behind it; NULL: there is none. */
static const char *quoted_parse(struct arena *arena, const char **at)
{
	struct text out = { .arena = arena };
	const char *text = *at;
	char quote = *text;

	if (quote != '\'' && quote != '"')
		return NULL;
	for (text++; *text != quote; text++) {
		if (*text == '\\' && text[1] != '\0')
			text++;
		if (*text == '\0')
			return NULL;
		text_add_bytes(&out, text, 1);
	}
	*at = text + 1;
	return out.size > 0 ? out.data : "";
}

/* ['a', 'b'] */
static bool strings_parse(struct text *body, const char *name, const char *text)
{
	size_t mark;

	name_add(body, name, "as");
	mark = dbus_array_begin(body, 4);
	for (text += strspn(text, " "); *text != ']'; text += strspn(text, " ,")) {
		const char *item = quoted_parse(body->arena, &text);

		if (item == NULL)
			return false;
		dbus_add_string(body, item);
	}
	dbus_array_end(body, mark, 4);
	return text[1] == '\0';
}

/* "uint64 5", "-5": the words of GVariant's text format for the number types that units have. */
static bool integer_parse(struct text *body, const char *name, const char *text)
{
	static const struct { const char *word, *signature; uint64_t max; bool wide; } types[] = {
		{ "uint64 ", "t", UINT64_MAX, true },
		{ "int64 ", "x", INT64_MAX, true },
		{ "uint32 ", "u", UINT32_MAX, false },
		{ "int32 ", "i", INT32_MAX, false },
		{ "", "i", INT32_MAX, false },
	};
	uint64_t number;
	size_t i = 0;

	while (strncmp(text, types[i].word, strlen(types[i].word)) != 0)
		i++;
	text += strlen(types[i].word);
	if (!text_to_u64(text + (*text == '-'), types[i].max, &number))
		return false;
	if (*text == '-' && types[i].signature[0] != 'x' && types[i].signature[0] != 'i')
		return false;
	if (*text == '-')
		number = -number;
	name_add(body, name, types[i].signature);
	if (types[i].wide)
		dbus_add_u64(body, number);
	else
		dbus_add_u32(body, (uint32_t)number);
	return true;
}

/* Units have no property in seconds on the bus: "TimeoutStopSec" is "TimeoutStopUSec" there. */
static bool seconds_parse(struct text *body, const char *name, const char *text)
{
	size_t length = strlen(name);
	uint64_t seconds;

	if (length <= 3 || strcmp(name + length - 3, "Sec") != 0 ||
	    (length > 4 && name[length - 4] == 'U'))
		return false;
	if (strncmp(text, "uint64 ", 7) == 0 || strncmp(text, "uint32 ", 7) == 0)
		text += 7;
	if (!text_to_u64(text, UINT64_MAX / 1000000, &seconds))
		return false;
	unit_add_u64(body, arena_printf(body->arena, "%.*sUSec", (int)length - 3, name),
		     seconds * 1000000);
	return true;
}

static bool value_add(struct text *body, const char *name, const char *text)
{
	const char *at = text, *string = quoted_parse(body->arena, &at);

	if (string != NULL && *at == '\0') {
		unit_add_string(body, name, string);
		return true;
	}
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
		unit_add_bool(body, name, *text == 't');
		return true;
	}
	if (*text == '[')
		return strings_parse(body, name, text + 1);
	return seconds_parse(body, name, text) || integer_parse(body, name, text);
}

int unit_add_annotations(struct text *body, const struct plan *plan, struct error *err)
{
	size_t skip = strlen(ANNOTATION);

	LIST_EACH(annotation, plan->annotations) {
		if (strncmp(annotation->key, ANNOTATION, skip) != 0)
			continue;
		if (!value_add(body, annotation->key + skip, annotation->value))
			return error_set(err, "annotation %s: \"%s\" is not a value of a unit: a "
					 "'string', true, false, a number as uint64 5, or ['list']",
					 annotation->key, annotation->value);
	}
	return 0;
}
