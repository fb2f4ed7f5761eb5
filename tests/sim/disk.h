/*
 * disk.h - a disk in memory that loses, tears and reorders what was not synced when its power is cut.
 *
 * It is an SQLite VFS (sqlite.org/c3ref/vfs.html), so the real store runs on it. What was written is seen by reads at once
 * and is on the platter only after a sync. At a power cut each write since then is kept or lost by itself, so a later
 * one may survive an earlier, and one of several 512-byte sectors may survive in parts; bytes that nobody wrote are never
 * touched (what SQLite calls powersafe overwrite, and assumes of real disks). A file that was made or deleted and not
 * synced may be missing or back. All from one seed.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_SIM_DISK_H
#define STRATO_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk;

enum disk_trouble {
    DISK_GOOD,
    DISK_FULL, /* what would make a file longer is refused with SQLITE_FULL; overwriting goes on */
    DISK_SYNC_FAILS, /* SQLITE_IOERR_FSYNC; as on Linux, what was to be synced is read back as if it were there and may be lost */
};

/** Make an empty disk and register it as a VFS. Aborts without memory. One at a time has a name. */
struct disk *disk_new(uint64_t seed);
/** Every handle on it must be closed. */
void disk_free(struct disk *disk);
/** For sqlite3_open_v2() and store_sqlite_open(). */
const char *disk_vfs(const struct disk *disk);

void disk_trouble(struct disk *disk, enum disk_trouble trouble);
/** The power goes at the n-th write, sync, truncation or deletion from now; 1 = the next one, which may still happen in parts; 0 = it stays. */
void disk_cut_in(struct disk *disk, uint64_t operations);
/** The power goes now, if it has not gone already, and comes back: handles of before are dead, and can only be closed. */
void disk_cut(struct disk *disk);
/** Is the power gone, by disk_cut_in()? */
bool disk_is_off(const struct disk *disk);
/** Writes, syncs, truncations and deletions so far. */
uint64_t disk_operations(const struct disk *disk);
#endif
