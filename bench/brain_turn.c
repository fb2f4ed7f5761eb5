/*
 * brain_turn.c - what does one message cost inside the brain?
 *
 * Question: nanoseconds of brain time per message for put, dispatch and ack in batches, without a socket,
 * and the same for events to one and ten subscribers and for calls. The frames are real; the actions are
 * thrown away. Prints one line per shape; compare two builds in one session, interleaved.
 *
 *     brain_turn [ROUNDS]
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "broker/brain/brain.h"
#include "core/header.h"

enum { BATCH = 64, SUBSCRIBERS_MAX = 10 };

struct bench {
    struct brain *brain;
    struct brain_out out;
    uint64_t now_ms, received;
    uint64_t limit; /* of the producer, as last told */
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* the machine is shared: what others use is not ours */
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static void drain(struct bench *b)
{
    for (size_t i = 0; i < b->out.count; i++) {
        const struct brain_action *action = &b->out.actions[i];
        struct strato_cursor c = strato_cursor_over(strato_bytes(action->data, action->bytes));
        struct strato_header h;

        if (action->kind != BRAIN_SEND || strato_header_decode(&c, action->bytes, &h) < 0)
            continue;
        if (h.opcode == STRATO_OP_deliver || h.opcode == STRATO_OP_event || h.opcode == STRATO_OP_result)
            b->received += h.n;
        if ((h.opcode == STRATO_OP_credit || h.opcode == STRATO_OP_opened) && h.limit > b->limit)
            b->limit = h.limit;
        if (h.opcode == STRATO_OP_err)
            fprintf(stderr, "err %.*s\n", (int)h.detail.bytes, (const char *)h.detail.data);
    }
    brain_out_reset(&b->out);
}

static void step(struct bench *b, enum brain_event_kind kind, brain_peer peer, const struct strato_writer *w)
{
    struct brain_event event = { .kind = kind, .peer = peer, .is_local = true, .wall_ms = 1700000000000 + b->now_ms };

    if (w)
        event.data = strato_writer_view(w);
    brain_step(b->brain, &event, b->now_ms, &b->out);
}

/* One frame from words: op, ch, then key/value pairs of numbers; `count` envelopes of 64 B payload behind it. */
static void frame(struct strato_writer *w, const char *op, const char *ch, const char *const *keys,
                  const uint64_t *values, size_t count, uint64_t envelopes)
{
    static uint8_t payload[66] = { 0xc4, 64 };
    struct strato_envelope_out e = { .type = "bench.work", .payload = STRATO_BYTES_OF(payload) };
    struct strato_header_writer hw;

    strato_writer_reset(w);
    strato_header_begin(&hw, w, op);
    if (ch)
        strato_header_str(&hw, "ch", strato_text(ch));
    if (keys && !keys[0])
        strato_header_str(&hw, "dir", strato_text(values[0] == 'p' ? "p" : values[0] == 's' ? "s" : "c"));
    for (size_t i = 0; keys && keys[0] && i < count; i++)
        strato_header_u64(&hw, keys[i], values[i]);
    strato_header_end(&hw);
    for (uint64_t i = 0; i < envelopes; i++)
        strato_envelope_encode(&e, w);
}

static void say(struct bench *b, brain_peer peer, const char *op, const char *ch, const char *const *keys,
                const uint64_t *values, size_t count)
{
    struct strato_writer w = { 0 };

    frame(&w, op, ch, keys, values, count, 0);
    step(b, BRAIN_FRAME, peer, &w);
    strato_writer_fini(&w);
}

static void open_as(struct bench *b, brain_peer peer, const char *ch, uint64_t dir)
{
    static const char *const none[] = { NULL };

    say(b, peer, "open", ch, none, &dir, 1);
}

/* What a channel may do beside moving messages, to see what it costs. */
enum extra { PLAIN, RULE_ELSEWHERE, RULE_HERE, TALLY };

