/*
 * test_store.c - what any store must do. A further store is one row in the table.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/store/memory.h"
#include "broker/store/sqlite.h"
#include "tests/lib/folder.h"
#include "tests/unit/broker/store/rows.h"

static int open_memory(const char *dir, struct store **ret_store)
{
    (void)dir;
    return store_memory_open(ret_store);
}

static int open_sqlite(const char *dir, struct store **ret_store)
{
    char detail[512];
    int rc = store_sqlite_open(dir, NULL, ret_store, detail, sizeof(detail));

    if (rc < 0)
        fail_msg("%s", detail);
    return rc;
}

static const struct kind {
    const char *name;
    int (*open)(const char *dir, struct store **ret_store);
    bool outlives_close;
} kinds[] = {
    { "memory", open_memory, false },
    { "sqlite", open_sqlite, true },
};

/* One store of every kind, each in a folder of its own. */
struct bench {
    const struct kind *kind;
    char dir[FOLDER_BYTES_MAX];
    struct store *store;
};

static void begin(struct bench *b, size_t kind)
{
    *b = (struct bench){ .kind = &kinds[kind] };
    folder_make(b->dir);
    assert_int_equal(b->kind->open(b->dir, &b->store), 0);
    assert_string_equal(b->store->ops->name, b->kind->name);
}

static void end(struct bench *b)
{
    store_close(&b->store);
    assert_null(b->store);
    folder_remove(b->dir);
}

static void reopen(struct bench *b)
{
    if (!b->kind->outlives_close)
        return;
    store_close(&b->store);
    assert_int_equal(b->kind->open(b->dir, &b->store), 0);
}

#define EACH_STORE(b)                                                                                                  \
    struct bench b;                                                                                                    \
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]) && (begin(&(b), kind), 1); end(&(b)), kind++)

static void a_new_one_is_empty(void **state)
{
    (void)state;
    EACH_STORE(b)
    {
        rows_are(b.store, "");
    }
}

static void rows_come_back_by_table_channel_and_key(void **state)
{
    (void)state;
    EACH_STORE(b)
    {
        struct rows rows = { 0 };

        rows_put(&rows, JOURNAL_IDS, 2, 1, "id");
        rows_put(&rows, JOURNAL_MESSAGES, 2, 9, "b9");
        rows_put(&rows, JOURNAL_MESSAGES, 10, 1, "c");
        rows_put(&rows, JOURNAL_MESSAGES, 2, 10, "b10");
        rows_put(&rows, JOURNAL_DEADLETTERS, 2, 3, "dead");
        rows_put(&rows, JOURNAL_CHANNELS, 2, 0, "name");
        rows_put(&rows, JOURNAL_CHANNELS, 0, 4, "rule");
        rows_put(&rows, JOURNAL_ATTEMPTS, 2, 9, "1");
        rows_put(&rows, JOURNAL_COUNTS, 2, 0, "");
        assert_int_equal(rows_commit(&rows, b.store), 0);
        reopen(&b);
        rows_are(b.store, "0/0/4=rule 0/2/0=name 1/2/0= 2/2/9=b9 2/2/10=b10 2/10/1=c 3/2/9=1 4/2/3=dead 5/2/1=id");
    }
}

static void numbers_at_their_ends_come_back(void **state)
{
    (void)state;
    EACH_STORE(b)
    {
        struct rows rows = { 0 };

        rows_put(&rows, JOURNAL_MESSAGES, JOURNAL_CHANNEL_MAX, JOURNAL_SEQ_MAX, "last");
        rows_put(&rows, JOURNAL_MESSAGES, 0, 0, "first");
        rows_put(&rows, JOURNAL_DEADLETTERS, JOURNAL_CHANNEL_MAX, UINT64_MAX, "z");
        rows_put(&rows, JOURNAL_DEADLETTERS, JOURNAL_CHANNEL_MAX, INT64_MAX, "y");
        rows_put(&rows, JOURNAL_DEADLETTERS, JOURNAL_CHANNEL_MAX, 0, "x");
        assert_int_equal(rows_commit(&rows, b.store), 0);
        reopen(&b);
        rows_are(b.store, "2/0/0=first 2/65535/140737488355327=last 4/65535/0=x 4/65535/9223372036854775807=y "
                          "4/65535/18446744073709551615=z");
    }
}

static void a_put_replaces_and_a_delete_of_nothing_is_no_error(void **state)
{
    (void)state;
    EACH_STORE(b)
    {
        struct rows rows = { 0 };

        rows_put(&rows, JOURNAL_ATTEMPTS, 1, 1, "old");
        assert_int_equal(rows_commit(&rows, b.store), 0);
        rows_put(&rows, JOURNAL_ATTEMPTS, 1, 1, "new");
        rows_delete(&rows, JOURNAL_ATTEMPTS, 1, 2);
        rows_delete(&rows, JOURNAL_IDS, 7, 2);
        assert_int_equal(rows_commit(&rows, b.store), 0);
        reopen(&b);
        rows_are(b.store, "3/1/1=new");
    }
}

