/* SPDX-License-Identifier: Apache-2.0 */
#include "config/plan.h"

#include <string.h>

const char *plan_annotation(const struct plan *plan, const char *key)
{
	LIST_EACH(annotation, plan->annotations)
		if (strcmp(annotation->key, key) == 0)
			return annotation->value;
	return NULL;
}
