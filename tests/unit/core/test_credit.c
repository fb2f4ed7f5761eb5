/*
 * test_credit.c - both ends of credit against each other, over FIFO pipes, from a seed.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/credit.h"
#include "tests/unit/core/lib.h"

enum { PIPE = 64, PRODUCERS_MAX = 64, MESSAGE_BYTES = 100 };

enum verb { NEED, PUT, RELEASE, CREDIT, REVOKE, FULL };

struct frame {
    enum verb verb;
    uint64_t a, b, c;
};

struct pipe {
    struct frame frames[PIPE];
    unsigned head, count;
};

struct producer {
    struct strato_credit_sender sender;
    struct strato_credit_grantor grantor;
    struct pipe up, down;
    uint64_t goal, done;
};

/* One channel with its producers; nobody consumes unless asked to. */
struct world {
    struct strato_credit_pool pool;
    struct producer producers[PRODUCERS_MAX];
    uint32_t count;
    uint64_t capacity, bytes_max, ready, now_ms, seed;
};

static void push(struct pipe *pipe, struct frame frame)
{
    assert_true(pipe->count < PIPE);
    pipe->frames[(pipe->head + pipe->count++) % PIPE] = frame;
}

static bool pop(struct pipe *pipe, struct frame *frame)
{
    if (pipe->count == 0)
        return false;
    *frame = pipe->frames[pipe->head];
    pipe->head = (pipe->head + 1) % PIPE;
    pipe->count--;
    return true;
}

static struct strato_credit_room room_of(const struct world *w)
{
    return (struct strato_credit_room){
        .messages = (int64_t)w->capacity - (int64_t)w->ready - (int64_t)w->pool.granted,
        .bytes = (int64_t)w->bytes_max - (int64_t)(w->ready * MESSAGE_BYTES) - (int64_t)w->pool.granted_bytes,
        .capacity = w->capacity,
        .bytes_max = w->bytes_max,
    };
}

static void assert_law(const struct world *w)
{
    assert_true(strato_credit_pool_holds(&w->pool));
    assert_true(w->ready + w->pool.granted <= w->capacity);
    assert_true(w->ready * MESSAGE_BYTES + w->pool.granted_bytes <= w->bytes_max);
}

static void join(struct world *w, struct producer *p)
{
    struct strato_credit_room room = room_of(w);

    strato_credit_attach(&w->pool, &p->grantor, p);
    strato_credit_first(&w->pool, &p->grantor, &room);
    strato_credit_sender_open(&p->sender, 0, p->grantor.limit, p->grantor.limit_bytes);
}

static struct world *world_new(uint64_t seed, uint32_t producers, uint64_t capacity)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->seed = seed;
    w->count = producers;
    w->capacity = capacity;
    w->bytes_max = 64U << 20;
    for (uint32_t i = 0; i < producers; i++) {
        join(w, &w->producers[i]);
        assert_law(w);
    }
    return w;
}

/* The client: send what it wants and may, else ask. */
static void client_step(struct producer *p)
{
    uint64_t index, upto, upto_bytes;
    unsigned burst = 0;

    while (p->done < p->goal && burst++ < 8 && strato_credit_sender_spend(&p->sender, MESSAGE_BYTES, &index) == 0) {
        push(&p->up, (struct frame){ PUT, index, 0, 0 });
        p->done++;
    }
    if (p->done < p->goal && p->up.count < PIPE - 8 &&
        strato_credit_sender_need(&p->sender, MESSAGE_BYTES, &upto, &upto_bytes))
        push(&p->up, (struct frame){ NEED, upto, upto_bytes, 5000 });
}

static void client_read(struct producer *p)
{
    struct frame f;
    uint64_t sent, sent_bytes;

    if (p->up.count > PIPE / 2 || !pop(&p->down, &f))
        return;
    if (f.verb == CREDIT) {
        strato_credit_sender_credit(&p->sender, f.a, f.b, f.c, 0);
    } else if (f.verb == REVOKE) {
        strato_credit_sender_revoke(&p->sender, &sent, &sent_bytes);
        push(&p->up, (struct frame){ RELEASE, sent, sent_bytes, 0 });
    } else {
        strato_credit_sender_full(&p->sender);
    }
}

static void broker_read(struct world *w, struct producer *p)
{
    struct frame f;
    uint64_t skip;

    if (!pop(&p->up, &f))
        return;
    switch (f.verb) {
    case PUT:
        assert_int_equal(strato_credit_admit(&p->grantor, f.a, 1, &skip), 0);
        if (skip == 0) {
            assert_int_equal(strato_credit_spend(&w->pool, &p->grantor, MESSAGE_BYTES), 0);
            w->ready++;
        }
        break;
    case NEED:
        assert_int_equal(strato_credit_need(&w->pool, &p->grantor, f.a, f.b, w->bytes_max, (uint32_t)f.c, w->now_ms),
                         0);
        break;
    default:
        assert_int_equal(strato_credit_release(&w->pool, &p->grantor, f.a, f.b), 0);
    }
    assert_law(w);
}