static void the_last_word_on_a_row_counts(void **state)
{
    (void)state;
    EACH_STORE(b)
    {
        struct rows rows = { 0 };

        rows_put(&rows, JOURNAL_COUNTS, 1, 0, "one");
        rows_delete(&rows, JOURNAL_COUNTS, 1, 0);
        rows_put(&rows, JOURNAL_COUNTS, 1, 0, "two");
        rows_put(&rows, JOURNAL_MESSAGES, 1, 5, "settled before it was written");
        rows_put(&rows, JOURNAL_ATTEMPTS, 1, 5, "1");
        rows_delete(&rows, JOURNAL_MESSAGES, 1, 5);
        rows_delete(&rows, JOURNAL_ATTEMPTS, 1, 5);
        assert_int_equal(rows_commit(&rows, b.store), 0);
        reopen(&b);
        rows_are(b.store, "1/1/0=two");
    }
}

static void a_dropped_channel_leaves_nothing_and_its_number_may_be_used_again(void **state)
{
    (void)state;
    EACH_STORE(b)
    {
        struct rows rows = { 0 };

        for (uint32_t channel = 1; channel <= 3; channel++) {
            for (int table = 0; table < JOURNAL_TABLES; table++)
                rows_put(&rows, (enum journal_table)table, channel, 1, "old");
        }
        assert_int_equal(rows_commit(&rows, b.store), 0);
        rows_put(&rows, JOURNAL_MESSAGES, 2, 2, "late");
        rows_drop(&rows, 2);
        rows_put(&rows, JOURNAL_CHANNELS, 2, 0, "new");
        rows_put(&rows, JOURNAL_MESSAGES, 2, 1, "new");
        rows_drop(&rows, 3);
        rows_drop(&rows, 9);
        assert_int_equal(rows_commit(&rows, b.store), 0);
        reopen(&b);
        rows_are(b.store, "0/1/1=old 0/2/0=new 1/1/1=old 2/1/1=old 2/2/1=new 3/1/1=old 4/1/1=old 5/1/1=old");
    }
}

static void several_batches_are_one_commit_in_their_order(void **state)
{
    (void)state;
    EACH_STORE(b)
    {
        struct rows rows[3] = { 0 };
        struct strato_bytes batches[3];

        rows_put(&rows[0], JOURNAL_IDS, 1, 1, "a");
        rows_put(&rows[1], JOURNAL_IDS, 1, 2, "b");
        rows_delete(&rows[2], JOURNAL_IDS, 1, 1);
        for (int i = 0; i < 3; i++)
            batches[i] = strato_writer_view(&rows[i].w);
        assert_int_equal(store_commit(b.store, batches, 3), 0);
        for (int i = 0; i < 3; i++)
            strato_writer_fini(&rows[i].w);
        reopen(&b);
        rows_are(b.store, "5/1/2=b");
    }
}

static void of_a_commit_with_a_bad_batch_nothing_is_applied(void **state)
{
    (void)state;
    EACH_STORE(b)
    {
        struct rows rows = { 0 }, whole = { 0 };
        struct strato_bytes batches[2];

        rows_put(&rows, JOURNAL_IDS, 1, 1, "kept");
        assert_int_equal(rows_commit(&rows, b.store), 0);
        rows_put(&whole, JOURNAL_IDS, 1, 2, "good");
        rows_put(&rows, JOURNAL_IDS, 1, 3, "cut");
        batches[0] = strato_writer_view(&whole.w);
        batches[1] = strato_bytes(rows.w.data, rows.w.bytes - 1);
        assert_int_equal(store_commit(b.store, batches, 2), STRATO_ECODEC);
        assert_string_not_equal(store_error(b.store), "");
        strato_writer_fini(&rows.w);
        strato_writer_fini(&whole.w);
        rows_are(b.store, "5/1/1=kept");
        rows_put(&rows, JOURNAL_IDS, 1, 4, "after");
        assert_int_equal(rows_commit(&rows, b.store), 0);
        rows_are(b.store, "5/1/1=kept 5/1/4=after");
    }
}

static void an_empty_commit_is_one(void **state)
{
    (void)state;
    EACH_STORE(b)
    {
        const struct strato_bytes none = STRATO_BYTES_NONE;

        assert_int_equal(store_commit(b.store, &none, 1), 0);
        assert_int_equal(store_commit(b.store, NULL, 0), 0);
        rows_are(b.store, "");
    }
}

