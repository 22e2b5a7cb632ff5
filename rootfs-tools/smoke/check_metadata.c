/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/text.h"
#include "rootfs-tools/smoke/checks.h"

/* metadataTest: the image's own configuration. */

struct looking {
	const struct smoke *smoke;
	struct findings *f;
	struct check *check;
};

static void judge_value(struct looking *l, const char *what, const struct suite_pair *pair,
			const char *value)
{
	struct error err;
	int found;

	if (value == NULL) {
		check_fail(l->f, l->check, "%s %s is not set", what, pair->key);
		return;
	}
	if (!pair->is_regex) {
		if (strcmp(value, pair->value) != 0)
			check_fail(l->f, l->check, "%s %s must be \"%s\", and is \"%s\"", what,
				   pair->key, pair->value, value);
		return;
	}
	found = pattern_search(&pair->pattern, value, strlen(value), &err);
	if (found < 0)
		check_fail(l->f, l->check, "%s %s: %s", what, pair->key, err.text);
	else if (found == 0)
		check_fail(l->f, l->check, "%s %s must match \"%s\", and is \"%s\"", what,
			   pair->key, pair->value, value);
}

static void judge_pairs(struct looking *l, const struct suite_metadata *test)
{
	const struct subject *subject = &l->smoke->subject;

	LIST_EACH(pair, test->env)
		judge_value(l, "variable", pair, subject_env(subject, pair->key));
	LIST_EACH(pair, test->unbound_env)
		if (subject_env(subject, pair->key) != NULL)
			check_fail(l->f, l->check, "variable %s must not be set", pair->key);
	LIST_EACH(pair, test->labels) {
		const struct json *label = json_member(subject->labels, pair->key);

		judge_value(l, "label", pair, label != NULL && label->type == JSON_STRING ?
					      label->text : NULL);
	}
}

static const char *words_text(struct looking *l, const char *const *words, size_t count)
{
	struct text text = { .arena = l->f->arena };

	text_add(&text, "[");
	for (size_t i = 0; i < count; i++) {
		text_add(&text, i > 0 ? ", " : "");
		text_add_json(&text, words[i]);
	}
	text_add(&text, "]");
	return text.data;
}

static void judge_words(struct looking *l, const char *what, const char *const *wanted,
			size_t wanted_count, const char *const *words, size_t count)
{
	bool same = wanted_count == count;

	for (size_t i = 0; same && i < count; i++)
		same = strcmp(wanted[i], words[i]) == 0;
	if (!same)
		check_fail(l->f, l->check, "%s must be %s, and is %s", what,
			   words_text(l, wanted, wanted_count), words_text(l, words, count));
}

/* "80" and "80/tcp" are the same port. */
static bool same_member(const char *a, const char *b, bool ports)
{
	size_t a_length = strlen(a), b_length = strlen(b);

	if (ports && a_length > 4 && strcmp(a + a_length - 4, "/tcp") == 0)
		a_length -= 4;
	if (ports && b_length > 4 && strcmp(b + b_length - 4, "/tcp") == 0)
		b_length -= 4;
	return a_length == b_length && strncmp(a, b, a_length) == 0;
}

static void judge_members(struct looking *l, const char *what, const word_list *words,
			  const char *const *there, size_t count, bool wanted)
{
	LIST_EACH(word, *words) {
		bool found = false;

		for (size_t i = 0; i < count; i++)
			found = found || same_member(*word, there[i], what[0] == 'p');
		if (found != wanted)
			check_fail(l->f, l->check, "%s %s %s", what, *word,
				   wanted ? "is not in the configuration" :
					    "must not be in the configuration");
	}
}

static void judge_word(struct looking *l, const char *what, const char *wanted, const char *word)
{
	if (wanted == NULL || *wanted == '\0')
		return;
	if (word == NULL || strcmp(word, wanted) != 0)
		check_fail(l->f, l->check, "%s must be \"%s\", and is \"%s\"", what, wanted,
			   word != NULL ? word : "");
}

static void judge_commands(struct looking *l, const struct suite_metadata *test)
{
	const struct subject *subject = &l->smoke->subject;

	if (test->has_entrypoint)
		judge_words(l, "entrypoint", test->entrypoint.items, test->entrypoint.count,
			    subject->entrypoint.items, subject->entrypoint.count);
	if (test->has_cmd && !subject->has_image_config)
		check_skip(l->f, l->check, "a bundle does not tell its command from its "
			   "entrypoint: give the image");
	else if (test->has_cmd)
		judge_words(l, "cmd", test->cmd.items, test->cmd.count, subject->cmd.items,
			    subject->cmd.count);
}

void check_metadata(const struct smoke *smoke, const struct job *job, struct findings *f)
{
	const struct suite_metadata *test = job->what;
	const struct subject *subject = &smoke->subject;
	struct looking l = { smoke, f, check_new(f, "metadata") };

	judge_pairs(&l, test);
	judge_commands(&l, test);
	judge_members(&l, "port", &test->exposed, subject->exposed.items, subject->exposed.count,
		      true);
	judge_members(&l, "port", &test->unexposed, subject->exposed.items,
		      subject->exposed.count, false);
	if (test->volumes.count + test->unmounted.count > 0 && !subject->has_image_config) {
		check_skip(f, l.check, "a bundle does not tell its volumes: give the image");
	} else {
		judge_members(&l, "volume", &test->volumes, subject->volumes.items,
			      subject->volumes.count, true);
		judge_members(&l, "volume", &test->unmounted, subject->volumes.items,
			      subject->volumes.count, false);
	}
	judge_word(&l, "workdir", test->workdir, subject->workdir);
	judge_word(&l, "user", test->user, subject->user);
	judge_word(&l, "stop signal", test->stop_signal, subject->stop_signal);
	l.check->ended = time_now();
}
