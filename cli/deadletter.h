/*
 * deadletter.h - which dead letters a verb of `strato dlq` means: options that become arguments of admin.dlq.*.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_DEADLETTER_H
#define STRATO_CLI_DEADLETTER_H

#include "cli/admin.h"

/** The filter options that ls, redrive and purge share. Zero and empty = not asked for. */
struct deadletter_filter {
    char *reason, *topic, *sender;
    uint32_t since_ms; /* not older than that */
};
enum { DEADLETTER_FILTER_ROWS = 4 };

/** The rows of the filter, for a config struct that has one as the member `filter`. */
#define DEADLETTER_FILTER_OPTIONS(config)                                                                              \
    { .name = "reason",                                                                                                \
      STRATO_OPTION_AT(config, filter.reason),                                                                         \
      .kind = STRATO_OPTION_STRING,                                                                                    \
      .value = "REASON",                                                                                               \
      .doc =                                                                                                           \
          "Only those that ended so: rejected, expired, max_deliver, worker_crash, queue_full, displaced, no_route, "  \
          "recipient_gone, undecodable or too_large." },                                                               \
        { .name = "topic",                                                                                             \
          STRATO_OPTION_AT(config, filter.topic),                                                                      \
          .kind = STRATO_OPTION_STRING,                                                                                \
          .value = "GLOB",                                                                                             \
          .doc = "Only those whose topic matches; * is one segment, > the rest." },                                    \
        { .name = "sender",                                                                                            \
          STRATO_OPTION_AT(config, filter.sender),                                                                     \
          .kind = STRATO_OPTION_STRING,                                                                                \
          .value = "NAME",                                                                                             \
          .doc = "Only those of this producer: a principal, or principal/agent." },                                    \
    {                                                                                                                  \
        .name = "since", STRATO_OPTION_AT(config, filter.since_ms), .kind = STRATO_OPTION_DURATION, .value = "TIME",   \
        .doc = "Only those that ended within this time from now, 10m."                                                 \
    }

uint32_t deadletter_filter_pairs(const struct deadletter_filter *filter);
/** Write that many pairs. */
void deadletter_filter_write(const struct deadletter_filter *filter, struct strato_writer *w);
/**
 * The entries that the filter selects, oldest first, page by page: a JSON array, json_decref it.
 * @param max  At most so many.
 * @return CLI_OK, or the exit code after telling why.
 */
int deadletters_fetch(const struct cli *cli, strato_client *client, const struct deadletter_filter *filter,
                      uint64_t max, json_t **ret_entries);
/** Ids that the broker made become the text of a UUID. */
void deadletter_id_as_text(json_t *entry);
/** An id from the command line. @return CLI_OK, or CLI_USAGE after telling. */
int deadletter_id(const struct cli *cli, const char *text, uint64_t *ret_id);
#endif
