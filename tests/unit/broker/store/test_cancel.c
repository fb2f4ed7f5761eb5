/*
 * test_cancel.c - what a commit need not write, and what it must.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/store/cancel.h"
#include "tests/unit/broker/store/rows.h"

/* What is left to write, as "+table/channel/key" and "-..." and "!channel". */
static void left_are(struct rows *rows, bool keeps_births, const char *expected)
{
    struct cancel cancel = { 0 };
    struct strato_bytes batch = strato_writer_view(&rows->w);
    char text[512] = "";
    size_t used = 0;

    assert_int_equal(cancel_read(&cancel, &batch, 1, keeps_births), 0);
    for (size_t i = 0; i < cancel.count; i++) {
        const struct journal_entry *e = &cancel.entries[i].entry;

        if (cancel.entries[i].is_void)
            continue;
        if (e->verb == JOURNAL_DROP_CHANNEL)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s!%u", used ? " " : "", e->channel);
        else
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%c%d/%u/%llu", used ? " " : "",
                                     e->verb == JOURNAL_PUT ? '+' : '-', (int)e->table, e->channel,
                                     (unsigned long long)e->key);
    }
    assert_string_equal(text, expected);
    cancel_fini(&cancel);
    strato_writer_fini(&rows->w);
}

static void a_message_settled_in_its_commit_is_never_written(void **state)
{
    struct rows rows = { 0 };

    (void)state;
    rows_put(&rows, JOURNAL_MESSAGES, 1, 7, "m");
    rows_put(&rows, JOURNAL_COUNTS, 1, 0, "c");
    rows_put(&rows, JOURNAL_ATTEMPTS, 1, 7, "1");
    rows_delete(&rows, JOURNAL_MESSAGES, 1, 7);
    rows_delete(&rows, JOURNAL_ATTEMPTS, 1, 7);
    rows_put(&rows, JOURNAL_COUNTS, 1, 0, "c");
    left_are(&rows, false, "+1/1/0");
}

static void after_a_failed_commit_its_end_is_written_all_the_same(void **state)
{
    struct rows rows = { 0 };

    (void)state;
    rows_put(&rows, JOURNAL_MESSAGES, 1, 7, "m");
    rows_put(&rows, JOURNAL_ATTEMPTS, 1, 7, "1");
    rows_delete(&rows, JOURNAL_MESSAGES, 1, 7);
    rows_delete(&rows, JOURNAL_ATTEMPTS, 1, 7);
    left_are(&rows, true, "-2/1/7 -3/1/7");
}

static void the_end_of_an_older_message_is_written(void **state)
{
    struct rows rows = { 0 };

    (void)state;
    rows_put(&rows, JOURNAL_ATTEMPTS, 1, 7, "1");
    rows_delete(&rows, JOURNAL_MESSAGES, 1, 7);
    rows_delete(&rows, JOURNAL_ATTEMPTS, 1, 7);
    left_are(&rows, false, "-2/1/7 -3/1/7");
}

static void a_message_of_the_same_seq_in_another_channel_is_another(void **state)
{
    struct rows rows = { 0 };

    (void)state;
    rows_put(&rows, JOURNAL_MESSAGES, 1, 7, "m");
    rows_delete(&rows, JOURNAL_MESSAGES, 2, 7);
    rows_delete(&rows, JOURNAL_ATTEMPTS, 2, 7);
    left_are(&rows, false, "+2/1/7 -2/2/7 -3/2/7");
}

static void a_dead_letter_is_no_message_and_leaves_its_trace(void **state)
{
    struct rows rows = { 0 };

    (void)state;
    rows_put(&rows, JOURNAL_DEADLETTERS, 1, 1, "d");
    rows_delete(&rows, JOURNAL_DEADLETTERS, 1, 1);
    left_are(&rows, false, "-4/1/1");
}

static void what_was_said_before_a_drop_is_void_and_what_follows_is_not(void **state)
{
    struct rows rows = { 0 };

    (void)state;
    rows_put(&rows, JOURNAL_MESSAGES, 1, 7, "m");
    rows_put(&rows, JOURNAL_MESSAGES, 2, 7, "m");
    rows_drop(&rows, 1);
    rows_put(&rows, JOURNAL_MESSAGES, 1, 7, "again");
    rows_put(&rows, JOURNAL_CHANNELS, 1, 0, "n");
    left_are(&rows, false, "+2/2/7 !1 +2/1/7 +0/1/0");
}

static void what_is_no_batch_is_said(void **state)
{
    struct cancel cancel = { 0 };
    const struct strato_bytes batch = strato_bytes((const uint8_t *)"nonsense", 8);

    (void)state;
    assert_int_equal(cancel_read(&cancel, &batch, 1, false), STRATO_ECODEC);
    assert_int_equal(cancel.count, 0);
    cancel_fini(&cancel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_settled_in_its_commit_is_never_written),
        cmocka_unit_test(after_a_failed_commit_its_end_is_written_all_the_same),
        cmocka_unit_test(the_end_of_an_older_message_is_written),
        cmocka_unit_test(a_message_of_the_same_seq_in_another_channel_is_another),
        cmocka_unit_test(a_dead_letter_is_no_message_and_leaves_its_trace),
        cmocka_unit_test(what_was_said_before_a_drop_is_void_and_what_follows_is_not),
        cmocka_unit_test(what_is_no_batch_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
