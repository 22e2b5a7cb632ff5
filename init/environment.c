/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/text.h"
#include "init/passwd.h"
#include "init/step.h"

static bool has_variable(const struct process_plan *process, const char *name)
{
	size_t length = strlen(name);

	LIST_EACH(variable, process->env)
		if (strncmp(*variable, name, length) == 0 && (*variable)[length] == '=')
			return true;
	return false;
}

int step_environment(const struct plan *plan, struct init *in, struct error *err)
{
	const struct process_plan *process = in->process;
	char **argv = ARENA_NEWS(in->arena, process->args.count + 1, char *);
	char **envp;
	struct text home = { .arena = in->arena };
	size_t extra = 0, at = 0;

	(void)plan;
	(void)err;
	while (in->extra_env != NULL && in->extra_env[extra] != NULL)
		extra++;
	envp = ARENA_NEWS(in->arena, process->env.count + extra + 2, char *);
	for (size_t i = 0; i < process->args.count; i++)
		argv[i] = plain(process->args.items[i]);
	for (size_t i = 0; i < process->env.count; i++)
		envp[at++] = plain(process->env.items[i]);
	for (size_t i = 0; i < extra; i++)
		envp[at++] = plain(in->extra_env[i]);
	if (!has_variable(process, "HOME")) {
		text_add(&home, "HOME=");
		text_add(&home, passwd_home(in->root_fd, process->uid, in->arena));
		envp[at] = home.data;
	}
	in->argv = argv;
	in->envp = envp;
	return 0;
}
