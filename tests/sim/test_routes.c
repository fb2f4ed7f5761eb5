/*
 * test_routes.c - claims about routing rules: copies and moves, full and unknown targets, changes under way.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/claims.h"
#include "tests/sim/world.h"

enum { ADMIN = 9, PRODUCER = 1, WORKER = 2 };

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

/* Arguments of an admin operation: texts by key, "123" for a number where the key wants one. */
struct pairs {
    const char *key, *text;
};

static void admin(struct world *w, const char *op, const char *channel, const struct pairs *pairs)
{
    struct strato_writer arguments = { 0 };
    struct strato_envelope_out e = { .type = op };
    struct world_out o;
    uint32_t count = 0;

    while (pairs[count].key)
        count++;
    strato_writer_map(&arguments, count);
    for (uint32_t i = 0; i < count; i++) {
        const char *text = pairs[i].text;

        strato_writer_text(&arguments, pairs[i].key);
        if (text[0] >= '0' && text[0] <= '9')
            strato_writer_u64(&arguments, strtoull(text, NULL, 10));
        else if (strcmp(text, "no") == 0 || strcmp(text, "yes") == 0)
            strato_writer_bool(&arguments, text[0] == 'y');
        else
            strato_writer_text(&arguments, text);
    }
    e.payload = strato_writer_view(&arguments);
    world_begin(&o, w, ADMIN, op);
    world_u64(&o, "rq", 1);
    if (channel)
        world_str(&o, "ch", channel);
    world_body(&o);
    world_envelope(&o, &e);
    world_send(&o);
    strato_writer_fini(&arguments);
}
#define PAIRS(...)                                                                                                     \
    (const struct pairs[])                                                                                             \
    {                                                                                                                  \
        __VA_ARGS__,                                                                                                   \
        {                                                                                                              \
            NULL, NULL                                                                                                 \
        }                                                                                                              \
    }

static void done(struct world *w)
{
    world_free(world_expect(w, ADMIN, STRATO_OP_ok));
}

static void channel(struct world *w, const char *name, const char *pattern, const char *capacity)
{
    admin(w, "admin.channel.add", name, PAIRS({ "pattern", pattern }, { "capacity", capacity }));
    done(w);
}

static void rule(struct world *w, const char *id, const char *from, const char *to, const char *action)
{
    admin(w, "admin.route.add", NULL, PAIRS({ "id", id }, { "channel", from }, { "target", to }, { "action", action }));
    done(w);
}

static void put(struct world *w, const char *to, const struct strato_envelope_out *e)
{
    world_l1_put(w, PRODUCER, to, 0, e);
    world_free(world_expect(w, PRODUCER, STRATO_OP_ok));
    world_turn(w);
}

static uint64_t ready(struct world *w, const char *name)
{
    return world_stats(w, name).ready;
}

/* Take one message and ack it; its envelope's type must be as said. */
static void take(struct world *w, const char *name, const char *type)
{
    struct world_frame *f;
    struct world_out o;

    world_get(w, WORKER, name, 1, 0);
    world_turn(w);
    f = world_expect(w, WORKER, STRATO_OP_deliver);
    assert_true(strato_bytes_is(world_envelope_at(f, 0).type, type));
    world_begin(&o, w, WORKER, "ack");
    world_str(&o, "ch", name);
    strato_header_raw(&o.header, "leases", f->header.leases);
    world_body(&o);
    world_send(&o);
    world_free(f);
    world_turn(w);
    world_free(world_expect(w, WORKER, STRATO_OP_ok));
}

/* ---- what rules do ---- */

static void a_tee_copies_and_a_redirect_moves(void **state)
{
    struct world *w = *state;

    channel(w, "a", "work", "10");
    channel(w, "b", "work", "10");
    channel(w, "c", "work", "10");
    rule(w, "copy", "a", "b", "tee");
    put(w, "a", NULL);
    assert_int_equal(ready(w, "a"), 1);
    assert_int_equal(ready(w, "b"), 1);
    rule(w, "move", "a", "c", "redirect");
    put(w, "a", NULL);
    assert_int_equal(ready(w, "a"), 1);
    assert_int_equal(ready(w, "b"), 2);
    assert_int_equal(ready(w, "c"), 1);
    assert_int_equal(world_stats(w, "a").accepted, 2);
    assert_int_equal(world_stats(w, "a").settled, 1);
    take(w, "c", "test.work");
}

