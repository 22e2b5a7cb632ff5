/* SPDX-License-Identifier: Apache-2.0 */
/* What a user of libkist writes: it must compile as C99 and as C++17, with every warning on. */
#include <kist/space.h>

static int answer(void *context)
{
	return *(int *)context;
}

int main(void)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_target target = KIST_TARGET_INIT;
	struct kist_space *space;
	struct kist_error err;
	int status = -1, forty_two = 42;

	options.function = answer;
	options.context = &forty_two;
	if (target.pidfd != -1 || kist_space_start(&options, &space, &err) < 0 ||
	    kist_space_wait(space, -1, &status, &err) < 0)
		return 1;
	kist_space_free(space);
	return status == 42 ? 0 : 2;
}
