/*
 * deadletter.h - where messages end that could not be done, with the reason.
 *
 * Bounded (1,000 entries and 64 MiB per channel); the oldest is evicted and counted. Reasons are a closed
 * list, semantics.md 21. Redrive, repeats compressed to a count and the dlq operations build on this
 * store; it only keeps the book.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_DEADLETTER_H
#define STRATO_BRAIN_DEADLETTER_H

#include "broker/brain/message.h"

/* One row a name. */
/* clang-format off */
#define DEADLETTER_REASONS(X) \
    X(REJECTED, "rejected") \
    X(EXPIRED, "expired") \
    X(MAX_DELIVER, "max_deliver") \
    X(WORKER_CRASH, "worker_crash") \
    X(QUEUE_FULL, "queue_full") \
    X(DISPLACED, "displaced") \
    X(NO_ROUTE, "no_route") \
    X(RECIPIENT_GONE, "recipient_gone") \
    X(UNDECODABLE, "undecodable") \
    X(TOO_LARGE, "too_large")
/* clang-format on */
#define X(name, text) DEADLETTER_##name,
enum deadletter_reason { DEADLETTER_REASONS(X) DEADLETTER_REASON_COUNT };
#undef X

enum { DEADLETTER_MAX = 1000, DEADLETTER_BYTES_MAX = 64 * 1024 * 1024, DEADLETTER_ERROR_BYTES_MAX = 256 };

struct deadletter {
    struct message *message; /* one reference */
    uint64_t at_ms;          /* monotonic */
    enum deadletter_reason reason;
    char *error; /* the last nack's reason, or NULL */
};

/** Zero-initialised = empty. */
struct deadletters {
    struct deadletter *entries; /* ring of `capacity` */
    uint32_t capacity, first, count;
    uint64_t bytes, evicted;
    uint64_t by_reason[DEADLETTER_REASON_COUNT];
};

const char *deadletter_reason_name(enum deadletter_reason reason);
/** Keep `m` (a reference is taken). Out of memory, it is counted as evicted at once. error may be none; it is copied and cut. */
void deadletters_add(struct deadletters *store, struct slab *slab, struct message *m, enum deadletter_reason reason,
                     struct strato_bytes error, uint64_t now_ms);
void deadletters_fini(struct deadletters *store, struct slab *slab);
#endif
