/*
 * bury.c - into the dead letters: of the queue, in the same step, or of what was refused at the door. And out
 * again, as a new acceptance.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/state.h"

enum {
    RECORD_BYTES_MAX = 256,
    RECORD_LOOK_BACK = 16, /* entries looked through for an equal record: a flood of one mistake is one entry */
};

void channel_unbury(struct channel *ch, uint32_t k)
{
    if (channel_is_kept(ch))
        keep_dead_gone(ch, deadletters_at(&ch->dead, k)->number);
    deadletters_remove(&ch->dead, &ch->brain->slab, k);
}

static void make_room(struct channel *ch, uint64_t bytes)
{
    while (deadletters_is_full(&ch->dead, bytes)) {
        channel_unbury(ch, 0);
        ch->dead.evicted++;
    }
}

void channel_bury(struct channel *ch, struct message *m, enum deadletter_reason reason, struct strato_bytes error)
{
    struct brain *brain = ch->brain;
    struct deadletter_note note = {
        .reason = reason,
        .error = error,
        .consumer = strato_text(brain->released_by ? brain->released_by->agent : NULL),
        .now_ms = brain_wall_ms(brain),
    };
    const struct deadletter *entry;

    if (m->seq) { /* the lower of message and channel; reading it again is exact, unlike counting back from clocks */
        uint32_t asked_ms = message_ttl_ms(m, ch->config.ttl_ms);

        note.ttl_ms = asked_ms < ch->config.ttl_ms ? asked_ms : ch->config.ttl_ms;
    }
    make_room(ch, message_bytes(m));
    entry = deadletters_add(&ch->dead, m, &note);
    if (entry && channel_is_kept(ch))
        keep_dead(ch, entry);
}

/* ---- records of what was refused ---- */

/* The same record, made a moment ago? Then it is counted there. */
static bool repeat_record(struct channel *ch, const struct sender *sender, enum deadletter_reason reason,
                          struct strato_bytes body)
{
    struct deadletters *dead = &ch->dead;

    for (uint32_t back = 1; back <= dead->count && back <= RECORD_LOOK_BACK; back++) {
        struct deadletter *entry = deadletters_at(dead, dead->count - back);
        const struct message *m = entry->message;

        if (m->seq || entry->reason != reason || m->sender != sender ||
            !strato_bytes_equal(strato_bytes(message_body(m), m->body_bytes), body))
            continue;
        deadletters_repeat(dead, entry, brain_wall_ms(ch->brain));
        if (channel_is_kept(ch))
            keep_dead(ch, entry);
        return true;
    }
    return false;
}

/* What is known of it: its type and topic if they could be read, and how it begins. */
static uint32_t write_record(struct strato_writer *w, const struct strato_envelope *e, struct strato_bytes bytes)
{
    if (bytes.bytes > RECORD_BYTES_MAX)
        bytes.bytes = RECORD_BYTES_MAX;
    strato_writer_text(w, "type");
    if (e && e->type.bytes)
        strato_writer_str(w, e->type);
    else
        strato_writer_text(w, "strato.refused");
    strato_writer_text(w, "payload");
    strato_writer_bin(w, bytes);
    if (!e || e->topic.bytes == 0)
        return 2;
    strato_writer_text(w, "topic");
    strato_writer_str(w, e->topic);
    return 3;
}

void channel_bury_refused(struct channel *ch, struct sender *sender, enum deadletter_reason reason,
                          const struct strato_envelope *e, struct strato_bytes bytes, const char *detail)
{
    struct brain *brain = ch->brain;
    struct strato_writer w = { 0 };
    struct strato_envelope record = { .priority = STRATO_PRIORITY_DEFAULT };
    struct message *m = NULL;

    record.pairs = write_record(&w, e, bytes);
    record.body = strato_writer_view(&w);
    if (strato_writer_error(&w) == 0) {
        if (repeat_record(ch, sender, reason, record.body))
            goto out;
        m = message_new(&brain->slab, &record, sender);
    }
    if (!m) {
        ch->dead.by_reason[reason]++;
        ch->dead.evicted++;
        goto out;
    }
    m->channel = ch->index & MESSAGE_CHANNEL_MAX;
    m->ts_ms = brain_wall_ms(brain) & MESSAGE_TS_MS_MAX;
    m->state = MESSAGE_DONE;
    m->deadline_ms = (uint32_t)brain->now_ms;
    brain->released_by = NULL;
    channel_bury(ch, m, reason, strato_text(detail));
    message_drop(&brain->slab, m);
out:
    strato_writer_fini(&w);
}

/* ---- out again ---- */

/* Tie it to its affinity, order key and needs: they stand in its envelope. */
static int tie_again(struct channel *ch, struct message *m)
{
    struct strato_writer w = { 0 };
    struct strato_envelope e;
    struct strato_bytes skipped;
    struct strato_cursor c;
    int rc;

    strato_writer_map(&w, message_pairs(m));
    strato_writer_raw(&w, strato_bytes(message_body(m), m->body_bytes));
    c = strato_cursor_over(strato_writer_view(&w));
    rc = strato_writer_error(&w);
    if (rc == 0)
        rc = strato_envelope_decode(&c, &e, &skipped);
    if (rc == 0)
        rc = ingest_tie(ch, m, &e);
    if (rc < 0)
        ingest_untie(ch, m);
    strato_writer_fini(&w);
    return rc;
}

int channel_redrive(struct channel *ch, uint32_t k)
{
    struct deadletter *entry = deadletters_at(&ch->dead, k);
    struct slab *slab = &ch->brain->slab;
    struct strato_credit_room room = channel_room(ch);
    struct message_extra *x;
    struct message *m;
    int rc;

    if (room.messages < 1 || room.bytes < (int64_t)message_bytes(entry->message))
        return STRATO_EFULL;
    m = message_copy(slab, entry->message);
    x = m ? message_extra(slab, m) : NULL;
    rc = x ? tie_again(ch, m) : STRATO_ENOMEM;
    if (rc < 0) {
        if (m)
            message_drop(slab, m);
        return rc;
    }
    x->past = (struct message_past){ entry->number, entry->first_ms, entry->count, (uint8_t)entry->reason };
    m->deadline_ms = entry->ttl_ms; /* becomes a time when it is accepted */
    channel_unbury(ch, k);
    ingest_let_in(ch, m); /* not routed again (docs/decisions/0014) */
    return 0;
}