static void broker_turn(struct world *w)
{
    struct strato_credit_room room = room_of(w);
    struct strato_credit_turn turn;
    struct strato_credit_step step;

    for (struct strato_credit_grantor *g; (g = strato_credit_expire(&w->pool, w->now_ms)) != NULL;)
        push(&((struct producer *)g->owner)->down, (struct frame){ FULL, 0, 0, 0 });
    strato_credit_turn_begin(&turn, &w->pool, &room, w->now_ms);
    while (strato_credit_turn_next(&turn, &step)) {
        struct producer *p = step.grantor->owner;

        if (step.verb == STRATO_CREDIT_GRANT)
            push(&p->down,
                 (struct frame){ CREDIT, step.grantor->limit, step.grantor->limit_bytes, step.grantor->accepted });
        else
            push(&p->down, (struct frame){ REVOKE, step.grantor->limit, step.grantor->limit_bytes, 0 });
        assert_law(w);
    }
}

static void world_step(struct world *w)
{
    struct producer *p = &w->producers[random_below(&w->seed, w->count)];

    w->now_ms += random_below(&w->seed, 8) == 0;
    switch (random_below(&w->seed, 4)) {
    case 0:
        if (p->up.count < PIPE / 2)
            client_step(p);
        break;
    case 1:
        client_read(p);
        break;
    default:
        broker_read(w, p);
        broker_turn(w);
    }
}

static uint64_t done_by_all(const struct world *w)
{
    uint64_t done = 0;

    for (uint32_t i = 0; i < w->count; i++)
        done += w->producers[i].done;
    return done;
}

static void without_a_consumer_exactly_the_capacity_is_sent(void **state)
{
    static const uint32_t producers[] = { 1, 2, 4, 16, 64 };
    (void)state;

    for (size_t k = 0; k < sizeof producers / sizeof producers[0]; k++) {
        for (uint64_t seed = 1; seed <= 5; seed++) {
            struct world *w = world_new(seed, producers[k], 100);

            for (uint32_t i = 0; i < w->count; i++)
                w->producers[i].goal = 1000;
            for (int i = 0; i < 60000; i++)
                world_step(w);
            assert_int_equal(done_by_all(w), 100);
            w->ready--; /* one is taken: exactly one more fits */
            for (int i = 0; i < 30000; i++)
                world_step(w);
            assert_int_equal(done_by_all(w), 101);
            free(w);
        }
    }
}

static void whoever_holds_the_credit_one_who_wants_gets_it_all(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct world *w = world_new(seed, 8, 100);

        for (uint32_t i = 0; i < 8; i++)
            w->producers[i].goal = random_below(&w->seed, 6);
        for (int i = 0; i < 3000; i++)
            world_step(w);
        for (uint32_t i = 1; i < 8; i++)
            w->producers[i].goal = w->producers[i].done; /* they go idle, holding what they hold */
        w->producers[0].goal = 1000;
        for (int i = 0; i < 20000; i++)
            world_step(w);
        assert_int_equal(done_by_all(w), 100);
        free(w);
    }
}

static void nobody_starves_while_the_consumer_takes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct world *w = world_new(seed, 16, 10 + seed * 30);

        for (uint32_t i = 0; i < w->count; i++)
            w->producers[i].goal = 200;
        for (int i = 0; i < 400000 && done_by_all(w) < 16 * 200; i++) {
            world_step(w);
            if (w->ready > 0 && random_below(&w->seed, 3) == 0)
                w->ready--;
        }
        for (uint32_t i = 0; i < w->count; i++)
            assert_int_equal(w->producers[i].done, 200);
        free(w);
    }
}

static void the_law_holds_while_producers_vanish_and_come_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct world *w = world_new(seed, 12, 50);

        for (uint32_t i = 0; i < w->count; i++)
            w->producers[i].goal = 100000;
        for (int i = 0; i < 30000; i++) {
            world_step(w);
            if (w->ready > 0 && random_below(&w->seed, 3) == 0)
                w->ready--;
            if (random_below(&w->seed, 200) == 0) {
                struct producer *p = &w->producers[random_below(&w->seed, w->count)];

                strato_credit_detach(&w->pool, &p->grantor);
                strato_credit_detach(&w->pool, &p->grantor);
                assert_law(w);
                p->up = p->down = (struct pipe){ .head = 0 };
                join(w, p);
                assert_law(w);
            }
        }
        free(w);
    }
}