static void every_tee_before_the_first_redirect_fires_and_nothing_behind_it(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *id, *target, *action, *priority;
    } rules[] = { { "r3", "d", "tee", "1" },
                  { "r2", "c", "redirect", "5" },
                  { "r1", "b", "tee", "9" },
                  { "r0", "e", "tee", "9" },
                  { "r4", "e", "redirect", "5" } };

    for (const char *name = "abcde"; *name; name++)
        channel(w, (char[]){ *name, '\0' }, "work", "10");
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        admin(w, "admin.route.add", NULL,
              PAIRS({ "id", rules[i].id }, { "channel", "a" }, { "target", rules[i].target },
                    { "action", rules[i].action }, { "priority", rules[i].priority }));
        done(w);
    }
    put(w, "a", NULL);
    assert_int_equal(ready(w, "a"), 0);
    assert_int_equal(ready(w, "b"), 1);
    assert_int_equal(ready(w, "c"), 1);
    assert_int_equal(ready(w, "d"), 0);
    assert_int_equal(ready(w, "e"), 1);
}

static void rules_look_at_type_sender_topic_and_recipient(void **state)
{
    struct world *w = *state;

    channel(w, "a", "work", "100");
    channel(w, "b", "work", "100");
    admin(w, "admin.route.add", NULL,
          PAIRS({ "type", "job.*" }, { "topic", "eu.>" }, { "to", "a17" }, { "sender", "local" }, { "target", "b" },
                { "action", "redirect" }));
    done(w);
    put(w, "a", &(struct strato_envelope_out){ .type = "job.x", .topic = "eu.de", .to = "a17" });
    assert_int_equal(ready(w, "b"), 1);
    put(w, "a", &(struct strato_envelope_out){ .type = "job.x", .topic = "eu.de" });
    put(w, "a", &(struct strato_envelope_out){ .type = "job.x", .to = "a17" });
    put(w, "a", &(struct strato_envelope_out){ .type = "jobs", .topic = "eu.de", .to = "a17" });
    assert_int_equal(ready(w, "b"), 1);
    assert_int_equal(ready(w, "a"), 3);
}

static void rules_come_change_and_go_while_messages_flow(void **state)
{
    struct world *w = *state;

    channel(w, "a", "work", "100");
    channel(w, "b", "work", "100");
    rule(w, "move", "a", "b", "redirect");
    put(w, "a", NULL);
    admin(w, "admin.route.set", NULL, PAIRS({ "id", "move" }, { "enabled", "no" }));
    done(w);
    put(w, "a", NULL);
    admin(w, "admin.route.set", NULL, PAIRS({ "id", "move" }, { "enabled", "yes" }));
    done(w);
    put(w, "a", NULL);
    admin(w, "admin.route.rm", NULL, PAIRS({ "id", "move" }));
    done(w);
    put(w, "a", NULL);
    assert_int_equal(ready(w, "a"), 2);
    assert_int_equal(ready(w, "b"), 2);
    admin(w, "admin.route.rm", NULL, PAIRS({ "id", "move" }));
    world_expect_err(w, ADMIN, STRATO_ENO_ROUTE);
}

static void a_circle_of_rules_ends_after_one_step(void **state)
{
    struct world *w = *state;

    channel(w, "a", "work", "10");
    channel(w, "b", "work", "10");
    rule(w, "there", "a", "b", "redirect");
    rule(w, "back", "b", "a", "redirect");
    rule(w, "copies", "b", "a", "tee");
    put(w, "a", NULL);
    assert_int_equal(ready(w, "b"), 1);
    assert_int_equal(ready(w, "a"), 0);
    put(w, "b", NULL);
    assert_int_equal(ready(w, "a"), 1);
    assert_int_equal(ready(w, "b"), 1);
}

