/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/text.h"
#include "rootfs-tools/size_text.h"
#include "rootfs-tools/smoke/checks.h"
#include "rootfs-tools/smoke/inside.h"
#include "rootfs-tools/smoke/measure.h"

/* Does it start, are orphans reaped, does it stop, and what does it take meanwhile? */

enum { ORPHAN_WAIT = 1000, WRITTEN_MAX = 20 };

struct starting {
	const struct smoke *smoke;
	struct findings *findings;
	struct start *start;
	struct run run;
	struct root root;
	struct readiness readiness;
};

static bool begin(struct starting *s, const char *name, enum container_network network,
		  struct check *check)
{
	struct container_config config = { .network = network };
	struct error err;

	if (s->smoke->cgroups)
		config.cgroup = "";
	if (root_make(s->findings->arena, s->smoke, name, &s->root, &err) < 0 ||
	    (config.root = s->root.path,
	     run_start(&s->run, s->findings->arena, s->smoke, name, &config, &err)) < 0) {
		check_fail(s->findings, check, "%s", err.text);
		return false;
	}
	return true;
}

static void say_ready(struct starting *s, struct check *check)
{
	struct arena *arena = s->findings->arena;
	uint32_t ports[16];
	size_t count = inside_ports(s->run.inside, ports, ARRAY_SIZE(ports));
	struct text text = { .arena = arena };
	uint64_t took = s->run.trace.ready - s->run.trace.began;

	for (size_t i = 0; i < count; i++)
		text_printf(&text, "%s%u", i > 0 ? ", " : "", ports[i]);
	check_fact(s->findings, check, "in %s%s%s", duration_text(arena, took),
		   count > 0 ? ", listens on " : "", count > 0 ? text.data : "");
}

/* Waits until it is ready, has ended, or was given enough time. */
static void judge_start(struct starting *s, struct check *check)
{
	struct arena *arena = s->findings->arena;
	struct run *run = &s->run;
	enum run_wait wait = run_wait(run, time_now() + ms_to_ns(s->smoke->timeout),
				      readiness_met, &s->readiness);

	s->start->runs = wait != RUN_ENDED;
	if (wait == RUN_ENDED) {
		run_end(run);
		s->start->status = run->status;
		s->start->works = run->refused == NULL && run->status == s->smoke->options->status;
		if (s->start->works)
			check_fact(s->findings, check, "ended by itself after %s, %s",
				   duration_text(arena, run->trace.ended - run->trace.began),
				   status_text(arena, run->status));
		else if (run->refused != NULL)
			check_fail(s->findings, check, "%s", run->refused);
		else
			check_fail(s->findings, check, "%s after %s",
				   status_text(arena, run->status),
				   duration_text(arena, run->trace.ended - run->trace.began));
		return;
	}
	s->start->works = true;
	s->start->late = wait == RUN_LATE;
	readiness_note(&s->readiness, run);
	if (wait == RUN_LATE)
		check_note(s->findings, check, "it runs, but none of its ports listens after %s",
			   duration_text(arena, ms_to_ns(s->smoke->timeout)));
	say_ready(s, check);
}

static void judge_orphans(struct starting *s)
{
	struct check *check = check_new(s->findings, "orphans are reaped");
	struct error err;
	int result;

	if (!s->start->runs) {
		check_skip(s->findings, check, "it has ended by itself");
		return;
	}
	result = inside_orphan(s->run.inside, ORPHAN_WAIT, &err);
	if (result < 0)
		check_skip(s->findings, check, "%s", err.text);
	else if (result == 0)
		check_fail(s->findings, check, "a process whose parent has gone stays a zombie: "
			   "pid 1 does not wait for it");
	check->ended = time_now();
}

