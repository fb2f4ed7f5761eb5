/*
 * sqlite.c - see sqlite.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/store/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/store/cancel.h"
#include "broker/store/sqlite_schema.h"

enum {
    WAL_PAGES = 4096, /* 16 MiB: a checkpoint copies so much inside one commit, some tens of ms */
    WAL_BYTES_MAX = 64 * 1024 * 1024,
    CACHE_KIB = 16 * 1024,
};

struct sqlite {
    struct store store; /* first */
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *rollback;
    sqlite3_stmt *put[JOURNAL_TABLES], *delete[JOURNAL_TABLES], *drop[JOURNAL_TABLES];
    struct cancel cancel;
    bool has_failed; /* the last commit: nobody knows what of it is in the file */
    struct store_findings found;
};

static struct sqlite *sqlite_of(struct store *store)
{
    return (struct sqlite *)(void *)store;
}

static const char *fix_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return "free space on its disk; nothing that was confirmed is lost";
    case SQLITE_IOERR:
        return "look at the disk (dmesg); nothing that was confirmed is lost";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return "give the broker's user write access to the data directory";
    case SQLITE_BUSY:
        return "another broker uses this data directory: stop it, or give this one another";
    default:
        return "see docs/operations.md, \"the store\"";
    }
}

static void describe(struct sqlite *sqlite, const char *what)
{
    int code = sqlite3_extended_errcode(sqlite->db);

    snprintf(sqlite->store.error, sizeof(sqlite->store.error), "%s: %s (SQLite %d): %s", what,
             sqlite3_errmsg(sqlite->db), code, fix_of(code));
}

/* ---- commit ---- */

static int run(sqlite3_stmt *s)
{
    int rc = sqlite3_step(s);

    sqlite3_reset(s);
    return rc == SQLITE_DONE ? 0 : STRATO_ESTORE;
}

static int put(struct sqlite *sqlite, const struct journal_entry *row)
{
    sqlite3_stmt *s = sqlite->put[row->table];
    int at = schema_bind_key(s, row);

    sqlite3_bind_int64(s, at + 1, (sqlite3_int64)schema_sum(row));
    sqlite3_bind_blob64(s, at + 2, row->value.bytes ? (const void *)row->value.data : "", row->value.bytes,
                        SQLITE_STATIC);
    return run(s);
}

static int drop(struct sqlite *sqlite, uint32_t channel)
{
    int rc = 0;

    for (int table = 0; rc == 0 && table < JOURNAL_TABLES; table++) {
        sqlite3_bind_int64(sqlite->drop[table], 1, channel);
        rc = run(sqlite->drop[table]);
    }
    return rc;
}

static int apply(struct sqlite *sqlite, const struct journal_entry *row)
{
    switch (row->verb) {
    case JOURNAL_PUT:
        return put(sqlite, row);
    case JOURNAL_DELETE:
        schema_bind_key(sqlite->delete[row->table], row);
        return run(sqlite->delete[row->table]);
    case JOURNAL_DROP_CHANNEL:
        return drop(sqlite, row->channel);
    }
    return STRATO_ECODEC;
}

static int write_all(struct sqlite *sqlite)
{
    int rc = run(sqlite->begin);

    for (size_t i = 0; rc == 0 && i < sqlite->cancel.count; i++) {
        if (!sqlite->cancel.entries[i].is_void)
            rc = apply(sqlite, &sqlite->cancel.entries[i].entry);
    }
    if (rc == 0)
        rc = run(sqlite->commit);
    if (rc < 0) {
        describe(sqlite, "the commit failed");
        if (!sqlite3_get_autocommit(sqlite->db))
            run(sqlite->rollback);
    }
    return rc;
}

static int sqlite_commit(struct store *store, const struct strato_bytes *batches, size_t count)
{
    struct sqlite *sqlite = sqlite_of(store);
    int rc = cancel_read(&sqlite->cancel, batches, count, sqlite->has_failed);

    if (rc == STRATO_ECODEC) {
        snprintf(store->error, sizeof(store->error), "a batch is not one of the journal's");
        return rc;
    }
    if (rc < 0) {
        snprintf(store->error, sizeof(store->error), "out of memory: nothing was written");
        return STRATO_ESTORE;
    }
    rc = write_all(sqlite);
    sqlite->has_failed = rc < 0;
    return rc;
}

/* ---- scan ---- */

/* Rows that are not to be believed, by the order in which they were met. */
struct suspects {
    struct journal_entry *rows; /* without values */
    size_t count, capacity;
};

