/* SPDX-License-Identifier: Apache-2.0 */
#include "config/make_value.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/list.h"
#include "base/text.h"
#include "config/mount_option.h"
#include "config/names.h"

uint64_t capability_bits(const char *name)
{
	uint64_t all = 0;

	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (const struct name *row = capability_names; row->name != NULL; row++) {
		all |= 1ULL << row->value;
		if (strcasecmp(row->name + 4, name) == 0)
			return 1ULL << row->value;
	}
	return strcasecmp(name, "ALL") == 0 ? all : 0;
}

bool user_parse(const char *text, uint32_t *ret_uid, uint32_t *ret_gid)
{
	uint64_t uid;

	if (!text_take_u64(&text, UINT32_MAX - 1, &uid))
		return false;
	*ret_uid = (uint32_t)uid;
	*ret_gid = 0;
	return *text == '\0' || (*text == ':' && text_to_id(text + 1, ret_gid));
}

bool size_parse(const char *text, int64_t *ret)
{
	static const char letters[] = "kmgt";
	uint64_t value, scale = 1;
	const char *unit = text;

	if (strcmp(text, "-1") == 0) {
		*ret = -1;
		return true;
	}
	if (!text_take_u64(&unit, INT64_MAX, &value) || value == 0)
		return false;
	if (*unit != '\0' && strcasecmp(unit, "b") != 0) {
		char lower = (char)(*unit | 0x20);
		const char *letter = strchr(letters, lower);

		if (letter == NULL || (unit[1] != '\0' && strcasecmp(unit + 1, "b") != 0 &&
				       strcasecmp(unit + 1, "ib") != 0))
			return false;
		scale = 1ULL << 10 * (letter - letters + 1);
	}
	if (__builtin_mul_overflow(value, scale, &value) || value > INT64_MAX)
		return false;
	*ret = (int64_t)value;
	return true;
}

bool cpus_parse(const char *text, uint64_t period, uint64_t *ret)
{
	size_t whole = strspn(text, "0123456789"), part = 0;
	uint64_t quota = 0, weight = period;

	if (whole > 5 || (whole == 0 && *text != '.'))
		return false;
	for (size_t i = 0; i < whole; i++)
		quota = quota * 10 + (uint64_t)(text[i] - '0') * period;
	if (text[whole] == '.') {
		part = strspn(text + whole + 1, "0123456789");
		for (size_t i = 0; i < part; i++) {
			weight /= 10;
			quota += (uint64_t)(text[whole + 1 + i] - '0') * weight;
		}
		part++;
	}
	/* The kernel takes no quota below a millisecond. */
	if (text[whole + part] != '\0' || quota < 1000)
		return false;
	*ret = quota;
	return true;
}

static void option_add(struct arena *arena, struct made_mount *mount, const char *option,
		       size_t length)
{
	if (length > 0)
		LIST_ADD(arena, &mount->options, arena_strndup(arena, option, length));
}

static void options_split(struct arena *arena, struct made_mount *mount, const char *text,
			  const char *separator)
{
	while (*text != '\0') {
		size_t length = strcspn(text, separator);

		option_add(arena, mount, text, length);
		text += length + (text[length] != '\0');
	}
}

static bool has_option(const struct made_mount *mount, const char *option)
{
	LIST_EACH(known, mount->options)
		if (strcmp(*known, option) == 0)
			return true;
	return false;
}

static bool word_is(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && strncmp(text, word, length) == 0;
}

/* One of "type=T,source=S,destination=D,options=A:B", in the words that Docker and mount(8) use. */
static bool take_pair(struct arena *arena, struct made_mount *mount, const char *pair,
		      size_t length)
{
	const char *equals = memchr(pair, '=', length);
	size_t name = equals != NULL ? (size_t)(equals - pair) : length;
	const char *value = equals != NULL ?
			    arena_strndup(arena, equals + 1, length - name - 1) : NULL;

	if (value == NULL) {
		option_add(arena, mount, word_is(pair, name, "readonly") ? "ro" : pair,
			   word_is(pair, name, "readonly") ? 2 : length);
		return true;
	}
	if (word_is(pair, name, "type"))
		mount->type = value;
	else if (word_is(pair, name, "source") || word_is(pair, name, "src"))
		mount->source = value;
	else if (word_is(pair, name, "destination") || word_is(pair, name, "dst") ||
		 word_is(pair, name, "target"))
		mount->destination = value;
	else if (word_is(pair, name, "options"))
		options_split(arena, mount, value, ":");
	else
		return false;
	return true;
}

static int parse_pairs(struct arena *arena, const char *text, struct made_mount *mount,
		       struct error *err)
{
	for (const char *at = text; *at != '\0';) {
		size_t length = strcspn(at, ",");

		if (!take_pair(arena, mount, at, length))
			return error_set(err, "--mount %s: %.*s is not known: type, source, "
					 "destination and options are", text, (int)length, at);
		at += length + (at[length] != '\0');
	}
	return 0;
}

static void parse_colons(struct arena *arena, const char *text, struct made_mount *mount)
{
	size_t source = strcspn(text, ":"), destination;

	mount->source = arena_strndup(arena, text, source);
	text += source + (text[source] != '\0');
	destination = strcspn(text, ":");
	mount->destination = arena_strndup(arena, text, destination);
	text += destination + (text[destination] != '\0');
	options_split(arena, mount, text, ",");
}

