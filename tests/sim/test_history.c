/*
 * test_history.c - claims about queries of what a channel remembers, and about messages sent to an agent.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/claims.h"
#include "tests/sim/world.h"

enum { READER = 9, PRODUCER = 1 };

static int setup(void **state)
{
    struct world *w = malloc(sizeof(*w));

    world_open(w, NULL);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static void put(struct world *w, brain_peer peer, const struct strato_envelope_out *e)
{
    world_l1_put(w, peer, "events", 0, e);
    world_free(world_expect(w, peer, STRATO_OP_ok));
    world_turn(w);
}

struct asked {
    uint64_t from_seq, from_ts, limit;
    const char *match, *sender, *type, *correlation;
};

static void ask(struct world *w, const struct asked *a)
{
    struct world_out o;

    world_begin(&o, w, READER, "hist");
    world_u64(&o, "rq", 1);
    world_str(&o, "ch", "events");
    if (a->from_seq)
        world_u64(&o, "from_seq", a->from_seq);
    if (a->from_ts)
        world_u64(&o, "from_ts", a->from_ts);
    if (a->limit)
        world_u64(&o, "limit", a->limit);
    if (a->match)
        world_str(&o, "match", a->match);
    if (a->sender)
        world_str(&o, "sender", a->sender);
    if (a->type)
        world_str(&o, "type", a->type);
    if (a->correlation)
        world_str(&o, "correlation_id", a->correlation);
    world_body(&o);
    world_send(&o);
}

static struct world_frame *page(struct world *w, const struct asked *a)
{
    ask(w, a);
    world_turn(w);
    return world_expect(w, READER, STRATO_OP_event);
}

/* The seqs that a query finds, over all its pages, as a text. */
static const char *found(struct world *w, struct asked a)
{
    static char text[256];
    size_t used = 0;
    bool more;

    text[0] = '\0';
    do {
        struct world_frame *f = page(w, &a);

        for (uint64_t k = 0; k < f->header.n; k++)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%llu", used ? " " : "",
                                     (unsigned long long)world_envelope_at(f, k).seq);
        more = f->header.more;
        a.from_seq = f->header.last + 1;
        world_free(f);
    } while (more);
    return text;
}

static void events_are_found_by_place_time_topic_sender_type_and_correlation(void **state)
{
    struct world *w = *state;
    uint64_t ts_ms;
    struct world_frame *f;

    world_hello(w, 20, "a17", NULL);
    put(w, PRODUCER, &(struct strato_envelope_out){ .type = "x.one", .topic = "eu.de" });
    put(w, PRODUCER,
        &(struct strato_envelope_out){ .type = "x.two", .topic = "eu.fr", .correlation_id = strato_text("c7") });
    put(w, 20, &(struct strato_envelope_out){ .type = "x.one", .topic = "us.ny" });
    world_wait(w, 5000);
    put(w, 20, &(struct strato_envelope_out){ .type = "y.one", .topic = "eu.de", .correlation_id = strato_text("c7") });
    assert_string_equal(found(w, (struct asked){ 0 }), "1 2 3 4");
    assert_string_equal(found(w, (struct asked){ .from_seq = 3 }), "3 4");
    assert_string_equal(found(w, (struct asked){ .match = "eu.*" }), "1 2 4");
    assert_string_equal(found(w, (struct asked){ .type = "x.*" }), "1 2 3");
    assert_string_equal(found(w, (struct asked){ .sender = "a17" }), "3 4");
    assert_string_equal(found(w, (struct asked){ .sender = "local/a17" }), "3 4");
    assert_string_equal(found(w, (struct asked){ .sender = "local" }), "1 2");
    assert_string_equal(found(w, (struct asked){ .correlation = "c7" }), "2 4");
    assert_string_equal(found(w, (struct asked){ .correlation = "c7", .sender = "a17", .match = "eu.>" }), "4");
    assert_string_equal(found(w, (struct asked){ .correlation = "c8" }), "");
    f = page(w, &(struct asked){ .from_seq = 4 });
    ts_ms = world_envelope_at(f, 0).ts_ms;
    world_free(f);
    assert_string_equal(found(w, (struct asked){ .from_ts = ts_ms }), "4");
    assert_string_equal(found(w, (struct asked){ .from_ts = ts_ms - 1000, .match = "eu.*" }), "4");
}

static void a_page_is_followed_by_the_next_without_a_seam(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 7; i++)
        put(w, PRODUCER, &(struct strato_envelope_out){ .type = i % 2 ? "odd" : "even" });
    assert_string_equal(found(w, (struct asked){ .limit = 2 }), "1 2 3 4 5 6 7");
    assert_string_equal(found(w, (struct asked){ .limit = 2, .type = "even" }), "1 3 5 7");
}

/* 10,000 are kept; whoever looks for something rare gets empty pages, each of a bounded walk. */
static void one_page_looks_at_2048_messages_and_no_more(void **state)
{
    struct world *w = *state;
    struct asked a = { .type = "rare" };
    unsigned pages = 0;
    struct world_frame *f;

    for (int i = 0; i < 5000; i++)
        put(w, PRODUCER, &(struct strato_envelope_out){ .type = i == 4999 ? "rare" : "plain" });
    for (bool more = true; more; pages++) {
        f = page(w, &a);
        assert_true(f->header.last + 1 - (a.from_seq ? a.from_seq : 1) <= 2048);
        more = f->header.more;
        assert_int_equal(f->header.n, more ? 0 : 1);
        a.from_seq = f->header.last + 1;
        world_free(f);
    }
    assert_int_equal(pages, 3);
}