static void the_payload_and_its_limits_go_along(void **state)
{
    struct world *w = *state;
    const uint8_t payload[] = { 0xa2, 'h', 'i' };
    struct world_frame *f;
    struct strato_envelope e;

    channel(w, "a", "work", "10");
    channel(w, "b", "work", "10");
    rule(w, "move", "a", "b", "redirect");
    put(w, "a",
        &(struct strato_envelope_out){ .type = "job",
                                       .payload = strato_bytes(payload, sizeof(payload)),
                                       .id = strato_text("seven"),
                                       .has = STRATO_ENV_PRIORITY | STRATO_ENV_TTL,
                                       .priority = 90,
                                       .ttl_ms = 1000 });
    world_wait(w, 300);
    world_get(w, WORKER, "b", 1, 0);
    world_turn(w);
    f = world_expect(w, WORKER, STRATO_OP_deliver);
    e = world_envelope_at(f, 0);
    assert_true(strato_bytes_equal(e.payload, strato_bytes(payload, sizeof(payload))));
    assert_true(strato_bytes_is(e.id.bytes, "seven"));
    assert_int_equal(e.priority, 90);
    assert_int_equal(e.seq, 1);
    assert_int_equal(e.attempts, 1);
    assert_in_range(e.ttl_left_ms, 600, 700);
    assert_true(strato_bytes_is(e.sender, "local"));
    world_free(f);
}

static void a_delayed_message_is_routed_when_its_time_comes(void **state)
{
    struct world *w = *state;

    channel(w, "a", "work", "10");
    channel(w, "b", "work", "10");
    rule(w, "move", "a", "b", "redirect");
    put(w, "a", &(struct strato_envelope_out){ .type = "job", .delay_ms = 1000 });
    assert_int_equal(world_stats(w, "a").delayed, 1);
    world_wait(w, 1200);
    assert_int_equal(world_stats(w, "a").delayed, 0);
    assert_int_equal(ready(w, "b"), 1);
}

/* ---- full, unknown, removed ---- */

static void a_redirect_to_a_full_target_waits_in_its_own_slot(void **state)
{
    struct world *w = *state;

    channel(w, "a", "work", "2");
    channel(w, "b", "work", "1");
    rule(w, "move", "a", "b", "redirect");
    put(w, "b", &(struct strato_envelope_out){ .type = "first" });
    put(w, "a", &(struct strato_envelope_out){ .type = "second" });
    put(w, "a", &(struct strato_envelope_out){ .type = "third" });
    assert_int_equal(ready(w, "a"), 2);
    assert_int_equal(ready(w, "b"), 1);
    world_l1_put(w, PRODUCER, "a", 0, NULL);
    world_expect_err(w, PRODUCER, STRATO_EFULL);
    world_get(w, WORKER, "a", 1, 0); /* it is on its way: nobody here gets it */
    world_turn(w);
    world_expect_err(w, WORKER, STRATO_EEMPTY);
    take(w, "b", "first");
    assert_int_equal(ready(w, "a"), 1);
    take(w, "b", "second");
    take(w, "b", "third");
    assert_int_equal(ready(w, "a"), 0);
    assert_int_equal(world_stats(w, "a").settled, 2);
    assert_int_equal(world_stats(w, "b").settled, 3);
}

static void what_waits_takes_idle_credit_of_the_targets_producers(void **state)
{
    struct world *w = *state;
    struct world_frame *f;
    struct world_out o;

    channel(w, "a", "work", "10");
    channel(w, "b", "work", "1");
    world_hello(w, 20, NULL, NULL);
    assert_int_equal(world_open_channel(w, 20, "b", "p"), 1);
    rule(w, "move", "a", "b", "redirect");
    put(w, "a", NULL);
    assert_int_equal(ready(w, "a"), 1);
    f = world_expect(w, 20, STRATO_OP_revoke);
    world_free(f);
    world_begin(&o, w, 20, "release");
    world_str(&o, "ch", "b");
    world_u64(&o, "sent", 0);
    world_u64(&o, "sent_bytes", 0);
    world_body(&o);
    world_send(&o);
    world_turn(w);
    assert_int_equal(ready(w, "a"), 0);
    assert_int_equal(ready(w, "b"), 1);
}