static void a_resume_sends_again_from_accepted(void **state)
{
    struct world *w = world_new(1, 1, 100);
    struct producer *p = &w->producers[0];
    struct strato_credit_room room;
    uint64_t index, resend, skip;
    (void)state;

    assert_int_equal(strato_credit_sender_spend(&p->sender, 10, &index), 0);
    strato_credit_sender_lost(&p->sender); /* the put never arrived */
    assert_int_equal(strato_credit_sender_spend(&p->sender, 10, &index), STRATO_ESTATE);
    strato_credit_detach(&w->pool, &p->grantor);
    assert_int_equal(w->pool.granted, 0);
    strato_credit_reattach(&w->pool, &p->grantor);
    room = room_of(w);
    strato_credit_first(&w->pool, &p->grantor, &room);
    assert_int_equal(strato_credit_sender_resume(&p->sender, p->grantor.accepted, p->grantor.accepted_bytes,
                                                 p->grantor.limit, p->grantor.limit_bytes, &resend),
                     0);
    assert_int_equal(resend, 1);
    assert_int_equal(strato_credit_sender_spend(&p->sender, 10, &index), 0);
    assert_int_equal(index, 0);
    assert_int_equal(strato_credit_admit(&p->grantor, 0, 1, &skip), 0);
    assert_int_equal(strato_credit_sender_resume(&p->sender, 99, 0, 99, 0, &resend), STRATO_EPROTO);
    free(w);
}

static void puts_out_of_place_are_refused_by_name(void **state)
{
    struct world *w = world_new(1, 1, 100);
    struct strato_credit_grantor *g = &w->producers[0].grantor;
    uint64_t skip = 9;
    (void)state;

    assert_int_equal(strato_credit_admit(g, 1, 1, &skip), STRATO_EGAP);
    assert_int_equal(strato_credit_admit(g, 0, 2, &skip), STRATO_ECREDIT);
    assert_int_equal(strato_credit_admit(g, 0, UINT64_MAX, &skip), STRATO_ECREDIT);
    assert_int_equal(strato_credit_spend(&w->pool, g, g->limit_bytes + 1), STRATO_ECREDIT);
    assert_int_equal(strato_credit_spend(&w->pool, g, 10), 0);
    assert_int_equal(strato_credit_admit(g, 0, 1, &skip), 0);
    assert_int_equal(skip, 1);
    assert_int_equal(strato_credit_spend(&w->pool, g, 10), STRATO_ECREDIT);
    assert_int_equal(strato_credit_release(&w->pool, g, 77, 0), STRATO_EPROTO);
    assert_law(w);
    free(w);
}

static void the_wait_ends_and_the_1025th_is_full(void **state)
{
    struct strato_credit_grantor *g = calloc(STRATO_CREDIT_WAITING_MAX + 1, sizeof *g);
    struct strato_credit_pool pool = { 0 };
    (void)state;

    assert_non_null(g);
    for (int i = 0; i <= STRATO_CREDIT_WAITING_MAX; i++)
        strato_credit_attach(&pool, &g[i], NULL);
    for (int i = 0; i < STRATO_CREDIT_WAITING_MAX; i++)
        assert_int_equal(strato_credit_need(&pool, &g[i], 1, 0, 1000, i ? 500 : 0, 100), 0);
    assert_int_equal(strato_credit_need(&pool, &g[STRATO_CREDIT_WAITING_MAX], 1, 0, 1000, 0, 100), STRATO_EFULL);
    assert_int_equal(strato_credit_need(&pool, &g[1], 1, 1001, 1000, 0, 100), STRATO_ETOO_BIG);
    assert_int_equal(strato_credit_next_deadline_ms(&pool), 100 + STRATO_CREDIT_NOW_CAP_MS);
    assert_null(strato_credit_expire(&pool, 119));
    assert_ptr_equal(strato_credit_expire(&pool, 120), &g[0]);
    assert_null(strato_credit_expire(&pool, 120));
    assert_int_equal(strato_credit_next_deadline_ms(&pool), 600);
    free(g);
}

static void a_lowered_capacity_takes_credit_back(void **state)
{
    struct world *w = world_new(1, 10, 100);
    struct strato_credit_room room;
    struct strato_credit_turn turn;
    struct strato_credit_step step;
    unsigned revokes = 0;
    (void)state;

    assert_int_equal(w->pool.granted, 10);
    w->capacity = 3;
    room = room_of(w);

    strato_credit_turn_begin(&turn, &w->pool, &room, 0);
    while (strato_credit_turn_next(&turn, &step)) {
        assert_int_equal(step.verb, STRATO_CREDIT_REVOKE);
        revokes++;
        assert_int_equal(strato_credit_release(&w->pool, step.grantor, 0, 0), 0);
    }
    assert_true(revokes >= 7);
    assert_true(w->pool.granted <= 3);
    free(w);
}

