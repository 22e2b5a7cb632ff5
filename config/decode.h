/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/finding.h"
#include "config/names.h"

/*
 * JSON into structs by tables: one row per property.  A decoder function puts
 * one value into *out, which is zeroed before, and returns 0, or -1 after
 * bad_value().  JSON's null is as good as absent, as it is for Go programs,
 * which make most of these files.
 */
typedef int decode_fn(struct decoder *d, const struct json *v, void *out);

enum field_flag {
	FIELD_REQUIRED	= 1 << 0,
	FIELD_IGNORED	= 1 << 1,	/* known, but of no effect: of another platform */
};

struct field {
	const char *key;
	decode_fn *decode;
	size_t offset;			/* where in the struct */
	unsigned int flags;
	size_t item_size;		/* not 0: an array into a LIST; decode does one item */
	const struct field *fields;	/* instead of decode: a table for the object below */
};

/* The offset of member m in struct s, and a compile error when it is not of that type. */
#define MEMBER(s, m, wanted) \
	(offsetof(s, m) + \
	 0 * sizeof(char[2 * __builtin_types_compatible_p(__typeof__(((s *)0)->m), wanted) - 1]))

/* Rows.  The last argument, flags, may be left out. */
#define FIELD(key, decode, s, m, ...)	{ key, decode, offsetof(s, m), __VA_ARGS__ + 0 }
#define FIELD_STRING(key, s, m, ...) \
	{ key, decode_string, MEMBER(s, m, const char *), __VA_ARGS__ + 0 }
#define FIELD_PATH(key, s, m, ...) \
	{ key, decode_path, MEMBER(s, m, const char *), __VA_ARGS__ + 0 }
#define FIELD_BOOL(key, s, m, ...)	{ key, decode_bool, MEMBER(s, m, bool), __VA_ARGS__ + 0 }
#define FIELD_U64(key, s, m, ...)	{ key, decode_u64, MEMBER(s, m, uint64_t), __VA_ARGS__ + 0 }
#define FIELD_I64(key, s, m, ...)	{ key, decode_i64, MEMBER(s, m, int64_t), __VA_ARGS__ + 0 }
#define FIELD_U32(key, s, m, ...)	{ key, decode_u32, MEMBER(s, m, uint32_t), __VA_ARGS__ + 0 }
#define FIELD_I32(key, s, m, ...)	{ key, decode_i32, MEMBER(s, m, int32_t), __VA_ARGS__ + 0 }
#define FIELD_OPT_U64(key, s, m, ...) \
	{ key, decode_opt_u64, MEMBER(s, m, struct opt_u64), __VA_ARGS__ + 0 }
#define FIELD_OPT_I64(key, s, m, ...) \
	{ key, decode_opt_i64, MEMBER(s, m, struct opt_i64), __VA_ARGS__ + 0 }
/* An array; decode takes one item.  m is a LIST. */
#define FIELD_LIST(key, decode, s, m, ...) \
	{ key, decode, offsetof(s, m), __VA_ARGS__ + 0, sizeof(*((s *)0)->m.items) }
/* An object whose table fills members of the same struct s, and of a struct in it. */
#define FIELD_OBJECT(key, table, ...)	{ key, NULL, 0, __VA_ARGS__ + 0, 0, table }
#define FIELD_OBJECT_IN(key, table, s, m, ...) \
	{ key, NULL, offsetof(s, m), __VA_ARGS__ + 0, 0, table }
#define FIELD_IGNORE(key)		{ key, NULL, 0, FIELD_IGNORED }

int decode_object(struct decoder *d, const struct json *v, const struct field *fields, void *out);
/* An array into a LIST (struct list *out). */
int decode_list(struct decoder *d, const struct json *v, decode_fn *decode, size_t item_size,
		void *out);

/* One value each; the comment is the type of *out. */
int decode_string(struct decoder *d, const struct json *v, void *out);	/* const char * */
int decode_text(struct decoder *d, const struct json *v, void *out);	/* the same; NULL for "" */
int decode_path(struct decoder *d, const struct json *v, void *out);	/* the same, absolute */
int decode_bool(struct decoder *d, const struct json *v, void *out);	/* bool */
int decode_u64(struct decoder *d, const struct json *v, void *out);	/* uint64_t */
int decode_i64(struct decoder *d, const struct json *v, void *out);	/* int64_t */
int decode_u32(struct decoder *d, const struct json *v, void *out);	/* uint32_t */
int decode_i32(struct decoder *d, const struct json *v, void *out);	/* int32_t */
int decode_id(struct decoder *d, const struct json *v, void *out);	/* uint32_t, a uid or gid */
int decode_opt_u64(struct decoder *d, const struct json *v, void *out);	/* struct opt_u64 */
int decode_opt_i64(struct decoder *d, const struct json *v, void *out);	/* struct opt_i64 */
/* A list of CPUs or memory nodes, "0-3,7": const char *, NULL for "". */
int decode_number_list(struct decoder *d, const struct json *v, void *out);
/* { "key": "value" } into annotation_list; struct sysctl_plan has the same layout. */
int decode_string_map(struct decoder *d, const struct json *v, void *out);

/* The same with bounds, for decoder functions with rules of their own. */
int decode_u64_up_to(struct decoder *d, const struct json *v, uint64_t max, uint64_t *ret);
int decode_u32_up_to(struct decoder *d, const struct json *v, uint32_t max, uint32_t *ret);
int decode_opt_u64_up_to(struct decoder *d, const struct json *v, uint64_t max,
			 struct opt_u64 *ret);
int decode_i64_between(struct decoder *d, const struct json *v, int64_t min, int64_t max,
		       int64_t *ret);
int decode_opt_i64_between(struct decoder *d, const struct json *v, int64_t min, int64_t max,
			   struct opt_i64 *ret);
/* A word of a table: 'must be <what>, not "x"; did you mean "y"?'.  what: "a resource limit". */
int decode_name(struct decoder *d, const struct json *v, const struct name *table,
		const char *what, uint64_t *ret);

/* Whether a property is there and not null. */
bool has_property(const struct json *object, const char *key);
/* 0, or -1 and an error. */
int want_type(struct decoder *d, const struct json *v, enum json_type type);
