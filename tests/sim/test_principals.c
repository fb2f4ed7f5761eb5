/*
 * test_principals.c - claims about keys: what each may do, what is refused by name, and what a reload ends.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/auth/keys.h"
#include "tests/sim/claims.h"
#include "tests/sim/world.h"

/* Keys are told apart by their first character here. */
#define KEY(c) "'" c "000000000000000000000000000000000000000'"
#define ROLES                                                                                                          \
    "roles:\n"                                                                                                         \
    "  maker: [{channel: evolution, verbs: [publish]}, {channel: cost, verbs: [request]},\n"                           \
    "          {channel: events, topic: 'a.>', verbs: [publish, consume]}]\n"                                          \
    "  taker: [{channel: evolution, verbs: [consume]}, {channel: events, verbs: [consume]}]\n"                         \
    "  server: [{channel: 'svc.*', verbs: [serve]}]\n"

enum { MAKER = 1, TAKER, ADMIN, SERVER, STRANGER }; /* peers */

static const char file[] = ROLES
    "keys:\n"
    "  maker: {key: " KEY("1") ", roles: [maker], connections: 2}\n"
                               "  taker: {key: " KEY("2") ", roles: [taker]}\n"
                                                          "  root: {key: " KEY("3") ", roles: [admin]}\n"
                                                                                    "  server: {key: " KEY(
                                                                                        "4") ", roles: [server]}\n";

struct fixture {
    struct world w; /* first: the claims of others take it */
    struct auth_keys *keys;
    uint8_t key[8][STRATO_KEY_BYTES];
};

static void load(struct fixture *f, const char *text)
{
    struct auth_keys *old = f->keys, *fresh = NULL;
    struct strato_option_error e = { "" };

    if (auth_keys_parse("keys", strato_text(text), &fresh, &e) < 0)
        fail_msg("%s", e.text);
    world_step(&f->w, &(struct brain_event){ .kind = BRAIN_PRINCIPALS, .principals = auth_keys_all(fresh) });
    auth_keys_drop(old);
    f->keys = fresh;
    world_turn(&f->w);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    world_open(&f->w, NULL);
    for (int i = 1; i < 8; i++) {
        char text[STRATO_KEY_CHARS + 1];

        memset(text, '0', STRATO_KEY_CHARS);
        text[0] = (char)('0' + i);
        assert_true(strato_key_parse(strato_bytes(text, STRATO_KEY_CHARS), f->key[i]));
        f->w.peers[i].key = f->key[i];
    }
    load(f, file);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    world_close(&f->w);
    auth_keys_drop(f->keys);
    free(f);
    return 0;
}

static void say(struct world *w, brain_peer peer, const char *op)
{
    struct world_out o;

    world_begin(&o, w, peer, op);
    world_body(&o);
    world_send(&o);
}

static void try_open(struct world *w, brain_peer peer, const char *channel, const char *dir)
{
    struct world_out o;

    world_begin(&o, w, peer, "open");
    world_str(&o, "ch", channel);
    world_str(&o, "dir", dir);
    world_body(&o);
    world_send(&o);
}

static void expect_forbidden(struct world *w, brain_peer peer, const char *says)
{
    struct world_frame *f = world_expect(w, peer, STRATO_OP_err);
    char detail[256];

    assert_int_equal(f->header.code, -STRATO_EFORBIDDEN);
    snprintf(detail, sizeof detail, "%.*s", (int)f->header.detail.bytes, (const char *)f->header.detail.data);
    if (!strstr(detail, says))
        fail_msg("said \"%s\", not \"%s\"", detail, says);
    world_free(f);
}

static void put_topic(struct world *w, brain_peer peer, const char *channel, const char *topic)
{
    struct strato_envelope_out e = { .type = "t", .topic = topic };

    world_l1_put(w, peer, channel, 0, &e);
}

