/*
 * confirm.c - see confirm.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/confirm.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/brain/state.h"

/* An answer that waits. */
struct held {
    struct held *next;
    brain_peer peer;
    struct sender *sender; /* a receipt: goes to its session; one reference */
    struct strato_writer w;
    struct strato_blob **blobs;
    size_t blobs_count;
    uint8_t rq[72]; /* for an error instead */
    uint8_t rq_bytes;
};

struct commit {
    struct commit *next;
    uint64_t number, bytes;
    struct held *first, *last;
};

bool confirm_is_done(const struct brain *brain)
{
    return !brain->confirm.head && !keep_is_pending(&brain->keep);
}

bool confirm_closes(const struct channel *ch)
{
    struct confirm *confirm = &ch->brain->confirm;

    if (!channel_is_kept(ch) || (!confirm->is_failing && confirm->bytes <= BRAIN_STORE_BYTES_MAX / 2))
        return false;
    confirm->was_closed = true;
    return true;
}

int confirm_refuses(const struct channel *ch, const char **ret_detail)
{
    if (!channel_is_kept(ch) || !ch->brain->confirm.is_failing)
        return 0;
    *ret_detail = ch->brain->confirm.why;
    return STRATO_ESTORE;
}

bool confirm_pauses(const struct channel *ch)
{
    struct confirm *confirm = &ch->brain->confirm;

    if (!channel_is_kept(ch) || confirm->bytes <= BRAIN_STORE_BYTES_MAX)
        return false;
    confirm->was_closed = true;
    return true;
}

/* ---- answers ---- */

/* The batch that what was written down until now goes with; NULL if all of it is on disk (or out of memory: *ret_rc). */
static struct commit *current(struct brain *brain, int *ret_rc)
{
    struct confirm *confirm = &brain->confirm;

    *ret_rc = 0;
    if (!keep_is_pending(&brain->keep))
        return confirm->tail;
    if (!confirm->open)
        confirm->open = calloc(1, sizeof(*confirm->open));
    if (!confirm->open)
        *ret_rc = STRATO_ENOMEM;
    return confirm->open;
}

static void held_free(struct held *held)
{
    for (size_t i = 0; i < held->blobs_count; i++)
        strato_blob_drop(held->blobs[i]);
    free(held->blobs);
    strato_writer_fini(&held->w);
    sender_drop(held->sender);
    free(held);
}

static struct strato_header request_of(const struct held *held)
{
    return (struct strato_header){ .rq = strato_bytes(held->rq, held->rq_bytes) };
}

static void refuse(struct brain *brain, const struct held *held, int err, const char *why)
{
    struct peer *peer = peer_find(brain, held->peer);
    struct strato_header request = request_of(held);

    if (peer)
        answer_err(peer, &request, err, why);
}

static void send_held(struct brain *brain, struct held *held)
{
    if (held->sender) {
        if (held->sender->session)
            receipt_deliver(held->sender->session, &held->w);
        else
            brain->receipts_dropped++;
    } else {
        outbox_send(brain, peer_find(brain, held->peer), &held->w, held->blobs, held->blobs_count);
        held->blobs = NULL;
        held->blobs_count = 0;
    }
    held_free(held);
}

static struct held *held_new(struct answer *a)
{
    struct held *held = calloc(1, sizeof(*held));

    if (!held)
        return NULL;
    if (a->peer)
        held->peer = a->peer->id;
    if (a->request.bytes && a->request.bytes <= sizeof(held->rq)) {
        memcpy(held->rq, a->request.data, a->request.bytes);
        held->rq_bytes = (uint8_t)a->request.bytes;
    }
    return held;
}

static void append(struct commit *commit, struct held *held)
{
    if (commit->last)
        commit->last->next = held;
    else
        commit->first = held;
    commit->last = held;
}

/* Nobody can wait for it: the peer learns why. Takes writer and blobs. */
static void give_up(struct answer *a, struct strato_blob **blobs, size_t blobs_count, int err, const char *why)
{
    struct strato_header request = { .rq = a->request };

    if (a->peer)
        answer_err(a->peer, &request, err, why);
    for (size_t i = 0; i < blobs_count; i++)
        strato_blob_drop(blobs[i]);
    free(blobs);
    strato_writer_fini(&a->w);
}

bool confirm_hold(struct answer *a, struct strato_blob **blobs, size_t blobs_count)
{
    struct brain *brain = a->brain;
    struct held *held;
    struct commit *commit;
    int rc;

    if (confirm_is_done(brain) && !brain->keep.is_broken)
        return false;
    if (brain->confirm.is_failing) {
        give_up(a, blobs, blobs_count, STRATO_ESTORE, brain->confirm.why);
        return true;
    }
    commit = current(brain, &rc);
    held = commit ? held_new(a) : NULL;
    if (!held) {
        give_up(a, blobs, blobs_count, STRATO_ENO_RESOURCES, NULL);
        return true;
    }
    held->w = a->w;
    a->w = (struct strato_writer){ 0 };
    held->blobs = blobs;
    held->blobs_count = blobs_count;
    append(commit, held);
    return true;
}

bool confirm_hold_receipt(struct answer *a, struct sender *sender)
{
    struct held *held;
    struct commit *commit;
    int rc;

    if (confirm_is_done(a->brain))
        return false;
    commit = current(a->brain, &rc);
    held = commit ? held_new(a) : NULL;
    if (!held) {
        a->brain->receipts_dropped++;
        strato_writer_fini(&a->w);
        return true;
    }
    held->w = a->w;
    a->w = (struct strato_writer){ 0 };
    held->sender = sender;
    sender->references++;
    append(commit, held);
    return true;
}

/* ---- producers ---- */

