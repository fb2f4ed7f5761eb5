/*
 * producer.c - credit and frames of one channel that the client sends to.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bindings/c/producer.h"

#include "bindings/c/unconfirmed.h"

#include <stdlib.h>

enum { CRITICAL = 80 }; /* from this priority on a message may push out a low one, where the channel allows it */

static uint32_t hash(struct strato_bytes name)
{
    uint32_t h = 2166136261U;

    for (size_t i = 0; i < name.bytes; i++)
        h = (h ^ name.data[i]) * 16777619U;
    return h;
}

struct strato__producer *strato__producer_of(struct strato__session *s, struct strato_bytes channel)
{
    struct strato__producer *p = s->producer_last;

    if (p && strato_bytes_equal(strato__name_bytes(p->name), channel))
        return p;
    for (p = s->producers[hash(channel) % 256]; p; p = p->chain)
        if (strato_bytes_equal(strato__name_bytes(p->name), channel))
            return p;
    return NULL;
}

int strato__producer_find(struct strato__session *s, const char *channel, struct strato__producer **ret_producer)
{
    struct strato_bytes name = strato_text(channel);
    struct strato__producer *p, **bucket;

    p = strato__producer_of(s, name);
    if (p) {
        s->producer_last = p;
        *ret_producer = p;
        return 0;
    }
    if (name.bytes == 0 || name.bytes > STRATO_NAME_BYTES_MAX + 1)
        return STRATO_EINVAL;
    if (s->producers_count >= STRATO__PRODUCERS_MAX)
        return STRATO_ELIMIT;
    p = calloc(1, sizeof *p);
    if (p)
        p->name = strato__name_new(channel);
    if (!p || !p->name) {
        free(p);
        return STRATO_ENOMEM;
    }
    bucket = &s->producers[hash(name) % 256];
    p->chain = *bucket;
    *bucket = p;
    p->next = s->producers_list;
    s->producers_list = p;
    s->producers_count++;
    s->producer_last = p;
    *ret_producer = p;
    return 0;
}

void strato__producers_fini(struct strato__session *s)
{
    while (s->producers_list) {
        struct strato__producer *p = s->producers_list;

        s->producers_list = p->next;
        strato__unconfirmed_clear(p);
        free(p->unconfirmed);
        strato__gather_fini(&p->gather);
        strato__name_drop(p->name);
        free(p);
    }
}

int strato__producer_open(struct strato__session *s, struct strato__producer *p)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;
    int rc;

    if (p->state == STRATO__PRODUCER_READY)
        return 0;
    if (p->open_err < 0) {
        rc = p->open_err; /* told once: the next try asks again */
        p->open_err = 0;
        return rc;
    }
    rc = strato__session_check(s);
    if (rc < 0 || p->state == STRATO__PRODUCER_OPENING)
        return rc < 0 ? rc : STRATO_EAGAIN;
    p->open_rq = s->rq_next++;
    strato_header_begin(&hw, &w, "open");
    strato_header_str(&hw, "ch", strato__name_bytes(p->name));
    strato_header_str(&hw, "dir", strato_text("p"));
    strato_header_u64(&hw, "window", STRATO_CREDIT_WINDOW_MAX);
    strato_header_u64(&hw, "rq", p->open_rq);
    strato_header_end(&hw);
    rc = strato__session_send(s, &w);
    if (rc < 0)
        return rc;
    p->state = STRATO__PRODUCER_OPENING;
    return STRATO_EAGAIN;
}

/* ---- frames -------------------------------------------------------------------------------------- */

void strato__producer_header(const struct strato__session *s, const struct strato__producer *p,
                             const struct strato__call *call, uint64_t first, uint32_t count, struct strato_writer *w)
{
    struct strato_header_writer hw;

    strato_header_begin(&hw, w, call->is_call ? "call" : "put");
    strato_header_str(&hw, "ch", strato__name_bytes(p->name));
    if (count != 1)
        strato_header_u64(&hw, "n", count);
    if (p->is_credited) {
        strato_header_u64(&hw, "i", first);
        strato_header_u64(&hw, "ep", s->ep);
    }
    if (call->is_call) {
        strato_header_u64(&hw, "rq", call->rq);
        strato_header_u64(&hw, "deadline_ms", call->deadline_ms);
        if (call->idempotent)
            strato_header_bool(&hw, "idempotent", true);
        if (call->wait_responder_ms)
            strato_header_u64(&hw, "wait_responder_ms", call->wait_responder_ms);
    }
    strato_header_end(&hw);
}

