/*
 * test_journal.c - a batch is read back as it was written, and nothing else is a batch.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/brain/journal.h"

static const struct journal_entry written[] = {
    { JOURNAL_PUT, JOURNAL_MESSAGES, 1, 7, { (const uint8_t *)"seven", 5 } },
    { JOURNAL_DELETE, JOURNAL_MESSAGES, JOURNAL_CHANNEL_MAX, JOURNAL_SEQ_MAX, { 0 } },
    { JOURNAL_DROP_CHANNEL, JOURNAL_CHANNELS, 3, 0, { 0 } },
    { JOURNAL_PUT, JOURNAL_IDS, 2, UINT64_C(0x0102030405060708), { 0 } },
};
enum { WRITTEN = sizeof(written) / sizeof(written[0]) };

static struct strato_writer write_all(void)
{
    struct strato_writer w = { 0 };

    for (size_t i = 0; i < WRITTEN; i++)
        assert_int_equal(journal_write(&w, &written[i]), 0);
    return w;
}

static void a_batch_is_read_as_it_was_written(void **state)
{
    struct strato_writer w = write_all();
    struct strato_bytes left = strato_writer_view(&w);
    struct journal_entry entry;

    (void)state;
    for (size_t i = 0; i < WRITTEN; i++) {
        assert_int_equal(journal_next(&left, &entry), 1);
        assert_int_equal(entry.verb, written[i].verb);
        assert_int_equal(entry.table, written[i].table);
        assert_int_equal(entry.channel, written[i].channel);
        assert_true(entry.key == written[i].key);
        assert_true(strato_bytes_equal(entry.value, written[i].value));
    }
    assert_int_equal(journal_next(&left, &entry), 0);
    strato_writer_fini(&w);
}

static void a_cut_batch_ends_in_an_error_at_every_byte_but_the_seams(void **state)
{
    struct strato_writer w = write_all();
    struct strato_bytes whole = strato_writer_view(&w);
    unsigned seams = 0;

    (void)state;
    for (size_t cut = 0; cut < whole.bytes; cut++) {
        struct strato_bytes left = strato_bytes(whole.data, cut);
        struct journal_entry entry;
        int rc;

        while ((rc = journal_next(&left, &entry)) == 1)
            ;
        assert_true(rc == 0 || rc == STRATO_ECODEC);
        seams += rc == 0;
    }
    assert_int_equal(seams, WRITTEN);
    strato_writer_fini(&w);
}

static void numbers_out_of_range_are_no_entry(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
    } changes[] = {
        { 0, JOURNAL_DROP_CHANNEL + 1 }, { 1, JOURNAL_TABLES }, { 5, 2 }, { 4, 1 }, { 13, 1 }, { 14, 6 }, { 17, 0xff }
    };

    (void)state;
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct strato_writer w = { 0 };
        struct strato_bytes left;
        struct journal_entry entry;

        assert_int_equal(journal_write(&w, &written[0]), 0);
        w.data[changes[i].at] = changes[i].value;
        left = strato_writer_view(&w);
        assert_int_equal(journal_next(&left, &entry), STRATO_ECODEC);
        assert_int_equal(left.bytes, w.bytes);
        strato_writer_fini(&w);
    }
}

static void numbers_out_of_range_are_not_written(void **state)
{
    static const struct journal_entry wrong[] = {
        { JOURNAL_PUT, JOURNAL_IDS, JOURNAL_CHANNEL_MAX + 1, 1, { 0 } },
        { JOURNAL_PUT, JOURNAL_MESSAGES, 1, JOURNAL_SEQ_MAX + 1, { 0 } },
        { JOURNAL_DELETE, JOURNAL_ATTEMPTS, 1, JOURNAL_SEQ_MAX + 1, { 0 } },
    };
    struct strato_writer w = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(journal_write(&w, &wrong[i]), STRATO_ELIMIT);
    assert_int_equal(w.bytes, 0);
    strato_writer_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_read_as_it_was_written),
        cmocka_unit_test(a_cut_batch_ends_in_an_error_at_every_byte_but_the_seams),
        cmocka_unit_test(numbers_out_of_range_are_no_entry),
        cmocka_unit_test(numbers_out_of_range_are_not_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