static void a_large_value_and_one_with_zeros_come_back(void **state)
{
    (void)state;
    EACH_STORE(b)
    {
        const size_t bytes = 5 * 1024 * 1024 + 3;
        uint8_t *value = calloc(1, bytes);
        struct journal_entry entry = { JOURNAL_PUT, JOURNAL_MESSAGES, 1, 1, { value, bytes } };
        struct rows rows = { 0 };

        assert_non_null(value);
        assert_int_equal(journal_write(&rows.w, &entry), 0);
        assert_int_equal(rows_commit(&rows, b.store), 0);
        reopen(&b);
        rows_are(b.store, "2/1/1=(5242883 bytes)");
        free(value);
    }
}

static int stop_at_second(void *arg, const struct journal_entry *row)
{
    int *seen = arg;

    (void)row;
    return ++*seen == 2 ? STRATO_ENOMEM : 0;
}

static void a_scan_ends_when_its_reader_says_so(void **state)
{
    (void)state;
    EACH_STORE(b)
    {
        struct store_findings findings;
        struct rows rows = { 0 };
        int seen = 0;

        for (uint64_t key = 1; key <= 3; key++)
            rows_put(&rows, JOURNAL_IDS, 1, key, "x");
        assert_int_equal(rows_commit(&rows, b.store), 0);
        assert_int_equal(store_scan(b.store, stop_at_second, &seen, &findings), STRATO_ENOMEM);
        assert_int_equal(seen, 2);
    }
}

static void findings_count_what_was_read(void **state)
{
    (void)state;
    EACH_STORE(b)
    {
        struct store_findings findings;
        struct rows rows = { 0 };

        for (uint64_t key = 1; key <= 3; key++)
            rows_put(&rows, JOURNAL_IDS, 1, key, "x");
        assert_int_equal(rows_commit(&rows, b.store), 0);
        free(rows_scan(b.store, &findings));
        assert_int_equal(findings.rows, 3);
        assert_int_equal(findings.rows_quarantined, 0);
        assert_false(findings.is_file_quarantined);
        assert_string_equal(findings.detail, "");
    }
}

/* The store against the simplest thing that could be right, over many random batches. */
static void random_batches_leave_the_same_rows_as_in_the_reference(void **state)
{
    (void)state;
    EACH_STORE(b)
    {
        struct store *reference = NULL;
        struct store_findings findings;
        uint64_t random = 88172645463325252u;

        assert_int_equal(store_memory_open(&reference), 0);
        for (int turn = 0; turn < 200; turn++) {
            struct rows rows = { 0 };
            struct strato_bytes batch;

            for (int i = 0; i < 20; i++) {
                uint32_t channel;
                uint64_t key;
                enum journal_table table;

                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                channel = (uint32_t)(random >> 8) % 4;
                key = (random >> 16) % 8;
                table = (enum journal_table)((random >> 24) % JOURNAL_TABLES);
                if (table == JOURNAL_MESSAGES) /* a seq is used once */
                    key = (uint64_t)turn * 20 + (uint64_t)i -
                          ((random >> 40) % 30 < (uint64_t)turn ? (random >> 40) % 30 : 0);
                if (random % 50 == 0)
                    rows_drop(&rows, channel);
                else if (random % 3 == 0 || (table == JOURNAL_MESSAGES && key != (uint64_t)turn * 20 + (uint64_t)i))
                    rows_delete(&rows, table, channel, key);
                else
                    rows_put(&rows, table, channel, key, random % 2 ? "even" : "odd");
            }
            batch = strato_writer_view(&rows.w);
            assert_int_equal(store_commit(reference, &batch, 1), 0);
            assert_int_equal(rows_commit(&rows, b.store), 0);
            if (turn % 40 == 0)
                reopen(&b);
        }
        {
            char *expected = rows_scan(reference, &findings), *got;

            reopen(&b);
            got = rows_scan(b.store, &findings);
            assert_string_equal(got, expected);
            free(got);
            free(expected);
        }
        store_close(&reference);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_one_is_empty),
        cmocka_unit_test(rows_come_back_by_table_channel_and_key),
        cmocka_unit_test(numbers_at_their_ends_come_back),
        cmocka_unit_test(a_put_replaces_and_a_delete_of_nothing_is_no_error),
        cmocka_unit_test(the_last_word_on_a_row_counts),
        cmocka_unit_test(a_dropped_channel_leaves_nothing_and_its_number_may_be_used_again),
        cmocka_unit_test(several_batches_are_one_commit_in_their_order),
        cmocka_unit_test(of_a_commit_with_a_bad_batch_nothing_is_applied),
        cmocka_unit_test(an_empty_commit_is_one),
        cmocka_unit_test(a_large_value_and_one_with_zeros_come_back),
        cmocka_unit_test(a_scan_ends_when_its_reader_says_so),
        cmocka_unit_test(findings_count_what_was_read),
        cmocka_unit_test(random_batches_leave_the_same_rows_as_in_the_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
