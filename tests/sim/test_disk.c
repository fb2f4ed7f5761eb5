/*
 * test_disk.c - what the simulated disk keeps, and that the real store loses nothing on it that it has confirmed.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "broker/store/sqlite.h"
#include "tests/sim/disk.h"
#include "tests/unit/broker/store/rows.h"

enum { SEEDS = 60, BATCHES = 12 };

/* ---- the disk itself ----------------------------------------------------------------------------- */

struct bare {
    sqlite3_vfs *vfs;
    sqlite3_file *file;
};

static void bare_open(struct bare *bare, struct disk *disk)
{
    bare->vfs = sqlite3_vfs_find(disk_vfs(disk));
    bare->file = calloc(1, (size_t)bare->vfs->szOsFile);
    assert_non_null(bare->file);
    assert_int_equal(bare->vfs->xOpen(bare->vfs, "f", bare->file,
                                      SQLITE_OPEN_CREATE | SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL, NULL),
                     SQLITE_OK);
}

static void bare_close(struct bare *bare)
{
    free(bare->file);
}

/* One letter over 1,024 bytes: two sectors. */
static int bare_write(struct bare *bare, char letter, sqlite3_int64 at)
{
    char data[1024];

    memset(data, letter, sizeof(data));
    return bare->file->pMethods->xWrite(bare->file, data, sizeof(data), at);
}

static int bare_sync(struct bare *bare)
{
    return bare->file->pMethods->xSync(bare->file, SQLITE_SYNC_NORMAL);
}

static void what_was_synced_survives_a_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct disk *disk = disk_new(seed);
        struct bare bare;
        char got[1024];

        bare_open(&bare, disk);
        assert_int_equal(bare_write(&bare, 'a', 0), SQLITE_OK);
        assert_int_equal(bare_sync(&bare), SQLITE_OK);
        disk_cut(disk);
        assert_int_not_equal(bare.file->pMethods->xRead(bare.file, got, sizeof(got), 0), SQLITE_OK);
        bare_close(&bare);
        bare_open(&bare, disk);
        assert_int_equal(bare.file->pMethods->xRead(bare.file, got, sizeof(got), 0), SQLITE_OK);
        for (size_t i = 0; i < sizeof(got); i++)
            assert_int_equal(got[i], 'a');
        bare_close(&bare);
        disk_free(disk);
    }
}

/* Two writes that nobody synced: over many seeds every combination of kept, lost and torn comes up. */
static void what_was_not_synced_is_lost_torn_and_reordered(void **state)
{
    bool is_lost = false, is_torn = false, is_reordered = false, is_kept = false;

    (void)state;
    for (uint64_t seed = 1; seed <= 40 * SEEDS; seed++) {
        struct disk *disk = disk_new(seed);
        struct bare bare;
        char got[3072] = "";

        bare_open(&bare, disk);
        assert_int_equal(bare_write(&bare, '-', 0), SQLITE_OK);
        assert_int_equal(bare_write(&bare, '-', 1024), SQLITE_OK);
        assert_int_equal(bare_sync(&bare), SQLITE_OK);
        assert_int_equal(bare_write(&bare, 'a', 0), SQLITE_OK);
        assert_int_equal(bare_write(&bare, 'b', 1024), SQLITE_OK);
        disk_cut(disk);
        bare_close(&bare);
        bare_open(&bare, disk);
        assert_int_equal(bare.file->pMethods->xRead(bare.file, got, 2048, 0), SQLITE_OK);
        is_lost |= got[0] == '-' && got[512] == '-' && got[1024] == '-' && got[1536] == '-';
        is_kept |= got[0] == 'a' && got[512] == 'a' && got[1024] == 'b' && got[1536] == 'b';
        is_torn |= got[0] != got[512];
        is_reordered |= got[0] == '-' && got[512] == '-' && got[1024] == 'b' && got[1536] == 'b';
        for (size_t i = 0; i < 2048; i++)
            assert_true(got[i] == '-' || got[i] == (i < 1024 ? 'a' : 'b'));
        bare_close(&bare);
        disk_free(disk);
    }
    assert_true(is_lost && is_kept && is_torn && is_reordered);
}

static void a_full_disk_takes_no_longer_file_but_writes_over_what_is_there(void **state)
{
    struct disk *disk = disk_new(1);
    struct bare bare;

    (void)state;
    bare_open(&bare, disk);
    assert_int_equal(bare_write(&bare, 'a', 0), SQLITE_OK);
    disk_trouble(disk, DISK_FULL);
    assert_int_equal(bare_write(&bare, 'b', 0), SQLITE_OK);
    assert_int_equal(bare_write(&bare, 'c', 1024), SQLITE_FULL);
    disk_trouble(disk, DISK_GOOD);
    assert_int_equal(bare_write(&bare, 'c', 1024), SQLITE_OK);
    bare_close(&bare);
    disk_free(disk);
}

