/*
 * outbox.c - see outbox.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/outbox.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/brain/state.h"
#include "core/utf8.h"

/* ---- the list of actions ---- */

void brain_out_reset(struct brain_out *out)
{
    for (size_t i = 0; i < out->count; i++) {
        struct brain_action *action = &out->actions[i];

        free(action->data);
        for (size_t k = 0; action->blobs && k < action->blobs_count; k++)
            strato_blob_drop(action->blobs[k]);
        free(action->blobs);
    }
    out->count = 0;
}

void brain_out_fini(struct brain_out *out)
{
    brain_out_reset(out);
    free(out->actions);
    *out = (struct brain_out){ 0 };
}

struct brain_action *outbox_action(struct brain *brain, enum brain_action_kind kind)
{
    struct brain_out *out = brain->out;

    if (out->count == out->capacity) {
        size_t capacity = out->capacity ? out->capacity * 2 : 32;
        struct brain_action *grown = realloc(out->actions, capacity * sizeof(*grown));

        if (!grown)
            return NULL;
        out->actions = grown;
        out->capacity = capacity;
    }
    out->actions[out->count] = (struct brain_action){ .kind = kind };
    return &out->actions[out->count++];
}

/* May a frame go to this peer? A lockstep peer reads one answer per request and nothing else. */
static bool may_send(struct peer *peer)
{
    if (!peer)
        return false;
    if (!peer->is_lockstep)
        return true;
    if (peer->owed == 0) {
        peer->brain->sends_suppressed++;
        return false;
    }
    peer->owed--;
    return true;
}

void outbox_send(struct brain *brain, struct peer *peer, struct strato_writer *w, struct strato_blob **blobs,
                 size_t count)
{
    size_t bytes;
    uint8_t *data = may_send(peer) ? strato_writer_take(w, &bytes) : NULL;
    struct brain_action *action = data ? outbox_action(brain, BRAIN_SEND) : NULL;

    if (action) {
        action->peer = peer->id;
        action->data = data;
        action->bytes = bytes;
        action->blobs = blobs;
        action->blobs_count = count;
        return;
    }
    free(data);
    strato_writer_fini(w);
    for (size_t i = 0; i < count; i++)
        strato_blob_drop(blobs[i]);
    free(blobs);
}

void brain_log(struct brain *brain, int level, const char *format, ...)
{
    struct brain_action *action;
    va_list args;
    char *text = NULL;
    int bytes;

    va_start(args, format);
    bytes = vasprintf(&text, format, args);
    va_end(args);
    if (bytes < 0)
        return;
    action = outbox_action(brain, BRAIN_LOG);
    if (!action) {
        free(text);
        return;
    }
    action->level = level;
    action->data = (uint8_t *)text;
    action->bytes = (size_t)bytes;
}

/* ---- frames without messages ---- */

void answer_begin(struct answer *a, struct brain *brain, struct peer *peer, const char *op,
                  const struct strato_header *request)
{
    *a = (struct answer){ .brain = brain, .peer = peer };
    if (request)
        a->request = request->rq;
    strato_writer_reserve(&a->w, 128);
    strato_header_begin(&a->header, &a->w, op);
    if (request && request->rq.bytes)
        strato_header_raw(&a->header, "rq", request->rq);
}

void answer_channel(struct answer *a, const struct channel *ch, uint64_t stream)
{
    strato_header_str(&a->header, "ch", ch->name);
    if (stream)
        strato_header_u64(&a->header, "stream", stream);
}

void answer_after_commit(struct answer *a)
{
    a->waits = true;
}

static void finish(struct answer *a, struct strato_blob **blobs, size_t blobs_count)
{
    if (!a->waits || !confirm_hold(a, blobs, blobs_count))
        outbox_send(a->brain, a->peer, &a->w, blobs, blobs_count);
}

void answer_send(struct answer *a)
{
    strato_header_end(&a->header);
    finish(a, NULL, 0);
}

void answer_send_with(struct answer *a, const char *type, struct strato_bytes payload, struct strato_blob **blobs,
                      size_t blobs_count)
{
    strato_header_u64(&a->header, "n", 1);
    strato_header_end(&a->header);
    strato_writer_map(&a->w, blobs_count ? 3 : 2);
    strato_writer_text(&a->w, "type");
    strato_writer_text(&a->w, type);
    strato_writer_text(&a->w, "payload");
    strato_writer_raw(&a->w, payload);
    if (blobs_count) {
        strato_writer_text(&a->w, "attach");
        strato_writer_u64(&a->w, blobs_count);
    }
    finish(a, blobs, blobs_count);
}

