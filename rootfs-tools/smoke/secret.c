/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/secret.h"

#include <ctype.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "base/compiler.h"
#include "base/fd.h"

/* Larger files are no keys and no settings. */
enum { READ_MAX = 4096, KEY_MAX = 1 << 16 };

static const struct {
	const char *pattern;	/* of the path, or of the name where it has no "/" */
	const char *contents;	/* that must be in it, or NULL */
	const char *why;
} files[] = {
	{ ".netrc", "password", "passwords of ftp and curl" },
	{ ".pgpass", NULL, "passwords of PostgreSQL" },
	{ ".my.cnf", "password", "a password of MySQL" },
	{ ".git-credentials", NULL, "passwords of git" },
	{ ".npmrc", "_auth", "a token of npm" },
	{ ".pypirc", "password", "a password of PyPI" },
	{ "*/.docker/config.json", "\"auth\"", "passwords of registries" },
	{ "*/.aws/credentials", NULL, "keys of AWS" },
	{ "*/.kube/config", NULL, "credentials of Kubernetes" },
	{ "*/.config/gcloud/*credentials*", NULL, "credentials of Google Cloud" },
	{ "*/.azure/*oken*", NULL, "tokens of Azure" },
	{ ".env", "=", "settings that are mostly kept out of images" },
	{ "*.p12", NULL, "a key store" },
	{ "*.pfx", NULL, "a key store" },
	{ "*.kdbx", NULL, "a password store" },
	{ ".bash_history", NULL, "what somebody typed" },
	{ ".htpasswd", ":", "password hashes" },
};

/* The beginning of it, NUL-terminated; "" where it can't be read. */
static void read_start(int dir_fd, const char *name, char buffer[READ_MAX + 1])
{
	_cleanup_fd int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t size = fd >= 0 ? read(fd, buffer, READ_MAX) : 0;

	buffer[size > 0 ? size : 0] = '\0';
}

/* "-----BEGIN RSA PRIVATE KEY-----", of any kind, at the beginning. */
static const char *key_in(const char *text)
{
	const char *word, *end;

	text += strspn(text, " \t\r\n");
	if (strncmp(text, "-----BEGIN ", 11) != 0)
		return NULL;
	end = text + strcspn(text, "\n");
	word = strstr(text, "PRIVATE KEY");
	return word != NULL && word < end ? "a private key" : NULL;
}

/* A hash in /etc/shadow: anything but "*", "!" and nothing. */
static const char *shadow_in(const char *text)
{
	while (*text != '\0') {
		const char *hash = text + strcspn(text, ":\n");

		if (*hash == ':' && (hash[1] == '$' || isalnum((unsigned char)hash[1])))
			return "the hash of a password";
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return NULL;
}

const char *secret_file(int dir_fd, const char *name, const char *path, const struct stat *st)
{
	char text[READ_MAX + 1];

	if (st->st_size == 0 || st->st_size > KEY_MAX)
		return NULL;
	if (strcmp(path, "/etc/shadow") == 0) {
		read_start(dir_fd, name, text);
		return shadow_in(text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const char *subject = strchr(files[i].pattern, '/') != NULL ? path : name;

		if (fnmatch(files[i].pattern, subject, 0) != 0)
			continue;
		read_start(dir_fd, name, text);
		if (files[i].contents == NULL || strstr(text, files[i].contents) != NULL)
			return files[i].why;
	}
	/* Programs and what is far from text cost only their first page. */
	if (st->st_size < 64 || (st->st_mode & 0111))
		return NULL;
	read_start(dir_fd, name, text);
	return key_in(text);
}

bool secret_variable(const char *name, const char *value)
{
	static const char *const words[] = {
		"PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY", "APIKEY", "PRIVATE_KEY",
		"ACCESS_KEY",
	};
	static const char *const not[] = { "_FILE", "_PATH", "_URL", "_VERSION" };
	size_t length = strlen(name);

	if (*value == '\0')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(not); i++)
		if (length > strlen(not[i]) &&
		    strcasecmp(name + length - strlen(not[i]), not[i]) == 0)
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasestr(name, words[i]) != NULL)
			return true;
	return false;
}
