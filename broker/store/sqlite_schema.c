/*
 * sqlite_schema.c - see sqlite_schema.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/store/sqlite_schema.h"

#include <stdio.h>

#include <xxhash.h>

#define WITH_ROWID "(id INTEGER PRIMARY KEY, sum INTEGER NOT NULL, value BLOB NOT NULL);"
#define WITH_PAIR                                                                                                      \
    "(channel INTEGER NOT NULL, key INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL,"                      \
    " PRIMARY KEY (channel, key)) WITHOUT ROWID;"

const char schema_create[] =
    "CREATE TABLE channels " WITH_PAIR "CREATE TABLE counts " WITH_PAIR "CREATE TABLE messages " WITH_ROWID
    "CREATE TABLE attempts " WITH_ROWID "CREATE TABLE deadletters " WITH_PAIR "CREATE TABLE ids " WITH_PAIR
    "CREATE TABLE quarantine (at INTEGER NOT NULL, name TEXT NOT NULL, channel INTEGER, key INTEGER, sum, value);";

const char *schema_table_name(enum journal_table table)
{
    static const char *const names[JOURNAL_TABLES] = {
        [JOURNAL_CHANNELS] = "channels", [JOURNAL_COUNTS] = "counts",           [JOURNAL_MESSAGES] = "messages",
        [JOURNAL_ATTEMPTS] = "attempts", [JOURNAL_DEADLETTERS] = "deadletters", [JOURNAL_IDS] = "ids",
    };

    return names[table];
}

uint64_t schema_sum(const struct journal_entry *row)
{
    const uint64_t place[2] = { row->key, (uint64_t)row->channel << 8 | row->table };

    return XXH3_64bits_withSeed(row->value.data, row->value.bytes, XXH3_64bits(place, sizeof(place)));
}

void schema_put(enum journal_table table, char sql[SCHEMA_SQL_BYTES_MAX])
{
    snprintf(sql, SCHEMA_SQL_BYTES_MAX, "INSERT OR REPLACE INTO %s VALUES (?1, ?2, ?3%s)", schema_table_name(table),
             schema_has_rowid(table) ? "" : ", ?4");
}

void schema_delete(enum journal_table table, char sql[SCHEMA_SQL_BYTES_MAX])
{
    snprintf(sql, SCHEMA_SQL_BYTES_MAX, "DELETE FROM %s WHERE %s", schema_table_name(table),
             schema_has_rowid(table) ? "id = ?1" : "channel = ?1 AND key = ?2");
}

void schema_drop(enum journal_table table, char sql[SCHEMA_SQL_BYTES_MAX])
{
    snprintf(sql, SCHEMA_SQL_BYTES_MAX, "DELETE FROM %s WHERE %s", schema_table_name(table),
             schema_has_rowid(table) ? "id BETWEEN ?1 << 47 AND (?1 + 1 << 47) - 1" : "channel = ?1");
}

void schema_scan(enum journal_table table, char sql[SCHEMA_SQL_BYTES_MAX])
{
    snprintf(sql, SCHEMA_SQL_BYTES_MAX, "SELECT %s, sum, value FROM %s ORDER BY %s",
             schema_has_rowid(table) ? "id" : "channel, key", schema_table_name(table),
             schema_has_rowid(table) ? "id" : "channel, key < 0, key");
}

int schema_bind_key(sqlite3_stmt *s, const struct journal_entry *row)
{
    if (schema_has_rowid(row->table)) {
        sqlite3_bind_int64(s, 1, schema_rowid(row->channel, row->key));
        return 1;
    }
    sqlite3_bind_int64(s, 1, row->channel);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)row->key);
    return 2;
}

bool schema_read(sqlite3_stmt *s, enum journal_table table, struct journal_entry *ret_row)
{
    struct journal_entry row = { .verb = JOURNAL_PUT, .table = table };
    sqlite3_int64 first = sqlite3_column_int64(s, 0);
    bool is_in_range = first >= 0;
    int at = 1;

    if (schema_has_rowid(table)) {
        row.channel = (uint32_t)(first >> 47) & 0xffff;
        row.key = (uint64_t)first & JOURNAL_SEQ_MAX;
    } else {
        is_in_range = is_in_range && first <= JOURNAL_CHANNEL_MAX;
        row.channel = (uint32_t)first & 0xffff;
        row.key = (uint64_t)sqlite3_column_int64(s, at++);
    }
    row.value.data = sqlite3_column_blob(s, at + 1);
    row.value.bytes = (size_t)sqlite3_column_bytes(s, at + 1);
    *ret_row = row;
    return is_in_range && row.value.bytes <= JOURNAL_VALUE_BYTES_MAX && sqlite3_column_type(s, at) == SQLITE_INTEGER &&
           sqlite3_column_type(s, at + 1) == SQLITE_BLOB && (uint64_t)sqlite3_column_int64(s, at) == schema_sum(&row);
}
