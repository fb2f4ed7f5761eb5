/*
 * test_priority.c - claims about lanes, strict order, and critical messages that push low ones out.
 *
 * Numbers in brackets are rules of semantics.md.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/brain/state.h"
#include "tests/sim/claims.h"
#include "tests/sim/dlq.h"

enum { LOW = 10, NORMAL = 50, HIGH = 70, CRITICAL = 90, CAPACITY = 20 };

static struct brain_channel_config channels[3];

static void channel_like(struct brain_channel_config *c, const char *name)
{
    *c = (struct brain_channel_config){ 0 };
    snprintf(c->name, sizeof(c->name), "%s", name);
    channel_config_defaults(c, BRAIN_WORK);
    c->capacity = CAPACITY;
}

static int setup(void **state)
{
    struct world *w = malloc(sizeof(*w));

    channel_like(&channels[0], "fair");
    channel_like(&channels[1], "strict");
    channels[1].is_strict = true;
    channel_like(&channels[2], "pushy");
    channels[2].displaces = true;
    world_open(w, &(struct brain_config){ .channels = channels, .channels_count = 3 });
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

/* ---- conversations ---- */

static void put(struct world *w, const char *channel, uint8_t priority, unsigned count)
{
    const struct strato_envelope_out e = { .type = "t", .has = STRATO_ENV_PRIORITY, .priority = priority };

    for (unsigned i = 0; i < count; i++) {
        world_l1_put(w, 3, channel, 0, &e);
        world_turn(w);
        world_free(world_expect(w, 3, STRATO_OP_ok));
    }
}

/* Take one at a time; the priorities in the order in which they came. */
static unsigned take(struct world *w, const char *channel, uint8_t *priorities, unsigned max)
{
    unsigned count = 0;

    for (; count < max; count++) {
        struct world_frame *f;

        world_get(w, 4, channel, 1, 0);
        world_turn(w);
        f = world_receive(w, 4);
        if (f->header.opcode != STRATO_OP_deliver) {
            world_free(f);
            break;
        }
        priorities[count] = world_envelope_at(f, 0).priority;
        world_free(f);
    }
    return count;
}

static void ack_lease(struct world *w, const struct world_frame *delivery)
{
    struct world_out o;

    world_begin(&o, w, 4, "ack");
    world_str(&o, "ch", "fair");
    strato_header_raw(&o.header, "leases", delivery->header.leases);
    world_body(&o);
    world_send(&o);
    world_turn(w);
    world_free(world_expect(w, 4, STRATO_OP_ok));
}

static void produce(struct world *w, const char *channel)
{
    world_hello(w, 2, "maker", NULL);
    world_open_channel(w, 2, channel, "p");
    world_turn(w);
    world_clear(w, 2);
}

static void need(struct world *w, const char *channel, uint64_t upto, bool displace)
{
    struct world_out o;

    world_begin(&o, w, 2, "need");
    world_str(&o, "ch", channel);
    world_u64(&o, "upto", upto);
    world_u64(&o, "wait", 1000);
    if (displace)
        strato_header_bool(&o.header, "displace", true);
    world_body(&o);
    world_send(&o);
    world_turn(w);
}

static void session_put(struct world *w, const char *channel, uint64_t i, uint8_t priority)
{
    const struct strato_envelope_out e = { .type = "t", .has = STRATO_ENV_PRIORITY, .priority = priority };

    world_put(w, 2, channel, i, 1, &e);
    world_turn(w);
}

/* ---- lanes (26) ---- */

static void the_head_of_the_low_lane_waits_for_at_most_14_others(void **state)
{
    struct world *w = *state;
    unsigned waited = 0, longest = 0;

    put(w, "fair", LOW, 4);
    for (int i = 0; i < 60; i++) { /* the other lanes are never empty */
        struct world_frame *f;
        uint8_t priority;

        while (world_stats(w, "fair").ready < CAPACITY)
            put(w, "fair", world_random(w, 3) == 0 ? HIGH : world_random(w, 3) == 0 ? NORMAL : CRITICAL, 1);
        world_get(w, 4, "fair", 1, 0);
        world_turn(w);
        f = world_expect(w, 4, STRATO_OP_deliver);
        priority = world_envelope_at(f, 0).priority;
        ack_lease(w, f);
        world_free(f);
        waited = priority == LOW ? 0 : waited + 1;
        longest = waited > longest ? waited : longest;
    }
    assert_true(longest <= 14);
}