/* ---- the real store on it ------------------------------------------------------------------------ */

static int open_on(struct disk *disk, struct store **ret_store)
{
    char detail[512] = "";
    int rc = store_sqlite_open("d", disk_vfs(disk), ret_store, detail, sizeof(detail));

    if (rc < 0 && !disk_is_off(disk))
        fail_msg("%s", detail);
    return rc;
}

/* Batch n puts two messages and deletes one of the batch before: a store has all of it or nothing. */
static int commit_batch(struct store *store, uint64_t n)
{
    struct rows rows = { 0 };
    char value[3000];

    memset(value, 'a' + (int)(n % 26), sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    rows_put(&rows, JOURNAL_MESSAGES, 1, 2 * n, value);
    rows_put(&rows, JOURNAL_MESSAGES, 1, 2 * n + 1, "x");
    if (n)
        rows_delete(&rows, JOURNAL_MESSAGES, 1, 2 * n - 1);
    return rows_commit(&rows, store);
}

struct seen {
    uint64_t big, small, last;
};

static int see(void *arg, const struct journal_entry *row)
{
    struct seen *seen = arg;

    if (row->key % 2 == 0) {
        assert_int_equal(row->key, 2 * seen->big);
        assert_int_equal(row->value.bytes, 2999);
        seen->big++;
    } else {
        seen->small++;
        seen->last = row->key;
    }
    return 0;
}

/* @return how many batches are in it, each of them whole. */
static uint64_t batches_in(struct store *store)
{
    struct store_findings found;
    struct seen seen = { 0 };

    if (store_scan(store, see, &seen, &found) < 0)
        fail_msg("%s", store_error(store));
    assert_int_equal(found.rows_quarantined, 0);
    assert_false(found.is_file_quarantined);
    assert_int_equal(seen.small, seen.big ? 1 : 0);
    if (seen.big)
        assert_int_equal(seen.last, 2 * seen.big - 1);
    return seen.big;
}

/* The power goes at every single operation that opening, twelve commits and closing make, once for each seed. */
static void a_cut_at_any_operation_loses_no_confirmed_batch_and_leaves_none_in_part(void **state)
{
    uint64_t cuts = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        bool is_cut = true;

        for (uint64_t at = 1; is_cut; at++) {
            struct disk *disk = disk_new(seed * 1000003 + at);
            struct store *store = NULL;
            uint64_t confirmed = 0, tried = 0, there;

            disk_cut_in(disk, at);
            if (open_on(disk, &store) == 0) {
                for (; tried < BATCHES && !disk_is_off(disk); tried++)
                    confirmed += commit_batch(store, tried) == 0;
                store_close(&store); /* copies the log into the file, unless the power is gone */
            }
            is_cut = disk_is_off(disk);
            cuts += is_cut;
            disk_cut(disk);
            assert_int_equal(open_on(disk, &store), 0);
            there = batches_in(store);
            assert_in_range(there, confirmed, tried);
            assert_int_equal(commit_batch(store, there), 0);
            store_close(&store);
            disk_free(disk);
        }
    }
    assert_true(cuts > 100);
}

static void a_commit_that_a_disk_refused_is_made_again_when_there_is_room(void **state)
{
    static const enum disk_trouble troubles[] = { DISK_FULL, DISK_SYNC_FAILS };

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct disk *disk = disk_new(seed);
        struct store *store = NULL;
        uint64_t confirmed = 0;

        assert_int_equal(open_on(disk, &store), 0);
        for (uint64_t i = 0; i < BATCHES; i++) {
            disk_trouble(disk, i % 3 == 1 ? troubles[seed % 2] : DISK_GOOD);
            if (i % 3 == 1)
                assert_int_equal(commit_batch(store, confirmed), STRATO_ESTORE);
            else if (commit_batch(store, confirmed) == 0)
                confirmed++;
            else
                fail_msg("%s", store_error(store));
        }
        assert_int_equal(batches_in(store), confirmed);
        disk_cut(disk);
        store_close(&store);
        assert_int_equal(open_on(disk, &store), 0);
        assert_int_equal(batches_in(store), confirmed);
        store_close(&store);
        disk_free(disk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_synced_survives_a_cut),
        cmocka_unit_test(what_was_not_synced_is_lost_torn_and_reordered),
        cmocka_unit_test(a_full_disk_takes_no_longer_file_but_writes_over_what_is_there),
        cmocka_unit_test(a_cut_at_any_operation_loses_no_confirmed_batch_and_leaves_none_in_part),
        cmocka_unit_test(a_commit_that_a_disk_refused_is_made_again_when_there_is_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
