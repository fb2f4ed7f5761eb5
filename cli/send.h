/*
 * send.h - the verbs that send: pub (events), push (work) and send (a mailbox).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_SEND_H
#define STRATO_CLI_SEND_H

#include "cli/verb.h"

struct send_config {
    struct cli_common common;
    char *channel, *type;
    uint64_t count;
    uint32_t sleep_ms;
    struct strato_option_list fields;
    bool raw, no_template, dry_run;
    bool receipt; /* work only */
    uint32_t wait_ms;
};

extern const struct strato_option send_rows[];
enum { SEND_ROWS = 8, SEND_WORK_ROWS = 10 }; /* those of all, and those of push and send */

/** @param pattern  "events" or "work". */
int send_run(struct cli *cli, const struct send_config *config, const char *pattern);
#endif