static void what_waits_expires_in_its_source(void **state)
{
    struct world *w = *state;

    channel(w, "a", "work", "10");
    channel(w, "b", "work", "1");
    put(w, "b", NULL);
    rule(w, "move", "a", "b", "redirect");
    put(w, "a", &(struct strato_envelope_out){ .type = "job", .has = STRATO_ENV_TTL, .ttl_ms = 500 });
    world_wait(w, 700);
    assert_int_equal(ready(w, "a"), 0);
    assert_int_equal(world_stats(w, "a").dead_lettered, 1);
    assert_int_equal(world_stats(w, "b").accepted, 1);
}

static void what_waits_is_purged_with_its_source_and_dead_with_its_target(void **state)
{
    struct world *w = *state;

    channel(w, "a", "work", "10");
    channel(w, "b", "work", "1");
    put(w, "b", NULL);
    rule(w, "move", "a", "b", "redirect");
    put(w, "a", NULL);
    put(w, "a", NULL);
    admin(w, "admin.purge", "a", PAIRS({ NULL, NULL }));
    done(w);
    assert_int_equal(ready(w, "a"), 0);
    assert_int_equal(world_stats(w, "a").dropped_purged, 2);
    put(w, "a", NULL);
    admin(w, "admin.channel.rm", "b", PAIRS({ NULL, NULL }));
    done(w);
    world_turn(w);
    assert_int_equal(ready(w, "a"), 0);
    assert_int_equal(world_stats(w, "a").dead_lettered, 1);
    put(w, "a", NULL); /* no such target any more: no_route */
    assert_int_equal(world_stats(w, "a").dead_lettered, 2);
}

static void the_source_may_go_while_its_messages_wait(void **state)
{
    struct world *w = *state;

    channel(w, "a", "work", "10");
    channel(w, "b", "work", "1");
    put(w, "b", NULL);
    rule(w, "move", "a", "b", "redirect");
    put(w, "a", NULL);
    admin(w, "admin.channel.rm", "a", PAIRS({ NULL, NULL }));
    done(w);
    world_turn(w);
    take(w, "b", "test.work");
    assert_int_equal(world_stats(w, "b").accepted, 1);
}

static void a_tee_to_a_full_or_unknown_target_is_a_counted_drop(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    channel(w, "a", "work", "10");
    channel(w, "b", "work", "1");
    rule(w, "full", "a", "b", "tee");
    rule(w, "nowhere", "a", "nosuch", "tee");
    put(w, "a", NULL);
    put(w, "a", NULL);
    assert_int_equal(ready(w, "a"), 2);
    assert_int_equal(ready(w, "b"), 1);
    assert_int_equal(world_stats(w, "b").refused, 1);
    admin(w, "admin.route.list", NULL, PAIRS({ NULL, NULL }));
    f = world_expect(w, ADMIN, STRATO_OP_ok);
    assert_non_null(memmem(f->data, f->bytes,
                           "\xa7matched\x02\xa7"
                           "dropped\x01",
                           18));
    assert_non_null(memmem(f->data, f->bytes,
                           "\xa7matched\x02\xa7"
                           "dropped\x02",
                           18));
    world_free(f);
}

static void a_redirect_to_an_unknown_target_is_a_dead_letter(void **state)
{
    struct world *w = *state;

    channel(w, "a", "work", "10");
    rule(w, "move", "a", "nosuch", "redirect");
    rule(w, "agent", "a", "@nobody", "redirect");
    put(w, "a", NULL);
    assert_int_equal(world_stats(w, "a").dead_lettered, 1);
    channel(w, "nosuch", "work", "10"); /* it comes later: the rule works from then on */
    put(w, "a", NULL);
    assert_int_equal(ready(w, "nosuch"), 1);
}

