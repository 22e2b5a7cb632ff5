/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/json_write.h"
#include "config/make_option.h"

/* The object "process" of a config.json that is being written. */
int write_process(struct json_writer *w, const struct make_options *options, struct error *err);