static int suspect(struct suspects *suspects, const struct journal_entry *row)
{
    if (suspects->count == suspects->capacity) {
        size_t capacity = suspects->capacity ? suspects->capacity * 2 : 16;
        struct journal_entry *grown = realloc(suspects->rows, capacity * sizeof(*grown));

        if (!grown)
            return STRATO_ENOMEM;
        suspects->rows = grown;
        suspects->capacity = capacity;
    }
    suspects->rows[suspects->count] = *row;
    suspects->rows[suspects->count++].value = STRATO_BYTES_NONE;
    return 0;
}

static int set_aside(struct sqlite *sqlite, const struct journal_entry *row)
{
    char sql[2 * SCHEMA_SQL_BYTES_MAX];
    sqlite3_stmt *s = NULL;
    bool has_rowid = schema_has_rowid(row->table);
    int rc;

    snprintf(sql, sizeof(sql),
             "INSERT INTO quarantine SELECT strftime('%%s', 'now'), '%s', %s, sum, value FROM %s WHERE %s",
             schema_table_name(row->table), has_rowid ? "id >> 47, id & 140737488355327" : "channel, key",
             schema_table_name(row->table), has_rowid ? "id = ?1" : "channel = ?1 AND key = ?2");
    if (sqlite3_prepare_v2(sqlite->db, sql, -1, &s, NULL) != SQLITE_OK)
        return STRATO_ESTORE;
    schema_bind_key(s, row);
    rc = run(s);
    sqlite3_finalize(s);
    if (rc < 0)
        return rc;
    schema_bind_key(sqlite->delete[row->table], row);
    return run(sqlite->delete[row->table]);
}

static int quarantine(struct sqlite *sqlite, const struct suspects *suspects, struct store_findings *findings)
{
    int rc = suspects->count ? run(sqlite->begin) : 0;

    for (size_t i = 0; rc == 0 && i < suspects->count; i++)
        rc = set_aside(sqlite, &suspects->rows[i]);
    if (rc == 0 && suspects->count)
        rc = run(sqlite->commit);
    if (rc < 0) {
        describe(sqlite, "damaged rows could not be set aside");
        if (!sqlite3_get_autocommit(sqlite->db))
            run(sqlite->rollback);
        return rc;
    }
    findings->rows_quarantined = suspects->count;
    if (suspects->count)
        snprintf(findings->detail, sizeof(findings->detail),
                 "%zu rows had a wrong checksum and were moved to the table `quarantine` of " STORE_SQLITE_FILE
                 ": the first was in %s, channel number %u, key %llu",
                 suspects->count, schema_table_name(suspects->rows[0].table), suspects->rows[0].channel,
                 (unsigned long long)suspects->rows[0].key);
    return 0;
}

static int scan_table(struct sqlite *sqlite, enum journal_table table, struct suspects *suspects,
                      int (*fn)(void *arg, const struct journal_entry *entry), void *arg,
                      struct store_findings *findings)
{
    char sql[SCHEMA_SQL_BYTES_MAX];
    struct journal_entry row;
    sqlite3_stmt *s = NULL;
    int rc = 0, step = SQLITE_ERROR;

    schema_scan(table, sql);
    if (sqlite3_prepare_v2(sqlite->db, sql, -1, &s, NULL) == SQLITE_OK) {
        while (rc >= 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
            if (schema_read(s, table, &row)) {
                rc = fn(arg, &row);
                findings->rows++;
            } else {
                rc = suspect(suspects, &row);
            }
        }
    }
    if (rc >= 0 && step != SQLITE_DONE) {
        describe(sqlite, "the store could not be read to its end");
        rc = STRATO_ESTORE;
    }
    sqlite3_finalize(s);
    return rc < 0 ? rc : 0;
}

static int sqlite_scan(struct store *store, int (*fn)(void *arg, const struct journal_entry *entry), void *arg,
                       struct store_findings *findings)
{
    struct sqlite *sqlite = sqlite_of(store);
    struct suspects suspects = { 0 };
    int rc = 0;

    *findings = sqlite->found;
    for (int table = 0; rc == 0 && table < JOURNAL_TABLES; table++)
        rc = scan_table(sqlite, (enum journal_table)table, &suspects, fn, arg, findings);
    if (rc == 0)
        rc = quarantine(sqlite, &suspects, findings);
    free(suspects.rows);
    return rc;
}

/* ---- open and close ---- */

