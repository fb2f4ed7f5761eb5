/* test_batch.c - frames whose counts fit, and those that do not. SPDX-License-Identifier: MIT */
#include "core/batch.h"
#include "tests/unit/core/lib.h"

/* put with n envelopes, of which the k-th announces attach[k] attachments. */
static void frame_write(struct strato_writer *w, uint64_t n, const uint16_t *attach, uint32_t envelopes)
{
    struct strato_header_writer hw;

    strato_writer_reset(w);
    strato_header_begin(&hw, w, "put");
    strato_header_str(&hw, "ch", strato_text("gpu"));
    strato_header_u64(&hw, "n", n);
    strato_header_end(&hw);
    for (uint32_t k = 0; k < envelopes; k++)
        strato_envelope_encode(&(struct strato_envelope_out){ .type = "t", .attach = attach ? attach[k] : 0 }, w);
}

/* Walk the whole frame: how it ended, and how many messages it gave before. */
static int walk(struct strato_bytes frame, size_t attachments, unsigned *ret_items, unsigned *ret_refused)
{
    struct strato_batch b;
    struct strato_batch_item item;
    struct strato_header h;
    int rc = strato_batch_open(&b, frame, attachments, &h);

    *ret_items = *ret_refused = 0;
    while (rc == 0 && (rc = strato_batch_next(&b, &item)) > 0) {
        ++*ret_items;
        *ret_refused += item.err < 0;
        rc = 0;
        if (b.left == 0 && (rc = strato_batch_next(&b, &item)) == 0)
            break;
    }
    return rc;
}

static void messages_get_their_attachments_in_order(void **state)
{
    static const uint16_t attach[] = { 2, 0, 1 };
    struct strato_writer w = { 0 };
    struct strato_batch b;
    struct strato_batch_item item;
    struct strato_header h;
    (void)state;

    frame_write(&w, 3, attach, 3);
    assert_int_equal(strato_batch_open(&b, strato_writer_view(&w), 3, &h), 0);
    assert_int_equal(strato_batch_next(&b, &item), 1);
    assert_int_equal(item.attachments_at, 0);
    assert_int_equal(strato_batch_next(&b, &item), 1);
    assert_int_equal(item.attachments_at, 2);
    assert_int_equal(strato_batch_next(&b, &item), 1);
    assert_int_equal(item.attachments_at, 2);
    assert_int_equal(item.envelope.attach, 1);
    assert_int_equal(strato_batch_next(&b, &item), 0);
    assert_int_equal(strato_batch_next(&b, &item), 0);
    strato_writer_fini(&w);
}

static void counts_that_do_not_fit_are_frame_errors(void **state)
{
    static const uint16_t attach[] = { 1, 1 };
    struct strato_writer w = { 0 };
    unsigned items, refused;
    (void)state;

    frame_write(&w, 2, attach, 2);
    assert_int_equal(walk(strato_writer_view(&w), 2, &items, &refused), 0);
    assert_int_equal(walk(strato_writer_view(&w), 1, &items, &refused), STRATO_EFRAME);
    assert_int_equal(walk(strato_writer_view(&w), 3, &items, &refused), STRATO_EFRAME);
    frame_write(&w, 1, NULL, 2);
    assert_int_equal(walk(strato_writer_view(&w), 0, &items, &refused), STRATO_EFRAME);
    frame_write(&w, 3, NULL, 2);
    assert_int_equal(walk(strato_writer_view(&w), 0, &items, &refused), STRATO_EFRAME);
    frame_write(&w, 0, NULL, 1);
    assert_int_equal(walk(strato_writer_view(&w), 0, &items, &refused), STRATO_EFRAME);
    frame_write(&w, 2, NULL, 2);
    strato_writer_nil(&w);
    assert_int_equal(walk(strato_writer_view(&w), 0, &items, &refused), STRATO_EFRAME);
    frame_write(&w, UINT64_MAX, NULL, 2);
    assert_int_equal(walk(strato_writer_view(&w), 0, &items, &refused), STRATO_ELIMIT);
    strato_writer_fini(&w);
}

