/*
 * test_embedded.c - the broker as a library: raw sockets in the same process, over inproc, ipc and tcp.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/core/lib.h"

#include "broker/net/socket.h"
#include "core/handover.h"
#include "core/header.h"
#include "tests/lib/broker_fixture.h"

#include <pthread.h>
#include <zmq.h>

struct raw {
    void *context; /* own, or the broker's for inproc */
    void *socket;
    bool owns_context;
};

static struct raw raw_connect(struct broker_fixture *f, int type, const char *edge)
{
    const char *endpoint = broker_fixture_endpoint(f, edge);
    struct raw r = { .owns_context = strncmp(endpoint, "inproc:", 7) != 0 };
    int linger = 0, patience = BROKER_FIXTURE_PATIENCE_MS;

    r.context = r.owns_context ? zmq_ctx_new() : strato_broker_zmq_context(f->broker);
    r.socket = zmq_socket(r.context, type);
    assert_non_null(r.socket);
    zmq_setsockopt(r.socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(r.socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(zmq_connect(r.socket, endpoint), 0);
    return r;
}

static void raw_close(struct raw *r)
{
    zmq_close(r->socket);
    if (r->owns_context)
        zmq_ctx_term(r->context);
}

struct request {
    struct strato_writer w;
    struct strato_header_writer header;
};

static struct request *begin(struct request *q, const char *op, const char *channel)
{
    memset(q, 0, sizeof *q);
    strato_header_begin(&q->header, &q->w, op);
    if (channel)
        strato_header_str(&q->header, "ch", strato_text(channel));
    strato_header_u64(&q->header, "rq", 1);
    return q;
}

static void finish(struct request *q, const char *type, uint64_t attach)
{
    strato_header_end(&q->header);
    if (!type)
        return;
    strato_writer_map(&q->w, attach ? 2 : 1);
    strato_writer_text(&q->w, "type");
    strato_writer_text(&q->w, type);
    if (attach) {
        strato_writer_text(&q->w, "attach");
        strato_writer_u64(&q->w, attach);
    }
}

static void send_request(struct raw *r, struct request *q, bool has_more)
{
    strato_handover_give();
    assert_true(zmq_send(r->socket, q->w.data, q->w.bytes, has_more ? ZMQ_SNDMORE : 0) >= 0);
    strato_writer_fini(&q->w);
}

/* Reads one answer; its first frame stays in `data` (static), what follows is left unread if there is more. */
static struct strato_header receive(struct raw *r)
{
    static zmq_msg_t answer;
    static bool is_open;
    struct strato_header header;
    struct strato_cursor c;

    if (is_open)
        zmq_msg_close(&answer);
    zmq_msg_init(&answer);
    is_open = true;
    if (zmq_msg_recv(&answer, r->socket, 0) < 0)
        fail_msg("no answer: %s", zmq_strerror(zmq_errno()));
    strato_handover_take();
    c = strato_cursor_over(strato_bytes(zmq_msg_data(&answer), zmq_msg_size(&answer)));
    assert_int_equal(strato_header_decode(&c, STRATO_HEADER_BYTES_MAX * 4, &header), 0);
    return header;
}

static struct strato_header put(struct raw *r, const char *channel)
{
    struct request q;

    finish(begin(&q, "put", channel), "jobs.do", 0);
    send_request(r, &q, false);
    return receive(r);
}

static void every_transport_reaches_the_same_channel(void **state)
{
    static const char *const edges[] = { "native@tcp", "native@ipc", "native@inproc" };
    struct broker_fixture *f = *state;

    for (size_t i = 0; i < 3; i++) {
        struct raw r = raw_connect(f, ZMQ_REQ, edges[i]);

        assert_int_equal(put(&r, "jobs").opcode, STRATO_OP_ok);
        raw_close(&r);
    }
    assert_int_equal(broker_fixture_channel(f, "jobs").ready, 3);
}

static void one_mebibyte_keeps_its_address_over_inproc(void **state)
{
    struct broker_fixture *f = *state;
    struct raw r = raw_connect(f, ZMQ_REQ, "inproc");
    uint8_t *big = calloc(1, 1 << 20);
    struct request q;
    zmq_msg_t part;

    finish(begin(&q, "put", "jobs"), "jobs.do", 1);
    send_request(&r, &q, true);
    zmq_msg_init_data(&part, big, 1 << 20, NULL, NULL);
    assert_true(zmq_msg_send(&part, r.socket, 0) >= 0);
    assert_int_equal(receive(&r).opcode, STRATO_OP_ok);
    finish(begin(&q, "get", "jobs"), NULL, 0);
    send_request(&r, &q, false);
    assert_int_equal(receive(&r).opcode, STRATO_OP_deliver);
    zmq_msg_init(&part);
    assert_int_equal(zmq_msg_recv(&part, r.socket, 0), 1 << 20);
    assert_ptr_equal(zmq_msg_data(&part), big);
    zmq_msg_close(&part);
    raw_close(&r);
    broker_fixture_stop(f); /* the broker's last reference ends with it */
    free(big);
    broker_fixture_init(f);
    broker_fixture_start(f);
}

static bool nobody_is_known(struct broker_fixture *f, void *arg)
{
    struct strato_broker_stats stats;

    (void)arg;
    strato_broker_stats(f->broker, &stats);
    return stats.peers == 0;
}

static void vanished_peers_are_forgotten(void **state)
{
    struct broker_fixture *f = *state;
    static const char *const edges[] = { "native@tcp", "native@ipc" };

    for (int i = 0; i < 60; i++) {
        struct raw r = raw_connect(f, i % 3 ? ZMQ_DEALER : ZMQ_REQ, edges[i % 2]);
        struct request q;

        finish(begin(&q, "ping", NULL), NULL, 0);
        send_request(&r, &q, false);
        assert_int_equal(receive(&r).opcode, STRATO_OP_pong);
        raw_close(&r);
    }
    broker_fixture_eventually(f, nobody_is_known, NULL, "the shell knows no peer any more");
}

static struct raw open_producer(struct broker_fixture *f, const char *edge)
{
    struct raw r = raw_connect(f, ZMQ_DEALER, edge);
    struct request q;

    finish(begin(&q, "hello", NULL), NULL, 0);
    send_request(&r, &q, false);
    assert_int_equal(receive(&r).opcode, STRATO_OP_welcome);
    begin(&q, "open", "jobs");
    strato_header_str(&q.header, "dir", strato_text("p"));
    finish(&q, NULL, 0);
    send_request(&r, &q, false);
    begin(&q, "need", "jobs");
    strato_header_u64(&q.header, "upto", 100);
    strato_header_u64(&q.header, "wait", 60000);
    finish(&q, NULL, 0);
    send_request(&r, &q, false);
    return r;
}

static bool jobs_grants(struct broker_fixture *f, void *arg)
{
    return (broker_fixture_channel(f, "jobs").granted > 0) == *(bool *)arg;
}

static void a_vanished_producers_credit_comes_back(void **state)
{
    static const char *const edges[] = { "native@tcp", "native@ipc" };
    struct broker_fixture *f = *state;
    bool yes = true, no = false;

    for (int i = 0; i < 2; i++) {
        struct raw r = open_producer(f, edges[i]);

        broker_fixture_eventually(f, jobs_grants, &yes, "credit is granted");
        raw_close(&r);
        broker_fixture_eventually(f, jobs_grants, &no, "credit came back");
        broker_fixture_assert_laws(f);
    }
}

static void a_drain_of_nothing_leaves_nothing_behind(void **state)
{
    struct broker_fixture *f = *state;
    struct strato_broker_drain drain = { 9, 9, 9, 9 };

    assert_int_equal(strato_broker_drain(f->broker, BROKER_FIXTURE_PATIENCE_MS, &drain), 0);
    assert_int_equal(drain.leased_abandoned, 0);
    assert_int_equal(drain.dropped_shutdown, 0);
    assert_int_equal(drain.kept + drain.unsynced, 0);
}

static void a_drain_that_may_not_wait_counts_what_is_held(void **state)
{
    struct broker_fixture *f = *state;
    struct strato_broker_drain drain;
    struct raw r = raw_connect(f, ZMQ_REQ, "native");
    struct request q;

    put(&r, "jobs");
    finish(begin(&q, "get", "jobs"), NULL, 0);
    send_request(&r, &q, false);
    assert_int_equal(receive(&r).opcode, STRATO_OP_deliver);
    assert_int_equal(strato_broker_drain(f->broker, 0, &drain), 0);
    assert_int_equal(drain.leased_abandoned, 1);
    raw_close(&r);
}

static void two_brokers_live_in_one_process(void **state)
{
    struct broker_fixture other;
    struct raw r;

    broker_fixture_init(&other);
    broker_fixture_start(&other);
    r = raw_connect(&other, ZMQ_REQ, "inproc");
    assert_int_equal(put(&r, "evolution").opcode, STRATO_OP_ok);
    raw_close(&r);
    assert_int_equal(broker_fixture_channel(&other, "evolution").ready, 1);
    assert_int_equal(broker_fixture_channel(*state, "evolution").ready, 0);
    broker_fixture_stop(&other);
}

static void an_edge_that_is_off_has_no_endpoint(void **state)
{
    struct broker_fixture f;

    (void)state;
    broker_fixture_init(&f);
    broker_config_set(&f.config, "pub_sub", "no", NULL);
    broker_config_set(&f.config, "push_pull", "", NULL);
    broker_config_set(&f.config, "native", "no", NULL);
    broker_fixture_start(&f);
    assert_null(strato_broker_endpoint(f.broker, "pub_out"));
    assert_null(strato_broker_endpoint(f.broker, "push:evolution"));
    assert_null(strato_broker_endpoint(f.broker, "native@tcp"));
    assert_non_null(strato_broker_endpoint(f.broker, "inproc"));
    assert_non_null(strato_broker_endpoint(f.broker, "events_push"));
    broker_fixture_stop(&f);
}

/* A PULL that vanishes must not keep messages: what the socket did not take goes to whoever asks next. */
static void work_waits_in_the_channel_while_no_puller_is_there(void **state)
{
    struct broker_fixture *f = *state;
    struct raw r = raw_connect(f, ZMQ_REQ, "native");

    for (int i = 0; i < 10; i++)
        assert_int_equal(put(&r, "jobs").opcode, STRATO_OP_ok);
    assert_int_equal(broker_fixture_channel(f, "jobs").ready, 10);
    raw_close(&r);
}

static bool stats_reach(struct broker_fixture *f, void *arg)
{
    const struct strato_broker_stats *wanted = arg;
    struct strato_broker_stats stats;

    strato_broker_stats(f->broker, &stats);
    return stats.disconnected >= wanted->disconnected && stats.handshakes_failed >= wanted->handshakes_failed &&
           stats.connected >= wanted->connected && stats.empty_frames >= wanted->empty_frames;
}

static void a_frame_over_the_limit_ends_the_connection_and_is_counted(void **state)
{
    struct broker_fixture *f = *state;
    struct strato_broker_stats wanted = { .connected = 1, .disconnected = 1 };
    struct raw r = raw_connect(f, ZMQ_DEALER, "native");
    size_t bytes = f->config.message_bytes_max + NET_HEADER_SLACK_BYTES + 1;
    uint8_t *big = calloc(1, bytes);

    assert_int_equal(zmq_send(r.socket, big, bytes, 0), bytes);
    broker_fixture_eventually(f, stats_reach, &wanted, "the disconnect is counted");
    raw_close(&r);
    free(big);
}

static void empty_messages_are_counted_and_answered_by_nothing(void **state)
{
    struct broker_fixture *f = *state;
    struct strato_broker_stats wanted = { .empty_frames = 1 };
    struct raw r = raw_connect(f, ZMQ_DEALER, "native");
    struct request q;

    assert_int_equal(zmq_send(r.socket, "", 0, 0), 0);
    finish(begin(&q, "ping", NULL), NULL, 0);
    send_request(&r, &q, false);
    assert_int_equal(receive(&r).opcode, STRATO_OP_pong);
    broker_fixture_eventually(f, stats_reach, &wanted, "the empty message is counted");
    raw_close(&r);
}

/* A peer with the smallest buffers that sends pings and reads no answer. */
static struct raw connect_deaf(struct broker_fixture *f)
{
    struct raw r = { .context = zmq_ctx_new(), .owns_context = true };
    int one = 1, small = 4096, zero = 0, patience = BROKER_FIXTURE_PATIENCE_MS;

    r.socket = zmq_socket(r.context, ZMQ_DEALER);
    zmq_setsockopt(r.socket, ZMQ_RCVHWM, &one, sizeof one);
    zmq_setsockopt(r.socket, ZMQ_RCVBUF, &small, sizeof small);
    zmq_setsockopt(r.socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(r.socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(zmq_connect(r.socket, broker_fixture_endpoint(f, "native@ipc")), 0);
    return r;
}

static void send_pings(struct raw *r, int count)
{
    for (int i = 0; i < count; i++) {
        struct request q;

        finish(begin(&q, "ping", NULL), NULL, 0);
        send_request(r, &q, false);
    }
}

static struct strato_broker_stats stats_of(struct broker_fixture *f)
{
    struct strato_broker_stats stats;

    strato_broker_stats(f->broker, &stats);
    return stats;
}

static void ping_by_another(struct broker_fixture *f)
{
    struct raw other = raw_connect(f, ZMQ_REQ, "native");

    send_pings(&other, 1);
    assert_int_equal(receive(&other).opcode, STRATO_OP_pong);
    raw_close(&other);
}

static bool has_read_fence(struct broker_fixture *f, void *arg)
{
    const uint64_t *fences = arg;

    return stats_of(f).empty_frames >= *fences;
}

static void a_peer_that_does_not_read_loses_nothing_while_its_outbox_holds(void **state)
{
    struct broker_fixture *f = *state;
    struct raw deaf = connect_deaf(f);
    uint64_t fences = stats_of(f).empty_frames;
    int sent = 0;

    while (stats_of(f).stuck ==
           0) { /* a step is smaller than the outbox, and the broker has read all of it before the next */
        send_pings(&deaf, 50);
        assert_int_equal(zmq_send(deaf.socket, "", 0, 0), 0);
        fences++;
        broker_fixture_eventually(f, has_read_fence, &fences, "the step is read");
        sent += 50;
        assert_in_range(sent, 0, 200000);
    }
    ping_by_another(f);
    for (int i = 0; i < sent; i++)
        assert_int_equal(receive(&deaf).opcode, STRATO_OP_pong);
    assert_int_equal(stats_of(f).outbox_overflows, 0);
    raw_close(&deaf);
}

static void a_peer_whose_outbox_overflows_is_given_up_and_delays_nobody(void **state)
{
    struct broker_fixture *f = *state;
    struct raw deaf = connect_deaf(f);

    for (int sent = 0; stats_of(f).outbox_overflows == 0; sent += 500) {
        send_pings(&deaf, 500);
        assert_in_range(sent, 0, 200000);
    }
    ping_by_another(f);
    raw_close(&deaf);
    broker_fixture_eventually(f, nobody_is_known, NULL, "everybody is forgotten");
}

struct crowd {
    struct broker_fixture *f;
    const char *edge;
    int accepted, refused;
};

static void *crowd_member(void *arg)
{
    struct crowd *c = arg;
    const char *endpoint = strato_broker_endpoint(c->f->broker, c->edge);
    bool is_inproc = strncmp(endpoint, "inproc:", 7) == 0;
    void *context = is_inproc ? strato_broker_zmq_context(c->f->broker) : zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_REQ);
    int linger = 0, patience = BROKER_FIXTURE_PATIENCE_MS;

    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
    zmq_connect(socket, endpoint);
    for (int i = 0; i < 20; i++) {
        struct request q;
        uint8_t answer[1024];
        int bytes;
        struct strato_cursor cursor;
        struct strato_header header;

        finish(begin(&q, "put", "gpu"), "gpu.synchronize", 0);
        strato_handover_give();
        zmq_send(socket, q.w.data, q.w.bytes, 0);
        strato_writer_fini(&q.w);
        bytes = zmq_recv(socket, answer, sizeof answer, 0);
        if (bytes < 0 || bytes > (int)sizeof answer)
            break;
        strato_handover_take();
        cursor = strato_cursor_over(strato_bytes(answer, (size_t)bytes));
        if (strato_header_decode(&cursor, sizeof answer, &header) < 0)
            break;
        *(header.opcode == STRATO_OP_ok ? &c->accepted : &c->refused) += 1;
    }
    zmq_close(socket);
    if (!is_inproc)
        zmq_ctx_term(context);
    return NULL;
}

static void the_bound_holds_for_a_crowd_on_every_transport(void **state)
{
    static const char *const edges[] = { "native@tcp", "native@ipc", "native@inproc" };
    struct crowd crowd[9];
    pthread_t threads[9];
    int accepted = 0, refused = 0;

    for (size_t i = 0; i < 9; i++) {
        crowd[i] = (struct crowd){ .f = *state, .edge = edges[i % 3] };
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_member, &crowd[i]), 0);
    }
    for (size_t i = 0; i < 9; i++) {
        pthread_join(threads[i], NULL);
        accepted += crowd[i].accepted;
        refused += crowd[i].refused;
    }
    assert_int_equal(accepted, 100);
    assert_int_equal(refused, 80);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, broker_fixture_setup, broker_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_transport_reaches_the_same_channel),
        TEST(one_mebibyte_keeps_its_address_over_inproc),
        TEST(vanished_peers_are_forgotten),
        TEST(a_vanished_producers_credit_comes_back),
        TEST(a_drain_of_nothing_leaves_nothing_behind),
        TEST(a_drain_that_may_not_wait_counts_what_is_held),
        TEST(two_brokers_live_in_one_process),
        cmocka_unit_test(an_edge_that_is_off_has_no_endpoint),
        TEST(work_waits_in_the_channel_while_no_puller_is_there),
        TEST(a_frame_over_the_limit_ends_the_connection_and_is_counted),
        TEST(empty_messages_are_counted_and_answered_by_nothing),
        TEST(a_peer_that_does_not_read_loses_nothing_while_its_outbox_holds),
        TEST(a_peer_whose_outbox_overflows_is_given_up_and_delays_nobody),
        TEST(the_bound_holds_for_a_crowd_on_every_transport),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
