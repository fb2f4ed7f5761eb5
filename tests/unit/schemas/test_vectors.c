/*
 * test_vectors.c - every golden vector through the C codecs.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/errors.h"
#include "schemas/messages.h"
#include "vectors.h"

static const char *const families[] = {
#define X(family, hash) #family,
    STRATO_SCHEMA_HASHES(X)
#undef X
};

static unsigned rows_seen;

static const struct strato_record *record_of(const struct vector_row *row)
{
    const struct strato_message_type *message = strato_message_find(strato_text(row->type));

    if (!message)
        fail_msg("%s: no message %s", row->file, row->type);
    return message->record;
}

/* Decode, encode again (through items, or through raw) and compare with `want`. */
static void round_trip(const struct vector_row *row, struct strato_bytes want, bool through_items)
{
    const struct strato_record *record = record_of(row);
    void *value = malloc(record->size);
    struct strato_bytes field = STRATO_BYTES_NONE;
    struct strato_writer w = { 0 };
    struct materialized *m = NULL;
    int rc;

    assert_non_null(value);
    rc = strato_record_decode(record, row->bytes, value, &field);
    if (rc < 0)
        fail_msg("%s (%s): %s, field %.*s", row->type, row->why ? row->why : "vector", strato_err_name(rc),
                 (int)field.bytes, (const char *)field.data);
    if (through_items)
        m = materialize(record, value);
    strato_record_encode(record, value, &w);
    assert_int_equal(strato_writer_error(&w), 0);
    if (!strato_bytes_equal(strato_writer_view(&w), want))
        fail_msg("%s (%s): encodes differently", row->type, row->why ? row->why : "vector");
    strato_writer_fini(&w);
    if (m)
        materialize_free(m);
    free(value);
    rows_seen++;
}

static void check_vector(const struct vector_row *row)
{
    round_trip(row, row->bytes, false);
    round_trip(row, row->bytes, true);
}

static void check_accept(const struct vector_row *row)
{
    round_trip(row, row->canonical, true);
}

static void check_reject(const struct vector_row *row)
{
    const struct strato_record *record = record_of(row);
    void *value = malloc(record->size);
    struct strato_bytes field;
    int rc;

    assert_non_null(value);
    rc = strato_record_decode(record, row->bytes, value, &field);
    if (rc != vectors_error(row->error))
        fail_msg("%s (%s): %s, want E_%s", row->type, row->why, rc < 0 ? strato_err_name(rc) : "accepted", row->error);
    free(value);
    rows_seen++;
}

/* No prefix of a good payload is good, and none makes the decoder read on. */
static void check_cuts(const struct vector_row *row)
{
    const struct strato_record *record = record_of(row);
    void *value = malloc(record->size);

    assert_non_null(value);
    for (size_t bytes = 1; bytes < row->bytes.bytes; bytes++) {
        uint8_t *cut = malloc(bytes);

        assert_non_null(cut);
        memcpy(cut, row->bytes.data, bytes);
        if (strato_record_decode(record, strato_bytes(cut, bytes), value, NULL) == 0)
            fail_msg("%s: %zu of %zu bytes are accepted", row->type, bytes, row->bytes.bytes);
        free(cut);
    }
    free(value);
    rows_seen++;
}

/* Any byte may be anything: the answer is an error or a struct that can be walked and encoded, never a crash.
 */
static void check_flips(const struct vector_row *row)
{
    static const uint8_t nasty[] = { 0x00, 0x7F, 0x80, 0x9F, 0xC0, 0xC1, 0xC6, 0xCF, 0xD4, 0xDB, 0xDD, 0xDF, 0xFF };
    const struct strato_record *record = record_of(row);
    uint8_t *value = malloc(record->size), *bytes = malloc(row->bytes.bytes);
    struct strato_writer w = { 0 };

    assert_non_null(value);
    assert_non_null(bytes);
    for (size_t at = 0; at < row->bytes.bytes; at++) {
        for (size_t i = 0; i < sizeof(nasty); i++) {
            memcpy(bytes, row->bytes.data, row->bytes.bytes);
            bytes[at] = nasty[i];
            if (strato_record_decode(record, strato_bytes(bytes, row->bytes.bytes), value, NULL) == 0) {
                struct materialized *m = materialize(record, value);

                strato_writer_reset(&w);
                strato_record_encode(record, value, &w);
                assert_int_equal(strato_writer_error(&w), 0);
                materialize_free(m);
            }
        }
    }
    strato_writer_fini(&w);
    free(bytes);
    free(value);
    rows_seen++;
}

static void over_all(const char *list, void (*fn)(const struct vector_row *row))
{
    rows_seen = 0;
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        vectors_each(families[i], list, fn);
    assert_true(rows_seen > 0);
}

static void every_vector_round_trips_byte_exactly(void **state)
{
    (void)state;
    over_all("vectors", check_vector);
}

static void every_accept_row_is_read_and_written_canonically(void **state)
{
    (void)state;
    over_all("accept", check_accept);
}

static void every_reject_row_gets_its_named_error(void **state)
{
    (void)state;
    over_all("reject", check_reject);
}

static void every_prefix_of_a_vector_is_refused(void **state)
{
    (void)state;
    over_all("vectors", check_cuts);
}

static void no_changed_byte_makes_a_decoder_misbehave(void **state)
{
    (void)state;
    over_all("vectors", check_flips);
}

static const char *wanted_type;

static void count_wanted(const struct vector_row *row)
{
    rows_seen += strcmp(row->type, wanted_type) == 0;
}

static void every_message_has_a_vector(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < strato_messages_count; i++) {
        wanted_type = strato_messages[i].type;
        over_all("vectors", count_wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_round_trips_byte_exactly),
        cmocka_unit_test(every_accept_row_is_read_and_written_canonically),
        cmocka_unit_test(every_reject_row_gets_its_named_error),
        cmocka_unit_test(every_prefix_of_a_vector_is_refused),
        cmocka_unit_test(no_changed_byte_makes_a_decoder_misbehave),
        cmocka_unit_test(every_message_has_a_vector),
    };

    return cmocka_run_group_tests_name("schemas vectors", tests, NULL, NULL);
}
