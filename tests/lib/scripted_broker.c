/*
 * scripted_broker.c - read and write the frames of a session by hand.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/lib/scripted_broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

void script_init(struct scripted_broker *b, const struct strato_client_options *options)
{
    static const struct strato_client_options plain = { .agent = "tester", .hb_ms = 5000 };

    memset(b, 0, sizeof *b);
    b->now_us = 1000000;
    assert_int_equal(strato__session_init(&b->session, options ? options : &plain, 7), 0);
    strato__session_open(&b->session, b->now_us);
}

void script_land(struct scripted_broker *b)
{
    while (b->flying_count)
        strato__buffer_landed(b->flying[--b->flying_count].buffer);
}

void script_fini(struct scripted_broker *b)
{
    script_land(b);
    strato__session_fini(&b->session);
    strato_writer_fini(&b->w);
}

static void tick(struct scripted_broker *b)
{
    strato__session_step(&b->session, &(struct strato__step){ .kind = STRATO__STEP_TICK }, b->now_us);
}

void script_pass_ms(struct scripted_broker *b, uint64_t ms)
{
    uint64_t until = b->now_us + ms * 1000;

    for (;;) {
        uint64_t next = strato__session_next_us(&b->session);

        if (next > until)
            break;
        b->now_us = next > b->now_us ? next : b->now_us + 1;
        tick(b);
    }
    b->now_us = until;
    b->session.now_us = until;
}

void script_connect(struct scripted_broker *b)
{
    if (!b->session.wants_socket)
        script_pass_ms(b, 6000);
    assert_true(b->session.wants_socket);
    b->session.wants_socket = b->session.drop_socket = false;
    strato__session_step(&b->session, &(struct strato__step){ .kind = STRATO__STEP_OPENED }, b->now_us);
}

void script_drop(struct scripted_broker *b)
{
    strato__session_step(&b->session, &(struct strato__step){ .kind = STRATO__STEP_DROPPED }, b->now_us);
}

/* ---- what the client says ------------------------------------------------------------------------ */

bool script_next(struct scripted_broker *b, struct script_frame *ret_frame)
{
    struct strato__part part;
    struct strato__buffer *first;

    if (!strato__outbox_pop(&b->session.out, &part))
        return false;
    *ret_frame = (struct script_frame){ 0 };
    first = part.buffer;
    assert_true(b->flying_count < 250);
    strato__buffer_fly(first, b->session.flight);
    b->flying[b->flying_count++] = part;
    while (part.more) {
        assert_true(strato__outbox_pop(&b->session.out, &part));
        b->flying[b->flying_count++] = part;
        ret_frame->parts++;
    }
    ret_frame->envelopes = strato_cursor_over(strato_bytes(first->data, first->bytes));
    assert_int_equal(strato_header_decode(&ret_frame->envelopes, STRATO_HEADER_BYTES_MAX, &ret_frame->header), 0);
    b->session.last_tx_us = b->now_us;
    return true;
}

struct script_frame script_expect(struct scripted_broker *b, const char *op)
{
    struct script_frame frame;

    if (!script_next(b, &frame))
        fail_msg("the client sent nothing, expected %s", op);
    assert_string_equal(strato_op_name(frame.header.opcode), op);
    return frame;
}

void script_expect_nothing(struct scripted_broker *b)
{
    struct script_frame frame;

    if (script_next(b, &frame))
        fail_msg("the client sent %s, expected nothing", strato_op_name(frame.header.opcode));
}

uint64_t script_rq(const struct script_frame *frame)
{
    uint64_t rq = 0;

    assert_true(strato__rq_number(frame->header.rq, &rq));
    return rq;
}

/* ---- what the broker says ------------------------------------------------------------------------ */

static void inbound_free(struct strato__inbound *inbound)
{
    free((void *)(uintptr_t)inbound->frame.data);
    free(inbound);
}

void script_say_bytes(struct scripted_broker *b, struct strato_bytes bytes)
{
    struct strato__inbound *inbound = calloc(1, sizeof *inbound);
    /* exactly as large as the frame, so that a sanitizer sees every read beyond it */
    uint8_t *data = malloc(bytes.bytes ? bytes.bytes : 1);

    assert_non_null(inbound);
    assert_non_null(data);
    if (bytes.bytes)
        memcpy(data, bytes.data, bytes.bytes);
    atomic_init(&inbound->references, 1);
    inbound->frame = strato_bytes(data, bytes.bytes);
    inbound->free_fn = inbound_free;
    strato__session_step(&b->session, &(struct strato__step){ .kind = STRATO__STEP_FRAME, .inbound = inbound },
                         b->now_us);
    strato__inbound_drop(inbound);
}

