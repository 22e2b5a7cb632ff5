/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/arena.h"

/*
 * A LIST (base/compiler.h) that grows on an arena.  Its room is always the power of two that is
 * not below its count, so that a list need not store it: a list is empty, or made by the
 * functions here alone, before it may grow.
 */

/* One more item, zeroed, behind struct list *list. */
void *list_add(struct arena *arena, void *list, size_t item_size);
/* Room for the first count items of an empty one, zeroed: who fills them counts them. */
void list_reserve(struct arena *arena, void *list, size_t count, size_t item_size);
/* By their bytes. */
void words_sort(const char **words, size_t count);

/* The same with the type of the list: a pointer to the new item, and a new item of that value. */
#define LIST_NEW(arena, list) \
	((__typeof__((list)->items))list_add((arena), (list), sizeof(*(list)->items)))
#define LIST_ADD(arena, list, value) (*LIST_NEW((arena), (list)) = (value))