static void limits_hold_at_the_limit_and_break_one_past_it(void **state)
{
    static const uint16_t eights[] = { 8, 8, 8, 8, 8, 8, 8, 8 };
    struct strato_writer w = { 0 };
    unsigned items, refused;
    (void)state;

    frame_write(&w, STRATO_ENVELOPES_MAX, NULL, STRATO_ENVELOPES_MAX);
    assert_int_equal(walk(strato_writer_view(&w), 0, &items, &refused), 0);
    assert_int_equal(items, STRATO_ENVELOPES_MAX);
    frame_write(&w, STRATO_ENVELOPES_MAX + 1, NULL, STRATO_ENVELOPES_MAX + 1);
    assert_int_equal(walk(strato_writer_view(&w), 0, &items, &refused), STRATO_ELIMIT);
    frame_write(&w, 8, eights, 8);
    assert_int_equal(walk(strato_writer_view(&w), 64, &items, &refused), 0);
    assert_int_equal(walk(strato_writer_view(&w), 65, &items, &refused), STRATO_ELIMIT);
    strato_writer_fini(&w);
}

static void a_refused_message_leaves_the_rest_its_attachments(void **state)
{
    static const uint16_t attach[] = { 9, 1 };
    struct strato_writer w = { 0 };
    unsigned items, refused;
    (void)state;

    frame_write(&w, 2, attach, 2); /* nine are one too many for the first; the second is good */
    assert_int_equal(walk(strato_writer_view(&w), 10, &items, &refused), 0);
    assert_int_equal(items, 2);
    assert_int_equal(refused, 1);
    strato_writer_fini(&w);
}

static void operations_without_messages_carry_no_bytes(void **state)
{
    struct strato_batch b;
    struct strato_header h;
    struct strato_batch_item item;
    (void)state;

    assert_int_equal(strato_batch_open(&b, LITERAL("\x81\xA2op\xA4ping"), 0, &h), 0);
    assert_int_equal(strato_batch_next(&b, &item), 0);
    assert_int_equal(strato_batch_open(&b, LITERAL("\x81\xA2op\xA4ping\xC0"), 0, &h), STRATO_EFRAME);
    assert_int_equal(strato_batch_open(&b, LITERAL("\x81\xA2op\xA4ping"), 1, &h), STRATO_EFRAME);
    assert_int_equal(strato_batch_open(&b, LITERAL("\x81\xA2op\xA2ok\x81\xA4type\xA1t"), 0, &h), 0);
    assert_int_equal(strato_batch_next(&b, &item), 1);
    assert_int_equal(strato_batch_next(&b, &item), 0);
}

static void every_truncation_of_a_frame_is_refused(void **state)
{
    static const uint16_t attach[] = { 1, 0, 2 };
    struct strato_writer w = { 0 };
    unsigned items, refused;
    (void)state;

    frame_write(&w, 3, attach, 3);
    for (size_t cut = 0; cut < w.bytes; cut++) {
        uint8_t *exact = malloc(cut ? cut : 1);
        int rc;

        assert_non_null(exact);
        memcpy(exact, w.data, cut);
        rc = walk(strato_bytes(exact, cut), 3, &items, &refused);
        assert_true(rc == STRATO_ECODEC || rc == STRATO_EFRAME);
        free(exact);
    }
    strato_writer_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_get_their_attachments_in_order),
        cmocka_unit_test(counts_that_do_not_fit_are_frame_errors),
        cmocka_unit_test(limits_hold_at_the_limit_and_break_one_past_it),
        cmocka_unit_test(a_refused_message_leaves_the_rest_its_attachments),
        cmocka_unit_test(operations_without_messages_carry_no_bytes),
        cmocka_unit_test(every_truncation_of_a_frame_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
