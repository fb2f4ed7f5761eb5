/*
 * test_zap.c - who is let in at the handshake, and that the self-test sees it when everybody is.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/core/lib.h"

#include "broker/net/selftest.h"

#include <pthread.h>
#include <stdio.h>

static const char file[] = "roles:\n"
                           "  maker: [{channel: jobs, verbs: [publish]}]\n"
                           "  topical: [{channel: events, topic: 'a.>', verbs: [publish, consume]}]\n"
                           "  reader: [{channel: '>', verbs: [consume]}]\n"
                           "keys:\n"
                           "  maker: {key: '1000000000000000000000000000000000000000', roles: [maker]}\n"
                           "  topical: {key: '2000000000000000000000000000000000000000', roles: [topical]}\n"
                           "  reader: {key: '3000000000000000000000000000000000000000', roles: [reader]}\n";

static int setup(void **state)
{
    struct strato_option_error e;
    struct auth_keys *keys = NULL;

    assert_int_equal(auth_keys_parse("test", strato_text(file), &keys, &e), 0);
    *state = keys;
    return 0;
}

static int teardown(void **state)
{
    auth_keys_drop(*state);
    return 0;
}

static enum net_zap_cause judge(void **state, char key, const char *domain, const char *mechanism)
{
    char text[STRATO_KEY_CHARS + 1];
    uint8_t bytes[STRATO_KEY_BYTES];
    struct net_zap_request request = { .version = LITERAL("1.0"),
                                       .domain = strato_text(domain),
                                       .mechanism = strato_text(mechanism) };
    const struct auth_principal *p;

    memset(text, '0', STRATO_KEY_CHARS);
    text[0] = key;
    assert_true(strato_key_parse(strato_bytes(text, STRATO_KEY_CHARS), bytes));
    if (key)
        request.key = STRATO_BYTES_OF(bytes);
    return net_zap_judge(*state, &request, &p);
}

static void each_edge_asks_for_its_own_right(void **state)
{
    static const struct {
        const char *domain;
        bool maker, topical, reader;
    } cases[] = {
        { "strato:native:tcp:", true, true, true },        { "strato:push:tcp:jobs", true, false, false },
        { "strato:pull:tcp:jobs", false, false, true },    { "strato:push:tcp:other", false, false, false },
        { "strato:pub_out:tcp:", false, false, true },     { "strato:pub_in:tcp:", true, true, false },
        { "strato:events_push:tcp:", false, true, false },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const bool wanted[] = { cases[i].maker, cases[i].topical, cases[i].reader };

        for (int k = 0; k < 3; k++)
            assert_int_equal(judge(state, (char)('1' + k), cases[i].domain, "CURVE"),
                             wanted[k] ? NET_ZAP_ADMITTED : NET_ZAP_NO_RIGHT);
        assert_int_equal(judge(state, '4', cases[i].domain, "CURVE"), NET_ZAP_UNKNOWN_KEY);
    }
}

static void tcp_without_curve_and_domains_of_nobody_are_refused(void **state)
{
    assert_int_equal(judge(state, '1', "strato:native:tcp:", "NULL"), NET_ZAP_MECHANISM);
    assert_int_equal(judge(state, '1', "strato:native:tcp:", "PLAIN"), NET_ZAP_MECHANISM);
    assert_int_equal(judge(state, '1', "strato:native:ipc:", "NULL"), NET_ZAP_ADMITTED);
    assert_int_equal(judge(state, '1', "strato:native:ipc:", "PLAIN"), NET_ZAP_MECHANISM);
    assert_int_equal(judge(state, '1', "", "CURVE"), NET_ZAP_MALFORMED);
    assert_int_equal(judge(state, '1', "global", "NULL"), NET_ZAP_MALFORMED);
    assert_int_equal(judge(state, '1', "strato:native", "CURVE"), NET_ZAP_MALFORMED);
    assert_int_equal(judge(state, '1', "strato:nothing:tcp:", "CURVE"), NET_ZAP_NO_RIGHT);
    assert_int_equal(judge(state, '1', "strato:push:tcp:jobs:x", "CURVE"), NET_ZAP_NO_RIGHT);
}

static void a_channel_may_have_a_colon_in_its_name(void **state)
{
    struct net_socket s = { .name = "push:a:b", .channel = "a:b" };
    char domain[256];

    (void)state;
    net_zap_domain(&s, NET_TCP, domain, sizeof domain);
    assert_string_equal(domain, "strato:push:tcp:a:b");
    s = (struct net_socket){ .name = "native" };
    net_zap_domain(&s, NET_IPC, domain, sizeof domain);
    assert_string_equal(domain, "strato:native:ipc:");
}

/* ---- the self-test -------------------------------------------------------------------------------- */

