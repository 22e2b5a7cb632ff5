/* SPDX-License-Identifier: Apache-2.0 */
#include "base/option.h"

#include <limits.h>
#include <string.h>

#include "base/list.h"

struct parser {
	struct arena *arena;
	const struct option_scope *scopes;	/* two */
	char *const *at;
	const char *word;		/* that is being read */
	struct arguments *arguments;
	struct error *err;
};

struct match {
	const struct option *option;	/* NULL: none */
	void *values;
};

static struct match match_name(const struct parser *p, const char *name, size_t length)
{
	for (int s = 0; s < 2; s++)
		for (const struct option *o = p->scopes[s].options; o && o->name; o++)
			if (strncmp(o->name, name, length) == 0 && o->name[length] == '\0')
				return (struct match){ o, p->scopes[s].values };
	return (struct match){ 0 };
}

static struct match match_letter(const struct parser *p, char letter)
{
	for (int s = 0; s < 2; s++)
		for (const struct option *o = p->scopes[s].options; o && o->name; o++)
			if (o->letter == letter)
				return (struct match){ o, p->scopes[s].values };
	return (struct match){ 0 };
}

static bool choice_has(const char *choices, const char *value)
{
	size_t length = strlen(value);

	for (const char *at = choices; length > 0;) {
		size_t here = strcspn(at, "|");

		if (here == length && strncmp(at, value, length) == 0)
			return true;
		if (at[here] == '\0')
			return false;
		at += here + 1;
	}
	return false;
}

static bool takes_value(const struct option *option)
{
	return option->kind != OPTION_SWITCH && option->kind != OPTION_MAYBE;
}

/* As strconv.ParseBool of Go reads them, whose callers these are. */
static bool flag_parse(const char *value, bool *ret)
{
	static const char *const words[][6] = { { "false", "0", "f", "F", "FALSE", "False" },
						{ "true", "1", "t", "T", "TRUE", "True" } };

	for (int set = 0; set < 2; set++)
		for (size_t i = 0; i < ARRAY_SIZE(words[set]); i++)
			if (strcmp(value, words[set][i]) == 0) {
				*ret = set;
				return true;
			}
	return false;
}

static int flag_set(const struct match *m, const char *value, struct error *err)
{
	void *to = (char *)m->values + m->option->offset;
	bool set = true;

	if (value != NULL && !flag_parse(value, &set))
		return error_set(err, "invalid value \"%s\" for flag --%s: must be true or false",
				 value, m->option->name);
	if (m->option->kind == OPTION_MAYBE)
		*(int *)to = set ? 1 : -1;
	else
		*(bool *)to = set;
	return 0;
}

static int value_set(struct parser *p, const struct match *m, const char *value)
{
	const struct option *o = m->option;
	void *to = (char *)m->values + o->offset;
	uint64_t number;

	switch (o->kind) {
	case OPTION_SWITCH:
	case OPTION_MAYBE:
		return flag_set(m, value, p->err);
	case OPTION_CHOICE:
	case OPTION_BARE_CHOICE:
		if (*value != '\0' && !choice_has(o->value, value))
			return error_set(p->err, "invalid value \"%s\" for flag --%s: must be %s",
					 value, o->name, o->value);
		/* fallthrough */
	case OPTION_WORD:
		*(const char **)to = *value != '\0' ? value : NULL;
		return 0;
	case OPTION_TEXT:
		*(const char **)to = value;
		return 0;
	case OPTION_LIST:
		LIST_ADD(p->arena, (word_list *)to, value);
		return 0;
	case OPTION_ASSIGN:
		LIST_ADD(p->arena, (word_list *)to,
			 arena_printf(p->arena, "%s=%s", o->name, value));
		return 0;
	case OPTION_ABSENT:
		return 0;
	case OPTION_NUMBER:
		if (!text_to_u64(value, INT_MAX, &number))
			return error_set(p->err, "invalid value \"%s\" for flag --%s: must be a "
					 "whole number", value, o->name);
		*(int *)to = (int)number;
		return 0;
	}
	return 0;
}

static void not_defined(const struct parser *p)
{
	const char *word = arena_strndup(p->arena, p->word, strcspn(p->word, "="));

	error_set(p->err, "flag provided but not defined: %s", text_printable(p->arena, word));
}

/* value: what stood behind "=", or NULL; then the next word is it where the kind needs one. */
static int option_take(struct parser *p, const struct match *m, const char *value)
{
	const struct option *o = m->option;

	if (o->kind == OPTION_ABSENT) {
		not_defined(p);
		return error_hint(p->err, "%s", o->value);
	}
	if (value == NULL && o->kind == OPTION_BARE_CHOICE) {
		const char *next = *p->at;

		if (next == NULL || (*next != '\0' && !choice_has(o->value, next)))
			value = arena_strndup(p->arena, o->value, strcspn(o->value, "|"));
	}
	if (value == NULL && o->kind == OPTION_ASSIGN && o->value == NULL)
		value = "true";
	if (value == NULL && takes_value(o)) {
		if (*p->at == NULL)
			return error_set(p->err, "flag needs an argument: --%s", o->name);
		value = *p->at++;
	}
	return value_set(p, m, value);
}

