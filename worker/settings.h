/*
 * settings.h - what strato-worker can be told, in one table.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_SETTINGS_H
#define STRATO_WORKER_SETTINGS_H

#include "core/option.h"

struct settings {
    char *broker;
    char *key, *server_key;
    char *name; /* NULL = made from host name and process id */
    struct strato_option_list devices;
    uint64_t pool_bytes;
    uint32_t session_idle_ms, hb_ms;
    bool is_unsafe;
    bool is_list, is_json;
    int log_level, log_format;
};

extern const struct strato_program worker_program;
#endif