/* A handler that admits everybody, as a bug or a stranger in our context would. Ends with the context. */
static void *admit_all(void *rep)
{
    char parts[8][256];
    int sizes[8];

    for (;;) {
        int count = 0, more = 1;
        size_t bytes = sizeof more;

        while (more && count < 8) {
            sizes[count] = zmq_recv(rep, parts[count], sizeof parts[count], 0);
            if (sizes[count++] < 0) {
                zmq_close(rep);
                return NULL;
            }
            zmq_getsockopt(rep, ZMQ_RCVMORE, &more, &bytes);
        }
        zmq_send(rep, "1.0", 3, ZMQ_SNDMORE);
        zmq_send(rep, parts[1], (size_t)sizes[1], ZMQ_SNDMORE);
        zmq_send(rep, "200", 3, ZMQ_SNDMORE);
        zmq_send(rep, "OK", 2, ZMQ_SNDMORE);
        zmq_send(rep, "anyone", 6, ZMQ_SNDMORE);
        zmq_send(rep, "", 0, 0);
    }
}

struct bench {
    void *context;
    struct broker_config config;
    struct net_security security;
    uint8_t public_key[STRATO_KEY_BYTES];
    struct net_socket sockets[3];
    char detail[256];
};

static void bench_open(struct bench *b, void *context)
{
    static const enum net_role roles[] = { NET_NATIVE, NET_PUB_OUT, NET_PUB_IN };
    char public_key[STRATO_KEY_CHARS + 1], secret_key[STRATO_KEY_CHARS + 1];

    memset(b, 0, sizeof *b);
    b->context = context;
    assert_int_equal(broker_config_init(&b->config), 0);
    assert_int_equal(broker_config_set(&b->config, "port", "0", NULL), 0);
    assert_int_equal(zmq_curve_keypair(public_key, secret_key), 0);
    assert_true(strato_key_parse(strato_text(public_key), b->public_key));
    assert_true(strato_key_parse(strato_text(secret_key), b->security.secret_key));
    for (int i = 0; i < 3; i++)
        if (net_socket_open(&b->sockets[i], context, &b->config, roles[i], "", &b->security, b->detail,
                            sizeof b->detail) < 0)
            fail_msg("%s", b->detail);
}

static void bench_close(struct bench *b)
{
    for (int i = 0; i < 3; i++)
        net_socket_close(&b->sockets[i], 0);
    broker_config_fini(&b->config);
}

static void the_self_test_passes_when_strangers_are_refused(void **state)
{
    void *context = zmq_ctx_new();
    struct net_zap *zap = NULL;
    uint64_t counts[NET_ZAP_CAUSES];
    struct net_zap_refusal last;
    struct bench b;

    assert_int_equal(net_zap_open(context, *state, &zap), 0);
    bench_open(&b, context);
    if (net_selftest(b.sockets, 3, b.public_key, zap, b.detail, sizeof b.detail) != 0)
        fail_msg("%s", b.detail);
    assert_int_equal(net_zap_watched(zap), 3);
    net_zap_counts(zap, counts, &last);
    assert_int_equal(counts[NET_ZAP_UNKNOWN_KEY], 0); /* our own knocking is not in the figures */
    bench_close(&b);
    net_zap_close(&zap);
    zmq_ctx_term(context);
}

static void the_self_test_fails_when_everybody_is_let_in(void **state)
{
    void *context = zmq_ctx_new(), *rep = zmq_socket(context, ZMQ_REP);
    pthread_t thread;
    struct bench b;

    (void)state;
    assert_int_equal(zmq_bind(rep, "inproc://zeromq.zap.01"), 0);
    assert_int_equal(pthread_create(&thread, NULL, admit_all, rep), 0);
    bench_open(&b, context);
    assert_int_equal(net_selftest(b.sockets, 3, b.public_key, NULL, b.detail, sizeof b.detail), STRATO_EAUTH);
    assert_non_null(strstr(b.detail, "was let in at tcp://127.0.0.1:"));
    bench_close(&b);
    zmq_ctx_shutdown(context);
    pthread_join(thread, NULL);
    zmq_ctx_term(context);
}

