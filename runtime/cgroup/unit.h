/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/plan.h"
#include "runtime/cgroup/dbus.h"

/*
 * The properties of a unit as systemd's D-Bus interface takes them: elements
 * of an array of (name, variant), which the caller has begun with alignment 8.
 * Pure: nothing here talks to anybody.
 */
void unit_add_string(struct text *body, const char *name, const char *value);
void unit_add_strings(struct text *body, const char *name, const char *value);	/* a list of one */
void unit_add_bool(struct text *body, const char *name, bool value);
void unit_add_u64(struct text *body, const char *name, uint64_t value);
void unit_add_pid(struct text *body, const char *name, uint32_t pid);
/* Those of the limits that systemd knows; newer: with what old ones (239) refuse. */
void unit_add_limits(struct text *body, const cgroup_write_list *writes, bool newer);
/* Annotations org.systemd.property.NAME, in GVariant's text format. */
int unit_add_annotations(struct text *body, const struct plan *plan, struct error *err);
/* "0-2,7" as bits, the first in the lowest; mask has room for 1024 bytes. */
bool unit_mask_parse(const char *list, uint8_t *mask, size_t *ret_size);
