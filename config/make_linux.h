/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/json_write.h"
#include "config/make_option.h"

/* Members of the object that is being written, from "KEY=VALUE" each; flag: who is wrong else. */
int write_pairs(struct json_writer *w, const char *flag, const word_list *pairs, struct error *err);
/* Whether there is a network namespace. */
bool make_has_network(const struct make_options *options);
/* The object "linux" of a config.json that is being written. */
int write_linux(struct json_writer *w, const struct make_options *options, struct error *err);
