/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

#include "base/fd.h"
#include "base/text.h"
#include "runtime/state.h"

#define JOURNALD	"/run/systemd/journal/socket"
#define SYSLOG		"/dev/log"

static const char *behind(const char *target, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(target, prefix, length) == 0 ? target + length : NULL;
}

/*
 * By hand also to syslog: syslog(3) brings time zones and number formats with
 * it, 100 KiB of a static program whose pages count in what a run takes.
 */
static int daemon_open(struct log *log, const char *path, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	log->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (log->fd < 0 ||
	    connect(log->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_errno(err, "connect to %s", path);
	return 0;
}

int log_open(struct log *log, const char *target, const char *format, struct error *err)
{
	const char *path;

	if (format != NULL && strcmp(format, "json") == 0)
		log->json = true;
	else if (format != NULL && strcmp(format, "text") != 0)
		return error_set(err, "invalid --log-format \"%s\": must be text or json", format);
	if (target == NULL)
		return 0;
	log->journald_id = behind(target, "journald:");
	if (log->journald_id != NULL)
		return daemon_open(log, JOURNALD, err);
	log->syslog_id = behind(target, "syslog:");
	if (log->syslog_id != NULL)
		return daemon_open(log, SYSLOG, err);
	path = behind(target, "file:");
	path = path != NULL ? path : target;
	log->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (log->fd < 0)
		return error_errno(err, "open the log %s", path);
	log->to_stderr = false;
	return 0;
}

/* Whole seconds, as RFC 3339 has them. */
static const char *time_now(struct arena *arena)
{
	struct timespec now = { .tv_sec = time(NULL) };
	struct text text = { .arena = arena };

	state_print_time(&text, &now);
	return text.data;
}

static int priority_of(const char *level)
{
	return strcmp(level, "error") == 0 ? LOG_ERR :
	       strcmp(level, "warning") == 0 ? LOG_WARNING : LOG_DEBUG;
}

/* What was kept back and is not to be lost, within the one object that an error may be. */
static void kept_print(struct text *out, const struct log *log)
{
	for (unsigned int i = 0; i < log->kept_count; i++) {
		text_add(out, i == 0 ? ",\"notes\":[" : ",");
		text_add_json(out, text_printable(out->arena, log->kept[i].text));
	}
	text_add(out, log->kept_count > 0 ? "]" : "");
}

static void line_print(struct text *out, const struct log *log, const char *level,
		       const char *text)
{
	const int priority = priority_of(level);

	if (log->journald_id != NULL) {
		text_printf(out, "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=%s\n", text,
			    priority, log->journald_id);
		return;
	}
	/* Source: RFC 3164, whose time the daemon fills in itself. */
	if (log->syslog_id != NULL) {
		text_printf(out, "<%d>%s[%d]: %s", LOG_USER | priority, log->syslog_id,
			    (int)getpid(), text);
		return;
	}
	text_printf(out, log->json ? "{\"level\":\"%s\",\"msg\":" : "level=%s msg=", level);
	text_add_json(out, text);
	text_printf(out, log->json ? ",\"time\":\"%s\"" : " time=\"%s\"", time_now(out->arena));
	if (priority == LOG_ERR)
		kept_print(out, log);
	text_add(out, log->json ? "}\n" : "\n");
}

/*
 * To a pipe, or a fifo, that nobody reads any more: SIGPIPE would end us in the middle of what we
 * warn of, with a container half made.
 */
static void write_kept_alive(int fd, const struct text *out)
{
	sigset_t broken, before;

	sigemptyset(&broken);
	sigaddset(&broken, SIGPIPE);
	sigprocmask(SIG_BLOCK, &broken, &before);
	if (fd_write_all(fd, out->data, out->size) < 0 && errno == EPIPE)
		fd_broken_pipe_forget();
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/* Nobody can be told when the log cannot be written: the exit status still says it. */
static void line_write(struct log *log, const char *level, const char *text)
{
	const char *clean = text_printable(log->arena, text);
	struct text out = { .arena = log->arena };

	line_print(&out, log, level, clean);
	if (log->fd >= 0)
		write_kept_alive(log->fd, &out);
	if (log->to_stderr && log->json) {
		write_kept_alive(STDERR_FILENO, &out);
		return;
	}
	if (!log->to_stderr && strcmp(level, "error") != 0)
		return;
	out = (struct text){ .arena = log->arena };
	text_printf(&out, "%s: %s%s%s\n", log->program, strcmp(level, "error") == 0 ? "" : level,
		    strcmp(level, "error") == 0 ? "" : ": ", clean);
	write_kept_alive(STDERR_FILENO, &out);
}

void log_error(struct log *log, const char *text)
{
	line_write(log, "error", text);
}

static void line_keep(struct log *log, const char *level, const char *text)
{
	if (!log->json) {
		line_write(log, level, text);
	} else if (log->kept_count < LOG_WARNINGS_MAX) {
		log->kept[log->kept_count].level = level;
		log->kept[log->kept_count++].text = arena_strdup(log->arena, text);
	}
}

void log_warning(void *context, const char *text)
{
	struct log *log = context;

	if (!log->quiet)
		line_keep(log, "warning", text);
}

void log_note(void *context, const char *text)
{
	line_keep(context, "debug", text);
}

void log_flush(struct log *log)
{
	for (unsigned int i = 0; i < log->kept_count; i++)
		line_write(log, log->kept[i].level, log->kept[i].text);
	log->kept_count = 0;
}
