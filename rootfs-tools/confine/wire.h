/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/confine/confine.h"

/* A stream of bytes from a confined process, in the messages of confine.h. */
enum { WIRE_ROOM = CONFINED_ROOM - 8 };

struct wire_out {
	int out;
	size_t filled;
	char data[WIRE_ROOM];
};
int wire_put(struct wire_out *wire, const void *data, size_t size, struct error *err);
int wire_flush(struct wire_out *wire, struct error *err);

struct wire_in {
	struct confined *confined;	/* borrowed */
	struct confined_message message;
	size_t at;
	bool done;
};
/* Between 1 and most bytes, where they are; 0 when the process is done. */
ssize_t wire_next(struct wire_in *wire, size_t most, const char **ret_data, struct error *err);
/* 1 and all of it; 0 when the process is done; an end in between is an error. */
int wire_get(struct wire_in *wire, void *ret_data, size_t size, struct error *err);
/* Where the end is an error, too. */
int wire_demand(struct wire_in *wire, void *ret_data, size_t size, struct error *err);
