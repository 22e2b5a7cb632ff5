/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/command.h"
#include "base/document.h"
#include "base/fd.h"
#include "base/list.h"
#include "base/text.h"
#include "rootfs-tools/smoke/box.h"
#include "rootfs-tools/smoke/checks.h"
#include "rootfs-tools/smoke/options.h"
#include "rootfs-tools/smoke/program.h"
#include "rootfs-tools/smoke/report.h"
#include "rootfs-tools/smoke/root.h"
#include "rootfs-tools/unpack/id_maps.h"

/*
 * kist-smoke, which kist starts for "kist smoke".  The one place that prints errors; it runs twice:
 * as the user called it, and in the box (box.h).
 */
enum { WORKS, FAILED, COULD_NOT_RUN };

static struct arena arena;

static void report_error(const struct error *err)
{
	const char *line = arena_printf(&arena, "kist smoke: %s\n",
					text_printable(&arena, err->text));

	fputs(line, stderr);
}

static void report_warning(void *context _unused, const char *text)
{
	const char *line = arena_printf(&arena, "kist smoke: warning: %s\n",
					text_printable(&arena, text));

	fputs(line, stderr);
}

/* --- in the box ------------------------------------------------------------------------------ */

struct telling {
	struct smoke *smoke;
	struct report report;
	struct text_style style;
	struct text out;
	bool silent;			/* stdout has another form of the report */
	int error; /* of the first write that failed, or 0 */
};

/* The checks go on where nobody can be told: there may be files to write, too. */
static void flush(struct telling *t)
{
	if (!t->silent && t->out.size > 0 && t->error == 0 &&
	    fd_write_all(STDOUT_FILENO, t->out.data, t->out.size) < 0)
		t->error = errno;
	t->out.size = 0;
}

/* Called by any thread, one at a time. */
static void tell(void *context, const struct check *check)
{
	struct telling *t = context;

	LIST_ADD(&arena, &t->report.checks, check);
	t->report.counts[report_outcome(t->smoke, check)]++;
	if (t->smoke->options->tap)
		report_tap_check(&t->out, t->smoke, check, &t->style);
	else
		report_text_check(&t->out, t->smoke, check, &t->style);
	flush(t);
}

static int write_report(struct telling *t, const char *path,
			void form(struct text *, const struct report *), struct error *err)
{
	struct text text = { .arena = &arena };
	_cleanup_fd int fd = -EBADF;
	int to = STDOUT_FILENO;

	if (path == NULL)
		return 0;
	form(&text, &t->report);
	if (strcmp(path, "-") != 0)
		to = fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (to < 0 || fd_write_all(to, text.data, text.size) < 0)
		return error_errno(err, "write %s", path);
	return 0;
}

static bool is_stdout(const char *path)
{
	return path != NULL && strcmp(path, "-") == 0;
}

/* Before anything runs: behind it, minutes of work would be lost. */
static int check_writable(const char *path, struct error *err)
{
	const char *slash = path != NULL ? strrchr(path, '/') : NULL, *folder = ".";

	if (path == NULL || is_stdout(path) || access(path, W_OK) == 0)
		return 0;
	if (slash != NULL)
		folder = arena_strndup(&arena, path, (size_t)(slash - path) + 1);
	if (errno == ENOENT && access(folder, W_OK | X_OK) == 0)
		return 0;
	return error_errno(err, "write %s", path);
}

static unsigned int thread_count(const struct smoke *smoke)
{
	cpu_set_t cpus;

	if (smoke->options->jobs > 0)
		return (unsigned int)smoke->options->jobs;
	/* Containers wait more than they work. */
	return sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? (unsigned int)CPU_COUNT(&cpus) * 2 :
								4;
}

