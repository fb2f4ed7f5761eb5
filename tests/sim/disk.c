/*
 * disk.c - see disk.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/sim/disk.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512, FILES = 8, NAME_BYTES = 128 };
/* SQLite's VFS of unix syncs the directory with the first sync of a new one of these, and at no other time unasked. */
enum { LOGS = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL };

struct image {
    uint8_t *data;
    size_t bytes, capacity;
};

/* A change that is not synced: bytes written at an offset, or (data == NULL) a new length. */
struct change {
    struct change *next;
    uint64_t at;
    size_t bytes;
    uint8_t *data;
};

struct file {
    char name[NAME_BYTES];
    bool is_there;              /* reads see it */
    bool is_kept;               /* its name is on the platter */
    struct image live, platter; /* what reads see; what a cut leaves at least */
    struct change *changes, **last;
};

struct disk {
    sqlite3_vfs vfs;
    char name[32];
    uint64_t drawn;
    uint64_t life;               /* of the power */
    uint64_t operations, cut_at; /* UINT64_MAX = never */
    bool is_off;
    enum disk_trouble trouble;
    struct file files[FILES];
};

struct handle {
    sqlite3_file base; /* first */
    struct disk *disk;
    struct file *file;
    uint64_t life;
    bool is_new_log; /* its first sync syncs the directory too */
};