static void upto_bytes_at_the_head_collects_before_those_behind(void **state)
{
    struct strato_credit_pool pool = { 0 };
    struct strato_credit_grantor big, small;
    struct strato_credit_room room = { .messages = 10, .bytes = 600, .capacity = 10, .bytes_max = 1000 };
    struct strato_credit_turn turn;
    struct strato_credit_step step;
    (void)state;

    strato_credit_attach(&pool, &big, NULL);
    strato_credit_attach(&pool, &small, NULL);
    assert_int_equal(strato_credit_need(&pool, &big, 1, 900, 1000, 5000, 0), 0);
    assert_int_equal(strato_credit_need(&pool, &small, 1, 0, 1000, 5000, 0), 0);
    strato_credit_turn_begin(&turn, &pool, &room, 1);
    while (strato_credit_turn_next(&turn, &step))
        assert_ptr_equal(step.grantor, &big);
    assert_int_equal(big.limit_bytes, 600);
    assert_int_equal(small.limit_bytes, 0);
    room = (struct strato_credit_room){ .messages = 9, .bytes = 300, .capacity = 10, .bytes_max = 1000 };
    strato_credit_turn_begin(&turn, &pool, &room, 1);
    while (strato_credit_turn_next(&turn, &step))
        assert_int_equal(step.verb, STRATO_CREDIT_GRANT); /* what was just given is not taken back at once */
    assert_true(pool.is_stuck);
    assert_int_equal(big.limit_bytes, 900);
    assert_int_equal(big.limit, 1);
}

static void a_pacing_pool_grants_and_reserves_nothing(void **state)
{
    struct strato_credit_pool pool = { .is_pacing = true };
    struct strato_credit_grantor g;
    struct strato_credit_room room = { .messages = 0, .bytes = 0, .capacity = 10, .bytes_max = 1000 };
    struct strato_credit_turn turn;
    struct strato_credit_step step;
    (void)state;

    strato_credit_attach(&pool, &g, NULL);
    assert_int_equal(strato_credit_need(&pool, &g, 4096, 0, 1000, 5000, 0), 0);
    strato_credit_turn_begin(&turn, &pool, &room, 1);
    assert_true(strato_credit_turn_next(&turn, &step));
    assert_int_equal(g.limit, STRATO_CREDIT_PACE_MESSAGES);
    assert_int_equal(pool.granted, 0);
    assert_false(strato_credit_turn_next(&turn, &step));
    assert_true(strato_credit_pool_holds(&pool));
}

static void stale_and_repeated_credits_change_nothing(void **state)
{
    struct strato_credit_sender s;
    uint64_t index, sent, sent_bytes;
    (void)state;

    strato_credit_sender_open(&s, 0, 5, 1000);
    assert_int_equal(strato_credit_sender_spend(&s, 1, &index), 0);
    strato_credit_sender_credit(&s, 3, 500, 1, 0);
    assert_int_equal(s.limit, 5);
    assert_int_equal(s.accepted, 1);
    strato_credit_sender_credit(&s, 5, 1000, 7, 0); /* more than was sent: not believed */
    assert_int_equal(s.accepted, 1);
    strato_credit_sender_revoke(&s, &sent, &sent_bytes);
    assert_int_equal(sent, 1);
    assert_int_equal(s.state, STRATO_CREDIT_DRY);
    assert_int_equal(strato_credit_sender_spend(&s, 1, &index), STRATO_EAGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_consumer_exactly_the_capacity_is_sent),
        cmocka_unit_test(whoever_holds_the_credit_one_who_wants_gets_it_all),
        cmocka_unit_test(nobody_starves_while_the_consumer_takes),
        cmocka_unit_test(the_law_holds_while_producers_vanish_and_come_back),
        cmocka_unit_test(a_resume_sends_again_from_accepted),
        cmocka_unit_test(puts_out_of_place_are_refused_by_name),
        cmocka_unit_test(the_wait_ends_and_the_1025th_is_full),
        cmocka_unit_test(a_lowered_capacity_takes_credit_back),
        cmocka_unit_test(upto_bytes_at_the_head_collects_before_those_behind),
        cmocka_unit_test(a_pacing_pool_grants_and_reserves_nothing),
        cmocka_unit_test(stale_and_repeated_credits_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
