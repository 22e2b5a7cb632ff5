/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/option.h"
#include "rootfs-tools/make/draft.h"

/*
 * What a user may say about an image, as options of "config" and of all
 * commands that make one.  Everything is checked before anything is changed.
 */
struct edit_options {
	const char *user, *workdir, *stop_signal, *author, *created;
	const char *os, *architecture, *variant;
	word_list env, entrypoint, cmd, labels, ports, volumes, annotations, clear;
};

#define EDIT_CLEAR_WORDS \
	"annotations|author|cmd|entrypoint|env|expose|history|labels|" \
	"stop-signal|user|volumes|workdir"

#define EDIT_OPTION_ROWS(s, m) \
	OPTION_ROW_TEXT("user", 'u', s, m.user, "USER[:GROUP]", "who runs it: names or ids"), \
	OPTION_ROW_LIST("env", 'e', s, m.env, "NAME=VALUE", \
			"an environment variable; may come again"), \
	OPTION_ROW_LIST("entrypoint", 0, s, m.entrypoint, "WORD", \
			"a word of the entrypoint, once for each; or all as a JSON array"), \
	OPTION_ROW_LIST("cmd", 0, s, m.cmd, "WORD", \
			"a word of the command, once for each; or all as a JSON array"), \
	OPTION_ROW_TEXT("workdir", 'w', s, m.workdir, "DIR", "where it starts"), \
	OPTION_ROW_LIST("label", 'l', s, m.labels, "KEY=VALUE", "a label"), \
	OPTION_ROW_LIST("expose", 0, s, m.ports, "PORT[/PROTOCOL]", "a port it listens on"), \
	OPTION_ROW_LIST("volume", 0, s, m.volumes, "DIR", \
			"a directory whose data is not the image's"), \
	OPTION_ROW_TEXT("stop-signal", 0, s, m.stop_signal, "SIGNAL", "what asks it to end"), \
	OPTION_ROW_TEXT("author", 0, s, m.author, "TEXT", "who made it"), \
	OPTION_ROW_TEXT("created", 0, s, m.created, "TIME", \
			"when, as 2026-01-31T12:00:00Z; the default is now or SOURCE_DATE_EPOCH"), \
	OPTION_ROW_TEXT("os", 0, s, m.os, "OS", "the operating system it is for"), \
	OPTION_ROW_TEXT("arch", 0, s, m.architecture, "ARCHITECTURE", \
			"the architecture, in Go's words: amd64, arm64"), \
	OPTION_ROW_TEXT("variant", 0, s, m.variant, "VARIANT", "and its variant: v7"), \
	OPTION_ROW_LIST("annotation", 'a', s, m.annotations, "KEY=VALUE", \
			"an annotation of the manifest"), \
	OPTION_ROW_LIST("clear", 0, s, m.clear, "WHAT", \
			"first take away: " EDIT_CLEAR_WORDS)

int edit_apply(struct draft *draft, const struct edit_options *edit, struct error *err);
/* Whether any of them was given. */
bool edit_is_set(const struct edit_options *edit);
