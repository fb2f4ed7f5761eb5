/*
 * producer.c - see producer.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/producer.h"

#include <stdlib.h>

#include "broker/brain/state.h"

int producer_open(struct session *session, struct channel *ch, uint32_t number, struct producer **ret_producer)
{
    struct producer *p = calloc(1, sizeof(*p));
    int rc;

    if (!p)
        return STRATO_ENOMEM;
    p->stream = (struct stream){ .session = session, .channel = ch, .number = number, .role = STREAM_PRODUCER };
    rc = stream_add(&p->stream);
    if (rc < 0) {
        free(p);
        return rc;
    }
    strato_credit_attach(&ch->credit, &p->credit, p);
    *ret_producer = p;
    return 0;
}

void producer_close(struct producer *p)
{
    struct brain *brain = p->stream.session->brain;

    for (struct producer **link = &brain->dirty_producers; p->is_dirty && *link; link = &(*link)->dirty_next) {
        if (*link == p) {
            *link = p->dirty_next;
            break;
        }
    }
    confirm_unmark(p);
    strato_credit_detach(&p->stream.channel->credit, &p->credit);
    channel_touch(p->stream.channel);
    stream_remove(&p->stream);
    free(p->refusals);
    free(p);
}

/* A client never has more puts without confirmation than the window is wide. */
static void forget_old_refusals(struct producer *p)
{
    uint64_t accepted = p->credit.accepted,
             from = accepted > STRATO_CREDIT_WINDOW_MAX ? accepted - STRATO_CREDIT_WINDOW_MAX : 0;
    uint32_t old = 0;

    if (p->refusals_count == 0)
        return;
    while (old < p->refusals_count && p->refusals[old].i + p->refusals[old].n <= from)
        old++;
    p->refusals_count -= old;
    memmove(p->refusals, p->refusals + old, p->refusals_count * sizeof(*p->refusals));
}

void producer_refused(struct producer *p, uint64_t i, uint32_t n, int err)
{
    struct refusal *last = p->refusals_count ? &p->refusals[p->refusals_count - 1] : NULL;

    if (last && last->err == err && last->i + last->n == i && last->n + n <= STRATO_CREDIT_WINDOW_MAX) {
        last->n += n;
        return;
    }
    if (p->refusals_count == p->refusals_capacity)
        forget_old_refusals(p);
    if (p->refusals_count == p->refusals_capacity) {
        uint32_t capacity = p->refusals_capacity ? p->refusals_capacity * 2 : 8;
        struct refusal *grown = realloc(p->refusals, capacity * sizeof(*grown));

        if (!grown)
            return;
        p->refusals = grown;
        p->refusals_capacity = capacity;
    }
    p->refusals[p->refusals_count++] = (struct refusal){ i, n, err };
}

void producer_touch(struct producer *p)
{
    struct brain *brain = p->stream.session->brain;

    if (p->is_dirty)
        return;
    p->is_dirty = true;
    p->dirty_next = brain->dirty_producers;
    brain->dirty_producers = p;
}

void producer_send_credit(struct producer *p)
{
    struct answer a;

    p->is_dirty = false;
    answer_begin(&a, p->stream.session->brain, p->stream.session->peer, "credit", NULL);
    answer_channel(&a, p->stream.channel, p->stream.number);
    if (!p->credit.is_revoking) { /* what was revoked must not be granted anew before it is released */
        strato_header_u64(&a.header, "limit", p->credit.limit);
        strato_header_u64(&a.header, "limit_bytes", p->credit.limit_bytes);
    }
    strato_header_u64(&a.header, "accepted", p->credit.accepted);
    if (channel_is_kept(p->stream.channel))
        strato_header_u64(&a.header, "durable", p->durable);
    answer_send(&a);
}

static void send_revoke(struct producer *p)
{
    struct answer a;

    p->revoke_misses = 0;
    answer_begin(&a, p->stream.session->brain, p->stream.session->peer, "revoke", NULL);
    answer_channel(&a, p->stream.channel, p->stream.number);
    strato_header_u64(&a.header, "limit", p->credit.accepted);
    strato_header_u64(&a.header, "limit_bytes", p->credit.accepted_bytes);
    answer_send(&a);
}