static void all_pages_of_a_turn_together_look_at_a_bounded_number(void **state)
{
    struct world *w = *state;
    uint64_t looked = 0;

    for (int i = 0; i < 3000; i++)
        put(w, PRODUCER, &(struct strato_envelope_out){ .type = "plain" });
    for (int i = 0; i < 100; i++)
        ask(w, &(struct asked){ .type = "rare" });
    world_turn(w);
    for (int i = 0; i < 100; i++) {
        struct world_frame *f = world_expect(w, READER, STRATO_OP_event);

        assert_true(f->header.last >= 64); /* every page gets on */
        looked += f->header.last;
        world_free(f);
    }
    assert_true(looked <= 16384 + 100 * 64);
    world_free(page(w, &(struct asked){ .type = "rare" }));
}

static void queries_that_make_no_sense_are_refused_by_name(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *key, *text;
        int err;
    } cases[] = { { "sender", "a..b", STRATO_ESCHEMA },
                  { "type", ">.a", STRATO_ESCHEMA },
                  { "type", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", STRATO_ELIMIT },
                  { "correlation_id", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                    STRATO_ELIMIT } };
    struct world_out o;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        world_begin(&o, w, READER, "hist");
        world_str(&o, "ch", "events");
        world_str(&o, cases[i].key, cases[i].text);
        world_body(&o);
        world_send(&o);
        world_expect_err(w, READER, cases[i].err);
    }
    world_begin(&o, w, READER, "hist");
    world_str(&o, "ch", "events");
    world_u64(&o, "correlation_id", 7);
    world_body(&o);
    world_send(&o);
    world_expect_err(w, READER, STRATO_EPROTO);
}

/* ---- to an agent ---- */

static void put_to(struct world *w, const char *agent)
{
    struct world_out o;

    world_begin(&o, w, PRODUCER, "put");
    world_u64(&o, "rq", 1);
    world_body(&o);
    world_envelope(&o, &(struct strato_envelope_out){ .type = "hi", .to = agent });
    world_send(&o);
}

static void a_put_without_a_channel_goes_to_the_agent_it_names(void **state)
{
    struct world *w = *state;

    world_hello(w, 20, "a17", NULL);
    put_to(w, "a17");
    world_free(world_expect(w, PRODUCER, STRATO_OP_ok));
    assert_int_equal(world_stats(w, "@a17").ready, 1);
    put_to(w, "nobody");
    world_expect_err(w, PRODUCER, STRATO_ENO_ROUTE);
    put_to(w, NULL);
    world_expect_err(w, PRODUCER, STRATO_EPROTO);
}

static void a_message_for_an_agent_that_is_away_expires_after_its_time(void **state)
{
    struct world *w = *state;
    struct world_out o;

    world_hello(w, 20, "a17", NULL);
    world_event(w, BRAIN_PEER_GONE, 20); /* away, and known for 300 s */
    world_begin(&o, w, PRODUCER, "put");
    world_u64(&o, "rq", 1);
    world_str(&o, "ch", "@a17");
    world_body(&o);
    world_envelope(&o, &(struct strato_envelope_out){ .type = "hi", .has = STRATO_ENV_TTL, .ttl_ms = 2000 });
    world_send(&o);
    world_free(world_expect(w, PRODUCER, STRATO_OP_ok));
    world_wait(w, 1000);
    assert_int_equal(world_stats(w, "@a17").ready, 1);
    world_wait(w, 1500);
    assert_int_equal(world_stats(w, "@a17").ready, 0);
    assert_int_equal(world_stats(w, "@a17").dead_lettered, 1);
}

static void the_pub_sub_edge_delivers_to_mailboxes_too(void **state)
{
    struct world *w = *state;
    struct strato_writer data = { 0 };

    world_hello(w, 20, "a17", NULL);
    strato_envelope_encode(&(struct strato_envelope_out){ .type = "hi", .to = "a17" }, &data);
    assert_int_equal(brain_step(w->brain,
                                &(struct brain_event){ .kind = BRAIN_EDGE_IN,
                                                       .data = strato_writer_view(&data),
                                                       .topic = strato_text("any.topic") },
                                w->now_ms, &w->out),
                     0);
    brain_out_reset(&w->out);
    world_turn(w);
    assert_int_equal(world_stats(w, "@a17").ready, 1);
    strato_writer_fini(&data);
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CLAIM(events_are_found_by_place_time_topic_sender_type_and_correlation),
        CLAIM(a_page_is_followed_by_the_next_without_a_seam),
        CLAIM(one_page_looks_at_2048_messages_and_no_more),
        CLAIM(all_pages_of_a_turn_together_look_at_a_bounded_number),
        CLAIM(queries_that_make_no_sense_are_refused_by_name),
        CLAIM(a_put_without_a_channel_goes_to_the_agent_it_names),
        CLAIM(a_message_for_an_agent_that_is_away_expires_after_its_time),
        CLAIM(the_pub_sub_edge_delivers_to_mailboxes_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