static void sqlite_close(struct store *store)
{
    struct sqlite *sqlite = sqlite_of(store);

    sqlite3_finalize(sqlite->begin);
    sqlite3_finalize(sqlite->commit);
    sqlite3_finalize(sqlite->rollback);
    for (int table = 0; table < JOURNAL_TABLES; table++) {
        sqlite3_finalize(sqlite->put[table]);
        sqlite3_finalize(sqlite->delete[table]);
        sqlite3_finalize(sqlite->drop[table]);
    }
    sqlite3_close(sqlite->db);
    cancel_fini(&sqlite->cancel);
    free(sqlite);
}

static int ask_number(sqlite3 *db, const char *sql, sqlite3_int64 *ret_number)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        *ret_number = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_ERROR : rc;
}

/* Exclusive before the first look at the file: then its index of the log lies in memory, and nobody else gets in. */
static int set_up(struct sqlite *sqlite)
{
    char sql[320];

    snprintf(sql, sizeof(sql),
             "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
             "PRAGMA cell_size_check = ON; PRAGMA wal_autocheckpoint = %d; PRAGMA journal_size_limit = %d;"
             "PRAGMA cache_size = -%d; PRAGMA temp_store = MEMORY; BEGIN EXCLUSIVE; COMMIT;",
             WAL_PAGES, WAL_BYTES_MAX, CACHE_KIB);
    return sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL);
}

