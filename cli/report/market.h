/*
 * market.h - daily closes of the four indices, read from a CSV file.
 *
 * The first line names the columns: `time` (year with the day as a fraction) and DAX, SMI, CAC, FTSE, in any order;
 * further columns are passed over.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_REPORT_MARKET_H
#define STRATO_CLI_REPORT_MARKET_H

#include <stddef.h>
#include <stdint.h>

#include "core/oracle/strategy.h"

struct market {
    uint32_t days;
    double *time;   /* [days], years */
    double *closes; /* row-major [days][4], in the order of strato_strategy_market_name() */
};

/**
 * Read a file.
 * @return 0; STRATO_ENOENT or STRATO_EIO (cannot be read), STRATO_ESCHEMA (a line that is not what it should be),
 *         STRATO_ENOMEM. ret_detail (may be NULL) gets "FILE:LINE: cause".
 */
int market_load(const char *path, struct market *ret_market, char *ret_detail, size_t detail_bytes);
/** Frees and empties. Accepts a zeroed one. */
void market_fini(struct market *market);
#endif