static void a_mailbox_may_be_a_target(void **state)
{
    struct world *w = *state;

    world_hello(w, 20, "a17", NULL);
    channel(w, "a", "work", "10");
    rule(w, "move", "a", "@a17", "redirect");
    put(w, "a", NULL);
    assert_int_equal(ready(w, "@a17"), 1);
}

/* ---- patterns ---- */

static void events_are_copied_to_work_and_moved_to_events(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    channel(w, "news", "events", "100");
    channel(w, "other", "events", "100");
    channel(w, "jobs", "work", "10");
    world_hello(w, 20, NULL, NULL);
    world_sub(w, 20, "news", NULL, NULL, 0);
    world_free(world_expect(w, 20, STRATO_OP_ok));
    world_hello(w, 21, NULL, NULL);
    world_sub(w, 21, "other", NULL, NULL, 0);
    world_free(world_expect(w, 21, STRATO_OP_ok));
    rule(w, "keep", "news", "jobs", "tee");
    put(w, "news", &(struct strato_envelope_out){ .type = "t", .topic = "news.a" });
    world_free(world_expect(w, 20, STRATO_OP_event));
    assert_int_equal(ready(w, "jobs"), 1);
    rule(w, "move", "news", "other", "redirect");
    put(w, "news", &(struct strato_envelope_out){ .type = "t", .topic = "news.b" });
    world_expect_nothing(w, 20);
    f = world_expect(w, 21, STRATO_OP_event);
    assert_true(strato_bytes_is(world_envelope_at(f, 0).topic, "news.b"));
    world_free(f);
    assert_int_equal(ready(w, "jobs"), 2);
}

static void calls_are_copied_but_answered_where_they_were_asked(void **state)
{
    struct world *w = *state;

    channel(w, "copies", "work", "10");
    world_hello(w, 20, NULL, NULL);
    world_open_channel(w, 20, "cost", "s");
    world_want(w, 20, "cost", 10, 0);
    world_hello(w, 21, NULL, NULL);
    rule(w, "copy", "cost", "copies", "tee");
    admin(w, "admin.route.add", NULL, PAIRS({ "target", "copies" }, { "action", "redirect" })); /* all channels */
    done(w);
    world_call(w, 21, "cost", 1, 1000, false);
    world_turn(w);
    world_free(world_expect(w, 20, STRATO_OP_deliver));
    assert_int_equal(ready(w, "copies"), 1);
}

static void patterns_that_do_not_fit_are_refused_when_the_rule_is_made(void **state)
{
    static const struct pairs refused[][5] = {
        { { "channel", "evolution" }, { "target", "events" }, { "action", "redirect" } },
        { { "channel", "events" }, { "target", "evolution" }, { "action", "redirect" } },
        { { "channel", "cost" }, { "target", "evolution" }, { "action", "redirect" } },
        { { "channel", "evolution" }, { "target", "cost" }, { "action", "tee" } },
        { { "target", "cost" }, { "action", "redirect" } },
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        admin(w, "admin.route.add", NULL, refused[i]);
        world_expect_err(w, ADMIN, STRATO_ECONFLICT);
    }
    rule(w, "copy", "evolution", "events", "tee");
    admin(w, "admin.route.set", NULL, PAIRS({ "id", "copy" }, { "action", "redirect" }));
    world_expect_err(w, ADMIN, STRATO_ECONFLICT);
}

/* ---- who, and how much ---- */

static void the_same_rule_twice_is_one_and_another_of_its_id_is_a_conflict(void **state)
{
    struct world *w = *state;

    rule(w, "x", "gpu", "evolution", "tee");
    rule(w, "x", "gpu", "evolution", "tee");
    admin(w, "admin.route.add", NULL, PAIRS({ "id", "x" }, { "target", "evolution" }, { "action", "tee" }));
    world_expect_err(w, ADMIN, STRATO_ECONFLICT);
}

