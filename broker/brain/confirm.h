/*
 * confirm.h - what may be said only when it is on disk.
 *
 * Batches leave in order and come back as synced in order. Meanwhile each holds the answers that depend on it
 * (ok of a put without a session, of a settle that asked for confirmation, of an admin verb; receipts), and each
 * session's producer remembers how many puts were decided when it left: that is `credit.durable`.
 *
 *   WORKS --STORE_FAILED--> FAILING: held answers become E_STORE, no credit, puts are refused; settles go on
 *   FAILING --STORED--> WORKS
 *
 * Too many bytes under way close the durable channels to producers, and then to consumers as well, so that what
 * waits for a slow disk is bounded. Memory channels know nothing of all this.
 * Rules: semantics.md 29; protocol.md section 6, "a settle is recorded"; docs/decisions/0009.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_CONFIRM_H
#define STRATO_BRAIN_CONFIRM_H

#include "broker/brain/brain.h"
#include "broker/brain/outbox.h"

struct commit; /* a batch under way, and what it holds */
struct channel;
struct producer;
struct sender;

enum { CONFIRM_MARKS = 8 }; /* batches that one producer tells apart; the last one stands for all later ones */

/** Of a producer: decided so far when that batch left. */
struct confirm_mark {
    uint64_t commit, accepted;
};

/** Zero-initialised = nothing under way. */
struct confirm {
    struct commit *head, *tail; /* batches under way, oldest first */
    struct commit *open;        /* of the turn that runs: holds answers already, has no number yet */
    uint64_t made, synced;      /* numbers of the last batch */
    uint64_t bytes;             /* under way */
    struct producer *marked;    /* list of producers with marks */
    uint64_t failures;
    bool is_failing, was_closed;
    char why[160]; /* cause and fix, while is_failing */
};

/** Everything that was written down so far is on disk. */
bool confirm_is_done(const struct brain *brain);
/** No credit, no puts: the store fails or is far behind. */
bool confirm_closes(const struct channel *ch);
/** STRATO_ESTORE while the store fails, with the reason; else 0. */
int confirm_refuses(const struct channel *ch, const char **ret_detail);
/** Not even deliveries. */
bool confirm_pauses(const struct channel *ch);

/** Keep an answer until what was written down before it is on disk. Takes writer and blobs. False: nothing to wait for, and nothing was taken. */
bool confirm_hold(struct answer *a, struct strato_blob **blobs, size_t blobs_count);
/** The same for a receipt, which goes to the session of `sender`, wherever that is then. */
bool confirm_hold_receipt(struct answer *a, struct sender *sender);

/** At the end of a turn, after the batch left: what was decided until now waits for it. */
void confirm_mark(struct producer *p);
void confirm_unmark(struct producer *p);

/** A batch leaves. @return its number; 0 when out of memory. */
uint64_t confirm_begin(struct brain *brain, uint64_t bytes);
void confirm_stored(struct brain *brain, uint64_t commit);
void confirm_failed(struct brain *brain, struct strato_bytes why);
void confirm_fini(struct brain *brain);
#endif
