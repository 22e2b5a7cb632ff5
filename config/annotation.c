/* SPDX-License-Identifier: Apache-2.0 */
#include "config/annotation.h"

#include <string.h>

#include "base/text.h"
#include "config/init_option.h"
#include "config/landlock.h"

#define OWN	"org.kist."

static const char *nearest(struct arena *arena, const char *key)
{
	struct guess guess = GUESS(key);

	guess_try(&guess, INIT_ANNOTATION);
	guess_try(&guess, LANDLOCK_ANNOTATION);
	for (const struct init_option *option = init_options; option->name != NULL; option++)
		guess_try(&guess, arena_printf(arena, INIT_ANNOTATION ".%s", option->name));
	return guess.meant;
}

/* An unknown one of the init's is an error, which init_plan_make() gives. */
static bool is_known(const char *key)
{
	return strcmp(key, INIT_ANNOTATION) == 0 || strcmp(key, LANDLOCK_ANNOTATION) == 0 ||
	       strncmp(key, INIT_ANNOTATION ".", strlen(INIT_ANNOTATION ".")) == 0;
}

void annotations_check(struct decoder *d)
{
	const struct json *annotations = json_member(d->root, "annotations");

	if (annotations == NULL || annotations->type != JSON_OBJECT)
		return;
	JSON_EACH(annotation, annotations)
		if (note_wanted(d) && strncmp(annotation->key, OWN, strlen(OWN)) == 0 &&
		    !is_known(annotation->key))
			note_value(d, SEVERITY_WARNING, annotation,
				   "is no annotation of kist's, and ignored%s",
				   guess_text(d->arena, nearest(d->arena, annotation->key)));
}
