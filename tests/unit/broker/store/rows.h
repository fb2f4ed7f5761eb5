/*
 * rows.h - batches written in one line, and what a scan gave as one text to compare.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_TESTS_ROWS_H
#define STRATO_TESTS_ROWS_H

#include "broker/store/store.h"

/** One batch being written; zero-initialised = empty. */
struct rows {
    struct strato_writer w;
};

void rows_put(struct rows *rows, enum journal_table table, uint32_t channel, uint64_t key, const char *value);
void rows_delete(struct rows *rows, enum journal_table table, uint32_t channel, uint64_t key);
void rows_drop(struct rows *rows, uint32_t channel);
/** Commit the batch alone, whatever comes of it, and empty it. */
int rows_commit(struct rows *rows, struct store *store);
/** Everything in the store as "table/channel/key=value table/...". @return text to free(). */
char *rows_scan(struct store *store, struct store_findings *ret_findings);
/** Assert that the store holds exactly this. */
void rows_are(struct store *store, const char *expected);
#endif