static void a_put_needs_publish_and_is_stamped_with_the_keys_name(void **state)
{
    struct world *w = *state;
    struct world_frame *f;
    struct strato_envelope e;

    put_topic(w, MAKER, "evolution", NULL);
    world_free(world_expect(w, MAKER, STRATO_OP_ok));
    put_topic(w, TAKER, "evolution", NULL);
    expect_forbidden(w, TAKER, "key taker lacks the verb publish on channel evolution; it has: consume");
    world_get(w, TAKER, "evolution", 1, 0);
    world_turn(w);
    f = world_expect(w, TAKER, STRATO_OP_deliver);
    e = world_envelope_at(f, 0);
    assert_true(strato_bytes_is(e.sender, "maker"));
    world_free(f);
}

static void what_no_role_grants_is_refused_on_every_operation(void **state)
{
    struct world *w = *state;

    world_get(w, MAKER, "evolution", 1, 0);
    expect_forbidden(w, MAKER, "verb consume on channel evolution");
    world_hello(w, TAKER, "t", NULL);
    try_open(w, TAKER, "evolution", "p");
    expect_forbidden(w, TAKER, "verb publish on channel evolution");
    try_open(w, TAKER, "cost", "s");
    expect_forbidden(w, TAKER, "verb serve on channel cost");
    try_open(w, TAKER, "svc.a", "s"); /* a channel that is not there is not made either */
    expect_forbidden(w, TAKER, "verb serve on channel svc.a");
    world_call(w, TAKER, "cost", 1, 1000, false);
    world_turn(w);
    expect_forbidden(w, TAKER, "verb request on channel cost");
    say(w, TAKER, "admin.sessions");
    expect_forbidden(w, TAKER, "verb observe on all channels");
    say(w, TAKER, "admin.route.list");
    expect_forbidden(w, TAKER, "verb observe on all channels");
    say(w, ADMIN, "admin.sessions");
    world_free(world_expect(w, ADMIN, STRATO_OP_ok));
}

static void a_grant_of_serve_lets_the_channel_be_made(void **state)
{
    struct world *w = *state;

    world_hello(w, SERVER, "s", NULL);
    world_open_channel(w, SERVER, "svc.math", "s");
    try_open(w, SERVER, "other", "s");
    expect_forbidden(w, SERVER, "verb serve on channel other");
}

static void a_grant_by_topic_judges_each_message(void **state)
{
    struct world *w = *state;

    put_topic(w, MAKER, "events", "a.b");
    world_free(world_expect(w, MAKER, STRATO_OP_ok));
    put_topic(w, MAKER, "events", "b.a");
    expect_forbidden(w, MAKER, "publish on channel events with topic b.a");
    put_topic(w, MAKER, "events", NULL);
    expect_forbidden(w, MAKER, "publish on channel events; it has: publish of some topics");
    put_topic(w, ADMIN, "events", "b.a"); /* what was asked for one frame is not asked for the next */
    world_free(world_expect(w, ADMIN, STRATO_OP_ok));
}

static void a_subscription_stays_inside_the_granted_topics(void **state)
{
    struct world *w = *state;
    struct world_out o;

    world_hello(w, MAKER, "m", NULL);
    world_sub(w, MAKER, "events", ">", NULL, 0);
    expect_forbidden(w, MAKER, "consume on channel events");
    world_begin(&o, w, MAKER, "sub"); /* no globs: everything */
    world_str(&o, "ch", "events");
    world_body(&o);
    world_send(&o);
    expect_forbidden(w, MAKER, "consume on channel events");
    world_begin(&o, w, MAKER, "sub"); /* into somebody's group, whose globs may be wider */
    world_str(&o, "ch", "events");
    world_str(&o, "match", "a.>");
    world_str(&o, "group", "g");
    world_body(&o);
    world_send(&o);
    expect_forbidden(w, MAKER, "consume on channel events");
    world_sub(w, MAKER, "events", "a.*", NULL, 0);
    world_free(world_expect(w, MAKER, STRATO_OP_ok));
}

