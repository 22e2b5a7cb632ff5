/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/arena.h"
#include "base/error.h"
#include "config/json.h"
#include "config/plan.h"

/*
 * One file while it is decoded, and what is said about its values: each message says where the
 * value stands and which one it is.
 *
 * The loader stops at the first error.  With collect set (for "kist check") decoding goes on
 * behind an error, so that all are found, up to a hundred, and fails in the end.
 */
enum severity {
	SEVERITY_NOTE,
	SEVERITY_WARNING, /* works, but is most likely not what was meant */
	SEVERITY_ERROR, /* plan_parse() refuses it, or the container can't start */
};

struct finding {
	enum severity severity;
	const char *text;	/* "config.json:12:9: /process/cwd: ..." */
	const struct json *value;	/* where; NULL: not in the file */
};
struct diagnosis {
	LIST(struct finding) findings;
	struct json_source source;	/* the file and its tree, for what is found later */
	const struct json *root;
};

struct decoder {
	struct arena *arena;
	struct json_source source;
	const struct json *root;
	const char *bundle;		/* absolute: what relative paths on the host start from */
	const id_map_list *maps[2];	/* linux.gidMappings, uidMappings, once a mount asks */
	const struct limits_now *now;	/* of linux.resources, for an update; NULL: none yet */
	struct error *err;		/* the first error */
	bool failed;
	bool collect;			/* go on after errors, fill findings */
	const char *schema;		/* with collect: what is unknown is an error; its name */
	struct diagnosis diagnosis;	/* of collect: errors, warnings, unknown properties */
	word_list warnings;		/* their texts; becomes plan->warnings */
};

/* Each costs time, and a hostile file may hold 200,000: warnings beyond this are dropped. */
#define MAX_FINDINGS	100

/* The value is wrong: "file:line:column: pointer: " and the text.  Returns -1. */
int bad_value(struct decoder *d, const struct json *v, const char *fmt, ...) _printf(3, 4);
/* A member of the object v is wrong, or missing: then the position is that of v.  Returns -1. */
int bad_member(struct decoder *d, const struct json *v, const char *key, const char *fmt, ...)
	_printf(4, 5);
/* For rules across fields: the position of the nearest value there is.  Returns -1. */
int bad_pointer(struct decoder *d, const char *pointer, const char *fmt, ...) _printf(3, 4);
/* Odd, but no error: goes to plan->warnings. */
void warn_value(struct decoder *d, const struct json *v, const char *fmt, ...) _printf(3, 4);
/* For "kist check" alone: kept only with collect. */
void note_value(struct decoder *d, enum severity severity, const struct json *v, const char *fmt,
		...) _printf(4, 5);
/* Whether another one would be kept: to find out what was meant takes long. */
bool warn_wanted(const struct decoder *d);
bool note_wanted(const struct decoder *d);
