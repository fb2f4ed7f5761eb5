/*
 * ingest.h - from a frame's envelopes to accepted messages.
 *
 * All envelopes of a frame are decoded and copied first ("staged"), so that a frame that turns out broken
 * at its end changes nothing, and a put without a session is all or nothing. Then they are admitted.
 * Rules: protocol.md sections 3 and 4.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_INGEST_H
#define STRATO_BRAIN_INGEST_H

#include "broker/brain/session.h"
#include "core/header.h"

/** One message of a frame. */
struct staged {
    struct message *message;   /* NULL if refused, or a duplicate */
    struct dedup_entry *claim; /* on its id, or NULL */
    uint64_t dup_seq;          /* > 0: a duplicate of the message with this seq */
    int err;                   /* why it is refused */
    uint32_t delay_ms;
    uint64_t bytes; /* as sent: envelope and attachments */
};

struct stage {
    struct staged *items; /* the brain's scratch, STRATO_ENVELOPES_MAX */
    uint32_t count, refused, duplicates;
    uint64_t bytes;
    char detail[160]; /* of the last refusal */
};

/** Bytes of a frame, with its attachments. */
struct ingest_frame {
    struct strato_bytes body; /* behind the header */
    struct strato_blob *const *blobs;
    size_t blobs_count;
};

/**
 * Decode and copy n envelopes for a channel.
 * @param skip      So many at the front are duplicates by index: counted, not kept.
 * @param with_ids  Look for duplicates by id (a call's is only its name).
 * @return 0; STRATO_ECODEC or STRATO_EFRAME: nothing is staged; STRATO_ENOMEM: nothing is staged.
 */
int ingest_stage(struct stage *stage, struct channel *ch, struct sender *sender, const struct ingest_frame *frame,
                 uint64_t n, uint64_t skip, bool with_ids);
/** Refuse one message after all: it is dropped, its id forgotten, its error set. */
void ingest_refuse(struct brain *brain, struct stage *stage, struct staged *item, int err, const char *detail);
/** Drop what was staged and not admitted. */
void ingest_unstage(struct brain *brain, struct stage *stage);
/** Tie a message that is in no queue yet to what its envelope names: needs, affinity, order key. @return 0; STRATO_ELIMIT; STRATO_ENOMEM (untie it). */
int ingest_tie(struct channel *ch, struct message *m, const struct strato_envelope *e);
void ingest_untie(struct channel *ch, struct message *m);
/** Let in a message (taken) that has its slot, or goes to a channel that drops; no rule looks at it. */
void ingest_let_in(struct channel *ch, struct message *m);
/** Let one staged message in (taken), by the channel's policy; it has its slot where the policy wants one. */
void ingest_admit(struct channel *ch, struct staged *item);
/** Has a channel room for a put of so much, without credit? @return 0, STRATO_EFULL or STRATO_ENO_RESOURCES. */
int ingest_room(struct channel *ch, uint64_t messages, uint64_t bytes);
#endif