void confirm_unmark(struct producer *p)
{
    struct producer **link = &p->stream.session->brain->confirm.marked;

    if (p->marks_count == 0)
        return;
    while (*link != p)
        link = &(*link)->marked_next;
    *link = p->marked_next;
    p->marks_count = 0;
}

void confirm_mark(struct producer *p)
{
    struct confirm *confirm = &p->stream.session->brain->confirm;
    struct confirm_mark mark = { confirm->made, p->credit.accepted };

#ifdef STRATO_PLANT_EARLY_CONFIRM
    p->durable = mark.accepted;
#endif
    if (p->stream.session->brain->keep.is_broken || p->durable == mark.accepted ||
        (p->marks_count && p->marks[p->marks_count - 1].accepted == mark.accepted))
        return;
    if (confirm->made == confirm->synced) {
        p->durable = mark.accepted;
        return;
    }
    if (p->marks_count == 0) {
        p->marked_next = confirm->marked;
        confirm->marked = p;
    }
    if (p->marks_count == CONFIRM_MARKS) /* the last place stands for this batch too, and is confirmed a little late */
        p->marks_count--;
    p->marks[p->marks_count++] = mark;
}

/* True if all that it waited for is on disk. */
static bool advance(struct producer *p, uint64_t synced)
{
    uint8_t done = 0;

    while (done < p->marks_count && p->marks[done].commit <= synced)
        p->durable = p->marks[done++].accepted;
    if (done) {
        p->marks_count -= done;
        memmove(p->marks, p->marks + done, p->marks_count * sizeof(p->marks[0]));
        producer_touch(p);
    }
    return p->marks_count == 0;
}

static void confirm_producers(struct confirm *confirm)
{
    struct producer **link = &confirm->marked;

    while (*link) {
        struct producer *p = *link;

        if (advance(p, confirm->synced))
            *link = p->marked_next;
        else
            link = &p->marked_next;
    }
}

/* ---- batches ---- */

uint64_t confirm_begin(struct brain *brain, uint64_t bytes)
{
    struct confirm *confirm = &brain->confirm;
    struct commit *commit = confirm->open ? confirm->open : calloc(1, sizeof(*commit));

    if (!commit)
        return 0;
    confirm->open = NULL;
    commit->number = ++confirm->made;
    commit->bytes = bytes;
    confirm->bytes += bytes;
    if (confirm->tail)
        confirm->tail->next = commit;
    else
        confirm->head = commit;
    confirm->tail = commit;
    return commit->number;
}

static void pop(struct brain *brain)
{
    struct confirm *confirm = &brain->confirm;
    struct commit *commit = confirm->head;
    struct held *held;

    confirm->head = commit->next;
    if (!confirm->head)
        confirm->tail = NULL;
    confirm->bytes -= commit->bytes;
    while ((held = commit->first) != NULL) {
        commit->first = held->next;
        send_held(brain, held);
    }
    free(commit);
}

static void reopen(struct brain *brain)
{
    brain->confirm.was_closed = false;
    for (uint32_t i = 0; i < brain->channels_count; i++) {
        if (brain->channels[i] && channel_is_kept(brain->channels[i]))
            channel_touch(brain->channels[i]);
    }
}

void confirm_stored(struct brain *brain, uint64_t commit)
{
    struct confirm *confirm = &brain->confirm;

    if (commit > confirm->made || commit <= confirm->synced)
        return;
    if (confirm->is_failing && !brain->keep.is_broken) {
        confirm->is_failing = false;
        brain_log(brain, 2, "store works again");
    }
    confirm->synced = commit;
    while (confirm->head && confirm->head->number <= commit)
        pop(brain);
    confirm_producers(confirm);
    if (confirm->was_closed)
        reopen(brain);
}

/* Whoever waits for an answer gets one. A receipt waits on: nobody asks for it. */
static void refuse_held(struct brain *brain, struct commit *commit)
{
    struct held **link = &commit->first, *held;

    commit->last = NULL;
    while ((held = *link) != NULL) {
        if (held->sender) {
            commit->last = held;
            link = &held->next;
            continue;
        }
        *link = held->next;
        refuse(brain, held, STRATO_ESTORE, brain->confirm.why);
        held_free(held);
    }
}

void confirm_failed(struct brain *brain, struct strato_bytes why)
{
    struct confirm *confirm = &brain->confirm;

    confirm->failures++;
    snprintf(confirm->why, sizeof(confirm->why), "not on disk: %.*s", (int)(why.bytes < 140 ? why.bytes : 140),
             why.bytes ? (const char *)why.data : "");
    if (!confirm->is_failing)
        brain_log(brain, 0, "store fails, durable channels refuse messages: %s", confirm->why);
    confirm->is_failing = confirm->was_closed = true;
    for (struct commit *commit = confirm->head; commit; commit = commit->next)
        refuse_held(brain, commit);
    if (confirm->open)
        refuse_held(brain, confirm->open);
}

static void commit_free(struct commit *commit)
{
    struct held *held;

    while (commit && (held = commit->first) != NULL) {
        commit->first = held->next;
        held_free(held);
    }
    free(commit);
}

void confirm_fini(struct brain *brain)
{
    struct confirm *confirm = &brain->confirm;

    while (confirm->head) {
        struct commit *commit = confirm->head;

        confirm->head = commit->next;
        commit_free(commit);
    }
    commit_free(confirm->open);
    *confirm = (struct confirm){ 0 };
}

void brain_store_stats(const struct brain *brain, struct brain_store_stats *ret_stats)
{
    *ret_stats = (struct brain_store_stats){
        .has_store = brain->keep.channels,
        .is_failing = brain->confirm.is_failing,
        .commits = brain->confirm.made,
        .commits_synced = brain->confirm.synced,
        .bytes_waiting = brain->confirm.bytes,
        .failures = brain->confirm.failures,
    };
}
