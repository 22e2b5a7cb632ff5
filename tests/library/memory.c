/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What valgrind can follow of libkist.  It runs no clone(2) but that of fork,
 * vfork and threads, so of the flags that share CLONE_VM | CLONE_VFORK alone,
 * and it hides clone3, so neither CLONE_NEWTIME nor CLONE_INTO_CGROUP.
 */
#include <kist/space.h>

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int give(void *context)
{
	return *(int *)context;
}

static int life(uint64_t flags, const char *const *args, int wanted)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_space *space;
	struct kist_error err;
	int status = -1;

	options.flags = flags;
	options.map_zero = (flags & 0x10000000) != 0;
	options.args = args;
	options.function = args == NULL ? give : NULL;
	options.context = &wanted;
	if (kist_space_start(&options, &space, &err) < 0)
		return wanted < 0 ? 0 : 1;
	if (kist_space_wait(space, -1, &status, &err) != 1)
		return 1;
	kist_space_free(space);
	return status == wanted ? 0 : 1;
}

int main(void)
{
	static const char *const yes[] = { "true", NULL }, *const none[] = { "/nowhere", NULL };
	struct kist_id_map maps[4];
	size_t count;

	if (life(0, NULL, 5) || life(0, yes, 0) || life(0, none, -1))
		return 10;
	if (life(0x10000000, NULL, 6) || life(0x10000000 | 0x20000000 | 0x04000000, yes, 0))
		return 20;
	if (life(0x40000000 | 0x200 | 0x10000000, yes, -1))
		return 30;
	if (kist_id_map_parse("1,2,3", 0, maps, 4, &count, NULL) < 0 || count != 3)
		return 40;
	return 0;
}
