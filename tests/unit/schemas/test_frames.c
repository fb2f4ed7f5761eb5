/*
 * test_frames.c - the golden envelopes and frames through core's decoders.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/envelope.h"
#include "core/errors.h"
#include "core/header.h"
#include "schemas/limits.h"
#include "vectors.h"

_Static_assert(STRATO_TYPE_BYTES_MAX == STRATO_LIMIT_TYPE_BYTES, "core and limits.yaml agree");
_Static_assert(STRATO_ID_BYTES_MAX == STRATO_LIMIT_ID_BYTES, "core and limits.yaml agree");
_Static_assert(STRATO_NAME_BYTES_MAX == STRATO_LIMIT_NAME_BYTES, "core and limits.yaml agree");
_Static_assert(STRATO_TOPIC_BYTES_MAX == STRATO_LIMIT_TOPIC_BYTES, "core and limits.yaml agree");
_Static_assert(STRATO_AFFINITY_BYTES_MAX == STRATO_LIMIT_AFFINITY_BYTES, "core and limits.yaml agree");
_Static_assert(STRATO_TRACE_BYTES_MAX == STRATO_LIMIT_TRACE_BYTES, "core and limits.yaml agree");
_Static_assert(STRATO_NEEDS_MAX == STRATO_LIMIT_NEEDS, "core and limits.yaml agree");
_Static_assert(STRATO_TTL_MS_MAX == STRATO_LIMIT_TTL_MS, "core and limits.yaml agree");
_Static_assert(STRATO_ATTACHMENTS_MAX == STRATO_LIMIT_ATTACHMENTS, "core and limits.yaml agree");
_Static_assert(STRATO_ENVELOPES_MAX == STRATO_LIMIT_ENVELOPES, "core and limits.yaml agree");
_Static_assert(STRATO_DEPTH_MAX == STRATO_LIMIT_DEPTH, "core and limits.yaml agree");
_Static_assert(STRATO_HEADER_BYTES_MAX == STRATO_LIMIT_HEADER_BYTES, "core and limits.yaml agree");

static struct strato_envelope decode(const struct vector_row *row, struct strato_bytes bytes)
{
    struct strato_cursor c = strato_cursor_over(bytes);
    struct strato_envelope e;
    struct strato_bytes skipped;
    int rc = strato_envelope_decode(&c, &e, &skipped);

    if (rc < 0)
        fail_msg("%s (%s): %s", row->file, row->why ? row->why : "vector", strato_err_name(rc));
    assert_int_equal(strato_cursor_left(&c), 0);
    return e;
}

static char *text_of(struct strato_bytes bytes, bool has, char *memory)
{
    if (!has)
        return NULL;
    if (bytes.bytes > 0) /* the data of an empty slice may be NULL */
        memcpy(memory, bytes.data, bytes.bytes);
    memory[bytes.bytes] = '\0';
    return memory;
}

/* What a client would fill in to send the decoded envelope. */
static void encode_again(const struct strato_envelope *e, struct strato_writer *w)
{
    static char type[65], to[129], topic[201], trace[56], affinity[65], order_key[65], needs[8][65];
    const char *need_list[8];
    struct strato_envelope_out out = { .has = e->has,
                                       .payload = e->payload,
                                       .id = e->id.bytes,
                                       .request_id = e->request_id.bytes,
                                       .correlation_id = e->correlation_id.bytes,
                                       .priority = e->priority,
                                       .ack = e->ack,
                                       .receipt = e->receipt,
                                       .attach = e->attach,
                                       .ttl_ms = e->ttl_ms,
                                       .delay_ms = e->delay_ms,
                                       .needs = need_list,
                                       .needs_count = e->needs_count };

    out.type = text_of(e->type, true, type);
    out.to = text_of(e->to, e->has & STRATO_ENV_TO, to);
    out.topic = text_of(e->topic, e->has & STRATO_ENV_TOPIC, topic);
    out.trace = text_of(e->trace, e->has & STRATO_ENV_TRACE, trace);
    out.affinity = text_of(e->affinity, e->has & STRATO_ENV_AFFINITY, affinity);
    out.order_key = text_of(e->order_key, e->has & STRATO_ENV_ORDER_KEY, order_key);
    for (uint8_t i = 0; i < e->needs_count; i++)
        need_list[i] = text_of(e->needs[i], true, needs[i]);
    strato_envelope_encode(&out, w);
}

