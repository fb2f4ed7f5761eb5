/*
 * test_malformed.c - whatever a broker sends, the client counts it and makes a new connection; it never crashes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/lib/scripted_broker.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void garbage_is_counted_and_the_connection_made_anew(void **state)
{
    static const uint8_t garbage[] = { 0xC1, 0xFF, 0x00 };
    struct scripted_broker b;

    (void)state;
    script_open(&b);

    script_say_bytes(&b, STRATO_BYTES_OF(garbage));

    assert_int_equal(b.session.counters.malformed, 1);
    assert_true(b.session.drop_socket);
    script_connect(&b);
    script_expect(&b, "hello");
    script_fini(&b);
}

static void an_empty_frame_means_nothing(void **state)
{
    struct scripted_broker b;

    (void)state;
    script_open(&b);

    script_say_bytes(&b, STRATO_BYTES_NONE);

    assert_int_equal(b.session.counters.malformed, 0);
    assert_int_equal(b.session.state, STRATO__OPEN);
    script_fini(&b);
}

static void an_operation_of_clients_breaks_the_connection(void **state)
{
    struct scripted_broker b;

    (void)state;
    script_open(&b);

    script_say(&b, "put", "ch:s", "gpu");

    assert_int_equal(b.session.counters.malformed, 1);
    script_fini(&b);
}

static void a_delivery_with_fewer_messages_than_announced_breaks_the_connection(void **state)
{
    struct scripted_broker b;
    struct strato__stream *t;
    struct strato_message *m = NULL;

    (void)state;
    script_open(&b);
    t = script_consumer(&b, 8);

    script_say_messages(&b, 1, "deliver", "ch:s stream:u n:u i:u ep:u", "work", (int)t->number, 2, 0, 1);
    assert_int_equal(strato__stream_take(&b.session, t, &m), 0);
    strato__settle_ack(&b.session, m);
    strato__settle_forget(&b.session, m);
    strato__message_free(&b.session.pool, m);

    assert_int_equal(strato__stream_take(&b.session, t, &m), STRATO_EEMPTY);
    assert_int_equal(b.session.counters.malformed, 1);
    script_fini(&b);
}

static void tags_that_were_used_before_break_the_connection(void **state)
{
    struct scripted_broker b;
    struct strato__stream *t;

    (void)state;
    script_open(&b);
    t = script_consumer(&b, 8);
    script_say_messages(&b, 2, "deliver", "ch:s stream:u n:u i:u ep:u", "work", (int)t->number, 2, 0, 1);

    script_say_messages(&b, 1, "deliver", "ch:s stream:u n:u i:u ep:u", "work", (int)t->number, 1, 1, 1);

    assert_int_equal(b.session.counters.malformed, 1);
    script_fini(&b);
}

/* xorshift: the same bytes in every run */
static uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static void build(struct scripted_broker *b, struct strato__stream *t, struct strato__producer *p, uint32_t which)
{
    (void)p;
    switch (which % 8) {
    case 0:
        script_say_messages(b, 2, "deliver", "ch:s stream:u n:u i:u ep:u", "work", (int)t->number, 2, 0, 1);
        break;
    case 1:
        script_say(b, "credit", "ch:s limit:u limit_bytes:u accepted:u", "gpu", 90, 1 << 20, 1);
        break;
    case 2:
        script_say(b, "lagged", "ch:s stream:u count:u from:u to:u", "work", (int)t->number, 3, 1, 3);
        break;
    case 3:
        script_say_messages(b, 2, "result", "n:u rqs:a", 2, 2, 5, 6);
        break;
    case 4:
        script_say(b, "err", "ch:s i:u n:u code:u detail:s", "gpu", 0, 1, 105, "field");
        break;
    case 5:
        script_say(b, "opened", "ch:s rq:u limit:u", "gpu", 3, 8);
        break;
    case 6:
        script_say(b, "ok", "rq:u ch:s stream:u cancel:a", 3, "work", (int)t->number, 2, 0, 1);
        break;
    default:
        script_say(b, "revoke", "ch:s limit:u", "gpu", 1);
        break;
    }
}

static void damaged_frames_of_every_kind_never_crash(void **state)
{
    uint64_t random = 88172645463325252ULL;

    (void)state;
    for (uint32_t round = 0; round < 4000; round++) {
        struct scripted_broker b;
        struct strato__stream *t;
        struct strato__producer *p;
        struct strato_message *m;
        uint8_t bytes[512];
        size_t length, damage = next_random(&random) % 4 + 1;

        script_open(&b);
        p = script_producer(&b, "gpu", 5);
        t = script_consumer(&b, 8);
        assert_int_equal(script_send(&b, p), 0);
        build(&b, t, p, round);
        assert_true(b.w.bytes <= sizeof bytes);
        length = b.w.bytes;
        memcpy(bytes, b.w.data, length);
        while (damage-- > 0)
            bytes[next_random(&random) % length] = (uint8_t)next_random(&random);
        if (next_random(&random) % 4 == 0)
            length = next_random(&random) % length;

        script_say_bytes(&b, strato_bytes(bytes, length));

        while (strato__stream_take(&b.session, t, &m) == 0) {
            strato__settle_forget(&b.session, m);
            strato__message_free(&b.session.pool, m);
        }
        while (b.session.out.count) {
            struct script_frame frame;

            script_next(&b, &frame);
            script_land(&b);
        }
        script_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(garbage_is_counted_and_the_connection_made_anew),
        cmocka_unit_test(an_empty_frame_means_nothing),
        cmocka_unit_test(an_operation_of_clients_breaks_the_connection),
        cmocka_unit_test(a_delivery_with_fewer_messages_than_announced_breaks_the_connection),
        cmocka_unit_test(tags_that_were_used_before_break_the_connection),
        cmocka_unit_test(damaged_frames_of_every_kind_never_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