static void judge_stop(struct starting *s)
{
	struct arena *arena = s->findings->arena;
	const int signal = subject_stop_signal(&s->smoke->subject);
	const char *name = signal_text(arena, signal);
	struct check *check = check_new(s->findings, arena_printf(arena, "stops on %s", name));
	struct run *run = &s->run;

	if (!s->start->runs) {
		check_skip(s->findings, check, "it has ended by itself");
		return;
	}
	if (run_ended_itself(run)) {
		if (run->status == s->smoke->options->status)
			check_skip(s->findings, check, "it has ended by itself");
		else
			check_fail(s->findings, check, "%s, before it was told to stop",
				   status_text(arena, run->status));
		return;
	}
	run_signal(run, signal);
	if (run_wait(run, time_now() + ms_to_ns(s->smoke->grace), NULL, NULL) == RUN_ENDED)
		check_fact(s->findings, check, "in %s, %s",
			   duration_text(arena, run->trace.ended - run->trace.stopped),
			   status_text(arena, run->status));
	else
		check_fail(s->findings, check, "still runs %s after %s, and was killed",
			   duration_text(arena, ms_to_ns(s->smoke->grace)), name);
	check->ended = time_now();
}

static void tell_written(struct starting *s)
{
	struct check *check = check_new(s->findings, "files written");
	struct arena *arena = s->findings->arena;
	struct written written;

	root_written(arena, &s->root, WRITTEN_MAX, &written);
	check_fact(s->findings, check, "%zu, %s", written.count, size_text(arena, written.bytes));
	LIST_EACH(file, written.files)
		check_say(s->findings, check, "%s", *file);
	if (written.count > written.files.count)
		check_say(s->findings, check, "and %zu more", written.count - written.files.count);
	check->outcome = OUTCOME_PASS;
}

static void tell_used(struct starting *s, size_t processes)
{
	struct arena *arena = s->findings->arena;
	struct check *check;

	if (processes > 0) {
		check = check_new(s->findings, "processes");
		check_fact(s->findings, check, "%zu, pid 1 among them", processes);
	}
	check = check_new(s->findings, "peak memory");
	check_fact(s->findings, check, "%s%s", s->run.trace.memory_is_rss ?
		   "no cgroup to measure it in; its largest process had at most " : "",
		   memory_text(arena, s->run.trace.memory));
}

/* With the host's network, where it did not work without: is that what it lacks? */
static void try_network(struct starting *s, struct check *check)
{
	struct starting again = *s;
	struct start start = { .done = false };
	struct findings ignored = { .arena = s->findings->arena, .group = s->findings->group };
	struct check *other = check_new(&ignored, "");

	again.start = &start;
	again.findings = &ignored;
	if (!begin(&again, "with-network", NETWORK_HOST, other))
		return;
	judge_start(&again, other);
	run_close(&again.run, s->findings, check);
	root_drop(&again.root);
	s->start->needs_network = start.works;
	if (start.works)
		check_say(s->findings, check, "it works with the host's network: it needs one");
}

static void publish(struct start *start)
{
	pthread_mutex_lock(&start->lock);
	start->done = true;
	pthread_cond_broadcast(&start->known);
	pthread_mutex_unlock(&start->lock);
}

void check_start(const struct smoke *smoke, const struct job *job, struct findings *findings)
{
	struct starting s = { .smoke = smoke, .findings = findings, .start = job->what,
			      .run = RUN_NONE };
	struct check *check = check_new(findings, "starts");
	size_t processes = 0;

	readiness_of_image(smoke, &s.readiness);
	if (!begin(&s, "start", NETWORK_OWN, check)) {
		publish(s.start);
		return;
	}
	judge_start(&s, check);
	if (!s.start->works)
		try_network(&s, check);
	publish(s.start);
	if (check->outcome == OUTCOME_FAIL)
		check_show_output(findings, check, &s.run);
	if (s.start->runs)
		processes = inside_processes(s.run.inside);
	judge_orphans(&s);
	judge_stop(&s);
	run_close(&s.run, findings, check);
	tell_used(&s, processes);
	tell_written(&s);
	root_drop(&s.root);
}
