/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/wait.h>

#include "supervisor.h"

void line_add(struct line *line, const char *text)
{
	while (*text != '\0' && line->size < sizeof(line->text) - 1)
		line->text[line->size++] = *text++;
}

void line_number(struct line *line, int64_t number)
{
	char digits[24];
	char *at = digits + sizeof(digits) - 1;
	uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

	*at = '\0';
	do
		*--at = (char)('0' + rest % 10);
	while ((rest /= 10) != 0);
	if (number < 0)
		*--at = '-';
	line_add(line, at);
}

void line_write(struct line *line, int fd)
{
	line->text[line->size++] = '\n';
	/* Where nobody listens, nobody can be told. */
	sys(__NR_write, fd, line->text, line->size);
}

/* The likely ones: a whole table is as large as this program. */
static const char *error_text(long error)
{
	switch (error) {
	case ENOENT:	return "No such file or directory";
	case EACCES:	return "Permission denied";
	case EPERM:	return "Operation not permitted";
	case ENOEXEC:	return "Exec format error";
	case ENOTDIR:	return "Not a directory";
	case EBADF:	return "Bad file descriptor";
	case EAGAIN:	return "Resource temporarily unavailable";
	case ENOMEM:	return "Cannot allocate memory";
	default:	return NULL;
	}
}

void say(const struct supervisor *s, const char *text, const char *detail, long error)
{
	struct line line = { 0 };

	line_add(&line, s->persona->name);
	line_add(&line, ": ");
	line_add(&line, text);
	if (detail != NULL) {
		line_add(&line, " ");
		line_add(&line, detail);
	}
	if (error != 0) {
		line_add(&line, ": ");
		if (error_text(error) != NULL) {
			line_add(&line, error_text(error));
		} else {
			line_add(&line, "error ");
			line_number(&line, error);
		}
	}
	line_write(&line, STDERR_FILENO);
}

void say_number(const struct supervisor *s, const char *text, int64_t number)
{
	struct line line = { 0 };

	line_number(&line, number);
	say(s, text, line.text, 0);
}

/*
 * How often the kernel's OOM killer struck in our cgroup: the number behind
 * "oom_kill " in memory.events (v2) or memory.oom_control (v1); -1: not known.
 */
static long oom_kills(int fd)
{
	char text[512];
	long size = fd < 0 ? -1 : sys(__NR_pread64, fd, text, sizeof(text) - 1, 0);
	const char *at = text;
	long number = 0;

	if (size <= 0)
		return -1;
	text[size] = '\0';
	while (*at != '\0' && !text_begins(at, "oom_kill "))
		at++;
	if (*at == '\0')
		return -1;
	for (at += strlen("oom_kill "); *at >= '0' && *at <= '9'; at++)
		number = number * 10 + *at - '0';
	return number;
}

/* The container's own: it is the root of its cgroup namespace.  An image may put anything there. */
static int oom_open(const char *path, unsigned long magic)
{
	long fd = sys(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	struct statfs fs;

	if (fd >= 0 && (sys(__NR_fstatfs, fd, &fs) < 0 || (unsigned long)fs.f_type != magic)) {
		sys(__NR_close, fd);
		fd = -1;
	}
	return (int)fd;
}

int report_open(struct supervisor *s)
{
	const char *at = s->report;
	long fd = 0, error;

	if (at == NULL)
		return 0;
	while (*at >= '0' && *at <= '9' && fd < 100000)
		fd = fd * 10 + *at++ - '0';
	if (*at != '\0' || at == s->report)
		error = fd = sys(__NR_openat, AT_FDCWD, s->report,
				 O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	else	/* The program has no use for it. */
		error = sys(__NR_fcntl, fd, F_SETFD, fd > STDERR_FILENO ? FD_CLOEXEC : 0);
	if (error < 0) {
		say(s, "open the report", s->report, -error);
		return -1;
	}
	s->report_fd = (int)fd;
	s->started = now_ms();
	s->oom_fd = oom_open("/sys/fs/cgroup/memory.events", CGROUP2_SUPER_MAGIC);
	if (s->oom_fd < 0)
		s->oom_fd = oom_open("/sys/fs/cgroup/memory/memory.oom_control",
				     CGROUP_SUPER_MAGIC);
	s->oom_kills = oom_kills(s->oom_fd);
	return 0;
}

static void json_number(struct line *line, const char *name, int64_t number)
{
	line_add(line, name);
	if (number < 0)
		line_add(line, "null");
	else
		line_number(line, number);
}

void report_write(const struct supervisor *s, int code)
{
	struct line line = { 0 };
	long oom = oom_kills(s->oom_fd);

	if (s->report_fd < 0)
		return;
	json_number(&line, "{\"exit_code\":", code);
	json_number(&line, ",\"signal\":",
		    s->ended && WIFSIGNALED(s->status) ? WTERMSIG(s->status) : -1);
	json_number(&line, ",\"oom_kills\":",
		    oom < 0 || s->oom_kills < 0 ? -1 : oom - s->oom_kills);
	json_number(&line, ",\"run_time_ms\":", now_ms() - s->started);
	json_number(&line, ",\"max_rss_kib\":", s->usage.ru_maxrss);
	line_add(&line, "}");
	line_write(&line, s->report_fd);
}