static void an_empty_lane_gives_its_share_to_the_rest(void **state)
{
    struct world *w = *state;
    uint8_t got[8];

    put(w, "fair", LOW, 8);
    assert_int_equal(take(w, "fair", got, 8), 8);
}

static void strict_lanes_are_served_from_the_top(void **state)
{
    struct world *w = *state;
    uint8_t got[CAPACITY];

    put(w, "strict", LOW, 5);
    put(w, "strict", NORMAL, 5);
    put(w, "strict", CRITICAL, 9);
    assert_int_equal(take(w, "strict", got, 19), 19);
    for (int i = 0; i < 19; i++)
        assert_int_equal(got[i], i < 9 ? CRITICAL : i < 14 ? NORMAL : LOW);
}

/* ---- displace (8) ---- */

static void a_critical_message_pushes_the_newest_low_one_out(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    put(w, "pushy", LOW, 3);
    put(w, "pushy", NORMAL, CAPACITY - 3);
    put(w, "pushy", CRITICAL, 1);
    assert_int_equal(world_stats(w, "pushy").ready, CAPACITY);
    f = dlq_only(w, "pushy", "displaced");
    assert_int_equal(dlq_number(dlq_entry(f, 0), "seq"), 3);
    world_free(f);
}

static void one_that_is_not_critical_or_finds_nothing_low_is_told_full(void **state)
{
    struct world *w = *state;
    const struct strato_envelope_out high = { .type = "t", .has = STRATO_ENV_PRIORITY, .priority = 79 },
                                     critical = { .type = "t", .has = STRATO_ENV_PRIORITY, .priority = 80 };

    put(w, "pushy", LOW, 1);
    put(w, "pushy", 40, CAPACITY - 1); /* 40 is not low */
    world_l1_put(w, 3, "pushy", 0, &high);
    world_turn(w);
    world_expect_err(w, 3, STRATO_EFULL);
    world_l1_put(w, 3, "pushy", 0, &critical);
    world_turn(w);
    world_free(world_expect(w, 3, STRATO_OP_ok));
    world_l1_put(w, 3, "pushy", 0, &critical);
    world_turn(w);
    world_expect_err(w, 3, STRATO_EFULL);
    assert_int_equal(world_stats(w, "pushy").dead_lettered, 1);
}

static void without_the_setting_nothing_is_pushed_out(void **state)
{
    struct world *w = *state;
    const struct strato_envelope_out critical = { .type = "t", .has = STRATO_ENV_PRIORITY, .priority = CRITICAL };

    put(w, "fair", LOW, CAPACITY);
    world_l1_put(w, 3, "fair", 0, &critical);
    world_turn(w);
    world_expect_err(w, 3, STRATO_EFULL);
    produce(w, "fair");
    need(w, "fair", 1, true);
    world_expect_nothing(w, 2);
    assert_int_equal(world_stats(w, "fair").dead_lettered, 0);
}

static void what_is_leased_is_not_pushed_out(void **state)
{
    struct world *w = *state;
    const struct strato_envelope_out critical = { .type = "t", .has = STRATO_ENV_PRIORITY, .priority = CRITICAL };
    uint8_t got[CAPACITY];

    put(w, "pushy", LOW, CAPACITY);
    assert_int_equal(take(w, "pushy", got, CAPACITY), CAPACITY);
    world_l1_put(w, 3, "pushy", 0, &critical);
    world_turn(w);
    world_expect_err(w, 3, STRATO_EFULL);
}