static void nobody_reads_anothers_mailbox(void **state)
{
    struct world *w = *state;

    world_hello(w, ADMIN, "boss", NULL);
    world_hello(w, SERVER, "s", NULL);
    try_open(w, SERVER, "@boss", "c");
    expect_forbidden(w, SERVER, "consume on channel @boss");
    world_hello(w, TAKER, "t", NULL);
    world_get(w, ADMIN, "@t", 1, 0); /* even the one who has every verb */
    expect_forbidden(w, ADMIN, "consume on channel @t");
    world_open_channel(w, ADMIN, "@boss", "c");
}

static void the_name_of_another_key_is_not_to_be_had(void **state)
{
    struct world *w = *state;
    struct world_out o;

    world_begin(&o, w, TAKER, "hello");
    world_str(&o, "agent", "root");
    world_body(&o);
    world_send(&o);
    expect_forbidden(w, TAKER, "name of another key");
    world_hello(w, TAKER, "taker", NULL);
    world_hello(w, ADMIN, "root", NULL);
}

static void a_stranger_is_told_and_forgotten(void **state)
{
    struct world *w = *state;
    struct brain_refusals refusals;
    uint64_t closed = w->closed;

    put_topic(w, STRANGER, "evolution", NULL);
    world_expect_err(w, STRANGER, STRATO_EAUTH);
    world_expect_nothing(w, STRANGER);
    assert_int_equal(w->closed, closed + 1);
    brain_refusals(w->brain, &refusals);
    assert_int_equal(refusals.strangers, 1);
    w->peers[STRANGER].key = NULL; /* over tcp, without a key */
    w->peers[STRANGER].is_remote = true;
    put_topic(w, STRANGER, "evolution", NULL);
    world_expect_err(w, STRANGER, STRATO_EAUTH);
    assert_int_equal(world_stats(w, "evolution").accepted, 0);
}

static void a_stolen_token_is_no_use_with_another_key(void **state)
{
    struct world *w = *state;
    struct world_out o;

    world_hello(w, MAKER, "m", NULL);
    world_begin(&o, w, TAKER, "hello");
    strato_header_raw(&o.header, "token", strato_bytes(w->peers[MAKER].token, w->peers[MAKER].token_bytes));
    world_body(&o);
    world_send(&o);
    world_expect_err(w, TAKER, STRATO_ETOKEN);
    world_open_channel(w, MAKER, "evolution", "p"); /* and its owner did not notice */
}

static void a_detached_name_does_not_yield_to_another_key(void **state)
{
    struct world *w = *state;
    struct world_out o;

    world_hello(w, MAKER, "m", NULL);
    world_event(w, BRAIN_PEER_GONE, MAKER);
    world_begin(&o, w, TAKER, "hello");
    world_str(&o, "agent", "m");
    world_body(&o);
    world_send(&o);
    world_expect_err(w, TAKER, STRATO_ENAME_IN_USE);
    world_hello(w, MAKER, "m", NULL); /* its own key, on a new connection */
}

static void a_stolen_lease_is_no_use_with_another_key(void **state)
{
    struct world *w = *state;
    struct world_frame *f;
    struct world_out o;
    uint8_t leases[64];
    size_t bytes;

    put_topic(w, MAKER, "evolution", NULL);
    world_clear(w, MAKER);
    world_get(w, TAKER, "evolution", 1, 0);
    world_turn(w);
    f = world_expect(w, TAKER, STRATO_OP_deliver);
    bytes = f->header.leases.bytes;
    assert_in_range(bytes, 1, sizeof leases);
    memcpy(leases, f->header.leases.data, bytes);
    world_free(f);
    world_begin(&o, w, ADMIN, "ack");
    world_str(&o, "ch", "evolution");
    strato_header_raw(&o.header, "leases", strato_bytes(leases, bytes));
    world_body(&o);
    world_send(&o);
    world_turn(w);
    world_expect_err(w, ADMIN, STRATO_ESTALE_LEASE);
    assert_int_equal(world_stats(w, "evolution").leased, 1);
    world_begin(&o, w, TAKER, "ack");
    world_str(&o, "ch", "evolution");
    strato_header_raw(&o.header, "leases", strato_bytes(leases, bytes));
    world_body(&o);
    world_send(&o);
    world_turn(w);
    assert_int_equal(world_stats(w, "evolution").settled, 1);
}