static void start_with(struct bench *b, enum extra extra)
{
    static const struct brain_route elsewhere = { .channel = "gpu", .target = "evolution", .is_enabled = true };
    static const struct brain_route here = { .topic = "no.such.topic", .target = "gpu", .is_enabled = true };
    static const struct brain_channel_config counted = { .name = "evolution",
                                                         .pattern = BRAIN_WORK,
                                                         .capacity = 10000,
                                                         .bytes_max = 64U << 20,
                                                         .ttl_ms = 3600000,
                                                         .ack = true,
                                                         .has_tally = true,
                                                         .consumer_prefetch = 64,
                                                         .start_timeout_ms = 60000,
                                                         .lease_ms = 30000,
                                                         .attempt_ms = 1800000,
                                                         .max_deliver = 5,
                                                         .backoff_ms = 50,
                                                         .backoff_max_ms = 30000,
                                                         .dedup_ms = 120000,
                                                         .dead_max = 1000,
                                                         .dead_bytes_max = 64U << 20,
                                                         .history_max = 10000,
                                                         .history_bytes_max = 16U << 20 };
    struct brain_config config = { .epoch = 1700000000000,
                                   .routes = extra == RULE_HERE ? &here : &elsewhere,
                                   .routes_count = extra == RULE_HERE || extra == RULE_ELSEWHERE,
                                   .channels = &counted,
                                   .channels_count = extra == TALLY };
    char detail[256] = "";

    *b = (struct bench){ .now_ms = 1000 };
    if (brain_open(&config, b->now_ms, &b->brain, detail, sizeof(detail)) < 0) {
        fprintf(stderr, "brain_turn: %s\n", detail);
        exit(1);
    }
    for (brain_peer p = 1; p <= 1 + SUBSCRIBERS_MAX; p++)
        say(b, p, "hello", NULL, NULL, NULL, 0);
    drain(b);
}

static void start(struct bench *b)
{
    start_with(b, PLAIN);
}

static void stop(struct bench *b, const char *what, uint64_t messages, uint64_t ns)
{
    printf("%-28s %8.1f ns/message %8.2f M/s  (received %llu)\n", what, (double)ns / (double)messages,
           (double)messages * 1e3 / (double)ns, (unsigned long long)b->received);
    brain_destroy(&b->brain);
    brain_out_fini(&b->out);
}

static void need(struct bench *b, const char *ch, uint64_t sent)
{
    static const char *const keys[] = { "upto", "wait" };
    uint64_t values[] = { sent + 4096, 1000 };

    if (b->limit < sent + 1024)
        say(b, 1, "need", ch, keys, values, 2);
}

/* put -> deliver -> ack, one producer and one consumer. */
static void work(uint64_t rounds, enum extra extra)
{
    static const char *const put_keys[] = { "i", "n", "ep" }, *const want_keys[] = { "limit", "taken" },
                             *const ack_keys[] = { "upto" };
    static const char *const names[] = { [PLAIN] = "work put+deliver+ack",
                                         [RULE_ELSEWHERE] = "  a rule for another channel",
                                         [RULE_HERE] = "  a rule that does not match",
                                         [TALLY] = "  counted by topic, sender" };
    struct strato_writer put = { 0 }, want = { 0 }, ack = { 0 };
    struct bench b;
    uint64_t ns = 0;

    start_with(&b, extra);
    open_as(&b, 1, "evolution", 'p');
    open_as(&b, 2, "evolution", 'c');
    need(&b, "evolution", 0);
    step(&b, BRAIN_TURN_END, 0, NULL);
    drain(&b);
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t sent = round * BATCH, begin;

        frame(&put, "put", "evolution", put_keys, (uint64_t[]){ sent, BATCH, 1 }, 3, BATCH);
        frame(&want, "want", "evolution", want_keys, (uint64_t[]){ sent + 1024, sent }, 2, 0);
        frame(&ack, "ack", "evolution", ack_keys, (uint64_t[]){ sent + BATCH }, 1, 0);
        need(&b, "evolution", sent);
        if (round % 64 == 0)
            b.now_ms++;
        begin = now_ns();
        step(&b, BRAIN_FRAME, 1, &put);
        step(&b, BRAIN_FRAME, 2, &want);
        step(&b, BRAIN_TURN_END, 0, NULL);
        step(&b, BRAIN_FRAME, 2, &ack);
        step(&b, BRAIN_TURN_END, 0, NULL);
        ns += now_ns() - begin;
        drain(&b);
    }
    stop(&b, names[extra], rounds * BATCH, ns);
    strato_writer_fini(&put);
    strato_writer_fini(&want);
    strato_writer_fini(&ack);
}

