/*
 * call.c - see call.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/call.h"

#include <stdlib.h>

#include "broker/brain/state.h"

/* An answer for a caller that is away: envelope bytes with stamps, and attachments. */
struct late_result {
    struct late_result *next;
    uint8_t rq[CALL_RQ_BYTES_MAX];
    uint8_t rq_bytes;
    bool more;
    uint8_t *envelope;
    size_t envelope_bytes;
    struct strato_blob **blobs;
    size_t blobs_count;
};

int call_rq(struct strato_bytes rq, uint64_t k, uint8_t to[CALL_RQ_BYTES_MAX])
{
    struct strato_cursor c = strato_cursor_over(rq);
    struct strato_writer w;
    struct strato_bytes text;
    uint64_t number;

    strato_writer_init_fixed(&w, to, CALL_RQ_BYTES_MAX);
    if (rq.bytes == 0) /* a REQ socket has one request out and needs no mark */
        strato_writer_nil(&w);
    else if (strato_cursor_u64(&c, UINT64_MAX - STRATO_ENVELOPES_MAX, &number) == 0)
        strato_writer_u64(&w, number + k);
    else if (k == 0 && strato_cursor_str(&c, 64, &text) == 0)
        strato_writer_str(&w, text);
    else
        return STRATO_EPROTO;
    return strato_writer_error(&w) < 0 ? STRATO_EPROTO : (int)w.bytes;
}

int call_new(struct peer *peer, struct message *m, struct strato_bytes rq, uint64_t k, bool is_idempotent)
{
    struct brain *brain = peer->brain;
    uint32_t *count = peer->session ? &peer->session->calls_count : &peer->calls_count;
    struct call **list = peer->session ? &peer->session->calls : &peer->calls;
    struct message_extra *x = message_extra(&brain->slab, m);
    struct call *call;
    int rc;

    if (*count >= SESSION_CALLS_MAX)
        return STRATO_ELIMIT;
    call = x ? slab_take(&brain->slab, sizeof(*call)) : NULL;
    if (!call)
        return STRATO_ENOMEM;
    memset(call, 0, offsetof(struct call, rq));
    rc = call_rq(rq, k, call->rq);
    if (rc < 0) {
        slab_give(&brain->slab, call, sizeof(*call));
        return rc;
    }
    call->rq_bytes = (uint8_t)rc;
    call->brain = brain;
    call->message = m;
    call->session = peer->session;
    call->peer = peer->session ? NULL : peer;
    call->next = *list;
    if (call->next)
        call->next->prev = call;
    *list = call;
    ++*count;
    x->call = call;
    m->flags |= (uint8_t)(MESSAGE_CALL | MESSAGE_ACK | (is_idempotent ? MESSAGE_IDEMPOTENT : 0));
    return 0;
}

static void unlink_call(struct call *call)
{
    struct call **list = call->session ? &call->session->calls : call->peer ? &call->peer->calls : NULL;

    if (!list)
        return;
    *(call->prev ? &call->prev->next : list) = call->next;
    if (call->next)
        call->next->prev = call->prev;
    if (call->session)
        call->session->calls_count--;
    else
        call->peer->calls_count--;
}

void call_free(struct message *m)
{
    struct call *call = m->extra->call;

    if (!call)
        return;
    unlink_call(call);
    m->extra->call = NULL;
    slab_give(&call->brain->slab, call, sizeof(*call));
}

static struct peer *caller_of(const struct call *call)
{
    return call->session ? call->session->peer : call->peer;
}

void call_fail(struct message *m, int err, const char *detail)
{
    struct call *call = message_call(m);
    struct peer *peer;
    struct answer a;

    if (!call)
        return;
    peer = caller_of(call);
    if (peer) {
        answer_begin(&a, call->brain, peer, "err", NULL);
        strato_header_raw(&a.header, "rq", strato_bytes(call->rq, call->rq_bytes));
        answer_channel(&a, brain_channel_of(call->brain, m), 0);
        strato_header_u64(&a.header, "code", (uint64_t)-err);
        strato_header_str(&a.header, "name", strato_text(strato_err_name(err)));
        strato_header_str(&a.header, "detail", strato_text(detail));
        answer_send(&a);
    } else {
        call->brain->results_dropped++;
    }
    channel_refused(brain_channel_of(call->brain, m), err);
    call_free(m);
}

/* The responder's pairs, and who it was; the request's trace, if the responder names none. */
static size_t write_result(struct brain *brain, const struct strato_envelope *e, const struct sender *sender,
                           struct strato_bytes trace, uint8_t *to, size_t room)
{
    struct strato_writer w;

    strato_writer_init_fixed(&w, to, room);
    strato_writer_map(&w, e->pairs - e->stamped_pairs + 2 + (trace.bytes > 0));
    if (e->stamped_pairs)
        strato_envelope_strip(e, &w);
    else
        strato_writer_raw(&w, e->body);
    if (trace.bytes) {
        strato_writer_text(&w, "trace");
        strato_writer_str(&w, trace);
    }
    strato_writer_text(&w, "sender");
    strato_writer_str(&w, strato_bytes(sender->name, sender->name_bytes));
    strato_writer_text(&w, "ts_ms");
    strato_writer_u64(&w, brain_wall_ms(brain));
    return strato_writer_error(&w) < 0 ? 0 : w.bytes;
}
enum { RESULT_STAMPS_BYTES_MAX = 5 + 7 + 2 + 256 + 6 + 9 + 6 + 2 + STRATO_TRACE_BYTES_MAX };

