/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stddef.h>

#include "base/error.h"

/*
 * Where bytes go: a tar stream to its digest and its compressor, a compressor
 * to a blob, a blob to a file.  Each stage is a struct that begins with one.
 */
struct sink {
	int (*write)(struct sink *sink, const void *data, size_t size, struct error *err);
};

static inline int sink_write(struct sink *sink, const void *data, size_t size, struct error *err)
{
	return sink->write(sink, data, size, err);
}