int strato__producer_close(struct strato__session *s, struct strato__producer *p, struct strato__buffer **ret_buffer)
{
    uint8_t header[STRATO__HEADROOM];
    struct strato_writer w;
    struct strato__closed closed;
    int rc = strato__unconfirmed_reserve(p);

    if (rc < 0)
        return rc;
    strato_writer_init_fixed(&w, header, sizeof header);
    strato__producer_header(s, p, &p->gather_call, p->gather_first, p->gather.count, &w);
    rc = strato_writer_error(&w);
    if (rc == 0)
        rc = strato__gather_close(&p->gather, strato_writer_view(&w), &closed);
    if (rc < 0)
        return rc;
    if (p->is_credited)
        *strato__unconfirmed_push(p) = (struct strato__unconfirmed){ .first = p->gather_first,
                                                                     .count = closed.count,
                                                                     .buffer = strato__buffer_hold(closed.buffer),
                                                                     .envelopes_at = closed.envelopes_at,
                                                                     .call = p->gather_call };
    *ret_buffer = closed.buffer;
    return 0;
}

int strato__producer_flush(struct strato__session *s, struct strato__producer *p)
{
    struct strato__buffer *buffer;
    int rc;

    if (p->gather.count == 0)
        return 0;
    rc = strato__outbox_reserve(&s->out, 1);
    if (rc == 0)
        rc = strato__producer_close(s, p, &buffer);
    if (rc == 0)
        strato__outbox_take(&s->out, &buffer, false);
    return rc;
}

/* Copy or take the attachments of a message into buffers. */
static int attachments_of(const struct strato_send *message, struct strato__buffer **buffers)
{
    for (uint32_t i = 0; i < message->attachments_count; i++) {
        const struct strato_attachment *a = &message->attachments[i];
        void *data = (void *)(uintptr_t)a->data;

        if (a->free_fn)
            buffers[i] = strato__buffer_new(a->data, a->bytes, data, a->free_fn, a->hint);
        else
            buffers[i] = strato__buffer_copy(strato_bytes(a->data, a->bytes));
        if (!buffers[i]) {
            while (i-- > 0) {
                if (message->attachments[i].free_fn)
                    free(buffers[i]); /* not ours yet: the data stays the caller's */
                else
                    strato__buffer_drop(buffers[i]);
            }
            return STRATO_ENOMEM;
        }
    }
    return 0;
}

/* A message with attachments leaves at once, in a frame of its own. */
static int send_attached(struct strato__session *s, struct strato__producer *p, const struct strato_send *message)
{
    uint32_t n = message->attachments_count;
    struct strato__buffer **kept = NULL, *buffers[STRATO_ATTACHMENTS_EACH_MAX];
    int rc;

    rc = strato__outbox_reserve(&s->out, n + 1);
    if (rc == 0)
        rc = strato__unconfirmed_reserve(p);
    if (rc < 0)
        return rc;
    if (p->is_credited) {
        kept = calloc(n, sizeof(struct strato__buffer *));
        if (!kept)
            return STRATO_ENOMEM;
    }
    rc = attachments_of(message, buffers);
    if (rc == 0) {
        rc = strato__producer_flush(s, p);
        if (rc < 0) {
            for (uint32_t i = 0; i < n; i++) {
                if (message->attachments[i].free_fn)
                    free(buffers[i]);
                else
                    strato__buffer_drop(buffers[i]);
            }
        }
    }
    if (rc < 0) {
        free(kept);
        return rc;
    }
    s->out.parts[(s->out.head + s->out.count - 1) & (s->out.capacity - 1)].more = true;
    for (uint32_t i = 0; i < n; i++) {
        if (kept)
            kept[i] = strato__buffer_hold(buffers[i]);
        strato__outbox_take(&s->out, &buffers[i], i + 1 < n);
    }
    if (kept)
        strato__unconfirmed_last(p)->attachments = kept;
    if (kept)
        strato__unconfirmed_last(p)->attachments_count = n;
    return 0;
}