static void rules_are_for_local_peers_and_at_most_1024(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 1024; i++) {
        admin(w, "admin.route.add", NULL, PAIRS({ "topic", "a" }, { "target", "evolution" }));
        done(w);
    }
    admin(w, "admin.route.add", NULL, PAIRS({ "topic", "a" }, { "target", "evolution" }));
    world_expect_err(w, ADMIN, STRATO_ELIMIT);
    admin(w, "admin.route.rm", NULL, PAIRS({ "id", "r500" }));
    done(w);
    w->peers[ADMIN].is_remote = true;
    admin(w, "admin.route.add", NULL, PAIRS({ "target", "evolution" }));
    world_expect_err(w, ADMIN, STRATO_EFORBIDDEN);
}

/* ---- counts by name ---- */

static void counts_by_topic_are_kept_on_request_and_for_1024_topics(void **state)
{
    struct world *w = *state;
    struct world_frame *f;

    admin(w, "admin.stats", "evolution", PAIRS({ "by", "topic" }));
    world_expect_err(w, ADMIN, STRATO_ECONFLICT);
    admin(w, "admin.channel.set", "evolution", PAIRS({ "tally", "yes" }));
    done(w);
    for (int i = 0; i < 1030; i++) {
        char topic[32];

        snprintf(topic, sizeof(topic), "t.%d", i);
        put(w, "evolution", &(struct strato_envelope_out){ .type = "x", .topic = topic });
    }
    admin(w, "admin.stats", "evolution", PAIRS({ "by", "topic" }));
    f = world_expect(w, ADMIN, STRATO_OP_ok);
    assert_non_null(memmem(f->data, f->bytes, "\xa6t.1023", 7));
    assert_null(memmem(f->data, f->bytes, "\xa6t.1024", 7));
    assert_non_null(memmem(f->data, f->bytes, "\xa5other\x85\xa8messages\x06", 17));
    world_free(f);
    admin(w, "admin.stats", "evolution", PAIRS({ "by", "sender" }));
    f = world_expect(w, ADMIN, STRATO_OP_ok);
    assert_non_null(memmem(f->data, f->bytes, "\xa5local\xa8messages\xcd\x04\x06", 18));
    world_free(f);
    admin(w, "admin.stats", "evolution", PAIRS({ "by", "colour" }));
    world_expect_err(w, ADMIN, STRATO_ESCHEMA);
    admin(w, "admin.stats", "nosuch", PAIRS({ "by", "topic" }));
    world_expect_err(w, ADMIN, STRATO_ENO_CHANNEL);
}

static void an_event_for_a_channel_whose_subscriber_blocks_is_dropped_and_counted(void **state)
{
    struct world *w = *state;

    channel(w, "news", "events", "100");
    channel(w, "other", "events", "2");
    world_hello(w, 20, NULL, NULL);
    world_sub(w, 20, "other", NULL, "block", 0);
    world_free(world_expect(w, 20, STRATO_OP_ok));
    rule(w, "move", "news", "other", "redirect");
    for (int i = 0; i < 5; i++)
        put(w, "news", NULL);
    assert_int_equal(world_stats(w, "other").ready + world_stats(w, "other").leased, 2);
    assert_int_equal(world_stats(w, "news").refused, 3);
}

