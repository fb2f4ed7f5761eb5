/*
 * sqlite_check.c - look at a store that no broker uses, and change nothing.
 *
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "broker/store/sqlite.h"
#include "broker/store/sqlite_schema.h"

enum { LINES_MAX = 100 };

struct look {
    sqlite3 *db;
    struct store_check *check;
    void (*say)(void *arg, const char *line);
    void *arg;
    unsigned lines;
};

static void say(struct look *look, const char *line)
{
    if (look->lines < LINES_MAX)
        look->say(look->arg, line);
    else if (look->lines == LINES_MAX)
        look->say(look->arg, "more is wrong, and not listed");
    look->lines++;
}

static int integrity(struct look *look)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(look->db, "PRAGMA integrity_check", -1, &s, NULL), rows = 0;

    look->check->is_sound = rc == SQLITE_OK;
    while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(s, 0);

        rows++;
        rc = SQLITE_OK;
        if (text && strcmp(text, "ok") == 0)
            continue;
        look->check->is_sound = false;
        say(look, text ? text : "out of memory");
    }
    sqlite3_finalize(s);
    look->check->is_sound = look->check->is_sound && rc == SQLITE_DONE && rows > 0;
    return rc == SQLITE_DONE ? 0 : STRATO_ESTORE;
}

static int table(struct look *look, enum journal_table which)
{
    char sql[SCHEMA_SQL_BYTES_MAX], line[160];
    struct journal_entry row;
    sqlite3_stmt *s = NULL;
    int rc;

    schema_scan(which, sql);
    rc = sqlite3_prepare_v2(look->db, sql, -1, &s, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        rc = SQLITE_OK;
        if (schema_read(s, which, &row)) {
            look->check->rows[which]++;
            continue;
        }
        look->check->rows_bad++;
        snprintf(line, sizeof(line), "wrong checksum: table %s, channel number %" PRIu32 ", key %" PRIu64 ", %zu bytes",
                 schema_table_name(which), row.channel, row.key, row.value.bytes);
        say(look, line);
    }
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? 0 : STRATO_ESTORE;
}

static uint64_t ask(struct look *look, const char *sql)
{
    sqlite3_stmt *s = NULL;
    uint64_t number = 0;

    if (sqlite3_prepare_v2(look->db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        number = (uint64_t)sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return number;
}

/* Reading a log needs its index, which only one who may write can have in its own memory. So this opens for writing and
 * writes nothing: the log of a killed broker is not checkpointed when we close. */
static int open_for_look(struct look *look, const char *path)
{
    char wal[4100];
    struct stat st;
    int rc = sqlite3_open_v2(path, &look->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    snprintf(wal, sizeof(wal), "%s-wal", path);
    if (rc == SQLITE_OK && stat(wal, &st) == 0 && st.st_size > 0)
        rc = sqlite3_db_config(look->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return rc == SQLITE_OK ? 0 : STRATO_ESTORE;
}

static int look_through(struct look *look)
{
    int rc = sqlite3_exec(look->db,
                          "PRAGMA locking_mode = EXCLUSIVE; PRAGMA wal_autocheckpoint = 0; PRAGMA query_only = ON; "
                          "SELECT count(*) FROM sqlite_schema",
                          NULL, NULL, NULL) == SQLITE_OK
                 ? 0
                 : STRATO_ESTORE;

    if (rc < 0)
        return rc;
    look->check->version = (uint32_t)ask(look, "PRAGMA user_version");
    look->check->rows_quarantined = ask(look, "SELECT count(*) FROM quarantine");
    rc = integrity(look);
    for (int i = 0; rc == 0 && i < JOURNAL_TABLES; i++)
        rc = table(look, (enum journal_table)i);
    return rc;
}

int store_sqlite_check(const char *dir, void (*say_fn)(void *arg, const char *line), void *arg,
                       struct store_check *ret_check, char *ret_detail, size_t detail_bytes)
{
    struct look look = { .check = ret_check, .say = say_fn, .arg = arg };
    char path[4096];
    int rc;

    *ret_check = (struct store_check){ 0 };
    snprintf(path, sizeof(path), "%s/" STORE_SQLITE_FILE, dir);
    rc = open_for_look(&look, path);
    if (rc == 0)
        rc = look_through(&look);
    if (rc < 0)
        snprintf(ret_detail, detail_bytes, "'%.200s' could not be read to its end: %s%s", path,
                 look.db ? sqlite3_errmsg(look.db) : "out of memory",
                 sqlite3_errcode(look.db) == SQLITE_BUSY ? " (a broker uses it: stop it first)" : "");
    sqlite3_close(look.db);
    return rc;
}