static void write_value(struct strato_writer *w, char type, va_list *args)
{
    uint32_t count;

    switch (type) {
    case 'u':
        strato_writer_u64(w, (uint64_t)va_arg(*args, int));
        break;
    case 'U':
        strato_writer_u64(w, va_arg(*args, uint64_t));
        break;
    case 'b':
        strato_writer_bool(w, va_arg(*args, int) != 0);
        break;
    case 's':
        strato_writer_text(w, va_arg(*args, const char *));
        break;
    case 'T':
        strato_writer_raw(w, va_arg(*args, struct strato_bytes));
        break;
    default:
        assert_int_equal(type, 'a');
        count = (uint32_t)va_arg(*args, int);
        strato_writer_array(w, count);
        while (count-- > 0)
            strato_writer_u64(w, (uint64_t)va_arg(*args, int));
        break;
    }
}

static void write_frame(struct scripted_broker *b, int messages, const char *op, const char *keys, va_list *args)
{
    struct strato_header_writer hw;
    char name[32];

    strato_writer_reset(&b->w);
    strato_header_begin(&hw, &b->w, op);
    while (*keys) {
        size_t bytes = strcspn(keys, ":");

        assert_true(bytes < sizeof name);
        memcpy(name, keys, bytes);
        name[bytes] = '\0';
        strato_header_key(&hw, name);
        write_value(&b->w, keys[bytes + 1], args);
        keys += bytes + 2;
        keys += *keys == ' ';
    }
    strato_header_end(&hw);
    for (int i = 0; i < messages; i++) {
        uint8_t payload = (uint8_t)i;
        struct strato_envelope_out e = { .type = "test.message", .payload = strato_bytes(&payload, 1) };

        payload &= 0x7F;
        strato_envelope_encode(&e, &b->w);
    }
    script_say_bytes(b, strato_writer_view(&b->w));
}

void script_say(struct scripted_broker *b, const char *op, const char *keys, ...)
{
    va_list args;

    va_start(args, keys);
    write_frame(b, 0, op, keys, &args);
    va_end(args);
}

void script_say_messages(struct scripted_broker *b, int messages, const char *op, const char *keys, ...)
{
    va_list args;

    va_start(args, keys);
    write_frame(b, messages, op, keys, &args);
    va_end(args);
}

bool script_notice(struct scripted_broker *b, struct strato__notice *ret_notice)
{
    struct strato__session *s = &b->session;

    if (s->notices_count == 0)
        return false;
    *ret_notice = s->notices[s->notices_head];
    s->notices_head = (s->notices_head + 1) % STRATO__NOTICES_MAX;
    s->notices_count--;
    return true;
}

/* ---- usual beginnings ---------------------------------------------------------------------------- */

void script_open(struct scripted_broker *b)
{
    struct strato__notice notice;

    script_init(b, NULL);
    script_connect(b);
    script_expect(b, "hello");
    script_say(b, "welcome", "sid:s token:s ep:u epoch:u resumed:b hb_ms:u", "s1", "0123456789abcdef", 1, 77, 0, 5000);
    assert_int_equal(b->session.state, STRATO__OPEN);
    assert_true(script_notice(b, &notice));
    script_land(b);
}

static struct strato__producer *open_producer(struct scripted_broker *b, const char *channel, int limit, int durable)
{
    struct strato__producer *p;
    struct script_frame frame;

    assert_int_equal(strato__producer_find(&b->session, channel, &p), 0);
    assert_int_equal(strato__producer_open(&b->session, p), STRATO_EAGAIN);
    frame = script_expect(b, "open");
    script_say(b, "opened", "ch:s rq:U cap:u durable:u limit:u limit_bytes:u", channel, script_rq(&frame), 100, durable,
               limit, 1 << 20);
    assert_int_equal(p->state, STRATO__PRODUCER_READY);
    script_land(b);
    return p;
}

struct strato__producer *script_producer(struct scripted_broker *b, const char *channel, int limit)
{
    return open_producer(b, channel, limit, 0);
}

struct strato__producer *script_durable_producer(struct scripted_broker *b, const char *channel, int limit)
{
    return open_producer(b, channel, limit, 1);
}

int script_send(struct scripted_broker *b, struct strato__producer *p)
{
    const struct strato_send message = { .channel = p->name->text, .envelope = { .type = "test.message" } };
    int rc = strato__producer_send(&b->session, p, &message, NULL, NULL);

    if (rc == 0)
        strato__session_gathered(&b->session);
    return rc;
}

struct strato__stream *script_consumer(struct scripted_broker *b, uint32_t prefetch)
{
    const struct strato_consumer_options options = { .channel = "work", .prefetch = prefetch };
    struct strato__stream *t;
    struct script_frame frame;

    assert_int_equal(strato__stream_open(&b->session, &options, NULL, &t), 0);
    frame = script_expect(b, "open");
    script_say(b, "opened", "ch:s stream:u rq:U cap:u", "work", (int)t->number, script_rq(&frame), 1000);
    assert_int_equal(t->state, STRATO__STREAM_READY);
    frame = script_expect(b, "want");
    assert_int_equal(frame.header.limit, prefetch);
    script_land(b);
    return t;
}
