/*
 * channel.h - what the broker says about its channels: settings and numbers in one object each.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_CHANNEL_H
#define STRATO_CLI_CHANNEL_H

#include "cli/admin.h"

/**
 * All channels: a JSON array of objects, each with its settings (admin.channel.list) and numbers (admin.stats).
 * @return CLI_OK with *ret_channels to json_decref; else the exit code, told.
 */
int channels_fetch(const struct cli *cli, strato_client *client, json_t **ret_channels);

/** The one of this name. @return CLI_OK (borrowed); CLI_NOT_FOUND, told with the nearest name. */
int channel_find(const struct cli *cli, const json_t *channels, const char *name, const json_t **ret_channel);

/** Messages in it now: ready + leased + delayed. */
uint64_t channel_depth(const json_t *channel);
/** Sum of its drops, whatever the reason. */
uint64_t channel_dropped(const json_t *channel);
/** Value of a column by name, as text; numbers also as *ret_number. False if the channel has no such key. */
bool channel_column(const json_t *channel, const char *column, char *text, size_t bytes, double *ret_number);

/** Print one JSON tree on a line of its own. */
void channel_print_json(const json_t *value);
#endif
