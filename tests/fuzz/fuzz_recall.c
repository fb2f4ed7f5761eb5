/*
 * fuzz_recall.c - a store with any rows at all, given back to a brain: a refusal is typed, and the laws hold ever after.
 *
 * The rows are those of a small genuine life (a work channel with puts, attempts, dead letters and ids of deduplication, an
 * events channel), of which the input changes bytes, and more rows that the input says in full:
 *     u8 number of changes | changes: u8 row, u16 offset, u8 value each | batch of the journal
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/channel.h"
#include "broker/store/memory.h"
#include "core/envelope.h"
#include "core/header.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>

enum { PRODUCER = 1, CONSUMER = 2, CHANGE_BYTES = 4, ROWS_MAX = 64 };

struct life {
    struct brain *brain;
    struct brain_out out;
    struct store *store;
    uint64_t now_ms;
};

static struct brain_channel_config channels[2];

/* ---- one life ---- */

static void step(struct life *life, struct brain_event *event)
{
    uint64_t last = 0;

    event->wall_ms = 1700000000000 + life->now_ms;
    MUST(brain_step(life->brain, event, life->now_ms, &life->out) == 0);
    for (size_t i = 0; i < life->out.count; i++) {
        const struct brain_action *action = &life->out.actions[i];
        struct strato_bytes batch = strato_bytes(action->data, action->bytes);

        if (action->kind == BRAIN_COMMIT) {
            MUST(store_commit(life->store, &batch, 1) == 0);
            last = action->commit;
        }
    }
    brain_out_reset(&life->out);
    if (last)
        step(life, &(struct brain_event){ .kind = BRAIN_STORED, .commit = last });
}

static void turn(struct life *life)
{
    char detail[512];

    step(life, &(struct brain_event){ .kind = BRAIN_TURN_END });
    MUST(brain_laws_hold(life->brain, detail, sizeof detail));
    MUST(brain_violations(life->brain) == 0);
}

struct words {
    const char *op, *channel, *dir, *id;
    uint64_t limit, tag;
    bool is_put, is_settle;
};

static void say(struct life *life, brain_peer peer, const struct words *words)
{
    const struct strato_envelope_out e = { .type = "job", .id = strato_text(words->id ? words->id : "") };
    struct strato_header_writer hw;
    struct strato_writer w = { 0 };

    strato_header_begin(&hw, &w, words->op);
    if (words->channel)
        strato_header_str(&hw, "ch", strato_text(words->channel));
    if (words->dir)
        strato_header_str(&hw, "dir", strato_text(words->dir));
    if (words->limit)
        strato_header_u64(&hw, "limit", words->limit);
    if (words->is_put)
        strato_header_u64(&hw, "rq", 1);
    if (words->is_settle) {
        strato_header_key(&hw, "tags");
        strato_writer_array(&w, 1);
        strato_writer_u64(&w, words->tag);
        strato_header_bool(&hw, "dead", words->tag % 2);
    }
    strato_header_end(&hw);
    if (words->is_put)
        strato_envelope_encode(&e, &w);
    step(life,
         &(struct brain_event){ .kind = BRAIN_FRAME, .peer = peer, .is_local = true, .data = strato_writer_view(&w) });
    turn(life);
    strato_writer_fini(&w);
}

static void consume(struct life *life)
{
    say(life, CONSUMER, &(struct words){ .op = "hello" });
    say(life, CONSUMER, &(struct words){ .op = "open", .channel = "orders", .dir = "c" });
    say(life, CONSUMER, &(struct words){ .op = "want", .channel = "orders", .limit = 4 });
    say(life, CONSUMER, &(struct words){ .op = "sub", .channel = "news" });
}

static void pass(struct life *life, uint64_t ms)
{
    uint64_t end = life->now_ms + ms, due = brain_next_timer_ms(life->brain);

    for (int i = 0; due <= end && i < 256; i++) {
        life->now_ms = due > life->now_ms ? due : life->now_ms;
        step(life, &(struct brain_event){ .kind = BRAIN_TICK });
        turn(life);
        due = brain_next_timer_ms(life->brain);
    }
    life->now_ms = end;
}

static void be_born(struct life *life)
{
    const struct brain_config config = {
        .epoch = 1700000000000 + life->now_ms, .seed = 1, .has_store = true, .channels = channels, .channels_count = 2
    };
    char detail[256];

    MUST(brain_open(&config, life->now_ms, &life->brain, detail, sizeof detail) == 0);
}

static void die(struct life *life)
{
    brain_destroy(&life->brain);
    brain_out_fini(&life->out);
    store_close(&life->store);
}