static void events(uint64_t rounds, uint64_t subscribers)
{
    static const char *const put_keys[] = { "i", "n", "ep" }, *const want_keys[] = { "limit", "taken" };
    struct strato_writer put = { 0 }, want = { 0 };
    struct bench b;
    uint64_t ns = 0;
    char what[64];

    start(&b);
    open_as(&b, 1, "events", 'p');
    for (brain_peer p = 2; p < 2 + subscribers; p++)
        say(&b, p, "sub", "events", NULL, NULL, 0);
    need(&b, "events", 0);
    step(&b, BRAIN_TURN_END, 0, NULL);
    drain(&b);
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t sent = round * BATCH, begin;

        frame(&put, "put", "events", put_keys, (uint64_t[]){ sent, BATCH, 1 }, 3, BATCH);
        frame(&want, "want", "events", want_keys, (uint64_t[]){ sent + 1024, sent }, 2, 0);
        need(&b, "events", sent);
        if (round % 64 == 0)
            b.now_ms++;
        begin = now_ns();
        step(&b, BRAIN_FRAME, 1, &put);
        for (brain_peer p = 2; p < 2 + subscribers; p++)
            step(&b, BRAIN_FRAME, p, &want);
        step(&b, BRAIN_TURN_END, 0, NULL);
        ns += now_ns() - begin;
        drain(&b);
    }
    snprintf(what, sizeof(what), "events 1 to %llu, deliveries", (unsigned long long)subscribers);
    stop(&b, what, rounds * BATCH * subscribers, ns);
    strato_writer_fini(&put);
    strato_writer_fini(&want);
}

static void reply_frame(struct strato_writer *w, uint64_t first)
{
    struct strato_envelope_out e = { .type = "bench.answer" };
    struct strato_header_writer hw;

    strato_writer_reset(w);
    strato_header_begin(&hw, w, "reply");
    strato_header_str(&hw, "ch", strato_text("cost"));
    strato_header_u64(&hw, "n", BATCH);
    strato_header_key(&hw, "tags");
    strato_writer_array(w, BATCH);
    for (uint64_t i = 0; i < BATCH; i++)
        strato_writer_u64(w, first + i);
    strato_header_end(&hw);
    for (uint64_t i = 0; i < BATCH; i++)
        strato_envelope_encode(&e, w);
}

static void calls(uint64_t rounds)
{
    static const char *const call_keys[] = { "rq", "n" }, *const want_keys[] = { "limit", "taken" };
    struct strato_writer call = { 0 }, want = { 0 }, reply = { 0 };
    struct bench b;
    uint64_t ns = 0;

    start(&b);
    open_as(&b, 2, "cost", 's');
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t sent = round * BATCH, begin;

        frame(&call, "call", "cost", call_keys, (uint64_t[]){ sent, BATCH }, 2, BATCH);
        frame(&want, "want", "cost", want_keys, (uint64_t[]){ sent + 1024, sent }, 2, 0);
        reply_frame(&reply, sent);
        if (round % 64 == 0)
            b.now_ms++;
        begin = now_ns();
        step(&b, BRAIN_FRAME, 2, &want);
        step(&b, BRAIN_FRAME, 1, &call);
        step(&b, BRAIN_TURN_END, 0, NULL);
        step(&b, BRAIN_FRAME, 2, &reply);
        step(&b, BRAIN_TURN_END, 0, NULL);
        ns += now_ns() - begin;
        drain(&b);
    }
    stop(&b, "call+deliver+reply+result", rounds * BATCH, ns);
    strato_writer_fini(&call);
    strato_writer_fini(&want);
    strato_writer_fini(&reply);
}

/* How much memory does a backlog cost beyond its envelopes? */
static void backlog(void)
{
    struct strato_writer put = { 0 };
    struct bench b;
    uint64_t before, count = 9984;
    uint64_t envelope;

    start(&b);
    before = brain_memory_bytes(b.brain);
    for (uint64_t i = 0; i < count / BATCH; i++) {
        static const char *const keys[] = { "n" };

        frame(&put, "put", "evolution", keys, (uint64_t[]){ BATCH }, 1, BATCH);
        step(&b, BRAIN_FRAME, 1, &put);
        drain(&b);
    }
    envelope = put.bytes / BATCH;
    printf("%-28s %8.1f bytes/message beyond its envelope of %llu\n", "backlog",
           (double)(brain_memory_bytes(b.brain) - before) / (double)count - (double)envelope,
           (unsigned long long)envelope);
    brain_destroy(&b.brain);
    brain_out_fini(&b.out);
    strato_writer_fini(&put);
}

int main(int argc, char **argv)
{
    uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;

    work(rounds, PLAIN);
    work(rounds, RULE_ELSEWHERE);
    work(rounds, RULE_HERE);
    work(rounds, TALLY);
    events(rounds, 1);
    events(rounds / 4 + 1, 10);
    calls(rounds / 4 + 1);
    backlog();
    return 0;
}
