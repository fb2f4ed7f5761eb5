/*
 * sqlite.h - the store on disk: one SQLite file in WAL mode, every commit synced.
 *
 * DIR/stratoswarm.db is held exclusively while it is open, so a second broker on the same data is refused. Every
 * row carries a checksum of its own, because SQLite checks its log but not its pages. A row whose checksum is wrong
 * goes into the table `quarantine`; a file that is no database any more is moved aside whole. Both are said.
 * Layout and figures: docs/decisions/0007; what to do about what it says: docs/operations.md.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_STORE_SQLITE_H
#define STRATO_STORE_SQLITE_H

#include "broker/store/store.h"

#define STORE_SQLITE_FILE "stratoswarm.db"

/**
 * Open the store of a directory, both made if they are missing (mode 0700).
 *
 * @param vfs         Name of the SQLite VFS, for a simulated disk (nothing is made or moved aside then); NULL = the real one.
 * @param ret_detail  On error: cause and fix.
 * @return 0; STRATO_ENOMEM; STRATO_ESTORE: no access, another broker uses it, a newer version wrote it.
 */
int store_sqlite_open(const char *dir, const char *vfs, struct store **ret_store, char *ret_detail,
                      size_t detail_bytes);

/** What store_sqlite_check() found. */
struct store_check {
    uint64_t rows[JOURNAL_TABLES]; /* good ones */
    uint64_t rows_bad;             /* checksum wrong, or no batch could have written it */
    uint64_t rows_quarantined;     /* set aside by earlier starts */
    uint32_t version;              /* of the schema */
    bool is_sound;                 /* the file itself: SQLite's integrity check */
};

/**
 * Check a store that no broker uses. Changes nothing.
 *
 * @param say  Told in words of everything that is wrong, one line a call; not more than 100 lines.
 * @return 0: it was read to the end (what was found is in *ret_check); STRATO_ESTORE: it could not be, see ret_detail.
 */
int store_sqlite_check(const char *dir, void (*say)(void *arg, const char *line), void *arg,
                       struct store_check *ret_check, char *ret_detail, size_t detail_bytes);
#endif
