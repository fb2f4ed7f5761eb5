/*
 * metrics.h - a snapshot as Prometheus text, format 0.0.4.
 *
 * Cardinality is bounded: mailboxes are one series, `@`, since their names are agents'; channels beyond
 * METRICS_CHANNELS_MAX, in the order in which they were made, are one more, `other`, and counted in
 * strato_series_capped_channels. Sums over `channel` stay right. Names and units: docs/http.md.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_HTTP_METRICS_H
#define STRATO_HTTP_METRICS_H

#include "broker/http/counts.h"
#include "broker/http/snapshot.h"

enum { METRICS_CHANNELS_MAX = 200, METRICS_NAMES_MAX = 64 };

/** Write everything. @return 0, STRATO_ENOMEM, or STRATO_ECODEC if the report is not what report.c writes. */
int metrics_write(const struct snapshot *snapshot, const struct http_counts *counts, bool is_draining,
                  struct strato_writer *to);
#endif
