/*
 * rows.c - see rows.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/broker/store/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void write_entry(struct rows *rows, const struct journal_entry *entry)
{
    assert_int_equal(journal_write(&rows->w, entry), 0);
}

void rows_put(struct rows *rows, enum journal_table table, uint32_t channel, uint64_t key, const char *value)
{
    write_entry(rows, &(struct journal_entry){ JOURNAL_PUT, table, channel, key, strato_text(value) });
}

void rows_delete(struct rows *rows, enum journal_table table, uint32_t channel, uint64_t key)
{
    write_entry(rows, &(struct journal_entry){ JOURNAL_DELETE, table, channel, key, STRATO_BYTES_NONE });
}

void rows_drop(struct rows *rows, uint32_t channel)
{
    write_entry(rows, &(struct journal_entry){ JOURNAL_DROP_CHANNEL, 0, channel, 0, STRATO_BYTES_NONE });
}

int rows_commit(struct rows *rows, struct store *store)
{
    struct strato_bytes batch = strato_writer_view(&rows->w);
    int rc = store_commit(store, &batch, 1);

    strato_writer_fini(&rows->w);
    return rc;
}

static int add_row(void *arg, const struct journal_entry *row)
{
    FILE *out = arg;

    assert_int_equal(row->verb, JOURNAL_PUT);
    fprintf(out, "%s%d/%u/%llu=", ftell(out) ? " " : "", (int)row->table, row->channel, (unsigned long long)row->key);
    if (row->value.bytes && row->value.bytes <= 64)
        fwrite(row->value.data, 1, row->value.bytes, out);
    else if (row->value.bytes)
        fprintf(out, "(%zu bytes)", row->value.bytes);
    return 0;
}

char *rows_scan(struct store *store, struct store_findings *ret_findings)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    assert_non_null(out);
    if (store_scan(store, add_row, out, ret_findings) < 0)
        fail_msg("scan: %s", store_error(store));
    fclose(out);
    return text;
}

void rows_are(struct store *store, const char *expected)
{
    struct store_findings findings;
    char *text = rows_scan(store, &findings);

    assert_string_equal(text, expected);
    free(text);
}
