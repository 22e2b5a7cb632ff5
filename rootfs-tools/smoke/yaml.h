/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/json.h"

/*
 * A YAML document as the tree that config/json.h describes, so that one set of tables reads suites
 * in both: every value knows where it stands.  Plain scalars have the types of YAML's core schema
 * (null, true, 12); quoted ones are strings.  Numbers and booleans keep their text.  Anchors,
 * aliases and merge keys ("<<") are followed; keys must be scalars, and none may come twice.
 *
 * NULL and "name:line:column: what" when it is no such text; within the limits of JSON_MAX_*,
 * whatever aliases multiply.
 */
const struct json *yaml_parse(struct arena *arena, const struct json_source *source,
			      struct error *err);