static void a_session_gets_a_slot_by_need_with_displace(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    put(w, "pushy", LOW, CAPACITY);
    produce(w, "pushy");
    need(w, "pushy", 1, false);
    world_expect_nothing(w, 2);
    need(w, "pushy", 1, true);
    f = world_expect(w, 2, STRATO_OP_credit);
    assert_int_equal(f->header.limit, 1);
    world_free(f);
    assert_int_equal(world_stats(w, "pushy").granted, 1);
    session_put(w, "pushy", 0, CRITICAL);
    f = world_expect(w, 2, STRATO_OP_credit);
    assert_int_equal(f->header.accepted, 1);
    world_free(f);
    assert_int_equal(world_stats(w, "pushy").ready, CAPACITY);
    world_free(dlq_only(w, "pushy", "displaced"));
}

static void a_slot_that_was_made_so_takes_no_other_message(void **state)
{
    struct world *w = *state;

    put(w, "pushy", LOW, CAPACITY);
    produce(w, "pushy");
    need(w, "pushy", 1, true);
    world_clear(w, 2);
    session_put(w, "pushy", 0, NORMAL);
    world_expect_err(w, 2, STRATO_EFULL);
    world_free(world_expect(w, 2, STRATO_OP_credit)); /* the session goes on */
    assert_int_equal(world_stats(w, "pushy").ready, CAPACITY - 1);
    assert_int_equal(world_stats(w, "pushy").granted, 0);
}

static void a_second_slot_is_not_made_before_the_first_is_used(void **state)
{
    struct world *w = *state;

    put(w, "pushy", LOW, CAPACITY);
    produce(w, "pushy");
    need(w, "pushy", 1, true);
    need(w, "pushy", 2, true);
    need(w, "pushy", 3, true);
    assert_int_equal(world_stats(w, "pushy").dead_lettered, 1);
}

static void what_is_pushed_out_is_counted_where_drops_are_not_kept(void **state)
{
    struct world *w = *state;
    struct channel *ch = channel_find(w->brain, strato_text("pushy"));

    ch->config.dead_on_drop = false;
    put(w, "pushy", LOW, CAPACITY);
    put(w, "pushy", CRITICAL, 1);
    assert_int_equal(world_stats(w, "pushy").dropped_displaced, 1);
    assert_int_equal(world_stats(w, "pushy").dead_lettered, 0);
}

/* ---- settings of a channel (introduction of semantics.md) ---- */

static void settings_are_judged_at_their_limits_and_one_past(void **state)
{
    static const struct {
        size_t at, bytes;
        uint64_t least, most;
    } ranges[] = {
#define U32(field, least, most) { offsetof(struct brain_channel_config, field), 4, least, most }
#define U64(field, least, most)                                                                                        \
    {                                                                                                                  \
        offsetof(struct brain_channel_config, field), 8, least, most                                                   \
    }
        U32(capacity, 1, 16777216),
        U64(bytes_max, 1024, UINT64_C(1) << 40),
        U32(ttl_ms, 1, STRATO_TTL_MS_MAX),
        U32(start_timeout_ms, 1, STRATO_TTL_MS_MAX),
        U32(lease_ms, 1, 30 * 60 * 1000),
        U32(attempt_ms, 30000, STRATO_TTL_MS_MAX),
        U32(max_deliver, 1, CHANNEL_ATTEMPTS_MAX),
        U32(backoff_ms, 1, 30000),
        U32(backoff_max_ms, 50, STRATO_TTL_MS_MAX),
        U32(dedup_ms, 1000, STRATO_TTL_MS_MAX),
        U32(dead_max, 1, CHANNEL_DEAD_MAX),
        U64(dead_bytes_max, 65536, UINT64_C(1) << 40),
        U32(history_max, 0, 16777216),
        U64(history_bytes_max, 0, UINT64_C(1) << 40),
        U32(consumer_prefetch, 0, SESSION_HELD_MAX),
    };
    char detail[256];

    (void)state;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        struct brain_channel_config c = channels[0];
        const uint64_t values[] = { ranges[i].least, ranges[i].most, ranges[i].most + 1, ranges[i].least - 1 };

        for (int k = 0; k < (ranges[i].least ? 4 : 3); k++) {
            memcpy((char *)&c + ranges[i].at, &values[k], ranges[i].bytes);
            if ((channel_config_check(&c, detail, sizeof(detail)) == 0) != (k < 2))
                fail_msg("setting %zu, value %llu: %s", i, (unsigned long long)values[k], detail);
        }
    }
}