static void check_vector(const struct vector_row *row)
{
    struct strato_envelope e = decode(row, row->bytes);
    struct strato_writer w = { 0 };

    if (e.has & STRATO_ENV_STAMPED) {
        assert_int_equal(strato_envelope_strip(&e, &w), e.pairs - e.stamped_pairs);
    } else {
        encode_again(&e, &w);
        assert_int_equal(strato_writer_error(&w), 0);
        if (!strato_bytes_equal(strato_writer_view(&w), row->bytes))
            fail_msg("%s: %s encodes differently", row->file, json_dumps(row->json, 0));
    }
    strato_writer_fini(&w);
}

/* Both encodings must mean the same. */
static void check_accept(const struct vector_row *row)
{
    struct strato_envelope a = decode(row, row->bytes), b = decode(row, row->canonical);

    assert_true(strato_bytes_equal(a.type, b.type));
    assert_true(strato_bytes_equal(a.id.bytes, b.id.bytes));
    assert_true(strato_bytes_equal(a.topic, b.topic));
    assert_true(strato_bytes_equal(a.affinity, b.affinity));
    assert_true(strato_bytes_equal(a.payload, b.payload));
    assert_int_equal(a.priority, b.priority);
    assert_int_equal(a.ttl_ms, b.ttl_ms);
    assert_int_equal(a.delay_ms, b.delay_ms);
    assert_int_equal(a.needs_count, b.needs_count);
    assert_int_equal(a.attach, b.attach);
    assert_int_equal(a.receipt, b.receipt);
    assert_int_equal(a.has & STRATO_ENV_STAMPED, b.has & STRATO_ENV_STAMPED);
}

static void check_reject(const struct vector_row *row)
{
    struct strato_cursor c = strato_cursor_over(row->bytes);
    struct strato_envelope e;
    struct strato_bytes skipped;
    int rc = strato_envelope_decode(&c, &e, &skipped);

    if (rc != vectors_error(row->error))
        fail_msg("envelope (%s): %s, want E_%s", row->why, rc < 0 ? strato_err_name(rc) : "accepted", row->error);
}

static void check_frame(const struct vector_row *row)
{
    struct strato_cursor c = strato_cursor_over(row->bytes);
    json_t *header = json_object_get(row->json, "header"), *n;
    size_t envelopes = json_array_size(json_object_get(row->json, "envelopes"));
    const char *op = json_string_value(json_object_get(header, "op"));
    struct strato_header h;
    struct strato_envelope e;
    struct strato_bytes skipped;
    int rc = strato_header_decode(&c, STRATO_HEADER_BYTES_MAX, &h);

    if (rc < 0)
        fail_msg("%s: %s", row->why, strato_err_name(rc));
    assert_string_equal(h.opcode == STRATO_OP_admin ? strato_admin_name(h.admin) : strato_op_name(h.opcode), op);
    n = json_object_get(header, "n");
    if (n)
        assert_int_equal(h.n, (uint64_t)json_number_value(n));
    else if (strato_op_carries(h.opcode))
        assert_int_equal(h.n, envelopes);
    for (size_t i = 0; i < envelopes; i++)
        assert_int_equal(strato_envelope_decode(&c, &e, &skipped), 0);
    assert_int_equal(strato_cursor_left(&c), 0);
}

static void check_bad_header(const struct vector_row *row)
{
    struct strato_cursor c = strato_cursor_over(row->bytes);
    struct strato_header h;
    int rc = strato_header_decode(&c, STRATO_HEADER_BYTES_MAX, &h);

    if (rc != vectors_error(row->error))
        fail_msg("header (%s): %s, want E_%s", row->why, rc < 0 ? strato_err_name(rc) : "accepted", row->error);
}

static void every_envelope_vector_round_trips(void **state)
{
    (void)state;
    vectors_each("envelope", "vectors", check_vector);
}

static void every_envelope_accept_row_means_the_same(void **state)
{
    (void)state;
    vectors_each("envelope", "accept", check_accept);
}

static void every_envelope_reject_row_gets_its_named_error(void **state)
{
    (void)state;
    vectors_each("envelope", "reject", check_reject);
}

static void every_frame_vector_is_read(void **state)
{
    (void)state;
    vectors_each("frames", "vectors", check_frame);
}

static void every_bad_header_gets_its_named_error(void **state)
{
    (void)state;
    vectors_each("frames", "reject", check_bad_header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_envelope_vector_round_trips),
        cmocka_unit_test(every_envelope_accept_row_means_the_same),
        cmocka_unit_test(every_envelope_reject_row_gets_its_named_error),
        cmocka_unit_test(every_frame_vector_is_read),
        cmocka_unit_test(every_bad_header_gets_its_named_error),
    };

    return cmocka_run_group_tests_name("schemas frames", tests, NULL, NULL);
}