/* Everything at once, from a seed: both laws hold after every turn. */
static void crowd(struct world *w)
{
    static const char *const names[] = { "a", "b", "c", "d" };
    uint64_t taken = 0;

    for (int i = 0; i < 4; i++)
        channel(w, names[i], "work", i == 3 ? "1" : "5");
    for (int round = 0; round < 3000; round++) {
        const char *from = names[world_random(w, 4)], *to = names[world_random(w, 4)];
        struct world_frame *f;
        char id[2] = { (char)('0' + world_random(w, 6)), '\0' };

        switch (world_random(w, 12)) {
        case 0:
            admin(w, "admin.route.add", NULL,
                  PAIRS({ "id", (id[0] += 49, id) }, { "channel", from }, { "target", to },
                        { "action", world_random(w, 2) ? "redirect" : "tee" },
                        { "priority", world_random(w, 2) ? "1" : "2" }));
            break;
        case 1:
            admin(w, "admin.route.rm", NULL, PAIRS({ "id", (id[0] += 49, id) }));
            break;
        case 2:
            admin(w, "admin.purge", from, PAIRS({ NULL, NULL }));
            break;
        case 3:
            world_wait(w, world_random(w, 300));
            break;
        case 4:
        case 5:
        case 6:
            world_get(w, WORKER, from, 1 + world_random(w, 3), 0);
            world_turn(w);
            while ((f = world_receive(w, WORKER)) != NULL) {
                if (f->header.opcode == STRATO_OP_deliver) {
                    struct world_out o;

                    taken++;
                    world_begin(&o, w, WORKER, world_random(w, 4) ? "ack" : "nack");
                    world_str(&o, "ch", from);
                    strato_header_raw(&o.header, "leases", f->header.leases);
                    world_body(&o);
                    world_send(&o);
                }
                world_free(f);
            }
            break;
        default:
            world_l1_put(w, PRODUCER, from, 0,
                         &(struct strato_envelope_out){ .type = "t",
                                                        .has = STRATO_ENV_TTL | STRATO_ENV_PRIORITY,
                                                        .priority = (uint8_t)world_random(w, 101),
                                                        .ttl_ms = 1 + (uint32_t)world_random(w, 2000),
                                                        .order_key = world_random(w, 3) ? NULL : "k",
                                                        .delay_ms = world_random(w, 5) ? 0 : 100 });
            break;
        }
        world_turn(w);
        world_clear(w, ADMIN);
        world_clear(w, PRODUCER);
        world_clear(w, WORKER);
    }
    assert_true(taken > 100);
    for (int i = 0; i < 4; i++) {
        admin(w, "admin.channel.rm", names[i], PAIRS({ NULL, NULL }));
        done(w);
    }
}

static void a_crowd_with_random_rules_keeps_both_laws(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world *w = malloc(sizeof(*w));

        world_open(w, NULL);
        w->random = seed;
        print_message("seed %llu\n", (unsigned long long)seed);
        crowd(w);
        world_close(w);
        free(w);
    }
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CLAIM(a_tee_copies_and_a_redirect_moves),
        CLAIM(every_tee_before_the_first_redirect_fires_and_nothing_behind_it),
        CLAIM(rules_look_at_type_sender_topic_and_recipient),
        CLAIM(rules_come_change_and_go_while_messages_flow),
        CLAIM(a_circle_of_rules_ends_after_one_step),
        CLAIM(the_payload_and_its_limits_go_along),
        CLAIM(a_delayed_message_is_routed_when_its_time_comes),
        CLAIM(a_redirect_to_a_full_target_waits_in_its_own_slot),
        CLAIM(what_waits_takes_idle_credit_of_the_targets_producers),
        CLAIM(what_waits_expires_in_its_source),
        CLAIM(what_waits_is_purged_with_its_source_and_dead_with_its_target),
        CLAIM(the_source_may_go_while_its_messages_wait),
        CLAIM(a_tee_to_a_full_or_unknown_target_is_a_counted_drop),
        CLAIM(a_redirect_to_an_unknown_target_is_a_dead_letter),
        CLAIM(a_mailbox_may_be_a_target),
        CLAIM(events_are_copied_to_work_and_moved_to_events),
        CLAIM(calls_are_copied_but_answered_where_they_were_asked),
        CLAIM(patterns_that_do_not_fit_are_refused_when_the_rule_is_made),
        CLAIM(the_same_rule_twice_is_one_and_another_of_its_id_is_a_conflict),
        CLAIM(rules_are_for_local_peers_and_at_most_1024),
        CLAIM(counts_by_topic_are_kept_on_request_and_for_1024_topics),
        CLAIM(an_event_for_a_channel_whose_subscriber_blocks_is_dropped_and_counted),
        cmocka_unit_test(a_crowd_with_random_rules_keeps_both_laws),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
