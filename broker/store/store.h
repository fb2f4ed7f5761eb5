/*
 * store.h - what any store must do: take batches of rows, sync them, give them back after a restart.
 *
 * The rows are those of broker/brain/journal.h; a store does not look into their values. Everything here
 * blocks and runs on one thread at a time: the storage thread (committer.h) in a broker, the test in a
 * test. One conformance suite (tests/unit/broker/store) judges every store by this page.
 *
 * Rules: design.md section 5; protocol.md section 19; semantics.md 29.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_STORE_STORE_H
#define STRATO_STORE_STORE_H

#include "broker/brain/journal.h"

/** What opening and reading a store found; the program logs it. */
struct store_findings {
    uint64_t rows;             /* read and good */
    uint64_t rows_quarantined; /* checksum wrong: set aside, not given to the brain, and kept for people to look at */
    bool is_file_quarantined;  /* the whole file was damaged: moved aside under another name, and an empty one begun */
    bool was_recovered;        /* a log of an unclean end was replayed */
    char detail[512];          /* where to look, and what to do; "" if there is nothing to say */
};

struct store;

struct store_ops {
    const char *name; /* "memory", "sqlite" */
    bool is_durable;  /* a commit that returned survives kill -9 and power loss: confirmations say `disk` */

    /**
     * Apply batches in order, all of them or none, and sync.
     *
     * @param batches  Borrowed. Bytes of journal_write().
     * @return 0: synced; STRATO_ESTORE: nothing was applied (disk full, I/O error; store_error() tells),
     *         and the same call may be made again; STRATO_ECODEC: a batch is no batch, nothing was applied.
     */
    int (*commit)(struct store *store, const struct strato_bytes *batches, size_t count);

    /**
     * Read everything back: tables in the order of enum journal_table, channels and keys ascending, as
     * JOURNAL_PUT entries.
     *
     * @param fn  A negative return stops the walk and is returned.
     * @return 0, what fn returned, STRATO_ENOMEM or STRATO_ESTORE.
     */
    int (*scan)(struct store *store, int (*fn)(void *arg, const struct journal_entry *entry), void *arg,
                struct store_findings *findings);

    /** Close and free. What was committed stays. */
    void (*close)(struct store *store);
};

/** Every store begins with this. */
struct store {
    const struct store_ops *ops;
    char error[256]; /* of the last call that failed: cause and fix */
};

static inline int store_commit(struct store *store, const struct strato_bytes *batches, size_t count)
{
    return store->ops->commit(store, batches, count);
}
static inline int store_scan(struct store *store, int (*fn)(void *arg, const struct journal_entry *entry), void *arg,
                             struct store_findings *findings)
{
    return store->ops->scan(store, fn, arg, findings);
}
/** Cause and fix of the last failure; never NULL. */
static inline const char *store_error(const struct store *store)
{
    return store->error;
}
static inline void store_close(struct store **store)
{
    if (*store)
        (*store)->ops->close(*store);
    *store = NULL;
}
#endif
