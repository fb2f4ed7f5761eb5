/*
 * receipts.h - waiting for what became of messages that were sent with --receipt, and printing it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_RECEIPTS_H
#define STRATO_CLI_RECEIPTS_H

#include "cli/emit.h"
#include "cli/link.h"

enum { RECEIPT_OUTCOMES = STRATO_OUTCOME_DROPPED + 1 };

/** Zero-initialise. */
struct receipts {
    uint64_t count, by_outcome[RECEIPT_OUTCOMES];
};

/** Print those that are here already, so that they do not pile up while more is sent. */
void receipts_drain(const struct cli *cli, strato_client *client, struct receipts *receipts);
/**
 * Wait until `wanted` have come, or until wait_ms (0 = for ever) is over, and print each.
 * @return CLI_OK: all of them settled. CLI_FAILED: none; CLI_PARTIAL: some. CLI_TIMEOUT, CLI_PARTIAL: some did not come.
 */
int receipts_wait(const struct cli *cli, strato_client *client, uint64_t wanted, uint32_t wait_ms,
                  struct receipts *receipts);
/** How many of each, as an object. */
void receipts_emit(struct emit *j, const char *key, const struct receipts *receipts);
#endif
