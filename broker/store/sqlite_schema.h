/*
 * sqlite_schema.h - the tables of the file, and what one row looks like: shared by the store and its check.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_STORE_SQLITE_SCHEMA_H
#define STRATO_STORE_SQLITE_SCHEMA_H

#include <sqlite3.h>

#include "broker/brain/journal.h"

enum {
    SCHEMA_APPLICATION_ID = 0x53545241, /* "STRA" */
    SCHEMA_VERSION = 1,
    SCHEMA_SQL_BYTES_MAX = 160,
};

extern const char schema_create[];

/** Name of a table in the file. Static. */
const char *schema_table_name(enum journal_table table);
/** Messages and attempts: one number is the key, channel and seq together. */
static inline bool schema_has_rowid(enum journal_table table)
{
    return table == JOURNAL_MESSAGES || table == JOURNAL_ATTEMPTS;
}
static inline sqlite3_int64 schema_rowid(uint32_t channel, uint64_t seq)
{
    return (sqlite3_int64)((uint64_t)channel << 47 | seq);
}

/** Checksum of a row: XXH3 of its value, seeded with where it belongs, so that a row in a wrong place is wrong. */
uint64_t schema_sum(const struct journal_entry *row);

/* Statements, written to `sql`. Parameters and columns: key columns (1 or 2), sum, value. */
void schema_put(enum journal_table table, char sql[SCHEMA_SQL_BYTES_MAX]);
void schema_delete(enum journal_table table, char sql[SCHEMA_SQL_BYTES_MAX]);
void schema_drop(enum journal_table table, char sql[SCHEMA_SQL_BYTES_MAX]);
void schema_scan(enum journal_table table, char sql[SCHEMA_SQL_BYTES_MAX]);

/** Bind the key. @return the number of parameters bound. */
int schema_bind_key(sqlite3_stmt *s, const struct journal_entry *row);
/**
 * The row that a scan stands on; the value is borrowed from the statement until its next step.
 * @return true if its checksum is right and a batch could have written it.
 */
bool schema_read(sqlite3_stmt *s, enum journal_table table, struct journal_entry *ret_row);
#endif