static uint64_t attachment_bytes(const struct strato_send *message)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < message->attachments_count; i++)
        bytes += message->attachments[i].bytes;
    return bytes;
}

/* May the next message join the frame that is being gathered? */
static bool joins(const struct strato__producer *p, const struct strato__call *call)
{
    const struct strato__call *open = &p->gather_call;

    if (!call || !open->is_call)
        return !call && !open->is_call;
    return call->rq == open->rq + p->gather.count && call->deadline_ms == open->deadline_ms &&
           call->wait_responder_ms == open->wait_responder_ms && call->idempotent == open->idempotent;
}

static int add_envelope(struct strato__session *s, struct strato__producer *p, const struct strato_send *message,
                        uint64_t attached, uint64_t *ret_bytes)
{
    struct strato_envelope_out envelope = message->envelope;
    int64_t bytes;
    uint64_t all;

    envelope.attach = (uint16_t)message->attachments_count;
    bytes = strato__gather_add(&p->gather, &envelope, s->now_us);
    if (bytes < 0)
        return (int)bytes;
    all = (uint64_t)bytes + attached;
    if (s->message_bytes_max && all > s->message_bytes_max) {
        strato__gather_undo(&p->gather, (size_t)bytes);
        return STRATO_ETOO_BIG;
    }
    if (p->is_credited && !strato_credit_sender_may(&p->credit, all)) {
        strato__gather_undo(&p->gather, (size_t)bytes);
        p->lacking_bytes = all;
        return STRATO_EAGAIN;
    }
    *ret_bytes = all;
    return 0;
}

int strato__producer_send(struct strato__session *s, struct strato__producer *p, const struct strato_send *message,
                          const struct strato__call *call, uint64_t *ret_index)
{
    uint64_t attached = message->attachments_count ? attachment_bytes(message) : 0, bytes = 0, spent;
    bool is_apart = message->attachments_count || s->no_batching;
    int rc;

    p->is_lacking_critical = (message->envelope.has & STRATO_ENV_PRIORITY) && message->envelope.priority >= CRITICAL;
    if (p->is_credited && (p->credit.sent >= p->credit.limit || p->credit.sent < p->next_index)) {
        p->lacking_bytes = p->lacking_bytes ? p->lacking_bytes : 1;
        return STRATO_EAGAIN; /* dry, or what a resume sends again goes first */
    }
    if (p->gather.count && (message->attachments_count || !joins(p, call))) {
        rc = strato__producer_flush(s, p);
        if (rc < 0)
            return rc;
    }
    rc = add_envelope(s, p, message, attached, &bytes);
    if (rc < 0)
        return rc;
    if (p->gather.count == 1) {
        p->gather_first = p->next_index;
        p->gather_call = call ? *call : (struct strato__call){ 0 };
    }
    if (message->attachments_count) {
        rc = send_attached(s, p, message);
        if (rc < 0) {
            strato__gather_fini(&p->gather);
            return rc;
        }
    }
    if (ret_index)
        *ret_index = p->next_index;
    p->next_index++;
    if (p->is_credited)
        (void)strato_credit_sender_spend(&p->credit, bytes, &spent); /* add_envelope has seen that it may */
    if (p->gather.count >= STRATO__GATHER_MESSAGES || p->gather.w.bytes >= STRATO__GATHER_BYTES || is_apart)
        (void)strato__producer_flush(s, p); /* out of memory: it stays gathered and is tried again */
    /* Ask ahead while credit is left; a dry producer asks when somebody wants to send, so that a lone send costs no need. */
    if (strato_credit_sender_may(&p->credit, 0) && p->credit.limit - p->credit.sent <= p->credit.window / 2)
        (void)strato__producer_need(s, p, 0, 0);
    return 0;
}
