/*
 * storage.c - the store as the core loop sees it: read back before the first turn, then batches out and news in.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/net/shell.h"

#include <inttypes.h>
#include <stdio.h>

#include "broker/store/committer.h"
#include "broker/store/sqlite.h"

enum { STOP_MS = 5000 };

int storage_open(struct shell *sh, const struct broker_config *config, char *detail, size_t detail_bytes)
{
    if (!config->data_dir || !*config->data_dir)
        return 0;
    return store_sqlite_open(config->data_dir, NULL, &sh->store, detail, detail_bytes);
}

/* ---- reading back --------------------------------------------------------------------------------- */

struct reading {
    struct shell *shell;
    char *detail;
    size_t detail_bytes;
    uint64_t left_out;
};

static int restore_row(void *arg, const struct journal_entry *row)
{
    struct reading *reading = arg;
    int rc = brain_restore(reading->shell->brain, row, reading->detail, reading->detail_bytes);

    if (rc != STRATO_ECODEC)
        return rc;
    if (reading->left_out++ == 0)
        shell_log(reading->shell, STRATO_LOG_ERROR, "row of the store left out reason=\"%s\"", reading->detail);
    reading->detail[0] = '\0';
    return 0;
}

static void say_findings(struct shell *sh, const struct store_findings *found, uint64_t left_out)
{
    bool is_sound = found->rows_quarantined == 0 && !found->is_file_quarantined && left_out == 0;

    shell_log(sh, is_sound ? STRATO_LOG_INFO : STRATO_LOG_ERROR,
              "store read rows=%" PRIu64 " left_out=%" PRIu64 " quarantined=%" PRIu64 " after=%s%s%s%s", found->rows,
              left_out, found->rows_quarantined, found->was_recovered ? "crash" : "clean_end",
              *found->detail ? " detail=\"" : "", found->detail, *found->detail ? "\"" : "");
}

int storage_restore(struct shell *sh, char *detail, size_t detail_bytes)
{
    struct reading reading = { sh, detail, detail_bytes, 0 };
    struct store_findings found;
    int rc;

    if (!sh->store)
        return 0;
    rc = store_scan(sh->store, restore_row, &reading, &found);
    if (rc == STRATO_ESTORE)
        snprintf(detail, detail_bytes, "%s", store_error(sh->store));
    if (rc == 0)
        rc = brain_restored(sh->brain, &sh->out);
    if (rc == 0)
        rc = committer_start(sh->store, &sh->committer);
    if (rc < 0)
        return rc;
    sh->store = NULL; /* the committer's */
    say_findings(sh, &found, reading.left_out);
    return 0;
}

/* ---- while it runs -------------------------------------------------------------------------------- */

static void tell_failed(struct shell *sh, const char *why)
{
    shell_step(sh, &(struct brain_event){ .kind = BRAIN_STORE_FAILED, .data = strato_text(why) });
}

void storage_commit(struct shell *sh, struct brain_action *action)
{
    if (sh->is_store_lost)
        return;
    if (committer_submit(sh->committer, action->commit, action->data, action->bytes) == 0) {
        action->data = NULL;
        return;
    }
    sh->is_store_lost = true; /* no later batch may be called synced, because this one is not before it */
    tell_failed(sh, "out of memory for a batch: restart the broker; what was confirmed is safe");
}

void storage_hear(struct shell *sh)
{
    struct committer_result news;

    while (committer_next(sh->committer, &news)) {
        if (news.is_failed)
            tell_failed(sh, news.detail);
        else if (!sh->is_store_lost)
            shell_step(sh, &(struct brain_event){ .kind = BRAIN_STORED, .commit = news.commit });
    }
}

void storage_close(struct shell *sh)
{
    uint64_t unsynced;

    if (committer_stop(&sh->committer, STOP_MS, &unsynced) < 0)
        shell_log(sh, STRATO_LOG_ERROR, "store closed before it had taken all batches=%" PRIu64, unsynced);
    store_close(&sh->store);
}