static void arm(struct channel *ch)
{
    uint64_t now = ch->brain->now_ms, due = strato_credit_next_deadline_ms(&ch->credit);
    const struct strato_credit_grantor *g = ch->credit.all;

    if ((ch->credit.is_stuck || (ch->parked_head && !ch->is_parked_round)) && now + 1 < due)
        due = now + 1;
    if (ch->forget_ms < due)
        due = ch->forget_ms;
    for (uint32_t i = 0; ch->credit.waiting && i < ch->credit.producers; i++, g = g->next) {
        const struct producer *p = g->owner;

        if (g->is_revoking && p->stream.session->state == SESSION_OPEN && g->revoke_ms + SESSION_REVOKE_MS < due)
            due = g->revoke_ms + SESSION_REVOKE_MS;
    }
    if (due == UINT64_MAX)
        wheel_cancel(&ch->timer);
    else
        wheel_arm(&ch->brain->wheel, &ch->timer, due);
}

static void send_full(struct producer *p)
{
    struct answer a;

    answer_begin(&a, p->stream.session->brain, p->stream.session->peer, "full", NULL);
    answer_channel(&a, p->stream.channel, p->stream.number);
    if (p->need_rq_bytes)
        strato_header_raw(&a.header, "rq", strato_bytes(p->need_rq, p->need_rq_bytes));
    answer_send(&a);
}

/* Who would not wait, and cannot hope for a revoke to bring something: tell it now. */
static void refuse_impatient(struct channel *ch)
{
    struct strato_credit_grantor *g = ch->credit.all;

    if (ch->credit.waiting == 0 || ch->credit.is_stuck)
        return;
    for (uint32_t i = 0; i < ch->credit.producers; i++, g = g->next) {
        if (g->is_revoking)
            return;
    }
    for (g = ch->credit.wait_head; g; g = g->wait_next) {
        if (g->is_now)
            g->deadline_ms = ch->credit.deadline_ms = ch->brain->now_ms;
    }
    while ((g = strato_credit_expire(&ch->credit, ch->brain->now_ms)) != NULL) {
        send_full(g->owner);
        channel_refused(ch, STRATO_EFULL);
    }
}

void producers_turn(struct channel *ch)
{
    struct strato_credit_room room;
    struct strato_credit_turn turn;
    struct strato_credit_step step;

    if (ch->credit.producers == 0)
        return;
    if (ch->credit.waiting == 0 && ch->credit.granted == 0)
        return;
    room = channel_room(ch);
    ch->is_parked_round = ch->parked_head && !ch->is_parked_round;
    if (ch->is_parked_round) { /* idle credit is taken back for parked puts too; every other round is theirs */
        room.messages -= ch->parked_head->count;
        room.bytes -= (int64_t)ch->parked_head->bytes;
    } else if (ch->inbound.count) { /* and for what a rule sends here */
        room.messages--;
    }
    strato_credit_turn_begin(&turn, &ch->credit, &room, ch->brain->now_ms);
    while (strato_credit_turn_next(&turn, &step)) {
        struct producer *p = step.grantor->owner;

        if (step.verb == STRATO_CREDIT_GRANT)
            producer_touch(p);
        else
            send_revoke(p);
    }
    refuse_impatient(ch);
    arm(ch);
}

void producers_due(struct channel *ch)
{
    uint64_t now = ch->brain->now_ms;
    struct strato_credit_grantor *g;
    uint32_t count = ch->credit.producers;

    while ((g = strato_credit_expire(&ch->credit, now)) != NULL) {
        send_full(g->owner);
        channel_refused(ch, STRATO_EFULL);
    }
    g = ch->credit.all;
    for (uint32_t i = 0; i < count; i++) {
        struct producer *p = g->owner;

        g = g->next;
        if (!p->credit.is_revoking || p->credit.revoke_ms + SESSION_REVOKE_MS > now ||
            p->stream.session->state != SESSION_OPEN)
            continue;
        p->credit.revoke_ms = now; /* it has another second, if it shows that it lives */
        session_suspect(p->stream.session, "it does not answer a revoke");
        if (++p->revoke_misses < REVOKE_MISSES_MAX)
            continue;
        brain_log(ch->brain, 1, "session gives no credit back sid=%s channel=%s", p->stream.session->sid,
                  ch->config.name);
        session_detach(p->stream.session, "it answers no revoke");
        break; /* several of the pool may have gone with it; the others' turn comes with the next timer */
    }
    if (ch->credit.is_stuck || ch->credit.waiting || ch->parked_head)
        channel_touch(ch); /* another round at the end of this turn, which arms the timer anew */
    else
        arm(ch);
}