static void a_revoked_key_ends_at_once_and_gives_back_what_it_held(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;

    put_topic(w, MAKER, "evolution", NULL);
    world_clear(w, MAKER);
    world_hello(w, TAKER, "t", NULL);
    world_open_channel(w, TAKER, "evolution", "c");
    world_want(w, TAKER, "evolution", 8, 0);
    world_turn(w);
    assert_int_equal(world_stats(w, "evolution").leased, 1);
    world_clear(w, TAKER);
    load(f, ROLES "keys:\n  maker: {key: " KEY("1") ", roles: [maker]}\n");
    world_expect_err(w, TAKER, STRATO_EAUTH);
    assert_int_equal(world_stats(w, "evolution").leased, 0);
    assert_int_equal(world_stats(w, "evolution").ready, 1);
    put_topic(w, TAKER, "evolution", NULL);
    world_expect_err(w, TAKER, STRATO_EAUTH);
    put_topic(w, MAKER, "evolution", NULL); /* the others go on */
    world_free(world_expect(w, MAKER, STRATO_OP_ok));
}

static void a_detached_session_of_a_revoked_key_cannot_come_back(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    struct world_out o;

    world_hello(w, TAKER, "t", NULL);
    world_event(w, BRAIN_PEER_GONE, TAKER);
    load(f, ROLES "keys: {}\n");
    load(f, file); /* let in again: a new session, not the old one */
    world_begin(&o, w, TAKER, "hello");
    strato_header_raw(&o.header, "token", strato_bytes(w->peers[TAKER].token, w->peers[TAKER].token_bytes));
    world_body(&o);
    world_send(&o);
    world_expect_err(w, TAKER, STRATO_ETOKEN);
    world_hello(w, TAKER, "t", NULL);
}

static void a_session_that_uses_a_right_its_key_lost_ends_and_others_stay(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;

    world_hello(w, TAKER, "t", NULL);
    world_open_channel(w, TAKER, "evolution", "c");
    world_hello(w, MAKER, "m", NULL);
    world_open_channel(w, MAKER, "evolution", "p");
    load(f, "roles:\n"
            "  maker: [{channel: evolution, verbs: [publish]}]\n"
            "  taker: [{channel: events, verbs: [consume]}]\n"
            "keys:\n"
            "  maker: {key: " KEY("1") ", roles: [maker]}\n"
                                       "  taker: {key: " KEY("2") ", roles: [taker]}\n");
    expect_forbidden(w, TAKER, "lost a right");
    world_expect_nothing(w, MAKER);
}

static void declare(struct world *w, uint32_t number)
{
    struct world_out o;
    char name[32];

    snprintf(name, sizeof name, "svc.n%u", number);
    world_begin(&o, w, SERVER, "open");
    world_str(&o, "ch", name);
    world_str(&o, "dir", "s");
    world_body(&o);
    world_send(&o);
}

static void the_channels_that_a_key_declares_have_a_limit_and_removed_ones_make_room(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    struct world_out o;

    world_hello(w, SERVER, "s", NULL);
    for (uint32_t i = 0; i < 256; i++) {
        declare(w, i);
        world_free(world_expect(w, SERVER, STRATO_OP_opened));
    }
    declare(w, 256);
    world_expect_err(w, SERVER, STRATO_ELIMIT);
    declare(w, 7); /* one that is there is no new one */
    world_expect_err(w, SERVER, STRATO_ECONFLICT);
    world_begin(&o, w, ADMIN, "admin.channel.rm");
    world_str(&o, "ch", "svc.n7");
    world_body(&o);
    world_send(&o);
    world_free(world_expect(w, ADMIN, STRATO_OP_ok));
    declare(w, 256);
    world_free(world_expect(w, SERVER, STRATO_OP_opened));
    load(f, "keys: {}"); /* what was declared stays, and is nobody's */
    assert_int_equal(world_stats(w, "svc.n8").accepted, 0);
}