static uint64_t draw(struct disk *disk, uint64_t below)
{
    uint64_t z = (disk->drawn += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

/* ---- images -------------------------------------------------------------------------------------- */

static void resize(struct image *image, size_t bytes)
{
    if (bytes > image->capacity) {
        size_t capacity = bytes * 2;

        image->data = realloc(image->data, capacity);
        if (!image->data)
            abort();
        image->capacity = capacity;
    }
    if (bytes > image->bytes)
        memset(image->data + image->bytes, 0, bytes - image->bytes);
    image->bytes = bytes;
}

static void write_image(struct image *image, uint64_t at, const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return;
    if (at + bytes > image->bytes)
        resize(image, (size_t)at + bytes);
    memcpy(image->data + at, data, bytes);
}

static void copy_image(struct image *to, const struct image *from)
{
    to->bytes = 0;
    resize(to, from->bytes);
    if (from->bytes)
        memcpy(to->data, from->data, from->bytes);
}

/* ---- what is not synced -------------------------------------------------------------------------- */

static void remember(struct file *file, uint64_t at, const uint8_t *data, size_t bytes)
{
    struct change *change = calloc(1, sizeof(*change));

    if (!change)
        abort();
    change->at = at;
    change->bytes = bytes;
    if (data) {
        change->data = malloc(bytes);
        if (!change->data)
            abort();
        memcpy(change->data, data, bytes);
    }
    if (!file->changes)
        file->last = &file->changes;
    *file->last = change;
    file->last = &change->next;
}

static void apply(struct file *file, const struct change *change)
{
    if (change->data)
        write_image(&file->platter, change->at, change->data, change->bytes);
    else
        resize(&file->platter, change->at < file->platter.bytes ? (size_t)change->at : file->platter.bytes);
}

/* Some of the sectors that a write touches. */
static void apply_torn(struct disk *disk, struct file *file, const struct change *change)
{
    for (size_t from = 0; from < change->bytes;) {
        size_t left = SECTOR - (size_t)(change->at + from) % SECTOR, to = from + left;

        to = to < change->bytes ? to : change->bytes;
        if (draw(disk, 2))
            write_image(&file->platter, change->at + from, change->data + from, to - from);
        from = to;
    }
}

/* Empty the list: @param is_synced all of it happened, else each as the seed has it. */
static void flush(struct disk *disk, struct file *file, bool is_synced)
{
    uint64_t mood = is_synced ? 0 : draw(disk, 4); /* all lost, all kept, or each by itself */

    while (file->changes) {
        struct change *change = file->changes;
        uint64_t fate = is_synced || mood == 1 ? 0 : mood == 0 ? 1 : draw(disk, change->data ? 3 : 2);

        if (fate == 0)
            apply(file, change);
        else if (fate == 2)
            apply_torn(disk, file, change);
        file->changes = change->next;
        free(change->data);
        free(change);
    }
}

/* ---- the power ----------------------------------------------------------------------------------- */

/* @return false if the power is gone. The last operation before that happens and is not synced. */
static bool count_operation(struct disk *disk)
{
    if (disk->is_off)
        return false;
    if (++disk->operations >= disk->cut_at)
        disk->is_off = true;
    return true;
}

void disk_cut(struct disk *disk)
{
    for (int i = 0; i < FILES; i++) {
        struct file *file = &disk->files[i];

        if (!file->name[0])
            continue;
        flush(disk, file, false);
        if (file->is_there != file->is_kept)
            file->is_there = file->is_kept = draw(disk, 2);
        if (!file->is_there) {
            file->platter.bytes = 0;
            file->name[0] = 0;
        }
        copy_image(&file->live, &file->platter);
    }
    disk->life++;
    disk->is_off = false;
    disk->cut_at = UINT64_MAX;
}

void disk_cut_in(struct disk *disk, uint64_t operations)
{
    disk->cut_at = operations ? disk->operations + operations : UINT64_MAX;
}

bool disk_is_off(const struct disk *disk)
{
    return disk->is_off;
}

uint64_t disk_operations(const struct disk *disk)
{
    return disk->operations;
}

void disk_trouble(struct disk *disk, enum disk_trouble trouble)
{
    disk->trouble = trouble;
}

/* ---- a file -------------------------------------------------------------------------------------- */

static struct handle *handle_of(sqlite3_file *base)
{
    return (struct handle *)(void *)base;
}

static bool is_dead(const struct handle *h)
{
    return h->life != h->disk->life || h->disk->is_off;
}

static int file_close(sqlite3_file *base)
{
    (void)base;
    return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *data, int bytes, sqlite3_int64 at)
{
    struct handle *h = handle_of(base);
    const struct image *live = &h->file->live;
    size_t wanted = (size_t)bytes, there;

    if (is_dead(h))
        return SQLITE_IOERR_READ;
    there = (size_t)at >= live->bytes ? 0 : live->bytes - (size_t)at;
    there = there < wanted ? there : wanted;
    if (there)
        memcpy(data, live->data + at, there);
    memset((uint8_t *)data + there, 0, wanted - there);
    return there == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *base, const void *data, int bytes, sqlite3_int64 at)
{
    struct handle *h = handle_of(base);

    if (is_dead(h))
        return SQLITE_IOERR_WRITE;
    if (h->disk->trouble == DISK_FULL && (uint64_t)at + (uint64_t)bytes > h->file->live.bytes)
        return SQLITE_FULL;
    if (!count_operation(h->disk))
        return SQLITE_IOERR_WRITE;
    write_image(&h->file->live, (uint64_t)at, data, (size_t)bytes);
    remember(h->file, (uint64_t)at, data, (size_t)bytes);
    return SQLITE_OK;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 bytes)
{
    struct handle *h = handle_of(base);

    if (is_dead(h) || !count_operation(h->disk))
        return SQLITE_IOERR_TRUNCATE;
    if ((size_t)bytes < h->file->live.bytes)
        resize(&h->file->live, (size_t)bytes);
    remember(h->file, (uint64_t)bytes, NULL, 0);
    return SQLITE_OK;
}

static void sync_directory(struct disk *disk)
{
    for (int i = 0; i < FILES; i++)
        disk->files[i].is_kept = disk->files[i].is_there;
}

static int file_sync(sqlite3_file *base, int flags)
{
    struct handle *h = handle_of(base);

    (void)flags;
    if (is_dead(h) || !count_operation(h->disk) || h->disk->is_off) /* the power went while it was at it */
        return SQLITE_IOERR_FSYNC;
    if (h->disk->trouble == DISK_SYNC_FAILS) {
        flush(h->disk, h->file, false);
        return SQLITE_IOERR_FSYNC;
    }
    flush(h->disk, h->file, true);
    if (h->is_new_log)
        sync_directory(h->disk);
    h->is_new_log = false;
    return SQLITE_OK;
}

static int file_bytes(sqlite3_file *base, sqlite3_int64 *ret_bytes)
{
    struct handle *h = handle_of(base);

    if (is_dead(h))
        return SQLITE_IOERR_FSTAT;
    *ret_bytes = (sqlite3_int64)h->file->live.bytes;
    return SQLITE_OK;
}

static int file_lock(sqlite3_file *base, int level)
{
    (void)base, (void)level;
    return SQLITE_OK;
}

static int file_is_reserved(sqlite3_file *base, int *ret_is)
{
    (void)base;
    *ret_is = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int operation, void *arg)
{
    (void)base, (void)operation, (void)arg;
    return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *base)
{
    (void)base;
    return SECTOR;
}

static int file_traits(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* ---- the directory ------------------------------------------------------------------------------- */

static struct disk *disk_of(sqlite3_vfs *vfs)
{
    return (struct disk *)(void *)vfs;
}

static struct file *find(struct disk *disk, const char *name)
{
    for (int i = 0; i < FILES; i++) {
        if (strcmp(disk->files[i].name, name) == 0)
            return &disk->files[i];
    }
    return NULL;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *ret_flags)
{
    static const sqlite3_io_methods methods = { 1,
                                                file_close,
                                                file_read,
                                                file_write,
                                                file_truncate,
                                                file_sync,
                                                file_bytes,
                                                file_lock,
                                                file_lock,
                                                file_is_reserved,
                                                file_control,
                                                file_sector,
                                                file_traits,
                                                NULL,
                                                NULL,
                                                NULL,
                                                NULL,
                                                NULL,
                                                NULL };
    struct disk *disk = disk_of(vfs);
    struct handle *h = handle_of(base);
    struct file *file = name ? find(disk, name) : NULL;
    bool is_new = !file || !file->is_there;

    h->base.pMethods = NULL;
    if (!name || strlen(name) >= NAME_BYTES || disk->is_off)
        return SQLITE_CANTOPEN;
    if (is_new) {
        if (!(flags & SQLITE_OPEN_CREATE))
            return SQLITE_CANTOPEN;
        if (!file)
            file = find(disk, "");
        if (!file)
            return SQLITE_CANTOPEN;
        snprintf(file->name, sizeof(file->name), "%s", name);
        file->is_there = true;
        file->live.bytes = 0;
        remember(file, 0, NULL, 0); /* if one of that name was deleted and that was not synced */
    }
    *h = (struct handle){ { &methods }, disk, file, disk->life, is_new && (flags & LOGS) };
    if (ret_flags)
        *ret_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int is_synced)
{
    struct disk *disk = disk_of(vfs);
    struct file *file = find(disk, name);

    if (disk->is_off || !count_operation(disk))
        return SQLITE_IOERR_DELETE;
    if (!file || !file->is_there)
        return SQLITE_IOERR_DELETE_NOENT;
    file->is_there = false;
    if (is_synced && !disk->is_off)
        sync_directory(disk);
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret_is)
{
    struct file *file = find(disk_of(vfs), name);

    (void)flags;
    *ret_is = file && file->is_there;
    return SQLITE_OK;
}

static int vfs_path(sqlite3_vfs *vfs, const char *name, int bytes, char *ret_path)
{
    (void)vfs;
    return snprintf(ret_path, (size_t)bytes, "%s", name) < bytes ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_random(sqlite3_vfs *vfs, int bytes, char *ret_data)
{
    for (int i = 0; i < bytes; i++)
        ret_data[i] = (char)draw(disk_of(vfs), 256);
    return bytes;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us;
}

static int vfs_time(sqlite3_vfs *vfs, double *ret_days)
{
    (void)vfs;
    *ret_days = 2460000.5; /* Julian; nothing here depends on it */
    return SQLITE_OK;
}

static int vfs_error(sqlite3_vfs *vfs, int bytes, char *ret_text)
{
    (void)vfs, (void)bytes, (void)ret_text;
    return 0;
}

struct disk *disk_new(uint64_t seed)
{
    struct disk *disk = calloc(1, sizeof(*disk));

    if (!disk)
        abort();
    disk->drawn = seed;
    disk->cut_at = UINT64_MAX;
    snprintf(disk->name, sizeof(disk->name), "strato-disk-%p", (void *)disk);
    disk->vfs = (sqlite3_vfs){ .iVersion = 1,
                               .szOsFile = sizeof(struct handle),
                               .mxPathname = NAME_BYTES,
                               .zName = disk->name,
                               .xOpen = vfs_open,
                               .xDelete = vfs_delete,
                               .xAccess = vfs_access,
                               .xFullPathname = vfs_path,
                               .xRandomness = vfs_random,
                               .xSleep = vfs_sleep,
                               .xCurrentTime = vfs_time,
                               .xGetLastError = vfs_error };
    if (sqlite3_vfs_register(&disk->vfs, 0) != SQLITE_OK)
        abort();
    return disk;
}

const char *disk_vfs(const struct disk *disk)
{
    return disk->name;
}

void disk_free(struct disk *disk)
{
    if (!disk)
        return;
    sqlite3_vfs_unregister(&disk->vfs);
    for (int i = 0; i < FILES; i++) {
        flush(disk, &disk->files[i], true);
        free(disk->files[i].live.data);
        free(disk->files[i].platter.data);
    }
    free(disk);
}
