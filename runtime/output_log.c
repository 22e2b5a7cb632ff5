/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/output_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/text.h"
#include "runtime/state.h"

/* A fifo or a device would hold up the container, or be renamed: /dev/null, then, for everybody. */
static bool can_be_log(const struct stat *st)
{
	return S_ISREG(st->st_mode) || (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3));
}

int output_log_open(struct output_log *log, struct error *err)
{
	_cleanup_fd int fd =
		open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		     0600);
	struct stat st;

	/* ENXIO: a fifo that nobody reads. */
	if ((fd < 0 && errno != ENXIO) || (fd >= 0 && fstat(fd, &st) < 0))
		return error_errno(err, "open the log file %s", log->path);
	if (fd < 0 || !can_be_log(&st))
		return error_set(err, "the log file %s must be a regular file or /dev/null",
				 log->path);
	if (!S_ISREG(st.st_mode))
		log->size_max = 0;
	log->size = (uint64_t)st.st_size;
	log->fd = fd_take(&fd);
	return 0;
}

/* Between two lines or blocks, so that the file may be a little smaller, never larger. */
static void rotate(struct output_log *log, size_t more)
{
	char old[PATH_MAX + 2];

	if (log->size_max == 0 || log->size == 0 || log->size + more <= log->size_max ||
	    snprintf(old, sizeof(old), "%s.1", log->path) >= (int)sizeof(old))
		return;
	if (rename(log->path, old) < 0)
		return;
	fd_close(&log->fd);
}

static void file_write_all(struct output_log *log, const char *data, size_t size)
{
	struct error ignored;

	rotate(log, size);
	/* A disk that was full when it was renamed may have room again. */
	if (log->fd < 0)
		(void)!output_log_open(log, &ignored);
	if (log->fd >= 0 && fd_write_all(log->fd, data, size) == 0)
		log->size += size;
}

/* As text that is UTF-8 and has no NUL: what is not, is U+FFFD. */
static const char *line_text(struct arena *arena, const char *line, size_t size)
{
	struct text out = { .arena = arena };

	for (size_t i = 0; i < size;) {
		size_t length = line[i] == '\0' ? 0 : text_character(line + i, size - i);

		if (length > 0)
			text_add_bytes(&out, line + i, length);
		else
			text_add(&out, "\xef\xbf\xbd");
		i += length > 0 ? length : 1;
	}
	return out.data;
}

static void line_end(struct output_log *log, enum output_stream stream)
{
	_cleanup_arena struct arena arena = { 0 };
	struct text out = { .arena = &arena };
	struct timespec now;

	if (log->used[stream] == 0)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	text_add(&out, "{\"log\":");
	text_add_json(&out, line_text(&arena, log->line[stream], log->used[stream]));
	text_printf(&out, ",\"stream\":\"%s\",\"time\":\"",
		    stream == OUTPUT_STDOUT ? "stdout" : "stderr");
	state_print_time(&out, &now);
	text_add(&out, "\"}\n");
	file_write_all(log, out.data, out.size);
	log->used[stream] = 0;
}

void output_log_write(struct output_log *log, enum output_stream stream, const char *data,
		      size_t size)
{
	if (!log->json) {
		file_write_all(log, data, size);
		return;
	}
	for (size_t i = 0; i < size; i++) {
		log->line[stream][log->used[stream]++] = data[i];
		if (data[i] == '\n' || log->used[stream] == OUTPUT_LINE_MAX)
			line_end(log, stream);
	}
}

void output_log_close(struct output_log *log)
{
	for (enum output_stream stream = OUTPUT_STDOUT; stream < OUTPUT_STREAMS; stream++)
		line_end(log, stream);
	fd_close(&log->fd);
}