static void the_connections_of_a_key_have_a_limit(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;

    w->peers[21].key = w->peers[22].key = f->key[MAKER];
    put_topic(w, MAKER, "evolution", NULL);
    put_topic(w, 21, "evolution", NULL);
    world_free(world_expect(w, 21, STRATO_OP_ok));
    put_topic(w, 22, "evolution", NULL);
    world_expect_err(w, 22, STRATO_ELIMIT);
    world_event(w, BRAIN_PEER_GONE, 21);
    put_topic(w, 22, "evolution", NULL);
    world_free(world_expect(w, 22, STRATO_OP_ok));
}

static void a_rate_lets_a_burst_of_a_second_pass_and_not_one_more(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    struct brain_refusals refusals;

    load(f, ROLES "keys:\n  maker: {key: " KEY("1") ", roles: [maker], rate: 10}\n");
    for (int i = 0; i < 10; i++) {
        put_topic(w, MAKER, "evolution", NULL);
        world_free(world_expect(w, MAKER, STRATO_OP_ok));
    }
    put_topic(w, MAKER, "evolution", NULL);
    world_expect_err(w, MAKER, STRATO_ERATE);
    world_wait(w, 99);
    put_topic(w, MAKER, "evolution", NULL);
    world_expect_err(w, MAKER, STRATO_ERATE);
    world_wait(w, 2);
    put_topic(w, MAKER, "evolution", NULL);
    world_free(world_expect(w, MAKER, STRATO_OP_ok));
    brain_refusals(w->brain, &refusals);
    assert_int_equal(refusals.over_rate, 2);
    assert_int_equal(world_stats(w, "evolution").accepted, 11);
}

static void an_answer_to_an_administrator_is_one_envelope_to_the_last_byte(void **state)
{
    static const char *const ops[] = { "admin.stats", "admin.sessions", "admin.channel.list", "admin.route.list" };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        struct strato_envelope e;
        struct strato_bytes skipped;
        struct strato_cursor c;
        struct world_frame *f;

        say(w, ADMIN, ops[i]);
        f = world_expect(w, ADMIN, STRATO_OP_ok);
        c = strato_cursor_over(strato_bytes(f->data + f->body_at, f->bytes - f->body_at));
        assert_int_equal(strato_envelope_decode(&c, &e, &skipped), 0);
        assert_ptr_equal(c.at, c.end);
        world_free(f);
    }
}

static void a_count_beyond_all_bounds_is_refused_for_that(void **state)
{
    static const char *const ops[] = { "put", "call" };
    struct fixture *f = *state;
    struct world *w = &f->w;

    load(f, "keys: {a: {key: " KEY("1") ", roles: [agent], rate: 4}}\n");
    for (int i = 0; i < 2; i++) {
        struct world_out o;

        world_begin(&o, w, MAKER, ops[i]);
        world_str(&o, "ch", i ? "cost" : "evolution");
        world_u64(&o, "rq", 1);
        world_u64(&o, "n", UINT64_MAX);
        world_body(&o);
        world_send(&o);
        world_turn(w);
        world_expect_err(w, MAKER, STRATO_EFRAME);
        world_clear(w, MAKER);
    }
}