void answer_ok(struct peer *peer, const struct strato_header *request)
{
    struct answer a;

    answer_begin(&a, peer->brain, peer, "ok", request);
    if (request && request->ch.bytes)
        strato_header_str(&a.header, "ch", request->ch);
    answer_send(&a);
}

/* A detail quotes what the peer sent, and cuts it: what is no text any more must not break the reader. */
static void make_text(char *text)
{
    if (strato_utf8_is_valid(strato_text(text)))
        return;
    for (; *text; text++) {
        if ((unsigned char)*text >= 0x80)
            *text = '?';
    }
}

static void err_keys(struct answer *a, const struct strato_header *request, int err, const char *detail)
{
    char retry = strato_err_retry(err);
    char text[DETAIL_BYTES_MAX];

    if (request && request->ch.bytes && strato_utf8_is_valid(request->ch))
        strato_header_str(&a->header, "ch", request->ch);
    if (request && request->stream)
        strato_header_u64(&a->header, "stream", request->stream);
    strato_header_u64(&a->header, "code", (uint64_t)-err);
    strato_header_str(&a->header, "name", strato_text(strato_err_name(err)));
    if (retry == 'y')
        strato_header_u64(&a->header, "retry_ms", err == STRATO_EDRAINING ? 1000 : 50);
    snprintf(text, sizeof(text), "%s", detail ? detail : strato_strerror(err));
    make_text(text);
    strato_header_str(&a->header, "detail", strato_text(text));
}

void answer_err(struct peer *peer, const struct strato_header *request, int err, const char *detail)
{
    struct answer a;

    answer_begin(&a, peer->brain, peer, "err", request);
    err_keys(&a, request, err, detail);
    answer_send(&a);
}

void answer_err_at(struct peer *peer, const struct strato_header *request, uint64_t i, uint64_t count, int err,
                   const char *detail)
{
    struct answer a;

    answer_begin(&a, peer->brain, peer, "err", request);
    err_keys(&a, request, err, detail);
    strato_header_u64(&a.header, "i", i);
    strato_header_u64(&a.header, "n", count);
    answer_send(&a);
}

/* ---- frames with messages ---- */

struct outframe *outframe_begin(struct peer *peer, struct outframe **owner)
{
    struct brain *brain = peer->brain;
    struct outframe *f = brain->frames_spare;

    if (f)
        brain->frames_spare = f->next;
    else
        f = malloc(sizeof(*f));
    if (!f)
        return NULL;
    *f = (struct outframe){ .peer = peer, .owner = owner };
    *owner = f;
    *(brain->frames_tail ? &brain->frames_tail->next : &brain->frames_head) = f;
    brain->frames_tail = f;
    return f;
}

void outframe_header(struct outframe *f, struct strato_header_writer *hw, const char *op, const struct channel *ch,
                     uint64_t stream)
{
    /* As much as the last one took: growing from small copies every byte twice. */
    strato_writer_reserve(&f->w, 1024 + f->peer->brain->frame_bytes);
    strato_header_begin(hw, &f->w, op);
    strato_header_str(hw, "ch", ch->name);
    if (stream)
        strato_header_u64(hw, "stream", stream);
}

void outframe_header_end(struct outframe *f, struct strato_header_writer *hw)
{
    strato_header_u64(hw, "n", UINT16_MAX); /* three bytes, the last two of which are set when it is sent */
    f->n_at = f->w.bytes - 2;
    strato_header_end(hw);
}

uint8_t *outframe_reserve(struct outframe *f, size_t bytes)
{
    return strato_writer_reserve(&f->w, bytes);
}

void outframe_wrote(struct outframe *f, size_t bytes)
{
    f->w.bytes += bytes;
    f->n++;
}

int outframe_blobs(struct outframe *f, struct strato_blob *const *blobs, size_t count)
{
    if (f->blobs_count + count > f->blobs_capacity) {
        size_t capacity = (f->blobs_count + count) * 2;
        struct strato_blob **grown = realloc(f->blobs, capacity * sizeof(*grown));

        if (!grown) {
            f->w.error = STRATO_ENOMEM; /* a frame that lacks attachments must not leave */
            return STRATO_ENOMEM;
        }
        f->blobs = grown;
        f->blobs_capacity = capacity;
    }
    for (size_t i = 0; i < count; i++)
        f->blobs[f->blobs_count++] = strato_blob_hold(blobs[i]);
    return 0;
}