static int unknown(const struct parser *p, const char *name)
{
	struct guess guess = GUESS(name);

	for (int s = 0; s < 2; s++)
		for (const struct option *o = p->scopes[s].options; o && o->name; o++)
			if (o->help != NULL)
				guess_try(&guess, o->name);
	not_defined(p);
	if (guess.meant != NULL)
		return error_hint(p->err, "did you mean --%s?", guess.meant);
	if (p->word[strspn(p->word, "-0123456789")] == '\0')
		return error_hint(p->err, "a number stands without a dash");
	return -1;
}

/* "-b", "-bDIR", "-itd": letters, of which the first that takes a value takes the rest. */
static int letters_take(struct parser *p, const char *word)
{
	for (const char *at = word + 1; *at != '\0'; at++) {
		struct match m = match_letter(p, *at);
		const char *rest = at + 1;

		if (m.option == NULL)
			return unknown(p, word + 1);
		if (*rest == '=' || (*rest != '\0' && takes_value(m.option)))
			return option_take(p, &m, *rest == '=' ? rest + 1 : rest);
		if (option_take(p, &m, NULL) < 0)
			return -1;
	}
	return 0;
}

static int word_take(struct parser *p, const char *word)
{
	const char *name = word + (word[1] == '-' ? 2 : 1);
	size_t length = strcspn(name, "=");
	struct match m = match_name(p, name, length);

	if (m.option != NULL && (length > 1 || word[1] == '-'))
		return option_take(p, &m, name[length] == '=' ? name + length + 1 : NULL);
	if (word[1] == '-')
		return unknown(p, arena_strndup(p->arena, name, length));
	return letters_take(p, word);
}

int option_parse(struct arena *arena, const struct option_scope scopes[2], int stop_after,
		 char *const *argv, struct arguments *ret, struct error *err)
{
	struct parser p = { arena, scopes, argv, NULL, ret, err };
	bool stopped = false, dashed = false;
	size_t words = 0;

	while (argv[words] != NULL)
		words++;
	*ret = (struct arguments){ ARENA_NEWS(arena, words + 1, const char *), 0, 0 };
	while (*p.at != NULL) {
		const char *word = p.word = *p.at++;

		if (stop_after >= 0 && ret->count >= (size_t)stop_after)
			stopped = true;
		/* "exec ID -- ls": one "--" goes, wherever the arguments begin. */
		if (!dashed && strcmp(word, "--") == 0 &&
		    (!stopped || ret->count == (size_t)stop_after)) {
			ret->dashes = ret->count;
			stopped = dashed = true;
			continue;
		}
		if (stopped || word[0] != '-' || word[1] == '\0')
			ret->items[ret->count++] = word;
		else if (word_take(&p, word) < 0)
			return -1;
	}
	if (!dashed)
		ret->dashes = ret->count;
	return 0;
}

static bool kind_is_text(enum option_kind kind)
{
	return kind == OPTION_TEXT || kind == OPTION_WORD || kind == OPTION_CHOICE ||
	       kind == OPTION_BARE_CHOICE;
}

void option_words(struct arena *arena, const struct option *options, const void *values,
		  word_list *words)
{
	for (const struct option *o = options; o->name != NULL; o++) {
		const void *at = (const char *)values + o->offset;
		const char *text = kind_is_text(o->kind) ? *(const char *const *)at : NULL;

		if (o->kind == OPTION_SWITCH && *(const bool *)at)
			LIST_ADD(arena, words, arena_printf(arena, "--%s", o->name));
		if (text != NULL)
			LIST_ADD(arena, words, arena_printf(arena, "--%s=%s", o->name, text));
		if (o->kind == OPTION_NUMBER && *(const int *)at != 0)
			LIST_ADD(arena, words,
				 arena_printf(arena, "--%s=%d", o->name, *(const int *)at));
		if (o->kind == OPTION_LIST)
			LIST_EACH(item, *(const word_list *)at)
				LIST_ADD(arena, words,
					 arena_printf(arena, "--%s=%s", o->name, *item));
	}
}

void option_value_text(struct text *out, const struct option *option)
{
	if (option->kind == OPTION_BARE_CHOICE)
		text_printf(out, "[=%s]", option->value);
	else if (option->value != NULL)
		text_printf(out, " %s", option->value);
}

void option_help(struct text *out, const struct option *options)
{
	for (const struct option *o = options; o != NULL && o->name != NULL; o++) {
		struct text left = { .arena = out->arena };

		if (o->help == NULL)
			continue;
		if (o->letter != 0)
			text_printf(&left, "  -%c, --%s", o->letter, o->name);
		else
			text_printf(&left, "      --%s", o->name);
		option_value_text(&left, o);
		if (left.size < 30)
			text_printf(out, "%-30s %s\n", left.data, o->help);
		else
			text_printf(out, "%s\n%-30s %s\n", left.data, "", o->help);
	}
}