static void a_session_over_its_rate_uses_its_indices_and_goes_on(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    struct strato_envelope_out e = { .type = "t" };

    load(f, ROLES "keys:\n  maker: {key: " KEY("1") ", roles: [maker], rate: 4}\n");
    world_hello(w, MAKER, "m", NULL);
    world_open_channel(w, MAKER, "evolution", "p");
    world_need(w, MAKER, "evolution", 16, 0);
    world_turn(w);
    world_clear(w, MAKER);
    world_put(w, MAKER, "evolution", 0, 4, &e);
    world_turn(w);
    world_clear(w, MAKER);
    world_put(w, MAKER, "evolution", 4, 2, &e);
    world_expect_err(w, MAKER, STRATO_ERATE);
    world_wait(w, 1001);
    world_clear(w, MAKER);
    world_put(w, MAKER, "evolution", 6, 1, &e);
    world_turn(w);
    assert_int_equal(world_stats(w, "evolution").accepted, 5);
}

/* One word of a peer that may or may not be let in just now. */
static void anything(struct fixture *f, brain_peer peer)
{
    static const char *const ops[] = { "hello", "open", "want", "put", "get", "ack", "call", "bye", "ping" };
    struct strato_envelope_out e = { .type = "t" };
    struct world *w = &f->w;
    const char *op = ops[world_random(w, sizeof(ops) / sizeof(ops[0]))];
    struct world_out o;
    char agent[8];

    world_begin(&o, w, peer, op);
    snprintf(agent, sizeof agent, "a%u", (unsigned)peer);
    if (strcmp(op, "hello") == 0)
        world_str(&o, "agent", agent);
    else
        world_str(&o, "ch", strcmp(op, "call") == 0 ? "cost" : "evolution");
    if (strcmp(op, "open") == 0)
        world_str(&o, "dir", world_random(w, 2) ? "c" : "p");
    if (strcmp(op, "want") == 0)
        world_u64(&o, "limit", 1 + world_random(w, 64));
    if (strcmp(op, "ack") == 0)
        world_u64(&o, "upto", 1 + world_random(w, 8));
    if (strcmp(op, "get") == 0)
        world_u64(&o, "wait", world_random(w, 2) * 500);
    world_u64(&o, "rq", 1);
    world_body(&o);
    if (strcmp(op, "put") == 0 || strcmp(op, "call") == 0)
        world_envelope(&o, &e);
    world_send(&o);
}

static void keys_that_change_in_the_middle_of_everything_break_no_law(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    uint64_t accepted = 0;

    for (brain_peer p = 30; p < 60; p++) /* several connections of each key */
        w->peers[p].key = f->key[1 + p % 5];
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 60; i++)
            anything(f, 30 + world_random(w, 30));
        world_turn(w); /* asserts both laws */
        if (round % 3 == 0) {
            char text[1024] = ROLES "keys:\n  nobody: {key: " KEY("6") ", roles: [observer]}\n";

            for (int key = 1; key < 5; key++) {
                static const char *const roles[] = { "maker", "taker", "admin", "agent" };
                size_t used = strlen(text);

                if (world_random(w, 3)) /* another right each time, or none */
                    snprintf(text + used, sizeof text - used,
                             "  k%d: {key: '%d000000000000000000000000000000000000000', roles: [%s]}\n", key, key,
                             roles[world_random(w, 4)]);
            }
            load(f, text);
        }
        if (world_random(w, 4) == 0)
            world_event(w, BRAIN_PEER_GONE, 30 + world_random(w, 30));
        world_wait(w, world_random(w, 400));
        for (brain_peer p = 1; p < 60; p++)
            world_clear(w, p);
    }
    accepted = world_stats(w, "evolution").accepted;
    assert_true(accepted > 100); /* it was not quiet for want of rights */
    load(f, "keys: {}");
    assert_int_equal(world_stats(w, "evolution").granted, 0);
    world_wait(w, 60000); /* leases that were taken without a session end by their time */
    assert_int_equal(world_stats(w, "evolution").leased, 0);
}

static void edge_in(struct fixture *f, int key, const char *channel, const char *topic)
{
    struct strato_envelope_out e = { .type = "t" };
    struct strato_writer body = { 0 };

    strato_envelope_encode(&e, &body);
    world_step(&f->w, &(struct brain_event){ .kind = BRAIN_EDGE_IN,
                                             .channel = strato_text(channel),
                                             .topic = strato_text(topic),
                                             .key = strato_bytes(f->key[key], key ? STRATO_KEY_BYTES : 0),
                                             .data = strato_writer_view(&body) });
    strato_writer_fini(&body);
    world_turn(&f->w);
}

