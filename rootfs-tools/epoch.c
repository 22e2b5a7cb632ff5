/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/epoch.h"

#include <time.h>

#include "base/text.h"

/* Up to the end of the year 9999, the last that RFC 3339 can write. */
#define LAST_SECOND	INT64_C(253402300799)

int epoch_read(struct epoch *ret, struct error *err)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");

	*ret = (struct epoch){ 0 };
	if (text == NULL || *text == '\0')
		return 0;
	if (!text_to_i64(text, 0, LAST_SECOND, &ret->seconds))
		return error_set(err, "SOURCE_DATE_EPOCH: must be a number of seconds since 1970, "
				 "not \"%s\"", text);
	ret->set = true;
	return 0;
}

const char *epoch_created(struct arena *arena, const struct epoch *epoch)
{
	time_t now = epoch->set ? (time_t)epoch->seconds : time(NULL);
	struct tm tm;
	char text[32];

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return arena_strdup(arena, text);
}

const char *epoch_minute(struct arena *arena, int64_t seconds)
{
	time_t when = (time_t)seconds;
	struct tm tm;

	/* A layer may say a time whose year is none, or has as many digits as it likes. */
	if (gmtime_r(&when, &tm) == NULL || tm.tm_year < -1900 || tm.tm_year >= 8100)
		return "?";
	return arena_printf(arena, "%04d-%02d-%02d %02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
			    tm.tm_mday, tm.tm_hour, tm.tm_min);
}

/* strptime() takes blanks and single digits, too. */
static bool is_formed(const char *text, const char *form)
{
	for (; *form != '\0'; form++, text++)
		if (*form == '0' ? *text < '0' || *text > '9' : *text != *form)
			return false;
	return true;
}

bool epoch_is_time(const char *text)
{
	struct tm tm = { 0 }, normal;
	const char *rest;

	if (!is_formed(text, "0000-00-00T00:00:00"))
		return false;
	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	normal = tm;
	timegm(&normal);
	/* Nor does it know how many days a month has; and nobody reads a second 60. */
	if (rest == NULL || normal.tm_mday != tm.tm_mday || normal.tm_sec != tm.tm_sec)
		return false;
	if (*rest == '.') {
		size_t digits = strspn(rest + 1, "0123456789");

		if (digits == 0)
			return false;
		rest += 1 + digits;
	}
	if (strcmp(rest, "Z") == 0)
		return true;
	if ((*rest != '+' && *rest != '-') || strlen(rest) != 6 || !is_formed(rest + 1, "00:00"))
		return false;
	return strptime(rest + 1, "%H:%M", &tm) == rest + 6;
}
