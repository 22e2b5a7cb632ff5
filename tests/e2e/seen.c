/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/seen.h"

#include <stdlib.h>
#include <string.h>

/* The next line with that key at or behind p, and where its value begins. */
static const char *next_line(const char *p, const char *key, const char **ret_value)
{
	size_t length = strlen(key);

	while (p && *p) {
		if (strncmp(p, key, length) == 0 && p[length] == '=') {
			*ret_value = p + length + 1;
			return p;
		}
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	return NULL;
}

const char *probe_find(const struct probe *probe, const char *key)
{
	const char *value;

	if (!next_line(probe->text, key, &value))
		return NULL;
	return arena_strndup(probe->arena, value, strcspn(value, "\n"));
}

const char *probe_text(const struct probe *probe, const char *key)
{
	const char *value = probe_find(probe, key);

	return value ? value : "";
}

bool probe_has(const struct probe *probe, const char *line)
{
	size_t length = strlen(line);

	for (const char *p = probe->text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (strncmp(p, line, length) == 0 && (p[length] == '\n' || p[length] == '\0'))
			return true;
	return false;
}

size_t probe_count(const struct probe *probe, const char *key)
{
	const char *value, *p = probe->text;
	size_t count = 0;

	for (; (p = next_line(p, key, &value)); p = value)
		count++;
	return count;
}

static const struct number {
	const char *key;
	size_t offset;
	int base;
} numbers[] = {
	{ "pid", offsetof(struct probe, pid), 10 },
	{ "ppid", offsetof(struct probe, ppid), 10 },
	{ "pgid", offsetof(struct probe, pgid), 10 },
	{ "sid", offsetof(struct probe, sid), 10 },
	{ "uid", offsetof(struct probe, uid), 10 },
	{ "euid", offsetof(struct probe, euid), 10 },
	{ "suid", offsetof(struct probe, suid), 10 },
	{ "gid", offsetof(struct probe, gid), 10 },
	{ "egid", offsetof(struct probe, egid), 10 },
	{ "sgid", offsetof(struct probe, sgid), 10 },
	{ "umask", offsetof(struct probe, umask), 8 },
	{ "nofile_soft", offsetof(struct probe, nofile_soft), 10 },
	{ "nofile_hard", offsetof(struct probe, nofile_hard), 10 },
	{ "oom_score_adj", offsetof(struct probe, oom_score_adj), 10 },
	{ "nice", offsetof(struct probe, nice), 10 },
	{ "NoNewPrivs", offsetof(struct probe, no_new_privs), 10 },
	{ "Seccomp", offsetof(struct probe, seccomp), 10 },
	{ "dumpable", offsetof(struct probe, dumpable), 10 },
	{ "lo_up", offsetof(struct probe, lo_up), 10 },
	{ "CapInh", offsetof(struct probe, cap_inheritable), 16 },
	{ "CapPrm", offsetof(struct probe, cap_permitted), 16 },
	{ "CapEff", offsetof(struct probe, cap_effective), 16 },
	{ "CapBnd", offsetof(struct probe, cap_bounding), 16 },
	{ "CapAmb", offsetof(struct probe, cap_ambient), 16 },
};

void probe_parse(struct probe *ret, struct arena *arena, const char *text)
{
	*ret = (struct probe){ .arena = arena, .text = text };
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const char *value;
		int64_t *number = (int64_t *)((char *)ret + numbers[i].offset);

		*number = next_line(text, numbers[i].key, &value) ?
			  strtoll(value, NULL, numbers[i].base) : -1;
	}
}

/* mountinfo: id parent major:minor root destination options [tags] - type source super-options */
static bool mount_split(struct arena *arena, const char *line, const char *destination,
			struct probe_mount *ret)
{
	char *copy = arena_strndup(arena, line, strcspn(line, "\n")), *rest = copy;
	char *separator = strstr(copy, " - ");
	const char *word[6];

	if (!separator)
		return false;
	*separator = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(word); i++)
		word[i] = strsep(&rest, " ");
	if (!word[5] || strcmp(word[4], destination) != 0)
		return false;
	*ret = (struct probe_mount){ .root = word[3],
				     .options = word[5],
				     .tags = rest ? rest : "" };
	rest = separator + 3;
	ret->type = strsep(&rest, " ");
	ret->source = strsep(&rest, " ");
	ret->super_options = rest ? rest : "";
	return true;
}

bool probe_mount_find(const struct probe *probe, const char *destination, struct probe_mount *ret)
{
	const char *value, *p = probe->text;
	bool found = false;

	for (; (p = next_line(p, "mount", &value)); p = value)
		if (mount_split(probe->arena, value, destination, ret))
			found = true;
	return found;
}

bool probe_option(const char *options, const char *word)
{
	size_t length = strlen(word);

	for (const char *p = options; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (strncmp(p, word, length) == 0 && (p[length] == ',' || p[length] == '\0'))
			return true;
	return false;
}
