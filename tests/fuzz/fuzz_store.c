/*
 * fuzz_store.c - a damaged file of the store: it is refused, or what is damaged is set aside and said; never used in silence.
 *
 * The file is a genuine one (its log copied into it), of which the input changes bytes: u24 offset, u8 value each.
 *
 * SPDX-License-Identifier: MIT
 */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "broker/store/sqlite.h"
#include "tests/fuzz/fuzz.h"
#include "tests/sim/disk.h"

enum { ROWS = 40, CHANGE_BYTES = 4, IMAGE_BYTES_MAX = 256 * 1024 };

static uint8_t image[IMAGE_BYTES_MAX];
static size_t image_bytes;

/* ---- what was written ---- */

/* Every fourth value does not fit into a page. */
static struct strato_bytes value_of(uint64_t key)
{
    static uint8_t value[6000];

    memset(value, (int)key, sizeof value);
    return strato_bytes(value, key % 4 ? 30 + key : sizeof value);
}

static struct journal_entry row_of(uint64_t n)
{
    return (struct journal_entry){ JOURNAL_PUT, (enum journal_table)(n % JOURNAL_TABLES), 1, n, value_of(n) };
}

/* ---- files on the disk ---- */

static sqlite3_file *file_open(struct disk *disk)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(disk_vfs(disk));
    sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);

    MUST(file);
    MUST(vfs->xOpen(vfs, "d/" STORE_SQLITE_FILE, file, SQLITE_OPEN_CREATE | SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB,
                    NULL) == SQLITE_OK);
    return file;
}

static void make_image(void)
{
    struct disk *disk = disk_new(1);
    struct store *store = NULL;
    struct strato_writer w = { 0 };
    struct strato_bytes batch;
    sqlite3_file *file;
    sqlite3_int64 bytes;
    char detail[512];

    MUST(store_sqlite_open("d", disk_vfs(disk), &store, detail, sizeof detail) == 0);
    for (uint64_t n = 0; n < ROWS; n++) {
        struct journal_entry row = row_of(n);

        MUST(journal_write(&w, &row) == 0);
    }
    batch = strato_writer_view(&w);
    MUST(store_commit(store, &batch, 1) == 0);
    store_close(&store);
    strato_writer_fini(&w);
    file = file_open(disk);
    MUST(file->pMethods->xFileSize(file, &bytes) == SQLITE_OK && bytes > 0 && bytes <= IMAGE_BYTES_MAX);
    image_bytes = (size_t)bytes;
    MUST(file->pMethods->xRead(file, image, (int)bytes, 0) == SQLITE_OK);
    free(file);
    disk_free(disk);
}

static void put_image(struct disk *disk, const uint8_t *changes, size_t count)
{
    sqlite3_file *file = file_open(disk);

    MUST(file->pMethods->xWrite(file, image, (int)image_bytes, 0) == SQLITE_OK);
    for (size_t c = 0; c < count; c++) {
        const uint8_t *change = changes + c * CHANGE_BYTES;
        size_t at = (size_t)(change[0] | change[1] << 8 | change[2] << 16) % image_bytes;

        MUST(file->pMethods->xWrite(file, change + 3, 1, (sqlite3_int64)at) == SQLITE_OK);
    }
    free(file);
}

/* ---- the oracle ---- */

static int see_row(void *arg, const struct journal_entry *row)
{
    struct journal_entry genuine;

    (void)arg;
    MUST(row->verb == JOURNAL_PUT && row->channel == 1 && row->key < ROWS);
    genuine = row_of(row->key);
    MUST(row->table == genuine.table);
    MUST(strato_bytes_equal(row->value, genuine.value));
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct store *store = NULL;
    struct store_findings found;
    struct disk *disk;
    char detail[512] = "";

    if (!image_bytes)
        make_image();
    disk = disk_new(1);
    put_image(disk, data, bytes / CHANGE_BYTES);
    if (store_sqlite_open("d", disk_vfs(disk), &store, detail, sizeof detail) < 0) {
        MUST(detail[0]);
    } else {
        int rc = store_scan(store, see_row, NULL, &found);

        MUST(rc == 0 || store_error(store)[0]);
        if (rc == 0 && found.rows_quarantined == 0)
            MUST(found.rows == ROWS);
        MUST(rc < 0 || found.rows_quarantined == 0 || found.detail[0]);
        store_close(&store);
    }
    disk_free(disk);
    return 0;
}
