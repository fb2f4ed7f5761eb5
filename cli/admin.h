/*
 * admin.h - ask the broker about itself: one admin operation, its answer as a JSON tree.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_ADMIN_H
#define STRATO_CLI_ADMIN_H

#include "cli/link.h"

#include <jansson.h>

/**
 * One admin operation, "admin.stats".
 * @param channel    NULL = none.
 * @param arguments  An encoded map, or none.
 * @param ret_answer The payload of the answer, json_null() if it had none; json_decref it. May be NULL.
 * @return 0 or an error; strato_client_detail() has the broker's words.
 */
int admin_ask(const struct cli *cli, strato_client *client, const char *operation, const char *channel,
              struct strato_bytes arguments, json_t **ret_answer);

/** Numbers of a channel in an answer of admin.stats: an unsigned member, 0 if it is not there. */
uint64_t admin_u64(const json_t *object, const char *key);
/** A text member, "" if it is not there. */
const char *admin_text(const json_t *object, const char *key);
/** The array of channels in an answer of admin.stats or admin.channel.list. Borrowed. */
const json_t *admin_channels(const json_t *answer);
/** The one of this name, NULL if there is none. Borrowed. */
const json_t *admin_channel(const json_t *answer, const char *name);
/** The name nearest to one that does not exist, NULL if none is near. Borrowed from the answer. */
const char *admin_nearest(const json_t *answer, const char *name);
#endif
