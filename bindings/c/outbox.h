/*
 * outbox.h - frames that the step logic wants sent, in order, until the shell takes them.
 *
 * One ring of parts; a message is one part with attachments behind it (`more`). It grows by what credit
 * and control allow, and the session never queues data beyond its credit.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BINDINGS_C_OUTBOX_H
#define STRATO_BINDINGS_C_OUTBOX_H

#include "bindings/c/buffer.h"

struct strato__part {
    struct strato__buffer *buffer; /* one reference */
    bool more;                     /* another part of the same message follows */
};

/** Zero-initialised = empty. */
struct strato__outbox {
    struct strato__part *parts;
    size_t head, count, capacity; /* capacity is a power of two */
};

void strato__outbox_fini(struct strato__outbox *box);
/** Make room for `more` parts, so that as many pushes cannot fail. @return 0 or STRATO_ENOMEM. */
int strato__outbox_reserve(struct strato__outbox *box, size_t more);
/** Append a part, reference taken; room must have been reserved. */
void strato__outbox_take(struct strato__outbox *box, struct strato__buffer **buffer, bool more);
/** Remove the first part; the caller owns its reference. false if empty. */
bool strato__outbox_pop(struct strato__outbox *box, struct strato__part *ret_part);
/** Forget everything: the connection that it was meant for is gone. */
void strato__outbox_clear(struct strato__outbox *box);
#endif