/* STRATO_ECONFIG: it is sound, but not for us. */
static int check_version(struct sqlite *sqlite, char *ret_detail, size_t detail_bytes)
{
    sqlite3_int64 application = 0, version = 0, tables = 0;
    char sql[128];
    int rc = ask_number(sqlite->db, "PRAGMA application_id", &application);

    if (rc == SQLITE_OK)
        rc = ask_number(sqlite->db, "PRAGMA user_version", &version);
    if (rc == SQLITE_OK)
        rc = ask_number(sqlite->db, "SELECT count(*) FROM sqlite_schema", &tables);
    if (rc != SQLITE_OK)
        return rc;
    if (tables == 0) {
        snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d;", SCHEMA_APPLICATION_ID,
                 SCHEMA_VERSION);
        rc = sqlite3_exec(sqlite->db, "BEGIN", NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(sqlite->db, schema_create, NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(sqlite->db, "COMMIT", NULL, NULL, NULL);
        return rc;
    }
    if (application == SCHEMA_APPLICATION_ID && version == SCHEMA_VERSION)
        return SQLITE_OK;
    if (application != SCHEMA_APPLICATION_ID)
        snprintf(ret_detail, detail_bytes, STORE_SQLITE_FILE " is another program's database: give another directory");
    else
        snprintf(ret_detail, detail_bytes,
                 STORE_SQLITE_FILE " has schema version %lld and this broker knows %d: run the newer broker",
                 (long long)version, SCHEMA_VERSION);
    return STRATO_ECONFIG;
}

static bool is_ok(sqlite3 *db, int *ret_rc)
{
    sqlite3_stmt *s = NULL;
    bool ok = false;

    *ret_rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &s, NULL);
    if (*ret_rc == SQLITE_OK && (*ret_rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(s, 0);

        ok = text && strcmp(text, "ok") == 0;
        *ret_rc = SQLITE_OK;
    }
    sqlite3_finalize(s);
    return ok;
}

static int prepare(struct sqlite *sqlite)
{
    char sql[SCHEMA_SQL_BYTES_MAX];
    int rc = sqlite3_prepare_v3(sqlite->db, "BEGIN IMMEDIATE", -1, SQLITE_PREPARE_PERSISTENT, &sqlite->begin, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v3(sqlite->db, "COMMIT", -1, SQLITE_PREPARE_PERSISTENT, &sqlite->commit, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v3(sqlite->db, "ROLLBACK", -1, SQLITE_PREPARE_PERSISTENT, &sqlite->rollback, NULL);
    for (int i = 0; rc == SQLITE_OK && i < JOURNAL_TABLES; i++) {
        enum journal_table table = (enum journal_table)i;

        schema_put(table, sql);
        rc = sqlite3_prepare_v3(sqlite->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &sqlite->put[i], NULL);
        schema_delete(table, sql);
        if (rc == SQLITE_OK)
            rc = sqlite3_prepare_v3(sqlite->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &sqlite->delete[i], NULL);
        schema_drop(table, sql);
        if (rc == SQLITE_OK)
            rc = sqlite3_prepare_v3(sqlite->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &sqlite->drop[i], NULL);
    }
    return rc;
}

static bool is_damage(int rc)
{
    return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
}

/* One try. @return an SQLite code, or STRATO_ECONFIG with the detail. */
static int try_open(struct sqlite *sqlite, const char *path, const char *vfs, char *ret_detail, size_t detail_bytes)
{
    int rc = sqlite3_open_v2(path, &sqlite->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, vfs),
        checked;

    if (rc == SQLITE_OK)
        sqlite3_extended_result_codes(sqlite->db, 1);
    if (rc == SQLITE_OK)
        rc = set_up(sqlite);
    if (rc == SQLITE_OK)
        rc = check_version(sqlite, ret_detail, detail_bytes);
    if (rc == SQLITE_OK && !is_ok(sqlite->db, &checked))
        rc = checked == SQLITE_OK ? SQLITE_CORRUPT : checked;
    if (rc == SQLITE_OK)
        rc = prepare(sqlite);
    return rc == SQLITE_ERROR ? SQLITE_CORRUPT : rc; /* its tables are not those that we made */
}

/* ---- the file ---- */

static uint64_t file_bytes(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* A name that no file of the directory has: damaged-20261127T101500Z-0-stratoswarm.db. */
static void name_aside(const char *dir, char name[64])
{
    char stamp[32], path[4200];
    time_t now = time(NULL);
    struct tm utc;

    gmtime_r(&now, &utc);
    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, 64, "damaged-%s-%u-" STORE_SQLITE_FILE, stamp, i);
        snprintf(path, sizeof(path), "%s/%s", dir, name);
        if (access(path, F_OK) < 0)
            return;
    }
}

/* Rename the file and its log. */
static int move_aside(struct sqlite *sqlite, const char *dir, const char *path)
{
    static const char *const tails[] = { "", "-wal" };
    char name[64] = "", from[4200], to[4300] = "";

    name_aside(dir, name);
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        snprintf(from, sizeof(from), "%s%s", path, tails[i]);
        snprintf(to, sizeof(to), "%s/%s%s", dir, name, tails[i]);
        if (rename(from, to) < 0 && !(errno == ENOENT && i > 0))
            return STRATO_ESTORE;
    }
    sqlite->found.is_file_quarantined = true;
    snprintf(
        sqlite->found.detail, sizeof(sqlite->found.detail),
        "the file was damaged and is now %s, with its log; an empty store was begun: see docs/operations.md for what "
        "can be got back",
        name);
    return 0;
}

static int fail(struct sqlite *sqlite, const char *dir, int rc, char *ret_detail, size_t detail_bytes)
{
    if (rc != STRATO_ECONFIG)
        snprintf(ret_detail, detail_bytes, "the store in '%.200s' cannot be opened: %s (SQLite %d): %s", dir,
                 sqlite->db ? sqlite3_errmsg(sqlite->db) : sqlite3_errstr(rc), rc, fix_of(rc));
    sqlite_close(&sqlite->store);
    return STRATO_ESTORE;
}

int store_sqlite_open(const char *dir, const char *vfs, struct store **ret_store, char *ret_detail, size_t detail_bytes)
{
    static const struct store_ops ops = { "sqlite", true, sqlite_commit, sqlite_scan, sqlite_close };
    struct sqlite *sqlite = calloc(1, sizeof(*sqlite));
    char path[4096], wal[4100];
    int rc;

    if (!sqlite)
        return STRATO_ENOMEM;
    sqlite->store.ops = &ops;
    if (snprintf(path, sizeof(path), "%s/" STORE_SQLITE_FILE, dir) >= (int)sizeof(path)) {
        snprintf(ret_detail, detail_bytes, "the path of the data directory is too long");
        sqlite_close(&sqlite->store);
        return STRATO_ESTORE;
    }
    if (!vfs && mkdir(dir, 0700) < 0 && errno != EEXIST) {
        snprintf(ret_detail, detail_bytes, "the data directory '%.200s' cannot be made: %s", dir, strerror(errno));
        sqlite_close(&sqlite->store);
        return STRATO_ESTORE;
    }
    snprintf(wal, sizeof(wal), "%s-wal", path);
    sqlite->found.was_recovered = !vfs && file_bytes(wal) > 0;
    rc = try_open(sqlite, path, vfs, ret_detail, detail_bytes);
    if (is_damage(rc) && !vfs) {
        sqlite3_close(sqlite->db);
        sqlite->db = NULL;
        rc = move_aside(sqlite, dir, path) == 0 ? try_open(sqlite, path, vfs, ret_detail, detail_bytes)
                                                : SQLITE_CANTOPEN;
    }
    if (rc != SQLITE_OK)
        return fail(sqlite, dir, rc, ret_detail, detail_bytes);
    *ret_store = &sqlite->store;
    return 0;
}
