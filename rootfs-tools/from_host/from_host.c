/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/from_host/from_host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/path.h"
#include "config/program.h"
#include "rootfs-tools/from_host/copy.h"
#include "rootfs-tools/from_host/elf.h"

enum { SCRIPT_DEPTH = 4, CONF_MAX = 1 << 16 };

int from_host_begin(struct from_host *made)
{
	static const struct {
		const char *path;
		mode_t mode;
	} folders[] = {
		{ "proc", 0555 }, { "sys", 0555 }, { "dev", 0755 }, { "etc", 0755 },
		{ "tmp", 01777 }, { "run", 0755 }, { "root", 0700 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (mkdirat(made->root_fd, folders[i].path, 0700) < 0 ||
		    fchmodat(made->root_fd, folders[i].path, folders[i].mode, 0) < 0)
			return error_errno(made->err, "make /%s", folders[i].path);
	return 0;
}

/* --- programs ------------------------------------------------------------------------ */

/* Where ld.so looks without being told to. */
static bool is_usual_folder(const char *path)
{
	static const char *const folders[] = { "/lib", "/usr/lib", "/lib64", "/usr/lib64",
					       "/lib32", "/usr/lib32" };
	size_t length = (size_t)(strrchr(path, '/') - path);

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		size_t size = strlen(folders[i]);

		if (strncmp(path, folders[i], size) != 0)
			continue;
		/* Itself, or Debian's directory of the architecture in it. */
		if (length == size ||
		    (path[size] == '/' && strstr(path + size, "-linux-") != NULL &&
		     memchr(path + size + 1, '/', length - size - 1) == NULL))
			return true;
	}
	return false;
}

static int copy_elf(struct from_host *made, const char *path)
{
	struct elf_closure closure;
	struct stat st;
	const char *real;

	if (elf_closure(made->arena, made->host_fd, path, getenv("LD_LIBRARY_PATH"), &closure,
			made->err) < 0)
		return -1;
	LIST_EACH(missing, closure.missing)
		return error_set(made->err, "%s needs %s, which is not there", missing->wanted_by,
				 missing->name);
	LIST_EACH(file, closure.files) {
		if (from_host_replicate(made, *file, &real, &st) < 0)
			return -1;
		if (strcmp(strrchr(*file, '/'), "/libc.so.6") == 0)
			made->library_folder = arena_strndup(made->arena, *file,
							     (size_t)(strrchr(*file, '/') - *file));
		if (file != closure.files.items && !is_usual_folder(*file))
			made->needs_cache = true;
	}
	return 0;
}

/* Of "#!/usr/bin/env -S python3 -u": the first word, and all behind it; false: no script. */
static bool script_words(const struct from_host *made, const char *path, char line[256],
			 const char **ret_program, char **ret_rest)
{
	struct error ignored;
	_cleanup_fd int fd = path_open(made->host_fd, path, O_RDONLY, &ignored);
	ssize_t size = fd >= 0 ? read(fd, line, 255) : -1;
	char *at;

	if (size < 3 || line[0] != '#' || line[1] != '!')
		return false;
	line[size] = '\0';
	line[strcspn(line, "\n")] = '\0';
	at = line + 2 + strspn(line + 2, " \t");
	*ret_program = at;
	at += strcspn(at, " \t");
	if (*at != '\0')
		*at++ = '\0';
	*ret_rest = at + strspn(at, " \t");
	return **ret_program != '\0';
}

/* The next word, without the quotes that keep blanks in it; "" at the end. */
static const char *take_word(char **at)
{
	char *word = *at + strspn(*at, " \t"), *to = word, quote = '\0', c;

	for (*at = word; (c = **at) != '\0' && (quote != '\0' || strchr(" \t", c) == NULL); ++*at) {
		if (quote == '\0' ? c == '\'' || c == '"' : c == quote)
			quote = quote == '\0' ? c : '\0';
		else
			*to++ = c;
	}
	*at += c != '\0';
	*to = '\0';
	return word;
}

/*
 * The program that env starts.  The kernel gives it all of the line as one argument, which it takes
 * apart behind -S alone: "-S", "-vS", "--split-string=" in front of options, NAME=VALUE and the
 * program.  NULL: it starts none, or one whose name is in a variable.
 */
static const char *env_program(char *rest)
{
	static const char split[] = "--split-string=";
	const char *word;

	if (strncmp(rest, split, strlen(split)) == 0)
		rest += strlen(split);
	else if (*rest == '-' && rest[1 + strspn(rest + 1, "iv0")] == 'S')
		rest += 2 + strspn(rest + 1, "iv0");
	else if (*rest == '-')
		return NULL;
	while (*(word = take_word(&rest)) == '-' || strchr(word, '=') != NULL)
		/* These two have their value as a word of its own. */
		if (strcmp(word, "-u") == 0 || strcmp(word, "-C") == 0)
			take_word(&rest);
	return *word != '\0' && strchr(word, '$') == NULL ? word : NULL;
}

static int copy_program(struct from_host *made, const char *name, unsigned int depth)
{
	char path[PATH_MAX], line[256];
	const char *interpreter, *base, *started;
	_cleanup_fd int fd = -EBADF;
	char cwd[PATH_MAX], *rest;

	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return error_errno(made->err, "find the working directory");
	fd = program_find(made->host_fd, name, cwd, getenv("PATH"), path, made->err);
	if (fd < 0)
		return -1;
	if (copy_elf(made, path) < 0)
		return error_wrap(made->err, "%s", path);
	if (!script_words(made, path, line, &interpreter, &rest))
		return 0;
	if (depth == SCRIPT_DEPTH)
		return error_number(made->err, ELOOP, "%s: scripts that scripts interpret", path);
	if (copy_program(made, interpreter, depth + 1) < 0)
		return error_wrap(made->err, "%s", path);
	base = strrchr(interpreter, '/');
	started = base != NULL && strcmp(base, "/env") == 0 ? env_program(rest) : NULL;
	return started != NULL ? copy_program(made, started, depth + 1) : 0;
}

int from_host_program(struct from_host *made, const char *name)
{
	return copy_program(made, name, 0);
}

/* --- files that programs expect ------------------------------------------------------ */

/* "libnss_NAME.so.2" of each service; glibc has some of them built in, and then no file. */
static int copy_service(struct from_host *made, const char *name)
{
	const char *path = arena_printf(made->arena, "%s/libnss_%s.so.2", made->library_folder,
					name);

	if (faccessat(made->host_fd, path + 1, F_OK, 0) < 0)
		return 0;
	return copy_elf(made, path);
}

int from_host_names(struct from_host *made)
{
	char *text, *save = NULL;

	if (made->library_folder == NULL)
		return 0;
	if (file_read(made->host_fd, "etc/nsswitch.conf", CONF_MAX, made->arena, &text, NULL,
		      made->err) < 0)
		return -1;
	if (from_host_file(made, "/etc/nsswitch.conf") < 0)
		return -1;
	for (char *word = strtok_r(text, " \t\n", &save); word != NULL;
	     word = strtok_r(NULL, " \t\n", &save)) {
		size_t plain = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_");

		if (plain > 0 && word[plain] == '\0' && copy_service(made, word) < 0)
			return -1;
	}
	return 0;
}

static int write_file(struct from_host *made, const char *path, const char *text)
{
	made->files++;
	made->bytes += strlen(text);
	return file_replace(made->root_fd, path, text, strlen(text), 0644, made->err);
}

int from_host_users(struct from_host *made)
{
	_cleanup_fd int etc_fd = openat(made->root_fd, "etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct from_host etc = *made;

	if (etc_fd < 0)
		return error_errno(made->err, "open /etc");
	etc.root_fd = etc_fd;
	if (write_file(&etc, "passwd", "root:x:0:0:root:/root:/bin/sh\n"
				       "nobody:x:65534:65534:nobody:/:/bin/false\n") < 0 ||
	    write_file(&etc, "group", "root:x:0:\nnogroup:x:65534:\n") < 0)
		return -1;
	made->files = etc.files;
	made->bytes = etc.bytes;
	return 0;
}

int from_host_certificates(struct from_host *made)
{
	static const char *const places[] = {
		"/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem", "/etc/ssl/openssl.cnf",
		"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
	};
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (faccessat(made->host_fd, places[i] + 1, F_OK, 0) < 0)
			continue;
		if (from_host_file(made, places[i]) < 0)
			return -1;
		found = found || strstr(places[i], "openssl.cnf") == NULL;
	}
	return found ? 0 : error_set(made->err, "no certificates: the host has none in /etc/ssl or "
					   "/etc/pki; ca-certificates installs them");
}

/* Where /bin is a link to usr/bin, "#!/bin/sh" and "/bin/sh -c" are what people write. */
static int copy_folder_links(struct from_host *made)
{
	static const char *const names[] = { "bin", "sbin" };
	char target[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		ssize_t size = readlinkat(made->host_fd, names[i], target, sizeof(target) - 1);

		if (size <= 0)
			continue;
		target[size] = '\0';
		if (faccessat(made->root_fd, target + strspn(target, "/"), F_OK, 0) == 0 &&
		    symlinkat(target, made->root_fd, names[i]) < 0 && errno != EEXIST)
			return error_errno(made->err, "make the link /%s", names[i]);
	}
	return 0;
}

int from_host_end(struct from_host *made)
{
	if (copy_folder_links(made) < 0)
		return -1;
	return made->needs_cache && faccessat(made->host_fd, "etc/ld.so.cache", F_OK, 0) == 0 ?
	       from_host_file(made, "/etc/ld.so.cache") : 0;
}
