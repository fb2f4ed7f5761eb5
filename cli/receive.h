/*
 * receive.h - the loop of the verbs that receive: print, count, wait, stop.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_RECEIVE_H
#define STRATO_CLI_RECEIVE_H

#include "cli/link.h"

enum { RECEIVE_PEEK_MAX = 256 };

/** First member of the config of a verb that receives. */
struct receive_config {
    struct cli_common common;
    uint64_t count;   /* 0 = no end */
    uint32_t wait_ms; /* 0 = for ever */
    bool raw;
    char *dump;
};

/** The rows for it; `member` is the struct receive_config in `type`. */
#define RECEIVE_ROWS(type, member)                                                                                     \
    { .name = "count",                                                                                                 \
      .letter = 'C',                                                                                                   \
      STRATO_OPTION_AT(type, member.count),                                                                            \
      .kind = STRATO_OPTION_UINT,                                                                                      \
      .value = "N",                                                                                                    \
      .max = UINT64_MAX,                                                                                               \
      .doc = "Stop after so many messages; 0 is never." },                                                             \
        { .name = "wait",                                                                                              \
          .letter = 'W',                                                                                               \
          STRATO_OPTION_AT(type, member.wait_ms),                                                                      \
          .kind = STRATO_OPTION_DURATION,                                                                              \
          .value = "TIME",                                                                                             \
          .doc = "Stop after so long. Exit code 5 if nothing came at all, 7 if fewer than --count." },                 \
        { .name = "raw",                                                                                               \
          STRATO_OPTION_AT(type, member.raw),                                                                          \
          .kind = STRATO_OPTION_FLAG,                                                                                  \
          .doc = "Print the body only, as it is." },                                                                   \
    {                                                                                                                  \
        .name = "dump", STRATO_OPTION_AT(type, member.dump), .kind = STRATO_OPTION_STRING, .value = "DIR",             \
        .complete = "dir", .doc = "Write each body to a file in DIR as well: 1.json, 2.bin ..."                        \
    }

/** Where messages come from, and what becomes of them. */
struct receive {
    strato_client *client;
    void *source;
    int (*next)(void *source, int timeout_ms, strato_message **ret_message);
    /** After it was printed; takes the message. NULL = destroyed. */
    int (*done)(void *source, strato_message **message);
};

/** @return the exit code. */
int receive_run(const struct cli *cli, const struct receive_config *config, const struct receive *receive);
#endif
