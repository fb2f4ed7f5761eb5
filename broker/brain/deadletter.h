/*
 * deadletter.h - where messages end that could not be done, with the reason.
 *
 * Bounded (by default 1,000 entries and 64 MiB per channel); the oldest is evicted and counted. Reasons are a closed
 * list. An entry has a number that is never used again; a message that was redriven and dies again for
 * the same reason takes its old entry's count and first time along. The store only keeps the book:
 * bury.c moves messages in, handle_dlq.c lists them and lets them out.
 * Rules: semantics.md 21 to 23.
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
    uint64_t number;            /* 1..; of the channel */
    struct message *message;    /* one reference; seq 0: refused, never accepted */
    uint64_t first_ms, last_ms; /* wall clock */
    uint64_t redriven_from;     /* number of the entry it was before, 0 = none */
    char *error;                /* the last nack's reason, or NULL */
    char *consumer;             /* who held it last, or NULL */
    uint32_t count;             /* deaths for this reason */
    uint32_t ttl_ms;            /* what it had; an entry never expires */
    enum deadletter_reason reason;
};

/** What to write into an entry. */
struct deadletter_note {
    enum deadletter_reason reason;
    struct strato_bytes error, consumer; /* may be none; copied, and cut to 256 bytes */
    uint64_t now_ms;                     /* wall clock */
    uint32_t ttl_ms;
};

/** Zero-initialised = empty. */
struct deadletters {
    struct deadletter *entries; /* ring of `capacity` */
    uint32_t capacity, first, count;
    uint32_t max;                     /* 0 = DEADLETTER_MAX */
    uint64_t bytes_max;               /* 0 = DEADLETTER_BYTES_MAX */
    uint64_t bytes, evicted, numbers; /* numbers: the last one given */
    uint64_t by_reason[DEADLETTER_REASON_COUNT];
};

const char *deadletter_reason_name(enum deadletter_reason reason);
/** The reason with this name. @return 0 or STRATO_ENOENT. */
int deadletter_reason_find(struct strato_bytes name, enum deadletter_reason *ret_reason);

/** Must the oldest leave before a message of so many bytes comes in? */
bool deadletters_is_full(const struct deadletters *store, uint64_t bytes);
/** Keep `m` (a reference is taken). There is room. @return the entry, valid until the next change; NULL when out of memory: counted as evicted. */
struct deadletter *deadletters_add(struct deadletters *store, struct message *m, const struct deadletter_note *note);
/** One more death that is no entry of its own: counted in this one. */
void deadletters_repeat(struct deadletters *store, struct deadletter *entry, uint64_t now_ms);
/** Put back an entry that was kept before (number and times as given; text is taken). @return 0 or STRATO_ENOMEM. */
int deadletters_restore(struct deadletters *store, const struct deadletter *entry);
/** The k-th oldest, k < count. */
struct deadletter *deadletters_at(const struct deadletters *store, uint32_t k);
/** Where the entry with this number is; count if it is not there. O(log count). */
uint32_t deadletters_find(const struct deadletters *store, uint64_t number);
/** Where the first entry with this number or a higher one is; count if there is none. O(log count). */
uint32_t deadletters_from(const struct deadletters *store, uint64_t number);
/** Forget the k-th oldest. O(count), O(1) for the oldest. */
void deadletters_remove(struct deadletters *store, struct slab *slab, uint32_t k);
void deadletters_fini(struct deadletters *store, struct slab *slab);
#endif
