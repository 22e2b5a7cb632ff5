/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

/*
 * As much of D-Bus as talking to systemd takes: method calls, their replies,
 * signals; the byte order of this machine; no fds.  libsystemd would cost each
 * start the loading of it, used or not.
 *
 * A body is written value by value, in the order of its signature: the writers
 * put the padding in.  It is read back the same way; reading past the end, or
 * a length that points there, makes the reader bad, once and for all.
 * Source: D-Bus specification 0.43, sections "Type system" and "Message protocol".
 */

/* --- values (dbus_value.c) --------------------------------------------------- */

void dbus_add_byte(struct text *body, uint8_t value);
void dbus_add_u32(struct text *body, uint32_t value);
void dbus_add_u64(struct text *body, uint64_t value);
void dbus_add_bool(struct text *body, bool value);
void dbus_add_string(struct text *body, const char *value);	/* 's' and 'o' */
void dbus_add_signature(struct text *body, const char *value);	/* 'g', and the head of a variant */
/* Opens an array whose elements have this alignment; end takes what begin gave. */
size_t dbus_array_begin(struct text *body, size_t alignment);
void dbus_array_end(struct text *body, size_t mark, size_t alignment);
/* A struct begins at a multiple of 8. */
void dbus_align(struct text *body, size_t alignment);

struct dbus_reader {
	const char *data;
	size_t size, at;
	bool bad;
};
uint8_t dbus_get_byte(struct dbus_reader *reader);
uint32_t dbus_get_u32(struct dbus_reader *reader);
/* Never NULL; "" when the reader is bad. */
const char *dbus_get_string(struct dbus_reader *reader);
const char *dbus_get_signature(struct dbus_reader *reader);
/* Bytes of the array that begins here. */
uint32_t dbus_get_array(struct dbus_reader *reader, size_t alignment);
void dbus_skip_to(struct dbus_reader *reader, size_t alignment);

/* --- messages (dbus_message.c) ----------------------------------------------- */

struct dbus_call {
	const char *destination, *path, *interface, *member;
	const char *signature;		/* of the body; NULL: there is none */
};

enum dbus_type { DBUS_CALL = 1, DBUS_REPLY, DBUS_ERROR, DBUS_SIGNAL };
struct dbus_message {
	enum dbus_type type;
	uint32_t serial, reply_serial;
	/* "" where absent; sender is what the bus says, not the sender. */
	const char *path, *interface, *member, *error_name, *sender, *signature;
	struct dbus_reader body;
};

/* A whole message, its header included, appended to out. */
void dbus_message_add(struct text *out, const struct dbus_call *call, uint32_t serial,
		      const struct text *body);
/* How long the message is that begins with these 16 bytes; 0: none of ours. */
size_t dbus_message_size(const char *head);
int dbus_message_parse(const char *data, size_t size, struct dbus_message *ret,
		       struct error *err);
/* The first unix socket of an address list, as "unix:path=/run/bus,guid=..."; false: none. */
bool dbus_address_path(struct arena *arena, const char *address, const char **ret_path,
		       bool *ret_abstract);

/* --- the connection (dbus.c) -------------------------------------------------- */

struct dbus {
	struct arena *arena;
	int fd;				/* owned */
	uint32_t serial;
	struct text out;		/* calls that have not gone out yet */
	/* Anybody on the bus may send signals to us: neither for ever nor any number of them. */
	int64_t until; /* clock_ms(): a minute after the last call */
	size_t received;
};
#define DBUS_NONE	((struct dbus){ .fd = -EBADF })

/* Connects, authenticates as the socket's peer and says Hello. */
int dbus_open(struct dbus *bus, struct arena *arena, bool user, struct error *err);
void dbus_close(struct dbus *bus);
#define _cleanup_dbus	_cleanup(dbus_close)
/* Queues a call; gives its serial. */
uint32_t dbus_send(struct dbus *bus, const struct dbus_call *call, const struct text *body);
/* The next message, whatever it is; what was queued goes out first. */
int dbus_receive(struct dbus *bus, struct dbus_message *ret, struct error *err);
/*
 * If message answers serial: 1, or -1 and *err with its text for an error reply, of which
 * the code is ENOENT, EEXIST, EACCES or EINVAL where it is known; 0: it answers something else.
 */
int dbus_is_reply(const struct dbus_message *message, uint32_t serial, struct error *err);
/* One call and its reply. */
int dbus_call(struct dbus *bus, const struct dbus_call *call, const struct text *body,
	      struct dbus_message *ret, struct error *err);