static void max_deliver_and_backoff_are_the_channels_own(void **state)
{
    struct world *w = *state;
    struct channel *ch = channel_find(w->brain, strato_text("fair"));

    ch->config.max_deliver = 2;
    ch->config.backoff_ms = 10000;
    put(w, "fair", NORMAL, 1);
    world_hello(w, 4, "worker", NULL);
    world_open_channel(w, 4, "fair", "c");
    world_want(w, 4, "fair", 10, 0);
    world_turn(w);
    world_clear(w, 4);
    world_settle(w, 4, "start", "fair", 0);
    world_settle(w, 4, "nack", "fair", 0);
    world_turn(w);
    world_wait(w, 9000);
    assert_int_equal(world_stats(w, "fair").delayed, 1);
    world_wait(w, 2500);
    world_free(world_expect(w, 4, STRATO_OP_deliver));
    world_settle(w, 4, "start", "fair", 1);
    world_settle(w, 4, "nack", "fair", 1);
    world_turn(w);
    world_free(dlq_only(w, "fair", "max_deliver"));
}

static void a_channel_may_keep_no_dead_letters_of_what_expires(void **state)
{
    struct world *w = *state;
    struct channel *ch = channel_find(w->brain, strato_text("fair"));
    const struct strato_envelope_out e = { .type = "t", .has = STRATO_ENV_TTL, .ttl_ms = 1000 };

    ch->config.dead_on_expiry = false;
    world_l1_put(w, 3, "fair", 0, &e);
    world_wait(w, 1500);
    assert_int_equal(world_stats(w, "fair").expired, 1);
    assert_int_equal(world_stats(w, "fair").dead_lettered, 0);
}

static void declare_may_not_ask_for_a_history_without_end(void **state)
{
    struct world *w = *state;

    world_hello(w, 2, "maker", NULL);
    for (uint64_t history = 100000; history <= 100001; history++) {
        struct world_out o;

        world_begin(&o, w, 2, "open");
        world_str(&o, "ch", history == 100000 ? "at" : "past");
        strato_header_key(&o.header, "declare");
        strato_writer_map(&o.w, 1);
        strato_writer_text(&o.w, "history");
        strato_writer_u64(&o.w, history);
        world_body(&o);
        world_send(&o);
        world_turn(w);
    }
    world_free(world_expect(w, 2, STRATO_OP_opened));
    world_expect_err(w, 2, STRATO_ELIMIT);
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CLAIM(the_head_of_the_low_lane_waits_for_at_most_14_others),
        CLAIM(an_empty_lane_gives_its_share_to_the_rest),
        CLAIM(strict_lanes_are_served_from_the_top),
        CLAIM(a_critical_message_pushes_the_newest_low_one_out),
        CLAIM(one_that_is_not_critical_or_finds_nothing_low_is_told_full),
        CLAIM(without_the_setting_nothing_is_pushed_out),
        CLAIM(what_is_leased_is_not_pushed_out),
        CLAIM(a_session_gets_a_slot_by_need_with_displace),
        CLAIM(a_slot_that_was_made_so_takes_no_other_message),
        CLAIM(a_second_slot_is_not_made_before_the_first_is_used),
        CLAIM(what_is_pushed_out_is_counted_where_drops_are_not_kept),
        CLAIM(settings_are_judged_at_their_limits_and_one_past),
        CLAIM(max_deliver_and_backoff_are_the_channels_own),
        CLAIM(a_channel_may_keep_no_dead_letters_of_what_expires),
        CLAIM(declare_may_not_ask_for_a_history_without_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