bool outframe_is_full(const struct outframe *f)
{
    return f->n >= OUTFRAME_MESSAGES || f->w.bytes >= OUTFRAME_BYTES ||
           f->blobs_count + STRATO_ATTACHMENTS_EACH_MAX > STRATO_ATTACHMENTS_MAX;
}

void outframe_close(struct outframe *f)
{
    if (f->is_closed)
        return;
    f->is_closed = true;
    *f->owner = NULL;
}

void outbox_data_take(struct peer *peer, struct strato_writer *w)
{
    struct outframe *own, *f = outframe_begin(peer, &own);

    if (!f) {
        strato_writer_fini(w);
        return;
    }
    f->w = *w;
    *w = (struct strato_writer){ 0 };
    outframe_close(f);
}

/* The marks of all results are known only now, so header and envelopes are put together here. */
static void finish_result(struct outframe *f)
{
    struct strato_writer w = { 0 };
    struct strato_header_writer hw;

    strato_writer_reserve(&w, 64 + f->rqs.bytes + f->w.bytes);
    strato_header_begin(&hw, &w, "result");
    if (f->n == 1) {
        strato_header_raw(&hw, "rq", strato_writer_view(&f->rqs));
    } else {
        strato_header_key(&hw, "rqs");
        strato_writer_array(&w, f->n);
        strato_writer_raw(&w, strato_writer_view(&f->rqs));
    }
    if (f->is_partial)
        strato_header_bool(&hw, "more", true);
    strato_header_u64(&hw, "n", f->n);
    strato_header_end(&hw);
    strato_writer_raw(&w, strato_writer_view(&f->w));
    if (strato_writer_error(&f->rqs) < 0 || strato_writer_error(&f->w) < 0)
        w.error = STRATO_ENOMEM; /* half a frame must not leave */
    strato_writer_fini(&f->w);
    f->w = w;
}

static void recycle(struct brain *brain, struct outframe *f)
{
    strato_writer_fini(&f->w);
    strato_writer_fini(&f->rqs);
    for (size_t i = 0; i < f->blobs_count; i++)
        strato_blob_drop(f->blobs[i]);
    free(f->blobs);
    *f = (struct outframe){ .next = brain->frames_spare };
    brain->frames_spare = f;
}

void outbox_flush(struct brain *brain)
{
    while (brain->frames_head) {
        struct outframe *f = brain->frames_head;
        struct strato_blob **blobs = f->blobs;
        size_t count = f->blobs_count;

        brain->frames_head = f->next;
        outframe_close(f);
        if (f->is_result)
            finish_result(f);
        else if (f->n_at && f->w.data) {
            f->w.data[f->n_at] = (uint8_t)(f->n >> 8);
            f->w.data[f->n_at + 1] = (uint8_t)f->n;
        }
        if (f->n_at)
            brain->frame_bytes = f->w.bytes < OUTFRAME_BYTES ? f->w.bytes : OUTFRAME_BYTES;
        f->blobs = NULL;
        f->blobs_count = 0;
        if (count == 0) {
            free(blobs);
            blobs = NULL;
        }
        outbox_send(brain, f->peer, &f->w, blobs, count);
        recycle(brain, f);
    }
    brain->frames_tail = NULL;
}

void outbox_drop_peer(struct peer *peer)
{
    struct brain *brain = peer->brain;
    struct outframe **link = &brain->frames_head, *last = NULL;

    while (*link) {
        struct outframe *f = *link;

        if (f->peer != peer) {
            last = f;
            link = &f->next;
            continue;
        }
        *link = f->next;
        outframe_close(f);
        recycle(brain, f);
    }
    brain->frames_tail = last;
}

void outbox_fini(struct brain *brain)
{
    while (brain->frames_head) {
        struct outframe *f = brain->frames_head;

        brain->frames_head = f->next;
        recycle(brain, f);
    }
    while (brain->frames_spare) {
        struct outframe *f = brain->frames_spare;

        brain->frames_spare = f->next;
        free(f);
    }
}
