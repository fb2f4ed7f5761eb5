/*
 * memory.h - a store in memory: the reference that the others are compared with, and a disk for simulations.
 *
 * It outlives the brain that fills it, not the process. Commits can be told to fail, as a full disk does.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_STORE_MEMORY_H
#define STRATO_STORE_MEMORY_H

#include "broker/store/store.h"

/** An empty one. @return 0 or STRATO_ENOMEM. */
int store_memory_open(struct store **ret_store);
/** The next `count` commits fail with STRATO_ESTORE and change nothing. */
void store_memory_fail(struct store *store, unsigned count);
#endif
