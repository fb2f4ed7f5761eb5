/*
 * committer.h - the storage thread: batches in, in order; "synced up to number N" out.
 *
 * It commits as soon as the previous commit is done, everything that waits at once: under load commits grow by
 * themselves, at rest a batch waits for nobody. A commit that fails is reported and tried again, with a pause
 * between tries, until it works or the committer is stopped; nothing behind it overtakes.
 *
 *   core thread: committer_submit() ... poll committer_fd() ... committer_next()
 *
 * All functions but the thread itself are for one thread. Rules: protocol.md section 19.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_STORE_COMMITTER_H
#define STRATO_STORE_COMMITTER_H

#include "broker/store/store.h"

enum {
    COMMITTER_BATCHES_MAX = 1024,           /* in one commit */
    COMMITTER_BYTES_MAX = 32 * 1024 * 1024, /* in one commit, but for a single larger batch */
    COMMITTER_PAUSE_MS = 100,               /* before a failed commit is tried again, doubled up to .. */
    COMMITTER_PAUSE_MS_MAX = 5000,
};

struct committer;

struct committer_result {
    bool is_failed;
    uint64_t commit;  /* not failed: all batches up to this number are synced */
    char detail[256]; /* failed: cause and fix */
};

struct committer_stats {
    uint64_t commits, batches, bytes; /* done */
    uint64_t failures;
    uint64_t micros, micros_max; /* that commits took, in sum and the longest */
};

/** @param store  Taken on success. @return 0; STRATO_ENOMEM; STRATO_ENO_RESOURCES (no descriptor or thread to be had). */
int committer_start(struct store *store, struct committer **ret_committer);
/** Readable when committer_next() has something. Lives as long as the committer. */
int committer_fd(const struct committer *committer);
/** Hand over a batch. @param data  malloc'ed, taken on success. @return 0 or STRATO_ENOMEM. */
int committer_submit(struct committer *committer, uint64_t number, uint8_t *data, size_t bytes);
/** The latest news; at most one of each kind between two calls. False: there is none. */
bool committer_next(struct committer *committer, struct committer_result *ret_result);
void committer_stats(struct committer *committer, struct committer_stats *ret_stats);
/**
 * Commit what waits, end the thread, close the store. Sets the caller's pointer to NULL; accepts NULL in it.
 * @param timeout_ms  A store that fails is tried for so long.
 * @return 0: everything that was submitted is synced; STRATO_ESTORE: some is not (ret_unsynced says how many batches).
 */
int committer_stop(struct committer **committer, unsigned timeout_ms, uint64_t *ret_unsynced);
#endif