static void the_self_test_fails_when_the_handler_refuses_nobody_it_knows_of(void **state)
{
    void *context = zmq_ctx_new();
    struct net_zap *zap = NULL;
    struct bench b;

    assert_int_equal(net_zap_open(context, *state, &zap), 0);
    bench_open(&b, context);
    b.public_key[0] ^= 1; /* not the server's: the handshake breaks before anybody is asked */
    assert_int_equal(net_selftest(b.sockets, 3, b.public_key, zap, b.detail, sizeof b.detail), STRATO_EIO);
    assert_non_null(strstr(b.detail, "did not refuse"));
    bench_close(&b);
    net_zap_close(&zap);
    zmq_ctx_term(context);
}

/* Without a handler nobody may come in: option 93 (fact 4 of the semantics). */
static void without_a_handler_nobody_is_let_in(void **state)
{
    void *context = zmq_ctx_new();
    struct bench b;

    (void)state;
    bench_open(&b, context);
    assert_int_not_equal(net_selftest(b.sockets, 3, b.public_key, NULL, b.detail, sizeof b.detail), STRATO_EAUTH);
    bench_close(&b);
    zmq_ctx_term(context);
}

/* ---- other keys ----------------------------------------------------------------------------------- */

static void note_domain(void *arg, const char *domain)
{
    snprintf(arg, 256, "%s", domain ? domain : "all");
}

static void an_edge_that_let_in_a_changed_key_is_named_and_others_are_not(void **state)
{
    void *context = zmq_ctx_new(), *push;
    struct auth_keys *fewer = NULL;
    struct strato_option_error e;
    struct net_zap *zap = NULL;
    struct net_socket work = { .role = NET_WORK_IN };
    char changed[256] = "", public_key[STRATO_KEY_CHARS + 1], secret_key[STRATO_KEY_CHARS + 1], text[512];
    struct auth_keys *keys = NULL;
    int zero = 0, patience = 10000;
    struct bench b;

    (void)state;
    assert_int_equal(zmq_curve_keypair(public_key, secret_key), 0);
    snprintf(text, sizeof text, "keys: {m: {key: '%s', roles: [agent]}, n: {key: '%040d', roles: [agent]}}", public_key,
             0);
    assert_int_equal(auth_keys_parse("t", strato_text(text), &keys, &e), 0);
    assert_int_equal(auth_keys_parse("t", strato_text("keys: {}"), &fewer, &e), 0);
    assert_int_equal(net_zap_open(context, keys, &zap), 0);
    bench_open(&b, context);
    assert_int_equal(net_socket_open(&work, context, &b.config, NET_WORK_IN, "evolution", &b.security, b.detail, 256),
                     0);
    push = zmq_socket(context, ZMQ_PUSH);
    zmq_setsockopt(push, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(push, ZMQ_CURVE_SERVERKEY, b.public_key, STRATO_KEY_BYTES);
    zmq_setsockopt(push, ZMQ_CURVE_PUBLICKEY, public_key, STRATO_KEY_CHARS + 1);
    zmq_setsockopt(push, ZMQ_CURVE_SECRETKEY, secret_key, STRATO_KEY_CHARS + 1);
    zmq_setsockopt(work.zmq, ZMQ_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(zmq_connect(push, work.endpoints[0]), 0);
    assert_int_equal(zmq_send(push, "x", 1, 0), 1);
    assert_int_equal(zmq_recv(work.zmq, changed, 1, 0), 1);
    changed[0] = '\0';
    net_zap_replace(zap, keys, note_domain, changed); /* nothing is other than before */
    assert_string_equal(changed, "");
    net_zap_replace(zap, fewer, note_domain, changed);
    assert_string_equal(changed, "strato:push:tcp:evolution");
    zmq_close(push);
    net_socket_close(&work, 0);
    bench_close(&b);
    net_zap_close(&zap);
    auth_keys_drop(keys);
    auth_keys_drop(fewer);
    zmq_ctx_term(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_edge_asks_for_its_own_right),
        cmocka_unit_test(tcp_without_curve_and_domains_of_nobody_are_refused),
        cmocka_unit_test(a_channel_may_have_a_colon_in_its_name),
        cmocka_unit_test(the_self_test_passes_when_strangers_are_refused),
        cmocka_unit_test(the_self_test_fails_when_everybody_is_let_in),
        cmocka_unit_test(the_self_test_fails_when_the_handler_refuses_nobody_it_knows_of),
        cmocka_unit_test(without_a_handler_nobody_is_let_in),
        cmocka_unit_test(an_edge_that_let_in_a_changed_key_is_named_and_others_are_not),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
