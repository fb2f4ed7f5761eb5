/*
 * keep.h - what a durable channel writes down, as it happens.
 *
 * Every move of a message, dead letter, id or rule that must outlive a restart becomes rows of journal.h in the
 * batch of the running turn. When the turn ends the batch leaves as one BRAIN_COMMIT, so a restart finds all of
 * a turn or nothing of it, and the law holds on disk as it does in memory. How a row's value looks is known here
 * and in recall.c, which reads it back. A channel that is not durable costs one branch.
 *
 * Not kept: leases (their messages are ready again after a restart), calls (their callers are gone), sessions,
 * credit, the history of work channels.
 * Rules: semantics.md 18, 23, 29, 30; protocol.md section 19; docs/decisions/0009.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_KEEP_H
#define STRATO_BRAIN_KEEP_H

#include "broker/brain/channel.h"
#include "broker/brain/journal.h"
#include "core/writer.h"

struct route;

/** Zero-initialised = no store. */
struct keep {
    struct channel **channels;  /* by number, JOURNAL_CHANNEL_MAX + 1 of them; NULL = no store */
    struct strato_writer batch; /* the rows of this turn */
    struct strato_writer row;   /* the value that is being written */
    struct channel *dirty;      /* list: their counts go into the batch when the turn ends */
    uint32_t number;            /* the last one given */
    bool is_broken;             /* rows were lost for want of memory: nothing more is written, producers get E_STORE */
};

/** Marks a number whose rows belong to a channel that could not be read: left alone, never given again. */
extern struct channel *const keep_orphan;

static inline bool channel_is_kept(const struct channel *ch)
{
    return ch->keep_number != 0;
}

int keep_init(struct keep *keep);
void keep_fini(struct brain *brain);
/** Can a broker like this have such a channel? @return 0, or STRATO_ESTORE with cause and fix. */
int keep_allows(const struct brain *brain, const struct brain_channel_config *config, char *ret_detail,
                size_t detail_bytes);

/** Write down its name and settings, under a number that is given the first time. @return 0 or STRATO_ELIMIT. */
int keep_channel(struct channel *ch);
/** It was removed: all of its rows go, and nothing of it is written any more. */
void keep_channel_gone(struct channel *ch);
/** Something in its counts changed. */
void keep_touch(struct channel *ch);

/* Each is for a kept channel only. */
void keep_accepted(struct channel *ch, const struct message *m);
void keep_started(struct channel *ch, const struct message *m);
/** m goes back to its queue; had_started: its attempt began. */
void keep_requeued(struct channel *ch, const struct message *m, bool had_started);
/** A rule moves it, as soon as there is room in the other channel. */
void keep_moving(struct channel *ch, const struct message *m);
/** was_moving: it was waiting for that. */
void keep_ended(struct channel *ch, const struct message *m, bool was_moving);
void keep_dead(struct channel *ch, const struct deadletter *entry);
void keep_dead_gone(struct channel *ch, uint64_t number);
void keep_id(struct channel *ch, struct dedup_entry *entry);
/** For struct dedup: an id of a kept channel left the window. */
void keep_id_gone(struct dedup *dedup, const struct dedup_entry *entry);
/** A rule made at run time; a new place in the list is a new row. */
void keep_route(struct brain *brain, struct route *route);
void keep_route_gone(struct brain *brain, const struct route *route);

/** Rows wait for the end of the turn? */
static inline bool keep_is_pending(const struct keep *keep)
{
    return keep->batch.bytes || keep->dirty;
}
/** The turn ends: hand the batch to the shell, if there is one. */
void keep_flush(struct brain *brain);
#endif