static void edges_of_plain_sockets_ask_for_publish_and_stamp_the_sender(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->w;
    struct world_frame *got;

    edge_in(f, MAKER, "evolution", NULL);
    edge_in(f, TAKER, "evolution", NULL);
    edge_in(f, STRANGER, "evolution", NULL);
    assert_int_equal(world_stats(w, "evolution").accepted, 1);
    assert_int_equal(world_stats(w, "evolution").refused, 2);
    world_get(w, TAKER, "evolution", 1, 0);
    world_turn(w);
    got = world_expect(w, TAKER, STRATO_OP_deliver);
    assert_true(strato_bytes_is(world_envelope_at(got, 0).sender, "maker"));
    world_free(got);
    edge_in(f, MAKER, NULL, "a.b");
    edge_in(f, MAKER, NULL, "b.a");
    assert_int_equal(world_stats(w, "events").accepted + world_stats(w, "events").no_subscriber, 1);
    edge_in(f, 0, "evolution", NULL); /* over a Unix socket */
    assert_int_equal(world_stats(w, "evolution").accepted, 2);
}

static void refusals_are_told_to_the_log_once_in_five_seconds(void **state)
{
    struct world *w = *state;
    uint64_t logs;

    put_topic(w, TAKER, "evolution", NULL);
    assert_non_null(strstr(w->last_log, "audit: refused principal=taker verb=publish channel=evolution total=1"));
    logs = w->logs;
    for (int i = 0; i < 50; i++)
        put_topic(w, TAKER, "evolution", NULL);
    assert_int_equal(w->logs, logs);
    world_wait(w, 5000);
    put_topic(w, TAKER, "evolution", NULL);
    assert_non_null(strstr(w->last_log, "total=52 held_back=50"));
    say(w, ADMIN, "admin.channel.list"); /* looking is no act */
    assert_non_null(strstr(w->last_log, "total=52"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_put_needs_publish_and_is_stamped_with_the_keys_name, setup, teardown),
        cmocka_unit_test_setup_teardown(what_no_role_grants_is_refused_on_every_operation, setup, teardown),
        cmocka_unit_test_setup_teardown(a_grant_of_serve_lets_the_channel_be_made, setup, teardown),
        cmocka_unit_test_setup_teardown(a_grant_by_topic_judges_each_message, setup, teardown),
        cmocka_unit_test_setup_teardown(a_subscription_stays_inside_the_granted_topics, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_reads_anothers_mailbox, setup, teardown),
        cmocka_unit_test_setup_teardown(the_name_of_another_key_is_not_to_be_had, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stranger_is_told_and_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stolen_token_is_no_use_with_another_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_detached_name_does_not_yield_to_another_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stolen_lease_is_no_use_with_another_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_revoked_key_ends_at_once_and_gives_back_what_it_held, setup, teardown),
        cmocka_unit_test_setup_teardown(a_detached_session_of_a_revoked_key_cannot_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_session_that_uses_a_right_its_key_lost_ends_and_others_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(the_channels_that_a_key_declares_have_a_limit_and_removed_ones_make_room, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_connections_of_a_key_have_a_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rate_lets_a_burst_of_a_second_pass_and_not_one_more, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_to_an_administrator_is_one_envelope_to_the_last_byte, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_count_beyond_all_bounds_is_refused_for_that, setup, teardown),
        cmocka_unit_test_setup_teardown(a_session_over_its_rate_uses_its_indices_and_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_that_change_in_the_middle_of_everything_break_no_law, setup, teardown),
        cmocka_unit_test_setup_teardown(edges_of_plain_sockets_ask_for_publish_and_stamp_the_sender, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals_are_told_to_the_log_once_in_five_seconds, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
