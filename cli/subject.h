/*
 * subject.h - what a user calls a thing: "demo.hi", "math.add", "gpu.synchronize", "@agent".
 *
 * The channel is the longest channel name that leads the subject, if it has the pattern that the verb
 * needs; events fall back to the channel `events`, others to the subject itself.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_SUBJECT_H
#define STRATO_CLI_SUBJECT_H

#include "cli/link.h"

struct subject {
    char channel[STRATO_NAME_BYTES_MAX + 2];
    char type[STRATO_TYPE_BYTES_MAX + 1]; /* the subject, or "message" where it is too long or a mailbox */
};

/**
 * @param text     The subject; for events it may hold wildcards.
 * @param pattern  "events", "request" or "work".
 * @param channel  What --channel said, NULL = find it.
 * @return CLI_OK, or the exit code after telling why.
 */
int subject_find(const struct cli *cli, strato_client *client, const char *text, const char *pattern,
                 const char *channel, struct subject *ret_subject);
#endif