/* Several results to one peer share a frame; a partial one goes alone, since `more` speaks for the whole frame. */
static struct outframe *result_frame(struct peer *peer, bool alone)
{
    struct outframe *f = peer->results;

    if (f && (alone || outframe_is_full(f))) {
        outframe_close(f);
        f = NULL;
    }
    if (!f) {
        f = outframe_begin(peer, &peer->results);
        if (f)
            f->is_result = true;
    }
    return f;
}

static void send_result(struct peer *peer, const struct call *call, const struct strato_envelope *e,
                        struct sender *sender, struct strato_bytes trace, struct strato_blob *const *blobs,
                        size_t blobs_count, bool more)
{
    struct outframe *f;
    size_t room = e->body.bytes + RESULT_STAMPS_BYTES_MAX;
    uint8_t *to;

    if (peer->is_lockstep && more) /* it can read one answer only: the final one */
        return;
    f = result_frame(peer, more);
    to = f ? outframe_reserve(f, room) : NULL;
    if (!to) {
        call->brain->results_dropped++;
        return;
    }
    strato_writer_raw(&f->rqs, strato_bytes(call->rq, call->rq_bytes));
    outframe_wrote(f, write_result(call->brain, e, sender, trace, to, room));
    outframe_blobs(f, blobs, blobs_count);
    if (more) {
        f->is_partial = true;
        outframe_close(f);
    }
}

static void keep_late(struct session *session, const struct call *call, const struct strato_envelope *e,
                      struct sender *sender, struct strato_bytes trace, struct strato_blob *const *blobs,
                      size_t blobs_count, bool more)
{
    size_t room = e->body.bytes + RESULT_STAMPS_BYTES_MAX, bytes = room;
    struct late_result *late;

    for (size_t i = 0; i < blobs_count; i++)
        bytes += blobs[i]->bytes;
    late = session->late_bytes + bytes <= SESSION_REPLIES_BYTES_MAX ? calloc(1, sizeof(*late)) : NULL;
    if (late)
        late->envelope = malloc(room);
    if (late && blobs_count)
        late->blobs = malloc(blobs_count * sizeof(struct strato_blob *));
    if (!late || !late->envelope || (blobs_count && !late->blobs)) {
        if (late)
            free(late->envelope);
        free(late);
        session->brain->results_dropped++;
        return;
    }
    late->envelope_bytes = write_result(session->brain, e, sender, trace, late->envelope, room);
    for (size_t i = 0; i < blobs_count; i++)
        late->blobs[i] = strato_blob_hold(blobs[i]);
    late->blobs_count = blobs_count;
    late->rq_bytes = call->rq_bytes;
    memcpy(late->rq, call->rq, call->rq_bytes);
    late->more = more;
    session->late_bytes += bytes;
    *(session->late_tail ? &session->late_tail->next : &session->late_head) = late;
    session->late_tail = late;
}

void call_answer(struct message *m, const struct strato_envelope *e, struct sender *sender,
                 struct strato_blob *const *blobs, size_t blobs_count, bool more)
{
    struct call *call = message_call(m);
    struct peer *peer = call ? caller_of(call) : NULL;
    struct strato_bytes trace = STRATO_BYTES_NONE;

    if (call && !(e->has & STRATO_ENV_TRACE))
        trace = message_field(m, "trace");
    if (peer)
        send_result(peer, call, e, sender, trace, blobs, blobs_count, more);
    else if (call && call->session)
        keep_late(call->session, call, e, sender, trace, blobs, blobs_count, more);
}

void call_drop_late(struct session *session)
{
    while (session->late_head) {
        struct late_result *late = session->late_head;

        session->late_head = late->next;
        for (size_t i = 0; i < late->blobs_count; i++)
            strato_blob_drop(late->blobs[i]);
        free(late->blobs);
        free(late->envelope);
        free(late);
    }
    session->late_tail = NULL;
    session->late_bytes = 0;
}

void call_send_late(struct session *session)
{
    for (struct late_result *late = session->late_head; late; late = late->next) {
        struct outframe *f = result_frame(session->peer, late->more);
        uint8_t *to = f ? outframe_reserve(f, late->envelope_bytes) : NULL;

        if (!to) {
            session->brain->results_dropped++;
            continue;
        }
        strato_writer_raw(&f->rqs, strato_bytes(late->rq, late->rq_bytes));
        memcpy(to, late->envelope, late->envelope_bytes);
        outframe_wrote(f, late->envelope_bytes);
        outframe_blobs(f, late->blobs, late->blobs_count);
        if (late->more) {
            f->is_partial = true;
            outframe_close(f);
        }
    }
    call_drop_late(session);
}

void call_abandon_all(struct call **list)
{
    while (*list) {
        struct call *call = *list;
        struct message *m = call->message;
        struct channel *ch = brain_channel_of(call->brain, m);

        call_free(m);
        if (m->state == MESSAGE_HELD || m->state == MESSAGE_STARTED)
            lease_release(ch, m);
        channel_end(ch, m, CHANNEL_DROPPED, CHANNEL_DROP_CANCELLED, STRATO_BYTES_NONE);
    }
}

struct call *call_find(struct call *list, struct strato_bytes rq, struct strato_bytes id, uint64_t epoch)
{
    uint8_t own[16];

    for (struct call *call = list; call; call = call->next) {
        if (rq.bytes && strato_bytes_equal(rq, strato_bytes(call->rq, call->rq_bytes)))
            return call;
        if (id.bytes && strato_bytes_equal(id, message_id(call->message, epoch, own)))
            return call;
    }
    return NULL;
}