/* What only this side can know: the tree as it is here, ids, cgroups. */
static int look_around(struct smoke *smoke, struct error *err)
{
	if (root_view(&arena, smoke, &smoke->view, err) < 0)
		return -1;
	smoke->root_fd = open(smoke->view, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (smoke->root_fd < 0)
		return error_errno(err, "open %s", smoke->view);
	smoke->many_ids = !ids_are_one();
	smoke->cgroups = !smoke->rootless &&
			 (access("/sys/fs/cgroup/memory", W_OK) == 0 ||
			  access("/sys/fs/cgroup/cgroup.subtree_control", W_OK) == 0);
	return 0;
}

static int in_box(struct smoke *smoke, struct error *err)
{
	const struct smoke_options *options = smoke->options;
	struct telling t = { .smoke = smoke, .report.smoke = smoke, .out.arena = &arena };
	job_list jobs = { 0 };

	t.silent = is_stdout(options->junit) || is_stdout(options->json) ||
		   is_stdout(options->html);
	t.style.quiet = options->quiet;
	t.style.colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	smoke->began = t.report.began = time_now();
	if (check_writable(options->junit, err) < 0 || check_writable(options->json, err) < 0 ||
	    check_writable(options->html, err) < 0)
		return -1;
	if (look_around(smoke, err) < 0 || checks_plan(smoke, &jobs, err) < 0)
		return -1;
	if (options->tap)
		report_tap_begin(&t.out);
	else if (!options->quiet)
		report_text_begin(&t.out, smoke);
	flush(&t);
	if (jobs_run(smoke, &jobs, thread_count(smoke), tell, &t, err) < 0)
		return -1;
	t.report.ended = time_now();
	if (options->tap)
		report_tap_end(&t.out, &t.style);
	else
		report_text_end(&t.out, &t.report, &t.style);
	flush(&t);
	if (write_report(&t, options->junit, report_junit, err) < 0 ||
	    write_report(&t, options->json, report_json, err) < 0 ||
	    write_report(&t, options->html, report_html, err) < 0)
		return -1;
	if (t.error != 0)
		return error_number(err, t.error, "write the report to stdout");
	return t.report.counts[OUTCOME_FAIL] > 0 ? FAILED : WORKS;
}

/* --- as called ------------------------------------------------------------------------------- */

/* All that is wrong with all suites, a line each. */
static int load_suites(struct smoke *smoke, struct error *err)
{
	suite_faults faults = { 0 };

	LIST_EACH(path, smoke->options->suites)
		suite_load(&arena, *path, LIST_NEW(&arena, &smoke->suites), &faults, err);
	LIST_EACH(fault, faults) {
		/* The last one is for main() to print. */
		error_set(err, "%s", *fault);
		if (fault + 1 < faults.items + faults.count)
			report_error(err);
	}
	return faults.count > 0 ? -1 : 0;
}

static int list_checks(struct smoke *smoke, struct error *err)
{
	struct text out = { .arena = &arena };
	job_list jobs = { 0 };

	if (checks_plan(smoke, &jobs, err) < 0)
		return -1;
	LIST_EACH(job, jobs)
		text_printf(&out, "%s: %s\n", text_printable(&arena, job->group),
			    text_printable(&arena, job->name));
	if (fd_write_all(STDOUT_FILENO, out.data, out.size) < 0)
		return error_errno(err, "write to stdout");
	return WORKS;
}

static int run(struct smoke *smoke, const struct arguments *words, struct error *err)
{
	if (options_apply(smoke, err) < 0 || load_suites(smoke, err) < 0)
		return -1;
	if (smoke->options->list)
		return list_checks(smoke, err);
	if (words->dashes != 1)
		return error_set(err, words->dashes == 0 ? "what is to be checked? an image, a "
				 "bundle or a directory" : "one image, bundle or directory at a "
				 "time");
	if (subject_load(&arena, words->items[0], &(struct subject_options){
			 smoke->options->platform, smoke->options->store, words->items + 1,
			 words->count - 1 }, &smoke->subject, err) < 0)
		return -1;
	return box_run(smoke, in_box, report_error, err);
}

static int dispatch(char **argv, struct error *err)
{
	struct smoke_options options = { 0 };
	struct option_scope scopes[2] = { { smoke_options, &options }, { NULL, NULL } };
	struct smoke smoke = { .arena = &arena, .options = &options, .root_fd = -EBADF,
			       .sizes = ARENA_NEW(&arena, subject_layer_list) };
	struct text out = { .arena = &arena };
	struct arguments words;
	int result;

	if (option_parse(&arena, scopes, -1, argv + 1, &words, err) < 0)
		return -1;
	result = program_document(&out, &options, &words, err);
	if (result == 0)
		return run(&smoke, &words, err);
	if (result < 0 || fd_write_all(STDOUT_FILENO, out.data, out.size) < 0)
		return result < 0 ? -1 : error_errno(err, "write to stdout");
	return WORKS;
}

/*
 * What a service manager gave to whoever calls us, and kist would hand on: its sockets, and its
 * word on being ready.  What is checked here is no service of that one's.
 */
static void service_forget(void)
{
	static const char *const names[] = { "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
					     "NOTIFY_SOCKET" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
}

int main(int argc, char **argv)
{
	struct error err = { 0 };
	int status;

	service_forget();
	warn_to(report_warning, NULL);
	status = fd_fill_stdio(&err);
	if (status == 0 && argc > 0)
		status = dispatch(argv, &err);
	if (status < 0)
		report_error(&err);
	return status < 0 ? COULD_NOT_RUN : status;
}