/* ---- the genuine rows ---- */

static struct journal_entry genuine[ROWS_MAX];
static size_t genuine_count;

static int keep_row(void *arg, const struct journal_entry *row)
{
    struct journal_entry *kept = &genuine[genuine_count++];
    uint8_t *value = malloc(row->value.bytes ? row->value.bytes : 1);

    (void)arg;
    MUST(genuine_count <= ROWS_MAX && value);
    if (row->value.bytes)
        memcpy(value, row->value.data, row->value.bytes);
    *kept = *row;
    kept->value = strato_bytes(value, row->value.bytes);
    return 0;
}

/* Kept for all inputs, and reachable from `genuine` to the end. */
static void live_genuinely(void)
{
    static const char *const names[] = { "orders", "news" };
    struct store_findings found;
    struct life life = { .now_ms = 1000 };
    char id[8];

    for (int i = 0; i < 2; i++) {
        snprintf(channels[i].name, sizeof channels[i].name, "%s", names[i]);
        channel_config_defaults(&channels[i], i ? BRAIN_EVENTS : BRAIN_WORK);
        channels[i].is_durable = true;
    }
    MUST(store_memory_open(&life.store) == 0);
    be_born(&life);
    MUST(brain_restored(life.brain, &life.out) == 0);
    say(&life, PRODUCER, &(struct words){ .op = "hello" });
    for (int i = 0; i < 8; i++) {
        snprintf(id, sizeof id, "id-%d", i);
        say(&life, PRODUCER, &(struct words){ .op = "put", .channel = names[i % 4 == 3], .id = id, .is_put = true });
    }
    consume(&life);
    say(&life, CONSUMER, &(struct words){ .op = "start", .channel = "orders", .is_settle = true });
    for (uint64_t tag = 0; tag < 3; tag++)
        say(&life, CONSUMER, &(struct words){ .op = "nack", .channel = "orders", .is_settle = true, .tag = tag });
    MUST(store_scan(life.store, keep_row, NULL, &found) == 0);
    MUST(genuine_count > 12);
    die(&life);
}

/* ---- the input ---- */

static void write_rows(struct strato_writer *w, const uint8_t *changes, size_t count)
{
    for (size_t i = 0; i < genuine_count; i++) {
        uint8_t *value = (uint8_t *)(uintptr_t)genuine[i].value.data, kept[256];

        for (size_t c = 0; c < count; c++) {
            const uint8_t *change = changes + c * CHANGE_BYTES;
            size_t at = (size_t)(change[1] | change[2] << 8) % (genuine[i].value.bytes ? genuine[i].value.bytes : 1);

            kept[c] = 0;
            if (change[0] % genuine_count != i || !genuine[i].value.bytes)
                continue;
            kept[c] = value[at];
            value[at] = change[3];
        }
        MUST(journal_write(w, &genuine[i]) == 0);
        for (size_t c = count; c-- > 0;) {
            const uint8_t *change = changes + c * CHANGE_BYTES;

            if (change[0] % genuine_count == i && genuine[i].value.bytes)
                value[(size_t)(change[1] | change[2] << 8) % genuine[i].value.bytes] = kept[c];
        }
    }
}

static int restore_row(void *arg, const struct journal_entry *row)
{
    struct life *life = arg;
    char detail[256] = "";
    int rc = brain_restore(life->brain, row, detail, sizeof detail);

    MUST(rc == 0 || ((rc == STRATO_ECODEC || rc == STRATO_ECONFIG) && detail[0]));
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    size_t count = bytes ? data[0] : 0;
    struct strato_writer w = { 0 };
    struct strato_bytes batches[2];
    struct life life = { .now_ms = 5000 };
    struct store_findings found;

    if (!genuine_count)
        live_genuinely();
    if (bytes == 0 || (bytes - 1) / CHANGE_BYTES < count)
        return 0;
    MUST(store_memory_open(&life.store) == 0);
    write_rows(&w, data + 1, count);
    batches[0] = strato_writer_view(&w);
    batches[1] = strato_bytes(data + 1 + count * CHANGE_BYTES, bytes - 1 - count * CHANGE_BYTES);
    if (store_commit(life.store, batches, 2) < 0)
        MUST(store_commit(life.store, batches, 1) == 0); /* the rest is no batch */
    strato_writer_fini(&w);
    be_born(&life);
    MUST(store_scan(life.store, restore_row, &life, &found) == 0);
    MUST(brain_restored(life.brain, &life.out) == 0);
    brain_out_reset(&life.out);
    turn(&life);
    consume(&life);
    pass(&life, 200000);
    die(&life);
    return 0;
}
