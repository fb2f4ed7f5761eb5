/*
 * handle_call.c - call and cancel: requests with a deadline.
 *
 * Admitted on arrival; in a session on a `wait` channel through credit, with i and ep as put. Each message
 * of a batch is a request of its own, rq + k, and each refusal names it. Rules: protocol.md section 7.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/state.h"

static void refuse(const struct frame *frame, struct channel *ch, uint64_t k, int err, const char *detail)
{
    uint8_t rq[CALL_RQ_BYTES_MAX];
    int bytes = call_rq(frame->header->rq, k, rq);
    struct strato_header h = *frame->header;

    h.rq = bytes < 0 ? STRATO_BYTES_NONE : strato_bytes(rq, (size_t)bytes);
    channel_refused(ch, err);
    answer_err(frame->peer, &h, err, detail);
}

/* May this request come in? Else its code and words. */
static int judge(const struct frame *frame, struct channel *ch, const struct staged *item, bool has_slot,
                 const char **ret_detail)
{
    int rc;

    if (ch->brain->is_draining) {
        *ret_detail = "the broker is leaving";
        return STRATO_EDRAINING;
    }
    if (ch->is_paused) {
        *ret_detail = "the channel is paused";
        return STRATO_EUNAVAILABLE;
    }
    if (frame->header->wait_responder_ms == 0 && !dispatch_is_served(ch, item->message)) {
        *ret_detail = "nobody serves this now (see `wait_responder_ms`)";
        return STRATO_ENO_RESPONDERS;
    }
    rc = has_slot ? 0 : ingest_room(ch, 1, item->bytes);
    if (rc < 0)
        *ret_detail = "as many requests as the channel holds are waiting";
    return rc;
}

static void admit(const struct frame *frame, struct channel *ch, struct staged *item, uint64_t k, bool has_slot)
{
    const struct strato_header *h = frame->header;
    struct brain *brain = ch->brain;
    struct message *m = item->message;
    struct stage one = { .items = item, .count = 1 };
    const char *detail = NULL;
    int rc = judge(frame, ch, item, has_slot, &detail);

    if (rc == 0)
        rc = call_new(frame->peer, m, h->rq, k, h->idempotent);
    if (rc < 0) {
        refuse(frame, ch, k, rc == STRATO_ENOMEM ? STRATO_ENO_RESOURCES : rc,
               detail                ? detail
               : rc == STRATO_ELIMIT ? "1,024 calls are out on this session"
                                     : "rq must be a uint, or a str of at most 64 bytes");
        ingest_unstage(brain, &one);
        return;
    }
    if (h->deadline_ms &&
        (h->deadline_ms < m->deadline_ms || m->deadline_ms == ch->config.ttl_ms)) /* ttl is only its default */
        m->deadline_ms = h->deadline_ms < STRATO_TTL_MS_MAX ? (uint32_t)h->deadline_ms : STRATO_TTL_MS_MAX;
    if (h->wait_responder_ms && !dispatch_is_served(ch, m))
        m->extra->call->wait_responder_ms = brain->now_ms + h->wait_responder_ms;
    ingest_admit(ch, item);
}

static void refuse_all(const struct frame *frame, struct channel *ch, int err, const char *detail)
{
    uint64_t count = frame->header->n && frame->header->n <= STRATO_ENVELOPES_MAX ? frame->header->n : 1;

    for (uint64_t k = 0; k < count; k++)
        refuse(frame, ch, k, err, detail);
}

/* Over the rate of the key: the indices are used up. */
static void refuse_spent(const struct frame *frame, struct channel *ch, struct producer *p, uint64_t skip,
                         const char *detail)
{
    for (uint64_t k = skip; k < frame->header->n; k++) {
        if (p)
            strato_credit_spend(&ch->credit, &p->credit, 0);
        refuse(frame, ch, k, STRATO_ERATE, detail);
    }
    if (p)
        producer_touch(p);
    channel_touch(ch);
}

/* With an index, a call goes through the producer's credit. *ret_skip: duplicates at the front. */
static struct producer *credit_of(const struct frame *frame, struct channel *ch, uint64_t *ret_skip, int *ret_rc)
{
    const struct strato_header *h = frame->header;
    struct session *session = frame->peer->session;
    struct producer *p = session ? frame_producer(frame, ch) : NULL;

    *ret_rc = !session ? STRATO_ENO_SESSION : h->ep != session->ep ? STRATO_EEPOCH : !p ? STRATO_EPROTO : 0;
    if (*ret_rc == 0)
        *ret_rc = strato_credit_admit(&p->credit, h->i, h->n, ret_skip);
    return p;
}

void handle_call(struct brain *brain, const struct frame *frame)
{
    const struct strato_header *h = frame->header;
    struct channel *ch = frame_channel(frame);
    struct sender *sender = peer_sender(frame->peer);
    struct producer *p = NULL;
    struct stage stage;
    uint64_t skip = 0;
    int rc = 0;

    if (!ch || !frame_permits(frame, "request", ch))
        return;
    if (ch->config.pattern == BRAIN_EVENTS) {
        refuse_all(frame, ch, STRATO_EPROTO, "nobody answers on an events channel: call a request or work channel");
        return;
    }
    if (strato_header_has(h, STRATO_KEY_i))
        p = credit_of(frame, ch, &skip, &rc);
    if (rc == 0 && !frame_is_within_rate(frame, h->n, stage.detail, sizeof(stage.detail))) {
        refuse_spent(frame, ch, p, skip, stage.detail);
        return;
    }
    if (rc == 0)
        rc = sender ? ingest_stage(&stage, ch, sender, &frame->body, h->n, skip, false) : STRATO_ENO_RESOURCES;
    if (rc < 0) {
        refuse_all(frame, ch, rc, NULL);
        if (rc == STRATO_ECREDIT)
            session_close(frame->peer->session, SESSION_OPEN, "call beyond its credit");
        return;
    }
    for (uint64_t k = skip; k < stage.count; k++) {
        struct staged *item = &stage.items[k];
        bool has_slot = p != NULL;

        if (p && strato_credit_spend(&ch->credit, &p->credit, item->bytes) < 0)
            has_slot = false;
        brain->staging = ch;
        if (item->err < 0)
            refuse(frame, ch, k, item->err, stage.detail);
        else
            admit(frame, ch, item, k, has_slot);
    }
    if (p)
        producer_touch(p);
    channel_touch(ch);
}

void handle_cancel(struct brain *brain, const struct frame *frame)
{
    const struct strato_header *h = frame->header;
    struct peer *peer = frame->peer;
    struct strato_cursor c = strato_cursor_over(h->id);
    struct strato_bytes id = STRATO_BYTES_NONE;
    struct channel *ch;
    struct message *m;
    struct call *call;

    if (h->id.bytes)
        strato_cursor_bin(&c, STRATO_ID_BYTES_MAX, &id);
    call = call_find(peer->session ? peer->session->calls : peer->calls, h->rq, id, brain->config.epoch);
    if (!call) { /* answered, or timed out, in the meantime: its result says so */
        if (peer_is_l1(peer))
            answer_err(peer, h, STRATO_ENO_ENTRY, "no such call is out");
        return;
    }
    m = call->message;
    ch = brain_channel_of(brain, m);
    call_fail(m, STRATO_ECANCELLED, "cancelled by the caller");
    if (m->state == MESSAGE_HELD || m->state == MESSAGE_STARTED)
        lease_release(ch, m);
    channel_end(ch, m, CHANNEL_SETTLED, 0, STRATO_BYTES_NONE);
}
