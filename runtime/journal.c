/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

#define JOURNAL_MAX	((size_t)64 * 1024)

/* Paths may hold any byte but NUL: the two that would break a line are escaped. */
static void add_escaped(struct text *line, const char *value)
{
	for (const char *at = value; *at != '\0'; at++) {
		if (*at == '\n')
			text_add(line, "\\n");
		else if (*at == '\\')
			text_add(line, "\\\\");
		else if (*at == ' ')
			text_add(line, "\\s");
		else
			text_add_bytes(line, at, 1);
	}
}

static void unescape(char *value)
{
	char *to = value;

	for (const char *at = value; *at != '\0'; at++) {
		if (*at != '\\' || at[1] == '\0')
			*to++ = *at;
		else if (*++at == 'n')
			*to++ = '\n';
		else if (*at == 's')
			*to++ = ' ';
		else
			*to++ = *at;
	}
	*to = '\0';
}

static int journal_append(int fd, const struct text *line, struct error *err)
{
	ssize_t n = write(fd, line->data, line->size);

	if (n == (ssize_t)line->size)
		return 0;
	if (n >= 0)
		errno = ENOSPC;
	return error_errno(err, "write the journal");
}

static void add_line(struct text *lines, const char *key, const char *value)
{
	text_add(lines, key);
	if (value != NULL) {
		text_add(lines, " ");
		add_escaped(lines, value);
	}
	text_add(lines, "\n");
}

int journal_add_text(int fd, struct arena *arena, const char *key, const char *value,
		     struct error *err)
{
	struct text line = { .arena = arena };

	add_line(&line, key, value);
	return journal_append(fd, &line, err);
}

int journal_begin(int fd, struct arena *arena, const char *bundle, const char *root_path,
		  bool foreground, struct error *err)
{
	struct text lines = { .arena = arena };

	add_line(&lines, "bundle", bundle);
	add_line(&lines, "root", root_path);
	if (foreground)
		add_line(&lines, "foreground", NULL);
	return journal_append(fd, &lines, err);
}

int journal_add_cgroup(int fd, struct arena *arena, const struct cgroup *cgroup,
		       struct error *err)
{
	struct text line = { .arena = arena };

	text_printf(&line, "cgroup %d %d ", (int)cgroup->host, (int)cgroup->manager);
	add_escaped(&line, cgroup->path != NULL ? cgroup->path : "");
	text_add(&line, " ");
	add_escaped(&line, cgroup->scope != NULL ? cgroup->scope : "");
	text_add(&line, " ");
	add_escaped(&line, cgroup->owner != NULL ? cgroup->owner : "");
	text_add(&line, "\n");
	return journal_append(fd, &line, err);
}

int journal_add_process(int fd, pid_t pid, uint64_t start_time, struct error *err)
{
	char bytes[80];
	int size = snprintf(bytes, sizeof(bytes), "process %d %" PRIu64 "\n", (int)pid,
			    start_time);
	struct text line = { .data = bytes, .size = (size_t)size };

	return journal_append(fd, &line, err);
}

/* Cuts the next word off *at. */
static char *word_next(char **at)
{
	char *word = *at, *end = strchr(word, ' ');

	if (end != NULL) {
		*end = '\0';
		*at = end + 1;
	} else {
		*at = word + strlen(word);
	}
	unescape(word);
	return word;
}

static void line_cgroup(struct journal *journal, char *at)
{
	uint64_t host, manager;
	const char *path, *scope, *owner;

	if (!text_to_u64(word_next(&at), CGROUP_LEGACY, &host) ||
	    !text_to_u64(word_next(&at), CGROUP_DISABLED, &manager))
		return;
	path = word_next(&at);
	scope = word_next(&at);
	owner = word_next(&at);
	journal->has_cgroup = true;
	journal->cgroup.host = (enum cgroup_host)host;
	journal->cgroup.manager = (enum cgroup_manager)manager;
	journal->cgroup.path = *path != '\0' ? path : NULL;
	journal->cgroup.scope = *scope != '\0' ? scope : NULL;
	journal->cgroup.owner = *owner != '\0' ? owner : NULL;
}

/* An empty path takes back what an earlier line said. */
static void line_rdt(const char **ret_path, bool *ret_own, char *at)
{
	const char *path = word_next(&at);

	*ret_path = *path != '\0' ? path : NULL;
	if (ret_own != NULL)
		*ret_own = *path != '\0';
}

static void line_process(struct journal *journal, char *at)
{
	uint64_t pid, start_time;

	if (text_to_u64(word_next(&at), INT32_MAX, &pid) &&
	    text_to_u64(word_next(&at), UINT64_MAX, &start_time)) {
		journal->pid = (pid_t)pid;
		journal->start_time = start_time;
	}
}

static void line_read(struct journal *journal, char *line)
{
	char *at = line;
	const char *key = word_next(&at);

	if (strcmp(key, "bundle") == 0)
		journal->bundle = word_next(&at);
	else if (strcmp(key, "root") == 0)
		journal->root_path = word_next(&at);
	else if (strcmp(key, "root-mount") == 0)
		journal->root_mount = word_next(&at);
	else if (strcmp(key, "foreground") == 0)
		journal->foreground = true;
	else if (strcmp(key, "cgroup") == 0)
		line_cgroup(journal, at);
	else if (strcmp(key, "rdt-group") == 0)
		line_rdt(&journal->rdt.group, &journal->rdt.own, at);
	else if (strcmp(key, "rdt-monitor") == 0)
		line_rdt(&journal->rdt.monitor, NULL, at);
	else if (strcmp(key, "process") == 0)
		line_process(journal, at);
}

int journal_read(int fd, struct arena *arena, struct journal *ret, struct error *err)
{
	char *text, *end;

	*ret = (struct journal){ .cgroup = CGROUP_INIT };
	/* Not closed and opened again: closing any fd of the file would drop our locks. */
	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_errno(err, "read the journal");
	if (fd_read_all(fd, JOURNAL_MAX, arena, &text, NULL, err) < 0)
		return error_wrap(err, "journal");
	for (char *line = text; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		line_read(ret, line);
	}
	return 0;
}

int journal_lock(int fd, enum journal_lock which, struct error *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_start = which, .l_len = 1 };

	if (fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	if (errno == EACCES || errno == EAGAIN)
		return error_number(err, EAGAIN, "lock the container");
	return error_errno(err, "lock the container");
}

void journal_unlock(int fd, enum journal_lock which)
{
	struct flock lock = { .l_type = F_UNLCK, .l_start = which, .l_len = 1 };

	fcntl(fd, F_SETLK, &lock);
}

pid_t journal_holder(int fd, enum journal_lock which, struct error *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_start = which, .l_len = 1 };

	if (fcntl(fd, F_GETLK, &lock) < 0)
		return error_errno(err, "look who has locked the container");
	if (lock.l_type == F_UNLCK)
		return 0;
	/*
	 * A process that shared the fd table of one that was killed (runtime/clone.c) keeps its
	 * locks for a moment longer: that is nobody.
	 */
	if (lock.l_pid > 0 && kill(lock.l_pid, 0) < 0 && errno == ESRCH)
		return 0;
	return lock.l_pid > 0 ? lock.l_pid : JOURNAL_UNSEEN;
}
