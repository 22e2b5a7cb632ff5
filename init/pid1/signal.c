/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor.h"

/* The numbers differ between machines, the names do not. */
static const char signal_names[][7] = {
	[SIGHUP] = "HUP", [SIGINT] = "INT", [SIGQUIT] = "QUIT", [SIGILL] = "ILL",
	[SIGTRAP] = "TRAP", [SIGABRT] = "ABRT", [SIGBUS] = "BUS", [SIGFPE] = "FPE",
	[SIGKILL] = "KILL", [SIGUSR1] = "USR1", [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",
	[SIGPIPE] = "PIPE", [SIGALRM] = "ALRM", [SIGTERM] = "TERM", [SIGSTKFLT] = "STKFLT",
	[SIGCHLD] = "CHLD", [SIGCONT] = "CONT", [SIGSTOP] = "STOP", [SIGTSTP] = "TSTP",
	[SIGTTIN] = "TTIN", [SIGTTOU] = "TTOU", [SIGURG] = "URG", [SIGXCPU] = "XCPU",
	[SIGXFSZ] = "XFSZ", [SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF", [SIGWINCH] = "WINCH",
	[SIGIO] = "IO", [SIGPWR] = "PWR", [SIGSYS] = "SYS",
};
/* config/names.c takes these, too. */
static const struct {
	char name[5];
	unsigned char signal;
} other_names[] = { { "IOT", SIGABRT }, { "POLL", SIGIO }, { "CLD", SIGCHLD } };
/* As glibc has it: each libc keeps the first two or three of these to itself. */
#define REAL_TIME_MIN	34

long number_parse(const char *text, char end, long max)
{
	long number = 0;

	if (*text < '0' || *text > '9')
		return -1;
	for (; *text >= '0' && *text <= '9' && number <= max; text++)
		number = number * 10 + *text - '0';
	return number > max || (*text != '\0' && *text != end) ? -1 : number;
}

size_t word_size(const char *text, char end)
{
	size_t size = 0;

	while (text[size] != '\0' && text[size] != end)
		size++;
	return size;
}

/* RTMIN, RTMIN+N, RTMAX, RTMAX-N; or -1. */
static int real_time_parse(const char *text, size_t size, char end)
{
	bool from_max = text_begins(text, "RTMAX");
	long distance = 0;

	if (!from_max && !text_begins(text, "RTMIN"))
		return -1;
	if (size > 5)
		distance = text[5] == (from_max ? '-' : '+') ?
			   number_parse(text + 6, end, SIGNAL_MAX - REAL_TIME_MIN) : -1;
	if (distance < 0)
		return -1;
	return (int)(from_max ? SIGNAL_MAX - distance : REAL_TIME_MIN + distance);
}

static bool is_name(const char *text, size_t size, const char *name)
{
	return size > 0 && strlen(name) == size && text_begins(text, name);
}

int signal_parse(const char *text, char end)
{
	size_t size;

	if (*text >= '0' && *text <= '9')
		return (int)number_parse(text, end, SIGNAL_MAX);
	if (text_begins(text, "SIG"))
		text += 3;
	size = word_size(text, end);
	for (size_t i = 1; i < sizeof(signal_names) / sizeof(signal_names[0]); i++)
		if (is_name(text, size, signal_names[i]))
			return (int)i;
	for (size_t i = 0; i < sizeof(other_names) / sizeof(other_names[0]); i++)
		if (is_name(text, size, other_names[i].name))
			return other_names[i].signal;
	return real_time_parse(text, size, end);
}
