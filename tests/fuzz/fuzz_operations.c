/*
 * fuzz_operations.c - frames of several peers into a real brain: whatever they say, both laws hold after every turn.
 *
 * The input is a list of records: one byte of circumstances, one byte of length, the frame. Circumstances: bits 0-1
 * which peer (two have sessions and streams already, two are strangers), 2 lockstep, 3 local, 4 with an attachment,
 * 5 the turn ends after it, 6 then a second passes, 7 then a hundred.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/brain.h"
#include "core/header.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

enum { PRODUCER = 2, CONSUMER = 3 }; /* peers 1 and 4 have said nothing */

struct bench {
    struct brain *brain;
    struct brain_out out;
    uint64_t now_ms;
};

static void step(struct bench *b, struct brain_event *event)
{
    event->wall_ms = 1700000000000 + b->now_ms;
    MUST(brain_step(b->brain, event, b->now_ms, &b->out) == 0);
}

static void turn(struct bench *b)
{
    char detail[512];

    step(b, &(struct brain_event){ .kind = BRAIN_TURN_END });
    brain_out_reset(&b->out);
    MUST(brain_laws_hold(b->brain, detail, sizeof detail));
    MUST(brain_violations(b->brain) == 0);
}

static void pass(struct bench *b, uint64_t ms)
{
    uint64_t end = b->now_ms + ms, due = brain_next_timer_ms(b->brain);

    for (int i = 0; due <= end && i < 256; i++) {
        b->now_ms = due > b->now_ms ? due : b->now_ms;
        step(b, &(struct brain_event){ .kind = BRAIN_TICK });
        turn(b);
        due = brain_next_timer_ms(b->brain);
    }
    b->now_ms = end;
}

static void say(struct bench *b, brain_peer peer, const char *op, const char *channel, const char *dir)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;

    strato_header_begin(&hw, &w, op);
    if (channel)
        strato_header_str(&hw, "ch", strato_text(channel));
    if (dir)
        strato_header_str(&hw, "dir", strato_text(dir));
    if (strcmp(op, "want") == 0)
        strato_header_u64(&hw, "limit", 8);
    if (strcmp(op, "need") == 0) {
        strato_header_u64(&hw, "upto", 8);
        strato_header_u64(&hw, "wait", 1000);
    }
    strato_header_end(&hw);
    step(b,
         &(struct brain_event){ .kind = BRAIN_FRAME, .peer = peer, .is_local = true, .data = strato_writer_view(&w) });
    strato_writer_fini(&w);
}

static void begin(struct bench *b)
{
    static const struct brain_config config = { .epoch = 1700000000000, .seed = 1 };
    char detail[256];

    *b = (struct bench){ .now_ms = 1000 };
    MUST(brain_open(&config, b->now_ms, &b->brain, detail, sizeof detail) == 0);
    say(b, PRODUCER, "hello", NULL, NULL);
    say(b, PRODUCER, "open", "gpu", "p");
    say(b, PRODUCER, "need", "gpu", NULL);
    say(b, CONSUMER, "hello", NULL, NULL);
    say(b, CONSUMER, "open", "gpu", "c");
    say(b, CONSUMER, "want", "gpu", NULL);
    say(b, CONSUMER, "sub", "events", NULL);
    turn(b);
}

static void blob_free(struct strato_blob *blob)
{
    free((void *)(uintptr_t)blob->data);
    free(blob);
}

static struct strato_blob *blob_new(void)
{
    struct strato_blob *blob = malloc(sizeof *blob);
    uint8_t *data = calloc(1, 16);

    MUST(blob && data);
    *blob = (struct strato_blob){ .data = data, .bytes = 16, .references = 1, .free_fn = blob_free };
    return blob;
}

/* The frame lies in a block of its own size, as it does in a ZeroMQ message. */
static void frame(struct bench *b, uint8_t how, const uint8_t *data, size_t bytes)
{
    struct strato_blob *blob = how & 16 ? blob_new() : NULL, *blobs[] = { blob };
    uint8_t *exact = malloc(bytes ? bytes : 1);

    MUST(exact);
    memcpy(exact, data, bytes);
    step(b, &(struct brain_event){ .kind = BRAIN_FRAME,
                                   .peer = 1 + (how & 3),
                                   .is_lockstep = how & 4,
                                   .is_local = how & 8,
                                   .data = strato_bytes(exact, bytes),
                                   .blobs = blobs,
                                   .blobs_count = blob ? 1 : 0 });
    strato_blob_drop(blob);
    free(exact);
    if (how & 32)
        turn(b);
    if (how & 64)
        pass(b, 1000);
    if (how & 128)
        pass(b, 100000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct bench b;

    begin(&b);
    while (bytes >= 2) {
        size_t length = data[1] < bytes - 2 ? data[1] : bytes - 2;

        frame(&b, data[0], data + 2, length);
        data += 2 + length;
        bytes -= 2 + length;
    }
    turn(&b);
    brain_destroy(&b.brain);
    brain_out_fini(&b.out);
    return 0;
}
