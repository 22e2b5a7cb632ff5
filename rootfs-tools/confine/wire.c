/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/confine/wire.h"

#include <string.h>

int wire_flush(struct wire_out *w, struct error *err)
{
	size_t size = w->filled;

	w->filled = 0;
	return size > 0 ? confined_send(w->out, CONFINED_DATA, w->data, size, err) : 0;
}

int wire_put(struct wire_out *w, const void *data, size_t size, struct error *err)
{
	const char *at = data;

	while (size > 0) {
		size_t room = sizeof(w->data) - w->filled, fits = size < room ? size : room;

		memcpy(w->data + w->filled, at, fits);
		w->filled += fits;
		at += fits;
		size -= fits;
		if (w->filled == sizeof(w->data) && wire_flush(w, err) < 0)
			return -1;
	}
	return 0;
}

ssize_t wire_next(struct wire_in *w, size_t most, const char **ret_data, struct error *err)
{
	size_t here;

	while (w->at == w->message.size && !w->done) {
		int more = confined_receive(w->confined, &w->message, err);

		if (more < 0)
			return -1;
		w->at = 0;
		w->done = more == 0;
	}
	if (w->done)
		return 0;
	here = w->message.size - w->at < most ? w->message.size - w->at : most;
	*ret_data = w->message.data + w->at;
	w->at += here;
	return (ssize_t)here;
}

int wire_get(struct wire_in *w, void *ret_data, size_t size, struct error *err)
{
	size_t got = 0;

	while (got < size) {
		const char *data;
		ssize_t n = wire_next(w, size - got, &data, err);

		if (n < 0)
			return -1;
		if (n == 0)
			return got == 0 ? 0 :
			       error_set(err, "the reader of the layer stopped short");
		memcpy((char *)ret_data + got, data, (size_t)n);
		got += (size_t)n;
	}
	return 1;
}

int wire_demand(struct wire_in *w, void *ret_data, size_t size, struct error *err)
{
	int more = size > 0 ? wire_get(w, ret_data, size, err) : 1;

	if (more == 0)
		return error_set(err, "the reader of the layer stopped short");
	return more < 0 ? -1 : 0;
}