/* The kernel takes any word for a bind mount and ignores it: "r0" would leave it writable. */
static int check_bind_options(const struct made_mount *mount, const char *text, struct error *err)
{
	LIST_EACH(option, mount->options)
		if (mount_option_find(*option) == NULL && strncmp(*option, "idmap=", 6) != 0 &&
		    strncmp(*option, "ridmap=", 7) != 0)
			return error_set(err, "--mount %s: \"%s\" is no option of a bind mount",
					 text, *option);
	return 0;
}

const char *path_absolute(struct arena *arena, const char *path)
{
	char cwd[4096];

	if (path[0] == '/' || getcwd(cwd, sizeof(cwd)) == NULL)
		return path;
	return arena_printf(arena, "%s/%s", cwd, path);
}

int mount_parse(struct arena *arena, const char *text, struct made_mount *ret, struct error *err)
{
	struct made_mount mount = { 0 };
	bool bind;

	if (strchr(text, '=') != NULL && text[0] != '/' && text[0] != '.') {
		if (parse_pairs(arena, text, &mount, err) < 0)
			return -1;
	} else {
		parse_colons(arena, text, &mount);
	}
	if (mount.destination == NULL || mount.destination[0] != '/')
		return error_set(err, "--mount %s: needs an absolute destination, as in "
				 "SOURCE:DESTINATION[:OPTIONS]", text);
	bind = mount.type == NULL || strcmp(mount.type, "bind") == 0;
	if (bind) {
		if (mount.source == NULL || mount.source[0] == '\0')
			return error_set(err, "--mount %s: needs a source to bind", text);
		if (check_bind_options(&mount, text, err) < 0)
			return -1;
		mount.type = "bind";
		mount.source = path_absolute(arena, mount.source);
		if (!has_option(&mount, "bind") && !has_option(&mount, "rbind"))
			option_add(arena, &mount, "rbind", strlen("rbind"));
	}
	*ret = mount;
	return 0;
}

int tmpfs_parse(struct arena *arena, const char *text, struct made_mount *ret, struct error *err)
{
	static const char *const usual[] = { "nosuid", "nodev" };
	struct made_mount mount = { .type = "tmpfs", .source = "tmpfs" };
	size_t length = strcspn(text, ":");

	if (text[0] != '/')
		return error_set(err, "--tmpfs %s: needs an absolute path", text);
	mount.destination = arena_strndup(arena, text, length);
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		option_add(arena, &mount, usual[i], strlen(usual[i]));
	if (text[length] == ':')
		options_split(arena, &mount, text + length + 1, ",");
	*ret = mount;
	return 0;
}

int device_parse(struct arena *arena, const char *text, struct made_device *ret, struct error *err)
{
	size_t length = strcspn(text, ":");
	const char *path = arena_strndup(arena, text, length), *more = text + length;
	struct made_device device = { .source = path, .path = path, .access = "rwm" };
	struct stat st;

	if (more[0] == ':' && more[1] == '/') {
		length = strcspn(++more, ":");
		device.path = arena_strndup(arena, more, length);
		more += length;
	}
	if (*more == ':') {
		device.access = ++more;
		more += strspn(more, "rwm");
	}
	if (path[0] != '/' || *more != '\0' || *device.access == '\0')
		return error_set(err,
				 "--device %s: must be PATH[:TARGET][:ACCESS], as in "
				 "/dev/sdb:/dev/disk:r",
				 text);
	if (stat(path, &st) < 0)
		return error_errno(err, "--device %s", text);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return error_set(err, "--device %s: %s is no device", text, path);
	device.mode = st.st_mode;
	device.uid = st.st_uid;
	device.gid = st.st_gid;
	device.major = major(st.st_rdev);
	device.minor = minor(st.st_rdev);
	*ret = device;
	return 0;
}

/* Takes a number, or -1. */
static bool take_ulimit(const char **text, uint64_t *ret)
{
	if (strncmp(*text, "-1", 2) != 0)
		return text_take_u64(text, UINT64_MAX, ret);
	*text += 2;
	*ret = UINT64_MAX;
	return true;
}

/* "SOFT" or "SOFT:HARD" */
static bool parse_limits(const char *text, uint64_t *ret_soft, uint64_t *ret_hard)
{
	if (!take_ulimit(&text, ret_soft))
		return false;
	*ret_hard = *ret_soft;
	return *text == '\0' || (*text++ == ':' && take_ulimit(&text, ret_hard) && *text == '\0');
}

int ulimit_parse(struct arena *arena, const char *text, const char **ret_name, uint64_t *ret_soft,
		 uint64_t *ret_hard, struct error *err)
{
	size_t length = strcspn(text, "=");
	char *name = arena_printf(arena, "RLIMIT_%.*s", (int)length, text);
	const char *at = text + length + (text[length] != '\0');

	for (char *letter = name; *letter != '\0'; letter++)
		*letter = (char)toupper((unsigned char)*letter);
	if (name_find(rlimit_names, name) == NULL || !parse_limits(at, ret_soft, ret_hard))
		return error_set(err,
				 "--ulimit %s: must be NAME=SOFT[:HARD], as in nofile=1024:4096; "
				 "-1: no limit",
				 text);
	*ret_name = name;
	return 0;
}
